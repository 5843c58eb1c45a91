"""The loaders and savers of eager polars tables, in one place."""

from headwater.materialize.polars_loaders import (
    PolarsAvroReader,
    PolarsCSVReader,
    PolarsDatabaseReader,
    PolarsExcelReader,
    PolarsFeatherReader,
    PolarsJSONReader,
    PolarsNDJSONReader,
    PolarsParquetReader,
    PolarsSpreadsheetReader,
)
from headwater.materialize.polars_savers import (
    PolarsAvroWriter,
    PolarsCSVWriter,
    PolarsDatabaseWriter,
    PolarsExcelWriter,
    PolarsFeatherWriter,
    PolarsJSONWriter,
    PolarsNDJSONWriter,
    PolarsParquetWriter,
    PolarsSpreadsheetWriter,
)

__all__ = [
    "PolarsAvroReader",
    "PolarsAvroWriter",
    "PolarsCSVReader",
    "PolarsCSVWriter",
    "PolarsDatabaseReader",
    "PolarsDatabaseWriter",
    "PolarsExcelReader",
    "PolarsExcelWriter",
    "PolarsFeatherReader",
    "PolarsFeatherWriter",
    "PolarsJSONReader",
    "PolarsJSONWriter",
    "PolarsNDJSONReader",
    "PolarsNDJSONWriter",
    "PolarsParquetReader",
    "PolarsParquetWriter",
    "PolarsSpreadsheetReader",
    "PolarsSpreadsheetWriter",
]
