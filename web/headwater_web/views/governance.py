"""Governance: where classifications flow and stop, what breaks policies and since when, and the policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from flask import Blueprint, render_template, request

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.days import today
from headwater_catalog.found_findings import (
    STATES,
    USUAL_RULES,
    Asked,
    KeptFinding,
    count_findings,
    list_findings,
    standing_judgement,
)
from headwater_catalog.governance.inventory import Inventory
from headwater_catalog.moments import Moment
from headwater_catalog.rules import SEVERITIES
from headwater_catalog.store.models import Finding, Judgement
from headwater_catalog.upkeep.coverage import KINDS
from headwater_web.dates import iso
from headwater_web.erasing import stewarded
from headwater_web.governed import inventories, place_names, places, standings
from headwater_web.kept_up import Standing, standing
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import offset_asked, reading
from headwater_web.redundant import redundant_counts
from headwater_web.suggesting import suggested

__all__ = ["blueprint"]

blueprint = Blueprint("governance", __name__)

_PAGE: Final = 50
_SHOWN: Final = 10  # findings on the overview
_OF_ONE_RULE: Final = 3  # of these
_LOOKED_AT: Final = 200
_FINDINGS: Final = (
    *("repository", "rule", "severity", "message", "key", "about", "path", "line", "because", "owners"),
    *("since", "since_at", "author", "at_least_since", "cleared"),
)
_POLICIES: Final = (
    *("repository", "source", "name", "severity", "owner", "message", "query", "scope", "needs"),
    *("only_new", "changed_only_by", "exceptions", "findings", "cleared", "excepted", "not_judged"),
)
_CLASSIFIED: Final = (
    "repository",
    "classification",
    "kind",
    "name",
    "features",
    "reason",
    "reviewer",
    "until",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A repository on the page, at its head.

    Attributes:
        moment: The repository.
        judgement: What of its history is judged; None where nothing is.
        counts: How many findings there are, by severity.
        inventories: Its classifications that anything has, each with its datasets.
        bare: Its other classifications.
        standing: How its features are kept up.
        suggestions: How many there are of what looks classified and says nothing of it.
    """

    moment: Moment
    judgement: Judgement | None
    counts: Mapping[str, int]
    inventories: tuple[tuple[Inventory, Mapping[str, int]], ...]
    bare: tuple[Inventory, ...]
    standing: Standing
    suggestions: int

    @property
    def is_behind(self) -> bool:
        """Whether its scanned head is not judged yet."""
        return self.judgement is None or self.judgement.sha != self.moment.repository.scanned_sha


@blueprint.get("/governance")
def overview() -> str:
    """Show where classifications flow, and what is wrong."""
    repo = request.args.get("repo") or None
    day = today()
    moments = places(repo)
    found = [_place(moment, day) for moment in moments]
    first = (kept for kept, _ in list_findings(reading(), Asked(repository=repo or ""), limit=_LOOKED_AT))
    return render_template(
        "governance.html",
        places=found,
        repo=repo,
        repositories=place_names(),
        rows=list(islice(_varied(first), _SHOWN)),
        severities=SEVERITIES,
        total=sum(sum(place.counts.values()) for place in found),
        kinds=KINDS,
        lacking={kind: sum(place.standing.covered.lacking(kind) for place in found) for kind in KINDS},
        day=day,
        redundant=redundant_counts(moments, repo),
        may_erase=bool(stewarded()),
    )


def _varied(found: Iterable[KeptFinding]) -> Iterator[KeptFinding]:
    """Yield the first findings of each rule, so that one rule does not hide all others."""
    told: Counter[str] = Counter()
    for kept in found:
        told[kept.finding.rule] += 1
        if told[kept.finding.rule] <= _OF_ONE_RULE:
            yield kept


def _place(moment: Moment, day: str) -> Place:
    told = tuple(inventories(moment, day))
    name = moment.repository.name
    return Place(
        moment=moment,
        judgement=standing_judgement(reading(), moment.repository),
        counts=count_findings(reading(), Asked(repository=name)),
        inventories=tuple(each for each in told if each[0].carriers or each[0].stops),
        bare=tuple(found for found, _ in told if not found.carriers and not found.stops),
        standing=standing(moment),
        suggestions=len(suggested(moment)),
    )


