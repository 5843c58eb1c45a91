"""Every format and every library that it is for: one claim, made of all of them."""

import datetime as dt
import gc
import importlib.util
import random
import resource
import sqlite3
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from headwater.errors import HeadwaterError, InvalidInput, MissingExtra
from headwater.materialize.adapters import arguments_of
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


TEXTS = [pair for pair in BOTH if pair[0] in ("csv", "json", "ndjson")]
MAGIC = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ", "zip": b"PK"}


@pytest.mark.parametrize(("key", "library"), TEXTS)
@pytest.mark.parametrize("ending", MAGIC)
@pytest.mark.parametrize("where", ["here", "remote"])
def test_text_is_packed_as_its_name_says(key: str, library: str, ending: str, where: str, tmp_path) -> None:
    name = f"{library}.{key}.{ending}"
    place = f"{tmp_path if where == 'here' else 'memory://packed'}/{name}"

    save(key, library, made(library, PLAIN), place)

    with fsspec.open(place, "rb") as file:
        assert file.read().startswith(MAGIC[ending])
    for reader in [reader for format, reader in TEXTS if format == key]:
        assert rows(load(key, reader, place)) == PLAIN.to_pylist()


@pytest.mark.parametrize("ending", ["gz", "zip"])
def test_packed_file_that_cannot_be_written_leaves_what_was_there(ending: str, tmp_path) -> None:
    place = tmp_path / f"t.csv.{ending}"
    save("csv", "arrow", PLAIN, place)
    before = place.read_bytes()

    with pytest.raises(pa.ArrowInvalid):
        save("csv", "arrow", pa.table({"a": [1], "b": [[1]]}), place)

    assert place.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_archive_of_several_files_is_told(tmp_path) -> None:
    place = tmp_path / "t.csv.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, f"{name[0]}\n1\n")

    with pytest.raises(InvalidInput, match=r"t\.csv\.zip holds 2 files\. Say which one .*zip://NAME::PATH"):
        load("csv", "arrow", place)

    assert rows(load("csv", "arrow", f"zip://b.csv::{place}")) == [{"b": 1}]


@pytest.mark.parametrize(("key", "library"), combinations(LOADER_REGISTRY))
def test_file_within_an_archive_is_read_and_not_written(key: str, library: str, tmp_path) -> None:
    inner, place = f"t.{FILES[key]}", tmp_path / "all.zip"
    save(
        key,
        "pandas" if key != "ndjson" else "arrow",
        PLAIN.to_pandas() if key != "ndjson" else PLAIN,
        f"{tmp_path}/{inner}",
    )
    with zipfile.ZipFile(place, "w") as archive:
        archive.write(tmp_path / inner, inner)
    before = place.read_bytes()

    assert rows(load(key, library, f"zip://{inner}::{place}")) == PLAIN.to_pylist()
    with pytest.raises(InvalidInput, match=rf"zip://{inner} is within an archive, which can be read but not"):
        save(key, "arrow", PLAIN, f"zip://{inner}::{place}")
    assert place.read_bytes() == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of pandas, reading Parquet
@pytest.mark.parametrize("key", FILES)
def test_what_a_store_needs_can_be_said_for_every_format_and_library(key: str, tmp_path) -> None:
    for registry in (LOADER_REGISTRY, SAVER_REGISTRY):
        for library in LIBRARIES:
            if (found := adapter_or_none(registry, key, library)) is not None:
                assert "storage_options" in arguments_of(found)

    place, options = f"simplecache::memory://told/t.{FILES[key]}", {"cache_storage": str(tmp_path / "kept")}
    save(key, "arrow", PLAIN, place.partition("::")[2])

    for library in [library for library in LIBRARIES if adapter_or_none(LOADER_REGISTRY, key, library)]:
        assert rows(load(key, library, place, storage_options={"simplecache": options})) == PLAIN.to_pylist()
    assert list((tmp_path / "kept").iterdir())


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of a folder over HTTP, and yield the address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def test_file_of_a_web_server_is_read_or_what_is_missing_told(tmp_path) -> None:
    save("csv", "arrow", PLAIN, tmp_path / "t.csv.gz")

    with served(tmp_path) as address:
        assert rows(load("csv", "pandas", f"{address}/t.csv.gz")) == PLAIN.to_pylist()
        for library in ("polars", "arrow"):
            if importlib.util.find_spec("aiohttp"):
                assert rows(load("csv", library, f"{address}/t.csv.gz")) == PLAIN.to_pylist()
            else:
                with pytest.raises(MissingExtra, match="http:// needs aiohttp"):
                    load("csv", library, f"{address}/t.csv.gz")


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


@pytest.mark.parametrize("library", ["pandas", "polars", "lazy", "arrow"])
def test_workbook_carries_what_is_said_of_it(library: str, tmp_path) -> None:
    place = tmp_path / "table.xlsx"

    save("excel", library, made(library, PLAIN), str(place), metadata={"commit": "abc", "by": "é & <x>"})

    told = openpyxl.load_workbook(place).custom_doc_props
    assert {each.name: each.value for each in told.props} == {"commit": "abc", "by": "é & <x>"}
    with pytest.raises(HeadwaterError, match="'commit' about an Excel file has 300 characters"):
        save("excel", library, made(library, PLAIN), str(place), metadata={"commit": "a" * 300})
    assert load("excel", "arrow", place).equals(PLAIN)


