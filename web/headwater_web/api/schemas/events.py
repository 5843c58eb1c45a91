"""The shapes of the event log."""

from __future__ import annotations

from marshmallow import Schema

from headwater_web.api.schemas.fields import (
    PageQuery,
    anything,
    count,
    flag,
    listed,
    mapping,
    named,
    nested,
    page_of,
    text,
)

__all__ = ["EventPageSchema", "EventsQuery", "VerificationSchema"]


class EventSchema(Schema):
    """Something that somebody did, or tried to."""

    id = count("Its number.")
    at = text("When.")
    kind = text("What was done, such as `role set`.")
    actor = text("Who did it; where a login failed, only who somebody said to be.")
    address = text("From where.")
    subject = text("To what it was done.")
    details = mapping("What else was noted.", anything("A fact."))
    hash = text("Its hash, which the next event carries.")


class LastEventSchema(Schema):
    """The end of the log, to be noted elsewhere."""

    id = count("Its number.")
    hash = text("Its hash.")


class EventFaultSchema(Schema):
    """Where the log was tampered with."""

    event = count("At which event that shows.")
    message = text("How it shows.")


class VerificationSchema(Schema):
    """What came of following the chain of the log."""

    ok = flag("Whether nothing shows that the log was tampered with.")
    events = count("How many events there are.")
    last = nested(LastEventSchema, "The last event; null where there is none.", allow_none=True)
    faults = listed(EventFaultSchema, "Where it was tampered with, a hundred at most.")


class EventPageSchema(Schema):
    """A page of events."""

    locals().update(page_of(EventSchema, "Events, the latest first."))


class EventsQuery(PageQuery):
    """What the event log is asked."""

    kind = named("Only those of this kind.", "event", 40)
    actor = named("Only those by this name.", "account", 100)
