"""Jobs as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import instant_json, perhaps_instant_json

if TYPE_CHECKING:
    from headwater_catalog.store.models import Job, JobAttempt

__all__ = ["job_json"]


def job_json(job: Job, repository: str | None, attempts: Iterable[JobAttempt]) -> dict[str, Any]:
    """Return a job with the attempts at it; `repository` is the name of its repository, if it has one."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "repository": repository,
        "priority": job.priority,
        "requested_by": job.requested_by,
        "created_at": instant_json(job.created_at),
        "started_at": perhaps_instant_json(job.started_at),
        "finished_at": perhaps_instant_json(job.finished_at),
        "progress": job.progress,
        "error": job.error,
        "attempts": [_attempt_json(attempt) for attempt in attempts],
    }


def _attempt_json(attempt: JobAttempt) -> dict[str, Any]:
    return {
        "worker": attempt.worker,
        "began_at": instant_json(attempt.began_at),
        "ended_at": perhaps_instant_json(attempt.ended_at),
        "outcome": attempt.outcome,
        "reason": attempt.reason,
    }