def test_workbook_that_gets_a_sheet_says_what_was_said_last(tmp_path) -> None:
    place = str(tmp_path / "table.xlsx")

    for mode, commit in (("w", "abc"), ("a", "def")):
        save(
            "excel",
            "pandas",
            PLAIN.to_pandas(),
            place,
            mode=mode,
            sheet_name=mode,
            metadata={"commit": commit},
        )

    told = openpyxl.load_workbook(place).custom_doc_props
    assert [(each.name, each.value) for each in told.props] == [("commit", "def")]


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


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_postgresql_gives_back_its_rows_and_keeps_a_table_that_cannot_be_replaced(
    library: str, postgres_url
) -> None:
    # Of decimals pandas makes texts, unless it is told their types.
    given = TYPED.drop_columns(["raw", "exact"] if library == "pandas" else ["raw"])
    saver = adapter(SAVER_REGISTRY, "sql", library)
    loader = adapter(LOADER_REGISTRY, "sql", library)
    index = {"index": False} if library == "pandas" else {}

    saver(table_name="t", db_connection=postgres_url, **index).save_data(made(library, given))
    with pytest.raises(pd.errors.DatabaseError):
        saver(table_name="t", db_connection=postgres_url, if_exists="replace", **index).save_data(
            made(library, pa.table({"a": ["x\0y"]}))  # a text that PostgreSQL does not hold
        )

    found, _ = loader(query_or_table="select * from t", db_connection=postgres_url).load_data(
        LIBRARIES[library]
    )
    assert isinstance(found, LIBRARIES[library])
    assert rows(found) == given.to_pylist()


@pytest.mark.parametrize("lazy", [False, True])
def test_failed_save_under_the_older_name_leaves_the_table_as_it_was(lazy: bool, tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    saver = adapter(SAVER_REGISTRY, "database", "polars")
    saver(table_name="t", connection=url).save_data(pl.DataFrame({"kept": [1]}))
    refused = pl.DataFrame({"a": [1, 2**63]}, schema={"a": pl.UInt64})

    with pytest.raises((OverflowError, ValueError)):
        saver(table_name="t", connection=url, if_table_exists="replace").save_data(
            refused.lazy() if lazy else refused
        )

    assert pl.read_database("select * from t", sa.create_engine(url, poolclass=sa.NullPool)).to_dicts() == [
        {"kept": 1}
    ]


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


@pytest.mark.parametrize("library", ["polars", "arrow"])
def test_table_and_query_of_a_database_are_read_as_asked(library: str, tmp_path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    adapter(SAVER_REGISTRY, "sql", library)(table_name="t", db_connection=engine).save_data(
        made(library, TYPED)
    )
    read = adapter(LOADER_REGISTRY, "sql", library)

    def found(**options: Any) -> list[dict[str, Any]]:
        return rows(read(db_connection=engine, **options).load_data(LIBRARIES[library])[0])

    assert found(query_or_table="t", columns=["day", "flag"]) == TYPED.select(["day", "flag"]).to_pylist()
    assert found(query_or_table="select exact from t")[0] == {"exact": "1.10"}  # SQLite has no decimals
    assert found(query_or_table="select number from t where number >= :least", params={"least": 2}) == [
        {"number": 3}
    ]
    assert found(query_or_table="select number from t where number > 9") == []


def test_column_of_values_that_do_not_go_together_is_told(tmp_path) -> None:
    loader = adapter(LOADER_REGISTRY, "sql", "arrow")

    with pytest.raises(
        InvalidInput, match=r"column 'a' has values of types that do not go together\. Cast it"
    ):
        loader(query_or_table="select 1 as a union all select 'x'", db_connection="sqlite://").load_data(
            pa.Table
        )


def test_transaction_of_the_caller_decides(tmp_path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}", poolclass=sa.NullPool)
    saver = adapter(SAVER_REGISTRY, "sql", "arrow")

    with engine.connect() as connection:
        transaction = connection.begin()
        saver(table_name="t", db_connection=connection).save_data(PLAIN)
        transaction.rollback()

    assert sa.inspect(engine).get_table_names() == []


def test_session_of_the_caller_is_written_into_and_read(tmp_path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}", poolclass=sa.NullPool)

    with Session(engine) as session:
        adapter(SAVER_REGISTRY, "database", "polars")("t", session).save_data(made("polars", PLAIN))
        found, _ = adapter(LOADER_REGISTRY, "sql", "polars")("t", session).load_data(pl.DataFrame)
        session.rollback()

    assert rows(found) == PLAIN.to_pylist()
    assert sa.inspect(engine).get_table_names() == []


def test_connection_of_another_kind_is_told(tmp_path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "a.db")) as connection,
        pytest.raises(InvalidInput, match=r"db_connection is a Connection\. Give the address"),
    ):
        adapter(LOADER_REGISTRY, "sql", "arrow")("select 1", connection).load_data(pa.Table)


def test_driver_of_a_database_that_is_missing_is_told() -> None:
    for library in ("pandas", "polars", "arrow"):
        with pytest.raises(MissingExtra, match="needs oracledb"):
            adapter(LOADER_REGISTRY, "sql", library)("select 1", "oracle://h/x").load_data(LIBRARIES[library])


def test_arrow_that_is_missing_is_told_also_where_another_package_asks_for_it(monkeypatch, tmp_path) -> None:
    adapter(SAVER_REGISTRY, "duckdb", "polars")(tmp_path / "a.duckdb", "t").save_data(made("polars", PLAIN))
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(MissingExtra, match=r"load_from\.duckdb needs pyarrow\..*headwater\[parquet\]"):
        adapter(LOADER_REGISTRY, "duckdb", "polars")(tmp_path / "a.duckdb", "t").load_data(pl.DataFrame)


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
    for name in [name for name in sys.modules if name.startswith(f"{module}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra, match=rf"^(?!A path with).* needs .*headwater\[{extra}\]"):
        adapter(SAVER_REGISTRY, saver, "arrow")(**given).save_data(PLAIN)

    assert list(tmp_path.iterdir()) == []
