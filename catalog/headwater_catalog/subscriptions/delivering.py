"""Delivering tellings: each on its way until it is taken, tried again after growing waits, and then given up.

What is to be delivered is held for some minutes before it is sent, so that two workers do not send it both. A
worker that dies in between leaves it to be sent again: it arrives at least once, always by the same name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from headwater_catalog.store.models import Delivery, Subscription, Telling
from headwater_catalog.subscriptions.mail import mail_of, send_mail
from headwater_catalog.subscriptions.messages import CHANGED, CONFIRM, Message
from headwater_catalog.subscriptions.news import news_of, owner_of, seeing
from headwater_catalog.subscriptions.telling import EMAIL, WAITING
from headwater_catalog.subscriptions.undelivered import Ended, NotDelivered
from headwater_catalog.subscriptions.webhooks import send_webhook

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["DELIVERED", "DROPPED", "FAILED", "MOST_ATTEMPTS", "deliver_due"]

logger = logging.getLogger("headwater.subscriptions")

DELIVERED: Final = "delivered"
FAILED: Final = "failed"
"""The state of what nobody took, however often it was tried."""
DROPPED: Final = "dropped"
"""The state of what was no longer to be told when its turn came."""

_WAITS: Final = (60, 300, 1800, 7200, 21_600, 43_200, 86_400)  # seconds after each attempt that failed
MOST_ATTEMPTS: Final = len(_WAITS) + 1
_HELD_SECONDS: Final = 300  # longer than any attempt takes
_AT_ONCE: Final = 32
_THREADS: Final = 4


def deliver_due(
    database: Database,
    settings: Settings,
    clock: Callable[[], int] = lambda: int(time.time()),
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Try all that is due once, and return how many that were.

    Args:
        database: The catalog.
        settings: How mails and webhooks are sent.
        clock: Tells the present instant.
        stopping: Asked before some are taken; true ends it.
    """
    tried = 0
    with ThreadPoolExecutor(_THREADS, "deliver") as pool:
        while not stopping() and (held := _hold_due(database, clock())):
            list(pool.map(lambda each: _try(database, settings, each, clock), held))
            tried += len(held)
    return tried


@dataclass(frozen=True, slots=True)
class _Held:
    """A delivery that this worker has for some minutes, and which attempt it is."""

    id: int
    attempt: int


def _hold_due(database: Database, now: int) -> list[_Held]:
    """Take what is due; what its worker did not come back with counts as an attempt."""
    wanted = select(Delivery).where(Delivery.state == WAITING, Delivery.due_at <= now)
    with database.write() as session:
        due = wanted.order_by(Delivery.due_at, Delivery.id).limit(_AT_ONCE).with_for_update(skip_locked=True)
        found = session.scalars(due).all()
        for each in found:
            each.attempts += 1
            each.due_at = now + _HELD_SECONDS
        return [_Held(each.id, each.attempts) for each in found]


def _try(database: Database, settings: Settings, held: _Held, clock: Callable[[], int]) -> None:
    """Try to deliver something, and write down what came of it."""
    try:
        state, told = DELIVERED, _deliver(database, settings, held, clock())
    except _Dropped as why:
        state, told = DROPPED, str(why)
    except Ended as why:
        state, told = FAILED, str(why)
    except NotDelivered as why:
        state, told = WAITING if held.attempt < MOST_ATTEMPTS else FAILED, str(why)
    except Exception as error:
        logger.exception("A telling could not be made.")
        state = WAITING if held.attempt < MOST_ATTEMPTS else FAILED
        told = f"Headwater itself failed: {type(error).__name__}. See its log."
    with database.write() as session:
        row = session.get(Delivery, held.id, with_for_update=True)
        if row is None or row.attempts != held.attempt or row.state != WAITING:
            return  # it took so long that another worker has it
        row.state, row.log = state, [*row.log, [clock(), told]]
        row.due_at = clock() + (_WAITS[held.attempt - 1] if state == WAITING else 0)


class _Dropped(Exception):
    """What was to be delivered is not to be told any more."""


def _deliver(database: Database, settings: Settings, held: _Held, now: int) -> str:
    with database.read() as session:
        delivery = _delivery(session, held.id)
        telling, subscription = delivery.telling, delivery.telling.subscription
        owner = owner_of(settings, subscription)
        if owner is None:
            raise _Dropped("Its owner may not log in.")
        if subscription.paused_at is not None and telling.kind == CHANGED:
            raise _Dropped("The subscription was paused.")
    with seeing(database, owner) as seen:
        known = _delivery(seen, held.id)
        news = news_of(seen, known.telling) if telling.kind == CHANGED else ()
    if telling.kind == CHANGED and not news:
        raise _Dropped("Its owner may see nothing of it any more.")
    message = Message(settings.address, subscription, telling, news)
    if delivery.channel == EMAIL:
        return _mail(settings, subscription, message, now)
    if not subscription.webhook:
        raise _Dropped("The subscription has no webhook any more.")
    allowed = settings.messages.webhook_hosts
    return send_webhook(
        subscription.webhook, subscription.webhook_secret, telling.key, message.json(), now, allowed
    )


def _mail(settings: Settings, subscription: Subscription, message: Message, now: int) -> str:
    if not subscription.email:
        raise _Dropped("The subscription sends no mails any more.")
    is_asked = message.telling.kind == CONFIRM
    if subscription.email_confirmed_at is None and not is_asked:
        raise _Dropped(f"{subscription.email} has not agreed to it.")
    leave = "" if is_asked else message.leave
    mail = mail_of(
        settings.messages,
        subscription.email,
        message.telling.key,
        message.subject,
        message.text(),
        leave,
        now,
    )
    return send_mail(settings.messages, mail)


def _delivery(session: Session, number: int) -> Delivery:
    """Return a delivery with all that belongs to it."""
    way = joinedload(Delivery.telling).joinedload(Telling.subscription)
    wanted = select(Delivery).where(Delivery.id == number)
    found = session.scalars(
        wanted.options(way.joinedload(Subscription.watch), way.joinedload(Subscription.account))
    ).one_or_none()
    if found is None:
        raise _Dropped("The subscription is there no more.")
    return found
