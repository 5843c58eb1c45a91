"""Coverage, documentation that is older than logic, and where logic came from."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.answers.upkeep import covered_json, drift_json, origin_json, point_json, section_json
from headwater_catalog.moments import Moment
from headwater_catalog.upkeep.coverage import ALL, SECTIONS, Coverage, coverage_of
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset, pinned, slice_answer
from headwater_web.api.resources import REPOSITORY, Resource
from headwater_web.api.schemas.fields import AtQuery
from headwater_web.api.schemas.upkeep import (
    CoverageHistoryQuery,
    CoveragePageSchema,
    CoverageSchema,
    DriftPageSchema,
    DriftQuery,
    OriginPageSchema,
    OriginsQuery,
)
from headwater_web.kept_up import commits_at, drifts, origins, section_asked
from headwater_web.reading import as_of

__all__ = ["resource"]

resource = Resource(
    "upkeep", "What of features is covered, and how their documentation and logic came to be."
)


@resource.get("/repositories/<repo>/coverage", CoverageSchema, AtQuery, (REPOSITORY,), errors=(404, 409))
def show_coverage(_args: dict[str, Any], repo: str) -> Response:
    """Tell how many features have owners, docs, checks and tests: in all, by module and by owner."""
    moment = as_of(repo).moment
    known, position = _known(moment)
    sections = {
        by: [section_json(known.shown_as(by, n), c) for n, c in known.sections(by, position)]
        for by in SECTIONS
    }
    covered = covered_json(known.at(ALL, position))
    return answer(
        {"at": moment.commit.sha, **covered, "modules": sections["module"], "owners": sections["owner"]}
    )


@resource.get(
    "/repositories/<repo>/coverage/history",
    CoveragePageSchema,
    CoverageHistoryQuery,
    (REPOSITORY,),
    errors=(404, 409),
)
def list_coverage(args: dict[str, Any], repo: str) -> Response:
    """List the commits of the main line that changed the coverage, the newest first, with what it was."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    known, position = _known(moment)
    series = known.until(section_asked(args.get("by"), args.get("name"), known), position)[::-1]
    first = offset(cursor)
    commits = commits_at(moment, [at for at, _ in series[first : first + args["limit"]]])
    return slice_answer(args, cursor, series, lambda point: point_json(commits[point[0]], point[1]))


@resource.get("/drift", DriftPageSchema, DriftQuery)
def list_drift(args: dict[str, Any]) -> Response:
    """List functions whose logic changed after their documentation last did, the longest first."""
    found = drifts(args.get("repo"))
    return slice_answer(args, cursor_of(args), found, lambda each: drift_json(*each))


@resource.get("/origins", OriginPageSchema, OriginsQuery)
def list_origins(args: dict[str, Any]) -> Response:
    """List functions with the commit that their logic was written in, who signed and who reviewed it."""
    found = origins(args.get("repo"), args["lacks"])
    return slice_answer(args, cursor_of(args), found, lambda each: origin_json(*each))


def _known(moment: Moment) -> tuple[Coverage, int]:
    position = moment.require_position()
    return coverage_of(moment.session, moment.repository), position
