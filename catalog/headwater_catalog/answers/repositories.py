"""Repositories and their dataflows as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json

if TYPE_CHECKING:
    from headwater_catalog.features import RepositoryView
    from headwater_catalog.snapshot import Snapshot
    from headwater_catalog.views import DataflowView

__all__ = ["dataflow_json", "repository_json"]


def repository_json(view: RepositoryView) -> dict[str, Any]:
    """Return a repository with its figures."""
    return {**asdict(view), "head": commit_json(view.head)}


def dataflow_json(flow: DataflowView, snapshot: Snapshot) -> dict[str, Any]:
    """Return a dataflow with the keys of the features in it."""
    modules = frozenset(flow.modules)
    keys = [key for key, variants in snapshot.variants.items() if variants[0].module in modules]
    return {**asdict(flow), "features": sorted(keys)}
