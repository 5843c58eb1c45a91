"""The event log: who did what, and when."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from headwater_catalog.accounts.events import list_events
from headwater_web.access import require_administrator
from headwater_web.dates import iso
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import number_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("events", __name__)

_LISTED = 100


@blueprint.get("/events")
def events() -> str:
    """List events, the latest first."""
    require_administrator()
    kind, by = request.args.get("kind", ""), request.args.get("actor", "")
    found = list_events(reading(), before=number_asked("before"), kind=kind, actor=by, limit=_LISTED + 1)
    return render_template(
        "events.html", events=found[:_LISTED], has_more=len(found) > _LISTED, kind=kind, by=by
    )


@as_files(blueprint, "/events")
def all_events() -> Table:
    """Give the events as a table."""
    require_administrator()
    kind, by = request.args.get("kind", ""), request.args.get("actor", "")
    rows = (
        (event.id, iso(event.at), event.kind, event.actor, event.subject, event.details, event.address)
        for event in list_events(reading(), kind=kind, actor=by, limit=MOST_ROWS)
    )
    return Table("events", ("event", "at", "kind", "actor", "subject", "details", "address"), rows)
