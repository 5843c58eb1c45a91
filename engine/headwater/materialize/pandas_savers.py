"""Savers of pandas tables, one for each format; their arguments are those of the pandas methods."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader, BytesIO, StringIO
from pathlib import Path
from typing import Any, ClassVar

from headwater.materialize.builtin import UNSET, BuiltInSaver, options
from headwater.materialize.files import by_way_of_memory
from headwater.materialize.lossless import missing_durations
from headwater.materialize.metadata import get_dataframe_metadata, get_sql_metadata
from headwater.materialize.packages import needed, needing
from headwater.materialize.stamps import stamp_workbook, stamped
from headwater.materialize.tables import StampedSaver, TableSaver
from headwater.materialize.transactions import in_one_transaction

__all__ = [
    "PandasCSVWriter",
    "PandasExcelWriter",
    "PandasFeatherWriter",
    "PandasHtmlWriter",
    "PandasJsonWriter",
    "PandasORCWriter",
    "PandasParquetWriter",
    "PandasPickleWriter",
    "PandasSqlWriter",
    "PandasStataWriter",
    "PandasXmlWriter",
]

Writable = str | Path | BytesIO | BufferedReader
Options = dict[str, Any] | None


_FRAME = ("pandas.DataFrame",)


class _PandasSaver(TableSaver):
    types: ClassVar[tuple[str, ...]] = _FRAME


@dataclass
class PandasCSVWriter(_PandasSaver):
    """Saves a table as a text file with separators, without its index, with `DataFrame.to_csv`."""

    key: ClassVar[str] = "csv"
    function: ClassVar[str] = "to_csv"
    path: Writable
    sep: str | None = UNSET
    na_rep: str = UNSET
    float_format: str | Callable[..., Any] | None = UNSET
    columns: Sequence[Any] | None = UNSET
    header: bool | list[str] | None = UNSET
    index: bool | None = False
    index_label: Any = UNSET
    mode: str = "w"
    encoding: str | None = UNSET
    compression: str | dict[str, Any] | None = UNSET
    quoting: int | None = UNSET
    quotechar: str | None = UNSET
    lineterminator: str | None = UNSET
    chunksize: int | None = UNSET
    date_format: str | None = UNSET
    doublequote: bool = UNSET
    escapechar: str | None = UNSET
    decimal: str = UNSET
    errors: str = UNSET


@dataclass
class PandasParquetWriter(StampedSaver):
    """Saves a table as a Parquet file, with `DataFrame.to_parquet`.

    Args:
        extra_kwargs: More arguments of the Parquet engine.
    """

    key: ClassVar[str] = "parquet"
    types: ClassVar[tuple[str, ...]] = _FRAME
    function: ClassVar[str] = "to_parquet"
    needs: ClassVar[str] = "pyarrow"
    path: Writable
    engine: str = UNSET
    compression: str | None = UNSET
    index: bool | None = UNSET
    partition_cols: list[str] | None = UNSET
    extra_kwargs: Options = None

    def _write(self, data: Any, made: Any) -> None:
        given = {**self._options(data.to_parquet, "extra_kwargs"), **(self.extra_kwargs or {})}
        if self._is_stamped():
            # pandas hands a schema on to Arrow, which then keeps the metadata that it carries.
            arrow = needed("pyarrow", "Metadata in a Parquet file")
            plain = arrow.Table.from_pandas(data.iloc[:0], preserve_index=given.get("index"))
            given["schema"] = stamped(plain, self.metadata, self.column_metadata).schema
        data.to_parquet(made, **given)


@dataclass
class PandasFeatherWriter(StampedSaver):
    """Saves a table as a Feather file, with `DataFrame.to_feather`."""

    key: ClassVar[str] = "feather"
    types: ClassVar[tuple[str, ...]] = _FRAME
    function: ClassVar[str] = "to_feather"
    needs: ClassVar[str] = "pyarrow"
    path: Writable
    compression: str | None = UNSET
    compression_level: int | None = UNSET
    chunksize: int | None = UNSET
    version: int | None = UNSET

    def _write(self, data: Any, made: Any) -> None:
        given = self._options(data.to_feather)
        if not self._is_stamped():
            data.to_feather(made, **given)
            return
        arrow = needed("pyarrow", "Metadata in a Feather file")
        feather = needed("pyarrow.feather", "Metadata in a Feather file")
        table = arrow.Table.from_pandas(data)
        feather.write_feather(stamped(table, self.metadata, self.column_metadata), made, **given)


@dataclass
class PandasORCWriter(_PandasSaver):
    """Saves a table as an ORC file, with `DataFrame.to_orc`."""

    key: ClassVar[str] = "orc"
    function: ClassVar[str] = "to_orc"
    needs: ClassVar[str] = "pyarrow"
    path: Writable
    engine: str = UNSET
    index: bool | None = UNSET
    engine_kwargs: Options = UNSET

    def _write(self, data: Any, made: Any) -> None:
        with by_way_of_memory(made) as buffer:
            super()._write(data, buffer)


@dataclass
class PandasPickleWriter(_PandasSaver):
    """Saves a table as a pickle, with `DataFrame.to_pickle`."""

    key: ClassVar[str] = "pickle"
    function: ClassVar[str] = "to_pickle"
    path: Writable
    compression: str | dict[str, Any] | None = UNSET
    protocol: int = UNSET


@dataclass
class PandasJsonWriter(_PandasSaver):
    """Saves a table as a JSON file, with `DataFrame.to_json`."""

    key: ClassVar[str] = "json"
    function: ClassVar[str] = "to_json"
    place: ClassVar[str] = "filepath_or_buffer"
    filepath_or_buffer: Writable
    compression: str = UNSET
    date_format: str = UNSET
    date_unit: str = UNSET
    default_handler: Callable[[Any], Any] | None = UNSET
    double_precision: int = UNSET
    force_ascii: bool = UNSET
    index: bool | None = UNSET
    indent: int = UNSET
    lines: bool = UNSET
    mode: str = "w"
    orient: str | None = UNSET


@dataclass
class PandasSqlWriter(BuiltInSaver):
    """Saves a table as a table of a database, with `DataFrame.to_sql`."""

    key: ClassVar[str] = "sql"
    types: ClassVar[tuple[str, ...]] = _FRAME
    function: ClassVar[str] = "to_sql"
    place: ClassVar[str] = "table_name"
    renamed: ClassVar[dict[str, str]] = {"db_connection": "con"}
    table_name: str
    db_connection: Any = field(repr=False)  # which may hold passwords
    chunksize: int | None = UNSET
    dtype: Any = UNSET
    if_exists: str = UNSET
    index: bool = UNSET
    index_label: Any = UNSET
    method: str | Callable[..., Any] | None = UNSET
    schema: str | None = UNSET

    def save_data(self, data: Any) -> dict[str, Any]:
        """Write the rows in one transaction, and return how many and into which table."""
        given = options(self, data.to_sql, "table_name", "db_connection")
        for place, kind in enumerate(data.dtypes):
            if getattr(kind, "kind", "") == "m" and data.iloc[:, place].hasnans:
                raise missing_durations(str(data.columns[place]))
        with (
            needing("sqlalchemy", "save_to.sql"),
            in_one_transaction(self.db_connection, "save_to.sql") as connection,
        ):
            written = data.to_sql(self.table_name, connection, **given)
        return {**get_sql_metadata(self.table_name, written), **get_dataframe_metadata(data)}


@dataclass
class PandasXmlWriter(_PandasSaver):
    """Saves a table as an XML file, with `DataFrame.to_xml`."""

    key: ClassVar[str] = "xml"
    function: ClassVar[str] = "to_xml"
    place: ClassVar[str] = "path_or_buffer"
    needs: ClassVar[str] = "lxml"
    renamed: ClassVar[dict[str, str]] = {"elems_cols": "elem_cols"}
    path_or_buffer: Writable
    index: bool = UNSET
    root_name: str = UNSET
    row_name: str = UNSET
    na_rep: str | None = UNSET
    attr_cols: list[str] | None = UNSET
    elems_cols: list[str] | None = UNSET
    namespaces: dict[str, str] | None = UNSET
    prefix: str | None = UNSET
    encoding: str = UNSET
    xml_declaration: bool = UNSET
    pretty_print: bool = UNSET
    parser: str = UNSET
    stylesheet: Writable | None = UNSET
    compression: str | dict[str, Any] | None = UNSET


@dataclass
class PandasHtmlWriter(_PandasSaver):
    """Saves a table as HTML, with `DataFrame.to_html`."""

    key: ClassVar[str] = "html"
    function: ClassVar[str] = "to_html"
    place: ClassVar[str] = "buf"
    buf: str | Path | StringIO
    columns: list[str] | None = UNSET
    col_space: str | int | list[Any] | dict[Any, Any] | None = UNSET
    header: bool | None = UNSET
    index: bool | None = UNSET
    na_rep: str | None = UNSET
    formatters: list[Any] | tuple[Any, ...] | dict[Any, Any] | None = UNSET
    float_format: str | None = UNSET
    sparsify: bool | None = UNSET
    index_names: bool | None = UNSET
    justify: str | None = UNSET
    max_rows: int | None = UNSET
    max_cols: int | None = UNSET
    show_dimensions: bool = UNSET
    decimal: str = UNSET
    bold_rows: bool = UNSET
    classes: str | list[str] | tuple[Any, ...] | None = UNSET
    escape: bool | None = UNSET
    notebook: bool = UNSET
    border: int | None = UNSET
    table_id: str | None = UNSET
    render_links: bool = UNSET
    encoding: str | None = "utf-8"


@dataclass
class PandasStataWriter(_PandasSaver):
    """Saves a table as a Stata file, with `DataFrame.to_stata`."""

    key: ClassVar[str] = "stata"
    function: ClassVar[str] = "to_stata"
    path: str | Path | BufferedReader
    convert_dates: dict[Hashable, str] | None = UNSET
    write_index: bool = UNSET
    byteorder: str | None = UNSET
    time_stamp: datetime | None = UNSET
    data_label: str | None = UNSET
    variable_labels: dict[Hashable, str] | None = UNSET
    version: int = UNSET
    convert_strl: str | None = UNSET
    compression: dict[str, Any] | str = UNSET
    value_labels: dict[Hashable, str] | None = UNSET


@dataclass
class PandasExcelWriter(_PandasSaver):
    """Saves a table as a sheet of an Excel file, with `pandas.ExcelWriter` and `DataFrame.to_excel`.

    Args:
        metadata: Texts about the file, by key, of at most 255 characters, kept as its custom properties.
    """

    key: ClassVar[str] = "excel"
    function: ClassVar[str] = "to_excel"
    needs: ClassVar[str] = "openpyxl"
    path: str | Path | BytesIO
    sheet_name: str = UNSET
    na_rep: str = UNSET
    float_format: str | None = UNSET
    columns: Sequence[Any] | None = UNSET
    header: Sequence[Any] | bool = UNSET
    index: bool = UNSET
    index_label: Any = UNSET
    startrow: int = UNSET
    startcol: int = UNSET
    engine: str | None = UNSET
    merge_cells: bool = UNSET
    inf_rep: str = UNSET
    freeze_panes: tuple[int, int] | None = UNSET
    engine_kwargs: Options = UNSET
    mode: str | None = "w"
    if_sheet_exists: str | None = UNSET
    datetime_format: str | None = UNSET
    date_format: str | None = UNSET
    metadata: Mapping[str, str] | None = None

    _OF_FILE: ClassVar[tuple[str, ...]] = (
        "date_format",
        "datetime_format",
        "engine",
        "engine_kwargs",
        "if_sheet_exists",
        "mode",
    )

    def _write(self, data: Any, made: Any) -> None:
        import pandas as pd

        ways = {name: getattr(self, name) for name in self._OF_FILE if getattr(self, name) is not UNSET}
        if self.mode == "a":
            ways.setdefault("engine", "openpyxl")  # the other engine, pandas' first choice, only writes anew
        with pd.ExcelWriter(made, **ways) as writer:
            data.to_excel(writer, **self._options(data.to_excel, *self._OF_FILE))
            stamp_workbook(writer.book, self.metadata or {})
