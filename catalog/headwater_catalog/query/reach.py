"""Terms of a query that mean a set of features: what lineage reaches from those that they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from headwater_catalog.lineage_graph import Distances
from headwater_catalog.query.classified import classify
from headwater_catalog.query.subjects import Scope
from headwater_catalog.spelling import nearest_names

__all__ = [
    "UnknownName",
    "between",
    "check_between",
    "check_level",
    "check_reach",
    "classified",
    "downstream",
    "sourced",
    "upstream",
    "used_by",
    "users_of",
]

_LEVEL = re.compile(r"([^<>=]+?)(?:(>?=)([^<>=]+))?")
_REACH = re.compile(r"(?P<name>[^@]+)(?:@(?P<steps>\d{1,6}))?", re.ASCII)


def check_reach(value: str) -> None:
    """Require a name, and maybe a number of steps after `@`.

    Raises:
        ValueError: It is not of that form.
    """
    _reach(value)


def check_between(value: str) -> None:
    """Require two names with `..` between.

    Raises:
        ValueError: It is not of that form.
    """
    _ends(value)


def upstream(scope: Scope, value: str) -> frozenset[str]:
    """Return what the features of a name need, directly or not; `NAME@2` within two steps.

    Raises:
        UnknownName: Nothing has this name; the message tells the nearest names.
    """
    name, steps = _reach(value)
    return _up(scope, _named(scope, name), steps)


def downstream(scope: Scope, value: str) -> frozenset[str]:
    """Return what needs the features of a name, directly or not; `NAME@2` within two steps.

    Raises:
        UnknownName: Nothing has this name.
    """
    name, steps = _reach(value)
    return _down(scope, _named(scope, name), steps)


def users_of(scope: Scope, value: str) -> frozenset[str]:
    """Return what needs the features of a name directly.

    Raises:
        UnknownName: Nothing has this name.
    """
    return frozenset(key for named in _named(scope, value) for key in scope.graph.children(named))


def used_by(scope: Scope, value: str) -> frozenset[str]:
    """Return what the features of a name need directly.

    Raises:
        UnknownName: Nothing has this name.
    """
    return frozenset(key for named in _named(scope, value) for key in scope.graph.parents(named))


def between(scope: Scope, value: str) -> frozenset[str]:
    """Return what lies on any way downstream from one name to another, ends included.

    Raises:
        UnknownName: Nothing has one of the names.
    """
    first, last = (_named(scope, name) for name in _ends(value))
    return (_down(scope, first) | frozenset(first)) & (_up(scope, last) | frozenset(last))


def sourced(scope: Scope, value: str) -> frozenset[str]:
    """Return what depends on an input from outside: by its name, or the path of its declared source.

    Raises:
        UnknownName: There is no such input.
    """
    declared = {
        name
        for dataflow in scope.snapshot.dataflows
        for name, source in dataflow.sources.items()
        if value in _paths(source)
    }
    nodes = [node for node in scope.graph.nodes.values() if node.is_input]
    asked = [node.key for node in nodes if node.name == value or node.name in declared]
    if not asked:
        raise UnknownName("input or source", value, lambda: {node.name for node in nodes})
    return _down(scope, asked)


def classified(scope: Scope, value: str) -> frozenset[str]:
    """Return what a classification reaches: `pii`, or at a level: `confidentiality=internal`, or `>=`.

    Raises:
        UnknownName: It has no such level.
    """
    tag, sign, level = _LEVEL.fullmatch(value).groups()  # type: ignore[union-attr]
    found = classify(scope.snapshot, tag, scope.day, scope.imported.get(tag.casefold()))
    if not sign:
        return found.keys
    names = [name.casefold() for name in found.classification.names]
    if level.casefold() not in names:
        raise UnknownName(f"level of '{tag}'", level, lambda: found.classification.names)
    wanted = names.index(level.casefold())
    if sign == "=":
        return frozenset(key for key, its in found.levels.items() if its == wanted)
    return frozenset(key for key, its in found.levels.items() if its >= wanted)


def check_level(value: str) -> None:
    """Require the key of a classification, and maybe a level after `=` or `>=`.

    Raises:
        ValueError: It is not of that form.
    """
    if not _LEVEL.fullmatch(value):
        raise ValueError(value)


def _up(scope: Scope, keys: Iterable[str], steps: int | None = None) -> frozenset[str]:
    return _near(map(scope.graph.upstream, keys), steps)


def _down(scope: Scope, keys: Iterable[str], steps: int | None = None) -> frozenset[str]:
    return _near(map(scope.graph.downstream, keys), steps)


def _near(closures: Iterable[Distances], steps: int | None) -> frozenset[str]:
    return frozenset(chain.from_iterable(distances.within(steps) for distances in closures))


def _paths(source: Any) -> Iterable[str]:
    """Return by what a declared source of a dataflow is known: its text, or the texts of its table."""
    return [str(each) for each in source.values()] if isinstance(source, Mapping) else [str(source)]


def _reach(value: str) -> tuple[str, int | None]:
    match = _REACH.fullmatch(value)
    if match is None:
        raise ValueError(value)
    return match["name"], int(match["steps"]) if match["steps"] else None


def _ends(value: str) -> tuple[str, str]:
    first, dots, last = value.partition("..")
    if not (first and dots and last):
        raise ValueError(value)
    return first, last


def _named(scope: Scope, name: str) -> Sequence[str]:
    found = scope.keys_by_name.get(name)
    if not found:
        nodes = scope.graph.nodes.values()
        raise UnknownName("feature or input", name, lambda: {node.name for node in nodes})
    return found


class UnknownName(LookupError):
    """A term of lineage names what is not there; the nearest names are looked for only when it is told."""

    def __init__(self, kind: str, name: str, known: Callable[[], Collection[str]]) -> None:
        super().__init__(kind, name)
        self._known = known

    def __str__(self) -> str:
        kind, name = self.args
        near = nearest_names(name, self._known(), limit=3)
        return f"No {kind} '{name}'." + (f" Near to it: {', '.join(near)}." if near else "")
