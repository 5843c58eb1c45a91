"""The shapes of partitions of dataflows, and of asking for them."""

from __future__ import annotations

from typing import ClassVar

from marshmallow import Schema, fields, validate

from headwater_catalog.partitions import MOST
from headwater_web.api.schemas.fields import (
    PageQuery,
    Switch,
    Whole,
    count,
    day_asked,
    flag,
    listed,
    named,
    page_of,
    repository_named,
    text,
    texts,
)
from headwater_web.api.schemas.runs import ExecutionSchema

__all__ = ["BackfillSchema", "NewBackfillSchema", "PartitionPageSchema", "PartitionsQuery"]


class PartitionsQuery(PageQuery):
    """Which partitions are listed."""

    since = day_asked("Only partitions that begin on this day or later.")
    until = day_asked("Only those that begin on this day or before; those that are over unless given.")
    env = named("The environment whose datasets are meant; the usual one unless given.", "env")


class PartitionSchema(Schema):
    """A partition of a dataflow, and how its dataset stands at main."""

    class Meta:
        """A field whose name means something else as an attribute of a schema."""

        include: ClassVar = {
            "unknown": texts("Sources elsewhere, of which nobody knows whether they have changed.")
        }

    day = text("Its first day, as YYYY-MM-DD.")
    state = text("missing, stale or fresh.")
    run = count("The run that saved it last; null where none has.", allow_none=True)
    because = texts("Why it is stale, or missing though a run has saved it.")
    underway = count("The run that waits or goes on to save it; null where there is none.", allow_none=True)
    failed = count(
        "The last run that was to save it, if it failed and nothing has come of another since; else null.",
        allow_none=True,
    )


class PartitionPageSchema(Schema):
    """A page of partitions."""

    locals().update(page_of(PartitionSchema, "Partitions in the order of time."))


class SeenSchema(Schema):
    """A partition to compute."""

    day = day_asked("Its first day.", required=True)
    run = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=2**31 - 1),
        metadata={"description": "The run that saved it last; where another has since, nothing is done."},
    )


class NewBackfillSchema(ExecutionSchema):
    """Partitions that somebody asks for."""

    repository = repository_named("Name of the repository.", required=True)
    dataflow = named("The dataflow.", "dataflow", required=True)
    since = day_asked("Only partitions that begin on this day or later.", load_default=None, allow_none=True)
    until = day_asked(
        "Only those that begin on this day or before; those that are over unless given.",
        load_default=None,
        allow_none=True,
    )
    everything = Switch(
        load_default=False, metadata={"description": "Also those that are fresh: data elsewhere may be new."}
    )
    limit = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MOST),
        metadata={
            "description": "How many are asked for at most, the oldest first, and those that failed the last "
            "time at the end; all unless given."
        },
    )
    partitions = fields.List(
        fields.Nested(SeenSchema),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=MOST),
        metadata={"description": "Just these, whatever their state, in place of those that are due."},
    )


class RequestedPartitionSchema(Schema):
    """A partition that is computed."""

    day = text("Its first day.")
    run = count("The number of its run.")
    is_new = flag("Whether this asked for the run; else it was underway before.")


class BackfillSchema(Schema):
    """What came of asking for partitions."""

    requested = listed(RequestedPartitionSchema, "The partitions that are computed, the oldest first.")
    left = count("How many more are due, which the limit has left out.")
