"""The history of features: which commit added, changed or removed what, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from itertools import groupby
from typing import Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload, subqueryload

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.errors import NotFound
from headwater_catalog.hashing import Traits, change_classes, signature_text
from headwater_catalog.moves import moves_at
from headwater_catalog.recent import RecentOf
from headwater_catalog.store.models import Commit, Feature, FeatureVersion, Repository
from headwater_catalog.views import change_label

__all__ = ["Change", "HistoryEntry", "code_diff", "commit_changes", "common_ends", "history"]

_MOST_COMPARED: Final = 25_000_000
"""Pairs of lines that a diff looks at; in a larger change each line counts as another one."""

_MOST_KEPT: Final = 5_000_000
"""Characters of the histories that were asked for last."""


class Change(StrEnum):
    """What happened to a variant of a feature."""

    ADDED = "added"
    CHANGED = "changed"
    MOVED = "moved"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What one commit did to one variant of a feature.

    Attributes:
        commit: The commit.
        key: `module:name` of the feature.
        variant: Name of the function.
        change: Added, changed, removed, or moved: it goes on under another module or name.
        classes: What a change touched: some of "logic", "signature", "tags" and "docs", or "formatting".
        old: The code before; None if added.
        new: The code after; None if removed.
        origin: Its key before, if it moved.
        introduced: The commit that brought the change, where that commit merged it.
    """

    commit: CommitRef
    key: str
    variant: str
    change: Change
    classes: tuple[str, ...]
    old: str | None
    new: str | None
    origin: str | None = None
    introduced: CommitRef | None = None

    @property
    def is_formatting(self) -> bool:
        """Tell whether nothing but layout and comments changed."""
        return self.classes == ("formatting",)

    @property
    def label(self) -> str:
        """Say in a few words what happened."""
        return change_label(str(self.change), self.classes, self.origin)

    def diff(self, context: int = 3, most: int = _MOST_COMPARED) -> tuple[str, ...]:
        """Return the lines of a unified diff of the code, as `code_diff` has them."""
        return code_diff(self.old, self.new, context, most)


def code_diff(
    old: str | None, new: str | None, context: int = 3, most: int = _MOST_COMPARED
) -> tuple[str, ...]:
    """Return the lines of a unified diff of two states of some code, without file names.

    Args:
        old: The code before; None where there was none.
        new: The code now; None where there is none.
        context: How many lines stand around a change.
        most: How many pairs of lines are compared; where there are more, all that lies between the first
            and the last difference counts as changed, and is shown without lines around it.
    """
    before, after = (old or "").splitlines(), (new or "").splitlines()
    head, tail = common_ends(before, after)
    gone, come = before[head : len(before) - tail], after[head : len(after) - tail]
    if gone and come and len(gone) * len(come) > most:
        place = f"@@ -{head + 1},{len(gone)} +{head + 1},{len(come)} @@"
        return (place, *(f"-{line}" for line in gone), *(f"+{line}" for line in come))
    return tuple(unified_diff(before, after, lineterm="", n=context))[2:]


