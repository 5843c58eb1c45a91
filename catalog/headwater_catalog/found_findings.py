"""Findings as they are kept: lists of them, how many there are, and which came or went by a commit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, case, cast, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.errors import QueryError
from headwater_catalog.finding_rows import finding_of
from headwater_catalog.governance.check import policies_of
from headwater_catalog.governance.findings import (
    CLAIM,
    EXPIRED,
    LACKING,
    LEVEL,
    SAME_NAME,
    UNDECLARED,
    UNREAD,
)
from headwater_catalog.governance.findings import Finding as Found
from headwater_catalog.governance.policies import is_about_changes
from headwater_catalog.moments import Moment
from headwater_catalog.query.syntax import parse_query
from headwater_catalog.rules import SEVERITIES, Policy
from headwater_catalog.settings import Settings
from headwater_catalog.store.models import Commit, Finding, Judgement, Repository

__all__ = [
    "STATES",
    "USUAL_RULES",
    "Asked",
    "KeptFinding",
    "PolicyStanding",
    "asked_findings",
    "count_findings",
    "findings_of_commit",
    "list_findings",
    "policies_at",
    "standing_judgement",
]

STATES: Final = ("open", "cleared", "all")
"""Which findings may be asked for: those that are there at main, those that were, or both."""

USUAL_RULES: Final[Mapping[str, str]] = {
    CLAIM: "What claims to have less of a classification than flows into it.",
    EXPIRED: "Barriers whose last day is over.",
    LACKING: "Barriers that do not say why, or who has looked.",
    LEVEL: "Values that a classification does not have.",
    SAME_NAME: "Inputs with the name of a feature of another dataflow that has a classification.",
    UNREAD: "Policies that cannot be checked: nobody knows whether they hold.",
    UNDECLARED: "What cannot be read of files that declare policies, classifications, dataflows and owners.",
}
"""The rules that always hold, each with what breaks it."""


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """A finding with its history.

    Attributes:
        id: Its number, which may change when a repository is judged anew.
        repository: Name of the repository.
        finding: The finding, as it was seen last.
        since: The commit of the main line that brought it.
        is_since: Whether that commit did bring it; else it was there before, since nobody knows when.
        cleared: The commit from which it is there no more; None while it is.
    """

    id: int
    repository: str
    finding: Found
    since: CommitRef
    is_since: bool
    cleared: CommitRef | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which findings are asked for; what is empty does not matter.

    Attributes:
        repository: The name of their repository.
        rule: The policy, or the rule.
        severity: How bad they are.
        least: How bad they are at least.
        owner: Whom to ask about the feature.
        key: The feature.
        state: One of `STATES`.
    """

    repository: str = ""
    rule: str = ""
    severity: str = ""
    owner: str = ""
    key: str = ""
    state: str = "open"
    least: str = ""


_RANK: Final = case({name: rank for rank, name in enumerate(SEVERITIES)}, value=Finding.severity, else_=9)
_ORDER: Final = (_RANK, Repository.name, Finding.rule, Finding.key, Finding.about, Finding.id)

Place = Sequence[Any]
"""Where a finding stands in a list, for the next page to begin after it."""


def list_findings(
    session: Session, asked: Asked, *, after: Place | None = None, limit: int = 50, offset: int = 0
) -> list[tuple[KeptFinding, Place]]:
    """Return findings, the worst first, each with its place in the list.

    Args:
        session: An open session.
        asked: Which.
        after: Only those after this place.
        limit: How many at most.
        offset: How many to leave out first.
    """
    begun, ended = aliased(Commit), aliased(Commit)
    wanted = (
        asked_findings(select(Finding, Repository.name, begun, ended, Judgement.since, _RANK), asked)
        .outerjoin(Judgement, Judgement.repository_id == Finding.repository_id)
        .join(begun, _is_at(begun, Finding.valid_from))
        .outerjoin(ended, _is_at(ended, Finding.valid_until))
        .order_by(*_ORDER)
        .limit(limit)
        .offset(offset)
    )
    if after is not None:
        wanted = wanted.where(tuple_(*_ORDER) > tuple_(*after))
    return [
        (_kept(row, name, commit, until, since), (rank, name, row.rule, row.key, row.about, row.id))
        for row, name, commit, until, since, rank in session.execute(wanted)
    ]


def count_findings(session: Session, asked: Asked, by: Any = Finding.severity) -> Counter[Any]:
    """Return how many findings there are, by their severity or another column."""
    counted = asked_findings(select(by, func.count(Finding.id)), asked).group_by(by)
    return Counter(dict(map(tuple, session.execute(counted))))


