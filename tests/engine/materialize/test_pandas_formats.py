"""Tables of pandas in and out."""

import gzip
import inspect
import io
import logging
import sqlite3
import sys
from types import ModuleType

import pandas as pd
import pytest
import sqlalchemy

from headwater.errors import HeadwaterError, MissingExtra
from headwater.materialize import pandas_formats
from headwater.materialize.adapters import arguments_of
from headwater.materialize.pandas_formats import (
    PandasCSVReader,
    PandasCSVWriter,
    PandasExcelReader,
    PandasExcelWriter,
    PandasFeatherReader,
    PandasFeatherWriter,
    PandasFWFReader,
    PandasHtmlReader,
    PandasHtmlWriter,
    PandasJsonReader,
    PandasJsonWriter,
    PandasORCReader,
    PandasORCWriter,
    PandasParquetReader,
    PandasParquetWriter,
    PandasPickleReader,
    PandasPickleWriter,
    PandasSPSSReader,
    PandasSqlReader,
    PandasSqlWriter,
    PandasStataReader,
    PandasStataWriter,
    PandasTableReader,
    PandasXmlReader,
    PandasXmlWriter,
)

TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize(
    ("saver", "loader", "suffix", "saved", "loaded"),
    [
        (PandasCSVWriter, PandasCSVReader, "csv", {}, {}),
        (PandasCSVWriter, PandasCSVReader, "csv.gz", {"sep": ";"}, {"sep": ";"}),
        (PandasParquetWriter, PandasParquetReader, "parquet", {}, {}),
        (PandasFeatherWriter, PandasFeatherReader, "feather", {"compression": "zstd"}, {}),
        (PandasORCWriter, PandasORCReader, "orc", {}, {}),
        (PandasPickleWriter, PandasPickleReader, "pickle", {}, {}),
        (PandasJsonWriter, PandasJsonReader, "json", {"orient": "records"}, {}),
        (
            PandasExcelWriter,
            PandasExcelReader,
            "xlsx",
            {"index": False, "sheet_name": "s"},
            {"sheet_name": "s"},
        ),
        (PandasXmlWriter, PandasXmlReader, "xml", {"index": False}, {}),
        (PandasStataWriter, PandasStataReader, "dta", {"write_index": False}, {}),
    ],
)
def test_table_comes_back_as_it_went(tmp_path, saver, loader, suffix, saved, loaded) -> None:
    path = str(tmp_path / f"table.{suffix}")

    described = saver(**{saver.place: path}, **saved).save_data(TABLE)
    table, known = loader(**{loader.place: path}, **loaded).load_data(pd.DataFrame)

    assert table.to_dict("list") == TABLE.to_dict("list")
    for metadata in (described, known):
        assert metadata["file_metadata"]["size"] == (tmp_path / f"table.{suffix}").stat().st_size
        assert metadata["dataframe_metadata"]["column_names"] == ["a", "b"]


def test_html_gives_the_list_of_its_tables(tmp_path) -> None:
    path = tmp_path / "page.html"

    PandasHtmlWriter(buf=path, index=False).save_data(TABLE)
    tables, known = PandasHtmlReader(io=path).load_data(pd.DataFrame)

    assert [table.to_dict("list") for table in tables] == [TABLE.to_dict("list")]
    assert known["dataframe_metadata"]["rows"] == 2


def test_text_files_are_read_as_pandas_reads_them(tmp_path) -> None:
    (tmp_path / "a.tsv").write_text("a\tb\n1\tx\n")
    (tmp_path / "a.fwf").write_text("a b\n1 x\n")

    for loader, file in ((PandasTableReader, "a.tsv"), (PandasFWFReader, "a.fwf")):
        table, _ = loader(filepath_or_buffer=tmp_path / file).load_data(pd.DataFrame)
        assert table.to_dict("list") == {"a": [1], "b": ["x"]}


