"""From which version to which one the variants of features went, commit by commit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from headwater_catalog.pairs import Edge, pair

__all__ = ["Step", "by_position", "steps_at"]


class Step(NamedTuple):
    """What happened at a position: from one version of a variant, or none, to another, or none."""

    position: int
    feature: int
    old: Any = None
    new: Any = None


_Variants = dict[tuple[int, str], Any]
"""Versions by feature and variant."""


def by_position(rows: Collection[Any], end: str) -> dict[int, _Variants]:
    """Return versions by an end, `valid_from` or `valid_until`, and then by feature and variant."""
    found: dict[int, _Variants] = {}
    for row in rows:
        found.setdefault(getattr(row, end), {})[row.feature_id, row.variant] = row
    return found


def steps_at(position: int, begun: _Variants, ended: _Variants) -> Iterator[Step]:
    """Yield what happened at a position; where a feature moved, one version goes on as another.

    Args:
        position: The position.
        begun: The versions that begin there, with what `pairs.Edge` asks for.
        ended: Those that end there.
    """
    gone = {row.id: row for key, row in ended.items() if key not in begun}
    come = {row.id: row for key, row in begun.items() if key not in ended}
    moved = pair(map(_edge, gone.values()), map(_edge, come.values())) if gone and come else {}
    for key in begun.keys() & ended.keys():
        yield Step(position, key[0], ended[key], begun[key])
    for new, old in moved.items():
        yield Step(position, come[new].feature_id, gone[old], come[new])
    for new, row in come.items():
        if new not in moved:
            yield Step(position, row.feature_id, None, row)
    continued = frozenset(moved.values())
    for old, row in gone.items():
        if old not in continued:
            yield Step(position, row.feature_id, row, None)


def _edge(row: Any) -> Edge:
    return Edge(row.id, row.feature_id, row.name, row.variant, row.digest, row.code_hash)
