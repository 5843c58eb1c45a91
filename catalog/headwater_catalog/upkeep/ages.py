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
            no documentation, or where the logic is what it was then.
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
    known: dict[int, _Known] = {}
    for position in sorted(begun):
        for step in steps_at(position, begun[position], ended.get(position, {})):
            if step.new is not None:
                now = _now(step, known.get(step.old.id) if step.old is not None else None)
                known[step.new.id] = now
                found[step.new.id] = _age(step.new, now)
    return found.values()


class _Known(NamedTuple):
    """What is known of a version on the way; the logic that its documentation came with, by its hash."""

    logic: Brought
    documented: Brought
    described: str
    since: tuple[Brought, ...]


def _now(step: Step, before: _Known | None) -> _Known:
    old, new = step.old, step.new
    here = Brought(step.position, new.commit_id, new.introduced_id or new.commit_id)
    if before is None:
        return _Known(here, here, new.code_hash, ())
    is_same = old.code_hash == new.code_hash
    logic = before.logic if is_same else here
    if old.doc != new.doc:
        return _Known(logic, here, new.code_hash, ())
    if new.code_hash == before.described:  # what changed was taken back
        return before._replace(logic=logic, since=())
    return before._replace(logic=logic, since=before.since if is_same else (*before.since, here))


def _age(new: Any, now: _Known) -> Age:
    return Age(
        key=f"{new.module}:{new.name}",
        variant=new.variant,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
        logic=now.logic,
        documented=now.documented,
        since=now.since if new.doc.strip() else (),
    )


_RECENT: Final = RecentOf[tuple[Age, ...]](lambda ages: 1 + len(ages), _MOST_KEPT)
