"""Checks by the pandera schema that a function's return annotation names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from headwater.checks import Check
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Target, checked_target
from headwater.modifiers.checked import Checking, known_importance
from headwater.modifiers.tables import is_foreign
from headwater.node import Node
from headwater.schemas import Schema
from headwater.types import Type
from headwater.values import Reference

__all__ = ["check_output"]

_TYPING = "pandera.typing."


class check_output(Checking):
    """Check that a table is as the schema says that its annotation names: `-> DataFrame[Orders]`.

    Args:
        importance: "warn" logs what does not hold; "fail" ends the execution with `CheckFailed`.
        target: Which nodes: None the function's final ones, `...` all, or names.

    Raises:
        InvalidModifier: The importance is unknown; or, when the graph is built, the annotation names no
            subclass of `pandera.DataFrameModel`.
    """

    label = "h_pandera.check_output"

    def __init__(self, importance: str = "warn", target: Target = None) -> None:
        """Keep the arguments."""
        self.importance = known_importance(self.label, importance)
        self.target = checked_target(self.label, target)

    def checks_on(self, node: Node, function: Function) -> tuple[Sequence[Check], tuple[str, ...]]:
        """Return the check by the schema of the node's type."""
        schema = _schema(node.type)
        if schema is not None:
            return [Schema(schema, self.importance)], ()
        if node.call is None and is_foreign(node.type):
            return (), (f"it is not known without running code whether {node.type} names a pandera schema",)
        raise InvalidModifier(
            f"{function.where}: '{node.name}' is {node.type}, which names no pandera schema. Return "
            "pandera.typing.DataFrame[...] of a subclass of pandera.DataFrameModel, or give the schema: "
            "@check_output(schema=...)."
        )


def _schema(of: Type) -> Any:
    if not of.name.startswith(_TYPING) or len(of.args) != 1:
        return None
    if of.live is None:
        return Reference(of.args[0].name)
    (schema,) = get_args(of.live)
    # A model has the means to make a schema; the classes of pandera's backends have no base in common.
    return schema if isinstance(schema, type) and hasattr(schema, "to_schema") else None
