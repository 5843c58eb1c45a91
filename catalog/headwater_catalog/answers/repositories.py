"""Repositories and their dataflows as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json

if TYPE_CHECKING:
    from headwater_catalog.commit_refs import CommitRef
    from headwater_catalog.features import RepositoryView
    from headwater_catalog.modules import ModuleView
    from headwater_catalog.snapshot import Snapshot
    from headwater_catalog.views import DataflowView

__all__ = ["dataflow_json", "module_json", "repository_json"]


def repository_json(view: RepositoryView) -> dict[str, Any]:
    """Return a repository with its figures."""
    return {**asdict(view), "head": commit_json(view.head)}


def dataflow_json(flow: DataflowView, snapshot: Snapshot) -> dict[str, Any]:
    """Return a dataflow with its partitions and the keys of the features in it."""
    modules = frozenset(flow.modules)
    keys = [key for key, variants in snapshot.variants.items() if variants[0].module in modules]
    partitions = snapshot.declared.partitions.get(flow.name)
    told = partitions.as_data() if partitions is not None else None
    return {**asdict(flow), "partitions": told, "features": sorted(keys)}


def module_json(module: ModuleView, commits: Iterable[CommitRef]) -> dict[str, Any]:
    """Return a module with the keys of its features.

    Args:
        module: The module.
        commits: The latest commits that changed its file.
    """
    return {
        "name": module.name,
        "path": module.path,
        "features": list(module.features),
        "owners": dict(module.owners),
        "dataflows": list(module.dataflows),
        "needs": dict(module.needs),
        "gives": dict(module.gives),
        "inputs": list(module.inputs),
        "problems": [asdict(problem) for problem in module.problems],
        "commits": [commit_json(commit) for commit in commits],
    }
