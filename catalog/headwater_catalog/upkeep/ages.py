"""How old the logic and the documentation of features are: which commits brought them as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.recent import RecentOf
from headwater_catalog.steps import Step, by_position, steps_at
from headwater_catalog.store.models import Definition, Feature, FeatureVersion, Repository

__all__ = ["Age", "Brought", "ages_at", "state_of"]

_MOST_KEPT: Final = 400_000
"""Versions of features of all repositories whose ages are kept for one database."""


class Brought(NamedTuple):
    """The commit that brought something to the main line, and the one that it was written in, by their ids.

    They differ where the first merged the second.
    """

    position: int
    commit: int
    written: int


class Age(NamedTuple):
    """What the history says of one version of a variant of a feature.

    Attributes:
        key: The feature.
        variant: The name of its function.
        valid_from: Where the version begins.
        valid_until: Where it ends; None where it does not.
        logic: What brought its logic.
        documented: What brought its documentation.
        since: What changed its logic after the documentation last changed, in order; nothing where there is
            no documentation.
    """

    key: str
    variant: str
    valid_from: int
    valid_until: int | None
    logic: Brought
    documented: Brought
    since: tuple[Brought, ...]


def ages_at(session: Session, repository: Repository, position: int) -> list[Age]:
    """Return the ages of what is there at a position of the main line, by feature and variant."""
    found = _RECENT[session].get(state_of(repository), lambda: _ages(session, repository))
    return [
        age
        for age in found
        if age.valid_from <= position and (age.valid_until is None or position < age.valid_until)
    ]


def state_of(repository: Repository) -> tuple[object, ...]:
    """Return what tells the history of a repository, as it is stored, from any other."""
    return (
        *(repository.id, repository.name, repository.reader_version),
        *(repository.scanned_sha, repository.scan_state),
    )


def _ages(session: Session, repository: Repository) -> tuple[Age, ...]:
    rows = session.connection().execute(
        select(
            *(FeatureVersion.id, FeatureVersion.feature_id, Feature.module, Feature.name),
            *(FeatureVersion.variant, FeatureVersion.valid_from, FeatureVersion.valid_until),
            *(FeatureVersion.commit_id, FeatureVersion.introduced_id, FeatureVersion.doc),
            *(Definition.digest, Definition.code_hash),
        )
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Definition, Definition.id == FeatureVersion.definition_id)
        .where(Feature.repository_id == repository.id)
    )
    found = _followed(rows.all())
    return tuple(sorted(found, key=lambda age: (age.key, age.variant)))


def _followed(rows: Sequence[Any]) -> Iterable[Age]:
    begun, ended = by_position(rows, "valid_from"), by_position(rows, "valid_until")
    found: dict[int, Age] = {}
    bare: dict[int, tuple[Brought, ...]] = {}  # what changed since, also where there is no documentation
    for position in sorted(begun):
        for step in steps_at(position, begun[position], ended.get(position, {})):
            if step.new is not None:
                old = step.old.id if step.old is not None else None
                age, since = _age(step, found.get(old), bare.get(old, ())) if old else _young(step)
                found[step.new.id] = age._replace(since=since if step.new.doc.strip() else ())
                bare[step.new.id] = since
    return found.values()


def _young(step: Step) -> tuple[Age, tuple[Brought, ...]]:
    new, here = step.new, _brought(step)
    key = f"{new.module}:{new.name}"
    return Age(key, new.variant, new.valid_from, new.valid_until, here, here, ()), ()


def _age(step: Step, before: Age | None, since: tuple[Brought, ...]) -> tuple[Age, tuple[Brought, ...]]:
    young, _ = _young(step)
    if before is None:
        return young, ()
    is_same = step.old.code_hash == step.new.code_hash
    age = young if not is_same else young._replace(logic=before.logic)
    if step.old.doc != step.new.doc:
        return age, ()
    age = age._replace(documented=before.documented)
    return age, since if is_same else (*since, age.logic)


def _brought(step: Step) -> Brought:
    new = step.new
    return Brought(step.position, new.commit_id, new.introduced_id or new.commit_id)


_RECENT: Final = RecentOf[tuple[Age, ...]](lambda ages: 1 + len(ages), _MOST_KEPT)
