"""The job table: work is queued, leased to one worker at a time, and always ends with a reason.

A lease lasts some seconds of the database's own clock and is renewed while the work goes on. Each lease of
a job has a higher fence than the one before; what a worker writes under an older fence is refused. Every
lease is kept as an attempt, with its worker, its times, and how it ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, exists, func, select, text, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.functions import FunctionElement

from headwater_catalog.accounts.events import note
from headwater_catalog.errors import Conflict, JobError, NotFound
from headwater_catalog.store.models import Job, JobAttempt, Repository

if TYPE_CHECKING:
    from headwater_catalog.store.database import Database

__all__ = [
    "FINISHED",
    "LEASE_SECONDS",
    "MAX_ATTEMPTS",
    "STATES",
    "LeaseLost",
    "LeasedJob",
    "Outcome",
    "State",
    "attempts_of",
    "cancel",
    "enqueue",
    "fail",
    "finish",
    "get_job",
    "lease",
    "lose",
    "release",
    "release_expired",
    "renew",
    "report",
]

LEASE_SECONDS: Final = 60
MAX_ATTEMPTS: Final = 3
WORKER_LOST: Final = "The worker was lost: it stopped renewing its lease on this job."

_REPEATABLE: Final = ("scan", "erasure")
_LEASING: Final = 0x4845414457414A4F  # any fixed number; PostgreSQL's advisory locks are named by numbers


class State:
    """The states of a job."""

    QUEUED: Final = "queued"
    RUNNING: Final = "running"
    SUCCEEDED: Final = "succeeded"
    FAILED: Final = "failed"
    CANCELLED: Final = "cancelled"


FINISHED: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})

STATES: Final = (State.QUEUED, State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLED)


class Outcome:
    """How an attempt ended that did not end the job well, badly or by a cancel."""

    LOST: Final = "lost"
    """Its worker, or the worker's database, was not heard of any more."""
    GIVEN_BACK: Final = "given back"
    """Its worker was told to stop."""


class LeaseLost(JobError):
    """A worker no longer has the job: it was cancelled, ended, or leased anew."""


@dataclass(frozen=True, slots=True)
class LeasedJob:
    """A job in the hands of a worker, and the fence that proves it."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    repository_id: int | None
    worker: str
    fence: int
    attempts: int


class _DatabaseNow(FunctionElement[int]):
    """Whole seconds since 1970 by the database's clock, the same for every worker."""

    type = BigInteger()
    inherit_cache = True


@compiles(_DatabaseNow, "sqlite")
def _sqlite_now(element: _DatabaseNow, compiler: Any, **options: Any) -> str:
    return "CAST(strftime('%s', 'now') AS INTEGER)"


@compiles(_DatabaseNow, "postgresql")
def _postgresql_now(element: _DatabaseNow, compiler: Any, **options: Any) -> str:
    return "CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)"


def enqueue(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    repository_id: int | None,
    requested_by: str,
    now: int,
    *,
    priority: int = 0,
) -> Job:
    """Queue a job; a higher priority is served first, equal ones in the order of arrival."""
    job = Job(
        kind=kind,
        state=State.QUEUED,
        repository_id=repository_id,
        payload=dict(payload),
        priority=priority,
        progress={},
        requested_by=requested_by,
        created_at=now,
    )
    session.add(job)
    session.flush()
    return job


def get_job(session: Session, job_id: int) -> Job:
    """Return a job by its number.

    Raises:
        NotFound: No job has this number.
    """
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound(f"There is no job {job_id}. See the list of jobs for those there are.")
    return job


