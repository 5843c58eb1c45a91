"""The event log: who did what, and when."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from headwater_catalog.accounts.events import list_events
from headwater_web.access import require_administrator
from headwater_web.reading import reading

__all__ = ["blueprint"]

blueprint = Blueprint("events", __name__)

_LISTED = 100


@blueprint.get("/events")
def events() -> str:
    """List events, the latest first."""
    require_administrator()
    kind, by, before = (request.args.get(name, "") for name in ("kind", "actor", "before"))
    is_number = before.isascii() and before.isdigit() and len(before) < 10
    found = list_events(
        reading(), before=int(before) if is_number else None, kind=kind, actor=by, limit=_LISTED + 1
    )
    return render_template(
        "events.html", events=found[:_LISTED], has_more=len(found) > _LISTED, kind=kind, by=by
    )
