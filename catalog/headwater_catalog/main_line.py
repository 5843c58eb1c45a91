"""The commits of a main line as a list, and how many features each changed in which way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.hashing import Traits, change_classes, signature_text
from headwater_catalog.steps import Step, by_position, steps_at
from headwater_catalog.store.models import (
    Commit,
    Definition,
    Dependency,
    Feature,
    FeatureVersion,
    Repository,
)

__all__ = ["CommitPage", "count_changes", "list_authors", "list_commits"]

_MOST_AUTHORS: Final = 200


@dataclass(frozen=True, slots=True)
class CommitPage:
    """Some commits of a main line, the newest first, and how many there are in all."""

    commits: tuple[CommitRef, ...]
    total: int


def list_commits(
    session: Session,
    repository: Repository,
    *,
    until: int | None = None,
    author: str | None = None,
    touching: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> CommitPage:
    """Return commits of the main line of a repository.

    Args:
        session: An open session.
        repository: The repository.
        until: Leave out what came after this place on the main line; None for the scanned head.
        author: Only those by somebody of this name.
        touching: Only those that changed a feature.
        limit: How many at most.
        offset: How many to leave out before.
    """
    last = repository.scanned_position if until is None else until
    wanted = [Commit.repository_id == repository.id, Commit.position <= last]
    if author is not None:
        wanted.append(Commit.author_name == author)
    if touching:
        wanted.append(or_(*(Commit.position.in_(ends) for ends in _ends(repository))))
    rows = select(Commit).where(*wanted).order_by(Commit.position.desc()).limit(limit).offset(offset)
    total = session.scalar(select(func.count(Commit.id)).where(*wanted)) or 0
    return CommitPage(tuple(map(CommitRef.of, session.scalars(rows))), total)


def _ends(repository: Repository) -> Iterator[Select[Any]]:
    """Yield where versions of features begin, and where they end."""
    for end in (FeatureVersion.valid_from, FeatureVersion.valid_until):
        ours = select(end).join(FeatureVersion.feature).where(Feature.repository_id == repository.id)
        yield ours.where(end.is_not(None)).distinct()


def list_authors(session: Session, repository: Repository) -> list[str]:
    """Return who wrote commits of the main line, by name; of very many those who wrote most."""
    rows = session.execute(
        select(Commit.author_name, func.count(Commit.id).label("commits"))
        .where(Commit.repository_id == repository.id, Commit.position.is_not(None))
        .group_by(Commit.author_name)
        .order_by(func.count(Commit.id).desc(), Commit.author_name)
        .limit(_MOST_AUTHORS)
    )
    return sorted(row.author_name for row in rows)


def count_changes(
    session: Session, repository: Repository, positions: Collection[int]
) -> Mapping[int, Mapping[str, int]]:
    """Return how many features commits changed, by position and then by what happened to them.

    That is what `history.commit_changes` says of each: "added", "removed", "moved" and the change classes.
    However many positions there are, it takes three queries at most.
    """
    rows = session.execute(_touched(repository, positions).add_columns(*_LIGHT)).all()
    begun, ended = by_position(rows, "valid_from"), by_position(rows, "valid_until")
    steps = [
        step
        for position in positions
        for step in steps_at(position, begun.get(position, {}), ended.get(position, {}))
    ]
    # What all came by one commit, as by the first, has nothing to be compared with.
    compared = {step.position for step in steps if step.old is not None and step.new is not None}
    traits = _traits(session, repository, compared) if compared else {}
    found: dict[int, set[tuple[int, str]]] = {}
    for step in steps:
        found.setdefault(step.position, set()).update(
            (step.feature, what) for what in _happened(step, traits)
        )
    return {position: Counter(what for _, what in told) for position, told in found.items()}


_LIGHT: Final = (
    *(FeatureVersion.feature_id, Feature.name, FeatureVersion.variant),
    *(FeatureVersion.valid_from, FeatureVersion.valid_until),
    *(Definition.digest, Definition.code_hash),
)


def _touched(repository: Repository, positions: Collection[int]) -> Select[Any]:
    """Select the versions that begin or end at some positions, by their ids."""
    return (
        select(FeatureVersion.id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Definition, Definition.id == FeatureVersion.definition_id)
        .where(Feature.repository_id == repository.id, _at(positions))
    )


def _at(positions: Collection[int]) -> ColumnElement[bool]:
    begin_or_end = (FeatureVersion.valid_from, FeatureVersion.valid_until)
    return or_(*(end.in_(list(positions)) for end in begin_or_end))


def _happened(step: Step, traits: Mapping[int, Traits]) -> tuple[str, ...]:
    if step.old is None:
        return ("added",)
    if step.new is None:
        return ("removed",)
    classes = change_classes(traits[step.old.id], traits[step.new.id])
    if (step.old.feature_id, step.old.variant) == (step.new.feature_id, step.new.variant):
        return classes
    # A renamed function differs in its own name, which is no change of layout.
    return ("moved", *(name for name in classes if name != "formatting"))


def _traits(session: Session, repository: Repository, positions: Collection[int]) -> dict[int, Traits]:
    """Return what the versions that begin or end at some positions are compared by, by their ids."""
    needed = session.execute(
        select(Dependency.feature_version_id, Dependency.name, Dependency.type, Dependency.optional)
        .where(Dependency.feature_version_id.in_(_touched(repository, positions)))
        .order_by(Dependency.feature_version_id, Dependency.ordinal)
    )
    needs = {
        version: [tuple(row)[1:] for row in rows] for version, rows in groupby(needed, key=itemgetter(0))
    }
    told = _touched(repository, positions).add_columns(
        *(FeatureVersion.type, FeatureVersion.condition, FeatureVersion.parts, FeatureVersion.doc),
        *(FeatureVersion.tags, Definition.digest, Definition.code_hash),
    )
    return {row.id: _trait(row, needs.get(row.id, [])) for row in session.execute(told)}


def _trait(row: Any, needs: Any) -> Traits:
    parts = ((part["name"], part.get("type", "")) for part in row.parts)
    signature = signature_text(row.type, row.condition, parts, needs)
    return Traits(row.digest, row.code_hash, signature, row.doc, row.tags)
