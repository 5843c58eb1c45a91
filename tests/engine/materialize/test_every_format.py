"""Every format and every library that it is for: one claim, made of all of them."""

import datetime as dt
import gc
import random
import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa

from headwater.errors import InvalidInput, MissingExtra
from headwater.materialize.arrow_tables import as_arrow, from_arrow
from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY, choose
from headwater.types import Type

LIBRARIES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy": pl.LazyFrame,
    "arrow": pa.Table,
}
FILES = {
    "csv": "csv",
    "json": "json",
    "ndjson": "ndjson",
    "parquet": "parquet",
    "feather": "feather",
    "orc": "orc",
    "excel": "xlsx",
}
"""The formats that are single files, and how those are called."""

PLAIN = pa.table({"a": [1, 2, 3], "b": ["x", 'y,"', None], "c": [1.5, None, -2.0]})
"""What every format keeps, texts or not."""

TYPED = pa.table(
    {
        "number": pa.array([1, None, 3], pa.int32()),
        "flag": pa.array([True, False, None]),
        "day": pa.array([dt.date(2026, 1, 2), None, dt.date(1969, 12, 31)]),
        "time": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, 6), None, dt.datetime(1960, 1, 1)]),
        "exact": pa.array([Decimal("1.10"), None, Decimal("-2.00")], pa.decimal128(10, 2)),
        "raw": pa.array([b"\\x00", None, b""]),
    }
)
"""What formats with types of their own keep."""


def made(library: str, table: pa.Table) -> Any:
    if library == "arrow":
        return table
    if library == "pandas":
        return table.to_pandas(types_mapper=pd.ArrowDtype)
    frame = pl.from_arrow(table)
    return frame.lazy() if library == "lazy" else frame


def rows(table: Any) -> list[dict[str, Any]]:
    found = as_arrow(
        table.convert_dtypes(dtype_backend="pyarrow") if isinstance(table, pd.DataFrame) else table
    )
    return found.to_pylist()


def adapter(registry: Any, key: str, library: str) -> Any:
    return choose(registry[key], Type.of(LIBRARIES[library]))


def place_of(class_: Any) -> str:
    return getattr(class_, "place", "path")


def save(key: str, library: str, table: Any, place: Any, **options: Any) -> dict[str, Any]:
    class_ = adapter(SAVER_REGISTRY, key, library)
    if library == "pandas" and key == "json":
        options["orient"] = "records"
    if library == "pandas" and key == "excel":
        options["index"] = False
    return class_(**{place_of(class_): place}, **options).save_data(table)


def load(key: str, library: str, place: Any, **options: Any) -> Any:
    class_ = adapter(LOADER_REGISTRY, key, library)
    return class_(**{place_of(class_): place}, **options).load_data(LIBRARIES[library])[0]


def combinations(registry: Any) -> list[Any]:
    return [
        (key, library) for key in FILES for library in LIBRARIES if adapter_or_none(registry, key, library)
    ]


def adapter_or_none(registry: Any, key: str, library: str) -> Any:
    return adapter(registry, key, library) if key in registry else None


BOTH = [pair for pair in combinations(LOADER_REGISTRY) if pair in combinations(SAVER_REGISTRY)]


def test_libraries_have_the_formats_that_the_manual_promises() -> None:
    promised = {(key, library) for key in FILES for library in ("pandas", "polars", "arrow")}

    assert promised - set(BOTH) == {("ndjson", "pandas")}  # which is `json` with lines=True there


@pytest.mark.parametrize(("key", "library"), BOTH)
@pytest.mark.parametrize("where", ["here", "remote"])
def test_file_gives_back_the_rows_that_it_was_given(key: str, library: str, where: str, tmp_path) -> None:
    place = f"{tmp_path if where == 'here' else 'memory://formats'}/{library}.{FILES[key]}"

    told = save(key, library, made(library, PLAIN), place)
    found = load(key, library, place)

    assert isinstance(found, LIBRARIES[library])
    assert rows(found) == PLAIN.to_pylist()
    assert told["dataframe_metadata"]["column_names"] == ["a", "b", "c"]
    assert told["dataframe_metadata"]["rows"] == 3


@pytest.mark.parametrize(
    ("key", "library"), [pair for pair in BOTH if pair[0] in ("parquet", "feather", "orc")]
)
def test_file_with_types_keeps_them(key: str, library: str, tmp_path) -> None:
    save(key, library, made(library, TYPED), tmp_path / "table")

    assert rows(load(key, library, tmp_path / "table")) == TYPED.to_pylist()


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Let every write beyond so many bytes of a file fail, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of what writes Excel files
@pytest.mark.parametrize(("key", "library"), combinations(SAVER_REGISTRY))
def test_disk_that_is_full_leaves_the_file_as_it_was(key: str, library: str, tmp_path) -> None:
    place = tmp_path / f"table.{FILES[key]}"
    save(key, library, made(library, PLAIN), str(place))
    before = place.read_bytes()
    numbers = random.Random(1)
    large = pa.table({"a": [numbers.random() for _ in range(5_000)]})

    with files_end_at(4_096), pytest.raises(Exception):  # noqa: B017 - each library has its own
        save(key, library, made(library, large), str(place))

    gc.collect()
    assert place.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


