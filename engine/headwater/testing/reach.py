"""Which tests reach which features."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from headwater.build import expand
from headwater.errors import DefinitionError
from headwater.function import Function, functions_of
from headwater.node import Role

__all__ = ["Reach", "features_of", "key_of"]


def key_of(function: Function, feature: str) -> str:
    """Return the key of a feature: `module:name`."""
    return f"{function.location.module}:{feature}"


def features_of(*modules: ModuleType) -> dict[str, Function]:
    """Return the functions of all features of modules, in every configuration, by the features' keys."""
    found: dict[str, Function] = {}
    for module in modules:
        for function in functions_of(module):
            found.update(dict.fromkeys(_features(function), function))
    return found


def _features(function: Function) -> list[str]:
    try:
        nodes = expand(function)
    except DefinitionError:  # the build tells of it
        return [key_of(function, function.name)]
    return [key_of(function, node.name) for node in nodes if node.role is Role.FEATURE]


class Reach:
    """Features, and the tests that reach each: by an execution, or by a call of the function itself."""

    def __init__(
        self, features: Iterable[str] = (), tests: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        """Hold the keys of features, and of those that are reached the names of the tests."""
        self._tests: dict[str, set[str]] = {feature: set() for feature in features}
        for feature, names in (tests or {}).items():
            self._tests.setdefault(feature, set()).update(names)

    @property
    def features(self) -> list[str]:
        """The keys of all features."""
        return list(self._tests)

    def tests_of(self, feature: str) -> list[str]:
        """Return the names of the tests that reach a feature."""
        return sorted(self._tests.get(feature, ()))

    @property
    def untested(self) -> list[str]:
        """The features that no test reaches."""
        return [feature for feature, tests in self._tests.items() if not tests]

    def add(self, test: str, features: Iterable[str]) -> None:
        """Note that a test reaches features; those of other modules do not count."""
        for feature in features:
            if feature in self._tests:
                self._tests[feature].add(test)

    def merge(self, other: Reach) -> None:
        """Take in what was found elsewhere, as in another process of the same test run."""
        for feature in other.features:
            self._tests.setdefault(feature, set()).update(other.tests_of(feature))

    def as_dict(self) -> dict[str, list[str]]:
        """Return the tests by feature, as JSON can hold them."""
        return {feature: self.tests_of(feature) for feature in self._tests}

    def write(self, path: Path) -> None:
        """Write a file that `read` can read."""
        path.write_text(json.dumps({"features": self.as_dict()}, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Reach:
        """Return what a file holds that `write` has written."""
        return cls(tests=json.loads(path.read_text(encoding="utf-8"))["features"])
