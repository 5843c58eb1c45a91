"""Which repositories mean the same tables: lineage goes on there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater_catalog.locations import Whereabouts
from headwater_catalog.logical.sql_lineage import query_lineage
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

_IN_CODE: Final = ("read_sql", "read_database", "to_sql", "write_database", "load_from.sql", "save_to.sql")


def repositories_naming(session: Session, keys: Collection[str]) -> list[Repository]:
    """Return the repositories that name one of some tables at their scanned heads, or may do so in code.

    Args:
        session: An open session; only repositories that it sees are told.
        keys: What the tables are called in a lineage.
    """
    found: dict[Repository, None] = {}
    for repository, sources, sinks in session.execute(
        select(Repository, DataflowVersion.sources, DataflowVersion.sinks)
        .join(Dataflow, Dataflow.repository_id == Repository.id)
        .join(DataflowVersion, DataflowVersion.dataflow_id == Dataflow.id)
        .where(holds_at(DataflowVersion, Repository.scanned_position))
    ):
        if any(key in keys for stored in (sources, sinks) for key in _named(stored)):
            found[repository] = None
    for repository, content in session.execute(
        select(Repository, Declaration.content)
        .join(Declaration, Declaration.repository_id == Repository.id)
        .where(Declaration.kind == "tables", holds_at(Declaration, Repository.scanned_position))
    ):
        if any(spec.key in keys for spec in tables_from_data(content).values()):
            found[repository] = None
    found.update(dict.fromkeys(_with_sql_in_code(session)))
    return sorted(found, key=lambda repository: repository.name)


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


def _with_sql_in_code(session: Session) -> Collection[Repository]:
    """Return the repositories whose features read or write SQL by themselves."""
    texts = (Definition.source.contains(text, autoescape=True) for text in _IN_CODE)
    return session.scalars(
        select(Repository)
        .where(
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
        .order_by(Repository.name)
    ).all()
