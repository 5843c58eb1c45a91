"""Who wrote what stands of a feature today: whom to ask where nobody owns it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from headwater_catalog.errors import NotFound
from headwater_catalog.features import FeatureView
from headwater_catalog.history import HistoryEntry, common_ends, history
from headwater_catalog.moments import Moment
from headwater_catalog.store.models import Commit, Feature, FeatureVersion, Repository

__all__ = ["Author", "authors_at", "surviving_authors"]

_MOST_COMPARED: Final = 1_000_000
"""Pairs of lines that are compared one by one; in a larger change all counts as new."""

_ALL_COMPARED: Final = 10_000_000
"""Such pairs in all changes of a feature, each of which has an equal share: somebody waits for the page."""


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who wrote lines of a feature that are still there.

    Attributes:
        name: The name in the latest of these commits.
        email: The address in them.
        lines: How many lines, empty ones not counted.
    """

    name: str
    email: str
    lines: int


def authors_at(moment: Moment, feature: FeatureView) -> list[Author]:
    """Return the authors of the lines that a feature has at a commit, who wrote most first.

    Beside the main line they are those of the lines that it had where that was left.
    """
    try:
        entries = history(moment.session, moment.repository, feature.module, feature.name, moment.base)
    except NotFound:  # it came beside the main line
        return []
    return surviving_authors(moment.session, moment.repository, feature.key, entries)


def surviving_authors(
    session: Session, repository: Repository, key: str, entries: Sequence[HistoryEntry]
) -> list[Author]:
    """Return the authors of the lines that a feature has now, who wrote most first.

    Each line belongs to the commit that brought it, behind the merge where one did, also if it was brought
    under an earlier name of the feature.

    Args:
        session: An open session.
        repository: The repository.
        key: `module:name` of the feature.
        entries: Its history up to now, the newest first.
    """
    writers = _writers(session, repository, entries)
    blames: dict[str, list[Commit]] = {}
    most = min(_MOST_COMPARED, _ALL_COMPARED // max(len(entries), 1))
    for entry in reversed(entries):
        if entry.new is not None:
            writer = writers[entry.commit.position or 0, entry.key, entry.variant]
            old = entry.old or ""
            blames[entry.new] = _blame(old, blames.get(old, ()), entry.new, writer, most)
    lines: list[Commit] = []
    for text in _present(key, entries):
        lines += (commit for commit, line in zip(blames[text], text.split("\n"), strict=True) if line.strip())
    return _counted(lines)


def _present(key: str, entries: Iterable[HistoryEntry]) -> Iterable[str]:
    """Return the texts of the variants that a feature has after its newest entries."""
    newest: dict[str, str | None] = {}
    for entry in entries:
        if entry.key == key:
            newest.setdefault(entry.variant, entry.new)
    return [text for text in newest.values() if text is not None]


def _writers(
    session: Session, repository: Repository, entries: Iterable[HistoryEntry]
) -> Mapping[tuple[int, str, str], Commit]:
    """Return the commit that brought each version, by its position, key and variant."""
    modules = {entry.key.rpartition(":")[0] for entry in entries}
    names = {entry.key.rpartition(":")[2] for entry in entries}
    own, behind = aliased(Commit), aliased(Commit)
    rows = session.execute(
        select(Feature.module, Feature.name, FeatureVersion.variant, FeatureVersion.valid_from, own, behind)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(own, own.id == FeatureVersion.commit_id)
        .outerjoin(behind, behind.id == FeatureVersion.introduced_id)
        .where(Feature.repository_id == repository.id, Feature.module.in_(modules), Feature.name.in_(names))
    )
    return {
        (position, f"{module}:{name}", variant): brought or merge
        for module, name, variant, position, merge, brought in rows
    }


def _blame(old: str, blame: Sequence[Commit], new: str, writer: Commit, most: int) -> list[Commit]:
    """Return the commit of each line of a new text; lines that it shares with the old one keep theirs."""
    before, after = old.split("\n"), new.split("\n")
    found = [writer] * len(after)
    for start, end, length in _shared(before, after, most) if blame else ():
        found[end : end + length] = blame[start : start + length]
    return found


def _shared(before: Sequence[str], after: Sequence[str], most: int) -> Iterable[tuple[int, int, int]]:
    """Return where two texts have the same lines: a start in each, and how many."""
    head, tail = common_ends(before, after)
    middle = before[head : len(before) - tail], after[head : len(after) - tail]
    found = [(0, 0, head), (len(before) - tail, len(after) - tail, tail)]
    if len(middle[0]) * len(middle[1]) <= most:
        blocks = SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks()
        found += [(head + block.a, head + block.b, block.size) for block in blocks]
    return found


def _counted(commits: Iterable[Commit]) -> list[Author]:
    lines: dict[str, list[Commit]] = {}
    for commit in commits:
        lines.setdefault(commit.author_email.lower() or commit.author_name, []).append(commit)
    found = []
    for own in lines.values():
        latest = max(own, key=lambda commit: (commit.authored_at, commit.sha))
        found.append(Author(latest.author_name, latest.author_email, len(own)))
    return sorted(found, key=lambda author: (-author.lines, author.name, author.email))
