"""Comparisons: what changed between two commits, feature by feature."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.commit_range import CommitRange, commit_range
from headwater_catalog.comparing import changes_between
from headwater_catalog.errors import NotFound
from headwater_catalog.moments import Moment
from headwater_catalog.repositories import open_mirror
from headwater_web.api.answering import answer
from headwater_web.api.resources import REPOSITORY, Resource
from headwater_web.api.schemas.compare import CompareQuery, ComparisonSchema
from headwater_web.reading import moment_named

__all__ = ["resource"]

resource = Resource("compare", "What changed in meaning between two commits.")


@resource.get("/compare/<repo>", ComparisonSchema, CompareQuery, (REPOSITORY,))
def compare_commits(args: dict[str, Any], repo: str) -> Response:
    """Compare two commits, branches or tags, feature by feature."""
    moment = moment_named(repo, None)
    chosen = _chosen(moment, args.get("before"), args.get("after"), parted=args["parted"])
    return answer(changes_between(moment, chosen, formatting=args["formatting"]))


def _chosen(moment: Moment, before: str | None, after: str | None, *, parted: bool) -> CommitRange:
    for name in filter(None, (before, after)):
        if ".." in name or name.startswith(".") or name.endswith("."):
            raise NotFound(f"'{name}' names no commit. Give each of the two in a parameter of its own.")
    last = after or moment.commit.sha
    text = last if before is None else f"{before}{'...' if parted else '..'}{last}"
    with open_mirror(moment.settings, moment.repository) as source:
        return commit_range(source, text)
