"""The page of a commit: its message, and what it did to features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, g, render_template

from headwater_catalog.commit_files import CommitFiles, commit_files
from headwater_catalog.compared import compare_moments
from headwater_catalog.errors import CatalogError
from headwater_catalog.features import base_of
from headwater_catalog.found_findings import findings_of_commit
from headwater_catalog.git_host import file_address
from headwater_catalog.governance.findings import Finding
from headwater_catalog.history import HistoryEntry, commit_changes
from headwater_catalog.moments import Moment
from headwater_web.compared_changes import change_rows, telling_first
from headwater_web.reach import reach_of
from headwater_web.reading import AsOf, moment_named, reading

__all__ = ["blueprint"]

blueprint = Blueprint("commits", __name__)

_LISTED = 1_000  # features, of a commit that may bring tens of thousands
_COMPARED = 100  # of them, those that are shown with what changed in their code
_SHOWN = 50  # changes of a commit beside the main line
_FILES = 100


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """What the commit did to one feature."""

    key: str
    entries: tuple[HistoryEntry, ...]

    @property
    def is_gone(self) -> bool:
        """Whether nothing of the feature is left after the commit."""
        return all(entry.change == "removed" for entry in self.entries)


@blueprint.get("/r/<repo>/c/<path:sha>")
def commit(repo: str, sha: str) -> str:
    """Show a commit; beside the main line, what it has that the main line had not where they parted."""
    moment = moment_named(repo, sha)
    view = AsOf(moment, moment.commit.sha)
    # Links on this page lead to features as the commit left them; a branch may be named like a part of this.
    g.at = moment.commit.sha
    if view.is_beside:
        return _beside(view)
    changes = commit_changes(reading(), moment.repository, moment.require_position())
    features = _by_feature(changes)
    return render_template(
        "commit.html",
        view=view,
        judged=_judged(moment),
        count=len(features),
        compared=features[:_COMPARED],
        named=features[_COMPARED:_LISTED],
        files=_files(moment),
        file_address=file_address,
    )


def _judged(moment: Moment) -> list[tuple[str, list[Finding], str | None]]:
    """Return what is kept of what a commit brought and cleared, each with the commit where it can be seen."""
    came, went = findings_of_commit(reading(), moment.repository, moment.require_position()) or ([], [])
    before = next(iter(moment.commit.parents), None)
    told = [("New findings", came, None), ("Cleared", went, before)]
    return [each for each in told if each[1]]


def _beside(view: AsOf) -> str:
    """Show a commit beside the main line against where it left that."""
    base = base_of(view.moment)
    before = moment_named(view.repository.name, base.sha) if base is not None else None
    compared = compare_moments(before, view.moment)
    changes = telling_first(compared.found.without_formatting.features)
    return render_template(
        "commit_beside.html",
        view=view,
        base=base,
        count=len(changes),
        rows=change_rows(compared, changes[:_SHOWN]),
        reach=reach_of(compared),
        files=_files(view.moment),
        file_address=file_address,
    )


def _files(moment: Moment) -> CommitFiles | None:
    """Return the files that a commit changed; None where its mirror cannot be read."""
    try:
        return commit_files(moment, _FILES)
    except CatalogError:
        return None


def _by_feature(entries: Iterable[HistoryEntry]) -> list[FeatureChange]:
    return [
        FeatureChange(key, tuple(of_key)) for key, of_key in groupby(entries, key=lambda entry: entry.key)
    ]
