"""Loaders and savers of Arrow tables, and of the formats that other libraries reach by way of Arrow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from headwater.errors import InvalidInput
from headwater.materialize.arrow_tables import ArrowLoader, ArrowSaver, without_dictionaries
from headwater.materialize.builtin import UNSET, options
from headwater.materialize.files import opened, replacing, write_bytes
from headwater.materialize.metadata import get_file_metadata, get_sql_metadata
from headwater.materialize.packages import needed, needing
from headwater.materialize.transactions import in_one_transaction

__all__ = [
    "ArrowCSVReader",
    "ArrowCSVWriter",
    "ArrowExcelReader",
    "ArrowExcelWriter",
    "ArrowFeatherReader",
    "ArrowFeatherWriter",
    "ArrowJSONReader",
    "ArrowJSONWriter",
    "ArrowNDJSONReader",
    "ArrowNDJSONWriter",
    "ArrowORCReader",
    "ArrowORCWriter",
    "ArrowParquetReader",
    "ArrowParquetWriter",
    "ArrowSqlReader",
    "ArrowSqlWriter",
]

Path_ = str | Path | BytesIO | BinaryIO
Options = Mapping[str, Any] | None
Texts = Mapping[str, str] | None
ColumnTexts = Mapping[str, Mapping[str, str]] | None

_ARROW = ("pyarrow.Table",)
_WITHOUT_THEIR_OWN = ("polars.DataFrame", "pyarrow.Table")
# What is no argument of the function that reads or writes.
_OURS = ("path", "storage_options", "metadata", "column_metadata")


class _FileLoader(ArrowLoader):
    """Loads a table from a file with a function of Arrow."""

    types: ClassVar[tuple[str, ...]] = _ARROW
    module: ClassVar[str]
    function: ClassVar[str]
    path: Path_
    storage_options: Options

    def _load(self) -> tuple[Any, dict[str, Any]]:
        read = getattr(needed(self.module, f"load_from.{self.key}"), self.function)
        with opened(self.path, "rb", options=self.storage_options) as file:
            table = self._read(read, file)
        return table, get_file_metadata(self.path)

    def _read(self, read: Any, file: Any) -> Any:
        return read(file, **options(self, read, *_OURS))


class _FileSaver(ArrowSaver):
    """Saves a table as a file, whole or not at all."""

    types: ClassVar[tuple[str, ...]] = _ARROW
    module: ClassVar[str] = "pyarrow"
    function: ClassVar[str]
    path: Path_
    storage_options: Options

    def _save(self, table: Any) -> dict[str, Any]:
        module = needed(self.module, f"save_to.{self.key}")
        with replacing(self.path, options=self.storage_options) as made:
            self._write(module, table, made)
        return get_file_metadata(self.path)

    def _write(self, module: Any, table: Any, made: Any) -> None:
        write = getattr(module, self.function)
        write(table, made, **options(self, write, *_OURS))


@dataclass
class ArrowCSVReader(_FileLoader):
    """Loads an Arrow table from a text file with separators, with `pyarrow.csv.read_csv`.

    Where `convert_options` says nothing else, a text that is empty without quotes is a missing one, as Arrow
    writes it.
    """

    key: ClassVar[str] = "csv"
    module: ClassVar[str] = "pyarrow.csv"
    function: ClassVar[str] = "read_csv"
    path: Path_
    read_options: Any = UNSET
    parse_options: Any = UNSET
    convert_options: Any = None
    storage_options: Options = None

    def _read(self, read: Any, file: Any) -> Any:
        ways = needed(self.module, "load_from.csv").ConvertOptions
        convert = self.convert_options or ways(strings_can_be_null=True, quoted_strings_can_be_null=False)
        given = options(self, read, *_OURS, "convert_options")
        return read(file, convert_options=convert, **given)


@dataclass
class ArrowCSVWriter(_FileSaver):
    """Saves an Arrow table as a text file with separators, with `pyarrow.csv.write_csv`."""

    key: ClassVar[str] = "csv"
    module: ClassVar[str] = "pyarrow.csv"
    function: ClassVar[str] = "write_csv"
    path: Path_
    write_options: Any = UNSET
    storage_options: Options = None


@dataclass
class ArrowParquetReader(_FileLoader):
    """Loads an Arrow table from a Parquet file, with `pyarrow.parquet.read_table`."""

    key: ClassVar[str] = "parquet"
    module: ClassVar[str] = "pyarrow.parquet"
    function: ClassVar[str] = "read_table"
    path: Path_
    columns: Sequence[str] | None = UNSET
    filters: Any = UNSET
    use_threads: bool = UNSET
    storage_options: Options = None

    def _load(self) -> tuple[Any, dict[str, Any]]:
        if not isinstance(self.path, (str, Path)) or not Path(self.path).is_dir():
            return super()._load()
        read = needed(self.module, "load_from.parquet").read_table  # the files of a folder as one table
        return read(str(self.path), **options(self, read, *_OURS)), get_file_metadata(self.path)


@dataclass
class ArrowParquetWriter(_FileSaver):
    """Saves an Arrow table as a Parquet file, with `pyarrow.parquet.write_table`.

    Args:
        metadata: Texts about the file, by key, kept in its schema.
        column_metadata: Texts about a column, by column and key, kept in the column's schema.
    """

    key: ClassVar[str] = "parquet"
    module: ClassVar[str] = "pyarrow.parquet"
    function: ClassVar[str] = "write_table"
    path: Path_
    compression: str | None = UNSET
    compression_level: int | None = UNSET
    row_group_size: int | None = UNSET
    use_dictionary: bool = UNSET
    storage_options: Options = None
    metadata: Texts = None
    column_metadata: ColumnTexts = None


@dataclass
class ArrowFeatherReader(_FileLoader):
    """Loads an Arrow table from a Feather file, with `pyarrow.feather.read_table`."""

    key: ClassVar[str] = "feather"
    module: ClassVar[str] = "pyarrow.feather"
    function: ClassVar[str] = "read_table"
    path: Path_
    columns: Sequence[str] | None = UNSET
    use_threads: bool = UNSET
    storage_options: Options = None


@dataclass
class ArrowFeatherWriter(_FileSaver):
    """Saves an Arrow table as a Feather file, with `pyarrow.feather.write_feather`.

    Args:
        metadata: Texts about the file, by key, kept in its schema.
        column_metadata: Texts about a column, by column and key, kept in the column's schema.
    """

    key: ClassVar[str] = "feather"
    module: ClassVar[str] = "pyarrow.feather"
    function: ClassVar[str] = "write_feather"
    path: Path_
    compression: str | None = UNSET
    compression_level: int | None = UNSET
    chunksize: int | None = UNSET
    storage_options: Options = None
    metadata: Texts = None
    column_metadata: ColumnTexts = None


@dataclass
class ArrowORCReader(_FileLoader):
    """Loads a table from an ORC file, with `pyarrow.orc.read_table`."""

    key: ClassVar[str] = "orc"
    types: ClassVar[tuple[str, ...]] = _WITHOUT_THEIR_OWN
    module: ClassVar[str] = "pyarrow.orc"
    function: ClassVar[str] = "read_table"
    path: Path_
    columns: Sequence[str] | None = UNSET
    storage_options: Options = None


@dataclass
class ArrowORCWriter(_FileSaver):
    """Saves a table as an ORC file, with `pyarrow.orc.write_table`; categories become texts."""

    key: ClassVar[str] = "orc"
    types: ClassVar[tuple[str, ...]] = (*_WITHOUT_THEIR_OWN, "polars.LazyFrame")
    module: ClassVar[str] = "pyarrow.orc"
    function: ClassVar[str] = "write_table"
    path: Path_
    compression: str = UNSET
    stripe_size: int = UNSET
    storage_options: Options = None

    def _write(self, module: Any, table: Any, made: Any) -> None:
        # In memory first: on a disk that is full Arrow's writer of ORC ends the whole process.
        buffer = BytesIO()
        super()._write(module, without_dictionaries(table), buffer)
        write_bytes(made, buffer.getbuffer())


@dataclass
class ArrowNDJSONReader(_FileLoader):
    """Loads an Arrow table from a file with a JSON object on each line, with `pyarrow.json.read_json`."""

    key: ClassVar[str] = "ndjson"
    module: ClassVar[str] = "pyarrow.json"
    function: ClassVar[str] = "read_json"
    path: Path_
    read_options: Any = UNSET
    parse_options: Any = UNSET
    storage_options: Options = None


@dataclass
class ArrowJSONReader(_FileLoader):
    """Loads an Arrow table from a JSON file that holds a list of objects.

    Args:
        schema: The types of the columns, a `pyarrow.Schema`; else they are what the values look like.
    """

    key: ClassVar[str] = "json"
    module: ClassVar[str] = "pyarrow"
    function: ClassVar[str] = "Table"
    path: Path_
    schema: Any = None
    storage_options: Options = None

    def _read(self, read: Any, file: Any) -> Any:
        return read.from_pylist(json.load(file), schema=self.schema)


class _JSONSaver(_FileSaver):
    """Writes objects with pandas, which knows how JSON writes times and what is missing."""

    lines: ClassVar[bool]

    def _write(self, module: Any, table: Any, made: Any) -> None:
        pandas = needed("pandas", f"save_to.{self.key} of an Arrow table")
        frame = table.to_pandas(types_mapper=pandas.ArrowDtype)
        frame.to_json(made, orient="records", lines=self.lines, date_format="iso", date_unit="us")


@dataclass
class ArrowJSONWriter(_JSONSaver):
    """Saves an Arrow table as a JSON file: a list of objects, times as texts of ISO 8601."""

    key: ClassVar[str] = "json"
    lines: ClassVar[bool] = False
    path: Path_
    storage_options: Options = None


@dataclass
class ArrowNDJSONWriter(_JSONSaver):
    """Saves an Arrow table as a file with a JSON object on each line, times as texts of ISO 8601."""

    key: ClassVar[str] = "ndjson"
    lines: ClassVar[bool] = True
    path: Path_
    storage_options: Options = None


@dataclass
class ArrowExcelReader(_FileLoader):
    """Loads an Arrow table from a sheet of an Excel file, by way of `pandas.read_excel`."""

    key: ClassVar[str] = "excel"
    module: ClassVar[str] = "pandas"
    function: ClassVar[str] = "read_excel"
    path: Path_
    sheet_name: str | int = UNSET
    header: int | None = UNSET
    usecols: Any = UNSET
    skiprows: Any = UNSET
    nrows: int | None = UNSET
    storage_options: Options = None

    def _read(self, read: Any, file: Any) -> Any:
        arrow = needed("pyarrow", "An Arrow table")
        with needing("openpyxl", "load_from.excel"):
            frame = read(file, dtype_backend="pyarrow", **options(self, read, *_OURS))
        return arrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


@dataclass
class ArrowExcelWriter(_FileSaver):
    """Saves an Arrow table as a sheet of an Excel file, by way of `DataFrame.to_excel`."""

    key: ClassVar[str] = "excel"
    path: Path_
    sheet_name: str = UNSET
    storage_options: Options = None

    def _write(self, module: Any, table: Any, made: Any) -> None:
        pandas = needed("pandas", "save_to.excel of an Arrow table")
        frame = table.to_pandas(types_mapper=pandas.ArrowDtype)
        with needing("openpyxl", "save_to.excel"):
            frame.to_excel(made, index=False, engine="openpyxl", **options(self, frame.to_excel, *_OURS))


@dataclass
class ArrowSqlReader(ArrowLoader):
    """Loads the rows of a query or a table of a database, by way of `pandas.read_sql`.

    Args:
        query_or_table: The query, or the name of a table.
        db_connection: The address of the database, or an engine or connection of SQLAlchemy.
        params: Values of the query's parameters.
        columns: The columns of a table that are wanted.
    """

    key: ClassVar[str] = "sql"
    types: ClassVar[tuple[str, ...]] = _WITHOUT_THEIR_OWN
    query_or_table: str
    db_connection: Any
    params: Any = UNSET
    columns: list[str] | None = UNSET

    def _load(self) -> tuple[Any, dict[str, Any]]:
        read = needed("pandas", "load_from.sql").read_sql
        arrow = needed("pyarrow", "An Arrow table")
        given = options(self, read, "query_or_table", "db_connection")
        with needing("sqlalchemy", "load_from.sql"):
            frame = read(self.query_or_table, self.db_connection, dtype_backend="pyarrow", **given)
        table = arrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        return table, get_sql_metadata(self.query_or_table, table)


@dataclass
class ArrowSqlWriter(ArrowSaver):
    """Saves a table as a table of a database, by way of `DataFrame.to_sql`, in one transaction.

    Args:
        table_name: The table.
        db_connection: The address of the database, or an engine or connection of SQLAlchemy.
        if_exists: What to do where there is such a table: "fail", "replace" or "append".
        schema: The schema that the table is in.
        chunksize: How many rows are sent at once.
        dtype: Types of SQLAlchemy, by column.
    """

    key: ClassVar[str] = "sql"
    types: ClassVar[tuple[str, ...]] = (*_WITHOUT_THEIR_OWN, "polars.LazyFrame")
    table_name: str
    db_connection: Any
    if_exists: str = UNSET
    schema: str | None = UNSET
    chunksize: int | None = UNSET
    dtype: Any = UNSET

    def _save(self, table: Any) -> dict[str, Any]:
        pandas = needed("pandas", "save_to.sql")
        _require_cells(table)
        frame = without_dictionaries(table).to_pandas(types_mapper=pandas.ArrowDtype)
        given = options(self, frame.to_sql, "table_name", "db_connection")
        with (
            needing("sqlalchemy", "save_to.sql"),
            in_one_transaction(self.db_connection, "save_to.sql") as connection,
        ):
            frame.to_sql(self.table_name, connection, index=False, **given)
        return get_sql_metadata(self.table_name, table.num_rows)


def _require_cells(table: Any) -> None:
    """Refuse lists and structures, which drivers would write as bytes that nobody reads again.

    Raises:
        InvalidInput: A column holds such.
    """
    types = needed("pyarrow", "save_to.sql").types
    for field in table.schema:
        if types.is_nested(field.type):
            raise InvalidInput(
                f"save_to.sql: column '{field.name}' holds {field.type}, which tables of databases cannot. "
                "Return a column for each part, or texts."
            )
