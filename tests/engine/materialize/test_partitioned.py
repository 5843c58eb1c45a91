"""Tables that are folders of files."""

import datetime as dt
import resource
from pathlib import Path

import fsspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import InvalidInput
from headwater.materialize import partitioned
from headwater.materialize.partitioned import PartitionedReader, PartitionedWriter

DAYS = [dt.date(2026, 1, 1), dt.date(2026, 1, 2), None]
TABLE = pa.table({"day": DAYS, "shop": ["a/b", "c=d", "é"], "n": pa.array([1, 2, 3], pa.int64())})


def rows(path: object, **options: object) -> list[dict[str, object]]:
    found, _ = PartitionedReader(path, **options).load_data(pa.Table)
    return sorted(found.to_pylist(), key=repr)


def in_order(table: pa.Table) -> list[dict[str, object]]:
    return sorted(table.to_pylist(), key=repr)


@pytest.fixture(params=["here", "remote"])
def place(request, tmp_path: Path) -> str:
    if request.param == "here":
        return str(tmp_path / "orders")
    store = fsspec.filesystem("memory")
    if store.exists("/partitioned"):
        store.rm("/partitioned", recursive=True)
    return "memory://partitioned/orders"


@pytest.mark.parametrize("format", ["parquet", "feather", "csv"])
def test_columns_come_back_with_their_order_and_types(place, format) -> None:
    told = PartitionedWriter(place, by=["day", "shop"], format=format).save_data(TABLE)
    found, known = PartitionedReader(place, format=format).load_data(pa.Table)

    assert found.schema.equals(TABLE.schema)
    assert in_order(found) == in_order(TABLE)
    assert told["partitions_metadata"] == known["partitions_metadata"] == {"files": 3}


@pytest.mark.parametrize("wanted", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table])
def test_every_library_gets_and_gives_one(place, wanted) -> None:
    table = pl.from_arrow(TABLE)
    given = {
        pd.DataFrame: TABLE.to_pandas(),
        pl.DataFrame: table,
        pl.LazyFrame: table.lazy(),
        pa.Table: TABLE,
    }

    PartitionedWriter(place, by="shop").save_data(given[wanted])
    found, _ = PartitionedReader(place).load_data(wanted)

    assert isinstance(found, wanted)
    assert rows(place) == in_order(TABLE)


def test_only_what_is_wanted_is_read(place) -> None:
    PartitionedWriter(place, by="day").save_data(TABLE)

    assert rows(place, columns=["n"], filters=[("day", "=", dt.date(2026, 1, 2))]) == [{"n": 2}]


def test_folders_of_others_are_read(tmp_path) -> None:
    pl.from_arrow(TABLE).select("shop", "n").write_parquet(tmp_path / "orders", partition_by="shop")

    assert rows(tmp_path / "orders") == in_order(TABLE.select(["n", "shop"]))


def test_folders_of_orc_files_are_read(tmp_path) -> None:
    for shop in ("a", "b"):
        (tmp_path / f"orders/shop={shop}").mkdir(parents=True)
        orc.write_table(pa.table({"n": [1]}), tmp_path / f"orders/shop={shop}/0.orc")

    assert rows(tmp_path / "orders", format="orc") == [{"n": 1, "shop": "a"}, {"n": 1, "shop": "b"}]


def test_folder_that_is_there_is_told_replaced_or_added_to(place) -> None:
    more = pa.table({"day": DAYS[:1], "shop": ["new"], "n": [9]})
    PartitionedWriter(place, by="day").save_data(TABLE)

    with pytest.raises(InvalidInput, match="Say what to do"):
        PartitionedWriter(place, by="day").save_data(more)
    PartitionedWriter(place, by="day", mode="append").save_data(more)
    assert rows(place) == in_order(pa.concat_tables([TABLE, more]))
    PartitionedWriter(place, by="day", mode="partitions").save_data(more)
    assert rows(place) == in_order(pa.concat_tables([TABLE.slice(1), more]))
    PartitionedWriter(place, by="day", mode="overwrite").save_data(more)
    assert rows(place) == more.to_pylist()


@pytest.mark.parametrize("mode", ["append", "partitions"])
@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        (lambda table: table.drop_columns("n"), {}, "it has no column 'n'"),
        (lambda table: table.append_column("x", [[1, 2, 3]]), {}, "it has a column 'x' besides"),
        (
            lambda table: table.set_column(2, "n", table["n"].cast(pa.string())),
            {},
            "its column 'n' holds string and not int64",
        ),
        (lambda table: table, {"by": "shop"}, "it is parted by shop and not by day"),
        (lambda table: table, {"format": "feather"}, "its files are to be feather and not parquet"),
    ],
)
def test_rows_that_do_not_go_with_those_that_are_there_are_told(place, mode, change, options, told) -> None:
    PartitionedWriter(place, by="day").save_data(TABLE)

    with pytest.raises(InvalidInput, match=f"the table is unlike .*: {told}\\. Make it alike"):
        PartitionedWriter(place, **{"by": "day", "mode": mode, **options}).save_data(change(TABLE))

    assert rows(place) == in_order(TABLE)


