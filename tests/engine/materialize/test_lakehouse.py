"""Delta and Iceberg tables, written and read by the real packages."""

import datetime as dt
import importlib.util
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Barrier

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater import Builder, from_, keep, to
from headwater.errors import InvalidInput
from headwater.materialize.delta import DeltaReader, DeltaWriter
from headwater.materialize.iceberg import IcebergReader, IcebergWriter
from support.missing import missing

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

TABLE = pa.table(
    {
        "n": pa.array([1, 2, None], pa.int64()),
        "day": pa.array([dt.date(2026, 1, 1), dt.date(2026, 1, 2), None]),
        "shop": ["a", None, "c"],
        "at": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, 6)] * 3, pa.timestamp("us")),
    }
)
MORE = TABLE.slice(0, 1)
LIBRARIES = [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table]


@pytest.fixture(autouse=True)
def _packages() -> None:
    for package in ("deltalake", "pyiceberg"):
        if importlib.util.find_spec(package) is None:
            missing(package, f"pip install {package}")


@pytest.fixture
def catalog(tmp_path: Path) -> dict[str, str]:
    """Give the properties of an Iceberg catalog that is a SQLite file."""
    return {
        "type": "sql",
        "uri": f"sqlite:///{tmp_path}/catalog.db",
        "warehouse": f"file://{tmp_path}/warehouse",
    }


def given(library: type) -> object:
    table = pl.from_arrow(TABLE)
    return {
        pd.DataFrame: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
        pl.DataFrame: table,
        pl.LazyFrame: table.lazy(),
    }.get(library, TABLE)


def rows(table: pa.Table) -> list[dict[str, object]]:
    return sorted(table.to_pylist(), key=repr)


def delta(path: Path, **options: object) -> list[dict[str, object]]:
    return rows(DeltaReader(path, **options).load_data(pa.Table)[0])


@pytest.mark.parametrize("library", LIBRARIES)
def test_delta_table_gives_back_what_it_was_given(library, tmp_path) -> None:
    told = DeltaWriter(str(tmp_path / "t")).save_data(given(library))
    found, known = DeltaReader(str(tmp_path / "t")).load_data(library)

    assert isinstance(found, library)
    assert delta(tmp_path / "t") == rows(TABLE)
    assert told["delta_metadata"] == known["delta_metadata"] == {"version": 0}
    assert told["dataframe_metadata"]["column_names"] == TABLE.column_names


def test_delta_table_is_read_as_it_was(tmp_path) -> None:
    DeltaWriter(tmp_path / "t").save_data(TABLE)
    told = DeltaWriter(tmp_path / "t", mode="append").save_data(MORE)

    assert told["delta_metadata"] == {"version": 1}
    assert len(delta(tmp_path / "t")) == 4
    assert delta(tmp_path / "t", version=0) == rows(TABLE)


def test_delta_partition_is_replaced_alone(tmp_path) -> None:
    DeltaWriter(tmp_path / "t", partition_by="day").save_data(TABLE)
    changed = MORE.set_column(0, "n", pa.array([9], pa.int64()))

    DeltaWriter(tmp_path / "t", mode="overwrite", predicate="day = '2026-01-01'").save_data(changed)

    assert delta(tmp_path / "t") == rows(pa.concat_tables([TABLE.slice(1), changed]))
    assert delta(tmp_path / "t", columns=["n"], filters=[("day", "=", dt.date(2026, 1, 1))]) == [{"n": 9}]


def test_commit_of_a_delta_table_carries_what_is_said_of_it(tmp_path) -> None:
    from deltalake import DeltaTable

    for commit in ("abc", "def"):
        DeltaWriter(
            tmp_path / "t",
            mode="append",
            table_name="orders",
            metadata={"headwater": commit},
            column_metadata={"n": {"node": "count"}},
        ).save_data(TABLE)

    table = DeltaTable(tmp_path / "t")
    assert [commit["headwater"] for commit in table.history()] == ["def", "abc"]
    assert next(field for field in table.schema().fields if field.name == "n").metadata == {"node": "count"}
    assert table.metadata().name == "orders"


@pytest.mark.parametrize("type_", [pa.uint32(), pa.float16(), pa.time64("us"), pa.duration("us")])
def test_column_that_delta_would_change_is_told(type_, tmp_path) -> None:
    with pytest.raises(InvalidInput, match=r"'odd' holds .*, which Delta tables cannot"):
        DeltaWriter(tmp_path / "t").save_data(pa.table({"odd": pa.array([1], type_)}))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_instants_of_a_time_zone_are_the_same_in_utc(kind, tmp_path, catalog) -> None:
    zoned = pa.array([dt.datetime(2026, 7, 1, tzinfo=dt.UTC)], pa.timestamp("ns", tz="Europe/Berlin"))
    saver = DeltaWriter(tmp_path / "t") if kind == "delta" else IcebergWriter("shop.t", catalog)
    saver.save_data(pa.table({"at": zoned}))

    found = delta(tmp_path / "t") if kind == "delta" else iceberg(catalog)
    assert [row["at"] for row in found] == [dt.datetime(2026, 7, 1, tzinfo=dt.UTC)]


