"""Upkeep: coverage over time, documentation that is older than logic, and where logic came from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flask import Blueprint, render_template, request

from headwater_catalog.moments import Moment
from headwater_catalog.rules import Review
from headwater_catalog.upkeep.coverage import ALL, KINDS, SECTIONS, Coverage, Covered, Section, coverage_of
from headwater_web.curves import curves
from headwater_web.dates import iso
from headwater_web.governed import place_names, places
from headwater_web.kept_up import ANY, LACKS, commits_at, drifts, origins, section_asked
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import as_of, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("upkeep", __name__)

_PAGE: Final = 50
_MOST_SECTIONS: Final = 100  # of a kind, on the page
_COUNTED: Final = ("features", *KINDS)
_DRIFT: Final = (
    *("repository", "key", "function", "documented", "documented_at", "since", "since_at", "author"),
    *("latest", "latest_at", "changes"),
)
_ORIGINS: Final = (
    *("repository", "key", "function", "commit", "at", "author", "merged_by", "signed", "reviewers", "lacks"),
)


@blueprint.get("/governance/coverage")
def coverage() -> str:
    """Show how many features have owners, docs, checks and tests, now and over time."""
    found = places(request.args.get("repo") or None)
    if len(found) != 1:
        rows = [
            (moment.repository.name, known.at(ALL, moment.require_position()))
            for moment, known in _known(found)
        ]
        return render_template("coverage_of_all.html", rows=rows, kinds=KINDS)
    moment = as_of(found[0].repository.name).moment
    known = coverage_of(reading(), moment.repository)
    section, last = _section(known), moment.require_position()
    series = known.until(section, last)
    newest = series[::-1][offset_asked() : offset_asked() + _PAGE]
    ends = {series[0][0], last} if series else set()
    sections = {by: known.sections(by, last) for by in SECTIONS}
    return render_template(
        "coverage.html",
        view=as_of(moment.repository.name),
        repositories=place_names(),
        coverage=known,
        section=section,
        kinds=KINDS,
        covered=known.at(section, last),
        curves=curves(series, last, KINDS),
        series=newest,
        total=len(series),
        commits=commits_at(moment, ends | {position for position, _ in newest}),
        ends=sorted(ends),
        sections_of={by: _most_lacking(each) for by, each in sections.items()},
        counts={by: len(each) for by, each in sections.items()},
        offset=offset_asked(),
        limit=_PAGE,
    )


def _section(known: Coverage) -> Section:
    return section_asked(request.args.get("by"), request.args.get("name"), known)


def _most_lacking(sections: Iterable[tuple[str, Covered]]) -> list[tuple[str, Covered]]:
    """Return the sections on a page: those that lack most first."""
    return sorted(sections, key=lambda section: -sum(map(section[1].lacking, KINDS)))[:_MOST_SECTIONS]


@as_files(blueprint, "/governance/coverage")
def all_coverage() -> Table:
    """Give the coverage as a table: of modules, of owners, or over time."""
    by, repo = request.args.get("list", ""), request.args.get("repo") or None
    moments = places(repo)
    if len(moments) == 1:
        moments = [as_of(moments[0].repository.name).moment]
    if by in SECTIONS:
        rows = (
            (moment.repository.name, known.shown_as(by, name), *covered)
            for moment, known in _known(moments)
            for name, covered in known.sections(by, moment.require_position())
        )
        return Table(f"coverage by {by}", ("repository", "section", *_COUNTED), rows)
    return Table(
        "coverage",
        ("repository", "commit", "at", *_COUNTED),
        (row for each in moments for row in _series(each, is_alone=len(moments) == 1)),
    )


def _known(moments: Iterable[Moment]) -> Iterable[tuple[Moment, Coverage]]:
    return ((moment, coverage_of(reading(), moment.repository)) for moment in moments)


def _series(moment: Moment, *, is_alone: bool) -> Iterable[tuple[Any, ...]]:
    known = coverage_of(reading(), moment.repository)
    section = _section(known) if is_alone else ALL  # sections are those of one repository, as on the page
    series = known.until(section, moment.require_position())[-MOST_ROWS:]
    commits = commits_at(moment, [position for position, _ in series])
    for position, covered in series:
        commit = commits[position]
        yield moment.repository.name, commit.sha, iso(commit.authored_at), *covered


@blueprint.get("/governance/drift")
def drift() -> str:
    """List functions whose logic changed after their documentation last did."""
    repo, offset = request.args.get("repo") or None, offset_asked()
    found = drifts(repo)
    return render_template(
        "drift.html",
        rows=found[offset : offset + _PAGE],
        total=len(found),
        repo=repo,
        repositories=place_names(),
        offset=offset,
        limit=_PAGE,
    )


@as_files(blueprint, "/governance/drift")
def all_drift() -> Table:
    """Give them as a table."""
    rows = (
        (repository, each.key, each.variant, each.documented.sha, iso(each.documented.authored_at))
        + (each.since.sha, iso(each.since.authored_at), each.since.author)
        + (each.latest.sha, iso(each.latest.authored_at), len(each.changes))
        for repository, each in drifts(request.args.get("repo") or None)[:MOST_ROWS]
    )
    return Table("drift", _DRIFT, rows)


@blueprint.get("/governance/origins")
def came_from() -> str:
    """List functions with the commit that their logic was written in: who signed and reviewed it."""
    repo, lacks, offset = request.args.get("repo") or None, _lacks(), offset_asked()
    found = origins(repo, lacks)
    return render_template(
        "origins.html",
        rows=found[offset : offset + _PAGE],
        total=len(found),
        lacks=lacks,
        choices=LACKS,
        reviews=_reviews(repo),
        repo=repo,
        repositories=place_names(),
        offset=offset,
        limit=_PAGE,
    )


@as_files(blueprint, "/governance/origins")
def all_origins() -> Table:
    """Give them as a table."""
    rows = (
        (repository, each.key, each.variant, each.commit.sha, iso(each.commit.authored_at))
        + (each.commit.author, each.merge.author if each.merge else None, each.is_signed)
        + (None if each.reviewers is None else list(each.reviewers), list(each.lacks))
        for repository, each in origins(request.args.get("repo") or None, _lacks())[:MOST_ROWS]
    )
    return Table("origins", _ORIGINS, rows)


def _reviews(repo: str | None) -> dict[Review, list[str]]:
    """Return what counts as a review, with the repositories where it does."""
    found: dict[Review, list[str]] = {}
    for moment in places(repo):
        found.setdefault(moment.snapshot.declared.rules.review, []).append(moment.repository.name)
    return found


def _lacks() -> str:
    asked = request.args.get("lacks", ANY)
    return asked if asked in LACKS else ANY
