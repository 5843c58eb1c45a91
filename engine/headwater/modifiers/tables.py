"""Tables of any library: the type of their columns, and how to list, take, fill and rename them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from headwater.columns import package_of
from headwater.errors import InvalidInput, did_you_mean
from headwater.types import ANY, Type, class_of, public_name

__all__ = [
    "COLUMN_TYPES",
    "column_type",
    "columns_of",
    "filled",
    "is_foreign",
    "is_table",
    "renamed",
    "taken",
    "without_annotation",
]

COLUMN_TYPES = {
    "pandas.DataFrame": "pandas.Series",
    "polars.DataFrame": "polars.Series",
    "polars.LazyFrame": "polars.Expr",
    "geopandas.GeoDataFrame": "geopandas.GeoSeries",
    "modin.pandas.DataFrame": "modin.pandas.Series",
    "dask.dataframe.DataFrame": "dask.dataframe.Series",
    "pyspark.pandas.DataFrame": "pyspark.pandas.Series",
    "pyspark.sql.DataFrame": "pyspark.sql.Column",
    "pyarrow.Table": "pyarrow.ChunkedArray",
    "narwhals.DataFrame": "narwhals.Series",
    "narwhals.LazyFrame": "narwhals.Expr",
    "ibis.Table": "ibis.Column",
    "ibis.expr.types.Table": "ibis.expr.types.Column",
}
"""The type of a column, by the type of the table it is taken from."""


def without_annotation(of: Type) -> Type:
    """Return the type inside `Annotated[...]`, or the type itself."""
    return of.args[0] if of.name == "typing.Annotated" and of.args else of


def is_table(of: Type) -> bool | None:
    """Tell whether a type is a table; None where its class is known by name only."""
    of = without_annotation(of)
    if _table_name(of) is not None:
        return True
    return None if is_foreign(of) else False


def is_foreign(of: Type) -> bool:
    """Tell whether a type is a class that is known by its name only."""
    return (
        class_of(of) is None
        and of.live is None
        and of.name[0] not in "~|["
        and not of.name.startswith("typing.")
    )


def column_type(of: Type) -> Type:
    """Return the type of a table's columns; it may be anything where the table's class is not known."""
    of = without_annotation(of)
    table = _table_name(of)
    if table is None:
        return ANY
    name = COLUMN_TYPES[table]
    module, _, attribute = name.rpartition(".")
    live = getattr(sys.modules.get(module), attribute, None) if of.live is not None else None
    return Type(name, live=live)


def _table_name(of: Type) -> str | None:
    """Return the name under which a type or one of its base classes is a known table."""
    if of.name in COLUMN_TYPES:
        return of.name
    class_ = class_of(of)
    names = map(public_name, class_.__mro__) if class_ is not None else ()
    return next((name for name in names if name in COLUMN_TYPES), None)


def columns_of(table: Any) -> list[Any]:
    """Return the names of a table's columns."""
    package = package_of(table)
    if package in ("polars", "narwhals") and hasattr(table, "collect_schema"):
        return list(table.collect_schema().names())  # lazy ones warn where they are asked for their columns
    if package == "pyarrow":
        return list(table.column_names)
    return list(table.columns)


def taken(column: str, of: str, table: Any) -> Any:
    """Return a column of a table.

    Args:
        column: Name of the column.
        of: Name of the node that made the table.
        table: The table.

    Raises:
        KeyError: The table has no such column.
    """
    columns = columns_of(table)
    if column not in columns:
        raise KeyError(
            f"'{of}' has no column '{column}'; it has {', '.join(map(repr, columns)) or 'none'}."
            f"{did_you_mean(column, map(str, columns))}"
        )
    if package_of(table) in ("polars", "narwhals") and hasattr(table, "collect"):
        return sys.modules[package_of(table)].col(column)
    return table[column]


def filled(columns: Sequence[str], value: Any, table: Any) -> Any:
    """Return a table that has all of the named columns, those it lacks filled with one value."""
    present = set(columns_of(table))
    missing = [column for column in columns if column not in present]
    # A new table, since the one at hand may be an input that other nodes share.
    return _with(table, dict.fromkeys(missing, value)) if missing else table


def _with(table: Any, values: dict[str, Any]) -> Any:
    package = package_of(table)
    if package in ("polars", "narwhals"):
        library = sys.modules[package]
        columns = {name: v if isinstance(v, library.Expr) else library.lit(v) for name, v in values.items()}
        return table.with_columns(**columns)
    if package == "ibis":
        return table.mutate(**values)
    if package == "pyspark" and hasattr(table, "withColumns"):
        lit = import_module("pyspark.sql.functions").lit
        return table.withColumns({name: lit(value) for name, value in values.items()})
    if package == "pyarrow":
        repeat = sys.modules[package].repeat
        for name, value in values.items():
            table = table.append_column(name, repeat(value, table.num_rows))
        return table
    return table.assign(**values)


def renamed(columns: Sequence[str], of: str, table: Any) -> Any:
    """Return a table with its columns renamed, in their order.

    Raises:
        InvalidInput: The table does not have as many columns as there are names.
    """
    present = columns_of(table)
    if len(present) != len(columns):
        raise InvalidInput(
            f"'{of}' made {len(present)} columns ({', '.join(map(repr, present))}) for {len(columns)} names: "
            f"{', '.join(map(repr, columns))}. Make one for each, in this order."
        )
    if hasattr(table, "set_axis"):  # pandas and what is like it
        return table.set_axis(list(columns), axis=1)
    if hasattr(table, "rename_columns"):  # pyarrow
        return table.rename_columns(list(columns))
    if hasattr(table, "toDF"):  # Spark
        return table.toDF(*columns)
    if package_of(table) == "ibis":
        return table.rename(dict(zip(columns, present, strict=True)))
    names = dict(zip(present, columns, strict=True))
    return table.rename(names) if package_of(table) in ("polars", "narwhals") else table.rename(columns=names)
