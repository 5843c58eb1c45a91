"""Tags: what people say about a feature in its own source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase, Target, checked_target, targeted
from headwater.node import Node, TagValue
from headwater.values import Reference, Unevaluated, describe, unevaluated_in

__all__ = [
    "CACHE_BEHAVIORS",
    "RESERVED_NAMESPACES",
    "Tagging",
    "cache",
    "checked_tags",
    "ray_remote_options",
    "tag",
    "tag_outputs",
]

RESERVED_NAMESPACES = frozenset({"hamilton", "data_quality", "gdpr", "ccpa", "dag", "module", "ray_remote"})
"""First parts of tag keys that user code may not set."""

CACHE_BEHAVIORS = ("default", "recompute", "ignore", "disable")
"""What `@cache` can ask for."""


class Tagging(Modifier):
    """A modifier that adds the same tags to each node that it means.

    Args:
        tags: The tags.
        target: Which nodes: None the function's final ones, `...` all, or names.
    """

    phase = Phase.DECORATE

    def __init__(self, tags: Mapping[str, TagValue], target: Target = None) -> None:
        self.tags = tags
        self.target = target

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Add the tags to the targeted nodes."""
        if len(nodes) == 1 and self.target is None:  # most features are one node with tags
            return [nodes[0].tagged(self.tags)]
        targets = targeted(nodes, self.target, function)
        return [node.tagged(self.tags) if node.name in targets else node for node in nodes]


class tag(Tagging):
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

    def __init__(
        self, *, target_: Target = None, bypass_reserved_namespaces_: bool = False, **tags: str | list[str]
    ) -> None:
        """Check the keys and values."""
        checked = checked_tags("tag", tags, bypass=bypass_reserved_namespaces_ is True)
        super().__init__(checked, checked_target("tag", target_))


class tag_outputs(Modifier):
    """Add tags to single nodes of a function.

    Args:
        **tag_mapping: Tags, as `tag` takes them, by the name of the node.

    Raises:
        InvalidModifier: A key or a value is not allowed, or the function makes no node of a name.
    """

    phase = Phase.DECORATE

    def __init__(self, **tag_mapping: Mapping[str, str | list[str]]) -> None:
        """Check the keys and values."""
        self.tags = {name: _of_output(name, tags) for name, tags in tag_mapping.items()}

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Add the tags to the nodes that are named."""
        targeted(nodes, list(self.tags), function, "@tag_outputs to tag")
        return [node.tagged(self.tags[node.name]) if node.name in self.tags else node for node in nodes]


def _of_output(name: str, tags: Any) -> dict[str, TagValue]:
    if isinstance(tags, Unevaluated):
        return {}
    if not isinstance(tags, Mapping):
        raise InvalidModifier(
            f"@tag_outputs: '{name}' must be a mapping from tag keys to values, not {tags!r}."
        )
    return checked_tags("tag_outputs", tags)


class cache(Tagging):
    """Say how the cache treats the nodes of a function.

    Args:
        behavior: "default" reads and writes it, "recompute" only writes, "ignore" leaves the value out of
            what the cache goes by downstream, "disable" treats the node as if there were no cache.
        format: How the value is stored, as "json" or "parquet".
        target_: Which nodes: `...` all, None the function's final ones, or names.

    Raises:
        InvalidModifier: The behaviour is unknown.
    """

    def __init__(
        self, *, behavior: str | None = None, format: str | None = None, target_: Target = ...
    ) -> None:
        """Check the behaviour."""
        asked: Any = behavior
        if not isinstance(asked, Unevaluated) and asked not in (None, *CACHE_BEHAVIORS):
            raise InvalidModifier(
                f"@cache: behavior={behavior!r} is unknown. Give one of "
                f"{', '.join(map(repr, CACHE_BEHAVIORS))}.{did_you_mean(str(behavior), CACHE_BEHAVIORS)}"
            )
        given = {"cache.behavior": behavior, "cache.format": format}
        tags = {key: value for key, value in given.items() if value is not None}
        super().__init__(checked_tags("cache", tags), checked_target("cache", target_))


class ray_remote_options(Tagging):
    """Say with which options Ray runs a function.

    Args:
        **options: Options of `ray.remote`, as `num_gpus=1` or `resources={"big": 1}`.

    Raises:
        InvalidModifier: An option cannot be written as JSON.
    """

    def __init__(self, **options: Any) -> None:
        """Write the options as tags."""
        super().__init__({f"ray_remote.{name}": _json(name, option) for name, option in options.items()})


def _json(name: str, option: Any) -> str:
    import json

    if any(unevaluated_in(option)):
        return describe(option)
    try:
        return json.dumps(option)
    except (TypeError, ValueError) as error:
        raise InvalidModifier(
            f"@ray_remote_options: {name}={option!r} cannot be written as JSON: {error}. Give numbers, "
            "texts, lists and dictionaries."
        ) from error


def checked_tags(modifier: str, tags: Mapping[Any, Any], *, bypass: bool = False) -> dict[str, TagValue]:
    """Return tags as nodes have them.

    Args:
        modifier: Name of the modifier that was given them.
        tags: Values by key.
        bypass: Whether keys may begin with a reserved word.

    Raises:
        InvalidModifier: A key or a value is not allowed.
    """
    checked = {}
    for key, value in tags.items():
        _check_key(modifier, key, bypass)
        checked[key] = _value(modifier, key, value)
    return checked


def _check_key(modifier: str, key: Any, bypass: bool) -> None:
    parts = key.split(".") if isinstance(key, str) else [""]
    if not all(part.isidentifier() for part in parts):
        raise InvalidModifier(
            f"@{modifier}: {key!r} is no tag key. Use identifiers joined by dots, such as 'owner' or "
            "'team.lead'."
        )
    if parts[0] in RESERVED_NAMESPACES and not bypass:
        reserved = ", ".join(sorted(RESERVED_NAMESPACES))
        # Only `tag` has a way around.
        other = ", or pass bypass_reserved_namespaces_=True" if modifier == "tag" else ""
        raise InvalidModifier(
            f"@{modifier}: the key '{key}' begins with the reserved word '{parts[0]}'. Choose another first "
            f"word (reserved: {reserved}){other}."
        )


def _text(value: Unevaluated | Reference | str) -> str:
    # A member of an enumeration may be a text, too, and that is the tag, not what the member is called.
    return str.__str__(value) if isinstance(value, str) else str(value)


def _value(modifier: str, key: str, value: Any) -> TagValue:
    if isinstance(value, (Unevaluated, Reference, str)):
        return _text(value)
    if isinstance(value, (list, tuple)) and value:
        items = tuple(_text(v) if isinstance(v, (Unevaluated, Reference, str)) else v for v in value)
        if all(isinstance(item, str) for item in items) and len(set(items)) == len(items):
            return items
    raise InvalidModifier(
        f"@{modifier}: the value of '{key}' is {value!r}. Give a string, or a non-empty list of different "
        f'strings: {key}="{value}".'
    )
