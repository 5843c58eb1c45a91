"""What looks classified and says nothing of it: lists, patches, branches, and looks at values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from headwater_catalog.answers.suggestions import branch_json, looks_json, patch_json, suggestion_json
from headwater_catalog.datasets import version_of_run
from headwater_catalog.kept_looks import shown_looks
from headwater_catalog.moments import Moment
from headwater_catalog.suggested import accepted
from headwater_web.access import sees_personal
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import pinned, slice_answer
from headwater_web.api.resources import DATASET, REPOSITORY, RUN, Resource
from headwater_web.api.schemas.fields import AtPageQuery, NoBodySchema
from headwater_web.api.schemas.suggestions import (
    AddedTagsSchema,
    BranchSchema,
    LooksSchema,
    PatchSchema,
    SuggestionPageSchema,
)
from headwater_web.reading import moment_named, reading
from headwater_web.suggesting import look_at, patched, pushed, suggested

__all__ = ["resource"]

resource = Resource("suggestions", "What looks classified, and says nothing of it.")

_EXAMPLE = {"tags": [{"key": "features.people:email", "tag": "pii", "value": "true"}]}


@resource.get("/repositories/<repo>/suggestions", SuggestionPageSchema, AtPageQuery, (REPOSITORY,))
def list_suggestions(args: dict[str, Any], repo: str) -> Response:
    """List what looks classified, by names, docs, types and values that somebody had looked at."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    return slice_answer(args, cursor, suggested(moment), suggestion_json)


@resource.send(
    *("POST", "/repositories/<repo>/suggestions/patch", 200, PatchSchema, AddedTagsSchema, (REPOSITORY,)),
    errors=(404,),
    example=_EXAMPLE,
)
def make_patch(body: dict[str, Any], repo: str) -> Response:
    """Make the patch that puts tags into the sources of the scanned head; nothing is changed."""
    moment = moment_named(repo, None)
    return answer(patch_json(moment.commit.sha, patched(moment, _wanted(body, moment))))


@resource.send(
    *("POST", "/repositories/<repo>/suggestions/branch", 201, BranchSchema, AddedTagsSchema, (REPOSITORY,)),
    errors=(404, 409),
    example=_EXAMPLE,
)
def push_patch(body: dict[str, Any], repo: str) -> Response:
    """Push such a patch as a new branch, where an administrator has allowed it; for stewards."""
    moment = moment_named(repo, None)
    return answer(branch_json(pushed(moment, _wanted(body, moment))), 201)


@resource.send(
    "POST",
    "/datasets/<repo>/<path:name>/versions/<int(max=2147483647):number>/looks",
    *(200, LooksSchema, NoBodySchema),
    path=(REPOSITORY, DATASET, RUN),
    errors=(404, 405, 409),
)
def look_at_values(_body: dict[str, Any], repo: str, name: str, number: int) -> Response:
    """Look at the values of a dataset version, and tell only what they look like; for stewards."""
    look_at(repo, name, number)
    version = version_of_run(reading(), number)
    looks = shown_looks(version, sees_personal(version)) if version is not None else None
    return answer({"looks": looks_json(looks) or []})


def _wanted(body: Mapping[str, Any], moment: Moment) -> Mapping[str, Mapping[str, str]]:
    if body["tags"] is None:
        return accepted(suggested(moment))
    wanted: dict[str, dict[str, str]] = {}
    for each in body["tags"]:
        wanted.setdefault(each["key"], {})[each["tag"]] = each["value"]
    return wanted
