"""The home page: what is here, what changed lately, what needs attention, and how to begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

from flask import Blueprint, g, render_template, url_for

from headwater_catalog.accounts import Role
from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.compare import CLASSES
from headwater_catalog.operations import Standing, standing_of, waiting
from headwater_catalog.overview import (
    WITHOUT_DOC,
    WITHOUT_OWNER,
    Figures,
    figures_of,
    latest_changes,
)
from headwater_catalog.repositories import list_repositories
from headwater_catalog.runs import count_failed, list_runs
from headwater_catalog.scan_requests import last_scans
from headwater_catalog.search import heads
from headwater_catalog.store.models import Job, Repository
from headwater_web.access import actor
from headwater_web.reading import catalog, reading

__all__ = ["blueprint"]

blueprint = Blueprint("home", __name__)

_RUNS: Final = 5
_DAYS: Final = 7  # of which failed runs are told
_MODULES: Final = 16  # of each repository, the largest
_TILES: Final = 6  # repositories; more stand in a list


@dataclass(frozen=True, slots=True)
class Place:
    """A repository on the page; it has a head and figures once it is scanned."""

    stored: Repository
    head: CommitRef | None
    figures: Figures | None
    scan: Job | None

    @property
    def standing(self) -> Standing:
        """How it stands by its last scan."""
        return standing_of(self.stored, self.scan, g.now)

    @property
    def modules(self) -> list[tuple[str, int]]:
        """The modules with most features, by name, each with how many."""
        counts: Mapping[str, int] = self.figures.modules if self.figures else {}
        return sorted(nlargest(_MODULES, counts.items(), key=lambda module: (module[1], module[0])))


@dataclass(frozen=True, slots=True)
class Need:
    """Something that somebody should look after: how much of it, and where the list is that says so."""

    count: int
    noun: str
    rest: str
    href: str
    css: str = ""


@blueprint.get("/")
def home() -> str:
    """Show the catalog at a glance."""
    places = _places()
    figures = [place.figures for place in places if place.figures is not None]
    return render_template(
        "home.html",
        places=places,
        tiles=len(places) <= _TILES,
        features=sum(each.features for each in figures),
        dataflows=sum(each.dataflows for each in figures),
        scanned_at=max((each.stored.scanned_at or 0 for each in places), default=0),
        changes=latest_changes(figures),
        classes=CLASSES,
        needs=[need for need in _needs(places) if need.count],
        runs=list_runs(reading(), limit=_RUNS),
        may_add=actor().everywhere is Role.ADMINISTRATOR,
    )


def _places() -> list[Place]:
    moments = {moment.repository.id: moment for moment in heads(reading(), catalog().settings)}
    scans = last_scans(reading())
    return [
        Place(
            stored,
            CommitRef.of(moments[stored.id].commit) if stored.id in moments else None,
            figures_of(moments[stored.id]) if stored.id in moments else None,
            scans.get(stored.id),
        )
        for stored in list_repositories(reading())
    ]


def _needs(places: Sequence[Place]) -> list[Need]:
    """Return what may need somebody, the most urgent first."""
    standings = [place.standing for place in places]
    queued = waiting(reading())

    def repos(standing: Standing) -> tuple[int, str]:
        return standings.count(standing), "repository"

    def where(only: str) -> str:
        return url_for("repos.repos", only=only)

    return [
        Need(*repos(Standing.FAILED), "could not be scanned", where(Standing.FAILED), "bad"),
        Need(*repos(Standing.LATE), "not scanned as the schedule says", where(Standing.LATE), "bad"),
        Need(
            queued.count if queued.is_long(g.now) else 0,
            *("job", "waiting for a worker", url_for("operations.jobs", state="queued"), "bad"),
        ),
        Need(
            count_failed(reading(), g.now - 86_400 * _DAYS),
            *("run", f"failed in {_DAYS} days", url_for("runs.runs", state="failed", days=_DAYS), "bad"),
        ),
        Need(*repos(Standing.NEVER), "never scanned", where(Standing.NEVER), "warn"),
        Need(_sum(places, "problems"), "problem", "in files", _problems(places), "warn"),
        Need(_sum(places, "without_owner"), "feature", "without owner", _search(WITHOUT_OWNER)),
        Need(_sum(places, "without_doc"), "feature", "without documentation", _search(WITHOUT_DOC)),
    ]


def _sum(places: Sequence[Place], name: str) -> int:
    return sum(getattr(place.figures, name) for place in places if place.figures is not None)


def _problems(places: Sequence[Place]) -> str:
    """Return where the problems are listed: in the one repository that has any, or by repository."""
    having = [place.stored.name for place in places if place.figures and place.figures.problems]
    if len(having) == 1:
        return url_for("repositories.repository", repo=having[0], _anchor="problems")
    return url_for("repos.repos", only="problems")


def _search(query: str) -> str:
    return url_for("search.search", q=query)
