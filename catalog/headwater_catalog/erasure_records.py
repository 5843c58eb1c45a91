"""The record of an erasure: the plan, what was done by whom and when, what remained and why, signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog import dsse
from headwater_catalog.answers.commits import instant_json
from headwater_catalog.answers.erasures import erasure_json, item_json
from headwater_catalog.erasure.requests import Chosen, Stage, count_items, get_erasure, list_items, subject_of
from headwater_catalog.errors import Conflict
from headwater_catalog.store.models import Event

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["PAYLOAD_TYPE", "record_of", "signed_record"]

PAYLOAD_TYPE: Final = "application/vnd.headwater.erasure+json"
_FORM: Final = "headwater-erasure-1"
_BATCH: Final = 5_000


def record_of(session: Session, number: int) -> dict[str, Any]:
    """Return the record of an erasure as it stands; once it is closed, it stays as it is.

    Raises:
        NotFound: There is no such erasure.
        Conflict: It is not planned yet, or was withdrawn.
    """
    erasure = get_erasure(session, number)
    if erasure.state in (Stage.PLANNING, Stage.WITHDRAWN):
        raise Conflict(f"Erasure {number} is {erasure.state}, so there is no record of it.")
    told = erasure_json(erasure, count_items(session, number))
    return {
        "form": _FORM,
        **{name: value for name, value in told.items() if name != "job"},
        "is_final": erasure.state == Stage.CLOSED,
        "events": _events(session, subject_of(erasure)),
        "items": _items(session, number),
    }


def _items(session: Session, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while items := list_items(session, number, Chosen(), after=after, limit=_BATCH):
        found += map(item_json, items)
        after = items[-1].id
    return found


def _events(session: Session, subject: str) -> list[dict[str, Any]]:
    """Return what the log tells of an erasure.

    An earlier one that went with its repository may have had its number.
    """
    mine = Event.subject == subject, Event.kind.startswith("erasure ")
    begun = select(func.max(Event.id)).where(Event.subject == subject, Event.kind == "erasure requested")
    wanted = select(Event).where(*mine, Event.id >= begun.scalar_subquery()).order_by(Event.id)
    return [_event(event) for event in session.scalars(wanted)]


def _event(event: Event) -> dict[str, Any]:
    """Return where the log tells of an act, so that the record can be held against it."""
    told = {"event": event.id, "at": instant_json(event.at), "kind": event.kind, "actor": event.actor}
    return {**told, "details": event.details, "hash": event.hash}


def signed_record(session: Session, settings: Settings, number: int) -> dict[str, Any]:
    """Return the record of an erasure in a signed envelope, by the key of this catalog.

    Raises:
        NotFound: There is no such erasure.
        Conflict: There is no record of it, or no key yet.
    """
    key = settings.manifest_signing_key()
    if key is None:
        raise Conflict(
            "There is no key to sign records with. An administrator makes one on the server: "
            "headwater manifest key"
        )
    return dsse.sign(record_of(session, number), PAYLOAD_TYPE, key)
