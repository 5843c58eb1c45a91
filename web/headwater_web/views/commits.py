"""The page of a commit: its message, and what it did to features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, g, render_template

from headwater_catalog.features import base_of
from headwater_catalog.history import HistoryEntry, commit_changes
from headwater_catalog.moments import Moment
from headwater_web.reading import AsOf, moment_named, reading

__all__ = ["blueprint"]

blueprint = Blueprint("commits", __name__)

_LISTED = 1_000  # features, of a commit that may bring tens of thousands
_COMPARED = 100  # of them, those that are shown with what changed in their code


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
        return render_template(
            "commit_beside.html",
            view=view,
            base=base_of(moment),
            keys=_changed_beside(moment),
            listed=_LISTED,
        )
    changes = commit_changes(reading(), moment.repository, moment.require_position())
    features = _by_feature(changes)
    return render_template(
        "commit.html",
        view=view,
        count=len(features),
        compared=features[:_COMPARED],
        named=features[_COMPARED:_LISTED],
    )


def _changed_beside(moment: Moment) -> list[str]:
    """Return the keys of the features of which any variant came beside the main line."""
    features = moment.snapshot.variants.items()
    return [key for key, variants in features if any(variant.since is None for variant in variants)]


def _by_feature(entries: Iterable[HistoryEntry]) -> list[FeatureChange]:
    return [
        FeatureChange(key, tuple(of_key)) for key, of_key in groupby(entries, key=lambda entry: entry.key)
    ]