def lease(
    database: Database,
    worker: str,
    seconds: int = LEASE_SECONDS,
    *,
    job_id: int | None = None,
    kinds: Collection[str] | None = None,
    at_once: int = 0,
) -> LeasedJob | None:
    """Take the next queued job, or the one of number `job_id`; None where there is nothing to take.

    Of equal priority, jobs of repositories of which fewer are running go first, then those that came first.
    A repository with as many running as it may have is passed over, whatever the priority; a job that is
    asked for by its number is taken in any case. A job that waits for another one is never taken before that
    has ended.

    Args:
        database: The catalog.
        worker: Who takes it.
        seconds: How long the lease lasts.
        job_id: Take this one.
        kinds: Take only jobs of these kinds.
        at_once: How many jobs of one repository run at once, where the repository has no number of its own;
            0 means any number.
    """
    awaited = aliased(Job)
    is_early = exists().where(awaited.id == Job.waits_for, awaited.state.not_in(FINISHED))
    wanted: list[ColumnElement[bool]] = [Job.state == State.QUEUED, ~is_early]
    if job_id is not None:
        wanted.append(Job.id == job_id)
    if kinds is not None:
        wanted.append(Job.kind.in_(kinds))
    with database.read() as session:  # an idle worker must not stand in the way of those who write
        if session.scalars(select(Job.id).where(*wanted).limit(1)).first() is None:
            return None
    with database.write() as session:
        _wait_to_lease(session)
        job = session.scalars(_following(wanted, at_once if job_id is None else None)).first()
        return None if job is None else _take(session, job, worker, seconds)


def _wait_to_lease(session: Session) -> None:
    """Let one worker choose at a time: two that count what runs at once would both find room for one more.

    On SQLite a write transaction is the only one from its beginning.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LEASING})


def _following(wanted: list[ColumnElement[bool]], at_once: int | None) -> Select[Job]:
    """Return the query for the next job; `at_once` None asks for no limit at all."""
    running = (
        select(Job.repository_id, func.count(Job.id).label("count"))
        .where(Job.state == State.RUNNING)
        .group_by(Job.repository_id)
        .subquery()
    )
    count = func.coalesce(running.c.count, 0)
    following = (
        select(Job)
        .outerjoin(running, running.c.repository_id == Job.repository_id)
        .where(*wanted)
        .order_by(Job.priority.desc(), count, Job.id)
        .limit(1)
        .with_for_update(of=Job, skip_locked=True)  # one that is just being cancelled is left alone
    )
    if at_once is None:
        return following
    most = func.coalesce(Repository.jobs_at_once, at_once)
    return following.outerjoin(Repository, Repository.id == Job.repository_id).where(
        Job.repository_id.is_(None) | (most == 0) | (count < most)
    )


def _take(session: Session, job: Job, worker: str, seconds: int) -> LeasedJob:
    now = _now(session)
    job.state = State.RUNNING
    job.worker = worker
    job.fence += 1
    job.attempts += 1
    job.leased_until = now + seconds
    job.started_at = now
    job.progress = {}
    job.error = None
    session.add(JobAttempt(job_id=job.id, fence=job.fence, worker=worker, began_at=now))
    return LeasedJob(job.id, job.kind, job.payload, job.repository_id, worker, job.fence, job.attempts)


def attempts_of(session: Session, job_ids: Collection[int]) -> dict[int, list[JobAttempt]]:
    """Return the attempts at some jobs, by the numbers of these, the first one first."""
    found: dict[int, list[JobAttempt]] = {number: [] for number in job_ids}
    asked = select(JobAttempt).where(JobAttempt.job_id.in_(found)).order_by(JobAttempt.fence)
    for attempt in session.scalars(asked):
        found[attempt.job_id].append(attempt)
    return found


def renew(session: Session, leased: LeasedJob, seconds: int = LEASE_SECONDS) -> None:
    """Hold a job for some seconds from now.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, leased_until=_DatabaseNow() + seconds)


def report(session: Session, leased: LeasedJob, progress: Mapping[str, Any]) -> None:
    """Say how far a job has come.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, progress=dict(progress))


def finish(session: Session, leased: LeasedJob) -> None:
    """End a job well; what else the transaction wrote stands only if the lease does.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, state=State.SUCCEEDED, leased_until=None, finished_at=_DatabaseNow())
    _end_attempt(session, leased.id, State.SUCCEEDED, None)


