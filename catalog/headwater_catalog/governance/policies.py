"""Policies: queries that must find nothing, judged on one moment or on what a change brings."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from headwater.errors import did_you_mean
from headwater_catalog.errors import QueryError, TooSlow
from headwater_catalog.governance.findings import UNREAD, Finding, Unknown
from headwater_catalog.governance.usual_rules import place_of
from headwater_catalog.query.classified import Classified, classify
from headwater_catalog.query.evaluate import require_time
from headwater_catalog.query.find import find
from headwater_catalog.query.index import Index
from headwater_catalog.query.postings import numbers_of
from headwater_catalog.query.subjects import Base, Subject
from headwater_catalog.query.syntax import Query, parse_query
from headwater_catalog.rules import Policy, PolicyException

__all__ = ["Author", "Ground", "Judged", "is_about_changes", "judge", "needs_history"]

_MOST_FINDINGS: Final = 10_000  # of one policy
_LONGEST_TOLD: Final = 120  # characters of a query that stands for a message
_MOST_SECONDS: Final = 10.0  # of one policy
_OWNERS: Final = "owners"  # in `changed_only_by`: whoever owns the feature


@dataclass(frozen=True, slots=True)
class Author:
    """Who changed features by a commit.

    Attributes:
        sha: The commit.
        name: The author's name.
        email: The author's address.
        keys: The features whose versions it brought.
    """

    sha: str
    name: str
    email: str
    keys: frozenset[str]


@dataclass(frozen=True)
class Ground:
    """Where policies are judged.

    Attributes:
        index: The features.
        day: The day on which exceptions must hold, as YYYY-MM-DD.
        base: What the change began from, with its index; None where no change is judged.
        authors: Who changed what since the base, by commit; None where that is not known.
        teams: The members of each team, by the team's name.
        is_past: Whether it is what a change began from: what has no name there yet is no fault of a policy,
            and what compares with a base finds nothing.
    """

    index: Index
    day: str
    base: tuple[Base, Index] | None = None
    authors: Sequence[Author] | None = None
    teams: Mapping[str, Collection[str]] | None = None
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What policies say.

    Attributes:
        findings: What breaks them.
        excepted: What would, but for an exception.
        unknown: What cannot be told here.
    """

    findings: tuple[Finding, ...]
    excepted: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]


def judge(policies: Iterable[Policy], ground: Ground, *, seconds: float = 60.0) -> Judged:
    """Judge policies.

    Args:
        policies: The policies.
        ground: Where.
        seconds: How long it may take; of what is not reached, nothing is known.
    """
    findings: list[Finding] = []
    excepted: list[Finding] = []
    unknown: list[Unknown] = []
    end = time.monotonic() + seconds
    for policy in policies:
        try:
            if ground.is_past and _compares(policy):
                continue
            if time.monotonic() > end:
                raise TooSlow(f"The policies before it took {seconds:g} seconds.")
            if reason := _unknown(policy, ground):
                unknown.append(Unknown(policy.name, reason))
                continue
            broken, let_through, are_all = _divided(
                policy, ground, min(end, time.monotonic() + _MOST_SECONDS)
            )
            findings += broken
            excepted += let_through
            if not are_all:
                unknown.append(Unknown(policy.name, f"There are more than {_MOST_FINDINGS:,} findings."))
        except TooSlow as error:
            late = time.monotonic() > end
            told = str(error) if late else f"It takes more than {_MOST_SECONDS:g} seconds."
            if ground.is_past:
                unknown.append(Unknown(policy.name, told))
            else:  # or a policy would hold since nobody had the time to check it
                findings.append(_unread(policy, told))
        except QueryError as error:
            findings += [] if ground.is_past else [_unread(policy, str(error))]
    return Judged(tuple(findings), tuple(excepted), tuple(unknown))


def _divided(policy: Policy, ground: Ground, until: float) -> tuple[list[Finding], list[Finding], bool]:
    """Return what breaks a policy, what an exception lets through, and whether these are all.

    Raises:
        QueryError: Its queries name what is not there, or there is no time left.
    """
    exceptions = [each for each in policy.exceptions if not each.until or each.until >= ground.day]
    broken: list[Finding] = []
    let_through: list[Finding] = []
    for number, finding in enumerate(_found(policy, ground, until)):
        if number == _MOST_FINDINGS:
            return broken, let_through, False
        require_time(until)
        (let_through if any(_covers(each, finding.key) for each in exceptions) else broken).append(finding)
    return broken, let_through, True


def is_about_changes(policy: Policy) -> bool:
    """Tell whether only a change can break a policy, and never one moment by itself."""
    with suppress(QueryError):  # which is a finding
        return policy.only_new or _compares(policy)
    return policy.only_new


def needs_history(policy: Policy) -> bool:
    """Tell whether a policy asks for what was before the moment that is judged."""
    with suppress(QueryError):
        return any(query.needs_history for query in _queries(policy))
    return False


def _queries(policy: Policy) -> tuple[Query, Query, Query]:
    """Return the scope, the query and the needs of a policy.

    Raises:
        QueryError: One of them cannot be understood.
    """
    found = parse_query(policy.scope), parse_query(policy.query), parse_query(policy.needs)
    if any(query.at is not None for query in found):
        raise QueryError("'at:' chooses a moment, and a policy holds at all of them. Leave it out.")
    return found


def _compares(policy: Policy) -> bool:
    """Tell whether nothing is a finding where a change began: it asks for what came since."""
    return bool(policy.changed_only_by) or any(query.base_term for query in _queries(policy))


