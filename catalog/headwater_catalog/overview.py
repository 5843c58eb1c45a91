"""What a catalog holds at a glance: figures of each repository at its head, and what changed lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.main_line import count_changes, list_commits
from headwater_catalog.moments import Moment
from headwater_catalog.recent import RecentOf
from headwater_catalog.search import search

__all__ = [
    "LATEST",
    "WITHOUT_DOC",
    "WITHOUT_OWNER",
    "Figures",
    "LatestChange",
    "figures_of",
    "latest_changes",
]

LATEST: Final = 8
"""How many of the latest changes are told."""
WITHOUT_OWNER: Final = "-has:owner"
"""The search for features that nobody owns."""
WITHOUT_DOC: Final = "-has:doc"
"""The search for features that nobody has described."""
_MOST_KEPT: Final = 1_000  # repositories of one database, besides those that ask again and again


@dataclass(frozen=True, slots=True)
class LatestChange:
    """A commit of a main line that changed features, and how many in which way."""

    repository: str
    commit: CommitRef
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a repository holds at its scanned head.

    Attributes:
        features: How many features there are.
        dataflows: How many dataflows.
        problems: How many places in files could not be read as meant.
        without_owner: How many features nobody owns.
        without_doc: How many features have no documentation.
        modules: How many features each module has.
        changes: The latest commits that changed features, the newest first.
    """

    features: int
    dataflows: int
    problems: int
    without_owner: int
    without_doc: int
    modules: Mapping[str, int]
    changes: tuple[LatestChange, ...]


def figures_of(head: Moment) -> Figures:
    """Return the figures of a repository at its scanned head, which are kept until it has another one."""
    stored = head.repository
    # A repository may be named anew, and what is kept of it knows its name.
    key = stored.id, stored.name, stored.reader_version, head.commit.sha
    return _KEPT[head.session].get(key, lambda: _figures(head), holder=stored.id)


def latest_changes(figures: Iterable[Figures]) -> list[LatestChange]:
    """Return the latest changes of several repositories together, the newest first."""
    changes = (change for each in figures for change in each.changes)
    return sorted(changes, key=lambda change: -change.commit.authored_at)[:LATEST]


def _figures(head: Moment) -> Figures:
    snapshot = head.snapshot
    return Figures(
        features=len(snapshot.variants),
        dataflows=len(snapshot.dataflows),
        problems=len(snapshot.diagnostics),
        without_owner=search([head], WITHOUT_OWNER, limit=0).total,
        without_doc=search([head], WITHOUT_DOC, limit=0).total,
        modules=Counter(variants[0].module for variants in snapshot.variants.values()),
        changes=tuple(_changes(head)),
    )


def _changes(head: Moment) -> Iterable[LatestChange]:
    stored = head.repository
    commits = list_commits(head.session, stored, touching=True, limit=LATEST).commits
    positions = [commit.position for commit in commits if commit.position is not None]
    counts = count_changes(head.session, stored, positions)
    for commit in commits:
        yield LatestChange(stored.name, commit, counts.get(commit.position or 0, {}))


_KEPT: Final = RecentOf[Figures](lambda _: 1, _MOST_KEPT)
