"""One named value of a graph: what it needs, what it makes, and which feature it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from headwater.checks import Check, Importance
from headwater.conditions import ALWAYS, Condition
from headwater.errors import DefinitionError, MissingAnnotation
from headwater.function import Function, ParameterKind
from headwater.types import Type
from headwater.values import MISSING

__all__ = ["Argument", "Node", "Role"]

TagValue = str | bool | tuple[str, ...]


class Role(StrEnum):
    """What a node is to the people who read the graph."""

    FEATURE = "feature"
    """A name that code declares."""
    PART = "part"
    """A node that a modifier makes for itself, such as `x_raw`; part of its feature."""
    INPUT = "input"
    """A value that comes from outside: an input or a configuration key."""


@dataclass(frozen=True, slots=True)
class Argument:
    """What a node's callable receives in one position.

    Attributes:
        parameter: Name of the function's parameter.
        type: The type that the parameter asks for.
        node: Name of the node that supplies the value; None for a literal.
        value: The literal, or the default taken where no such node exists; `MISSING` if required.
    """

    parameter: str
    type: Type
    node: str | None
    value: Any = field(default=MISSING, compare=False)

    @property
    def is_optional(self) -> bool:
        """Tell whether the graph may lack the node."""
        return self.node is not None and self.value is not MISSING


@dataclass(frozen=True, slots=True)
class Node:
    """A named value in a graph.

    Attributes:
        name: Name in the graph.
        type: Type of the value.
        arguments: What the callable receives, by position.
        feature: Name of the feature that the node belongs to; its own name unless it is a part.
        role: Feature, part or input.
        tags: Tags by key; a list of values is a tuple.
        doc: Documentation text, or an empty string.
        function: The function it comes from; None for an input.
        call: Computes the value from the arguments in order; None where only source was read.
        condition: Configurations under which it exists.
        check: The check whose result is the node's value, on nodes of `check_output`.
        importance: What follows when that check does not hold.
        partial: Reasons why the node does not say all that the running code would.
    """

    name: str
    type: Type
    arguments: tuple[Argument, ...] = ()
    feature: str = ""
    role: Role = Role.FEATURE
    tags: Mapping[str, TagValue] = field(default_factory=dict)
    doc: str = ""
    function: Function | None = field(default=None, compare=False, repr=False)
    call: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    condition: Condition = ALWAYS
    check: Check | None = field(default=None, compare=False, repr=False)
    importance: Importance | None = None
    partial: tuple[str, ...] = ()

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Names of the nodes it reads, in order and without repetition."""
        return tuple(dict.fromkeys(a.node for a in self.arguments if a.node is not None))

    @property
    def where(self) -> str:
        """Return `path:line: 'name'`, the head of every message about this node."""
        return f"{self.function.location}: '{self.name}'" if self.function else f"'{self.name}'"

    def tagged(self, tags: Mapping[str, TagValue]) -> Node:
        """Return the node with more tags; given ones win over those it has."""
        return replace(self, tags={**self.tags, **tags})

    @classmethod
    def of(cls, function: Function, name: str | None = None) -> Node:
        """Return the plain node of a function, before any modifier has worked on it.

        Raises:
            MissingAnnotation: A parameter or the result has no type.
            DefinitionError: A parameter cannot be a node (positional only, variadic).
        """
        name = name or function.name
        if function.returns is None:
            raise MissingAnnotation(
                f"{function.where} does not say what it returns. Add a return type: "
                f"def {function.name}(...) -> pd.Series:"
            )
        return cls(
            name=name,
            type=function.returns,
            arguments=tuple(_argument(function, index) for index in range(len(function.parameters))),
            feature=name,
            tags={"module": function.location.module},
            doc=function.doc or "",
            function=function,
            call=_positional(function),
        )


def _argument(function: Function, index: int) -> Argument:
    parameter = function.parameters[index]
    if parameter.kind not in (ParameterKind.POSITIONAL_OR_KEYWORD, ParameterKind.KEYWORD_ONLY):
        raise DefinitionError(
            f"{function.where} has a {parameter.kind} parameter '{parameter.name}', which cannot name "
            "a node. Give each column it needs a plain parameter of its own."
        )
    if parameter.type is None:
        raise MissingAnnotation(
            f"{function.where} needs a type for parameter '{parameter.name}'. "
            f"Annotate it: {parameter.name}: pd.Series"
        )
    return Argument(parameter.name, parameter.type, parameter.name, parameter.default)


def _positional(function: Function) -> Callable[..., Any] | None:
    call = function.callable
    keywords = [p.name for p in function.parameters if p.kind is ParameterKind.KEYWORD_ONLY]
    if call is None or not keywords:
        return call
    split = len(function.parameters) - len(keywords)

    def with_keywords(*values: Any) -> Any:
        return call(*values[:split], **dict(zip(keywords, values[split:], strict=True)))

    return with_keywords
