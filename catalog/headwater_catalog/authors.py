"""Who wrote what stands of a feature today: whom to ask where nobody owns it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

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


class _Writer(NamedTuple):
    """Who wrote a commit, and when."""

    name: str
    email: str
    authored_at: int
    sha: str


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
    blames: dict[str, list[_Writer]] = {}
    most = min(_MOST_COMPARED, _ALL_COMPARED // max(len(entries), 1))
    for entry in reversed(entries):
        if entry.new is not None:
            writer = writers[entry.commit.position or 0, entry.key, entry.variant]
            old = entry.old or ""
            blames[entry.new] = _blame(old, blames.get(old, ()), entry.new, writer, most)
    lines: list[_Writer] = []
    for text in _present(key, entries):
        lines += (writer for writer, line in zip(blames[text], text.split("\n"), strict=True) if line.strip())
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
) -> Mapping[tuple[int, str, str], _Writer]:
    """Return who wrote the commit that brought each version, by its position, key and variant."""
    keys = [entry.key.partition(":") for entry in entries]
    asked = {
        "repository": repository.id,
        "modules": sorted({module for module, _, _ in keys}),
        "names": sorted({name for _, _, name in keys}),
    }
    return {
        (position, f"{module}:{name}", variant): _Writer(*told)
        for module, name, variant, position, *told in session.execute(_BROUGHT, asked)
    }


_BROUGHT: Final = (  # made once: to say it takes as long as to ask it
    select(Feature.module, Feature.name, FeatureVersion.variant, FeatureVersion.valid_from)
    .add_columns(Commit.author_name, Commit.author_email, Commit.authored_at, Commit.sha)
    .join(Feature, Feature.id == FeatureVersion.feature_id)
    .join(Commit, Commit.id == func.coalesce(FeatureVersion.introduced_id, FeatureVersion.commit_id))
    .where(Feature.repository_id == bindparam("repository"))
    .where(Feature.module.in_(bindparam("modules", expanding=True)))
    .where(Feature.name.in_(bindparam("names", expanding=True)))
)


def _blame(old: str, blame: Sequence[_Writer], new: str, writer: _Writer, most: int) -> list[_Writer]:
    """Return who wrote each line of a new text; lines that it shares with the old one keep theirs."""
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


def _counted(writers: Iterable[_Writer]) -> list[Author]:
    lines: dict[str, list[_Writer]] = {}
    for writer in writers:
        lines.setdefault(writer.email.lower() or writer.name, []).append(writer)
    found = []
    for own in lines.values():
        latest = max(own, key=lambda writer: (writer.authored_at, writer.sha))
        found.append(Author(latest.name, latest.email, len(own)))
    return sorted(found, key=lambda author: (-author.lines, author.name, author.email))
