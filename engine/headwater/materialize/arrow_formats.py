"""Loaders and savers of Arrow tables, and of the formats that other libraries reach by way of Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from headwater.materialize.arrow_tables import (
    WITHOUT_THEIR_OWN,
    arrow_backed,
    arrow_to_save,
    as_arrow,
    from_arrow,
    without_dictionaries,
)
from headwater.materialize.builtin import UNSET
from headwater.materialize.files import by_way_of_memory, write_bytes
from headwater.materialize.packages import needed
from headwater.materialize.stamps import stamp_workbook
from headwater.materialize.tables import FileLoader, StampedSaver, TableSaver

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
]

Path_ = str | Path | BytesIO | BinaryIO

_ARROW = ("pyarrow.Table",)


class _ArrowLoader(FileLoader):
    """Loads a table from a file, which is opened for the function of Arrow."""

    types: ClassVar[tuple[str, ...]] = _ARROW

    def _is_opened(self, place: Any) -> bool:
        return True

    def _made(self, data: Any, type_: Any) -> Any:
        return from_arrow(data, type_)


class _ArrowSaver(TableSaver):
    """Saves a table with a function of Arrow.

    Attributes:
        module: The module of the function.
    """

    types: ClassVar[tuple[str, ...]] = _ARROW
    module: ClassVar[str]

    def _collected(self, data: Any) -> Any:
        return arrow_to_save(self, data)

    def _write(self, data: Any, made: Any) -> None:
        write = getattr(needed(self.module, f"save_to.{self.key}"), self.function)
        write(data, made, **self._options(write))


class _ArrowStampedSaver(_ArrowSaver, StampedSaver):
    """Saves a table in a format whose schema keeps texts."""


@dataclass
class ArrowCSVReader(_ArrowLoader):
    """Loads an Arrow table from a text file with separators, with `pyarrow.csv.read_csv`.

    Where `convert_options` says nothing else, a text that is empty without quotes is a missing one, as Arrow
    writes it.
    """

    key: ClassVar[str] = "csv"
    unpacks: ClassVar[bool] = True
    package: ClassVar[str] = "pyarrow.csv"
    function: ClassVar[str] = "read_csv"
    path: Path_
    read_options: Any = UNSET
    parse_options: Any = UNSET
    convert_options: Any = None

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        if self.convert_options is None:
            ways = needed(self.package, "load_from.csv").ConvertOptions
            given["convert_options"] = ways(strings_can_be_null=True, quoted_strings_can_be_null=False)
        return super()._read(function, place, given)


@dataclass
class ArrowCSVWriter(_ArrowSaver):
    """Saves an Arrow table as a text file with separators, with `pyarrow.csv.write_csv`."""

    key: ClassVar[str] = "csv"
    packs: ClassVar[bool] = True
    module: ClassVar[str] = "pyarrow.csv"
    function: ClassVar[str] = "write_csv"
    path: Path_
    write_options: Any = UNSET


@dataclass
class ArrowParquetReader(_ArrowLoader):
    """Loads an Arrow table from a Parquet file, with `pyarrow.parquet.read_table`."""

    key: ClassVar[str] = "parquet"
    package: ClassVar[str] = "pyarrow.parquet"
    function: ClassVar[str] = "read_table"
    path: Path_
    columns: Sequence[str] | None = UNSET
    filters: Any = UNSET
    use_threads: bool = UNSET

    def _is_opened(self, place: Any) -> bool:
        # Of a folder all files are read, as one table.
        return not isinstance(place, (str, Path)) or not Path(place).is_dir()


@dataclass
class ArrowParquetWriter(_ArrowStampedSaver):
    """Saves an Arrow table as a Parquet file, with `pyarrow.parquet.write_table`."""

    key: ClassVar[str] = "parquet"
    module: ClassVar[str] = "pyarrow.parquet"
    function: ClassVar[str] = "write_table"
    path: Path_
    compression: str | None = UNSET
    compression_level: int | None = UNSET
    row_group_size: int | None = UNSET
    use_dictionary: bool = UNSET


@dataclass
class ArrowFeatherReader(_ArrowLoader):
    """Loads an Arrow table from a Feather file, with `pyarrow.feather.read_table`."""

    key: ClassVar[str] = "feather"
    package: ClassVar[str] = "pyarrow.feather"
    function: ClassVar[str] = "read_table"
    path: Path_
    columns: Sequence[str] | None = UNSET
    use_threads: bool = UNSET


@dataclass
class ArrowFeatherWriter(_ArrowStampedSaver):
    """Saves an Arrow table as a Feather file, with `pyarrow.feather.write_feather`."""

    key: ClassVar[str] = "feather"
    module: ClassVar[str] = "pyarrow.feather"
    function: ClassVar[str] = "write_feather"
    path: Path_
    compression: str | None = UNSET
    compression_level: int | None = UNSET
    chunksize: int | None = UNSET


@dataclass
class ArrowORCReader(_ArrowLoader):
    """Loads a table from an ORC file, with `pyarrow.orc.read_table`."""

    key: ClassVar[str] = "orc"
    types: ClassVar[tuple[str, ...]] = WITHOUT_THEIR_OWN
    package: ClassVar[str] = "pyarrow.orc"
    function: ClassVar[str] = "read_table"
    path: Path_
    columns: Sequence[str] | None = UNSET

    def _made(self, data: Any, type_: Any) -> Any:
        # Its notes are none rather than an empty collection of them, which would be another table.
        return super()._made(data.replace_schema_metadata(data.schema.metadata or None), type_)


@dataclass
class ArrowORCWriter(_ArrowSaver):
    """Saves a table as an ORC file, with `pyarrow.orc.write_table`; categories become texts."""

    key: ClassVar[str] = "orc"
    types: ClassVar[tuple[str, ...]] = (*WITHOUT_THEIR_OWN, "polars.LazyFrame")
    module: ClassVar[str] = "pyarrow.orc"
    function: ClassVar[str] = "write_table"
    path: Path_
    compression: str = UNSET
    stripe_size: int = UNSET

    def _write(self, data: Any, made: Any) -> None:
        with by_way_of_memory(made) as buffer:
            super()._write(without_dictionaries(data), buffer)


@dataclass
class ArrowNDJSONReader(_ArrowLoader):
    """Loads an Arrow table from a file with a JSON object on each line, with `pyarrow.json.read_json`."""

    key: ClassVar[str] = "ndjson"
    unpacks: ClassVar[bool] = True
    package: ClassVar[str] = "pyarrow.json"
    function: ClassVar[str] = "read_json"
    path: Path_
    read_options: Any = UNSET
    parse_options: Any = UNSET


@dataclass
class ArrowJSONReader(_ArrowLoader):
    """Loads an Arrow table from a JSON file that holds a list of objects.

    Args:
        schema: The types of the columns, a `pyarrow.Schema`; else they are what the values look like.
    """

    key: ClassVar[str] = "json"
    package: ClassVar[str] = "json"
    function: ClassVar[str] = "load"
    besides: ClassVar[tuple[str, ...]] = ("schema",)
    unpacks: ClassVar[bool] = True
    path: Path_
    schema: Any = None

    def _made(self, data: Any, type_: Any) -> Any:
        table = needed("pyarrow", "An Arrow table").Table
        return super()._made(table.from_pylist(data, schema=self.schema), type_)


class _JSONSaver(_ArrowSaver):
    """Writes objects with pandas, which knows how JSON writes times and what is missing."""

    packs: ClassVar[bool] = True
    lines: ClassVar[bool]

    def _write(self, data: Any, made: Any) -> None:
        frame = arrow_backed(data, f"save_to.{self.key} of an Arrow table")
        text = frame.to_json(orient="records", lines=self.lines, date_format="iso", date_unit="us")
        write_bytes(made, text.encode())


@dataclass
class ArrowJSONWriter(_JSONSaver):
    """Saves an Arrow table as a JSON file: a list of objects, times as texts of ISO 8601."""

    key: ClassVar[str] = "json"
    lines: ClassVar[bool] = False
    path: Path_


@dataclass
class ArrowNDJSONWriter(_JSONSaver):
    """Saves an Arrow table as a file with a JSON object on each line, times as texts of ISO 8601."""

    key: ClassVar[str] = "ndjson"
    lines: ClassVar[bool] = True
    path: Path_


@dataclass
class ArrowExcelReader(_ArrowLoader):
    """Loads an Arrow table from a sheet of an Excel file, by way of `pandas.read_excel`."""

    key: ClassVar[str] = "excel"
    package: ClassVar[str] = "pandas"
    function: ClassVar[str] = "read_excel"
    needs: ClassVar[str] = "openpyxl"
    path: Path_
    sheet_name: str | int = UNSET
    header: int | None = UNSET
    usecols: Any = UNSET
    skiprows: Any = UNSET
    nrows: int | None = UNSET

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        return super()._read(function, place, {**given, "dtype_backend": "pyarrow"})

    def _made(self, data: Any, type_: Any) -> Any:
        return super()._made(as_arrow(data), type_)


@dataclass
class ArrowExcelWriter(_ArrowSaver):
    """Saves an Arrow table as a sheet of an Excel file, by way of `DataFrame.to_excel`.

    Args:
        metadata: Texts about the file, by key, of at most 255 characters, kept as its custom properties.
    """

    key: ClassVar[str] = "excel"
    needs: ClassVar[str] = "openpyxl"
    path: Path_
    sheet_name: str = UNSET
    metadata: Mapping[str, str] | None = None

    def _write(self, data: Any, made: Any) -> None:
        pandas = needed("pandas", "save_to.excel of an Arrow table")
        frame = arrow_backed(data, "save_to.excel of an Arrow table")
        with pandas.ExcelWriter(made, engine="openpyxl") as writer:
            frame.to_excel(writer, index=False, **self._options(frame.to_excel))
            stamp_workbook(writer.book, self.metadata or {})
