"""What the columns of a table are, as documentation in its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Target, checked_target, targeted
from headwater.modifiers.tables import COLUMN_TYPES, is_table
from headwater.modifiers.tags import Tagging
from headwater.node import Node
from headwater.values import Unevaluated, describe

__all__ = ["SCHEMA_TAG", "SchemaOutput", "schema"]

SCHEMA_TAG = "hamilton.internal.schema_output"
"""The tag that holds the columns: `spend=float,country=str`."""


class SchemaOutput(Tagging):
    """Document the columns of a table; made by `schema.output`.

    Args:
        *fields: Pairs of a column name and its type, as text.
        target_: Which nodes: None the function's final ones, `...` all, or names.

    Raises:
        InvalidModifier: A field is no such pair, a node is no table, or has been documented already.
    """

    def __init__(self, *fields: tuple[str, str], target_: Target = None) -> None:
        """Write the fields as one tag."""
        written = ",".join(_written(field) for field in fields)
        super().__init__({SCHEMA_TAG: written}, checked_target("schema.output", target_))

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Add the tag to the targeted nodes, which must be tables."""
        targets = targeted(nodes, self.target, function)
        for node in nodes:
            if node.name in targets:
                _check(node)
        return super().expand(nodes, function, config)


def _written(field: Any) -> str:
    if isinstance(field, Unevaluated):
        return str(field)
    if isinstance(field, (tuple, list)) and len(field) == 2:
        name, type_ = field
        return f"{describe(name)}={describe(type_)}"
    raise InvalidModifier(
        f'@schema.output takes pairs of a column name and its type, ("spend", "float"), not {field!r}.'
    )


def _check(node: Node) -> None:
    if is_table(node.type) is False:
        raise InvalidModifier(
            f"{node.where} is {node.type}, which has no columns for @schema.output to document. Give "
            f"target_= the name of a table: one of {', '.join(COLUMN_TYPES)}."
        )
    if SCHEMA_TAG in node.tags:
        raise InvalidModifier(
            f"{node.where} has its columns documented twice. Put them into one @schema.output."
        )


class schema:
    """Documentation of tables: `@schema.output(("spend", "float"), ("country", "str"))`."""

    INTERNAL_SCHEMA_OUTPUT_KEY = SCHEMA_TAG

    output = SchemaOutput
