"""The history of both ends of a change, for policies that ask for it: also beside the main line."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from headwater_catalog.git import GitSource
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.governance.changed import History
from headwater_catalog.governance.policies import needs_history
from headwater_catalog.hashing import code_hash
from headwater_catalog.moments import Moment, snapshot_at
from headwater_catalog.past import load_pasts
from headwater_catalog.query.subjects import Past
from headwater_catalog.query.traits import DRIFTED, UNREVIEWED, UNSIGNED
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import Unreadable
from headwater_catalog.revisions import NOTHING
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.store.models import Commit
from headwater_catalog.upkeep.reviews import reviewers_of

__all__ = ["histories_of"]


def histories_of(
    source: GitSource, before: Moment | None, after: Moment, policies: Iterable[Policy]
) -> tuple[History, History]:
    """Return what the catalog knows of the history of two moments, as far as policies ask for it.

    Args:
        source: The mirror.
        before: The first moment; None where there was nothing.
        after: The second.
        policies: The policies that will be judged.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    if not any(map(needs_history, policies)):
        return History(), History()
    first = History(0, {}) if before is None else _history(source, before)
    return first, _history(source, after)


def _history(source: GitSource, moment: Moment) -> History:
    session, repository, instant = moment.session, moment.repository, moment.commit.authored_at
    review = moment.snapshot.declared.rules.review
    if moment.position is not None:
        return History(instant, load_pasts(session, repository, moment.position, review))
    base = moment.base
    if base < 0:
        commits: Sequence[CommitInfo] = source.commits_between(moment.commit.sha, None)
        return History(instant, _beside(source, {}, NOTHING.snapshot, moment.snapshot, commits))
    at = Commit.repository_id == repository.id, Commit.position == base
    left = session.scalars(select(Commit.sha).where(*at)).one()
    commits = source.commits_between(moment.commit.sha, left)
    before = snapshot_at(session, repository, base)
    pasts = load_pasts(session, repository, base, review)
    return History(instant, _beside(source, pasts, before, moment.snapshot, commits))


def _beside(
    source: GitSource,
    pasts: dict[str, Past],
    before: Snapshot,
    after: Snapshot,
    commits: Sequence[CommitInfo],
) -> dict[str, Past]:
    """Return the past of each feature of a commit beside the main line.

    Args:
        source: The mirror.
        pasts: The pasts where it left the main line.
        before: The features there.
        after: The features of the commit.
        commits: The commits between, the oldest first.
    """
    # What a merge shows against its first parent others have written.
    touching: dict[str, list[CommitInfo]] = {}
    for commit in commits:
        for path in {change.path for change in commit.changes} if len(commit.parents) < 2 else ():
            touching.setdefault(path, []).append(commit)
    signed = source.signed(commit.sha for commit in commits)
    review = after.declared.rules.review
    found: dict[str, Past] = {}
    for key, variants in after.variants.items():
        known, then = pasts.get(key), before.variants.get(key, ())
        if known is not None and [each.digest for each in then] == [each.digest for each in variants]:
            found[key] = known
            continue
        written = [commit for path in {each.path for each in variants} for commit in touching.get(path, ())]
        written.sort(key=lambda commit: commit.authored_at)
        last = (written or [*commits])[-1]
        others = known.authors if known is not None and len(variants) > 1 else ()
        added = known.added if known is not None else (written or [last])[0].authored_at
        upkeep = (
            *((DRIFTED,) if _is_drifted(known, then, variants) else ()),
            *((UNSIGNED,) if signed.get(last.sha) is False else ()),
            *((UNREVIEWED,) if reviewers_of(last, last, review) == () else ()),
        )
        authors = (*others, last.author_name, last.author_email)
        found[key] = Past(added, last.authored_at, authors, upkeep=upkeep)
    return found


def _is_drifted(known: Past | None, then: Sequence[SnapshotFeature], now: Sequence[SnapshotFeature]) -> bool:
    """Tell whether the logic of a feature that differs beside the main line is younger than its docs."""
    if known is None or not any(each.doc for each in now) or [e.doc for e in then] != [e.doc for e in now]:
        return False
    return DRIFTED in known.upkeep or [*map(_code, then)] != [*map(_code, now)]


def _code(feature: SnapshotFeature) -> str:
    """Return the hash of the code of a feature, or that of its text where Python cannot read it."""
    try:
        (definition,) = parse_newer(feature.source).body
    except (Unreadable, ValueError):
        return feature.digest
    if isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return code_hash(definition)
    return feature.digest
