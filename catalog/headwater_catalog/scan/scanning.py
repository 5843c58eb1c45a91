"""The scan itself: fetch, find where to go on, follow the main line, write batch by batch."""

from __future__ import annotations

import gc
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from headwater_catalog.collection import without_collection
from headwater_catalog.errors import RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.git_log import CommitInfo
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

__all__ = ["Progress", "ScanReport", "Scanner", "scan"]

Progress = Callable[[int, int, str], None]
"""Told how much is done, of how much, and what is being done."""

_BATCH = 100
_MOST_ROWS = 5_000  # after which a batch is written early, so that memory stays bounded
_MOST_REMEMBERED = 25_000  # functions and pieces of text, a few kB each


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


class Scanner:
    """Scans the repositories of a catalog, one at a time, and remembers the state that it leaves them in.

    Where nothing else has scanned a repository meanwhile, the next scan of it goes on from there, and asks
    the store for nothing.

    Args:
        database: The catalog database.
        settings: Where the mirrors are.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._known: OrderedDict[int, _Reached] = OrderedDict()

    def scan(
        self,
        name: str,
        *,
        ref: str | None = None,
        progress: Progress | None = None,
        batch: int = _BATCH,
        now: int | None = None,
    ) -> ScanReport:
        """Bring the catalog's history of a repository up to its main line as it is now.

        Every batch is one transaction: a scan that is killed goes on where the last one ended. History that
        was rewritten is undone up to the last common commit and read again.

        Args:
            name: Name of the repository.
            ref: Branch, tag or commit whose first-parent line is the main line; else the repository's branch.
                A branch is the repository's from then on.
            progress: Told after each batch.
            batch: Commits of one transaction.
            now: When this happens, in seconds since 1970.

        Raises:
            NotFound: There is no such repository or ref.
            RepositoryError: The repository cannot be read.
            Conflict: Another scan of the repository is at work.
        """
        started = time.monotonic()
        with self._database.read() as session:
            repository = get_repository(session, name)
            pointer = Pointer.of(repository)
        tell = progress or _silent
        tell(0, 0, f"fetching {repository.url}")
        with GitSource.mirror(repository.url, mirror_path(self._settings, repository)) as source:
            refs = source.refs()
            tip = source.resolve(ref) if ref else source.head(repository.branch, refs)
            if ref is not None and ref != repository.branch and f"refs/heads/{ref}" in refs:
                with self._database.write() as session:
                    get_repository(session, name).branch = ref
            # What fails on the way leaves nothing behind that could be gone on from.
            reached = self._known.pop(pointer.repository_id, None)
            now = int(time.time()) if now is None else now
            work = _Scan(self._database, source, pointer, storable_refs(refs), now, reached)
            work.run(tip, tell, batch)
            self._remember(work.reached)
        return ScanReport(
            repository=name,
            head=tip,
            commits=work.commits,
            blobs=work.blobs,
            opened=work.opened,
            ended=work.ended,
            seconds=time.monotonic() - started,
        )

    def _remember(self, reached: _Reached | None) -> None:
        if reached is None or reached.history.weight > _MOST_REMEMBERED:
            return
        self._known[reached.pointer.repository_id] = reached
        while sum(each.history.weight for each in self._known.values()) > _MOST_REMEMBERED:
            self._known.popitem(last=False)


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
    """Scan a repository once; `Scanner.scan` says how."""
    return Scanner(database, settings).scan(name, ref=ref, progress=progress, batch=batch, now=now)


def _silent(_done: int, _total: int, _message: str) -> None:
    pass


@dataclass(slots=True)
class _Reached:
    """What is known of a repository once everything up to a commit is written; that began with another."""

    pointer: Pointer
    history: History
    writer: BatchWriter
    beginning: str | None


class _Scan:
    """One scan at work: the state that it has reached, and the counts."""

    def __init__(
        self,
        database: Database,
        source: GitSource,
        pointer: Pointer,
        refs: Mapping[str, str],
        now: int,
        reached: _Reached | None,
    ) -> None:
        self.commits = self.blobs = self.opened = self.ended = 0
        self.reached = reached
        self._database = database
        self._source = source
        self._pointer = pointer
        self._refs = refs
        self._now = now
        self._beginning: str | None = None

    def run(self, tip: str, tell: Progress, batch: int) -> None:
        news: Iterable[CommitInfo] | None = self._continued(tip)
        total = len(news) if isinstance(news, list) else 0
        if news is None:
            line = self._source.main_line_shas(tip)
            self._prepare(line)
            line = line[self._pointer.position + 1 :]
            news, total = self._source.main_line(tip, self._pointer.sha, line), len(line)
        if not total:
            self._note_refs()
            return
        first = self._pointer.position + 1
        reached = self.reached = self._begin()
        with without_collection():
            for commits in _batches(enumerate(news, first), reached.history, batch):
                self._write(commits, reached, tip)
                if self._pointer.sha != tip:
                    gc.collect(1)  # what came since the last batch; all before has been looked through
                tell(self._pointer.position + 1 - first, total, "reading history")
        self.blobs = reached.history.blobs_read

    def _begin(self) -> _Reached:
        """Go on from what the last scan remembers, or else from what the store has."""
        if (known := self._remembered) is not None:
            known.history.go_on(self._source)
            return known
        timelines = load_timelines(self._database, self._pointer)
        with self._database.read() as session:
            uses = load_uses(session, self._pointer.repository_id)
        history = History(self._source, timelines, self._pointer.sha, uses)
        return _Reached(self._pointer, history, BatchWriter(self._pointer.repository_id), self._beginning)

    @property
    def _remembered(self) -> _Reached | None:
        """What the last scan remembers, where nothing else was at work since then."""
        is_current = self.reached is not None and self.reached.pointer == self._pointer
        return self.reached if is_current else None

    def _continued(self, tip: str) -> list[CommitInfo] | None:
        """Return the new commits where the stored line just goes on, however long it is; else None.

        It does not where history was rewritten, another reader has read it, or a shallow clone was deepened,
        whose line has the same tip and becomes longer at its beginning.
        """
        known = self._pointer
        if known.sha is None or known.reader != READER_VERSION:
            return None
        self._beginning = self._first_commit()
        try:
            if self._beginning is None or not self._source.is_cut_off(self._beginning):
                return None
        except RepositoryError:  # it is not here any more
            return None
        return [] if tip == known.sha else self._source.news(tip, known.sha)

    def _first_commit(self) -> str | None:
        if (known := self._remembered) is not None and known.beginning is not None:
            return known.beginning
        with self._database.read() as session:
            return first_commit(session, self._pointer.repository_id)

    def _note_refs(self) -> None:
        """Write the branches and tags down where they are no longer those of the last scan."""
        with self._database.read() as session:
            is_same = stored_refs(session, self._pointer.repository_id) == self._refs
        if not is_same:
            with self._database.write() as session:
                write_refs(session, self._pointer.repository_id, self._refs)

    def _prepare(self, line: list[str]) -> None:
        """Undo what the store has beyond the last commit that it and git's line share."""
        with self._database.read() as session:
            stored = stored_line(session, self._pointer.repository_id)
        common = common_position(stored, line) if self._pointer.reader == READER_VERSION else -1
        if common == self._pointer.position and self._pointer.reader == READER_VERSION:
            return
        sha = line[common] if common >= 0 else None
        with self._database.write() as session:
            undone = move_pointer(session, self._pointer, sha, common, self._now)
            roll_back(session, self._pointer.repository_id, common)
        self._pointer = undone

    def _write(self, commits: dict[int, CommitInfo], reached: _Reached, tip: str) -> None:
        """Write a batch, and with the last one the branches and tags."""
        position, history = max(commits), reached.history
        written = (*commits.values(), *history.introduced.values())
        signed = self._source.signed(dict.fromkeys(commit.sha for commit in written))
        with self._database.write() as session:
            moved = move_pointer(session, self._pointer, commits[position].sha, position, self._now)
            reached.writer.write(session, commits, history, signed)
            if moved.sha == tip:
                write_refs(session, moved.repository_id, self._refs)
        self._pointer = reached.pointer = moved
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
