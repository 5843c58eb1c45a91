"""Suggestions looked at, accepted and pushed, on pages and by the API alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import g
from sqlalchemy.orm import Session

from headwater_catalog.accounts import Role
from headwater_catalog.datasets import version_named
from headwater_catalog.governance.suggestions import Suggestion
from headwater_catalog.governance.tag_patch import TagPatch
from headwater_catalog.kept_looks import keep_looks
from headwater_catalog.looked_values import look_at_values
from headwater_catalog.moments import Moment
from headwater_catalog.pushed_branches import PushedBranch, push_branch, require_branches
from headwater_catalog.recent import RecentOf
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.models import DatasetVersion
from headwater_catalog.suggested import patch_at, suggestions_at
from headwater_web.access import actor, asked, require, writing
from headwater_web.reading import catalog, reading

__all__ = ["look_at", "patched", "pushed", "suggested"]

_MOST_KEPT: Final = 16_000_000
"""Bytes of patches that are kept for one database: somebody looks at one, and then takes it."""


def suggested(moment: Moment) -> tuple[Suggestion, ...]:
    """Return what looks classified at a moment, as far as who asks may know."""
    return suggestions_at(moment, actor().sees_personal(moment.repository.id))


def patched(moment: Moment, wanted: Mapping[str, Mapping[str, str]]) -> TagPatch:
    """Return the patch that adds tags at a moment.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    tags = tuple((key, *sorted(each.items())) for key, each in wanted.items())
    place = moment.repository.id, moment.repository.reader_version, moment.commit.sha, tags
    return _RECENT[moment.session].get(place, lambda: patch_at(moment, wanted))


def pushed(moment: Moment, wanted: Mapping[str, Mapping[str, str]]) -> PushedBranch:
    """Push what adds tags at the scanned head as a new branch.

    Raises:
        Forbidden: Who asks may not, or nobody may.
        Conflict: There is nothing to push, or the other side does not take it.
    """
    require(Role.STEWARD, moment.repository)
    require_branches(moment.repository)
    patch = patched(moment, wanted)
    return push_branch(moment, patch, wanted, asked(), g.now, writing)


def look_at(repo: str, name: str, run: int) -> None:
    """Find out and keep what the values of the dataset version that a run saved look like.

    Raises:
        NotFound: There is no such version.
        Forbidden: Who asks may not see all of its values.
        Conflict: They cannot be looked at.
    """
    version = _version(reading(), repo, name, run)
    require(Role.STEWARD, version.dataset.repository)
    looks = look_at_values(catalog().settings, version)
    with writing() as session:
        keep_looks(session, _version(session, repo, name, run), looks, asked(), g.now)


def _version(session: Session, repo: str, name: str, run: int) -> DatasetVersion:
    return version_named(session, get_repository(session, repo), f"{name}@{run}")


_RECENT: Final = RecentOf[TagPatch](
    lambda patch: len(patch.diff) + sum(map(len, patch.files.values())), _MOST_KEPT
)
