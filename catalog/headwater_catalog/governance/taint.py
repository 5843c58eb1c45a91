"""What a change does to classifications: what became personal, what stopped being so, and through what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_catalog.query.classified import Classified, classify
from headwater_catalog.snapshot import Snapshot

__all__ = ["TaintChange", "taint_difference"]


@dataclass(frozen=True, slots=True)
class TaintChange:
    """A feature whose level of a classification a change has moved.

    Attributes:
        classification: Its key.
        key: The feature, by its key after the change; before it, where it is gone.
        was: The name of its level before; None where it was not there.
        now: The name of its level after; None where it is gone.
        rises: Whether more flows in than before.
        path: A shortest way to it: after the change where it rises, before it otherwise.
        through: The step of that way that the change has made or broken: one key, which says it of itself or
            has a barrier, or the two ends of an edge.
        cause: What happened to the last of these, in a clause without its subject.
    """

    classification: str
    key: str
    was: str | None
    now: str | None
    rises: bool
    path: tuple[str, ...]
    through: tuple[str, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class _Side:
    snapshot: Snapshot
    found: Classified
    keys: Mapping[str, str]  # what the other side calls each key that has another name there

    def other_key(self, key: str) -> str:
        return self.keys.get(key, key)

    def has(self, key: str) -> bool:
        return key in self.snapshot.graph.nodes


def taint_difference(
    before: Snapshot,
    after: Snapshot,
    day: str,
    *,
    moved: Mapping[str, str] | None = None,
) -> tuple[TaintChange, ...]:
    """Return the features whose levels a change has moved: those that rise first, then by key.

    Args:
        before: The features before it.
        after: The features after it.
        day: The day on which barriers must hold, for both, so that time alone makes no difference.
        moved: Features that only moved: their keys before, by those after.
    """
    moved = moved or {}
    back = {old: new for new, old in moved.items()}
    wanted = {**before.declared.rules.classifications, **after.declared.rules.classifications}
    found: list[TaintChange] = []
    for tag in wanted:
        then = _Side(before, classify(before, tag, day), back)
        now = _Side(after, classify(after, tag, day), moved)
        found += (*_higher(now, then, rises=True), *_higher(then, now, rises=False))
    return tuple(sorted(found, key=lambda change: (not change.rises, change.classification, change.key)))


def _higher(here: _Side, there: _Side, *, rises: bool) -> Iterator[TaintChange]:
    """Yield the features whose level is higher on one side; it rises where that is the later one."""
    for key, level in here.found.levels.items():
        other = here.other_key(key)
        if key.startswith(INPUT_PREFIX) or not here.has(key) or level <= there.found.levels.get(other, 0):
            continue
        levels = _name(here, key), _name(there, other)
        if levels[0] == levels[1]:  # the same level, which stands at another place among them
            continue
        was, now = reversed(levels) if rises else levels
        after = key if rises or not there.has(other) else other
        path = here.found.why(key)
        tag = here.found.classification.key
        yield TaintChange(tag, after, was, now, rises, path, *_broken(path, here, there, rises))


def _name(side: _Side, key: str) -> str | None:
    if not side.has(key):
        return None
    return side.found.classification.names[side.found.levels.get(key, 0)]


_CAUSES: Final[Mapping[str, tuple[str, str]]] = {
    "said": ("is tagged so now", "is no longer tagged so"),
    "there": ("is new", "is gone"),
    "barrier": ("has no barrier any more that holds", "has a barrier now"),
    "guarded": ("no longer anonymises it", "anonymises it now"),
    "edge": ("needs it now", "no longer needs it"),
    "rules": ("is reached since the classification is declared otherwise",) * 2,
}
"""What happened at a step, where a level rises and where it falls."""


def _broken(path: tuple[str, ...], here: _Side, there: _Side, rises: bool) -> tuple[tuple[str, ...], str]:
    """Return the first step of a way that only one side has, and what happened to it.

    Args:
        path: A way on the side where the level is higher.
        here: That side.
        there: The other one.
        rises: Whether `here` is the later one.
    """
    through, cause = _step(path, here, there)
    return through, _CAUSES[cause][0 if rises else 1]


def _step(path: tuple[str, ...], here: _Side, there: _Side) -> tuple[tuple[str, ...], str]:
    first = here.other_key(path[0])
    if not there.has(first):
        return path[:1], "there"
    if there.found.levels.get(first, 0) < here.found.levels[path[0]]:
        if _name(there, first) == _name(here, path[0]):
            return path[:1], "rules"
        return path[:1], "barrier" if first in there.found.barriers else "said"
    for source, target in pairwise(path):
        ends = here.other_key(source), here.other_key(target)
        if not there.has(ends[1]):
            return (source, target), "there"
        if ends[1] in there.found.barriers:
            return (target,), "barrier"
        if ends in there.found.guarded:
            return (source, target), "guarded"
        if ends not in there.snapshot.graph.edges:
            return (source, target), "edge"
    return path[-1:], "rules"
