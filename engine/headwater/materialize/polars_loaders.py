"""Loaders of polars tables, eager and lazy, one for each format; their arguments are those of polars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO, IOBase
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TextIO

from headwater.materialize.builtin import UNSET
from headwater.materialize.files import is_remote, opened
from headwater.materialize.metadata import get_sql_metadata
from headwater.materialize.packing import is_packed
from headwater.materialize.tables import FileLoader, TableLoader
from headwater.materialize.transactions import in_one_transaction

__all__ = [
    "PolarsAvroReader",
    "PolarsCSVReader",
    "PolarsDatabaseReader",
    "PolarsExcelReader",
    "PolarsFeatherReader",
    "PolarsJSONReader",
    "PolarsNDJSONReader",
    "PolarsParquetReader",
    "PolarsScanCSVReader",
    "PolarsScanFeatherReader",
    "PolarsScanNDJSONReader",
    "PolarsScanParquetReader",
    "PolarsSpreadsheetReader",
]

Readable = str | TextIO | BytesIO | Path | BinaryIO | bytes
Source = str | Path | IOBase | bytes
Columns = list[int] | list[str] | None
Options = dict[str, Any] | None

# The arguments are those of polars 0.20, which Hamilton took; what polars calls them since.
_RENAMED = {
    "comment_char": "comment_prefix",
    "dtypes": "schema_overrides",
    "row_count_name": "row_index_name",
    "row_count_offset": "row_index_offset",
}


class _PolarsLoader(FileLoader):
    package: ClassVar[str] = "polars"
    types: ClassVar[tuple[str, ...]] = ("polars.DataFrame",)
    place: ClassVar[str] = "file"
    renamed: ClassVar[dict[str, str]] = _RENAMED


# The stores that polars reads itself; of any other it is given the file.
_OF_POLARS = frozenset(
    ("abfs", "abfss", "adl", "az", "azure", "file", "gcs", "gs", "hf", "http", "https", "s3", "s3a")
)


class _PolarsScanner(_PolarsLoader):
    """Reads nothing yet; of a remote store polars itself reads what the query comes to need."""

    types: ClassVar[tuple[str, ...]] = ("polars.LazyFrame",)
    besides: ClassVar[tuple[str, ...]] = ("columns",)
    columns: Any

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        if self._is_opened(place):
            # The file is closed before anything of it is read.
            with opened(place, "rb", options=self.storage_options, unpacks=self.unpacks) as file:
                place = file.read()
        elif is_remote(place):
            given["storage_options"] = self.storage_options
        table = function(place, **given)
        return table if self.columns is UNSET or self.columns is None else _selected(table, self.columns)

    def _is_opened(self, place: Any) -> bool:
        if is_remote(place) and place.partition(":")[0].lower() not in _OF_POLARS:
            return True
        return self.unpacks and is_packed(place)


def _selected(table: Any, columns: Sequence[int] | Sequence[str]) -> Any:
    names = table.collect_schema().names()
    return table.select([names[column] if isinstance(column, int) else column for column in columns])


@dataclass
class PolarsCSVReader(_PolarsLoader):
    """Loads a table from a text file with separators, with `polars.read_csv`."""

    key: ClassVar[str] = "csv"
    function: ClassVar[str] = "read_csv"
    unpacks: ClassVar[bool] = True
    file: Readable
    has_header: bool = UNSET
    include_header: bool = UNSET
    columns: Sequence[int] | Sequence[str] = UNSET
    new_columns: Sequence[str] = UNSET
    separator: str = UNSET
    comment_char: str = UNSET
    quote_char: str = UNSET
    skip_rows: int = UNSET
    dtypes: Mapping[str, Any] | Sequence[Any] = UNSET
    null_values: str | Sequence[str] | dict[str, str] = UNSET
    missing_utf8_is_empty_string: bool = UNSET
    ignore_errors: bool = UNSET
    try_parse_dates: bool = UNSET
    n_threads: int = UNSET
    infer_schema_length: int = UNSET
    batch_size: int = UNSET
    n_rows: int = UNSET
    encoding: str = UNSET
    low_memory: bool = UNSET
    rechunk: bool = UNSET
    use_pyarrow: bool = UNSET
    skip_rows_after_header: int = UNSET
    row_count_name: str = UNSET
    row_count_offset: int = UNSET
    sample_size: int = UNSET
    eol_char: str = UNSET
    raise_if_empty: bool = UNSET


@dataclass
class PolarsScanCSVReader(_PolarsScanner):
    """Opens a text file with separators as a lazy table, with `polars.scan_csv`."""

    key: ClassVar[str] = "csv"
    function: ClassVar[str] = "scan_csv"
    unpacks: ClassVar[bool] = True
    file: Readable
    has_header: bool = UNSET
    columns: Sequence[int] | Sequence[str] = UNSET
    new_columns: Sequence[str] = UNSET
    separator: str = UNSET
    comment_char: str = UNSET
    quote_char: str = UNSET
    skip_rows: int = UNSET
    dtypes: Mapping[str, Any] | Sequence[Any] = UNSET
    null_values: str | Sequence[str] | dict[str, str] = UNSET
    missing_utf8_is_empty_string: bool = UNSET
    ignore_errors: bool = UNSET
    try_parse_dates: bool = UNSET
    n_threads: int = UNSET
    infer_schema_length: int = UNSET
    batch_size: int = UNSET
    n_rows: int = UNSET
    encoding: str = UNSET
    low_memory: bool = UNSET
    rechunk: bool = UNSET
    use_pyarrow: bool = UNSET
    skip_rows_after_header: int = UNSET
    row_count_name: str = UNSET
    row_count_offset: int = UNSET
    eol_char: str = UNSET
    raise_if_empty: bool = UNSET


@dataclass
class PolarsParquetReader(_PolarsLoader):
    """Loads a table from a Parquet file, with `polars.read_parquet`."""

    key: ClassVar[str] = "parquet"
    function: ClassVar[str] = "read_parquet"
    file: Readable
    columns: Columns = UNSET
    n_rows: int = UNSET
    use_pyarrow: bool = UNSET
    memory_map: bool = UNSET
    parallel: Any = UNSET
    row_count_name: str = UNSET
    row_count_offset: int = UNSET
    low_memory: bool = UNSET
    pyarrow_options: Options = UNSET
    use_statistics: bool = UNSET
    rechunk: bool = UNSET


@dataclass
class PolarsScanParquetReader(_PolarsScanner):
    """Opens a Parquet file as a lazy table, with `polars.scan_parquet`."""

    key: ClassVar[str] = "parquet"
    function: ClassVar[str] = "scan_parquet"
    file: Readable
    columns: Columns = UNSET
    n_rows: int = UNSET
    use_pyarrow: bool = UNSET
    memory_map: bool = UNSET
    parallel: Any = UNSET
    row_count_name: str = UNSET
    row_count_offset: int = UNSET
    low_memory: bool = UNSET
    use_statistics: bool = UNSET
    rechunk: bool = UNSET


@dataclass
class PolarsFeatherReader(_PolarsLoader):
    """Loads a table from a Feather file, with `polars.read_ipc`."""

    key: ClassVar[str] = "feather"
    function: ClassVar[str] = "read_ipc"
    place: ClassVar[str] = "source"
    source: Readable
    columns: Columns = UNSET
    n_rows: int | None = UNSET
    use_pyarrow: bool = UNSET
    memory_map: bool = UNSET
    row_count_name: str | None = UNSET
    row_count_offset: int = UNSET
    rechunk: bool = UNSET


@dataclass
class PolarsScanFeatherReader(_PolarsScanner):
    """Opens a Feather file as a lazy table, with `polars.scan_ipc`."""

    key: ClassVar[str] = "feather"
    function: ClassVar[str] = "scan_ipc"
    place: ClassVar[str] = "source"
    source: Readable
    columns: Columns = UNSET
    n_rows: int | None = UNSET
    use_pyarrow: bool = UNSET
    memory_map: bool = UNSET
    row_count_name: str | None = UNSET
    row_count_offset: int = UNSET
    rechunk: bool = UNSET


@dataclass
class PolarsAvroReader(_PolarsLoader):
    """Loads a table from an Avro file, with `polars.read_avro`."""

    key: ClassVar[str] = "avro"
    function: ClassVar[str] = "read_avro"
    file: Readable
    columns: Columns = UNSET
    n_rows: int | None = UNSET


@dataclass
class PolarsJSONReader(_PolarsLoader):
    """Loads a table from a JSON file, with `polars.read_json`."""

    key: ClassVar[str] = "json"
    function: ClassVar[str] = "read_json"
    unpacks: ClassVar[bool] = True
    place: ClassVar[str] = "source"
    source: Source
    schema: Any = UNSET
    schema_overrides: Any = UNSET


@dataclass
class PolarsNDJSONReader(_PolarsLoader):
    """Loads a table from a file with a JSON object on each line, with `polars.read_ndjson`."""

    key: ClassVar[str] = "ndjson"
    function: ClassVar[str] = "read_ndjson"
    unpacks: ClassVar[bool] = True
    place: ClassVar[str] = "source"
    source: Source
    schema: Any = UNSET
    schema_overrides: Any = UNSET


@dataclass
class PolarsScanNDJSONReader(_PolarsScanner):
    """Opens a file with a JSON object on each line as a lazy table, with `polars.scan_ndjson`."""

    key: ClassVar[str] = "ndjson"
    function: ClassVar[str] = "scan_ndjson"
    unpacks: ClassVar[bool] = True
    place: ClassVar[str] = "source"
    source: Source
    columns: Columns = UNSET
    schema: Any = UNSET
    schema_overrides: Any = UNSET


@dataclass
class PolarsSpreadsheetReader(_PolarsLoader):
    """Loads a table from a sheet of a spreadsheet file, with `polars.read_excel`."""

    key: ClassVar[str] = "spreadsheet"
    function: ClassVar[str] = "read_excel"
    place: ClassVar[str] = "source"
    needs: ClassVar[str] = "xlsx2csv"
    source: Source
    sheet_id: int | Sequence[int] | None = UNSET
    sheet_name: str | list[str] | tuple[str] | None = UNSET
    engine: str = "xlsx2csv"
    engine_options: Options = UNSET
    read_options: Options = UNSET
    schema_overrides: Options = UNSET
    raise_if_empty: bool = UNSET


@dataclass
class PolarsExcelReader(PolarsSpreadsheetReader):
    """Loads a table as `spreadsheet` does, under the name that the format has for pandas."""

    key: ClassVar[str] = "excel"


@dataclass
class PolarsDatabaseReader(TableLoader):
    """Loads the rows of a query, with `polars.read_database`; a connection may be given by its address."""

    key: ClassVar[str] = "database"
    types: ClassVar[tuple[str, ...]] = ("polars.DataFrame",)
    package: ClassVar[str] = "polars"
    function: ClassVar[str] = "read_database"
    place: ClassVar[str] = "query"
    needs: ClassVar[str] = "sqlalchemy"
    query: str
    connection: Any = field(repr=False)  # which may hold passwords
    iter_batches: bool = UNSET
    batch_size: int | None = UNSET
    schema_overrides: Options = UNSET
    infer_schema_length: int | None = UNSET
    execute_options: Options = UNSET

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        connection = given.pop("connection")
        if not isinstance(connection, str):
            return function(place, connection, **given)
        with in_one_transaction(connection, "load_from.database", is_read=True) as connection:
            return function(place, connection, **given)

    def _described(self, place: Any, data: Any) -> dict[str, Any]:
        return {**super()._described(place, data), **get_sql_metadata(place, data)}
