"""Inputs of a dataflow from outside: what a feature certainly needs, and where a value may come from."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from headwater_catalog.lineage import load_graph
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Dependency, Feature, FeatureVersion, Repository
from headwater_catalog.views import DataflowView

__all__ = ["Supply", "missing_inputs", "supplies"]


@dataclass(frozen=True, slots=True)
class Supply:
    """What a dataflow has for an input: a value in its configuration, or files that may hold the column."""

    dataflow: str
    configured: bool
    paths: tuple[str, ...]


def supplies(name: str, dataflows: Iterable[DataflowView]) -> tuple[Supply, ...]:
    """Return what each dataflow has for an input; those that have nothing are left out.

    Only a file that is read tells its columns, so that all files of a dataflow are named, unless one is
    declared to have the column.
    """
    found: list[Supply] = []
    for flow in dataflows:
        telling = [s["path"] for s in flow.sources.values() if name in (s["index"], *s["dates"])]
        paths = telling or [source["path"] for source in flow.sources.values()]
        if name in flow.config:
            found.append(Supply(flow.name, True, ()))
        elif paths:
            found.append(Supply(flow.name, False, tuple(dict.fromkeys(paths))))
    return tuple(found)


def missing_inputs(
    session: Session, repository: Repository, position: int, dataflow: DataflowView, key: str
) -> tuple[str, ...]:
    """Return the inputs that a feature certainly needs, directly or not, and its dataflow does not supply.

    Where a name has several variants, only what all of them need is certain, since the configuration may
    choose any. A dataflow with sources misses nothing, as only their files tell which columns they have.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
        dataflow: The dataflow, as it is at this position.
        key: `module:name` of a feature in it.
    """
    if dataflow.sources:
        return ()
    graph = load_graph(session, repository, position, dataflow.name)
    missing: set[str] = set()
    seen: set[tuple[str, ...]] = set()
    waiting: set[tuple[str, ...]] = {(key,)}  # each the features that may answer one name
    while waiting:
        seen |= waiting
        needs = _needs(session, repository, position, {key for keys in waiting for key in keys})
        following: set[tuple[str, ...]] = set()
        for keys in waiting:
            certain = frozenset.intersection(*(needs.get(key, frozenset()) for key in keys))
            for name in certain - dataflow.config.keys():
                makers = graph.resolved[keys[0]][name]
                if any(graph[maker].is_input for maker in makers):
                    missing.add(name)
                else:
                    following.add(makers)
        waiting = following - seen
    return tuple(sorted(missing))


def _needs(
    session: Session, repository: Repository, position: int, keys: Collection[str]
) -> dict[str, frozenset[str]]:
    """Return the names that all variants of each feature need, those with defaults left out."""
    rows = session.execute(
        select(FeatureVersion.id, Feature.module, Feature.name, Dependency.name.label("needed"))
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .outerjoin(
            Dependency,
            (Dependency.feature_version_id == FeatureVersion.id) & Dependency.optional.is_(False),
        )
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
        .where(tuple_(Feature.module, Feature.name).in_([key.rpartition(":")[::2] for key in keys]))
    )
    variants: dict[str, dict[int, set[str]]] = {}
    for row in rows:
        names = variants.setdefault(f"{row.module}:{row.name}", {}).setdefault(row.id, set())
        names |= {row.needed} - {None}
    return {key: frozenset(set.intersection(*of_key.values())) for key, of_key in variants.items()}
