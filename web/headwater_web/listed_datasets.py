"""The datasets that a reader may see, with what of them is stale."""

from __future__ import annotations

from dataclasses import dataclass

from headwater_catalog import datasets as kept
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.kept_standings import kept_stale
from headwater_catalog.repositories import get_repository, list_repositories
from headwater_catalog.stale import stale_columns
from headwater_catalog.store.models import DatasetVersion
from headwater_web.reading import catalog, reading

__all__ = ["Listed", "listed_datasets"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A dataset in a list: its newest version, and its columns that are stale; None where nobody knows."""

    version: DatasetVersion
    stale: tuple[str, ...] | None


def listed_datasets(repo: str | None = None) -> list[Listed]:
    """Return the datasets that the reader may see, by name, with what of them is stale."""
    chosen = [get_repository(reading(), repo)] if repo is not None else list_repositories(reading())
    found: list[Listed] = []
    for repository in chosen:
        versions = kept.newest_versions(reading(), repository)
        stale = kept_stale(reading(), versions)
        unknown = [version for version in versions if version.id not in stale]
        stamps = {version.id: version.stamp for version in unknown if version.stamp is not None}
        try:
            told = stale_columns(reading(), catalog().settings, repository, list(stamps.values()))
        except (NotFound, RepositoryError):  # the mirror is gone; what was saved is still there
            told, stamps = [], {}
        stale |= dict(zip(stamps, told, strict=True))
        found += (Listed(version, stale.get(version.id)) for version in versions)
    return sorted(found, key=lambda row: (row.version.dataset.name, row.version.dataset.repository.name))
