"""The configuration of a sub-graph: values of its own over those of the graph around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headwater.conditions import EVERY, Condition, Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.dependencies import group, source, value
from headwater.values import Unevaluated

__all__ = ["Settings", "configuration"]


@dataclass(frozen=True, slots=True)
class configuration:
    """A setting of a sub-graph that takes its value from a key of the configuration around it."""

    dependency_on: str | Unevaluated

    def __post_init__(self) -> None:
        """Refuse what is no key."""
        if not isinstance(self.dependency_on, (str, Unevaluated)):
            raise InvalidModifier(
                f"configuration() takes a configuration key, not {self.dependency_on!r}: "
                'configuration("region").'
            )

    @property
    def source(self) -> str | Unevaluated:
        """The configuration key."""
        return self.dependency_on


class Settings:
    """What a sub-graph is configured with.

    Args:
        modifier: Name of the modifier, for messages.
        given: Values by key: literals, `value(literal)` or `configuration("key")`; or what source tells.

    Raises:
        InvalidModifier: A key is given a node, or something that is no mapping is given.

    Attributes:
        values: The literal values by key.
        keys: For each key that takes the value of a key of the configuration around, that key.
        unknown: Keys whose values are known only as text.
        is_known: Whether source tells the keys at all.
    """

    __slots__ = ("is_known", "keys", "unknown", "values")

    def __init__(self, modifier: str, given: Mapping[str, Any] | Unevaluated | None) -> None:
        self.is_known = not isinstance(given, Unevaluated)
        self.values: dict[str, Any] = {}
        self.keys: dict[str, str] = {}
        self.unknown: dict[str, Unevaluated] = {}
        if isinstance(given, Unevaluated) or given is None:
            return
        if not isinstance(given, Mapping):
            raise InvalidModifier(
                f"@{modifier}: config must be a mapping from keys to values, not {given!r}."
            )
        for key, setting in given.items():
            if not isinstance(setting, configuration):
                self._set(modifier, key, setting)
        for key, setting in given.items():
            if isinstance(setting, configuration):
                self._refer(key, setting.source)

    def _set(self, modifier: str, key: str, setting: Any) -> None:
        if isinstance(setting, (source, group)):
            raise InvalidModifier(
                f"@{modifier}: config key '{key}' is {setting!r}, but which nodes there are cannot depend on "
                'the value of a node. Give a literal, or configuration("key") for a key of the configuration.'
            )
        literal = setting.value if isinstance(setting, value) else setting
        if isinstance(literal, Unevaluated):
            self.unknown[key] = literal
        else:
            self.values[key] = literal

    def _refer(self, key: str, outer: str | Unevaluated) -> None:
        # What is set here hides the key around; and a reference may be to one before it.
        if isinstance(outer, Unevaluated):
            self.unknown[key] = outer
        elif outer in self.values:
            self.values[key] = self.values[outer]
        elif outer in self.unknown:
            self.unknown[key] = self.unknown[outer]
        else:
            self.keys[key] = self.keys.get(outer, outer)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys that are set."""
        return (*self.values, *self.keys, *self.unknown)

    def over(self, config: Configuration, function: Function) -> Configuration:
        """Return the configuration of the sub-graph.

        Args:
            config: What is known of the configuration around.
            function: The function whose sub-graph it is.

        Raises:
            InvalidModifier: The configuration around is whole, and lacks a key that is referred to.
        """
        if not self.is_known:
            return EVERY
        values = dict(self.values)
        undecided = set(self.unknown)
        for key, outer in self.keys.items():
            if not config.decides(outer):
                undecided.add(key)
            elif config.is_open or outer in config:
                values[key] = config.get(outer)
            else:
                raise InvalidModifier(
                    f"{function.where} needs configuration key '{outer}' for its sub-graph. Add it to the "
                    f"configuration.{did_you_mean(outer, config)}"
                )
        return config.over(values).opened(undecided)

    def left(self, condition: Condition) -> Condition:
        """Return what a condition inside the sub-graph asks of the configuration around."""
        left = condition.under(Configuration(self.values, is_open=True))
        assert left is not None  # a node that its configuration rules out was never made
        if not any(test.key in self.keys for test in left.tests):
            return left
        return Condition(tuple(replace(test, key=self.keys.get(test.key, test.key)) for test in left.tests))