def findings_of_commit(
    session: Session, repository: Repository, position: int
) -> tuple[list[Found], list[Found]] | None:
    """Return what a commit of the main line brought, and what it cleared; None where nobody knows that."""
    judgement = session.get(Judgement, repository.id)
    if judgement is None or not judgement.since <= position <= judgement.position:
        return None
    if position == judgement.since and position > 0:
        return None
    sides = (Finding.valid_from, Finding.valid_until)
    came, went = (
        session.execute(
            select(Finding)
            .where(Finding.repository_id == repository.id, side == position)
            .order_by(_RANK, Finding.rule, Finding.key, Finding.about)
        ).scalars()
        for side in sides
    )
    return list(map(finding_of, came)), list(map(finding_of, went))


def standing_judgement(session: Session, repository: Repository) -> Judgement | None:
    """Return what of the history of a repository is judged; None where nothing is."""
    return session.get(Judgement, repository.id)


@dataclass(frozen=True, slots=True)
class PolicyStanding:
    """A policy, and how a repository stands to it.

    Attributes:
        policy: The policy.
        repository: Name of the repository.
        source: Where it is declared: a file and a line, or "platform".
        open: How many findings there are of it.
        cleared: How many there were.
        excepted: How many there would be but for exceptions.
        about_changes: Whether only a change can break it, so that pages of commits and checks tell.
        unknown: Why it cannot be judged; empty where it can.
    """

    policy: Policy
    repository: str
    source: str
    open: int
    cleared: int
    excepted: int
    about_changes: bool
    unknown: str

    @property
    def searches(self) -> Mapping[str, str]:
        """What a search can be asked for of its scope, its query within that, and its needs."""
        scope, query, needs = self.policy.scope, self.policy.query, self.policy.needs
        within = f"({scope}) ({query})" if scope and query else query
        asked = {"scope": scope, "query": within, "needs": needs}
        return {part: text for part, text in asked.items() if text and _is_searched(text)}


def _is_searched(text: str) -> bool:
    """Tell whether a search answers a query: one that is understood, and compares with nothing before."""
    with suppress(QueryError):
        return parse_query(text).base_term is None
    return False


def policies_at(moment: Moment, settings: Settings) -> list[PolicyStanding]:
    """Return the policies that hold for a repository, those of the platform first."""
    session, repository = moment.session, moment.repository
    judgement = session.get(Judgement, repository.id)
    counts = {
        state: count_findings(session, Asked(repository.name, state=state), Finding.rule)
        for state in ("open", "cleared")
    }
    return [
        PolicyStanding(
            policy=policy,
            repository=repository.name,
            source=f"{policy.path}:{policy.line}" if policy.path else "platform",
            open=counts["open"][policy.name],
            cleared=counts["cleared"][policy.name],
            excepted=judgement.excepted.get(policy.name, 0) if judgement else 0,
            about_changes=is_about_changes(policy),
            unknown=_unknown(judgement, policy),
        )
        for policy in policies_of(moment.snapshot, settings.policies)
    ]


def _unknown(judgement: Judgement | None, policy: Policy) -> str:
    if is_about_changes(policy):
        return ""
    return "It is not judged yet." if judgement is None else judgement.unknown.get(policy.name, "")


def asked_findings(selected: Select[*tuple[Any, ...]], asked: Asked) -> Select[*tuple[Any, ...]]:
    """Return a query of findings and what belongs to them, narrowed to those that are asked for."""
    wanted: list[ColumnElement[bool]] = []
    plain = {Repository.name: asked.repository, Finding.rule: asked.rule, Finding.severity: asked.severity}
    wanted += (column == value for column, value in {**plain, Finding.key: asked.key}.items() if value)
    if asked.least:
        wanted.append(Finding.severity.in_(SEVERITIES[: SEVERITIES.index(asked.least) + 1]))
    if asked.owner:
        # As the list is written down: each name in quotes.
        wanted.append(cast(Finding.owners, Text).contains(json.dumps(asked.owner), autoescape=True))
    if asked.state in ("open", "cleared"):
        is_open = Finding.valid_until.is_(None)
        wanted.append(is_open if asked.state == "open" else ~is_open)
    return selected.join(Repository, Repository.id == Finding.repository_id).where(*wanted)


def _is_at(commit: Any, position: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = (commit.repository_id == Finding.repository_id) & (
        commit.position == position
    )
    return found


def _kept(
    row: Finding, repository: str, commit: Commit, until: Commit | None, since: int | None
) -> KeptFinding:
    return KeptFinding(
        id=row.id,
        repository=repository,
        finding=finding_of(row),
        since=CommitRef.of(commit),
        is_since=row.valid_from == 0 or since is None or row.valid_from > since,
        cleared=CommitRef.of(until) if until is not None else None,
    )