@pytest.mark.parametrize("library", ["pandas", "polars", "lazy", "arrow"])
@pytest.mark.parametrize("key", ["parquet", "feather"])
def test_file_carries_what_is_said_of_it_and_its_columns(key: str, library: str, tmp_path) -> None:
    said = {"metadata": {"commit": "abc"}, "column_metadata": {"b": {"node": "label"}}}

    save(key, library, made(library, PLAIN), tmp_path / "table", **said)

    schema = load(key, "arrow", tmp_path / "table").schema
    assert schema.metadata[b"commit"] == b"abc"
    assert schema.field("b").metadata[b"node"] == b"label"


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_table_of_a_database_gives_back_its_rows(library: str, tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    frame = PLAIN.to_pandas() if library == "pandas" else made(library, PLAIN)
    index = {"index": False} if library == "pandas" else {}

    told = adapter(SAVER_REGISTRY, "sql", library)(table_name="t", db_connection=url, **index).save_data(
        frame
    )
    loader = adapter(LOADER_REGISTRY, "sql", library)
    found, known = loader(query_or_table="select * from t", db_connection=url).load_data(LIBRARIES[library])

    assert isinstance(found, LIBRARIES[library])
    assert rows(found) == PLAIN.to_pylist()
    assert told["sql_metadata"]["table_name"] == "t"
    assert known["dataframe_metadata"]["rows"] == 3


@pytest.mark.parametrize("library", ["pandas", "polars", "lazy", "arrow"])
@pytest.mark.parametrize("kind", ["address", "engine", "connection"])
def test_failed_save_leaves_the_table_of_a_database_as_it_was(library: str, kind: str, tmp_path) -> None:
    path = tmp_path / "shop.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with closing(sqlite3.connect(path)) as plain, engine.connect() as connection:
        plain.execute("create table t (kept text)")
        database = {"address": str(engine.url), "engine": engine, "connection": connection}
        saver = adapter(SAVER_REGISTRY, "sql", library)
        refused = pa.table({"a": pa.array([1, 2**63], pa.uint64())})  # the second is too large for SQLite

        with pytest.raises((OverflowError, ValueError)):
            saver(table_name="t", db_connection=database[kind], if_exists="replace").save_data(
                refused.to_pandas() if library == "pandas" else made(library, refused)
            )

        assert [row[1] for row in plain.execute("pragma table_info(t)")] == ["kept"]


def test_column_that_no_database_holds_is_told(tmp_path) -> None:
    saver = adapter(SAVER_REGISTRY, "sql", "arrow")(
        table_name="t", db_connection=f"sqlite:///{tmp_path / 'a.db'}"
    )

    with pytest.raises(InvalidInput, match=r"'b' holds list<.*>, which tables of databases cannot"):
        saver.save_data(pa.table({"a": [1], "b": [[1, 2]]}))

    assert list(tmp_path.iterdir()) == []


def test_transaction_of_the_caller_decides(tmp_path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}", poolclass=sa.NullPool)
    saver = adapter(SAVER_REGISTRY, "sql", "arrow")

    with engine.connect() as connection:
        transaction = connection.begin()
        saver(table_name="t", db_connection=connection).save_data(PLAIN)
        transaction.rollback()

    assert sa.inspect(engine).get_table_names() == []


def test_index_becomes_columns_where_it_has_a_name() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 6]))

    assert as_arrow(frame).column_names == ["a"]
    assert as_arrow(frame.rename_axis("id")).to_pydict() == {"id": [5, 6], "a": [1, 2]}


def test_what_is_no_table_is_told() -> None:
    with pytest.raises(InvalidInput, match="A Series is no table"):
        as_arrow(pd.Series([1]))


@pytest.mark.parametrize(
    ("backend", "type_"), [("numpy_nullable", "Int32"), ("pyarrow", "int32[pyarrow]"), (None, "float64")]
)
def test_types_of_pandas_columns_are_those_asked_for(backend: str | None, type_: str) -> None:
    found = from_arrow(TYPED, pd.DataFrame, backend)

    assert str(found["number"].dtype) == type_


def test_backend_that_is_none_is_told() -> None:
    with pytest.raises(InvalidInput, match="'numpy_nullable', 'pyarrow' or None"):
        from_arrow(TYPED, pd.DataFrame, "numpy")


@pytest.mark.parametrize(
    ("module", "saver", "given", "extra"),
    [
        ("deltalake", "delta", {"path": "t"}, "delta"),
        ("pyiceberg.catalog", "iceberg", {"table": "shop.t", "catalog": {"type": "sql"}}, "iceberg"),
        ("duckdb", "duckdb", {"database": "t.duckdb", "table": "t"}, "duckdb"),
        ("fsspec", "partitioned", {"path": "t", "by": "a"}, "remote"),
    ],
)
def test_package_that_is_missing_is_told(module, saver, given, extra, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra, match=rf"headwater\[{extra}\]"):
        adapter(SAVER_REGISTRY, saver, "arrow")(**given).save_data(PLAIN)

    assert list(tmp_path.iterdir()) == []
