"""Findings, policies, and classifications with what they reach."""

from __future__ import annotations

import json
from typing import Any

from flask import Response
from webargs.flaskparser import abort

from headwater_catalog.answers.governance import (
    inventory_json,
    kept_finding_json,
    policy_json,
    reach_json,
    why_json,
)
from headwater_catalog.classified_at import classify_at
from headwater_catalog.days import today
from headwater_catalog.found_findings import Asked, list_findings
from headwater_catalog.governance.witness import named, sources_of
from headwater_catalog.reach_map import reach_from
from headwater_catalog.storable import clean
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import MOST, cursor_of
from headwater_web.api.listing import slice_answer
from headwater_web.api.resources import KEY, REPOSITORY, Resource
from headwater_web.api.schemas.fields import AtQuery
from headwater_web.api.schemas.governance import (
    ClassificationsSchema,
    DataReachSchema,
    FindingPageSchema,
    FindingsQuery,
    PoliciesQuery,
    PolicyPageSchema,
    ReachQuery,
    WhyQuery,
    WhySchema,
)
from headwater_web.governed import inventories, standings
from headwater_web.reading import as_of, reading

__all__ = ["resource"]

resource = Resource("governance", "What breaks policies, and where classifications flow.")


@resource.get("/findings", FindingPageSchema, FindingsQuery)
def list_all_findings(args: dict[str, Any]) -> Response:
    """List what breaks policies, the worst first, each with the commit that brought it."""
    cursor, limit = cursor_of(args, ""), args["limit"]
    asked = Asked(
        repository=args.get("repo", ""),
        state=args["state"],
        **{name: args.get(name, "") for name in ("rule", "severity", "owner", "key")},
    )
    after = _place(str(cursor.after)) if cursor.after else None
    found = list_findings(reading(), asked, after=after, limit=limit + 1)
    following = cursor.moved(json.dumps(found[limit - 1][1])) if len(found) > limit else None
    return page_answer([kept_finding_json(kept) for kept, _ in found[:limit]], following)


def _place(text: str) -> list[Any]:
    """Return the place after which a page begins, as a cursor has it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    is_place = isinstance(found, list) and [type(each) for each in found] == [int, *[str] * 4, int]
    if not is_place or not all(0 <= each <= MOST for each in found if isinstance(each, int)):
        abort(
            422, messages={"query": {"cursor": ["It is no cursor of this list. Leave it out to begin anew."]}}
        )
    return [clean(each) if isinstance(each, str) else each for each in found]


@resource.get("/policies", PolicyPageSchema, PoliciesQuery)
def list_all_policies(args: dict[str, Any]) -> Response:
    """List the policies that hold for each repository, with how many findings there are of each."""
    return slice_answer(args, cursor_of(args), standings(args.get("repo")), policy_json)


@resource.get("/why/<repo>/<path:key>", WhySchema, WhyQuery, (REPOSITORY, KEY), errors=(404, 409))
def show_why(args: dict[str, Any], repo: str, key: str) -> Response:
    """Tell why a feature has its classifications: all that they come from, and the way from each."""
    view = as_of(repo)
    snapshot = view.moment.snapshot
    found = named(snapshot, key)
    tag = args.get("classification")
    tags = (tag,) if tag else tuple(snapshot.declared.rules.classifications)
    told = {each: classify_at(view.moment, each) for each in tags}
    sources = {each: (it, sources_of(snapshot, it, found)) for each, it in told.items()}
    return answer(why_json(found, sources, view.commit.sha))


@resource.get("/repositories/<repo>/classifications", ClassificationsSchema, AtQuery, (REPOSITORY,))
def list_classifications(_args: dict[str, Any], repo: str) -> Response:
    """List the classifications of a repository: what carries them, what they reach, and where they stop."""
    moment, day = as_of(repo).moment, today()
    told = [inventory_json(found, datasets) for found, datasets in inventories(moment, day)]
    return answer({"at": moment.commit.sha, "day": day, "classifications": told})


@resource.get("/repositories/<repo>/reach", DataReachSchema, ReachQuery, (REPOSITORY,), errors=(404, 409))
def show_reach(args: dict[str, Any], repo: str) -> Response:
    """Tell how far data reaches from a source, an input or a feature."""
    view = as_of(repo)
    found = reach_from(view.moment, args["of"], args.get("classification", ""))
    return answer(reach_json(found, view.commit.sha))
