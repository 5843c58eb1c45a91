"""Comparisons: what changed between two commits, feature by feature, and what that reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from headwater_catalog.answers.changes import diff_json, impact_json
from headwater_catalog.compared import compare_moments, parent_of, where_parted
from headwater_catalog.days import today
from headwater_catalog.impacted_datasets import impacted_datasets
from headwater_catalog.moments import Moment
from headwater_catalog.reviewed_changes import reviewed
from headwater_web.api.answering import answer
from headwater_web.api.resources import REPOSITORY, Resource
from headwater_web.api.schemas.compare import CompareQuery, ComparisonSchema, ImpactSchema, TwoQuery
from headwater_web.api.schemas.reviews import ReviewQuery, ReviewSchema
from headwater_web.reading import moment_named, reading

__all__ = ["resource"]

resource = Resource("compare", "What changed in meaning between two commits.")


@resource.get("/compare/<repo>", ComparisonSchema, CompareQuery, (REPOSITORY,))
def compare_commits(args: dict[str, Any], repo: str) -> Response:
    """Compare two commits, branches or tags, feature by feature."""
    before, after = _chosen(args, repo)
    compared = compare_moments(before, after, whole=True)
    found = compared.found if args["formatting"] else compared.found.without_formatting
    return answer(diff_json(_name(before), after.commit.sha, found, compared.opaque))


@resource.get("/impact/<repo>", ImpactSchema, TwoQuery, (REPOSITORY,))
def show_impact(args: dict[str, Any], repo: str) -> Response:
    """Tell what changes of meaning between two commits, branches or tags reach downstream."""
    before, after = _chosen(args, repo)
    compared = compare_moments(before, after)
    datasets = impacted_datasets(
        reading(), after.repository, compared.impact, compared.before, compared.after
    )
    return answer(impact_json(_name(before), after.commit.sha, compared.impact, datasets))


@resource.get("/review/<repo>", ReviewSchema, ReviewQuery, (REPOSITORY,))
def show_review(args: dict[str, Any], repo: str) -> Response:
    """Tell what a reviewer of the change between two commits, branches or tags must know."""
    before, after = _chosen(args, repo)
    return answer(reviewed(before, after, args["day"] or today()))


def _chosen(args: Mapping[str, Any], repo: str) -> tuple[Moment | None, Moment]:
    """Return the two commits that a request names."""
    after = moment_named(repo, args.get("b"))
    if "a" not in args:
        return parent_of(after), after
    before = moment_named(repo, args["a"])
    return where_parted(before, after) if args["parted"] else before, after


def _name(moment: Moment | None) -> str | None:
    return moment.commit.sha if moment is not None else None
