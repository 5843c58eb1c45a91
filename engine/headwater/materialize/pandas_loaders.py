"""Loaders of pandas tables, one for each format; their arguments are those of the pandas functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, ClassVar

from headwater.errors import InvalidInput
from headwater.materialize.arrow_tables import NULLABLE
from headwater.materialize.builtin import UNSET
from headwater.materialize.metadata import get_dataframe_metadata, get_file_metadata, get_sql_metadata
from headwater.materialize.tables import FileLoader, TableLoader

__all__ = [
    "PandasCSVReader",
    "PandasExcelReader",
    "PandasFWFReader",
    "PandasFeatherReader",
    "PandasHtmlReader",
    "PandasJsonReader",
    "PandasORCReader",
    "PandasParquetReader",
    "PandasPickleReader",
    "PandasSPSSReader",
    "PandasSqlReader",
    "PandasStataReader",
    "PandasTableReader",
    "PandasXmlReader",
]

Readable = str | Path | BytesIO | BufferedReader
Options = dict[str, Any] | None

_FRAME = ("pandas.DataFrame",)


class _PandasLoader(FileLoader):
    """Loads a file with a function of pandas, which opens what is remote or packed itself if it can."""

    package: ClassVar[str] = "pandas"
    types: ClassVar[tuple[str, ...]] = _FRAME

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        if "storage_options" in inspect.signature(function).parameters:
            return function(place, storage_options=self.storage_options, **given)
        # What it does not take is only used here.
        return super()._read(function, place, given) if self.storage_options else function(place, **given)


@dataclass
class PandasCSVReader(_PandasLoader):
    """Loads a table from a text file with separators, with `pandas.read_csv`."""

    key: ClassVar[str] = "csv"
    function: ClassVar[str] = "read_csv"
    path: Readable
    sep: str | None = UNSET
    delimiter: str | None = UNSET
    header: Sequence[Any] | int | str | None = UNSET
    names: Sequence[Any] | None = UNSET
    index_col: Hashable | Sequence[Any] | bool | None = UNSET
    usecols: list[Hashable] | Callable[..., Any] | tuple[Any, ...] | None = UNSET
    dtype: Any = UNSET
    engine: str | None = UNSET
    converters: Mapping[Any, Any] | None = UNSET
    true_values: list[Any] | None = UNSET
    false_values: list[Any] | None = UNSET
    skipinitialspace: bool | None = UNSET
    skiprows: list[int] | int | Callable[..., Any] | None = UNSET
    skipfooter: int = UNSET
    nrows: int | None = UNSET
    na_values: Hashable | Iterable[Any] | Mapping[Any, Any] | None = UNSET
    keep_default_na: bool = UNSET
    na_filter: bool = UNSET
    verbose: bool | None = UNSET
    skip_blank_lines: bool = UNSET
    parse_dates: bool | Sequence[Any] | None = UNSET
    keep_date_col: bool | None = UNSET
    date_format: str | None = UNSET
    dayfirst: bool = UNSET
    cache_dates: bool = UNSET
    iterator: bool = UNSET
    chunksize: int | None = UNSET
    compression: str | dict[str, Any] | None = UNSET
    thousands: str | None = UNSET
    decimal: str = UNSET
    lineterminator: str | None = UNSET
    quotechar: str | None = UNSET
    quoting: int = UNSET
    doublequote: bool = UNSET
    escapechar: str | None = UNSET
    comment: str | None = UNSET
    encoding: str = UNSET
    encoding_errors: str = UNSET
    dialect: Any = UNSET
    on_bad_lines: str | Callable[..., Any] = UNSET
    delim_whitespace: bool | None = UNSET
    low_memory: bool = UNSET
    memory_map: bool = UNSET
    float_precision: str | None = UNSET
    dtype_backend: str = NULLABLE


@dataclass
class PandasTableReader(_PandasLoader):
    """Loads a table from a text file with separators, by default tabs, with `pandas.read_table`."""

    key: ClassVar[str] = "table"
    function: ClassVar[str] = "read_table"
    place: ClassVar[str] = "filepath_or_buffer"
    filepath_or_buffer: Readable
    sep: str | None = UNSET
    delimiter: str | None = UNSET
    header: int | Sequence[Any] | str | None = UNSET
    names: Sequence[Any] | None = UNSET
    index_col: int | str | Sequence[Any] | None = UNSET
    usecols: Sequence[Any] | None = UNSET
    dtype: Any = UNSET
    engine: str | None = UNSET
    converters: dict[Hashable, Callable[..., Any]] | None = UNSET
    true_values: Iterable[Any] | None = UNSET
    false_values: Iterable[Any] | None = UNSET
    skipinitialspace: bool = UNSET
    skiprows: list[int] | int | Callable[..., Any] | None = UNSET
    skipfooter: int = UNSET
    nrows: int | None = UNSET
    na_values: Hashable | Iterable[Any] | dict[Hashable, Iterable[Any]] | None = UNSET
    keep_default_na: bool = UNSET
    na_filter: bool = UNSET
    verbose: bool | None = UNSET
    skip_blank_lines: bool = UNSET
    parse_dates: list[int | str] | dict[str, list[int | str]] | bool = UNSET
    infer_datetime_format: bool = UNSET
    keep_date_col: bool | None = UNSET
    date_parser: Callable[..., Any] | None = UNSET
    date_format: str | None = UNSET
    dayfirst: bool = UNSET
    cache_dates: bool = UNSET
    iterator: bool = UNSET
    chunksize: int | None = UNSET
    compression: str | dict[Any, Any] = UNSET
    thousands: str | None = UNSET
    decimal: str = UNSET
    lineterminator: str | None = UNSET
    quotechar: str | None = UNSET
    quoting: int = UNSET
    doublequote: bool = UNSET
    escapechar: str | None = UNSET
    comment: str | None = UNSET
    encoding: str | None = UNSET
    encoding_errors: str | None = UNSET
    dialect: str | None = UNSET
    on_bad_lines: str | Callable[..., Any] = UNSET
    delim_whitespace: bool | None = UNSET
    low_memory: bool = UNSET
    memory_map: bool = UNSET
    float_precision: str | None = UNSET
    dtype_backend: str = NULLABLE


@dataclass
class PandasFWFReader(_PandasLoader):
    """Loads a table from a text file with columns of fixed width, with `pandas.read_fwf`."""

    key: ClassVar[str] = "fwf"
    function: ClassVar[str] = "read_fwf"
    place: ClassVar[str] = "filepath_or_buffer"
    filepath_or_buffer: Readable
    colspecs: str | list[tuple[int, int]] | tuple[int, int] = UNSET
    widths: list[int] | None = UNSET
    infer_nrows: int = UNSET
    dtype_backend: str = NULLABLE


@dataclass
class PandasParquetReader(_PandasLoader):
    """Loads a table from a Parquet file, with `pandas.read_parquet`."""

    key: ClassVar[str] = "parquet"
    function: ClassVar[str] = "read_parquet"
    needs: ClassVar[str] = "pyarrow"
    path: Readable
    engine: str = UNSET
    columns: list[str] | None = UNSET
    use_nullable_dtypes: bool = UNSET
    dtype_backend: str = NULLABLE
    filesystem: Any = UNSET
    filters: list[tuple[Any, ...]] | list[list[tuple[Any, ...]]] | None = UNSET


@dataclass
class PandasFeatherReader(_PandasLoader):
    """Loads a table from a Feather file, with `pandas.read_feather`."""

    key: ClassVar[str] = "feather"
    function: ClassVar[str] = "read_feather"
    needs: ClassVar[str] = "pyarrow"
    path: Readable
    columns: Sequence[Any] | None = UNSET
    use_threads: bool = UNSET
    dtype_backend: str = NULLABLE


@dataclass
class PandasORCReader(_PandasLoader):
    """Loads a table from an ORC file, with `pandas.read_orc`."""

    key: ClassVar[str] = "orc"
    function: ClassVar[str] = "read_orc"
    needs: ClassVar[str] = "pyarrow"
    path: Readable
    columns: list[str] | None = UNSET
    dtype_backend: str = NULLABLE
    filesystem: Any = UNSET


@dataclass
class PandasPickleReader(_PandasLoader):
    """Loads a pickled table, with `pandas.read_pickle`; load only files that you trust.

    Raises:
        ValueError: Not exactly one of `path` and `filepath_or_buffer`, which mean the same, is given.
    """

    key: ClassVar[str] = "pickle"
    function: ClassVar[str] = "read_pickle"
    place: ClassVar[str] = "filepath_or_buffer"
    filepath_or_buffer: Readable | None = None
    path: Readable | None = UNSET
    compression: str | dict[str, Any] | None = UNSET

    def __post_init__(self) -> None:
        """Take the one that is given for both."""
        path = None if self.path is UNSET else self.path
        if (path is None) is (self.filepath_or_buffer is None):
            raise InvalidInput("load_from.pickle: give either path= or filepath_or_buffer=.")
        self.filepath_or_buffer = self.filepath_or_buffer or path
        self.path = UNSET


@dataclass
class PandasJsonReader(_PandasLoader):
    """Loads a table from a JSON file, with `pandas.read_json`."""

    key: ClassVar[str] = "json"
    function: ClassVar[str] = "read_json"
    place: ClassVar[str] = "filepath_or_buffer"
    filepath_or_buffer: Readable
    chunksize: int | None = UNSET
    compression: str | dict[str, Any] | None = UNSET
    convert_axes: bool | None = UNSET
    convert_dates: bool | list[str] = UNSET
    date_unit: str | None = UNSET
    dtype: Any = UNSET
    dtype_backend: str | None = UNSET
    encoding: str | None = UNSET
    encoding_errors: str | None = UNSET
    engine: str = UNSET
    keep_default_dates: bool = UNSET
    lines: bool = UNSET
    nrows: int | None = UNSET
    orient: str | None = UNSET
    precise_float: bool = UNSET
    typ: str = UNSET


@dataclass
class PandasSqlReader(TableLoader):
    """Loads the rows of a query or a table of a database, with `pandas.read_sql`."""

    key: ClassVar[str] = "sql"
    package: ClassVar[str] = "pandas"
    types: ClassVar[tuple[str, ...]] = _FRAME
    function: ClassVar[str] = "read_sql"
    place: ClassVar[str] = "query_or_table"
    needs: ClassVar[str] = "sqlalchemy"
    renamed: ClassVar[dict[str, str]] = {"db_connection": "con"}
    query_or_table: str
    db_connection: Any = field(repr=False)  # which may hold passwords
    chunksize: int | None = UNSET
    coerce_float: bool = UNSET
    columns: list[str] | None = UNSET
    dtype: Any = UNSET
    dtype_backend: str | None = UNSET
    index_col: str | list[str] | None = UNSET
    params: list[Any] | tuple[Any, ...] | dict[Any, Any] | None = UNSET
    parse_dates: list[Any] | dict[Any, Any] | None = UNSET

    def _described(self, place: Any, data: Any) -> dict[str, Any]:
        return {**get_sql_metadata(place, data), **get_dataframe_metadata(data)}


@dataclass
class PandasXmlReader(_PandasLoader):
    """Loads a table from an XML file, with `pandas.read_xml`."""

    key: ClassVar[str] = "xml"
    function: ClassVar[str] = "read_xml"
    place: ClassVar[str] = "path_or_buffer"
    needs: ClassVar[str] = "lxml"
    renamed: ClassVar[dict[str, str]] = {"namespace": "namespaces"}
    path_or_buffer: Readable
    xpath: str | None = UNSET
    namespace: dict[str, str] | None = UNSET
    elems_only: bool | None = UNSET
    attrs_only: bool | None = UNSET
    names: list[str] | None = UNSET
    dtype: dict[str, Any] | None = UNSET
    converters: dict[int | str, Any] | None = UNSET
    parse_dates: bool | list[Any] = UNSET
    encoding: str | None = UNSET
    parser: str = UNSET
    stylesheet: Readable = UNSET
    iterparse: dict[str, list[str]] | None = UNSET
    compression: str | dict[str, Any] | None = UNSET
    dtype_backend: str = NULLABLE


@dataclass
class PandasHtmlReader(_PandasLoader):
    """Loads the list of all tables of an HTML page, with `pandas.read_html`."""

    key: ClassVar[str] = "html"
    function: ClassVar[str] = "read_html"
    place: ClassVar[str] = "io"
    needs: ClassVar[str] = "lxml"
    io: Readable
    match: str | None = UNSET
    flavor: str | Sequence[Any] | None = UNSET
    header: int | Sequence[Any] | None = UNSET
    index_col: int | Sequence[Any] | None = UNSET
    skiprows: int | Sequence[Any] | slice | None = UNSET
    attrs: dict[str, str] | None = UNSET
    parse_dates: bool | None = UNSET
    thousands: str | None = UNSET
    encoding: str | None = UNSET
    decimal: str = UNSET
    converters: dict[Any, Any] | None = UNSET
    na_values: Iterable[Any] | None = UNSET
    keep_default_na: bool = UNSET
    displayed_only: bool = UNSET
    extract_links: str | None = UNSET
    dtype_backend: str = NULLABLE

    def _described(self, place: Any, data: Any) -> dict[str, Any]:
        return {**get_file_metadata(place), **get_dataframe_metadata(data[0])}


@dataclass
class PandasStataReader(_PandasLoader):
    """Loads a table from a Stata file, with `pandas.read_stata`."""

    key: ClassVar[str] = "stata"
    function: ClassVar[str] = "read_stata"
    place: ClassVar[str] = "filepath_or_buffer"
    filepath_or_buffer: Readable
    convert_dates: bool = UNSET
    convert_categoricals: bool = UNSET
    index_col: str | None = UNSET
    convert_missing: bool = UNSET
    preserve_dtypes: bool = UNSET
    columns: Sequence[Any] | None = UNSET
    order_categoricals: bool = UNSET
    chunksize: int | None = UNSET
    iterator: bool = UNSET
    compression: dict[str, Any] | str = UNSET


@dataclass
class PandasExcelReader(_PandasLoader):
    """Loads a table from a sheet of an Excel file, with `pandas.read_excel`."""

    key: ClassVar[str] = "excel"
    function: ClassVar[str] = "read_excel"
    needs: ClassVar[str] = "openpyxl"
    path: Readable
    sheet_name: str | int | list[int | str] | None = UNSET
    header: int | Sequence[Any] | None = UNSET
    names: Sequence[Any] | None = UNSET
    index_col: int | str | Sequence[Any] | None = UNSET
    usecols: int | str | Sequence[Any] | Callable[[str], bool] | None = UNSET
    dtype: Any = UNSET
    engine: str | None = UNSET
    converters: dict[str, Callable[..., Any]] | dict[int, Callable[..., Any]] | None = UNSET
    true_values: Iterable[Any] | None = UNSET
    false_values: Iterable[Any] | None = UNSET
    skiprows: Sequence[Any] | int | Callable[[int], object] | None = UNSET
    nrows: int | None = UNSET
    na_values: Any = UNSET
    keep_default_na: bool = UNSET
    na_filter: bool = UNSET
    verbose: bool | None = UNSET
    parse_dates: list[int | str] | dict[str, list[int | str]] | bool = UNSET
    date_format: dict[Hashable, str] | str | None = UNSET
    thousands: str | None = UNSET
    decimal: str = UNSET
    comment: str | None = UNSET
    skipfooter: int = UNSET
    dtype_backend: str = NULLABLE
    engine_kwargs: Options = UNSET


@dataclass
class PandasSPSSReader(_PandasLoader):
    """Loads a table from an SPSS file, with `pandas.read_spss`."""

    key: ClassVar[str] = "spss"
    function: ClassVar[str] = "read_spss"
    needs: ClassVar[str] = "pyreadstat"
    path: str | Path
    usecols: list[Hashable] | Callable[[str], bool] | None = UNSET
    convert_categoricals: bool = UNSET
    dtype_backend: str = NULLABLE
