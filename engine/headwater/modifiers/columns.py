"""Columns of a table as features of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headwater.columns import package_of
from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase, targeted
from headwater.node import Argument, Node
from headwater.types import ANY, Type, class_of
from headwater.values import Unevaluated

__all__ = ["COLUMN_TYPES", "extract_columns"]

COLUMN_TYPES = {
    "pandas.DataFrame": "pandas.Series",
    "polars.DataFrame": "polars.Series",
    "polars.LazyFrame": "polars.Expr",
    "geopandas.GeoDataFrame": "geopandas.GeoSeries",
    "dask.dataframe.DataFrame": "dask.dataframe.Series",
    "pyspark.sql.DataFrame": "pyspark.sql.Column",
}
"""The type of a column, by the type of the table it is taken from."""


class extract_columns(Modifier):
    """Make a node for each named column of the table that a function returns.

    Args:
        *columns: Column names, or pairs of a name and its documentation.
        fill_with: Value for columns that the table lacks; None makes a missing column an error.

    Raises:
        InvalidModifier: No column was named, or the function returns no known table type.
    """

    phase = Phase.TRANSFORM

    def __init__(self, *columns: str | tuple[str, str], fill_with: Any = None) -> None:
        """Check that columns are named one by one."""
        if not columns:
            raise InvalidModifier("@extract_columns names no column. Name at least one.")
        self.columns = [_column(column) for column in columns if not isinstance(column, Unevaluated)]
        self.fill_with = fill_with

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Keep the nodes and add one node for every column of the final ones."""
        final = targeted(nodes, None, function)
        return [
            made
            for node in nodes
            for made in (self._extracted(node, function) if node.name in final else [node])
        ]

    def _extracted(self, node: Node, function: Function) -> list[Node]:
        column_type = COLUMN_TYPES.get(node.type.name)
        if column_type is None and (node.call or class_of(node.type)):
            raise InvalidModifier(
                f"{function.where} returns {node.type}, from which @extract_columns cannot take columns. "
                f"Return one of {', '.join(COLUMN_TYPES)}."
            )
        type_ = _type(column_type, is_live=node.call is not None)
        filled = replace(node, call=_filling(node.call, [name for name, _ in self.columns], self.fill_with))
        frame = Argument(node.name, node.type, node.name)
        return [
            filled if self.fill_with is not None else node,
            *(
                replace(
                    node,
                    name=name,
                    type=type_,
                    arguments=(frame,),
                    feature=name,
                    doc=node.doc if doc is None else doc,
                    call=_extractor(name, node.name) if node.call else None,
                )
                for name, doc in self.columns
            ),
        ]


def _column(column: Any) -> tuple[str, str | None]:
    if isinstance(column, str):
        return column, None
    if isinstance(column, tuple) and len(column) == 2 and isinstance(column[0], str):
        return column[0], str(column[1])
    hint = " Put a star in front of the list to spread it." if isinstance(column, list) else ""
    raise InvalidModifier(
        f"@extract_columns takes column names or (name, documentation) pairs, not {column!r}.{hint}"
    )


def _type(name: str | None, is_live: bool) -> Type:
    if name is None:
        return ANY  # the table's class is known by name only, and may well be one with columns
    module, _, attribute = name.rpartition(".")
    return Type(name, live=getattr(sys.modules.get(module), attribute, None) if is_live else None)


def _extractor(column: str, frame_name: str) -> Callable[[Any], Any]:
    def extract(frame: Any) -> Any:
        columns = _columns_of(frame)
        if column in columns:
            return _taken(frame, column)
        raise KeyError(
            f"'{frame_name}' has no column '{column}'; it has {', '.join(map(repr, columns))}."
            f"{did_you_mean(column, map(str, columns))}"
        )

    return extract


def _filling(call: Callable[..., Any] | None, columns: list[str], value: Any) -> Callable[..., Any] | None:
    if call is None:
        return None

    def with_all_columns(*values: Any) -> Any:
        frame = call(*values)
        missing = [column for column in columns if column not in _columns_of(frame)]
        return _filled(frame, missing, value) if missing else frame

    return with_all_columns


def _is_lazy(frame: Any) -> bool:
    return package_of(frame) == "polars" and type(frame).__name__ == "LazyFrame"


def _columns_of(frame: Any) -> Any:
    return frame.collect_schema().names() if _is_lazy(frame) else frame.columns


def _taken(frame: Any, column: str) -> Any:
    if _is_lazy(frame):
        import polars

        return polars.col(column)
    return frame[column]


def _filled(frame: Any, columns: list[str], value: Any) -> Any:
    # A new table, since the one at hand may be an input that other nodes share.
    if package_of(frame) == "polars":
        import polars

        return frame.with_columns(**{column: polars.lit(value) for column in columns})
    return frame.assign(**dict.fromkeys(columns, value))