def _unknown(policy: Policy, ground: Ground) -> str:
    """Return why it cannot be told here whether a policy holds; nothing where it can.

    Raises:
        QueryError: Its queries cannot be understood.
    """
    if policy.changed_only_by and ground.authors is None:
        return "It asks who changed something, which is known of a range of commits: give a base."
    if policy.only_new and ground.base is None and not ground.is_past:
        return "It is about what a change brings: give a base."
    for query in _queries(policy):
        _require_declared(policy, query, ground)
        if query.needs_history and ground.index.scope.pasts is None:
            return "It asks for the history, which only a catalog knows: see the page of policies there."
        if query.base_term is not None and ground.base is None:
            return f"'{query.base_term.field}:' compares with a base: give one."
    return ""


def _require_declared(policy: Policy, query: Query, ground: Ground) -> None:
    """Require that a policy of the repository asks for classifications that it declares.

    Raises:
        QueryError: One of them nobody has declared: it may be misspelt, and then the policy would hold.
    """
    declared = ground.index.scope.snapshot.declared.rules.classifications
    if ground.is_past or not policy.path:
        return
    for tag in _tags_of(query):
        if tag.casefold() not in {each.casefold() for each in declared}:
            raise QueryError(f"Nobody declares the classification '{tag}'.{did_you_mean(tag, declared)}")


def _tags_of(query: Query) -> Iterator[str]:
    """Yield the classifications that a query asks for."""
    for term in query.terms:
        if term.field == "classification":
            yield re.split("[<>=]", term.value, maxsplit=1)[0]


def _unread(policy: Policy, why: str) -> Finding:
    told = f"Policy '{policy.name}' cannot be checked: {why}"
    return Finding(
        UNREAD, "error", told, about=policy.name, path=policy.path, line=policy.line, owner=policy.owner
    )


def _found(policy: Policy, ground: Ground, until: float) -> Iterator[Finding]:
    index = ground.index
    scope, query, needs = _queries(policy)
    met = _met(scope, ground, until) & _met(query, ground, until)
    inside = [index.scope.subjects[number] for number in numbers_of(met)]
    if policy.changed_only_by:
        yield from _changed_by_others(policy, ground, {subject.key: subject for subject in inside})
    elif policy.needs:
        needed = _met(needs, ground, until)
        for subject in inside:
            for parent in index.scope.graph.parents(subject.key):
                number = index.numbers.get(parent)
                if number is not None and needed >> number & 1:
                    told = f"It needs '{parent.rpartition(':')[2]}'."
                    yield _finding(policy, ground, subject, told, parent, (parent, subject.key))
    else:
        classified = list(_classified(query, ground))
        for subject in inside:
            yield _finding(policy, ground, subject, "", "", _way(classified, subject.key))


def _met(query: Query, ground: Ground, until: float) -> int:
    """Return the features that meet a query, as bits of their numbers.

    Raises:
        QueryError: It names what is not there, or takes too long.
    """
    return find(query, ground.index, base=ground.base, until=until).bits


def _changed_by_others(policy: Policy, ground: Ground, subjects: Mapping[str, Subject]) -> Iterator[Finding]:
    for author in ground.authors or ():
        for key in sorted(author.keys & subjects.keys()):
            subject = subjects[key]
            allowed = {name for each in policy.changed_only_by for name in _people(each, subject, ground)}
            if not any(_is(author, each) for each in allowed):
                told = f"{author.name} <{author.email}> changed it by {author.sha[:10]}."
                yield _finding(policy, ground, subject, told, author.sha, ())


def _people(allowed: str, subject: Subject, ground: Ground) -> Iterator[str]:
    for name in subject.owners if allowed == _OWNERS else (allowed,):
        members = (ground.teams or {}).get(name) or (ground.teams or {}).get(name.removeprefix("@"))
        yield from members or (name,)


def _is(author: Author, allowed: str) -> bool:
    wanted = allowed.casefold()
    return fnmatchcase(author.email.casefold(), wanted) or fnmatchcase(author.name.casefold(), wanted)


def _classified(query: Query, ground: Ground) -> Iterator[Classified]:
    """Yield what the classifications reach that a query names."""
    scope = ground.index.scope
    for tag in _tags_of(query):
        yield classify(scope.snapshot, tag, ground.day, scope.imported.get(tag.casefold()))


def _way(classified: Iterable[Classified], key: str) -> tuple[str, ...]:
    """Return the way by which one of some classifications comes to a feature, if one does."""
    ways = (found.why(key) for found in classified)
    return next((way for way in ways if len(way) > 1), ())


def _finding(
    policy: Policy, ground: Ground, subject: Subject, told: str, about: str, because: tuple[str, ...]
) -> Finding:
    place = place_of(ground.index.scope.snapshot, subject.key)
    assert place is not None
    message = " ".join(filter(None, (policy.message or _usual_message(policy, subject), told)))
    return Finding(
        rule=policy.name,
        severity=policy.severity,
        message=message,
        key=subject.key,
        about=about,
        path=place.path,
        line=place.line,
        end_line=place.end_line,
        because=because,
        owners=subject.owners,
        owner=policy.owner,
    )


def _usual_message(policy: Policy, subject: Subject) -> str:
    """Return what is told of a feature where the policy has no message: what it asks for."""
    asked = f" ({policy.query})" if 0 < len(policy.query) <= _LONGEST_TOLD else ""
    return f"'{subject.name}' breaks '{policy.name}'{asked}."


def _covers(exception: PolicyException, key: str) -> bool:
    return any(fnmatchcase(each, exception.feature) for each in (key, key.rpartition(":")[2]))
