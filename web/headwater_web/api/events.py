"""The event log: who did what, and when."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.accounts.events import list_events, verify_log
from headwater_catalog.answers.accounts import event_json, verification_json
from headwater_web.access import require_administrator
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset
from headwater_web.api.resources import Resource
from headwater_web.api.schemas.events import EventPageSchema, EventsQuery, VerificationSchema
from headwater_web.api.schemas.fields import NoQuery
from headwater_web.reading import catalog, reading

__all__ = ["resource"]

resource = Resource("events", "Who did what, and when.")


@resource.get("/events/verification", VerificationSchema, NoQuery, errors=(403,))
def verify_all_events(_args: dict[str, Any]) -> Response:
    """Follow the chain of the event log, and tell whether it was tampered with; for administrators."""
    require_administrator()
    with catalog().database.read() as session:
        return answer(verification_json(verify_log(session)))


@resource.get("/events", EventPageSchema, EventsQuery, errors=(403,))
def list_all_events(args: dict[str, Any]) -> Response:
    """List events, the latest first; for administrators of everything."""
    require_administrator()
    cursor, limit = cursor_of(args), args["limit"]
    chosen = {name: args.get(name, "") for name in ("kind", "actor")}
    found = list_events(reading(), before=offset(cursor) or None, limit=limit + 1, **chosen)
    following = cursor.moved(found[limit - 1].id) if len(found) > limit else None
    return page_answer([event_json(event) for event in found[:limit]], following)
