"""Tags: what people say about a feature in its own source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase, Target, checked_target, targeted
from headwater.node import Node, TagValue
from headwater.values import Reference, Unevaluated

__all__ = ["RESERVED_NAMESPACES", "tag"]

RESERVED_NAMESPACES = frozenset({"hamilton", "data_quality", "gdpr", "ccpa", "dag", "module", "ray_remote"})
"""First parts of tag keys that user code may not set."""


class tag(Modifier):
    """Add tags to the nodes of a function.

    On a clash the outermost tag wins.

    Args:
        target_: Which nodes: None the function's final ones, `...` all, or names.
        bypass_reserved_namespaces_: Allow keys that begin with a reserved word.
        **tags: Values by key: a string, or a non-empty list of different strings. Keys are
            identifiers joined by dots (`**{"team.lead": "Maya"}`).

    Raises:
        InvalidModifier: A key or a value is not allowed.
    """

    phase = Phase.DECORATE

    def __init__(
        self, *, target_: Target = None, bypass_reserved_namespaces_: bool = False, **tags: str | list[str]
    ) -> None:
        """Check the keys and values."""
        self.target = checked_target("tag", target_)
        self.tags = {key: _value(key, value) for key, value in tags.items()}
        for key in tags:
            _check_key(key, bypass_reserved_namespaces_ is True)

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Add the tags to the targeted nodes."""
        targets = targeted(nodes, self.target, function)
        return [node.tagged(self.tags) if node.name in targets else node for node in nodes]


def _check_key(key: str, bypass: bool) -> None:
    parts = key.split(".")
    if not all(part.isidentifier() for part in parts):
        raise InvalidModifier(
            f"@tag: '{key}' is no tag key. Use identifiers joined by dots, such as 'owner' or 'team.lead'."
        )
    if parts[0] in RESERVED_NAMESPACES and not bypass:
        reserved = ", ".join(sorted(RESERVED_NAMESPACES))
        raise InvalidModifier(
            f"@tag: the key '{key}' begins with the reserved word '{parts[0]}'. Choose another first "
            f"word (reserved: {reserved}), or pass bypass_reserved_namespaces_=True."
        )


def _value(key: str, value: Any) -> TagValue:
    if isinstance(value, (Unevaluated, Reference)):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and value:
        items = tuple(str(v) if isinstance(v, (Unevaluated, Reference)) else v for v in value)
        if all(isinstance(item, str) for item in items) and len(set(items)) == len(items):
            return items
    raise InvalidModifier(
        f"@tag: the value of '{key}' is {value!r}. Give a string, or a non-empty list of different "
        f'strings: {key}="{value}".'
    )
