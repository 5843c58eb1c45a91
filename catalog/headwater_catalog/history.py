"""The history of features: which commit added, changed or removed what, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from headwater_catalog.errors import NotFound
from headwater_catalog.features import CommitRef
from headwater_catalog.hashing import Traits, change_classes
from headwater_catalog.store.models import Commit, Feature, FeatureVersion, Repository

__all__ = ["Change", "HistoryEntry", "commit_changes", "history"]


class Change(StrEnum):
    """What happened to a variant of a feature."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What one commit did to one variant of a feature.

    Attributes:
        commit: The commit.
        key: `module:name` of the feature.
        variant: Name of the function.
        change: Added, changed or removed.
        classes: What a change touched: some of "logic", "signature", "tags" and "docs", or "formatting".
        old: The code before; None if added.
        new: The code after; None if removed.
    """

    commit: CommitRef
    key: str
    variant: str
    change: Change
    classes: tuple[str, ...]
    old: str | None
    new: str | None

    def diff(self, context: int = 3) -> tuple[str, ...]:
        """Return the lines of a unified diff of the code, without file names."""
        before, after = (self.old or "").splitlines(), (self.new or "").splitlines()
        return tuple(unified_diff(before, after, lineterm="", n=context))[2:]


def history(
    session: Session, repository: Repository, module: str, name: str, position: int | None = None
) -> list[HistoryEntry]:
    """Return what happened to a feature, the newest first.

    Args:
        session: An open session.
        repository: The repository.
        module: Module of the feature.
        name: Name of the feature.
        position: Leave out what came after this place on the main line; None for the scanned head.

    Raises:
        NotFound: The repository never had such a feature up to this position.
    """
    until = repository.scanned_position if position is None else position
    statement = _versions(repository).where(
        Feature.module == module, Feature.name == name, FeatureVersion.valid_from <= until
    )
    entries = _entries(session, repository, session.scalars(statement), range(until + 1))
    if not entries:
        raise NotFound(f"Repository '{repository.name}' has no feature '{module}:{name}' up to this commit.")
    return sorted(entries, key=_newest_first)


def commit_changes(session: Session, repository: Repository, position: int) -> list[HistoryEntry]:
    """Return what the commit at a position did to features, in the order of their keys."""
    touched = _versions(repository).where(
        or_(FeatureVersion.valid_from == position, FeatureVersion.valid_until == position)
    )
    entries = _entries(session, repository, session.scalars(touched), range(position, position + 1))
    return sorted(entries, key=lambda entry: (entry.key, entry.variant))


def _newest_first(entry: HistoryEntry) -> tuple[int, str]:
    return -(entry.commit.position or 0), entry.variant


def _versions(repository: Repository) -> Select[FeatureVersion]:
    return (
        select(FeatureVersion)
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id)
        .options(joinedload(FeatureVersion.feature), joinedload(FeatureVersion.definition))
        .options(selectinload(FeatureVersion.dependencies))
        .order_by(FeatureVersion.feature_id, FeatureVersion.variant, FeatureVersion.valid_from)
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """One edge of an interval: the version that ends and the one that begins at a position."""

    position: int
    old: FeatureVersion | None
    new: FeatureVersion | None


def _entries(
    session: Session, repository: Repository, versions: Iterable[FeatureVersion], within: range
) -> list[HistoryEntry]:
    steps = [
        step
        for _, line in groupby(versions, key=lambda version: (version.feature_id, version.variant))
        for step in _steps(line)
        if step.position in within
    ]
    commits = _commits(session, repository, {step.position for step in steps})
    return [_entry(step, commits[step.position]) for step in steps]


def _steps(line: Iterable[FeatureVersion]) -> Iterator[_Step]:
    """Yield what happened along the versions of one variant, which come in order."""
    last: FeatureVersion | None = None
    for version in line:
        if last is not None and last.valid_until == version.valid_from:
            yield _Step(version.valid_from, last, version)
        else:
            if last is not None and last.valid_until is not None:
                yield _Step(last.valid_until, last, None)
            yield _Step(version.valid_from, None, version)
        last = version
    if last is not None and last.valid_until is not None:
        yield _Step(last.valid_until, last, None)


def _commits(session: Session, repository: Repository, positions: set[int]) -> Mapping[int, CommitRef]:
    rows = session.scalars(
        select(Commit).where(Commit.repository_id == repository.id, Commit.position.in_(positions))
    )
    return {commit.position: CommitRef.of(commit) for commit in rows if commit.position is not None}


def _entry(step: _Step, commit: CommitRef) -> HistoryEntry:
    version = step.new or step.old
    assert version is not None
    old, new = step.old, step.new
    if old is not None and new is not None:
        change, classes = Change.CHANGED, change_classes(_traits(old), _traits(new))
    else:
        change, classes = (Change.ADDED if new is not None else Change.REMOVED), ()
    return HistoryEntry(
        commit=commit,
        key=f"{version.feature.module}:{version.feature.name}",
        variant=version.variant,
        change=change,
        classes=classes,
        old=old.definition.source if old is not None else None,
        new=new.definition.source if new is not None else None,
    )


def _traits(version: FeatureVersion) -> Traits:
    # The condition and the parts follow from modifiers, whose arguments may stand in another file.
    made: list[Any] = [version.type, version.condition]
    made += ((part["name"], part.get("type")) for part in version.parts)
    made += ((needed.name, needed.type, needed.optional) for needed in version.dependencies)
    return Traits(
        digest=version.definition.digest,
        code_hash=version.definition.code_hash,
        signature=repr(made),
        doc=version.doc,
        tags=version.tags,
    )
