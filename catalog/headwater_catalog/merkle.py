"""Hashes of everything in a graph together with all that it needs, also where that goes in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from headwater.normal_form import digest

__all__ = ["circles_first", "merkle_hashes"]

K = TypeVar("K", bound="str | tuple[str, ...]")

Needs = Mapping[K, Mapping[str, tuple[K, ...]]]
"""For each member, what it needs: under the name by which it asks for it, whatever answers."""


def merkle_hashes(own: Mapping[K, str], needs: Needs[K]) -> dict[K, str]:
    """Return the hash of each member: of its own, and of the hashes of what it needs by name.

    Where a member is called or stands does not count, only what it is and needs. Members of a circle have no
    hash before each other; of those their keys count as well, unless one needs but itself.

    Args:
        own: The hash of each member alone.
        needs: What each of them needs; all of it has a hash of its own.
    """
    found: dict[K, str] = {}
    for circle in circles_first(own, needs):
        if len(circle) == 1:
            (key,) = circle
            found[key] = digest(_form(own[key], needs.get(key, {}), found, {key: "itself"}))
        else:
            inside = {key: repr(key) for key in circle}
            alone = {key: _form(own[key], needs.get(key, {}), found, inside) for key in circle}
            together = digest(token for key in sorted(circle) for token in (repr(key), *alone[key]))
            found.update({key: digest((repr(key), together)) for key in circle})
    return found


def _form(
    own: str, needs: Mapping[str, tuple[K, ...]], known: Mapping[K, str], inside: Mapping[K, str]
) -> list[str]:
    form = [own]
    for name in sorted(needs):
        answers = sorted(inside[key] if key in inside else known[key] for key in needs[name])
        form += [name, str(len(answers)), *answers]
    return form


def circles_first(own: Mapping[K, object], needs: Needs[K]) -> Iterator[tuple[K, ...]]:
    """Yield the members, what is needed before what needs it; members that need each other come together.

    This is Tarjan's algorithm, with a stack of its own: a chain of features may be longer than Python's.
    """
    number: dict[K, int] = {}
    lowest: dict[K, int] = {}
    waiting: dict[K, None] = {}
    for root in own:
        if root in number:
            continue
        if all(other in number for other in _needed(root, needs)):  # most that others do not need
            number[root] = len(number)
            yield (root,)
            continue
        pending = [(root, _needed(root, needs))]
        while pending:
            key, left = pending[-1]
            if key not in number:
                number[key] = lowest[key] = len(number)
                waiting[key] = None
            for other in left:
                if other not in number:
                    pending.append((other, _needed(other, needs)))
                    break
                if other in waiting:
                    lowest[key] = min(lowest[key], number[other])
            else:
                pending.pop()
                if pending:
                    above = pending[-1][0]
                    lowest[above] = min(lowest[above], lowest[key])
                if lowest[key] == number[key]:
                    yield _circle(key, waiting)


def _needed(key: K, needs: Needs[K]) -> Iterator[K]:
    return (other for answers in needs.get(key, {}).values() for other in answers)


def _circle(first: K, waiting: dict[K, None]) -> tuple[K, ...]:
    """Take the members of a circle off those that wait for theirs; the one met first is deepest."""
    circle = []
    while True:
        key, _ = waiting.popitem()
        circle.append(key)
        if key == first:
            return tuple(circle)
