"""Comparing what watched queries find with what they found last, after scans and when a day is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from headwater_catalog.days import today
from headwater_catalog.grounds import heads
from headwater_catalog.moments import Moment
from headwater_catalog.store.bulk import Rows, chunks, insert_new
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    Commit,
    Dataflow,
    DataflowVersion,
    Judgement,
    Repository,
    ResultChange,
    Watch,
    WatchProgress,
    WatchResult,
)
from headwater_catalog.subscriptions.changes import Change, Item, pack_change
from headwater_catalog.subscriptions.culprits import Culprits
from headwater_catalog.subscriptions.results import Result, Told, result_at, stored_found
from headwater_catalog.subscriptions.telling import next_change
from headwater_catalog.subscriptions.watched import FEATURES, FINDINGS, Watched

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["begin_watching", "first_results", "keep_watched", "results_at", "to_be_watched"]

logger = logging.getLogger("headwater.subscriptions")

Place = tuple[int, str]
"""A repository by its number, and what is watched there."""


def to_be_watched(session: Session, day: str) -> dict[Place, str]:
    """Return where something happened that results may depend on, each with a mark of all of that.

    Args:
        session: An open session.
        day: The present day: barriers end by days.
    """
    kinds = set(session.scalars(select(Watch.about).distinct()))
    if not kinds:
        return {}
    marks = {place: mark for place, mark in _marks(session, day) if place[1] in kinds}
    done = {(each.repository_id, each.about): each.mark for each in session.scalars(select(WatchProgress))}
    return {place: mark for place, mark in marks.items() if done.get(place) != mark}


def _marks(session: Session, day: str) -> Iterator[tuple[Place, str]]:
    rows = select(Repository.id, Repository.scanned_sha, Repository.reader_version)
    scanned = session.execute(rows.where(Repository.scanned_sha.is_not(None)).order_by(Repository.id)).all()
    all_heads = " ".join(str(sha) for _, sha, _ in scanned)
    drawing = _drawing(session)
    for number, sha, reader in scanned:
        # What flows in from other repositories changes with them.
        yield (number, FEATURES), f"{sha} {reader} {day} {all_heads if number in drawing else ''}"
    judged = (Judgement.repository_id, Judgement.sha, Judgement.position, Judgement.day, Judgement.made_by)
    for number, *told in session.execute(select(*judged)):
        yield (number, FINDINGS), " ".join(map(str, told))


def _drawing(session: Session) -> set[int]:
    """Return the repositories of which an input is a feature of another one."""
    rows = session.execute(
        select(Dataflow.repository_id, DataflowVersion.upstream)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .join(Repository, Repository.id == Dataflow.repository_id)
        .where(holds_at(DataflowVersion, Repository.scanned_position))
    )
    return {number for number, upstream in rows if upstream}


def keep_watched(
    database: Database,
    settings: Settings,
    stopping: Callable[[], bool] = lambda: False,
    *,
    day: str | None = None,
) -> int:
    """Compare watched queries with what they found last, wherever something happened since.

    What changed is written down with the new result in one transaction, so that it is told once. A place is
    done when all its queries are; one that was left halfway, or that somebody else has done, does no harm:
    a result that is the same again changes nothing.

    Args:
        database: The catalog.
        settings: Where the mirrors are.
        stopping: Asked before each query; true ends it.
        day: The present day, as YYYY-MM-DD; None: today.

    Returns:
        How many results changed.
    """
    with database.read() as session:
        places = to_be_watched(session, day or today())
    changed = 0
    for (number, about), mark in places.items():
        with database.read() as session:
            moment = next((each for each in heads(session, settings) if each.repository.id == number), None)
            if moment is None:
                continue
            looked = _Look(moment, about)
            found = list(looked.differences(stopping))
        if stopping():
            break
        try:
            changed += _write(database, looked, found, mark)
        except IntegrityError:  # somebody removed the repository or the query meanwhile, or was as quick
            logger.info("What is watched in '%s' is compared again.", moment.repository.name)
    return changed


def first_results(database: Database, settings: Settings, watched: Watched) -> list[dict[str, Any]]:
    """Return what a query finds now, in all repositories: that is no news later, whoever asks it.

    It is found as it is after each scan, also by what flows in from repositories that who asks may not see.
    """
    with database.read() as session:
        found = results_at(heads(session, settings), watched)
        unread = session.scalars(select(Repository).where(Repository.scanned_sha.is_(None)))
        return found + [_result_row(each, Result({})) for each in unread if _concerns(watched, each)]


def results_at(moments: Iterable[Moment], watched: Watched) -> list[dict[str, Any]]:
    """Return what a query finds at moments of repositories, as far as that is known."""
    return [
        _result_row(each.repository, result) | {"sha": each.commit.sha}
        for each in moments
        if _concerns(watched, each.repository) and _is_known(each, watched.about)
        for result in (result_at(watched, each),)
        if result.found is not None
    ]


def begin_watching(session: Session, watched: Watched, results: Rows, now: int) -> Watch:
    """Return what watches a query, also for others who ask the same.

    Args:
        session: An open write transaction.
        watched: The query.
        results: What it finds now, as `first_results` says.
        now: When, in seconds since 1970.
    """
    values = {"digest": watched.digest, "about": watched.about, "asked": watched.asked, "made_at": now}
    insert_new(session, Watch, [values], ("digest",), "digest")
    # Locked against another who removes it, since nobody asked the same any more.
    wanted = select(Watch).where(Watch.digest == watched.digest).with_for_update()
    watch = session.scalars(wanted).one()
    rows = [{"watch_id": watch.id, **row} for row in results]
    insert_new(session, WatchResult, rows, ("watch_id", "repository_id"), "repository_id")
    return watch


def _is_known(moment: Moment, about: str) -> bool:
    return about == FEATURES or moment.session.get(Judgement, moment.repository.id) is not None


def _concerns(watched: Watched, repository: Repository) -> bool:
    return watched.repository in ("", repository.name)


def _result_row(repository: Repository, result: Result) -> dict[str, Any]:
    return {
        "repository_id": repository.id,
        "digest": result.digest,
        "content": result.content,
        "size": len(result.found or ()),
        "sha": repository.scanned_sha,
        "problem": result.problem,
    }


@dataclass(frozen=True, slots=True)
class _Difference:
    """A result that is another one than before.

    Attributes:
        watch_id: Of which query.
        before: The digest that it had; None where there was none.
        row: What is to be stored of it.
        since: The commit where it was looked at before; None where nobody knows.
        change: What came and what went; None where that is no news.
    """

    watch_id: int
    before: str | None
    row: Mapping[str, Any]
    since: str | None
    change: Change | None


class _Look:
    """Watched queries of a kind at the scanned head of a repository."""

    def __init__(self, moment: Moment, about: str) -> None:
        self.moment, self.about = moment, about
        self.session, self.repository = moment.session, moment.repository
        self.progress = self.session.get(WatchProgress, (self.repository.id, about))
        self._places: dict[frozenset[str | None], tuple[str | None, int | None]] = {}
        self._culprits = Culprits(self.session, moment.settings, self.repository)

    def differences(self, stopping: Callable[[], bool]) -> Iterator[_Difference]:
        """Yield the results that are others than before."""
        ours = select(WatchResult).where(WatchResult.repository_id == self.repository.id)
        known = {each.watch_id: each for each in self.session.scalars(ours)}
        for watch in self.session.scalars(select(Watch).where(Watch.about == self.about).order_by(Watch.id)):
            if stopping():
                return
            watched = Watched.of(watch)
            if not _concerns(watched, self.repository):
                continue
            result, last = result_at(watched, self.moment), known.get(watch.id)
            if last is None:
                if result.found is not None:
                    yield self._first(watch, result)
            elif result.found is None:
                if result.problem != last.problem:
                    row = {"digest": last.digest, "problem": result.problem}
                    yield _Difference(watch.id, last.digest, row, None, None)
            elif (result.digest, result.problem) != (last.digest, last.problem):
                yield self._next(watch, watched, last, result)

    def _first(self, watch: Watch, result: Result) -> _Difference:
        """Return what is first known of a query here: that is news where the repository is."""
        row, change = _result_row(self.repository, result), None
        if self.repository.added_at >= watch.made_at and result.found:
            change = Change(_items(result.found, result.found, {}), ())
        return _Difference(watch.id, None, row, None, change)

    def _next(self, watch: Watch, watched: Watched, last: WatchResult, result: Result) -> _Difference:
        row = _result_row(self.repository, result)
        before = stored_found(last.content)
        after = result.found or {}
        came, went = after.keys() - before.keys(), before.keys() - after.keys()
        if self.about == FINDINGS:
            came, went = _unmoved(before, after, came, went)
        if not came and not went:
            return _Difference(watch.id, last.digest, row, None, None)
        since, start = self._since(last)
        found = self._culprits.find(watched, start, before, after) if start is not None else {}
        change = Change(_items(after, came, found), _items(before, went, found))
        return _Difference(watch.id, last.digest, row, since, change)

    def _since(self, last: WatchResult) -> tuple[str | None, int | None]:
        """Return the last commit of the main line at which the result was still what it was."""
        told = frozenset((last.sha, self.progress.sha if self.progress is not None else None))
        if told not in self._places:
            self._places[told] = self._last_of(told)
        sha, position = self._places[told]
        return (sha, position) if sha is not None else (last.sha, None)

    def _last_of(self, told: frozenset[str | None]) -> tuple[str | None, int | None]:
        rows = self.session.execute(
            select(Commit.position, Commit.sha).where(
                Commit.repository_id == self.repository.id,
                Commit.sha.in_(sorted(filter(None, told))),
                Commit.position <= self.repository.scanned_position,
            )
        ).all()
        position, sha = max(((at, sha) for at, sha in rows if at is not None), default=(None, None))
        return sha, position


def _unmoved(
    before: Mapping[str, Told], after: Mapping[str, Told], came: set[str], went: set[str]
) -> tuple[set[str], set[str]]:
    """Leave out the findings that only have moved with their feature."""
    begun = {before[key][-1]: key for key in went}
    moved = {key: begun[after[key][-1]] for key in came if after[key][-1] in begun}
    return came - moved.keys(), went - set(moved.values())


def _items(told: Mapping[str, Told], keys: Collection[str], commits: Mapping[str, Any]) -> tuple[Item, ...]:
    return tuple(Item(key, tuple(told[key][:4]), commits.get(key)) for key in sorted(keys))


def _write(database: Database, looked: _Look, found: Sequence[_Difference], mark: str) -> int:
    """Write down what changed, and then that the place is done."""
    now, written = int(time.time()), 0
    for some in chunks(found):
        with database.write() as session:
            # Changes of one query get their numbers in the order in which they are committed.
            numbers = [each.watch_id for each in some]
            locked = select(Watch.id).where(Watch.id.in_(numbers)).order_by(Watch.id).with_for_update()
            there = set(session.scalars(locked))
            number = next_change(session)
            for each in some:
                if each.watch_id in there and _put(session, looked, each) and each.change is not None:
                    session.add(_change_row(looked, each, now, number))
                    number, written = None if number is None else number + 1, written + 1
    with database.write() as session:
        place = (looked.repository.id, looked.about)
        progress = session.get(WatchProgress, place, with_for_update=True)
        if progress is None:
            session.add(
                WatchProgress(
                    repository_id=place[0], about=place[1], mark=mark, sha=looked.repository.scanned_sha
                )
            )
        else:
            progress.mark, progress.sha = mark, looked.repository.scanned_sha
    return written


def _put(session: Session, looked: _Look, found: _Difference) -> bool:
    """Store a result in place of the one before; false where another was quicker."""
    if found.before is None:
        row = {"watch_id": found.watch_id, **found.row}
        return bool(insert_new(session, WatchResult, [row], ("watch_id", "repository_id"), "watch_id"))
    done = session.execute(
        update(WatchResult)
        .where(
            WatchResult.watch_id == found.watch_id,
            WatchResult.repository_id == looked.repository.id,
            WatchResult.digest == found.before,
        )
        .values(**found.row)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _change_row(looked: _Look, found: _Difference, now: int, number: int | None) -> ResultChange:
    assert found.change is not None
    return ResultChange(
        id=number,
        watch_id=found.watch_id,
        repository_id=looked.repository.id,
        at=now,
        before=found.since,
        after=looked.repository.scanned_sha,
        content=pack_change(found.change),
    )
