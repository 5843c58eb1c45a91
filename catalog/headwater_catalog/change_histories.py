"""The history of both ends of a change, for policies that ask for it: also beside the main line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from headwater_catalog.git import GitSource
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.governance.changed import History
from headwater_catalog.governance.policies import needs_history
from headwater_catalog.moments import Moment, snapshot_at
from headwater_catalog.past import load_pasts
from headwater_catalog.query.subjects import Past
from headwater_catalog.revisions import NOTHING
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.models import Commit

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
    if moment.position is not None:
        return History(instant, load_pasts(session, repository, moment.position))
    base = moment.base
    if base < 0:
        commits: Sequence[CommitInfo] = source.commits_between(moment.commit.sha, None)
        return History(instant, _beside({}, NOTHING.snapshot, moment.snapshot, commits))
    at = Commit.repository_id == repository.id, Commit.position == base
    left = session.scalars(select(Commit.sha).where(*at)).one()
    commits = source.commits_between(moment.commit.sha, left)
    before = snapshot_at(session, repository, base)
    pasts = load_pasts(session, repository, base)
    return History(instant, _beside(pasts, before, moment.snapshot, commits))


def _beside(
    pasts: dict[str, Past], before: Snapshot, after: Snapshot, commits: Sequence[CommitInfo]
) -> dict[str, Past]:
    """Return the past of each feature of a commit beside the main line.

    Args:
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
        found[key] = Past(added, last.authored_at, (*others, last.author_name, last.author_email))
    return found
