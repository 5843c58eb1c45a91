"""Checks by the pydantic model that is a function's return annotation."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.checks import Check
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Target, checked_target
from headwater.modifiers.checked import Checking, known_importance
from headwater.modifiers.tables import is_foreign
from headwater.node import Node
from headwater.schemas import Model
from headwater.types import Type
from headwater.values import Reference

__all__ = ["check_output"]


class check_output(Checking):
    """Check that an object is as the pydantic model says that annotates it: `-> Order`.

    Args:
        importance: "warn" logs what does not hold; "fail" ends the execution with `CheckFailed`.
        target: Which nodes: None the function's final ones, `...` all, or names.

    Raises:
        InvalidModifier: The importance is unknown; or, when the graph is built, the annotation is no
            subclass of `pydantic.BaseModel`.
    """

    label = "h_pydantic.check_output"

    def __init__(self, importance: str = "warn", target: Target = None) -> None:
        """Keep the arguments."""
        self.importance = known_importance(self.label, importance)
        self.target = checked_target(self.label, target)

    def checks_on(self, node: Node, function: Function) -> tuple[Sequence[Check], tuple[str, ...]]:
        """Return the check by the node's type."""
        if _is_model(node.type):
            return [Model(node.type.live, self.importance)], ()
        if node.call is None and is_foreign(node.type):
            # Only a class can stand here, and any other than a model ends in an error when the code runs.
            return [Model(Reference(node.type.name), self.importance)], ()
        raise InvalidModifier(
            f"{function.where}: '{node.name}' is {node.type}, which is no pydantic model. Return a "
            "subclass of pydantic.BaseModel, or give the model: @check_output(model=...)."
        )


def _is_model(of: Type) -> bool:
    # Asked by name, since pydantic is loaded wherever a class can be a model of it.
    bases = of.live.__mro__ if isinstance(of.live, type) else ()
    return any(base.__module__ == "pydantic.main" and base.__name__ == "BaseModel" for base in bases)
