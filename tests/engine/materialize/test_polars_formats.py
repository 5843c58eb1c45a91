"""Tables of polars in and out."""

import sqlite3
import sys

import polars as pl
import pytest
import sqlalchemy

from headwater.errors import MissingExtra
from headwater.materialize.polars_formats import (
    PolarsAvroReader,
    PolarsAvroWriter,
    PolarsCSVReader,
    PolarsCSVWriter,
    PolarsDatabaseReader,
    PolarsDatabaseWriter,
    PolarsFeatherReader,
    PolarsFeatherWriter,
    PolarsJSONReader,
    PolarsJSONWriter,
    PolarsNDJSONReader,
    PolarsNDJSONWriter,
    PolarsParquetReader,
    PolarsParquetWriter,
    PolarsSpreadsheetReader,
    PolarsSpreadsheetWriter,
)
from headwater.materialize.polars_loaders import (
    PolarsScanCSVReader,
    PolarsScanFeatherReader,
    PolarsScanParquetReader,
)

TABLE = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("saver", "loader"),
    [
        (PolarsCSVWriter, PolarsCSVReader),
        (PolarsParquetWriter, PolarsParquetReader),
        (PolarsFeatherWriter, PolarsFeatherReader),
        (PolarsAvroWriter, PolarsAvroReader),
        (PolarsJSONWriter, PolarsJSONReader),
        (PolarsNDJSONWriter, PolarsNDJSONReader),
        (PolarsCSVWriter, PolarsScanCSVReader),
        (PolarsParquetWriter, PolarsScanParquetReader),
        (PolarsFeatherWriter, PolarsScanFeatherReader),
    ],
)
def test_table_comes_back_as_it_went(tmp_path, saver, loader, lazy) -> None:
    path = str(tmp_path / "table")

    saved = saver(file=path).save_data(TABLE.lazy() if lazy else TABLE)
    table, known = loader(**{loader.place: path}).load_data(pl.DataFrame)

    assert isinstance(table, pl.LazyFrame) is ("Scan" in loader.__name__)
    assert table.lazy().collect().equals(TABLE)
    assert saved["dataframe_metadata"]["rows"] == 2
    assert known["dataframe_metadata"]["column_names"] == ["a", "b"]


def test_arguments_with_their_earlier_names_are_taken(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("# said\na,b\n1,x\n")

    table, _ = PolarsCSVReader(
        file=tmp_path / "a.csv",
        comment_char="#",
        dtypes={"a": pl.Float64},
        row_count_name="row",
        row_count_offset=5,
    ).load_data(pl.DataFrame)

    assert table.to_dicts() == [{"row": 5, "a": 1.0, "b": "x"}]


@pytest.mark.parametrize("columns", [["b"], [1]])
def test_lazy_table_has_the_columns_asked_for(tmp_path, columns, caplog) -> None:
    TABLE.write_parquet(tmp_path / "a.parquet")

    table, known = PolarsScanParquetReader(file=tmp_path / "a.parquet", columns=columns).load_data(
        pl.LazyFrame
    )

    assert table.collect().to_dict(as_series=False) == {"b": ["x", "y"]}
    assert known["dataframe_metadata"]["column_names"] == ["b"]
    assert caplog.text == ""


@pytest.mark.parametrize("saver", [PolarsParquetWriter, PolarsFeatherWriter])
def test_file_carries_what_is_known_of_it_and_of_its_columns(tmp_path, saver) -> None:
    import pyarrow.feather
    import pyarrow.parquet

    path = tmp_path / "table"
    saver(file=path, metadata={"commit": "abc"}, column_metadata={"a": {"node": "spend"}}).save_data(TABLE)
    read = pyarrow.parquet.read_table if saver is PolarsParquetWriter else pyarrow.feather.read_table
    schema = read(path).schema

    assert schema.metadata == {b"commit": b"abc"}
    assert schema.field("a").metadata[b"node"] == b"spend"
    loader = (
        PolarsParquetReader(file=path) if saver is PolarsParquetWriter else PolarsFeatherReader(source=path)
    )
    assert loader.load_data(pl.DataFrame)[0].equals(TABLE)


@pytest.mark.parametrize("kind", ["sqlite3", "engine", "address"])
def test_rows_come_from_a_database(tmp_path, kind) -> None:
    path = tmp_path / "shop.db"
    plain = sqlite3.connect(path)
    plain.execute("create table orders (a int)")
    plain.execute("insert into orders values (1), (2)")
    plain.commit()
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    given = {"sqlite3": plain, "engine": engine, "address": f"sqlite:///{path}"}[kind]

    table, known = PolarsDatabaseReader(query="select a from orders", connection=given).load_data(
        pl.DataFrame
    )

    assert table["a"].to_list() == [1, 2]
    assert set(known) == {"file_metadata", "dataframe_metadata", "sql_metadata"}
    plain.close()
    engine.dispose()


def test_rows_go_into_a_database(tmp_path) -> None:
    address = f"sqlite:///{tmp_path / 'shop.db'}"

    written = PolarsDatabaseWriter(table_name="orders", connection=address).save_data(TABLE.lazy())

    assert written["sql_metadata"]["table_name"] == "orders"
    table, _ = PolarsDatabaseReader(query="select b from orders", connection=address).load_data(pl.DataFrame)
    assert table["b"].to_list() == ["x", "y"]


def test_spreadsheet_is_read_with_the_engine_asked_for(tmp_path) -> None:
    TABLE.to_pandas().to_excel(tmp_path / "a.xlsx", index=False)

    table, _ = PolarsSpreadsheetReader(source=tmp_path / "a.xlsx", engine="openpyxl").load_data(pl.DataFrame)

    assert table.equals(TABLE)


def test_missing_package_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(MissingExtra, match=r"save_to\.spreadsheet needs xlsxwriter. .*headwater\[excel\]"):
        PolarsSpreadsheetWriter(workbook=tmp_path / "a.xlsx").save_data(TABLE)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtra, match=r"load_from\.csv needs polars. .*headwater\[polars\]"):
        PolarsCSVReader(file="a.csv").load_data(None)
