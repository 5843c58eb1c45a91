"""Tables of DuckDB databases, in and out."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater.errors import InvalidInput
from headwater.materialize.duckdb_tables import DuckDBReader, DuckDBWriter

TABLE = pa.table({"a": [1, 2, None], "b": ["x", None, "z"]})


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "shop.duckdb"


def test_every_library_gets_and_gives_a_table(database) -> None:
    for given in (TABLE, pl.from_arrow(TABLE), pl.from_arrow(TABLE).lazy(), TABLE.to_pandas()):
        told = DuckDBWriter(database, "t", if_exists="replace").save_data(given)
        assert told["sql_metadata"]["rows"] == 3
        assert told["file_metadata"]["path"] == str(database)

    for wanted in (pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table):
        found, known = DuckDBReader(database, "t").load_data(wanted)
        assert isinstance(found, wanted)
        assert known["dataframe_metadata"]["column_names"] == ["a", "b"]


def test_types_and_missing_values_come_back(database) -> None:
    DuckDBWriter(database, "t").save_data(TABLE)

    assert DuckDBReader(database, "t").load_data(pa.Table)[0].equals(TABLE)
    assert str(DuckDBReader(database, "t").load_data(pd.DataFrame)[0]["a"].dtype) == "Int64"


def test_query_has_parameters_and_may_run_on_an_open_connection(database) -> None:
    with duckdb.connect(str(database)) as connection:
        DuckDBWriter(connection, "t").save_data(TABLE)
        pending = connection.execute("select 1")
        found, known = DuckDBReader(
            connection, query="select b from t where a >= $least", parameters={"least": 2}
        ).load_data(pa.Table)

        assert pending.fetchall() == [(1,)]
    assert found.to_pydict() == {"b": [None]}
    assert known["sql_metadata"]["query"].startswith("select b")


def test_table_that_is_there_is_kept_replaced_or_added_to(database) -> None:
    DuckDBWriter(database, "t").save_data(TABLE)

    with pytest.raises(duckdb.CatalogException):
        DuckDBWriter(database, "t").save_data(TABLE)
    # By the names of the columns, whatever their order.
    DuckDBWriter(database, "t", if_exists="append").save_data(pa.table({"b": ["new"], "a": [9]}))
    assert DuckDBReader(database, "t").load_data(pa.Table)[0].to_pylist()[-1] == {"a": 9, "b": "new"}
    DuckDBWriter(database, "t", if_exists="replace").save_data(pa.table({"c": [1]}))
    assert DuckDBReader(database, "t").load_data(pa.Table)[0].column_names == ["c"]
    with pytest.raises(InvalidInput, match="'fail', 'replace', 'append'"):
        DuckDBWriter(database, "t", if_exists="overwrite")


def test_name_with_quotes_and_a_schema_is_one_name(database) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute('create schema "my shop"')

    DuckDBWriter(database, 'my shop.t"x').save_data(TABLE)

    assert DuckDBReader(database, 'my shop.t"x').load_data(pa.Table)[0].num_rows == 3


def test_comments_carry_what_is_said_of_table_and_columns(database) -> None:
    said = {"commit": "it's abc"}

    DuckDBWriter(database, "t", metadata=said, column_metadata={"b": {"node": "label"}}).save_data(TABLE)

    with duckdb.connect(str(database)) as connection:
        [(table,)] = connection.execute("select comment from duckdb_tables()").fetchall()
        columns = dict(
            connection.execute(
                "select column_name, comment from duckdb_columns() where comment is not null"
            ).fetchall()
        )
    assert json.loads(table) == said
    assert {name: json.loads(text) for name, text in columns.items()} == {"b": {"node": "label"}}


def test_failed_save_leaves_no_database_and_no_change(database, tmp_path) -> None:
    # The table is written, and then there is no such schema to write the second into.
    with pytest.raises(duckdb.CatalogException):
        DuckDBWriter(database, "missing.t").save_data(TABLE)
    assert list(tmp_path.iterdir()) == []

    DuckDBWriter(database, "t").save_data(TABLE)
    with pytest.raises(duckdb.Error):
        DuckDBWriter(database, "t", if_exists="append").save_data(pa.table({"a": ["no number"]}))
    assert DuckDBReader(database, "t").load_data(pa.Table)[0].equals(TABLE)


def test_tables_that_are_saved_at_once_are_all_in_a_new_database(database, tmp_path) -> None:
    names = [f"t{number}" for number in range(8)]

    with ThreadPoolExecutor(len(names)) as threads:
        list(threads.map(lambda name: DuckDBWriter(database, name).save_data(TABLE), names))

    with duckdb.connect(str(database)) as connection:
        assert sorted(connection.execute("show tables").fetchall()) == [(name,) for name in names]
    assert list(tmp_path.iterdir()) == [database]


def test_database_that_somebody_else_makes_meanwhile_stays(database, monkeypatch) -> None:
    def link(made: Path, path: Path) -> None:
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table theirs (a int)")
        real(made, path)

    real = os.link
    monkeypatch.setattr(os, "link", link)

    DuckDBWriter(database, "t").save_data(TABLE)

    with duckdb.connect(str(database)) as connection:
        assert sorted(connection.execute("show tables").fetchall()) == [("t",), ("theirs",)]


def test_what_is_to_be_read_is_said_once(database) -> None:
    for given in ({}, {"table": "t", "query": "select 1"}):
        with pytest.raises(InvalidInput, match="either table= or query="):
            DuckDBReader(database, **given)


def test_database_that_is_not_here_is_told(database) -> None:
    with pytest.raises(FileNotFoundError, match="There is no DuckDB database"):
        DuckDBReader(database, "t").load_data(pa.Table)
    with pytest.raises(InvalidInput, match="DuckDB opens databases that lie here"):
        DuckDBReader("s3://bucket/shop.duckdb", "t").load_data(pa.Table)
    assert not database.exists()
