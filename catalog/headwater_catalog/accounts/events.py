"""The log of what people do: it is only added to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog.records import clean
from headwater_catalog.store.models import Event

__all__ = ["LONGEST", "Asked", "count_events", "list_events", "note"]

Asked = tuple[str, str]
"""Who does something, and from which address."""

LONGEST: Final = 100
"""Characters that are kept of a name that somebody only says is theirs."""


def note(session: Session, kind: str, asked: Asked, subject: str, now: int, **details: Any) -> None:
    """Add to the log.

    Args:
        session: The write transaction of what is noted, so that neither is kept without the other.
        kind: What was done, as "noun verb": "login failed", "role granted".
        asked: Who did it, and from where.
        subject: To what it was done.
        now: When, in seconds since 1970.
        details: What else somebody would ask later; never a secret.
    """
    actor, address = (clean(text)[:LONGEST] for text in asked)
    subject = clean(subject)
    session.add(Event(at=now, kind=kind, actor=actor, subject=subject, details=details, address=address))


def list_events(
    session: Session, *, before: int | None = None, kind: str = "", actor: str = "", limit: int = 100
) -> Sequence[Event]:
    """Return events, the latest first.

    Args:
        session: An open session.
        before: Only those with a lower number than this.
        kind: Only those of this kind.
        actor: Only those by this name.
        limit: How many at most.
    """
    wanted = select(Event).order_by(Event.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(Event.id < before)
    if kind:
        wanted = wanted.where(Event.kind == kind)
    if actor:
        wanted = wanted.where(Event.actor == actor)
    return session.scalars(wanted).all()


def count_events(session: Session, kind: str, since: int, *, actor: str = "", address: str = "") -> int:
    """Count events of a kind since an instant, by one actor or from one address where these are given."""
    wanted = select(func.count(Event.id)).where(Event.kind == kind, Event.at > since)
    if actor:
        wanted = wanted.where(Event.actor == actor[:LONGEST])
    if address:
        wanted = wanted.where(Event.address == address)
    return session.scalar(wanted) or 0
