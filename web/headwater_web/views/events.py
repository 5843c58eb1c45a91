"""The event log: who did what, and when."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, render_template, request

from headwater_catalog.accounts.event_chain import Verification, export_lines
from headwater_catalog.accounts.events import chain, list_events, verify_log
from headwater_web.access import require_administrator
from headwater_web.dates import iso
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import catalog, number_asked, reading

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
        "events.html",
        events=found[:_LISTED],
        has_more=len(found) > _LISTED,
        kind=kind,
        by=by,
        verification=_verification() if request.args.get("verify") == "yes" else None,
    )


def _verification() -> Verification:
    with catalog().database.read() as session:
        return verify_log(session)


@blueprint.get("/events/export")
def export() -> Response:
    """Give the whole log as JSON lines, which can be verified by themselves."""
    require_administrator()
    database = catalog().database

    def lines() -> Iterator[str]:
        with database.read() as session:
            yield from export_lines(chain(session))

    told = Response(lines(), content_type="application/jsonl")
    told.headers.set("Content-Disposition", "attachment", filename="events.jsonl")
    return told


@as_files(blueprint, "/events")
def all_events() -> Table:
    """Give the events as a table."""
    require_administrator()
    kind, by = request.args.get("kind", ""), request.args.get("actor", "")
    rows = (
        (event.id, iso(event.at), event.kind, event.actor, event.subject, event.details, event.address)
        + (event.previous, event.hash)
        for event in list_events(reading(), kind=kind, actor=by, limit=MOST_ROWS)
    )
    return Table(
        "events", ("event", "at", "kind", "actor", "subject", "details", "address", "previous", "hash"), rows
    )
