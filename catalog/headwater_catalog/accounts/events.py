"""The log of what people do: it is only added to, and each event carries the hash of the one before.

Events are put at the end of the chain when their transaction ends, in the order in which transactions do:
the head of the chain is locked last, so that nobody waits for it while holding what others need.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import event as events_of
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog.accounts.event_chain import BEGINNING, Anchor, Link, Verification, event_hash, verify
from headwater_catalog.storable import clean
from headwater_catalog.store.models import Event, EventHead

__all__ = [
    "ADDRESS",
    "LONGEST",
    "Asked",
    "chain",
    "count_events",
    "head_of",
    "list_events",
    "note",
    "stored_details",
    "verify_log",
]

Asked = tuple[str, str]
"""Who does something, and from which address."""

LONGEST: Final = 100
"""Characters that are kept of a name that somebody only says is theirs."""

ADDRESS: Final = "address"
"""Where a session's `info` has the address of who asks, for those that do not say it themselves."""

_PENDING: Final = "events"
_BATCH: Final = 1000


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
    actor, address = asked
    values = {
        "at": now,
        "kind": kind,
        "actor": clean(actor)[:LONGEST],
        "subject": clean(subject),
        "details": stored_details(details),
        "address": clean(address or session.info.get(ADDRESS, ""))[:LONGEST],
    }
    if _PENDING not in session.info:
        session.info[_PENDING] = []
        events_of.listen(session, "before_commit", _append)
    session.info[_PENDING].append(values)


def stored_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of an event as they come back from the store."""
    found: dict[str, Any] = json.loads(clean(json.dumps(details, ensure_ascii=False)))
    return found


def _append(session: Session) -> None:
    """Put what was noted at the end of the chain, when the transaction is about to end."""
    noted = session.info[_PENDING]
    if not noted or session.in_nested_transaction():
        return
    session.flush()  # what it locks is locked before the head
    head = session.get(EventHead, 1, with_for_update=True, populate_existing=True)
    if head is None:
        head = EventHead(id=1, number=0, hash=BEGINNING)
        session.add(head)
    for values in noted:
        head.number += 1
        values["id"] = head.number
        previous, head.hash = head.hash, event_hash(head.hash, values)
        session.add(Event(**values, previous=previous, hash=head.hash))
    noted.clear()


def chain(session: Session) -> Iterator[Link]:
    """Give all events with their hashes, from the first one on."""
    last = -1
    while True:
        wanted = select(Event).where(Event.id > last).order_by(Event.id).limit(_BATCH)
        found = session.scalars(wanted).all()
        for each in found:
            yield Link(
                each.id,
                each.at,
                each.kind,
                each.actor,
                each.subject,
                each.details,
                each.address,
                each.previous,
                each.hash,
            )
        session.expunge_all()
        if len(found) < _BATCH:
            return
        last = found[-1].id


def head_of(session: Session) -> Anchor | None:
    """Return what the log says that its last event is; None where it says that it is empty."""
    head = session.get(EventHead, 1)
    return Anchor(head.number, head.hash) if head is not None and head.number else None


def verify_log(session: Session, anchor: Anchor | None = None) -> Verification:
    """Follow the whole chain, in a session that is used for nothing else."""
    return verify(chain(session), head_of(session), anchor)


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