@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_numbers_that_a_table_would_cut_are_told_and_columns_without_values_join_it(
    kind, mode, tmp_path, catalog
) -> None:
    def save(table: pa.Table, mode: str) -> None:
        is_delta = kind == "delta"
        saver = (
            DeltaWriter(tmp_path / "t", mode=mode)
            if is_delta
            else IcebergWriter("shop.t", catalog, mode=mode)
        )
        saver.save_data(table)

    save(pa.table({"n": [1], "text": ["a"]}), "error")
    save(
        pa.table({"n": [2.0], "text": [None]}) if kind == "delta" else pa.table({"n": [2], "text": [None]}),
        mode,
    )
    with pytest.raises(InvalidInput, match="column 'n' holds double, and int64 in the table that is there"):
        save(pa.table({"n": [2.5], "text": ["b"]}), mode)

    found = delta(tmp_path / "t") if kind == "delta" else iceberg(catalog)
    assert {"n": 2, "text": None} in found
    assert len(found) == (2 if mode == "append" else 1)


def test_columns_that_delta_takes_for_one_leave_nothing(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="columns 'a' and 'A' are one"):
        DeltaWriter(tmp_path / "t").save_data(pa.table({"a": [1], "A": [2]}))

    assert list(tmp_path.iterdir()) == []


def test_failed_delta_commit_leaves_the_table_as_it_was(tmp_path) -> None:
    DeltaWriter(tmp_path / "t").save_data(TABLE)

    with pytest.raises(Exception, match="n"):
        DeltaWriter(tmp_path / "t", mode="append").save_data(pa.table({"n": ["no number"]}))

    assert delta(tmp_path / "t") == rows(TABLE)


def iceberg(catalog: dict[str, str], **options: object) -> list[dict[str, object]]:
    return rows(IcebergReader("shop.t", catalog, **options).load_data(pa.Table)[0])


@pytest.mark.parametrize("library", LIBRARIES)
def test_iceberg_table_gives_back_what_it_was_given(library, catalog) -> None:
    told = IcebergWriter("shop.t", catalog).save_data(given(library))
    found, known = IcebergReader("shop.t", catalog).load_data(library)

    assert isinstance(found, library)
    assert iceberg(catalog) == rows(TABLE)
    assert told["iceberg_metadata"] == known["iceberg_metadata"]
    assert known["sql_metadata"]["table_name"] == "shop.t"


def test_iceberg_table_is_read_as_it_was(catalog) -> None:
    first = IcebergWriter("shop.t", catalog).save_data(TABLE)["iceberg_metadata"]
    IcebergWriter("shop.t", catalog, mode="append").save_data(MORE)

    assert len(iceberg(catalog)) == 4
    assert iceberg(catalog, **first) == rows(TABLE)
    assert iceberg(catalog, columns=["n"], row_filter="shop = 'c'") == [{"n": None}]


def test_iceberg_rows_are_replaced_alone(catalog) -> None:
    IcebergWriter("shop.t", catalog).save_data(TABLE)
    changed = MORE.set_column(0, "n", pa.array([9], pa.int64()))

    IcebergWriter("shop.t", catalog, mode="overwrite", overwrite_filter="day = '2026-01-01'").save_data(
        changed
    )

    assert iceberg(catalog) == rows(pa.concat_tables([TABLE.slice(1), changed]))


def test_iceberg_table_gets_other_columns_where_that_is_asked_for(catalog) -> None:
    first = IcebergWriter("shop.t", catalog).save_data(TABLE)["iceberg_metadata"]
    other = pa.table({"shop": [1.5], "n": ["x"], "new": [True]})

    with pytest.raises(ValueError, match="more columns: new"):
        IcebergWriter("shop.t", catalog, mode="overwrite").save_data(other)
    for table in (other, TABLE.select(["n"]), other.select(["n"]), other.select(["n"])):
        IcebergWriter("shop.t", catalog, mode="overwrite", schema_mode="overwrite").save_data(table)
        assert iceberg(catalog) == rows(table)

    assert iceberg(catalog, **first) == rows(TABLE)
    for wrong in ({"mode": "append"}, {"mode": "overwrite", "overwrite_filter": "n = 1"}):
        with pytest.raises(InvalidInput, match="schema_mode='overwrite' does not go"):
            IcebergWriter("shop.t", catalog, schema_mode="overwrite", **wrong)


def test_snapshot_of_an_iceberg_table_carries_what_is_said_of_it(catalog) -> None:
    from pyiceberg.catalog import load_catalog

    IcebergWriter("shop.t", catalog, metadata={"headwater": "abc"}).save_data(TABLE)

    snapshot = load_catalog("headwater", **catalog).load_table("shop.t").current_snapshot()
    assert snapshot is not None and snapshot.summary is not None
    assert snapshot.summary["headwater"] == "abc"


def test_iceberg_table_that_is_there_is_told(catalog) -> None:
    IcebergWriter("shop.t", catalog).save_data(TABLE)

    with pytest.raises(InvalidInput, match=r"there is a table 'shop\.t'\. Say what to do"):
        IcebergWriter("shop.t", catalog).save_data(TABLE)
    with pytest.raises(InvalidInput, match="mode='replace' is not known"):
        IcebergWriter("shop.t", catalog, mode="replace")


