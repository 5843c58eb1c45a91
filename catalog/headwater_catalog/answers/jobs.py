"""Jobs as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import instant_json

if TYPE_CHECKING:
    from headwater_catalog.store.models import Job

__all__ = ["job_json"]


def job_json(job: Job, repository: str | None) -> dict[str, Any]:
    """Return a job; `repository` is the name of the one that it belongs to, if any."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "repository": repository,
        "requested_by": job.requested_by,
        "created_at": instant_json(job.created_at),
        "started_at": None if job.started_at is None else instant_json(job.started_at),
        "finished_at": None if job.finished_at is None else instant_json(job.finished_at),
        "progress": job.progress,
        "error": job.error,
    }
