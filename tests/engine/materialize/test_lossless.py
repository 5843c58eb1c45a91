"""What formats would change or lose without a word."""

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater.errors import InvalidInput
from headwater.materialize.lossless import with_lake_types
from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY, choose
from headwater.types import Type

TWICE = pa.table({"a": [1], "A": [2]})
LATE = pd.DataFrame({"late": [dt.timedelta(seconds=1), None]})


def save(format_: str, data: object, **options: object) -> object:
    saver = choose(SAVER_REGISTRY[format_], Type.of(type(data)))
    assert saver is not None
    return saver(**options).save_data(data)


def test_instants_of_lakehouses_count_microseconds_and_those_of_a_time_zone_are_in_utc() -> None:
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 6)
    table = pa.table(
        {
            "ns": pa.array([at, None], pa.timestamp("ns")),
            "zoned": pa.array([at, None], pa.timestamp("us", tz="Europe/Berlin")),
            "count": pa.array([2**63 - 1, None], pa.uint64()),
            "text": ["a", None],
        }
    )

    made = with_lake_types(table, "save_to.iceberg")
    kinds = [pa.timestamp("us"), pa.timestamp("us", tz="UTC"), pa.int64(), pa.string()]
    assert made.schema.types == kinds
    assert made["zoned"].cast(table.schema.field("zoned").type) == table["zoned"]
    assert made["ns"].to_pylist() == [at, None]


@pytest.mark.parametrize(("type_", "value"), [(pa.timestamp("ns"), 1), (pa.uint64(), 2**63)])
def test_value_that_a_lakehouse_would_cut_is_told_without_it(type_, value) -> None:
    with pytest.raises(InvalidInput, match=r"save_to\.delta: column 'odd' .* lose a part") as told:
        with_lake_types(pa.table({"odd": pa.array([value], type_)}), "save_to.delta")

    assert str(2**63) not in str(told.value)


@pytest.mark.parametrize(
    "table", [TWICE, pl.from_arrow(TWICE), TWICE.to_pandas()], ids=["arrow", "polars", "pandas"]
)
def test_columns_that_duckdb_would_give_other_names_are_told(table, tmp_path) -> None:
    pytest.importorskip("duckdb")

    with pytest.raises(InvalidInput, match=r"columns 'a' and 'A' are one by their names"):
        save("duckdb", table, database=tmp_path / "d.db", table="t")
    with pytest.raises(InvalidInput, match="a column has no name"):
        save("duckdb", pa.table({"": [1]}), database=tmp_path / "d.db", table="t")
    assert list(tmp_path.iterdir()) == []


def test_columns_for_which_excel_would_get_a_sheet_without_rows_are_told(tmp_path) -> None:
    with pytest.raises(InvalidInput, match=r"save_to\.excel: columns 'a' and 'A' are one"):
        save("excel", pl.from_arrow(TWICE), workbook=str(tmp_path / "t.xlsx"))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "table", [LATE, pl.from_pandas(LATE), pa.Table.from_pandas(LATE)], ids=["pandas", "polars", "arrow"]
)
def test_missing_durations_for_which_a_database_would_get_a_number_are_told(table, tmp_path) -> None:
    with pytest.raises(InvalidInput, match=r"save_to\.sql: column 'late' holds durations"):
        save("sql", table, table_name="t", db_connection=f"sqlite:///{tmp_path}/t.db")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", ["duckdb", "partitioned"])
def test_rows_that_join_others_are_neither_cut_nor_refused_for_having_no_value(format_, tmp_path) -> None:
    pytest.importorskip("duckdb")
    adding = (
        {"database": tmp_path / "d.db", "table": "t", "if_exists": "append"}
        if format_ == "duckdb"
        else {"path": tmp_path / "t", "by": "day", "mode": "append"}
    )
    save(format_, pa.table({"n": [1], "text": ["a"], "day": ["x"]}), **adding)
    save(format_, pa.table({"n": [2], "text": [None], "day": ["y"]}), **adding)

    with pytest.raises(InvalidInput, match="column 'n' holds double, and int64 in the table that is there"):
        save(format_, pa.table({"n": [2.5], "text": ["b"], "day": ["z"]}), **adding)
    loader = choose(LOADER_REGISTRY[format_], Type.of(pa.Table))
    assert loader is not None
    told = {name: adding[name] for name in ("database", "table", "path") if name in adding}
    table, _ = loader(**told).load_data(pa.Table)
    assert sorted(zip(table["n"].to_pylist(), table["text"].to_pylist(), strict=True)) == [
        (1, "a"),
        (2, None),
    ]
