"""What came to the result of a watched query, and what went, each with the commit that did it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.subscriptions.results import packed, unpacked

__all__ = ["Change", "Item", "pack_change", "unpack_change"]


@dataclass(frozen=True, slots=True)
class Item:
    """A feature or a finding that came to a result, or went.

    Attributes:
        id: The key of the feature, or the fingerprint of the finding.
        told: Of a finding its rule, severity, feature and message.
        commit: The commit that did it; None where no commit of the repository did, or nobody knows which.
    """

    id: str
    told: tuple[str, ...]
    commit: CommitRef | None

    @property
    def key(self) -> str:
        """The key of the feature."""
        return self.told[2] if self.told else self.id


@dataclass(frozen=True, slots=True)
class Change:
    """What came to a result between two commits, and what went.

    Attributes:
        came: What came.
        went: What went.
    """

    came: tuple[Item, ...]
    went: tuple[Item, ...]


def pack_change(change: Change) -> bytes:
    """Return a change as it is stored: each commit is told once, and mentioned by its place."""
    places: dict[CommitRef, int] = {}

    def rows(items: Iterable[Item]) -> list[Any]:
        return [
            [each.id, each.told, None if each.commit is None else places.setdefault(each.commit, len(places))]
            for each in items
        ]

    came, went = rows(change.came), rows(change.went)
    commits = [[each.sha, each.author, each.authored_at, each.subject, each.position] for each in places]
    return packed({"came": came, "went": went, "commits": commits})


def unpack_change(stored: bytes) -> Change:
    """Return a stored change."""
    data: Mapping[str, Any] = unpacked(stored)
    commits = [CommitRef(*told) for told in data["commits"]]
    return Change(_items(data["came"], commits), _items(data["went"], commits))


def _items(rows: Iterable[Any], commits: Sequence[CommitRef]) -> tuple[Item, ...]:
    return tuple(Item(id, tuple(told), None if at is None else commits[at]) for id, told, at in rows)
