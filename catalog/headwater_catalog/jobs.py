"""The job table: work is queued, leased to one worker at a time, and always ends with a reason.

A lease lasts some seconds of the database's own clock and is renewed while the work goes on. Each lease of
a job has a higher fence than the one before; what a worker writes under an older fence is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, ColumnElement, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from headwater_catalog.errors import Conflict, JobError, NotFound
from headwater_catalog.store.models import Job

if TYPE_CHECKING:
    from headwater_catalog.store.database import Database

__all__ = [
    "FINISHED",
    "LEASE_SECONDS",
    "MAX_ATTEMPTS",
    "STATES",
    "LeaseLost",
    "LeasedJob",
    "State",
    "cancel",
    "enqueue",
    "fail",
    "finish",
    "get_job",
    "lease",
    "release",
    "release_expired",
    "renew",
    "report",
]

LEASE_SECONDS: Final = 60
MAX_ATTEMPTS: Final = 3
WORKER_LOST: Final = "The worker was lost: it stopped renewing its lease on this job."


class State:
    """The states of a job."""

    QUEUED: Final = "queued"
    RUNNING: Final = "running"
    SUCCEEDED: Final = "succeeded"
    FAILED: Final = "failed"
    CANCELLED: Final = "cancelled"


FINISHED: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})

STATES: Final = (State.QUEUED, State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLED)


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
) -> LeasedJob | None:
    """Take the next queued job, or the one of number `job_id`; None where there is nothing to take."""
    wanted: list[ColumnElement[bool]] = [Job.state == State.QUEUED]
    if job_id is not None:
        wanted.append(Job.id == job_id)
    if kinds is not None:
        wanted.append(Job.kind.in_(kinds))
    with database.read() as session:  # an idle worker must not stand in the way of those who write
        if session.scalars(select(Job.id).where(*wanted).limit(1)).first() is None:
            return None
    # SQLite has no row locks and needs none: a write transaction is the only one from its beginning.
    following = (
        select(Job)
        .where(*wanted)
        .order_by(Job.priority.desc(), Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with database.write() as session:
        job = session.scalars(following).one_or_none()
        return None if job is None else _take(session, job, worker, seconds)


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
    return LeasedJob(job.id, job.kind, job.payload, job.repository_id, worker, job.fence, job.attempts)


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


def fail(session: Session, leased: LeasedJob, reason: str) -> None:
    """End a job that came to nothing, with the reason.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, state=State.FAILED, leased_until=None, finished_at=_DatabaseNow(), error=reason)


def release(session: Session, leased: LeasedJob) -> None:
    """Give a job back to the queue unfinished, as a worker does that is told to stop; it costs no attempt.

    Raises:
        LeaseLost: The job is no longer this worker's.
    """
    _write(session, leased, state=State.QUEUED, leased_until=None, attempts=leased.attempts - 1)


def cancel(session: Session, job_id: int, requested_by: str) -> Job:
    """End a job that is queued or running; a worker that has it learns so when it next writes.

    Raises:
        NotFound: No job has this number.
        Conflict: The job has ended already.
    """
    ended = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.not_in(FINISHED))
        .values(
            state=State.CANCELLED,
            leased_until=None,
            finished_at=_DatabaseNow(),
            error=f"Cancelled by {requested_by}.",
        )
        .returning(Job.id)
    ).one_or_none()
    job = get_job(session, job_id)
    if ended is None:
        raise Conflict(f"Job {job_id} cannot be cancelled: it has already {job.state}.")
    return job


def release_expired(database: Database) -> list[int]:
    """Take jobs from workers that were lost, and return their numbers.

    A scan can be repeated without harm and is queued again, up to `MAX_ATTEMPTS` leases. A run may have
    had effects outside, so it is never silently repeated: it fails.
    """
    lost = (Job.state == State.RUNNING, Job.leased_until < _DatabaseNow())
    with database.read() as session:  # as in lease
        if session.scalars(select(Job.id).where(*lost).limit(1)).first() is None:
            return []
    with database.write() as session:
        found = select(Job).where(*lost).order_by(Job.id).with_for_update(skip_locked=True)
        jobs = session.scalars(found).all()
        for job in jobs:
            _take_back(session, job)
        return [job.id for job in jobs]


def _take_back(session: Session, job: Job) -> None:
    job.leased_until = None
    if job.kind == "scan" and job.attempts < MAX_ATTEMPTS:
        job.state = State.QUEUED
        job.error = f"{WORKER_LOST} Attempt {job.attempts} of {MAX_ATTEMPTS}; it is queued again."
        return
    job.state = State.FAILED
    job.finished_at = _now(session)
    job.error = WORKER_LOST if job.kind != "scan" else f"{WORKER_LOST} It was tried {job.attempts} times."


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
