"""Features: lists of them, one of them, and what commits did to it."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.answers.commits import entry_json
from headwater_catalog.answers.features import feature_json
from headwater_catalog.authors import authors_at
from headwater_catalog.errors import NotFound
from headwater_catalog.features import find_key, get_feature
from headwater_catalog.history import HistoryEntry, history
from headwater_catalog.moments import Moment
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import pinned, slice_answer
from headwater_web.api.resources import KEY, REPOSITORY, Resource
from headwater_web.api.schemas.commits import HistoryPageSchema, HistoryQuery
from headwater_web.api.schemas.features import FeatureSchema, FeaturesQuery, HitPageSchema
from headwater_web.api.schemas.fields import AtQuery
from headwater_web.api.searching import found_answer
from headwater_web.reading import as_of

__all__ = ["resource"]

resource = Resource("features", "Feature functions: what they make, need and mean, and how they changed.")


@resource.get("/features", HitPageSchema, FeaturesQuery, errors=(404, 409))
def list_features(args: dict[str, Any]) -> Response:
    """List the features that meet a query, the best first; all of them without one."""
    return found_answer(args)


@resource.get("/features/<repo>/<path:key>", FeatureSchema, AtQuery, (REPOSITORY, KEY), errors=(404, 409))
def show_feature(_args: dict[str, Any], repo: str, key: str) -> Response:
    """Show a feature as it is at a commit."""
    moment = as_of(repo).moment
    view = get_feature(moment, key)
    return answer(feature_json(moment, view, authors_at(moment, view)))


@resource.get(
    "/history/<repo>/<path:key>", HistoryPageSchema, HistoryQuery, (REPOSITORY, KEY), errors=(404, 409)
)
def list_history(args: dict[str, Any], repo: str, key: str) -> Response:
    """List what commits of the main line did to a feature, the newest first."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    entries = [entry for entry in _entries(moment, key) if args["formatting"] or not entry.is_formatting]
    return slice_answer(args, cursor, entries, lambda entry: entry_json(entry, args["diff"]))


def _entries(moment: Moment, key: str) -> list[HistoryEntry]:
    module, name = find_key(moment, key)
    try:
        return history(moment.session, moment.repository, module, name, moment.base)
    except NotFound:  # it came beside the main line
        return []
