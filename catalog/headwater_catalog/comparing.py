"""Reading two commits of one mirror to compare them, and the answers that were given lately."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from headwater_catalog.answers.changes import diff_json
from headwater_catalog.collection import without_collection
from headwater_catalog.commit_range import CommitRange
from headwater_catalog.compare import compare
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.moments import Moment, stored_at
from headwater_catalog.read import READER_VERSION
from headwater_catalog.recent import RecentOf
from headwater_catalog.repositories import open_mirror
from headwater_catalog.revisions import NOTHING, RevisionReader
from headwater_catalog.snapshot import Snapshot

__all__ = ["changes_between", "read_two"]

_MOST_CHANGES: Final = 50_000
"""Of all comparisons that are kept for one database; 4,000 take some megabytes."""

_RECENT: Final = RecentOf[dict[str, Any]](lambda answer: 1 + len(answer["features"]), _MOST_CHANGES)


def read_two(
    source: GitSource, chosen: CommitRange, stored: Callable[[str], Snapshot | None]
) -> tuple[Revision, Revision]:
    """Return what two commits hold.

    Args:
        source: Their mirror.
        chosen: The commits.
        stored: Gives the features of a commit where a catalog knows them.
    """
    with without_collection():
        reader = RevisionReader(source)
        # The earlier one first: what the later one shares with it costs nothing more.
        before = chosen.before
        first = NOTHING if before is None else reader.read(before, stored(before))
        return first, reader.read(chosen.after, stored(chosen.after))


def changes_between(moment: Moment, chosen: CommitRange, *, formatting: bool = False) -> dict[str, Any]:
    """Return what changed between two commits of a repository, as `headwater diff --json` prints it.

    Args:
        moment: The repository; its commit does not matter.
        chosen: The commits, by full names.
        formatting: Whether changes of layout and comments are told, too.
    """
    repository = moment.repository
    # Commits are the same for ever; what is stored of them depends on the readers, and a number may be given
    # again to a repository of another name.
    key = (repository.id, repository.name, repository.reader_version, READER_VERSION, chosen, formatting)

    def make() -> dict[str, Any]:
        with without_collection(), open_mirror(moment.settings, repository) as source:
            before, after = read_two(source, chosen, lambda sha: stored_at(moment.session, repository, sha))
            found = compare(before, after, formatting=formatting)
            return diff_json(chosen.before, chosen.after, found, after)

    return _RECENT[moment.session].get(key, make)