def common_ends(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """Return how many lines two texts have in common where they begin, and after that where they end."""
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    rest = shorter - head
    return head, next((n for n in range(rest) if before[-1 - n] != after[-1 - n]), rest)


def history(
    session: Session, repository: Repository, module: str, name: str, position: int | None = None
) -> list[HistoryEntry]:
    """Return what happened to a feature, the newest first; moves and renames are followed back.

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
    read = repository.id, repository.name, repository.scanned_sha, repository.reader_version

    def make() -> tuple[HistoryEntry, ...]:
        steps = _Trail(session, repository).steps(module, name, until)
        return tuple(sorted(_entries(session, repository, steps), key=_newest_first))

    found = _RECENT[session].get((*read, module, name, until), make)
    if not found:
        raise NotFound(f"Repository '{repository.name}' has no feature '{module}:{name}' up to this commit.")
    return list(found)


def commit_changes(session: Session, repository: Repository, position: int) -> list[HistoryEntry]:
    """Return what the commit at a position did to features, in the order of their keys."""
    touched = (
        _versions(repository)
        .where(or_(FeatureVersion.valid_from == position, FeatureVersion.valid_until == position))
        .options(subqueryload(FeatureVersion.dependencies))  # one query, however many there are
    )
    steps = [step for step in _all_steps(session.scalars(touched)) if step.position == position]
    moved = moves_at(session, repository, position)
    old = {step.old.id: step.old for step in steps if step.old is not None}
    gone = set(moved.values())
    joined = [
        _Step(position, old[moved[step.new.id]], step.new) if step.new and step.new.id in moved else step
        for step in steps
        if step.new is not None or step.old is None or step.old.id not in gone
    ]
    entries = _entries(session, repository, joined)
    return sorted(entries, key=lambda entry: (entry.key, entry.variant))


def _newest_first(entry: HistoryEntry) -> tuple[int, str]:
    return -(entry.commit.position or 0), entry.variant


def _versions(repository: Repository) -> Select[FeatureVersion]:
    return (
        select(FeatureVersion)
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id)
        .options(joinedload(FeatureVersion.feature), joinedload(FeatureVersion.definition))
        .options(joinedload(FeatureVersion.introduced))
        .order_by(FeatureVersion.feature_id, FeatureVersion.variant, FeatureVersion.valid_from)
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """One edge of an interval: the version that ends and the one that begins at a position."""

    position: int
    old: FeatureVersion | None
    new: FeatureVersion | None

    @property
    def has_moved(self) -> bool:
        """Tell whether the version goes on as another feature, or as another variant of it."""
        if self.old is None or self.new is None:
            return False
        return (self.old.feature_id, self.old.variant) != (self.new.feature_id, self.new.variant)


def _entries(session: Session, repository: Repository, steps: Iterable[_Step]) -> list[HistoryEntry]:
    steps = list(steps)
    commits = _commits(session, repository, {step.position for step in steps})
    return [_entry(step, commits[step.position]) for step in steps]


class _Trail:
    """Follows a feature back through the modules and names that it had."""

    def __init__(self, session: Session, repository: Repository) -> None:
        self._session = session
        self._repository = repository
        self._moves: dict[int, Mapping[int, int]] = {}

    def steps(self, module: str, name: str, until: int) -> list[_Step]:
        """Return what happened to a feature up to a position, and to what it was before."""
        own = Feature.module == module, Feature.name == name
        found: dict[tuple[int | None, ...], _Step] = {}
        pending = [(step, until) for step in self._line(*own) if step.position <= until]
        while pending:
            step, limit = pending.pop()
            step = self._joined(step)
            key = (step.position, *(version.id if version else None for version in (step.old, step.new)))
            if key in found:
                continue
            found[key] = step
            if step.has_moved and step.old is not None:
                before = self._line(
                    Feature.id == step.old.feature_id, FeatureVersion.variant == step.old.variant
                )
                limit = step.position - 1
                pending += [(earlier, limit) for earlier in before if earlier.position <= limit]
        return list(found.values())

    def _line(self, *which: ColumnElement[bool]) -> Iterator[_Step]:
        versions = _versions(self._repository).options(selectinload(FeatureVersion.dependencies))
        return _all_steps(self._session.scalars(versions.where(*which)))

    def _joined(self, step: _Step) -> _Step:
        """Return the step with the other end, where a version went on elsewhere in the same commit."""
        if step.position == 0 or (step.old is not None and step.new is not None):
            return step
        moves = self._moves_at(step.position)
        if step.new is not None and step.new.id in moves:
            return _Step(step.position, self._session.get(FeatureVersion, moves[step.new.id]), step.new)
        onward = {old: new for new, old in moves.items()}
        if step.old is not None and step.old.id in onward:
            return _Step(step.position, step.old, self._session.get(FeatureVersion, onward[step.old.id]))
        return step

    def _moves_at(self, position: int) -> Mapping[int, int]:
        if position not in self._moves:
            self._moves[position] = moves_at(self._session, self._repository, position)
        return self._moves[position]


def _all_steps(versions: Iterable[FeatureVersion]) -> Iterator[_Step]:
    for _, line in groupby(versions, key=lambda version: (version.feature_id, version.variant)):
        yield from _steps(line)


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
        if step.has_moved:  # a renamed function differs in its own name, which is no change of layout
            change, classes = Change.MOVED, tuple(c for c in classes if c != "formatting")
    else:
        change, classes = (Change.ADDED if new is not None else Change.REMOVED), ()
    return HistoryEntry(
        commit=commit,
        key=_key(version),
        variant=version.variant,
        change=change,
        classes=classes,
        old=old.definition.source if old is not None else None,
        new=new.definition.source if new is not None else None,
        origin=_key(old) if old is not None and change is Change.MOVED else None,
        introduced=CommitRef.of(new.introduced) if new is not None and new.introduced is not None else None,
    )


def _key(version: FeatureVersion) -> str:
    return f"{version.feature.module}:{version.feature.name}"


def _traits(version: FeatureVersion) -> Traits:
    return Traits(
        digest=version.definition.digest,
        code_hash=version.definition.code_hash,
        signature=signature_text(
            version.type,
            version.condition,
            ((part["name"], part.get("type", "")) for part in version.parts),
            ((needed.name, needed.type, needed.optional) for needed in version.dependencies),
        ),
        doc=version.doc,
        tags=version.tags,
    )


def _size(entries: Iterable[HistoryEntry]) -> int:
    return 100 + sum(400 + len(entry.old or "") + len(entry.new or "") for entry in entries)


_RECENT: Final = RecentOf[tuple[HistoryEntry, ...]](_size, _MOST_KEPT)