def fail(session: Session, leased: LeasedJob, reason: str) -> None:
    """End a job that came to nothing, with the reason.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, state=State.FAILED, leased_until=None, finished_at=_DatabaseNow(), error=reason)
    _end_attempt(session, leased.id, State.FAILED, reason)


def release(session: Session, leased: LeasedJob) -> None:
    """Give a job back to the queue unfinished, as a worker does that is told to stop; it costs no attempt.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, state=State.QUEUED, leased_until=None, attempts=leased.attempts - 1)
    _end_attempt(session, leased.id, Outcome.GIVEN_BACK, "The worker was told to stop.")


def lose(session: Session, leased: LeasedJob, reason: str) -> None:
    """End an attempt that something outside of the job has broken, as `release_expired` does.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, leased_until=None)
    _take_back(session, get_job(session, leased.id), reason)


def cancel(session: Session, job_id: int, requested_by: str) -> Job:
    """End a job that is queued or running, and note who did; its worker learns so when it next writes.

    Raises:
        NotFound: No job has this number.
        Conflict: The job has ended already.
    """
    reason = f"Cancelled by {requested_by}."
    ended = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.not_in(FINISHED))
        .values(
            state=State.CANCELLED,
            leased_until=None,
            finished_at=_DatabaseNow(),
            error=reason,
        )
        .returning(Job.id)
    ).one_or_none()
    job = get_job(session, job_id)
    if ended is None:
        raise Conflict(f"Job {job_id} cannot be cancelled: it has already {job.state}.")
    _end_attempt(session, job_id, State.CANCELLED, reason)
    owner = session.get(Repository, job.repository_id) if job.repository_id else None
    subject = f"{job.kind} {job_id}{f' of {owner.name}' if owner else ''}"
    note(session, "job cancelled", (requested_by, ""), subject, job.finished_at or _now(session))
    return job


def release_expired(database: Database) -> list[int]:
    """Take jobs from workers that were lost, and return their numbers.

    A scan and an erasure can be repeated without harm and are queued again, up to `MAX_ATTEMPTS` leases. A
    run may have had effects outside, so it is never silently repeated: it fails.
    """
    lost = (Job.state == State.RUNNING, Job.leased_until < _DatabaseNow())
    with database.read() as session:  # as in lease
        if session.scalars(select(Job.id).where(*lost).limit(1)).first() is None:
            return []
    with database.write() as session:
        found = select(Job).where(*lost).order_by(Job.id).with_for_update(skip_locked=True)
        jobs = session.scalars(found).all()
        for job in jobs:
            _take_back(session, job, WORKER_LOST)
        return [job.id for job in jobs]


def _take_back(session: Session, job: Job, reason: str) -> None:
    _end_attempt(session, job.id, Outcome.LOST, reason)
    job.leased_until = None
    if job.kind in _REPEATABLE and job.attempts < MAX_ATTEMPTS:
        job.state = State.QUEUED
        job.error = f"{reason} Attempt {job.attempts} of {MAX_ATTEMPTS}; it is queued again."
        return
    job.state = State.FAILED
    job.finished_at = _now(session)
    job.error = reason if job.kind not in _REPEATABLE else f"{reason} It was tried {job.attempts} times."


def _end_attempt(session: Session, job_id: int, outcome: str, reason: str | None) -> None:
    """Keep how the attempt ended that goes on, if one does."""
    session.execute(
        update(JobAttempt)
        .where(JobAttempt.job_id == job_id, JobAttempt.ended_at.is_(None))
        .values(ended_at=_DatabaseNow(), outcome=outcome, reason=reason)
        .execution_options(synchronize_session=False)
    )


def _write(session: Session, leased: LeasedJob, **values: Any) -> None:
    held = session.execute(
        update(Job)
        .where(Job.id == leased.id, Job.fence == leased.fence, Job.state == State.RUNNING)
        .values(**values)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if held is None:
        job = get_job(session, leased.id)
        raise LeaseLost(
            f"Job {leased.id} is no longer held by '{leased.worker}': it is {job.state}"
            f"{f' ({job.error})' if job.error else ''}. What this worker did for it is dropped."
        )


def _now(session: Session) -> int:
    return int(session.scalars(select(_DatabaseNow())).one())
