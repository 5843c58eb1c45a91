"""Where a search looks: moments with their indexes, of which those searched lately are kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.classified_at import imported_levels
from headwater_catalog.errors import NotFound, QueryError
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.past import changers_between, gone_features, load_pasts
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Base, Scope
from headwater_catalog.query.syntax import Query
from headwater_catalog.recent import Recent
from headwater_catalog.settings import Settings
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.models import Commit, Repository

__all__ = ["Ground", "heads", "open_grounds"]

_MOST_FEATURES = 100_000
"""Of all indexes that are kept in this process besides those of heads; 4,000 take some ten megabytes."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The index of one moment, and what it is compared with.

    Attributes:
        index: The index.
        base: What terms such as `new:` compare with, and its index.
    """

    index: Index
    base: tuple[Base, Index] | None = None


_RECENT: Recent[Index] = Recent(lambda index: len(index.scope.snapshot.features), _MOST_FEATURES)


def heads(session: Session, settings: Settings) -> list[Moment]:
    """Return the repositories that have been scanned, by name, each at its scanned head."""
    rows = session.execute(
        select(Repository, Commit)
        .join(Commit, (Commit.repository_id == Repository.id) & (Commit.sha == Repository.scanned_sha))
        .order_by(Repository.name)
    )
    return [Moment(session, settings, repository, commit) for repository, commit in rows]


def open_grounds(
    query: Query, moments: Sequence[Moment], base: str | None, *, with_history: bool = False
) -> list[Ground]:
    """Return where a query looks: at these moments, or at the one that it asks for itself.

    Args:
        query: The query.
        moments: One of each repository.
        base: A commit, tag or branch to compare with.
        with_history: Whether somebody needs the past of the features, even if the query does not.

    Raises:
        QueryError: No repository has the commit that the query asks for.
        NotFound: No repository has the base.
    """
    if query.at is not None:
        try:
            moments = _elsewhere(moments, query.at.value)
        except NotFound as error:
            raise QueryError(f"'at:' at position {query.at.position}: {error}", query.at.position) from None
    bases: dict[int, Moment] = {}
    if base is not None and query.base_term is not None:
        bases = {moment.repository.id: moment for moment in _elsewhere(moments, base)}
        moments = [moment for moment in moments if moment.repository.id in bases]
    grounds: list[Ground] = []
    for moment in moments:
        index = _index(moment)
        if query.needs_history or with_history:
            _require_pasts(index.scope, moment)
        earlier = bases.get(moment.repository.id)
        compared = _base(moment, earlier) if earlier is not None else None
        grounds.append(Ground(index, compared))
        if query.names("removed") and moment.position is not None:
            index.gone = index.gone or _gone(moment, moment.position)
            grounds.append(Ground(index.gone, compared))
    return grounds


def _index(moment: Moment) -> Index:
    snapshot, repository = moment.snapshot, moment.repository
    owner = moment.session.get_bind().engine.url, repository.id
    # A number may be given again to a repository of another name, and an index knows the name.
    place = *owner, repository.name
    imported = _imported(moment)

    def make() -> Index:
        before = _RECENT.latest(lambda key: isinstance(key, tuple) and key[0] == place)
        return Index(_scope(moment, snapshot, imported), before[1] if before is not None else None)

    is_head = moment.position == repository.scanned_position
    # The index holds the snapshot, so that no other one can have its identity meanwhile.
    return _RECENT.get((place, id(snapshot), repr(imported)), make, holder=owner if is_head else None)


def _scope(moment: Moment, snapshot: Snapshot, imported: Mapping[str, Mapping[str, int]]) -> Scope:
    return Scope(moment.repository.name, snapshot, moment.commit.authored_at, imported=imported)


def _imported(moment: Moment) -> dict[str, Mapping[str, int]]:
    """Return what classifications come from other repositories, where there are any."""
    found = imported_levels(moment, moment.snapshot.declared.rules.classifications)
    return {tag: dict(sorted(levels.items())) for tag, levels in found.items() if levels}


def _elsewhere(moments: Sequence[Moment], at: str) -> list[Moment]:
    """Return the repositories that know a name at what it means there."""
    found: list[Moment] = []
    missing: list[NotFound] = []
    for moment in moments:
        try:
            found.append(moment_at(moment.session, moment.settings, moment.repository, at))
        except NotFound as error:
            missing.append(error)
    if missing and not found:
        raise missing[0]
    return found


def _require_pasts(scope: Scope, moment: Moment) -> None:
    if scope.pasts is None and moment.position is not None:
        review = scope.snapshot.declared.rules.review
        scope.pasts = load_pasts(moment.session, moment.repository, moment.position, review)


def _gone(moment: Moment, position: int) -> Index:
    snapshot, pasts = gone_features(moment.session, moment.repository, position)
    return Index(Scope(moment.repository.name, snapshot, moment.commit.authored_at, pasts))


def _base(moment: Moment, earlier: Moment) -> tuple[Base, Index]:
    index = _index(earlier)
    changers = changers_between(moment.session, moment.repository, earlier.base, moment.base)
    return Base(index.scope, changers), index
