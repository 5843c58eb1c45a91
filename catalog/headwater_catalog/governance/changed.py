"""A change that is checked: what it began from, who made it, what moved, and which barriers it touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headwater_catalog.git_log import CommitInfo
from headwater_catalog.governance.findings import Finding
from headwater_catalog.governance.policies import Author
from headwater_catalog.governance.usual_rules import place_of
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.pairs import Edge, pair
from headwater_catalog.query.classified import Barrier, classify
from headwater_catalog.query.subjects import Past
from headwater_catalog.snapshot import Snapshot

if TYPE_CHECKING:
    from headwater_catalog.git import GitSource

__all__ = [
    "CHANGED",
    "Change",
    "History",
    "authors_between",
    "authors_of",
    "changed_barriers",
    "moved_features",
    "renamed",
]

CHANGED = "barrier-changed"
"""A barrier whose code has changed, and not what is said of its review."""


@dataclass(frozen=True, slots=True)
class History:
    """What a catalog knows of the history of a moment.

    Attributes:
        instant: That of its commit, from which ages count.
        pasts: The past of each feature that is there, by key; None where nobody knows.
    """

    instant: int = 0
    pasts: Mapping[str, Past] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a change began from.

    Attributes:
        before: The features then.
        after: The features now.
        authors: Who changed which of the features since, by commit.
        histories: What is known of the history of both.
    """

    before: Revision
    after: Revision
    authors: Sequence[Author] = ()
    histories: tuple[History, History] = (History(), History())

    @property
    def changers(self) -> Mapping[str, Sequence[str]]:
        """Names and addresses of who changed each feature, by its key."""
        found: dict[str, list[str]] = {}
        for author in self.authors:
            for key in author.keys:
                found.setdefault(key, []).append(f"{author.name} {author.email}")
        return found


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


def authors_between(
    source: GitSource, before_sha: str | None, after_sha: str, before: Revision, after: Revision
) -> tuple[Author, ...]:
    """Return who changed which features on the way from one commit to another.

    Args:
        source: The mirror.
        before_sha: Where the way begins; None: where there was nothing.
        after_sha: Where it ends.
        before: The features at its beginning.
        after: The features at its end.
    """
    if before_sha is not None:
        return authors_of(source.commits_between(after_sha, before_sha), before, after)
    first = source.commit(after_sha)  # it brought all that there is
    return (Author(first.sha, first.author_name, first.author_email, frozenset(after.snapshot.variants)),)


def changed_barriers(change: Change, day: str, moved: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for each barrier whose code has changed without a word of another look at it.

    Args:
        change: The change.
        day: The day on which barriers must hold, as YYYY-MM-DD.
        moved: Features that only moved: their keys after, by those before.
    """
    before, after = change.before, change.after
    for tag in after.snapshot.declared.rules.classifications:
        then, now = (classify(each.snapshot, tag, day).said.barriers for each in (before, after))
        for old in sorted(then.keys() & before.snapshot.variants.keys()):
            key = moved.get(old, old)
            if (
                key not in now
                or key not in after.snapshot.variants
                or _review(then[old]) != _review(now[key])
            ):
                continue
            place = place_of(after.snapshot, key)
            if place is None or before.lineages.definition(old) == after.lineages.definition(key):
                continue
            told = (
                f"The code of '{place.name}' has changed, which is a barrier for {tag}, and what it says of "
                f"its review has not. Let somebody look at it again, and say so: {tag}_reviewer, {tag}_until."
            )
            where = (place.path, place.line, place.end_line)
            yield Finding(CHANGED, "warning", told, key, tag, *where, owners=place.owners)


def _review(barrier: Barrier) -> tuple[str, str]:
    """Return what a barrier says of the last look at it."""
    return barrier.reviewer, barrier.last_day