def test_missing_values_leave_integers_integers(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,x\n,y\n")

    table, _ = PandasCSVReader(path=tmp_path / "a.csv").load_data(pd.DataFrame)

    assert str(table["a"].dtype) == "Int64"


def test_none_that_is_given_is_handed_on(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("1,x\n")

    table, _ = PandasCSVReader(path=tmp_path / "a.csv", header=None).load_data(pd.DataFrame)

    assert table.shape == (1, 2)


def test_argument_that_pandas_no_longer_takes_is_left_out_and_told(tmp_path, caplog) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")

    with caplog.at_level(logging.WARNING, "headwater.materialize"):
        PandasTableReader(filepath_or_buffer=tmp_path / "a.csv", infer_datetime_format=True).load_data(
            pd.DataFrame
        )

    takes = "infer_datetime_format" in inspect.signature(pd.read_table).parameters
    assert takes or "takes no argument 'infer_datetime_format'; it is left out" in caplog.text


def test_rows_are_added_to_a_file(tmp_path) -> None:
    path = tmp_path / "a.csv"

    PandasCSVWriter(path=path).save_data(TABLE)
    PandasCSVWriter(path=path, mode="a", header=False).save_data(TABLE)

    assert path.read_text() == "a,b\n1,x\n2,y\n1,x\n2,y\n"


def test_sheet_is_added_to_a_workbook(tmp_path) -> None:
    path = tmp_path / "a.xlsx"

    PandasExcelWriter(path=path, sheet_name="one").save_data(TABLE)
    PandasExcelWriter(path=path, sheet_name="two", mode="a").save_data(TABLE)

    assert list(pd.read_excel(path, sheet_name=None)) == ["one", "two"]


def test_partitioned_table_is_a_folder(tmp_path) -> None:
    path = tmp_path / "parts"

    PandasParquetWriter(path=str(path), partition_cols=["b"]).save_data(TABLE)
    PandasParquetWriter(path=str(path), partition_cols=["b"]).save_data(TABLE)

    assert sorted(part.name for part in path.iterdir()) == ["b=x", "b=y"]
    assert len(PandasParquetReader(path=str(path)).load_data(pd.DataFrame)[0]) == 4


def test_buffers_are_written_and_read() -> None:
    buffer = io.BytesIO()

    PandasParquetWriter(path=buffer).save_data(TABLE)
    buffer.seek(0)
    table, known = PandasParquetReader(path=buffer).load_data(pd.DataFrame)

    assert table.to_dict("list") == TABLE.to_dict("list")
    assert known["file_metadata"]["path"] is None


def test_failed_save_leaves_the_file_as_it_was(tmp_path) -> None:
    path = tmp_path / "a.csv.gz"
    PandasCSVWriter(path=path).save_data(TABLE)

    with pytest.raises(LookupError):
        PandasCSVWriter(path=path, encoding="no such encoding").save_data(TABLE)

    assert gzip.decompress(path.read_bytes()) == b"a,b\n1,x\n2,y\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv.gz"]


@pytest.mark.parametrize("kind", ["sqlite3", "sqlalchemy"])
def test_rows_go_into_a_database_and_come_back(tmp_path, kind) -> None:
    path = tmp_path / "shop.db"
    engine = None if kind == "sqlite3" else sqlalchemy.create_engine(f"sqlite:///{path}")
    connection = engine.connect() if engine else sqlite3.connect(path)

    written = PandasSqlWriter(table_name="orders", db_connection=connection, index=False).save_data(TABLE)
    reader = PandasSqlReader("select a from orders where b = :b", connection, params={"b": "y"})
    if engine:
        reader = PandasSqlReader(
            sqlalchemy.text("select a from orders where b = :b"), connection, params={"b": "y"}
        )
    table, known = reader.load_data(pd.DataFrame)

    assert (written["sql_metadata"]["table_name"], written["sql_metadata"]["rows"]) == ("orders", 2)
    assert table["a"].tolist() == [2]
    assert known["sql_metadata"]["query"].startswith("select a")
    connection.close()
    if engine:
        engine.dispose()


def test_pickle_has_one_place(tmp_path) -> None:
    TABLE.to_pickle(tmp_path / "a.pickle")

    for name in ("path", "filepath_or_buffer"):
        assert len(PandasPickleReader(**{name: tmp_path / "a.pickle"}).load_data(pd.DataFrame)[0]) == 2
    for wrong in ({}, {"path": "a", "filepath_or_buffer": "b"}):
        with pytest.raises(ValueError, match="give either path= or filepath_or_buffer="):
            PandasPickleReader(**wrong)


@pytest.mark.parametrize(
    ("saver", "loader"),
    [(PandasParquetWriter, PandasParquetReader), (PandasFeatherWriter, PandasFeatherReader)],
)
def test_file_carries_what_is_known_of_it_and_of_its_columns(tmp_path, saver, loader) -> None:
    path = tmp_path / "table"
    stamp = {"metadata": {"headwater.commit": "abc"}, "column_metadata": {"a": {"headwater.node": "spend"}}}

    saver(path=path, **stamp).save_data(TABLE)
    schema = _schema(path, saver)

    assert schema.metadata[b"headwater.commit"] == b"abc"
    assert schema.field("a").metadata[b"headwater.node"] == b"spend"
    assert not schema.field("b").metadata
    assert loader(path=path, dtype_backend="pyarrow").load_data(pd.DataFrame)[0].columns.tolist() == [
        "a",
        "b",
    ]
    assert (
        pd.read_parquet(path).equals(TABLE)
        if saver is PandasParquetWriter
        else pd.read_feather(path).equals(TABLE)
    )


def _schema(path, saver):
    import pyarrow.feather
    import pyarrow.parquet

    if saver is PandasParquetWriter:
        return pyarrow.parquet.read_schema(path)
    return pyarrow.feather.read_table(path).schema


def test_metadata_of_a_column_that_is_not_there_is_told(tmp_path) -> None:
    saver = PandasParquetWriter(path=tmp_path / "a", column_metadata={"aa": {"x": "y"}})

    with pytest.raises(
        HeadwaterError, match="metadata for a column 'aa', which the table lacks; it has 'a', 'b'"
    ):
        saver.save_data(TABLE)


@pytest.mark.parametrize(
    ("call", "package", "told"),
    [
        (
            lambda path: PandasParquetWriter(path=path, engine="pyarrow").save_data(TABLE),
            "pyarrow",
            r"save_to\.parquet needs pyarrow. .*headwater\[parquet\]",
        ),
        (
            lambda path: PandasXmlWriter(path_or_buffer=path).save_data(TABLE),
            "lxml",
            r"save_to\.xml needs lxml. .*headwater\[xml\]",
        ),
        (
            lambda path: PandasSPSSReader(path=path).load_data(pd.DataFrame),
            "pyreadstat",
            r"load_from\.spss needs pyreadstat. .*headwater\[spss\]",
        ),
    ],
)
def test_missing_package_is_told(tmp_path, monkeypatch, call, package, told) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(MissingExtra, match=told):
        call(tmp_path / "a")


def test_package_that_is_too_old_is_told_in_the_words_of_pandas(tmp_path, monkeypatch) -> None:
    old = ModuleType("zstandard")
    monkeypatch.setattr(old, "__version__", "0.1", raising=False)
    monkeypatch.setitem(sys.modules, "zstandard", old)

    with pytest.raises(ImportError, match=r"requires version .* of 'zstandard'") as caught:
        PandasCSVWriter(path=tmp_path / "a.csv.zst").save_data(TABLE)
    assert not isinstance(caught.value, MissingExtra)


@pytest.mark.parametrize("name", pandas_formats.__all__)
def test_arguments_are_those_of_pandas_or_are_named_otherwise_on_purpose(name) -> None:
    adapter = getattr(pandas_formats, name)
    owner = pd if hasattr(adapter, "package") else pd.DataFrame
    taken = inspect.signature(getattr(owner, adapter.function)).parameters
    gone = {
        "verbose",
        "keep_date_col",
        "delim_whitespace",
        "use_nullable_dtypes",
        "infer_datetime_format",
        "date_parser",
    }
    ours = {"metadata", "column_metadata", "extra_kwargs", "path", "filepath_or_buffer", "path_or_buffer"}
    # The engines behind Parquet and Feather and the writer of workbooks take arguments of their own.
    engine = {"filters", "compression", "compression_level", "chunksize", "version", "storage_options"}
    engine |= {"mode", "if_sheet_exists", "datetime_format", "date_format", "engine_kwargs"}

    engine |= {"dtype_backend"}  # hidden behind the keywords of read_fwf

    for argument in arguments_of(adapter):
        renamed = adapter.renamed.get(argument, argument)
        assert renamed in taken or argument in gone | ours | engine | {adapter.place}, argument
