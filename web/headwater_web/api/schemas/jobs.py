"""The shapes of jobs."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_catalog.jobs import FINISHED, State
from headwater_web.api.schemas.fields import (
    PageQuery,
    anything,
    count,
    mapping,
    optional_text,
    page_of,
    text,
)

__all__ = ["JobPageSchema", "JobSchema", "JobsQuery"]


class JobSchema(Schema):
    """Work for a worker: a scan or a run."""

    id = count("Its number.")
    kind = text("scan or run.")
    state = text("queued, running, succeeded, failed or cancelled.")
    repository = optional_text("Its repository, if it has one.")
    requested_by = text("Who asked for it.")
    created_at = text("When it was asked for.")
    started_at = optional_text("When it began.")
    finished_at = optional_text("When it ended.")
    progress = mapping("How far it is.", anything("A fact."))
    error = optional_text("Why it failed.")


class JobPageSchema(Schema):
    """A page of jobs."""

    locals().update(page_of(JobSchema, "Jobs, the latest first."))


class JobsQuery(PageQuery):
    """What lists of jobs are asked."""

    state = fields.String(
        validate=validate.OneOf(sorted({State.QUEUED, State.RUNNING, *FINISHED})),
        metadata={"description": "Only those in this state."},
    )
