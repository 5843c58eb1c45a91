"""The scan itself: fetch, find where to go on, follow the main line, write batch by batch."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from headwater_catalog.collection import without_collection
from headwater_catalog.errors import RepositoryError
from headwater_catalog.git import CommitInfo, GitSource
from headwater_catalog.read import READER_VERSION
from headwater_catalog.refs import storable_refs, stored_refs, write_refs
from headwater_catalog.repositories import get_repository, mirror_path
from headwater_catalog.scan.history import History
from headwater_catalog.scan.load import (
    Pointer,
    common_position,
    first_commit,
    load_timelines,
    load_uses,
    move_pointer,
    roll_back,
    stored_line,
)
from headwater_catalog.scan.write import BatchWriter
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database

__all__ = ["Progress", "ScanReport", "scan"]

Progress = Callable[[int, int, str], None]
"""Told how much is done, of how much, and what is being done."""

_BATCH = 200
_MOST_ROWS = 20_000  # after which a batch is written early, so that memory stays bounded


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan has done, and what the repository has now.

    Attributes:
        repository: Name of the repository.
        head: The commit at the end of the scanned main line.
        commits: Commits that were new.
        blobs: Source contents that were read.
        opened: Feature versions that began.
        ended: Feature versions that ended.
        seconds: How long it took.
    """

    repository: str
    head: str
    commits: int
    blobs: int
    opened: int
    ended: int
    seconds: float


def scan(
    database: Database,
    settings: Settings,
    name: str,
    *,
    ref: str | None = None,
    progress: Progress | None = None,
    batch: int = _BATCH,
    now: int | None = None,
) -> ScanReport:
    """Bring the catalog's history of a repository up to its main line as it is now.

    Every batch is one transaction: a scan that is killed goes on where the last one ended. History that was
    rewritten is undone up to the last common commit and read again.

    Args:
        database: The catalog database.
        settings: Where the mirrors are.
        name: Name of the repository.
        ref: Branch, tag or commit whose first-parent line is the main line; else the repository's branch. A
            branch is the repository's from then on.
        progress: Told after each batch.
        batch: Commits of one transaction.
        now: When this happens, in seconds since 1970.

    Raises:
        NotFound: There is no such repository or ref.
        RepositoryError: The repository cannot be read.
        Conflict: Another scan of the repository is at work.
    """
    started = time.monotonic()
    with database.read() as session:
        repository = get_repository(session, name)
        pointer = Pointer.of(repository)
    tell = progress or _silent
    tell(0, 0, f"fetching {repository.url}")
    with GitSource.mirror(repository.url, mirror_path(settings, repository)) as source:
        refs = source.refs()
        tip = source.resolve(ref) if ref else source.head(repository.branch, refs)
        if ref is not None and ref != repository.branch and f"refs/heads/{ref}" in refs:
            with database.write() as session:
                get_repository(session, name).branch = ref
        work = _Scan(database, source, pointer, int(time.time()) if now is None else now)
        work.run(tip, tell, batch)
        work.note_refs(refs)
    return ScanReport(
        repository=name,
        head=tip,
        commits=work.commits,
        blobs=work.blobs,
        opened=work.opened,
        ended=work.ended,
        seconds=time.monotonic() - started,
    )


def _silent(_done: int, _total: int, _message: str) -> None:
    pass


class _Scan:
    """One scan at work: the pointer as it moves, and the counts."""

    def __init__(self, database: Database, source: GitSource, pointer: Pointer, now: int) -> None:
        self.commits = self.blobs = self.opened = self.ended = 0
        self._database = database
        self._source = source
        self._pointer = pointer
        self._now = now

    def run(self, tip: str, tell: Progress, batch: int) -> None:
        news: Iterable[CommitInfo] | None = self._continued(tip)
        total = len(news) if isinstance(news, list) else 0
        if news is None:
            line = self._source.main_line_shas(tip)
            self._prepare(line)
            line = line[self._pointer.position + 1 :]
            news, total = self._source.main_line(tip, self._pointer.sha, line), len(line)
        if not total:
            return
        first = self._pointer.position + 1
        timelines = load_timelines(self._database, self._pointer)
        with self._database.read() as session:
            uses = load_uses(session, self._pointer.repository_id)
        history = History(self._source, timelines, self._pointer.sha, uses)
        writer = BatchWriter(self._pointer.repository_id)
        with without_collection():
            for commits in _batches(enumerate(news, first), history, batch):
                self._write(commits, history, writer)
                gc.collect(1)  # what came since the last batch; all before has been looked through
                tell(self._pointer.position + 1 - first, total, "reading history")
        self.blobs = history.blobs_read

    def _continued(self, tip: str) -> list[CommitInfo] | None:
        """Return the new commits where the stored line just goes on, however long it is; else None.

        It does not where history was rewritten, another reader has read it, or a shallow clone was deepened,
        whose line has the same tip and becomes longer at its beginning.
        """
        known = self._pointer
        if known.sha is None or known.reader != READER_VERSION:
            return None
        with self._database.read() as session:
            beginning = first_commit(session, known.repository_id)
        try:
            if beginning is None or not self._source.is_cut_off(beginning):
                return None
        except RepositoryError:  # it is not here any more
            return None
        return [] if tip == known.sha else self._source.news(tip, known.sha)

    def note_refs(self, refs: Mapping[str, str]) -> None:
        """Write the branches and tags down where they are no longer those of the last scan."""
        refs, repository_id = storable_refs(refs), self._pointer.repository_id
        with self._database.read() as session:
            is_same = stored_refs(session, repository_id) == refs
        if not is_same:
            with self._database.write() as session:
                write_refs(session, repository_id, refs)

    def _prepare(self, line: list[str]) -> None:
        """Undo what the store has beyond the last commit that it and git's line share."""
        with self._database.read() as session:
            stored = stored_line(session, self._pointer.repository_id)
        common = common_position(stored, line) if self._pointer.reader == READER_VERSION else -1
        if common == self._pointer.position and self._pointer.reader == READER_VERSION:
            return
        undone = replace(
            self._pointer,
            sha=line[common] if common >= 0 else None,
            position=common,
            reader=READER_VERSION,
        )
        with self._database.write() as session:
            move_pointer(session, self._pointer, undone, self._now)
            roll_back(session, self._pointer.repository_id, common)
        self._pointer = undone

    def _write(self, commits: dict[int, CommitInfo], history: History, writer: BatchWriter) -> None:
        position = max(commits)
        moved = replace(self._pointer, sha=commits[position].sha, position=position)
        with self._database.write() as session:
            move_pointer(session, self._pointer, moved, self._now)
            writer.write(session, commits, history)
        self._pointer = moved
        self.commits += len(commits)
        self.opened += len(history.timelines.features.opened)
        self.ended += sum(s.valid_until is not None for s in history.timelines.features.opened)
        self.ended += len(history.timelines.features.ended)
        history.written()


def _batches(
    commits: Iterable[tuple[int, CommitInfo]], history: History, size: int
) -> Iterator[dict[int, CommitInfo]]:
    """Apply commits to the history, and yield them whenever there is enough to write."""
    gathered: dict[int, CommitInfo] = {}
    for position, commit in commits:
        history.apply(position, commit)
        gathered[position] = commit
        if len(gathered) >= size or history.timelines.pending >= _MOST_ROWS:
            yield gathered
            gathered = {}
    if gathered:
        yield gathered
