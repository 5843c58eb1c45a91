"""What breaks policies and rules at one moment, or by a change; it needs no catalog and runs no code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater_catalog.git_log import CommitInfo
from headwater_catalog.governance.findings import Finding, Unknown, sorted_findings
from headwater_catalog.governance.new_duplicates import new_duplicates
from headwater_catalog.governance.policies import Author, Ground, Judged, judge
from headwater_catalog.governance.taint import TaintChange, taint_difference
from headwater_catalog.governance.usual_rules import place_of, usual_findings
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.pairs import Edge, pair
from headwater_catalog.query.classified import classify
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Base, Scope
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot

__all__ = ["CHANGED", "Change", "Checked", "authors_of", "check", "moved_features", "policies_of", "renamed"]

CHANGED = "barrier-changed"
"""A barrier whose code has changed, and not what is said of its review."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a change began from.

    Attributes:
        before: The features then.
        after: The features now.
        authors: Who changed which of the features since, by commit.
    """

    before: Revision
    after: Revision
    authors: Sequence[Author] = ()

    @property
    def changers(self) -> Mapping[str, Sequence[str]]:
        """Names and addresses of who changed each feature, by its key."""
        found: dict[str, list[str]] = {}
        for author in self.authors:
            for key in author.keys:
                found.setdefault(key, []).append(f"{author.name} {author.email}")
        return found


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found.

    Attributes:
        findings: What is wrong, the worst first; of a change only what it brings.
        excepted: What would be wrong, but for an exception of its policy.
        unknown: Policies of which nothing can be said here.
        policies: How many policies there are.
        features: How many features were looked at.
        before: What was wrong before the change, and is.
        cleared: What was wrong before it, and is not any more.
        taint: What it does to classifications.
    """

    findings: tuple[Finding, ...]
    excepted: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]
    policies: int
    features: int
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
    index: Index | None = None,
) -> Checked:
    """Check the features of a moment, or what a change brings to them.

    Args:
        repository: Name of the repository, which queries may ask for.
        after: The features.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD.
        change: What the change began from; None: everything is told.
        more: Policies of the platform beside those of the repository; of one name the platform's counts.
        index: The index of the features, where there is one, maybe with their history.
    """
    policies = policies_of(after, more)
    index = index or Index(Scope(repository, after, day=day))
    rules = after.declared.rules
    if change is None:
        judged = judge(policies, Ground(index, day, teams=rules.teams))
        imported = index.scope.imported
        found = sorted_findings((*judged.findings, *usual_findings(after, day, imported)))
        return _checked(found, judged, policies, after)
    before = change.before.snapshot
    earlier = Index(Scope(repository, before, day=day))
    base = Base(earlier.scope, change.changers), earlier
    judged = judge(policies, Ground(index, day, base, change.authors, rules.teams))
    known = judge(policies, Ground(earlier, day, teams=before.declared.rules.teams, is_past=True))
    moved = moved_features(before, after)
    brought = (*_changed(change, day), *new_duplicates(change.before, change.after, moved))
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


def policies_of(snapshot: Snapshot, more: Iterable[Policy]) -> tuple[Policy, ...]:
    """Return the policies that hold for a repository: of one name, that of the platform alone."""
    platform = {policy.name: policy for policy in more}
    own = (policy for policy in snapshot.declared.rules.policies if policy.name not in platform)
    return (*platform.values(), *own)


def _checked(
    findings: tuple[Finding, ...], judged: Judged, policies: Sequence[Policy], after: Snapshot
) -> Checked:
    return Checked(findings, judged.excepted, judged.unknown, len(policies), len(after.variants))


def renamed(finding: Finding, moved: Mapping[str, str]) -> Finding:
    """Return what was found before a change, by the keys that features have after it."""
    about = moved.get(finding.about, finding.about)
    return replace(finding, key=moved.get(finding.key, finding.key), about=about)


def authors_of(commits: Iterable[CommitInfo], before: Revision, after: Revision) -> tuple[Author, ...]:
    """Return who changed which features: those whose text differs, in the files that each commit changed.

    Args:
        commits: The commits between, of which merges do not count.
        before: The features before them.
        after: The features after them.
    """
    changed: dict[str, set[str]] = {}
    for key in {**before.snapshot.variants, **after.snapshot.variants}:
        then, now = (each.snapshot.variants.get(key, ()) for each in (before, after))
        if [each.digest for each in then] != [each.digest for each in now]:
            for each in (*then, *now):
                changed.setdefault(each.path, set()).add(key)
    found = []
    for commit in commits:
        if len(commit.parents) > 1:  # what a merge shows against its first parent others have written
            continue
        keys = frozenset(key for change in commit.changes for key in changed.get(change.path, ()))
        if keys:
            found.append(Author(commit.sha, commit.author_name, commit.author_email, keys))
    return tuple(found)


def moved_features(before: Snapshot, after: Snapshot) -> dict[str, str]:
    """Return the features that moved with the very same text: their keys after, by those before."""
    gone, come = (list(_alone(here, there)) for here, there in ((before, after), (after, before)))
    keys = {edge.version_id: key for edge, key in (*gone, *come)}
    found = pair((edge for edge, _ in gone), (edge for edge, _ in come))
    return {keys[old]: keys[new] for new, old in found.items()}


def _alone(here: Snapshot, there: Snapshot) -> Iterator[tuple[Edge, str]]:
    """Yield the variants of features that another snapshot does not have, with their keys."""
    for feature in here.features:
        if feature.key not in there.variants:
            same = feature.digest
            yield Edge(id(feature), 0, feature.name, feature.variant, same, same), feature.key


def _changed(change: Change, day: str) -> Iterator[Finding]:
    """Yield the barriers whose code has changed, though nobody says that it was looked at again."""
    before, after = change.before, change.after
    for tag in after.snapshot.declared.rules.classifications:
        then, now = (classify(each.snapshot, tag, day).said.barriers for each in (before, after))
        for key in sorted(then.keys() & now.keys()):
            place = place_of(after.snapshot, key)
            if place is None or key not in before.snapshot.variants or key not in after.snapshot.variants:
                continue
            if then[key] != now[key] or before.lineages.definition(key) == after.lineages.definition(key):
                continue
            told = (
                f"The code of '{place.name}' has changed, which is a barrier for {tag}, and what it says of "
                f"its review has not. Let somebody look at it again, and say so: {tag}_reviewer, {tag}_until."
            )
            where = (place.path, place.line, place.end_line)
            yield Finding(CHANGED, "warning", told, key, tag, *where, owners=place.owners)
