"""The datasets that a reader may see, with what of them is stale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from headwater_catalog import datasets as kept
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.kept_standings import kept_stale
from headwater_catalog.repositories import get_repository
from headwater_catalog.stale import stale_columns
from headwater_catalog.store.models import DatasetVersion, Repository
from headwater_web.reading import catalog, reading

__all__ = ["Listed", "listed_datasets"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A dataset in a list: its newest version, and its columns that are stale; None where nobody knows."""

    version: DatasetVersion
    stale: tuple[str, ...] | None


def listed_datasets(repo: str | None = None) -> list[Listed]:
    """Return the datasets that the reader may see, by name, with what of them is stale."""
    chosen = get_repository(reading(), repo) if repo is not None else None
    versions = kept.newest_versions(reading(), chosen)
    stale = kept_stale(reading(), versions)
    unknown: defaultdict[Repository, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for version in versions:
        if version.id not in stale and version.stamp is not None:
            unknown[version.dataset.repository][version.id] = version.stamp
    for repository, stamps in unknown.items():
        with suppress(NotFound, RepositoryError):  # the mirror is gone; what was saved is still there
            told = stale_columns(reading(), catalog().settings, repository, list(stamps.values()))
            stale |= dict(zip(stamps, told, strict=True))
    found = [Listed(version, stale.get(version.id)) for version in versions]
    return sorted(found, key=lambda row: (row.version.dataset.name, row.version.dataset.repository.name))
