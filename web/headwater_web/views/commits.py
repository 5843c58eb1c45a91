"""The page of a commit: its message, and what it did to features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, g, render_template

from headwater_catalog.errors import RepositoryError
from headwater_catalog.history import HistoryEntry, commit_changes
from headwater_catalog.repositories import get_repository, resolve_at
from headwater_catalog.store.models import Repository
from headwater_web.reading import AsOf, catalog, reading

__all__ = ["blueprint"]

blueprint = Blueprint("commits", __name__)


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """What the commit did to one feature."""

    key: str
    entries: tuple[HistoryEntry, ...]

    @property
    def is_gone(self) -> bool:
        """Whether nothing of the feature is left after the commit."""
        return all(entry.change == "removed" for entry in self.entries)


@blueprint.get("/r/<repo>/c/<sha>")
def commit(repo: str, sha: str) -> str:
    """Show a commit of the main line."""
    repository = get_repository(reading(), repo)
    found = resolve_at(reading(), catalog().settings, repository, sha)
    view = AsOf(repository, found, found.sha)
    g.at = found.sha[:12]  # links on this page lead to features as the commit left them
    return render_template(
        "commit.html",
        view=view,
        parents=[(parent, _is_on_main_line(repository, parent)) for parent in found.parents],
        changes=_by_feature(commit_changes(reading(), repository, view.position)),
    )


def _is_on_main_line(repository: Repository, sha: str) -> bool:
    try:
        resolve_at(reading(), catalog().settings, repository, sha)
    except RepositoryError:
        return False
    return True


def _by_feature(entries: Iterable[HistoryEntry]) -> list[FeatureChange]:
    return [
        FeatureChange(key, tuple(of_key)) for key, of_key in groupby(entries, key=lambda entry: entry.key)
    ]
