"""Savers of polars tables, one for each format; a lazy table is computed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from io import BytesIO, IOBase, TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from headwater.materialize.builtin import UNSET, BuiltInSaver, options
from headwater.materialize.lossless import require_names
from headwater.materialize.metadata import get_file_and_dataframe_metadata, get_sql_metadata
from headwater.materialize.packages import needed, needing
from headwater.materialize.stamps import stamp_workbook, stamped
from headwater.materialize.tables import StampedSaver, TableSaver
from headwater.materialize.transactions import in_one_transaction

__all__ = [
    "PolarsAvroWriter",
    "PolarsCSVWriter",
    "PolarsDatabaseWriter",
    "PolarsExcelWriter",
    "PolarsFeatherWriter",
    "PolarsJSONWriter",
    "PolarsNDJSONWriter",
    "PolarsParquetWriter",
    "PolarsSpreadsheetWriter",
]

Writable = BytesIO | TextIOWrapper | str | Path
Options = dict[str, Any] | None


_FRAMES = ("polars.DataFrame", "polars.LazyFrame")


class _PolarsSaver(TableSaver):
    types: ClassVar[tuple[str, ...]] = _FRAMES
    place: ClassVar[str] = "file"

    def _collected(self, data: Any) -> Any:
        return _collected(data)


def _collected(data: Any) -> Any:
    return data.collect() if hasattr(data, "collect") else data


class _PolarsStampedSaver(_PolarsSaver, StampedSaver):
    """Saves a table with polars, or with Arrow where there are texts to be kept."""


@dataclass
class PolarsCSVWriter(_PolarsSaver):
    """Saves a table as a text file with separators, with `DataFrame.write_csv`."""

    key: ClassVar[str] = "csv"
    function: ClassVar[str] = "write_csv"
    packs: ClassVar[bool] = True
    file: Writable
    include_header: bool = UNSET
    separator: str = UNSET
    line_terminator: str = UNSET
    quote_char: str = UNSET
    batch_size: int = UNSET
    datetime_format: str = UNSET
    date_format: str = UNSET
    time_format: str = UNSET
    float_precision: int = UNSET
    null_value: str = UNSET
    quote_style: Any = UNSET


@dataclass
class PolarsParquetWriter(_PolarsStampedSaver):
    """Saves a table as a Parquet file, with `DataFrame.write_parquet`."""

    key: ClassVar[str] = "parquet"
    function: ClassVar[str] = "write_parquet"
    file: Writable
    compression: Any = UNSET
    compression_level: int | None = UNSET
    statistics: bool = UNSET
    row_group_size: int | None = UNSET
    use_pyarrow: bool = UNSET
    pyarrow_options: Options = UNSET

    def _write(self, data: Any, made: Any) -> None:
        given = self._options(data.write_parquet)
        if not self._is_stamped():
            data.write_parquet(made, **given)
            return
        parquet = needed("pyarrow.parquet", "Metadata in a Parquet file")
        table = stamped(data.to_arrow(), self.metadata, self.column_metadata)
        shared = ("compression", "compression_level", "row_group_size")
        arrow = {"compression": "zstd"} | {name: given[name] for name in shared if name in given}
        parquet.write_table(table, made, **arrow, **(given.get("pyarrow_options") or {}))


@dataclass
class PolarsFeatherWriter(_PolarsStampedSaver):
    """Saves a table as a Feather file, with `DataFrame.write_ipc`."""

    key: ClassVar[str] = "feather"
    function: ClassVar[str] = "write_ipc"
    file: BinaryIO | BytesIO | str | Path
    compression: Any = UNSET

    def _write(self, data: Any, made: Any) -> None:
        given = self._options(data.write_ipc)
        if not self._is_stamped():
            data.write_ipc(made, **given)
            return
        feather = needed("pyarrow.feather", "Metadata in a Feather file")
        table = stamped(data.to_arrow(), self.metadata, self.column_metadata)
        feather.write_feather(table, made, **{"compression": "uncompressed", **given})


@dataclass
class PolarsAvroWriter(_PolarsSaver):
    """Saves a table as an Avro file, with `DataFrame.write_avro`."""

    key: ClassVar[str] = "avro"
    function: ClassVar[str] = "write_avro"
    file: Writable
    compression: Any = UNSET


@dataclass
class PolarsJSONWriter(_PolarsSaver):
    """Saves a table as a JSON file, with `DataFrame.write_json`."""

    key: ClassVar[str] = "json"
    function: ClassVar[str] = "write_json"
    packs: ClassVar[bool] = True
    file: IOBase | str | Path


@dataclass
class PolarsNDJSONWriter(_PolarsSaver):
    """Saves a table as a file with a JSON object on each line, with `DataFrame.write_ndjson`."""

    key: ClassVar[str] = "ndjson"
    function: ClassVar[str] = "write_ndjson"
    packs: ClassVar[bool] = True
    file: IOBase | str | Path


@dataclass
class PolarsSpreadsheetWriter(_PolarsSaver):
    """Saves a table as a sheet of an Excel file, with `DataFrame.write_excel`.

    Args:
        metadata: Texts about the file, by key, of at most 255 characters, kept as its custom properties.
    """

    key: ClassVar[str] = "spreadsheet"
    function: ClassVar[str] = "write_excel"
    place: ClassVar[str] = "workbook"
    needs: ClassVar[str] = "xlsxwriter"
    workbook: Any
    worksheet: str | None = UNSET
    position: tuple[int, int] | str = UNSET
    table_style: str | dict[str, Any] | None = UNSET
    table_name: str | None = UNSET
    column_formats: Mapping[Any, Any] | None = UNSET
    dtype_formats: dict[Any, str] | None = UNSET
    conditional_formats: Mapping[Any, Any] | None = UNSET
    header_format: dict[str, Any] | None = UNSET
    column_totals: Any = UNSET
    column_widths: Mapping[str, Any] | int | None = UNSET
    row_totals: Any = UNSET
    row_heights: dict[Any, int] | int | None = UNSET
    sparklines: dict[str, Any] | None = UNSET
    formulas: dict[str, Any] | None = UNSET
    float_precision: int = UNSET
    include_header: bool = UNSET
    autofilter: bool = UNSET
    autofit: bool = UNSET
    hidden_columns: Sequence[str] | str | None = UNSET
    hide_gridlines: bool = UNSET
    sheet_zoom: int | None = UNSET
    freeze_panes: str | tuple[Any, ...] | None = UNSET
    metadata: Mapping[str, str] | None = None

    def _write(self, data: Any, made: Any) -> None:
        require_names(f"save_to.{self.key}", data.columns)  # else it writes a sheet without any rows
        given = self._options(data.write_excel)
        if not self.metadata:
            data.write_excel(made, **given)
            return
        with needed("xlsxwriter", "save_to.spreadsheet").Workbook(made) as book:
            stamp_workbook(book, self.metadata)
            data.write_excel(book, **given)


@dataclass
class PolarsExcelWriter(PolarsSpreadsheetWriter):
    """Saves a table as `spreadsheet` does, under the name that the format has for pandas."""

    key: ClassVar[str] = "excel"


@dataclass
class PolarsDatabaseWriter(BuiltInSaver):
    """Saves a table as a table of a database, with `DataFrame.write_database`."""

    key: ClassVar[str] = "database"
    types: ClassVar[tuple[str, ...]] = _FRAMES
    table_name: str
    connection: Any = field(repr=False)  # which may hold passwords
    if_table_exists: str = UNSET
    engine: str = UNSET

    def save_data(self, data: Any) -> dict[str, Any]:
        """Write the rows, in one transaction of SQLAlchemy, and return how many and into which table."""
        data = _collected(data)
        given = options(self, data.write_database, "table_name", "connection")
        is_of_sqlalchemy = self.engine in (UNSET, "sqlalchemy")
        with (
            needing("sqlalchemy", "save_to.database"),
            in_one_transaction(self.connection, "save_to.database")
            if is_of_sqlalchemy
            else nullcontext(self.connection) as connection,
        ):
            written = data.write_database(self.table_name, connection, **given)
        described = get_file_and_dataframe_metadata(self.table_name, data)
        return {**described, **get_sql_metadata(self.table_name, written)}
