"""The job of an erasure: it makes the plan, or erases; killed at any moment, it goes on where it was."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from headwater_catalog import jobs
from headwater_catalog.accounts.events import note
from headwater_catalog.days import today
from headwater_catalog.erasure.acts import NotRemoved, erase_item
from headwater_catalog.erasure.items import DONE, HERE, IMPOSSIBLE, OPEN, Item, digest_of
from headwater_catalog.erasure.plan import Plan, make_plan
from headwater_catalog.erasure.requests import KIND, Stage, get_erasure, subject_of
from headwater_catalog.jobs import LeasedJob
from headwater_catalog.kept_inputs import needed_inputs
from headwater_catalog.store.bulk import insert_rows
from headwater_catalog.store.models import Erasure, ErasureItem, Job, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["KIND", "perform"]

_AT_ONCE: Final = 50  # things in one transaction, in which others wait to write
_MADE_AGAIN: Final = ("value", "input")  # what may be there again under the same name
_BY: Final = "headwater"


def perform(database: Database, settings: Settings, leased: LeasedJob, go_on: Callable[[], None]) -> None:
    """Perform the job of an erasure, and end it.

    Args:
        database: The catalog.
        settings: Where its files are.
        leased: The job.
        go_on: Raises where it must not go on; what is done until then stays done, and is noted.

    Raises:
        LeaseLost: The job was cancelled or taken away.
        CatalogError: The plan cannot be made.
    """
    number = int(leased.payload["erasure"])
    with database.read() as session:
        state = get_erasure(session, number).state
    if state == Stage.PLANNING:
        _plan(database, settings, leased, number)
    elif state == Stage.ERASING:
        _erase(database, settings, leased, number, go_on)
    else:  # an attempt before has come to the end, but for that of the job
        with database.write() as session:
            jobs.finish(session, leased)


def _plan(database: Database, settings: Settings, leased: LeasedJob, number: int) -> None:
    with database.read() as session:
        erasure = get_erasure(session, number)
        plan = make_plan(session, settings, erasure.repository, erasure.columns, erasure.day)
        rows = [item.row() for item in plan.items]
    now = int(time.time())
    with database.write() as session:
        erasure = get_erasure(session, number, for_update=True)
        session.execute(delete(ErasureItem).where(ErasureItem.erasure_id == number))
        insert_rows(session, ErasureItem, ({**row, "erasure_id": number} for row in rows))
        erasure.state, erasure.planned_at = Stage.PLANNED, now
        erasure.counts_as, erasure.unknown = dict(plan.counts_as), list(plan.unknown)
        erasure.digest = digest_of(rows)
        told = {"items": erasure.digest, "count": len(rows), "runs": plan.runs, "commits": plan.commits}
        note(session, "erasure planned", (erasure.requested_by, ""), subject_of(erasure), now, **told)
        jobs.finish(session, leased)


def _erase(
    database: Database, settings: Settings, leased: LeasedJob, number: int, go_on: Callable[[], None]
) -> None:
    while True:
        _erase_open(database, settings, leased, number, go_on)
        # Runs that were under way then have left more since, and may yet.
        with database.read() as session:
            erasure = get_erasure(session, number)
            plan = make_plan(session, settings, erasure.repository, erasure.columns, today())
            waits = _awaited(session, erasure, plan)
        with database.write() as session:
            jobs.renew(session, leased)
            erasure = get_erasure(session, number, for_update=True)
            planned = _repositories(session, erasure)
            if _add(session, erasure, [each for each in plan.items if each.repository_id in planned]):
                continue
            now, asked = int(time.time()), (erasure.begun_by or _BY, "")
            if waits is not None:
                _follow(session, erasure, waits, now)
            else:
                _add_others(session, erasure, plan, planned)
                erasure.state, erasure.erased_at = Stage.ERASED, now
                note(session, "erasure done", asked, subject_of(erasure), now)
            jobs.finish(session, leased)
            return


def _repositories(session: Session, erasure: Erasure) -> set[int]:
    """Return the repositories of the plan, of which whoever had it erased is an administrator."""
    wanted = select(Repository.id).where(Repository.name.in_(erasure.counts_as))
    return set(session.scalars(wanted))


def _add_others(session: Session, erasure: Erasure, plan: Plan, planned: Collection[int]) -> None:
    """Add what is in repositories that came to draw from it since the plan was made.

    It stays open: to erase it is for administrators of these, too.
    """
    others = [each for each in plan.items if each.repository_id not in planned]
    _add(session, erasure, others)
    mine = ErasureItem.erasure_id == erasure.id, Repository.id.not_in(planned)
    wanted = select(Repository.name).join(ErasureItem, ErasureItem.repository_id == Repository.id)
    names = session.scalars(wanted.where(*mine).distinct())
    erasure.counts_as = {**erasure.counts_as, **{name: plan.counts_as[name] for name in sorted(names)}}


def _erase_open(
    database: Database, settings: Settings, leased: LeasedJob, number: int, go_on: Callable[[], None]
) -> None:
    """Erase what is open, some things at a time."""
    last = 0
    while True:
        go_on()
        with database.write() as session:
            jobs.renew(session, leased)
            erasure = get_erasure(session, number)
            wanted = (
                select(ErasureItem)
                .where(ErasureItem.erasure_id == number, ErasureItem.id > last)
                .where(ErasureItem.state == OPEN, ErasureItem.kind.in_(list(HERE)))
                .where(ErasureItem.standing.in_(erasure.standings))
                .order_by(ErasureItem.id)
                .limit(_AT_ONCE)
                .with_for_update(of=ErasureItem)
            )
            items = session.scalars(wanted).all()
            if not items:
                return
            last = items[-1].id
            needed = needed_inputs(session) if any(item.kind == "input" for item in items) else set()
            _settle(session, settings, erasure, [each for each in items if each.target not in needed])


def _settle(session: Session, settings: Settings, erasure: Erasure, items: Iterable[ErasureItem]) -> None:
    now, by = int(time.time()), erasure.begun_by or _BY
    counts: Counter[str] = Counter()
    numbers = []
    for item in items:
        try:
            item.note, item.state = erase_item(session, settings, item), DONE
        except NotRemoved as stays:
            item.note, item.state = str(stays), IMPOSSIBLE
        item.settled_by, item.settled_at = by, now
        counts[f"{item.kind} {item.state}"] += 1
        numbers.append(item.id)
    if numbers:
        told = {"first": numbers[0], "last": numbers[-1], **counts}
        note(session, "erasure acted", (by, ""), subject_of(erasure), now, **told)


def _awaited(session: Session, erasure: Erasure, plan: Plan) -> int | None:
    """Return the last job that was asked for before the erasure began, and that computes what it is about."""
    wanted = select(Job.id).where(Job.id.in_(plan.under_way), Job.created_at <= (erasure.begun_at or 0))
    return session.scalar(wanted.order_by(Job.id.desc()).limit(1)) if plan.under_way else None


def _follow(session: Session, erasure: Erasure, waits_for: int, now: int) -> None:
    """Queue that it goes on when a run has ended that was under way when it began."""
    asked = erasure.begun_by or _BY
    job = jobs.enqueue(session, KIND, {"erasure": erasure.id}, erasure.repository_id, asked, now)
    job.waits_for = waits_for
    erasure.job_id = job.id
    note(session, "erasure waits", (asked, ""), subject_of(erasure), now, job=waits_for)


def _add(session: Session, erasure: Erasure, items: Iterable[Item]) -> bool:
    """Add what runs have left that were under way when the erasure began, and tell whether to go on.

    What runs leave that were asked for afterwards is no part of it: these were told.
    """
    columns = ErasureItem.repository_id, ErasureItem.kind, ErasureItem.target, ErasureItem.state
    rows = session.execute(select(*columns, ErasureItem.id).where(ErasureItem.erasure_id == erasure.id))
    known = {(repository, kind, target): (state, number) for repository, kind, target, state, number in rows}
    before = set(
        session.scalars(
            select(Run.id)
            .join(Job, Job.id == Run.job_id)
            .where(
                Job.created_at <= (erasure.begun_at or 0),
                Run.repository_id.in_({i.repository_id for i in items}),
            )
        )
    )
    new: list[Mapping[str, Any]] = []
    goes_on = False
    for item in items:
        state, number = known.get((item.repository_id, item.kind, item.target), ("", 0))
        is_due = item.kind in HERE and item.standing.word in erasure.standings
        if item.run not in before or (state and not (state == DONE and item.kind in _MADE_AGAIN)):
            continue
        goes_on |= is_due
        if not state:
            new.append(item.row())
            continue
        again = session.get_one(ErasureItem, number)
        again.state, again.note, again.run_id = OPEN, "A run that was under way has made it again.", item.run
    insert_rows(session, ErasureItem, ({**row, "erasure_id": erasure.id} for row in new))
    session.flush()
    return goes_on