def test_table_that_cannot_be_written_is_not_made(catalog) -> None:
    from pyiceberg.catalog import load_catalog

    with pytest.raises(Exception, match=r"(?i)null|unknown"):
        IcebergWriter("shop.t", catalog).save_data(pa.table({"nothing": [None]}))

    assert not load_catalog("headwater", **catalog).table_exists("shop.t")


def _append(save: Callable[[pa.Table], object], gate: Barrier, row: int) -> None:
    gate.wait()
    save(pa.table({"n": [row]}))


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_rows_that_are_added_at_once_are_all_there_also_where_nobody_had_made_the_table(
    kind, tmp_path, catalog
) -> None:
    context = multiprocessing.get_context("spawn")
    saver = (
        DeltaWriter(str(tmp_path / "t"), mode="append")
        if kind == "delta"
        else IcebergWriter("shop.t", catalog, mode="append")
    )
    with context.Manager() as manager, ProcessPoolExecutor(3, mp_context=context) as processes:
        gate = manager.Barrier(3)
        for done in [processes.submit(_append, saver.save_data, gate, row) for row in range(3)]:
            done.result(timeout=120)

    found = delta(tmp_path / "t") if kind == "delta" else iceberg(catalog)
    assert found == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_catalogs_in_databases_may_be_made_by_several_at_once(tmp_path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(4, mp_context=context) as processes:
        gate = manager.Barrier(4)
        for number in range(8):
            uri = f"sqlite:///{tmp_path / str(number)}.db"
            properties = {"type": "sql", "uri": uri, "warehouse": str(tmp_path)}
            saver = IcebergWriter(f"shop.t{number}", properties, mode="append")
            saved = [processes.submit(_append, saver.save_data, gate, row) for row in range(4)]
            assert [str(done.exception(timeout=120)) for done in saved] == ["None"] * 4


def test_table_that_somebody_else_makes_meanwhile_is_added_to(tmp_path, catalog, monkeypatch) -> None:
    import deltalake
    from pyiceberg.catalog.sql import SqlCatalog

    DeltaWriter(tmp_path / "t").save_data(TABLE)
    IcebergWriter("shop.t", catalog).save_data(TABLE)
    answers = [iter([False]), iter([False])]  # what they said before it was there

    exists = SqlCatalog.table_exists
    monkeypatch.setattr(
        SqlCatalog, "table_exists", lambda self, name: next(answers[1], None) is None and exists(self, name)
    )
    IcebergWriter("shop.t", catalog, mode="append").save_data(MORE)
    assert len(iceberg(catalog)) == 4

    write = deltalake.write_deltalake

    def beaten(*arguments: object, **options: object) -> None:
        if next(answers[0], None) is not None:
            raise deltalake.exceptions.CommitFailedError("Metadata changed since last commit.")
        write(*arguments, **options)

    monkeypatch.setattr(deltalake.DeltaTable, "is_deltatable", lambda *given: False)
    monkeypatch.setattr(deltalake, "write_deltalake", beaten)
    DeltaWriter(tmp_path / "t", mode="append").save_data(MORE)
    assert len(delta(tmp_path / "t")) == 4


def test_driver_loads_and_saves_them(load, tmp_path, catalog) -> None:
    module = load("""
        import pandas as pd

        def doubled(orders: pd.DataFrame) -> pd.DataFrame:
            return orders.assign(n=orders["n"] * 2)[["n", "shop"]]
    """)
    DeltaWriter(tmp_path / "t").save_data(TABLE)
    driver = Builder().with_modules(module).build()

    said, _ = driver.materialize(
        from_.delta(target="orders", path=str(tmp_path / "t"), version=0),
        to.iceberg(id="saved", dependencies=["doubled"], table="shop.t", catalog=catalog),
    )

    assert said["saved"]["sql_metadata"]["rows"] == 3
    assert iceberg(catalog) == rows(pa.table({"n": [2, 4, None], "shop": TABLE["shop"]}))


def test_values_are_kept_in_them(load, tmp_path, catalog) -> None:
    module = load("""
        import pandas as pd

        def doubled(n: int) -> pd.DataFrame:
            return pd.DataFrame({"n": [n, 2 * n], "shop": ["a", "b"]} | ({"more": [1.5, 2.5]} if n == 2 else {}))
    """)
    driver = Builder().with_modules(module).build()

    for place in (
        keep.delta(nodes=["doubled"], path=str(tmp_path / "kept")),
        keep.iceberg(nodes=["doubled"], table="shop.t", catalog=catalog, record=tmp_path / "t.json"),
    ):
        for n, is_new in ((1, True), (1, False), (2, True), (2, False)):
            said, extra = driver.materialize(place, additional_vars=["doubled"], inputs={"n": n})
            assert extra["doubled"]["n"].tolist() == [n, 2 * n]
            assert said["kept.doubled"]["kept_metadata"]["is_new"] is is_new
