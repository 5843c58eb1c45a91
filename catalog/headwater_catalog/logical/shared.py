"""Which repositories mean the same tables: lineage goes on there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater_catalog.locations import Whereabouts
from headwater_catalog.logical.code_sql import WORDS
from headwater_catalog.logical.sql_lineage import query_lineage
from headwater_catalog.recent import RecentOf
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    Dataflow,
    DataflowVersion,
    Declaration,
    Definition,
    Feature,
    FeatureVersion,
    Repository,
)
from headwater_catalog.table_specs import place_key, table_key, tables_from_data

__all__ = ["repositories_naming"]

_MOST_TABLES: Final = 1_000_000
"""Of the scanned heads of one database that are kept at hand."""


def repositories_naming(session: Session, keys: Collection[str]) -> list[Repository]:
    """Return the repositories that name one of some tables at their scanned heads, or may do so in code.

    Args:
        session: An open session; only repositories that it sees are told.
        keys: What the tables are called in a lineage.
    """
    asked = frozenset(keys)
    kept = _RECENT[session]
    read = cache(lambda: _read(session))  # of all, once one has changed

    def may_name(repository: Repository) -> bool:
        known = kept.get(_key(repository), lambda: read()[repository.id])
        return known.has_sql_in_code or not known.tables.isdisjoint(asked)

    scanned = select(Repository).where(Repository.scanned_sha.is_not(None)).order_by(Repository.name)
    return [repository for repository in session.scalars(scanned).all() if may_name(repository)]


class _Known(NamedTuple):
    """What the scanned head of a repository says of tables."""

    tables: frozenset[str] = frozenset()
    has_sql_in_code: bool = False


_RECENT: Final = RecentOf[_Known](lambda known: 1 + len(known.tables), _MOST_TABLES)


def _key(repository: Repository) -> Hashable:
    return repository.id, repository.scanned_sha, repository.reader_version


def _read(session: Session) -> Mapping[int, _Known]:
    """Read what the scanned heads of all repositories say."""
    tables: dict[int, set[str]] = defaultdict(set)
    for number, sources, sinks in session.execute(
        select(Repository.id, DataflowVersion.sources, DataflowVersion.sinks)
        .join(Dataflow, Dataflow.repository_id == Repository.id)
        .join(DataflowVersion, DataflowVersion.dataflow_id == Dataflow.id)
        .where(holds_at(DataflowVersion, Repository.scanned_position))
    ):
        for stored in (sources, sinks):
            tables[number].update(_named(stored))
    for number, content in session.execute(
        select(Repository.id, Declaration.content)
        .join(Declaration, Declaration.repository_id == Repository.id)
        .where(Declaration.kind == "tables", holds_at(Declaration, Repository.scanned_position))
    ):
        tables[number].update(spec.key for spec in tables_from_data(content).values())
    in_code = frozenset(_with_sql_in_code(session))
    return defaultdict(
        _Known, {each: _Known(frozenset(tables[each]), each in in_code) for each in {*tables, *in_code}}
    )


def _named(stored: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the tables that sources or sinks name."""
    for each in stored.values():
        if "locations" not in each:
            continue
        place = Whereabouts.from_dict(each).at(None)
        if place.query:
            tables = query_lineage(place.query, {}).tables
            yield from (table_key(place.connection, table) for table in tables)
        else:
            yield place_key(place)


def _with_sql_in_code(session: Session) -> Collection[int]:
    """Return the repositories whose features may read or write SQL by themselves."""
    texts = (Definition.source.contains(text, autoescape=True) for text in WORDS)
    return session.scalars(
        select(Repository.id).where(
            select(FeatureVersion.id)
            .join(Feature, Feature.id == FeatureVersion.feature_id)
            .join(Definition, Definition.id == FeatureVersion.definition_id)
            .where(
                Feature.repository_id == Repository.id,
                holds_at(FeatureVersion, Repository.scanned_position),
                or_(*texts),
            )
            .exists()
        )
    ).all()
