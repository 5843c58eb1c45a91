"""The shapes of jobs."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_catalog.job_order import MOST_URGENT
from headwater_catalog.jobs import FINISHED, State
from headwater_web.api.schemas.fields import (
    PageQuery,
    Whole,
    anything,
    count,
    listed,
    mapping,
    optional_text,
    page_of,
    text,
)

__all__ = ["JobPageSchema", "JobSchema", "JobsQuery", "PrioritySchema"]


class JobAttemptSchema(Schema):
    """One time that a worker had a job."""

    worker = text("Its machine and process.")
    began_at = text("When it took the job.")
    ended_at = optional_text("When that ended; null while it goes on.")
    outcome = optional_text("succeeded, failed, cancelled, lost or given back; null while it goes on.")
    reason = optional_text("Why it ended so, where it did not succeed.")


class JobSchema(Schema):
    """Work for a worker: a scan or a run; or the report of a run that was made elsewhere."""

    id = count("Its number.")
    kind = text("scan, run or report.")
    state = text("queued, running, succeeded, failed or cancelled.")
    repository = optional_text("Its repository, if it has one.")
    priority = count("Higher ones are served first.")
    requested_by = text("Who asked for it.")
    created_at = text("When it was asked for.")
    started_at = optional_text("When it began.")
    finished_at = optional_text("When it ended.")
    progress = mapping("How far it is.", anything("A fact."))
    error = optional_text("Why it failed.")
    attempts = listed(JobAttemptSchema, "Every time that a worker had it, the first one first.")


class PrioritySchema(Schema):
    """How urgent a job is."""

    priority = Whole(
        required=True,
        validate=validate.Range(min=-MOST_URGENT, max=MOST_URGENT),
        metadata={"description": "Higher ones are served first; 0 unless somebody says otherwise."},
    )


class JobPageSchema(Schema):
    """A page of jobs."""

    locals().update(page_of(JobSchema, "Jobs, the latest first."))


class JobsQuery(PageQuery):
    """What lists of jobs are asked."""

    state = fields.String(
        validate=validate.OneOf(sorted({State.QUEUED, State.RUNNING, *FINISHED})),
        metadata={"description": "Only those in this state."},
    )
