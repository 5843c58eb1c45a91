"""The page that compares two commits: what changed, in which way, and what that reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, g, render_template, request

from headwater_catalog.checked_changes import check_change
from headwater_catalog.compare import CLASSES, FeatureChange
from headwater_catalog.compared import Compared, compare_moments, parent_of
from headwater_catalog.days import today
from headwater_catalog.main_line import list_commits
from headwater_catalog.moments import Moment
from headwater_catalog.refs import list_refs
from headwater_catalog.store.models import Repository
from headwater_web.compared_changes import change_rows, telling_first
from headwater_web.edge_changes import edge_changes
from headwater_web.reach import reach_of
from headwater_web.reading import AsOf, moment_named, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("compare", __name__)

_PAGE: Final = 50  # changes, each with its code
_TAINTED: Final = 50  # changes of classifications, and findings
_OFFERED_REFS: Final = 200
_OFFERED_COMMITS: Final = 30


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two commits: as the reader named it, and what it is."""

    name: str
    moment: Moment

    @property
    def label(self) -> str:
        """The name as a title has room for it."""
        return self.name[:12] if self.name == self.moment.commit.sha else self.name


@blueprint.get("/r/<repo>/compare")
def compare(repo: str) -> str:
    """Compare two commits; without any, the last one with its parent."""
    after = _side(repo, request.args.get("b"))
    sha = after.moment.commit.sha
    view = AsOf(after.moment, None if sha == after.moment.repository.scanned_sha else sha)
    g.at = view.at  # links lead to features as the second commit has them
    before = _before(repo, after)
    compared = compare_moments(before.moment if before else None, after.moment, both_ways=True)
    chosen = {name: request.args.get(name) or None for name in ("class", "module", "owner")}
    with_layout = request.args.get("formatting") == "1" or chosen["class"] == "formatting"
    found = compared.found if with_layout else compared.found.without_formatting
    changes = telling_first(change for change in found.features if _is_chosen(change, chosen))
    offset = offset_asked()
    return render_template(
        "compare.html",
        view=view,
        before=before,
        after=after,
        compared=compared,
        found=found,
        with_layout=with_layout,
        layout_count=compared.found.counts.get("formatting", 0),
        chosen=chosen,
        classes=CLASSES,
        total=len(changes),
        rows=change_rows(compared, changes[offset : offset + _PAGE]),
        offset=offset,
        limit=_PAGE,
        parted=_parted(compared, before, after),
        edges=edge_changes(compared, repo, before.moment.commit.sha if before else None),
        reach=reach_of(compared),
        offered=_offered(after.moment.repository),
    )


@blueprint.get("/r/<repo>/compare/reach")
def reach(repo: str) -> str:
    """Give the part of a commit's page that tells what it reaches."""
    moment = moment_named(repo, request.args.get("b") or None)
    view = AsOf(moment, moment.commit.sha)
    g.at = view.at
    before = parent_of(moment)
    compared = compare_moments(before, moment)
    return render_template(
        "commit_reach.html",
        view=view,
        before=before.commit.sha if before else None,
        reach=reach_of(compared),
    )


@blueprint.get("/r/<repo>/compare/governance")
def governance(repo: str) -> str:
    """Tell what a commit does to classifications and policies, as a part of its page or by itself."""
    moment = moment_named(repo, request.args.get("b") or None)
    view = AsOf(moment, moment.commit.sha)
    g.at = view.at
    asked = request.args.get("a")
    before = moment_named(repo, asked) if asked else parent_of(moment)
    return render_template(
        "change_governance.html" if "HX-Request" in request.headers else "change_governance_page.html",
        view=view,
        before=before.commit.sha if before else None,
        checked=check_change(before, moment, today()),
        shown=_TAINTED,
    )


def _side(repo: str, name: str | None) -> Side:
    moment = moment_named(repo, name or None)
    return Side(name or moment.commit.sha, moment)


def _before(repo: str, after: Side) -> Side | None:
    """Return what the reader compares with, or else the first parent; None where there is none."""
    asked = request.args.get("a")
    if asked:
        return _side(repo, asked)
    parent = parent_of(after.moment)
    return Side(parent.commit.sha, parent) if parent is not None else None


def _is_chosen(change: FeatureChange, chosen: Mapping[str, str | None]) -> bool:
    variants = change.after or change.before
    return (
        chosen["class"] in (None, *change.classes)
        and chosen["module"] in (None, variants[0].module)
        and (chosen["owner"] is None or any(chosen["owner"] in each.owners for each in variants))
    )


def _parted(compared: Compared, before: Side | None, after: Side) -> str | None:
    """Return where the two commits parted, if neither builds on the other."""
    ends = [side.moment.commit.sha for side in (before, after) if side is not None]
    return None if compared.parted is None or compared.parted in ends else compared.parted


def _offered(repository: Repository) -> Iterable[tuple[str, str]]:
    """Yield what the boxes offer: branches, tags and the latest commits, each with what it is."""
    for ref in list_refs(reading(), repository)[:_OFFERED_REFS]:
        yield ref.name, ref.kind
    for commit in list_commits(reading(), repository, limit=_OFFERED_COMMITS).commits:
        yield commit.sha, commit.subject
