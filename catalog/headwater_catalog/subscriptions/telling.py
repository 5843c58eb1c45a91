"""From what changed to who is told: subscriptions that are due get a telling, and what delivers it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from headwater_catalog.accounts import Actor
from headwater_catalog.store.models import Delivery, ResultChange, Subscription, Telling
from headwater_catalog.subscriptions.messages import CHANGED
from headwater_catalog.subscriptions.news import news_between, owner_of, seeing

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = [
    "CHANNELS",
    "DISABLED",
    "EMAIL",
    "KEPT_DAYS",
    "WAITING",
    "WEBHOOK",
    "forget_old",
    "newest_change",
    "next_change",
    "tell",
    "tell_changes",
]

EMAIL: Final = "email"
WEBHOOK: Final = "webhook"
CHANNELS: Final = (EMAIL, WEBHOOK)

WAITING: Final = "waiting"
"""The state of what is to be delivered."""

DISABLED: Final = "Its account was disabled."
"""Why a subscription was paused."""

KEPT_DAYS: Final = 90
"""How long it is known what was told."""

_AT_ONCE: Final = 100  # subscriptions of one transaction


def tell_changes(database: Database, settings: Settings, now: int) -> int:
    """Let all subscriptions that are due tell what changed; return how many do.

    Up to where a subscription has looked and its telling are written down in one transaction: nothing is told
    twice, and nothing is left out. What its owner may not see is passed over.
    """
    with database.read() as session:
        due = list(session.scalars(_due(now)))
    news, told = _News(database), 0
    for start in range(0, len(due), _AT_ONCE):
        part = due[start : start + _AT_ONCE]
        with database.read() as session:
            looked = [_Looked.of(session, settings, each) for each in session.scalars(_among(part))]
        wanted = {each.id: each for each in looked if not each.is_nobodys and news.is_there(each)}
        with database.write() as session:
            known = {each.id: each for each in looked}
            for subscription in session.scalars(_among(part).with_for_update(of=Subscription)):
                before = known.get(subscription.id)
                if before is None or not before.is_as(subscription):
                    continue  # another worker was quicker, or its owner has changed it
                subscription.told_id = before.until_id
                if before.is_nobodys:
                    subscription.paused_at, subscription.paused_for = now, DISABLED
                elif subscription.id in wanted:
                    subscription.told_at = now
                    tell(session, subscription, CHANGED, now, before.after_id, before.until_id)
                    told += 1
    return told


def tell(
    session: Session,
    subscription: Subscription,
    kind: str,
    now: int,
    after_id: int = 0,
    until_id: int = 0,
    channels: Iterable[str] = CHANNELS,
) -> Telling:
    """Write down that a subscription tells, and have it delivered by the channels that it has.

    Args:
        session: An open write transaction.
        subscription: The subscription.
        kind: One of those in `messages`.
        now: The present instant.
        after_id: It tells of the changes of higher numbers than this,
        until_id: up to this one.
        channels: By which, where it has them.
    """
    telling = Telling(
        subscription=subscription,
        key=str(uuid.uuid4()),
        kind=kind,
        at=now,
        after_id=after_id,
        until_id=until_id,
    )
    session.add(telling)
    places = {
        EMAIL: subscription.email and (subscription.email_confirmed_at is not None or kind != CHANGED),
        WEBHOOK: subscription.webhook,
    }
    for channel in channels:
        if places[channel]:
            session.add(
                Delivery(telling=telling, channel=channel, state=WAITING, due_at=now, attempts=0, log=[])
            )
    return telling


def newest_change(session: Session, watch_id: int) -> int:
    """Return the number of the last change of a query's result, wherever it was; 0 where there is none."""
    wanted = select(func.max(ResultChange.id)).where(ResultChange.watch_id == watch_id)
    return session.scalar(wanted) or 0


def next_change(session: Session) -> int | None:
    """Return a number for a change that none has had, also none that is forgotten; None: the database does.

    SQLite gives numbers of the last rows again when these are gone, and up to a number subscriptions have
    looked, and told.

    Args:
        session: An open write transaction.
    """
    if session.get_bind().dialect.name != "sqlite":
        return None
    used = (ResultChange.id, Subscription.told_id, Telling.until_id)
    return 1 + max(session.scalar(select(func.max(each))) or 0 for each in used)


def forget_old(database: Database, now: int) -> None:
    """Forget what was told long ago, and what changed then."""
    before = now - KEPT_DAYS * 86_400
    with database.write() as session:
        for model in (Telling, ResultChange):
            session.execute(
                delete(model).where(model.at < before), execution_options={"synchronize_session": False}
            )


def _due(now: int) -> Select[int]:
    newer = exists().where(
        ResultChange.watch_id == Subscription.watch_id, ResultChange.id > Subscription.told_id
    )
    return (
        select(Subscription.id)
        .where(Subscription.paused_at.is_(None), Subscription.told_at + Subscription.every <= now, newer)
        .order_by(Subscription.id)
    )


def _among(numbers: Sequence[int]) -> Select[Subscription]:
    return select(Subscription).where(Subscription.id.in_(numbers)).order_by(Subscription.id)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A subscription with news, as it stood when they were looked at."""

    id: int
    watch_id: int
    after_id: int
    until_id: int
    owner: Actor | None

    @classmethod
    def of(cls, session: Session, settings: Settings, row: Subscription) -> _Looked:
        until = newest_change(session, row.watch_id)
        return cls(row.id, row.watch_id, row.told_id, until, owner_of(settings, row))

    @property
    def is_nobodys(self) -> bool:
        return self.owner is None

    def is_as(self, row: Subscription) -> bool:
        return row.paused_at is None and (row.watch_id, row.told_id) == (self.watch_id, self.after_id)


@dataclass(slots=True)
class _News:
    """Whether there is anything to tell, asked once for all who see the same."""

    database: Database
    known: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def is_there(self, looked: _Looked) -> bool:
        assert looked.owner is not None
        key = looked.owner.visible, looked.watch_id, looked.after_id, looked.until_id
        if key not in self.known:
            with seeing(self.database, looked.owner) as session:
                self.known[key] = bool(news_between(session, *key[1:]))
        return self.known[key]
