"""A module at one commit: its features, what it takes from others and gives to them, and its changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater.errors import did_you_mean
from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.errors import NotFound
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.moments import Moment
from headwater_catalog.problems import Problem, problems_of
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.store.models import Commit, ModuleVersion, Repository

__all__ = ["ModuleView", "get_module", "module_commits"]

_LATEST: Final = 10


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A module at one commit.

    Attributes:
        name: Its name.
        path: Its file; empty where nothing that it defines tells.
        features: What its functions make, in the order of the file, by the key of the feature.
        owners: Whom to ask, and how many of its features are theirs; an empty name is nobody.
        dataflows: The dataflows that have it.
        needs: The other modules that its features need something from, and how many features there.
        gives: The other modules that need something of it, and how many features there.
        inputs: The inputs from outside that its features need, by name.
        problems: What in its file could not be read as meant.
    """

    name: str
    path: str
    features: Mapping[str, tuple[SnapshotFeature, ...]]
    owners: Mapping[str, int]
    dataflows: tuple[str, ...]
    needs: Mapping[str, int]
    gives: Mapping[str, int]
    inputs: tuple[str, ...]
    problems: tuple[Problem, ...]


def get_module(moment: Moment, name: str) -> ModuleView:
    """Return a module as it is at a commit.

    Raises:
        NotFound: No feature, input or dataflow has one of this name; tells the nearest.
    """
    snapshot = moment.snapshot
    features = [variants for variants in snapshot.variants.values() if variants[0].module == name]
    dataflows = tuple(flow.name for flow in snapshot.dataflows if name in flow.modules)
    declared = [each.path for each in snapshot.inputs if each.module == name]
    if not features and not dataflows and not declared:
        hint = did_you_mean(name, _names(snapshot))
        raise NotFound(f"No module '{name}' in '{moment.repository.name}' at this commit.{hint}")
    path = max((*(variants[0].path for variants in features), *declared), default="")
    keys = [variants[0].key for variants in features]
    graph = snapshot.graph
    above = {source for key in keys for source in graph.parents(key)}
    return ModuleView(
        name=name,
        path=path,
        features={variants[0].key: variants for variants in sorted(features, key=_place)},
        owners=_owners(features),
        dataflows=dataflows,
        needs=_counted(graph, above, name),
        gives=_counted(graph, {target for key in keys for target in graph.children(key)}, name),
        inputs=tuple(sorted(graph[key].name for key in above if graph[key].is_input)),
        problems=tuple(each for each in problems_of(snapshot) if path and each.path == path),
    )


def module_commits(session: Session, repository: Repository, name: str, until: int) -> list[CommitRef]:
    """Return the latest commits of the main line that changed the file of a module, the newest first.

    Args:
        session: An open session.
        repository: The repository.
        name: The module.
        until: Leave out what came after this place on the main line.
    """
    ends = (
        select(end).where(ModuleVersion.repository_id == repository.id, ModuleVersion.module == name)
        for end in (ModuleVersion.valid_from, ModuleVersion.valid_until)
    )
    wanted = (
        select(Commit)
        .where(Commit.repository_id == repository.id, Commit.position <= until)
        .where(or_(*(Commit.position.in_(end) for end in ends)))
        .order_by(Commit.position.desc())
        .limit(_LATEST)
    )
    return [CommitRef.of(commit) for commit in session.scalars(wanted)]


def _names(snapshot: Snapshot) -> list[str]:
    return sorted({feature.module for feature in snapshot.features})


def _place(variants: tuple[SnapshotFeature, ...]) -> tuple[str, int, str]:
    return variants[0].path, min(variant.line for variant in variants), variants[0].name


def _owners(features: Iterable[tuple[SnapshotFeature, ...]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for variants in features:
        counts.update({owner for variant in variants for owner in variant.owners} or {""})
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _counted(graph: LineageGraph, keys: Iterable[str], own: str) -> dict[str, int]:
    """Count features by module, those of inputs and of the module itself left out."""
    modules = Counter(graph[key].module for key in keys)
    return {name: count for name, count in sorted(modules.items()) if name not in ("", own)}
