"""Where a parameter takes its value from: another node, a literal, or several of those together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headwater.errors import InvalidModifier
from headwater.values import Unevaluated

__all__ = ["LiteralDependency", "Sourced", "UpstreamDependency", "group", "source", "value"]


@dataclass(frozen=True, slots=True)
class source:
    """A parameter that takes its value from the named node.

    Raises:
        InvalidModifier: The argument is no name.
    """

    dependency_on: Any

    def __post_init__(self) -> None:
        """Refuse what is no node name; a source of a source is that source."""
        if isinstance(self.dependency_on, source):
            object.__setattr__(self, "dependency_on", self.dependency_on.dependency_on)
        if not isinstance(self.dependency_on, (str, Unevaluated)):
            raise InvalidModifier(
                f'source() takes the name of a node, not {self.dependency_on!r}: source("spend").'
            )

    @property
    def name(self) -> Any:
        """Name of the node, or what source text says where the name is not known."""
        return self.dependency_on

    def __str__(self) -> str:
        return str(self.dependency_on)


@dataclass(frozen=True, slots=True)
class value:
    """A parameter that takes a literal value."""

    literal_value: Any = field(hash=False)

    def __post_init__(self) -> None:
        """Take a value of a value for that value."""
        if isinstance(self.literal_value, value):
            object.__setattr__(self, "literal_value", self.literal_value.value)

    @property
    def value(self) -> Any:
        """The literal."""
        return self.literal_value

    def __str__(self) -> str:
        return str(self.literal_value)


@dataclass(frozen=True, slots=True, init=False)
class group:
    """A parameter that takes a list of values, or a dictionary of them, each from its own place.

    `group(source("a"), value(1))` makes a list, `group(first=source("a"), second=value(1))` a dictionary.

    Attributes:
        members: Where the values come from.
        keys: The keys of the dictionary; None for a list.

    Raises:
        InvalidModifier: There are no members, members with and without a key, or one is neither
            `source` nor `value`.
    """

    members: tuple[source | value | Unevaluated, ...]
    keys: tuple[str, ...] | None

    def __init__(
        self,
        *dependency_args: source | value | Unevaluated,
        **dependency_kwargs: source | value | Unevaluated,
    ) -> None:
        """Check what is grouped."""
        if bool(dependency_args) is bool(dependency_kwargs):
            raise InvalidModifier(
                "group() takes members without a key for a list, or members with a key for a dictionary: "
                'group(source("a"), source("b")) or group(first=source("a")).'
            )
        members = dependency_args or tuple(dependency_kwargs.values())
        for member in members:
            if not isinstance(member, (source, value, Unevaluated)):
                raise InvalidModifier(
                    f'group() takes source("node") and value(literal), not {member!r}. '
                    f"A literal is written value({member!r})."
                )
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "keys", tuple(dependency_kwargs) or None)


Sourced = source | value | group
"""What a parameter may be mapped to."""

# Names of Hamilton for the two.
LiteralDependency = value
UpstreamDependency = source
