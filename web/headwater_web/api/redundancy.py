"""Duplicates, features that nothing needs, and deprecated ones."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.answers.redundancy import deprecation_json, group_json, proof_json, unneeded_json
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import slice_answer
from headwater_web.api.resources import Resource
from headwater_web.api.schemas.redundancy import (
    DeadPageSchema,
    DeadQuery,
    DeprecationPageSchema,
    DuplicatePageSchema,
    DuplicatesQuery,
    RedundancyQuery,
)
from headwater_web.redundant import deprecated, duplicates, groups_asked, unneeded, without_meanings

__all__ = ["resource"]

resource = Resource("redundancy", "What does the same as something else, and what nothing needs.")


@resource.get("/duplicates", DuplicatePageSchema, DuplicatesQuery)
def list_duplicates(args: dict[str, Any]) -> Response:
    """List functions that do the same, or almost: those that mean the same first, then the largest."""
    found = groups_asked(args.get("repo"), args.get("kind"))
    more = {"not_worked_out": list(without_meanings()), "crowded": duplicates().crowded}
    return slice_answer(args, cursor_of(args), found, group_json, **more)


@resource.get("/dead", DeadPageSchema, DeadQuery)
def list_dead(args: dict[str, Any]) -> Response:
    """List what nothing is known to have needed for some days, with what was looked at."""
    places, state = unneeded(args.get("repo"), args["days"]), args.get("state")
    found = [(each.repository, it) for each in places for it in each.found if state in (None, it.state)]
    proof = [proof_json(each) for each in places]
    return slice_answer(args, cursor_of(args), found, lambda it: unneeded_json(*it), proof=proof)


@resource.get("/deprecations", DeprecationPageSchema, RedundancyQuery)
def list_deprecations(args: dict[str, Any]) -> Response:
    """List the deprecated features, each with who still needs it."""
    return slice_answer(args, cursor_of(args), deprecated(args.get("repo")), deprecation_json)
