"""Variants: which function makes a feature under which configuration."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from headwater.conditions import Operator, Test
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Resolver, Variant
from headwater.values import Reference, Unevaluated

__all__ = ["comparisons", "config", "hamilton_exclude"]


class config(Resolver):
    """Let a function count only under some configurations.

    `@config.when(region="UK")`, `when_not`, `when_in` and `when_not_in` compare configuration keys; a
    missing key compares as None. The feature is named by the part of the function's name before the
    last double underscore: `holidays__uk` makes `holidays`.

    Args:
        resolves: A predicate over the whole configuration.
        target_name: Name of the feature, in place of the part before the double underscore.
        config_used: Configuration keys that the predicate reads.
    """

    def __init__(
        self,
        resolves: Callable[[Mapping[str, Any]], bool] | Unevaluated | Reference,
        target_name: str | None = None,
        config_used: Sequence[str] | None = None,
    ) -> None:
        """Hold a predicate over the configuration."""
        if not callable(resolves) and not isinstance(resolves, (Unevaluated, Reference)):
            raise InvalidModifier(
                f"@config takes a function of the configuration, not {resolves!r}. To compare a key, use "
                '@config.when(region="UK").'
            )
        self.tests: tuple[Test, ...] = (Test("", Operator.HOLDS, resolves),)
        self.target_name = _target_name(target_name)
        self.keys = tuple(config_used) if config_used is not None else ("__UNKNOWN__",)

    def resolve(self, variant: Variant, function: Function) -> Variant | None:
        """Add this modifier's tests and take the variant suffix off the name."""
        if variant.name.endswith("__"):
            raise InvalidModifier(
                f"{function.where} ends with two underscores, which leaves its variant without a name. "
                f"Name it '{function.name}uk', say, or take the underscores away."
            )
        head, separator, _ = variant.name.rpartition("__")
        name = self.target_name or (head if separator else variant.name)
        # Hamilton notes the keys of the outermost modifier only.
        return Variant(name, variant.condition.and_(*self.tests), self.keys)

    @classmethod
    def _compare(cls, operator: Operator, name: str | None, values: Mapping[str, Any]) -> config:
        made = cls.__new__(cls)
        made.tests = comparisons(operator, values)
        made.target_name = _target_name(name)
        made.keys = tuple(values)
        return made

    @classmethod
    def when(cls, name: str | None = None, **key_value_pairs: Any) -> config:
        """Count when every key has the given value."""
        return cls._compare(Operator.IS, name, key_value_pairs)

    @classmethod
    def when_not(cls, name: str | None = None, **key_value_pairs: Any) -> config:
        """Count when no key has the given value."""
        return cls._compare(Operator.IS_NOT, name, key_value_pairs)

    @classmethod
    def when_in(cls, name: str | None = None, **key_value_group_pairs: Collection[Any]) -> config:
        """Count when every key has one of the given values."""
        return cls._compare(Operator.IN, name, key_value_group_pairs)

    @classmethod
    def when_not_in(cls, **key_value_group_pairs: Collection[Any]) -> config:
        """Count when no key has one of the given values."""
        return cls._compare(Operator.NOT_IN, None, key_value_group_pairs)


def comparisons(operator: Operator, values: Mapping[str, Any]) -> tuple[Test, ...]:
    """Return the tests that compare every key with the given value, or with the given members.

    Raises:
        InvalidModifier: A key is compared with members that are no collection.
    """
    if operator in (Operator.IN, Operator.NOT_IN):
        values = _members(values)
    return tuple(Test(key, operator, value) for key, value in values.items())


def _target_name(name: Any) -> str | None:
    if isinstance(name, Unevaluated):
        return None
    if name is None or (isinstance(name, str) and name):
        return name
    raise InvalidModifier(
        f"@config: {name!r} is no name for a feature. Give the name as text, and what to compare as "
        'keywords: @config.when(region="UK").'
    )


def _members(groups: Mapping[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, group in groups.items():
        if isinstance(group, Unevaluated):
            members[key] = group
        elif isinstance(group, Collection) and not isinstance(group, (str, bytes)):
            # The order of a set depends on the process; conditions are stored and compared as text.
            ordered = sorted(group, key=repr) if isinstance(group, (set, frozenset)) else group
            members[key] = tuple(ordered)
        else:
            raise InvalidModifier(
                f"@config: {key} must be compared with a list of values, not {group!r}: {key}=[{group!r}]."
            )
    return members


class hamilton_exclude(Resolver):
    """Keep a function out of the graph; used bare, or called without arguments."""

    def __new__(cls, fn: Callable[..., Any] | None = None) -> Any:
        """Mark the function at once where the modifier is used without parentheses."""
        made = super().__new__(cls)
        if fn is not None and not callable(fn):
            raise InvalidModifier("@hamilton_exclude takes no arguments. Use it bare, above the function.")
        return made if fn is None else made(fn)

    def resolve(self, variant: Variant, function: Function) -> Variant | None:
        """Return None: the function makes no node."""
        return None