def test_order_of_columns_stays_that_of_the_first_rows(place) -> None:
    PartitionedWriter(place, by="day").save_data(TABLE)

    PartitionedWriter(place, by="day", mode="append").save_data(TABLE.select(["n", "shop", "day"]))

    found, _ = PartitionedReader(place).load_data(pa.Table)
    assert found.schema.equals(TABLE.schema)
    assert in_order(found) == in_order(pa.concat_tables([TABLE, TABLE]))


def test_folder_that_somebody_else_makes_meanwhile_stays(tmp_path, monkeypatch) -> None:
    write = partitioned._write

    def beaten(*given: object) -> None:
        write(*given)
        if not (tmp_path / "t").exists():
            monkeypatch.undo()
            PartitionedWriter(tmp_path / "t", by="day").save_data(TABLE.slice(1))

    monkeypatch.setattr(partitioned, "_write", beaten)
    with pytest.raises(InvalidInput, match="somebody else has made t meanwhile"):
        PartitionedWriter(tmp_path / "t", by="day").save_data(TABLE)

    assert rows(tmp_path / "t") == in_order(TABLE.slice(1))
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_link_to_a_folder_stays_one(tmp_path) -> None:
    PartitionedWriter(tmp_path / "t", by="day").save_data(TABLE)
    (tmp_path / "link").symlink_to(tmp_path / "t")

    PartitionedWriter(tmp_path / "link", by="day", mode="overwrite").save_data(TABLE.slice(1))

    assert (tmp_path / "link").is_symlink()
    assert rows(tmp_path / "t") == in_order(TABLE.slice(1))


def test_partition_computed_twice_is_there_once(place) -> None:
    for _ in range(2):
        PartitionedWriter(place, by="day", mode="partitions").save_data(TABLE)

    assert rows(place) == in_order(TABLE)


def test_table_without_rows_keeps_its_columns(place) -> None:
    PartitionedWriter(place, by="day").save_data(TABLE.slice(0, 0))

    assert PartitionedReader(place).load_data(pa.Table)[0].equals(TABLE.slice(0, 0))


def test_schema_carries_what_is_said_of_the_table(place) -> None:
    PartitionedWriter(
        place, by="day", metadata={"commit": "abc"}, column_metadata={"n": {"node": "count"}}
    ).save_data(TABLE)

    schema = PartitionedReader(place).load_data(pa.Table)[0].schema
    assert schema.metadata == {b"commit": b"abc"}
    assert schema.field("n").metadata == {b"node": b"count"}


def test_files_carry_what_is_said_of_the_table(tmp_path) -> None:
    PartitionedWriter(tmp_path / "t", by="day", metadata={"commit": "abc"}).save_data(TABLE)

    for file in (tmp_path / "t").rglob("*.parquet"):
        assert pq.read_schema(file).metadata[b"commit"] == b"abc"


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ([], "by= names no column"),
        ("dya", "no column 'dya' to be parted by. Did you mean 'day'"),
        ("share", "'share' holds double"),
        (["day", "shop", "n", "share"], "'share' holds double"),
        (["day", "shop", "n"], "names all columns"),
    ],
)
def test_columns_that_cannot_part_a_table_are_told(by, told, tmp_path) -> None:
    table = TABLE if "all" in told else TABLE.append_column("share", [[0.5, 0.5, 0.5]])

    with pytest.raises(InvalidInput, match=told):
        PartitionedWriter(tmp_path / "t", by=by).save_data(table)

    assert list(tmp_path.iterdir()) == []


def test_words_that_are_not_known_are_told(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="mode='replace' is not known"):
        PartitionedWriter(tmp_path / "t", by="day", mode="replace")
    with pytest.raises(InvalidInput, match="format='excel' is not known"):
        PartitionedReader(tmp_path / "t", format="excel")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        PartitionedReader(tmp_path / "t").load_data(pa.Table)


@pytest.mark.parametrize("mode", ["overwrite", "partitions", "append"])
def test_failed_save_leaves_the_folder_as_it_was(mode, tmp_path) -> None:
    PartitionedWriter(tmp_path / "t", by="day", format="csv").save_data(TABLE)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    many = pa.table({"day": [*DAYS[1:], *DAYS[:1] * 5_000], "shop": ["x"] * 5_002, "n": [*range(5_002)]})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, limits[1]))  # as on a disk that is full
    try:
        with pytest.raises(OSError, match="File too large"):
            PartitionedWriter(tmp_path / "t", by="day", mode=mode, format="csv").save_data(many)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)


@settings(max_examples=30)
@given(
    table=st.lists(st.tuples(TEXTS | st.none(), st.integers(-9, 9), st.booleans() | st.none()), max_size=8),
    format=st.sampled_from(["parquet", "feather"]),
)
def test_any_values_of_partitions_come_back(tmp_path_factory, table, format) -> None:
    texts, numbers, flags = zip(*table, strict=True) if table else ((), (), ())
    given = pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "number": pa.array(numbers, pa.int16()),
            "flag": pa.array(flags, pa.bool_()),
            "row": pa.array(range(len(table)), pa.int64()),
        }
    )
    place = tmp_path_factory.mktemp("any") / "t"

    PartitionedWriter(place, by=["text", "number", "flag"], format=format).save_data(given)

    found, _ = PartitionedReader(place, format=format).load_data(pa.Table)
    assert found.sort_by("row").equals(given)