@as_files(blueprint, "/governance")
def classified() -> Table:
    """Give what carries classifications, what they reach, and where they stop, as a table."""
    rows = (
        (moment.repository.name, found.classification.key, *row)
        for moment in places(request.args.get("repo") or None)
        for found, datasets in inventories(moment, today())
        for row in _inventory_rows(found, datasets)
    )
    return Table("classifications", _CLASSIFIED, rows)


def _inventory_rows(
    found: Inventory, datasets: Mapping[str, int]
) -> Iterable[tuple[str, str, int, str, str, str]]:
    """Yield kind, name and count, and of barriers what they say; of datasets columns are counted."""
    yield from (("carrier", key, 1, level, "", "") for key, level in found.carriers.items())
    counted = {
        **{"level": found.levels, "module": found.modules, "owner": found.owners},
        **{"input": found.inputs, "dataset": datasets},
        "source": {name: each.features for name, each in found.sources.items()},
    }
    for kind, counts in counted.items():
        yield from ((kind, name, count, "", "", "") for name, count in counts.items())
    for stop in found.stops:
        barrier = stop.barrier
        told = (barrier.reason, barrier.reviewer, barrier.until) if barrier else ("", "", "")
        yield "barrier" if barrier else "anonymiser", stop.held.key, len(stop.held.kept_free), *told


@blueprint.get("/findings")
def findings() -> str:
    """List what breaks policies, the worst first."""
    asked, offset = _asked(), offset_asked()
    found = list_findings(reading(), asked, limit=_PAGE, offset=offset)
    counts = count_findings(reading(), asked)
    return render_template(
        "findings.html",
        rows=[kept for kept, _ in found],
        total=sum(counts.values()),
        asked=asked,
        severities=SEVERITIES,
        states=STATES,
        usual=USUAL_RULES,
        offset=offset,
        limit=_PAGE,
    )


@as_files(blueprint, "/findings")
def all_findings() -> Table:
    """Give the findings as a table."""
    rows = (
        (kept.repository, kept.finding.rule, kept.finding.severity, kept.finding.message, kept.finding.key)
        + (kept.finding.about, kept.finding.path, kept.finding.line, list(kept.finding.because))
        + (list(kept.finding.owners), kept.since.sha, iso(kept.since.authored_at), kept.since.author)
        + (not kept.is_since, _sha(kept.cleared))
        for kept, _ in list_findings(reading(), _asked(), limit=MOST_ROWS)
    )
    return Table("findings", _FINDINGS, rows)


def _sha(commit: CommitRef | None) -> str | None:
    return commit.sha if commit is not None else None


def _asked() -> Asked:
    given = {name: request.args.get(name, "") for name in ("rule", "owner", "key")}
    severity, state = request.args.get("severity", ""), request.args.get("state", "open")
    least = request.args.get("least", "")
    return Asked(
        repository=request.args.get("repo", ""),
        severity=severity if severity in SEVERITIES else "",
        state=state if state in STATES else "open",
        least=least if least in SEVERITIES else "",
        **given,
    )


@blueprint.get("/policies")
def policies() -> str:
    """List the policies, with how each repository stands to them."""
    repo = request.args.get("repo") or None
    counts = count_findings(reading(), Asked(repository=repo or ""), Finding.rule)
    return render_template(
        "policies.html",
        rows=standings(repo),
        repo=repo,
        usual=[(rule, what, counts[rule]) for rule, what in USUAL_RULES.items()],
        day=today(),
    )


@as_files(blueprint, "/policies")
def all_policies() -> Table:
    """Give the policies as a table."""
    rows = (
        (each.repository, each.source, each.policy.name, each.policy.severity, each.policy.owner)
        + (each.policy.message, each.policy.query, each.policy.scope, each.policy.needs)
        + (each.policy.only_new, list(each.policy.changed_only_by))
        + ([f"{it.feature} until {it.until or 'for good'}: {it.reason}" for it in each.policy.exceptions],)
        + (each.open, each.cleared, each.excepted, each.unknown)
        for each in standings(request.args.get("repo") or None)
    )
    return Table("policies", _POLICIES, rows)
