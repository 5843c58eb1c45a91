"""One named value of a graph: what it needs, what it makes, and which feature it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from headwater.checks import Check, Importance
from headwater.conditions import ALWAYS, Condition
from headwater.errors import DefinitionError, MissingAnnotation
from headwater.function import Argument, Function, ParameterKind
from headwater.record import record
from headwater.types import Type

__all__ = ["Argument", "KeywordCall", "Node", "Role"]

TagValue = str | bool | tuple[str, ...]


class Role(StrEnum):
    """What a node is to the people who read the graph."""

    FEATURE = "feature"
    """A name that code declares."""
    PART = "part"
    """A node that a modifier makes for itself, such as `x_raw`; part of its feature."""
    INPUT = "input"
    """A value that comes from outside: an input or a configuration key."""


@record
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
        # Spelt out, since `dataclasses.replace` takes four times as long and most features have tags.
        return Node(
            self.name,
            self.type,
            self.arguments,
            self.feature,
            self.role,
            {**self.tags, **tags},
            self.doc,
            self.function,
            self.call,
            self.condition,
            self.check,
            self.importance,
            self.partial,
        )

    @classmethod
    def of(cls, function: Function, name: str | None = None) -> Node:
        """Return the plain node of a function, before any modifier has worked on it.

        Raises:
            MissingAnnotation: A parameter or the result has no type.
            DefinitionError: A parameter cannot be a node (positional only, variadic).
        """
        name = name or function.name
        arguments = tuple([parameter.argument for parameter in function.parameters])
        if function.returns is None or not all(arguments):
            raise _unfit(function)
        return cls(
            name,
            function.returns,
            arguments,  # type: ignore[arg-type]
            name,
            Role.FEATURE,
            _tags_of(function.location.module),
            function.doc or "",
            function,
            _positional(function),
        )


@lru_cache(maxsize=1024)
def _tags_of(module: str) -> Mapping[str, TagValue]:
    """Return the tags that every node of a module has; one object for all, for there may be 100,000."""
    return {"module": module}


def _unfit(function: Function) -> DefinitionError:
    """Return the error that tells everything that keeps a function from being a node."""
    told = [
        f"{function.where} has a {parameter.kind} parameter '{parameter.name}', which cannot name a node. "
        "Give each column it needs a plain parameter of its own."
        for parameter in function.parameters
        if parameter.argument is None and parameter.type is not None
    ]
    untyped = [parameter.name for parameter in function.parameters if parameter.type is None]
    told += [
        f"{function.where} needs a type for parameter '{name}'. Annotate it: {name}: pd.Series"
        for name in untyped
    ]
    if function.returns is None:
        told.append(
            f"{function.where} does not say what it returns. Add a return type: "
            f"def {function.name}(...) -> pd.Series:"
        )
    missing = untyped or function.returns is None
    return (MissingAnnotation if missing else DefinitionError)("\n".join(told))


def _positional(function: Function) -> Callable[..., Any] | None:
    call, parameters = function.callable, function.parameters
    # Parameters that are keyword only come last.
    if call is None or not parameters or parameters[-1].kind is not ParameterKind.KEYWORD_ONLY:
        return call
    keywords = tuple(p.name for p in parameters if p.kind is ParameterKind.KEYWORD_ONLY)
    return KeywordCall(call, len(parameters) - len(keywords), keywords)


@dataclass(frozen=True, slots=True)
class KeywordCall:
    """Calls a function with its last arguments by keyword; an object, so that it can be pickled."""

    call: Callable[..., Any]
    split: int
    keywords: tuple[str, ...]

    def __call__(self, *values: Any) -> Any:
        """Call with the values of all parameters in order."""
        return self.call(*values[: self.split], **dict(zip(self.keywords, values[self.split :], strict=True)))
