"""Conditions on the configuration under which a variant of a feature exists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from headwater.values import Reference, Unevaluated, describe, unevaluated_in

__all__ = ["ALWAYS", "EVERY", "Condition", "Configuration", "Operator", "Test"]


class Configuration(Mapping[str, Any]):
    """What is known of a configuration.

    Args:
        values: Values by key.
        is_open: Whether keys that are not given may have any value; of a whole configuration, a missing
            key counts as None, as in Hamilton.
        open_keys: The only keys that may, where the configuration is open; None: all.
    """

    __slots__ = ("is_open", "open_keys", "values_by_key")

    def __init__(
        self, values: Mapping[str, Any], *, is_open: bool = False, open_keys: frozenset[str] | None = None
    ) -> None:
        self.values_by_key = values
        self.is_open = is_open
        self.open_keys = open_keys

    def __getitem__(self, key: str) -> Any:
        return self.values_by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_key)

    def __len__(self) -> int:
        return len(self.values_by_key)

    def decides(self, key: str) -> bool:
        """Tell whether the value of a key is known."""
        if not self.is_open or key in self.values_by_key:
            return True
        return self.open_keys is not None and key not in self.open_keys

    def over(self, values: Mapping[str, Any]) -> Configuration:
        """Return this configuration with more values, which win over those it has."""
        return Configuration({**self.values_by_key, **values}, is_open=self.is_open, open_keys=self.open_keys)

    def opened(self, keys: Collection[str]) -> Configuration:
        """Return this configuration with some keys that may have any value, whatever it knows of them."""
        if not keys:
            return self
        values = {key: value for key, value in self.values_by_key.items() if key not in keys}
        if self.is_open and self.open_keys is None:
            return Configuration(values, is_open=True)
        return Configuration(values, is_open=True, open_keys=(self.open_keys or frozenset()).union(keys))

    def only(self, keys: Collection[str]) -> Configuration:
        """Return what this configuration says of some keys; all others count as None."""
        values = {key: value for key, value in self.values_by_key.items() if key in keys}
        if not self.is_open:
            return Configuration(values)
        open_keys = frozenset(keys) if self.open_keys is None else self.open_keys.intersection(keys)
        return Configuration(values, is_open=True, open_keys=open_keys)


EVERY = Configuration({}, is_open=True)
"""No configuration in particular: every variant is of interest, each under its condition."""


class Operator(StrEnum):
    """How a configuration value is compared."""

    IS = "="
    IS_NOT = "!="
    IN = "in"
    NOT_IN = "not in"
    HOLDS = "holds"


_OPPOSITES = {
    Operator.IS: Operator.IS_NOT,
    Operator.IS_NOT: Operator.IS,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
}


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a configuration key, or a predicate over the whole configuration.

    Attributes:
        key: Configuration key; empty for a predicate.
        operator: How to compare; `HOLDS` for a predicate.
        value: What to compare with: a value, the members for `IN` and `NOT_IN`, or the predicate.
    """

    # pytest collects classes called Test*; this one is no test case.
    __test__ = False

    key: str
    operator: Operator
    value: Any = field(hash=False)

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Tell whether the configuration passes; a missing key counts as None, as in Hamilton."""
        if self.operator is Operator.HOLDS:
            predicate: Callable[[Mapping[str, Any]], bool] = self.value
            return bool(predicate(config))
        actual = config.get(self.key)
        if self.operator is Operator.IS:
            return bool(actual == self.value)
        if self.operator is Operator.IS_NOT:
            return bool(actual != self.value)
        return (actual in self.value) is (self.operator is Operator.IN)

    def decided_by(self, config: Configuration) -> bool:
        """Tell whether a configuration says if this test passes."""
        if self.operator is Operator.HOLDS:
            return not config.is_open
        return config.decides(self.key) and not self.unevaluated

    @property
    def denied(self) -> Test:
        """The comparison that passes where this one fails; a predicate has none.

        Raises:
            KeyError: It is a predicate.
        """
        return replace(self, operator=_OPPOSITES[self.operator])

    @property
    def unevaluated(self) -> tuple[Unevaluated | Reference, ...]:
        """What is known of it only from source text."""
        if isinstance(self.value, Reference) and self.operator is Operator.HOLDS:
            return (self.value,)
        return tuple(unevaluated_in(self.value))

    @property
    def accepted(self) -> tuple[Any, ...]:
        """The values that pass, where they are listed."""
        if self.operator is Operator.IS:
            return (self.value,)
        return tuple(self.value) if self.operator is Operator.IN else ()

    def __str__(self) -> str:
        if self.operator is Operator.HOLDS:
            return describe(self.value)
        if isinstance(self.value, (list, tuple, set, frozenset)):
            value = f"({', '.join(_shown(item) for item in self.value)})"
        else:
            value = _shown(self.value)
        return f"{self.key} {self.operator} {value}"


def _shown(value: Any) -> str:
    return f'"{describe(value)}"' if isinstance(value, str) else describe(value)


@dataclass(frozen=True, slots=True)
class Condition:
    """All of some tests; with no test it always holds."""

    tests: tuple[Test, ...] = ()

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Tell whether every test passes for a configuration."""
        return all(test.holds(config) for test in self.tests)

    def under(self, config: Configuration) -> Condition | None:
        """Return what is left to be true under a configuration; None where a test already fails."""
        left = []
        for test in self.tests:
            if not test.decided_by(config):
                left.append(test)
            elif not test.holds(config):
                return None
        return self if len(left) == len(self.tests) else Condition(tuple(left))

    def and_(self, *tests: Test) -> Condition:
        """Return this condition with more tests."""
        return Condition(self.tests + tests)

    def narrowed(self, other: Condition) -> Condition | None:
        """Return the condition that both hold, without what follows from the rest; None where they cannot."""
        by_key: dict[str, list[Test]] = {}
        for test in self.tests + other.tests:
            alike = by_key.setdefault(test.key, [])
            if test not in alike:
                alike.append(test)
        tests: list[Test] = []
        for key, alike in by_key.items():
            known = [test for test in alike if key and not test.unevaluated]
            if not _may_hold(known):
                return None
            exact = next((test for test in known if test.operator is Operator.IS), None)
            # One exact value passes all the other tests, as was just seen.
            tests += [test for test in alike if exact is None or test is exact or test not in known]
        return Condition(tuple(tests))

    @property
    def denied(self) -> tuple[Condition, ...]:
        """Conditions of which exactly one holds where this one does not; it must compare keys only."""
        return tuple(Condition((*self.tests[:index], test.denied)) for index, test in enumerate(self.tests))

    @property
    def keys(self) -> tuple[str, ...]:
        """Configuration keys that are compared, in order."""
        return tuple(dict.fromkeys(test.key for test in self.tests if test.key))

    @property
    def unevaluated(self) -> tuple[Unevaluated | Reference, ...]:
        """Values and predicates that are known only from source text; such a condition cannot be decided."""
        return tuple(found for test in self.tests for found in test.unevaluated)

    def may_meet(self, other: Condition) -> bool:
        """Tell whether some configuration could fulfil both; what cannot be told counts as no."""
        if not self.tests or not other.tests or self.tests == other.tests:
            return True
        by_key: dict[str, list[Test]] = {}
        for test in self.tests + other.tests:
            if test.operator is Operator.HOLDS or test.unevaluated:
                return False
            by_key.setdefault(test.key, []).append(test)
        return all(map(_may_hold, by_key.values()))

    def __str__(self) -> str:
        return " and ".join(map(str, self.tests))


def _may_hold(tests: list[Test]) -> bool:
    """Tell whether one value of a configuration key could pass all tests on it."""
    candidates = [value for test in tests for value in test.accepted]
    if not candidates:
        return True  # a value that no test excludes can always be found
    return any(all(test.holds({test.key: value}) for test in tests) for value in candidates)


ALWAYS = Condition()
