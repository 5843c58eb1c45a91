"""The shapes of the event log."""

from __future__ import annotations

from marshmallow import Schema

from headwater_web.api.schemas.fields import PageQuery, anything, count, mapping, named, page_of, text

__all__ = ["EventPageSchema", "EventsQuery"]


class EventSchema(Schema):
    """Something that somebody did, or tried to."""

    id = count("Its number.")
    at = text("When.")
    kind = text("What was done, such as `role set`.")
    actor = text("Who did it; where a login failed, only who somebody said to be.")
    address = text("From where.")
    subject = text("To what it was done.")
    details = mapping("What else was noted.", anything("A fact."))


class EventPageSchema(Schema):
    """A page of events."""

    locals().update(page_of(EventSchema, "Events, the latest first."))


class EventsQuery(PageQuery):
    """What the event log is asked."""

    kind = named("Only those of this kind.", "event", 40)
    actor = named("Only those by this name.", "account", 100)
