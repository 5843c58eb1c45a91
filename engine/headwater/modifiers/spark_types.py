"""What Spark calls the types of cells, and how those that a column pass carries look in Arrow."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from headwater.errors import DefinitionError
from headwater.types import Type

__all__ = ["arrow_type", "cells", "cells_of_series", "plain_name", "spark_type"]

# Text is what Spark's own parser of types reads.
_CELLS = {
    "int": "int",
    "float": "float",
    "bool": "boolean",
    "str": "string",
    "bytes": "binary",
    "numpy.int8": "int",
    "numpy.int16": "int",
    "numpy.int32": "int",
    "numpy.int64": "int",
    "numpy.float16": "float",
    "numpy.float32": "float",
    "numpy.float64": "float",
    "numpy.bool": "boolean",
    "numpy.str_": "string",
    "numpy.bytes_": "binary",
}

_PLAIN = {
    "boolean": ("BooleanType", "bool_"),
    "tinyint": ("ByteType", "int8"),
    "smallint": ("ShortType", "int16"),
    "int": ("IntegerType", "int32"),
    "bigint": ("LongType", "int64"),
    "float": ("FloatType", "float32"),
    "double": ("DoubleType", "float64"),
    "string": ("StringType", "string"),
    "binary": ("BinaryType", "binary"),
    "date": ("DateType", "date32"),
}
"""The types that a pass carries, by their plain names: their classes in Spark, and in Arrow."""

_ALSO = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint", "real": "float"}
_DECIMAL = re.compile(r"(?:decimal|dec|numeric)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")


def cells(of: Type, name: str) -> str:
    """Return what Spark calls the type of a single cell.

    Raises:
        DefinitionError: It has none for it; the message says so of the column `name`.
    """
    if of.name in _CELLS:
        return _CELLS[of.name]
    if of.name == "list" and len(of.args) == 1 and of.args[0].name in _CELLS:
        return f"array<{_CELLS[of.args[0].name]}>"
    raise DefinitionError(
        f"'{name}' returns {of}, which is no type of a Spark column. Return one of "
        f"{', '.join(_CELLS)}, or a list of one."
    )


def cells_of_series(of: Type, name: str) -> str:
    """Return what Spark calls the type of the cells of a series, which its annotation has to say.

    Raises:
        DefinitionError: It does not, or Spark has no such type; the message says so of the column `name`.
    """
    said = getattr(of.live, "__metadata__", ())
    if not said:
        raise DefinitionError(
            f"'{name}' returns {of}, which does not say what the cells are. Annotate it: "
            "column[pandas.Series, int]."
        )
    return said[0] if isinstance(said[0], str) else cells(Type.of(said[0]), name)


def plain_name(told: str) -> str | None:
    """Return the one name of a type that a pass carries, as `bigint` for `LONG`; None for all others."""
    name = told.strip().lower()
    name = _ALSO.get(name, name)
    if name in _PLAIN:
        return name
    decimal = _DECIMAL.fullmatch(name)
    return f"decimal({decimal[1]},{decimal[2]})" if decimal else None


def spark_type(name: str) -> Any:
    """Return Spark's type of a plain name."""
    types = import_module("pyspark.sql.types")
    decimal = _DECIMAL.fullmatch(name)
    if decimal:
        return types.DecimalType(int(decimal[1]), int(decimal[2]))
    return getattr(types, _PLAIN[name][0])()


def arrow_type(name: str) -> Any:
    """Return Arrow's type of a plain name."""
    import pyarrow as pa  # type: ignore[import-untyped]

    decimal = _DECIMAL.fullmatch(name)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return getattr(pa, _PLAIN[name][1])()
