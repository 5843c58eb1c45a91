"""Inputs that are declared and documented in code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, overload

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase
from headwater.modifiers.replaced import check_empty
from headwater.modifiers.tags import checked_tags
from headwater.node import Node, Role

__all__ = ["ExternalInput", "external_input"]

F = TypeVar("F", bound=Callable[..., Any])


class ExternalInput(Modifier):
    """Make a function the declaration of an input; made by `external_input`."""

    phase = Phase.GENERATE

    def __init__(self, tags: dict[str, str | list[str]]) -> None:
        """Check the tags."""
        self.tags = checked_tags("external_input", tags)

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Turn the function's node into an input of its type, with its documentation and the tags."""
        check_empty(function, "external_input")
        if function.parameters:
            raise InvalidModifier(
                f"{function.where} declares an input, which needs no other columns. Take away its parameters."
            )
        for other in function.modifiers:
            if other.phase not in (Phase.RESOLVE, Phase.DECORATE) and other is not self:
                raise InvalidModifier(
                    f"{function.where} declares an input, which @{type(other).__name__} cannot change. Only "
                    "tags and @config fit; put the other modifier on a feature that reads the input."
                )
        return [replace(node.tagged(self.tags), role=Role.INPUT, call=None) for node in nodes]


@overload
def external_input(function: F, /) -> F: ...
@overload
def external_input(**tags: str | list[str]) -> ExternalInput: ...
def external_input(function: Callable[..., Any] | None = None, /, **tags: str | list[str]) -> Any:
    """Declare an input: its name, type, documentation and tags.

    The function has no parameters and no body, only a name, a result type and a docstring:

        @external_input(owner="crm", pii="true")
        def email() -> pd.Series:
            '''E-mail as typed by the customer.'''

    Used bare or with tags; two variants of an input are told apart by `@config.when`.

    Args:
        function: The function, where it is used bare.
        **tags: Tags of the input, as `tag` takes them.

    Raises:
        InvalidModifier: A tag is not allowed.
    """
    made = ExternalInput(tags)
    if function is None:
        return made
    if not callable(function):
        raise InvalidModifier("@external_input takes tags by name: @external_input(owner='crm').")
    return made(function)
