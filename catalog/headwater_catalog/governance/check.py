"""What breaks policies and rules at one moment, or by a change; it needs no catalog and runs no code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headwater_catalog.governance.fail_closed import idle_policies, other_problems, unread_declarations
from headwater_catalog.governance.findings import Finding, Unknown, sorted_findings
from headwater_catalog.governance.policies import Ground, Judged, judge
from headwater_catalog.governance.usual_rules import usual_findings
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Base, Scope
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot

if TYPE_CHECKING:
    from headwater_catalog.governance.changed import Change, History
    from headwater_catalog.governance.taint import TaintChange

__all__ = ["Checked", "check", "policies_of"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found.

    Attributes:
        findings: What is wrong, the worst first; of a change only what it brings.
        excepted: What would be wrong, but for an exception of its policy.
        unknown: Policies of which nothing can be said here.
        policies: How many policies there are.
        features: How many features were looked at.
        problems: How many problems there are in the code, which may hide features.
        before: What was wrong before the change, and is.
        cleared: What was wrong before it, and is not any more.
        taint: What it does to classifications.
    """

    findings: tuple[Finding, ...]
    excepted: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]
    policies: int
    features: int
    problems: int = 0
    before: tuple[Finding, ...] = ()
    cleared: tuple[Finding, ...] = ()
    taint: tuple[TaintChange, ...] = ()


def check(
    repository: str,
    after: Snapshot,
    day: str,
    *,
    change: Change | None = None,
    more: Iterable[Policy] = (),
) -> Checked:
    """Check the features of a moment, or what a change brings to them.

    Args:
        repository: Name of the repository, which queries may ask for.
        after: The features.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD.
        change: What the change began from; None: everything is told.
        more: Policies of the platform beside those of the repository; of one name the platform's counts.
    """
    policies = policies_of(after, more)
    index = _index(repository, after, day, change.histories[1] if change else None)
    rules = after.declared.rules
    if change is None:
        judged = judge(policies, Ground(index, day, teams=rules.teams))
        told = (*unread_declarations(after), *idle_policies(policies, index))
        found = sorted_findings((*judged.findings, *usual_findings(after, day), *told))
        return _checked(found, judged, policies, after)
    # What tells two moments apart takes as long to load as a small repository takes to check.
    from headwater_catalog.governance.changed import changed_barriers, moved_features, renamed
    from headwater_catalog.governance.new_duplicates import new_duplicates
    from headwater_catalog.governance.taint import taint_difference

    before = change.before.snapshot
    earlier = _index(repository, before, day, change.histories[0])
    base = Base(earlier.scope, change.changers), earlier
    judged = judge(policies, Ground(index, day, base, change.authors, rules.teams))
    known = judge(policies, Ground(earlier, day, teams=before.declared.rules.teams, is_past=True))
    moved = moved_features(before, after)
    brought = (*changed_barriers(change, day, moved), *new_duplicates(change.before, change.after, moved))
    # Never taken for known: what was not read before, either, was not checked before, either.
    brought = (*brought, *unread_declarations(after), *idle_policies(policies, index))
    now = sorted_findings((*judged.findings, *usual_findings(after, day), *brought))
    then = [renamed(each, moved) for each in (*known.findings, *usual_findings(before, day))]
    ratchets = {policy.name for policy in policies if policy.only_new}
    was, is_ = {each.identity for each in then}, {each.identity for each in now}
    checked = _checked(tuple(each for each in now if each.identity not in was), judged, policies, after)
    return replace(
        checked,
        before=tuple(each for each in now if each.identity in was and each.rule not in ratchets),
        cleared=sorted_findings(each for each in then if each.identity not in is_),
        taint=taint_difference(before, after, day, moved={new: old for old, new in moved.items()}),
    )


def _index(repository: str, snapshot: Snapshot, day: str, history: History | None) -> Index:
    now, pasts = (history.instant, history.pasts) if history is not None else (0, None)
    return Index(Scope(repository, snapshot, now, pasts, day=day))


def policies_of(snapshot: Snapshot, more: Iterable[Policy]) -> tuple[Policy, ...]:
    """Return the policies that hold for a repository: of one name, that of the platform alone."""
    platform = {policy.name: policy for policy in more}
    own = (policy for policy in snapshot.declared.rules.policies if policy.name not in platform)
    return (*platform.values(), *own)


def _checked(
    findings: tuple[Finding, ...], judged: Judged, policies: Sequence[Policy], after: Snapshot
) -> Checked:
    counts = len(policies), len(after.variants), other_problems(after)
    return Checked(findings, judged.excepted, judged.unknown, *counts)
