"""Finding subscriptions: those of an account, and those that a secret belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.store.models import Subscription, Watch
from headwater_catalog.subscriptions.watched import FEATURES, Watched
from headwater_catalog.subscriptions.webhooks import host_of

__all__ = [
    "EVERY",
    "channels_of",
    "feed_hash",
    "find_by_feed",
    "find_by_mail",
    "get_subscription",
    "list_subscriptions",
    "number_named",
    "of_account",
    "pace_of",
    "saved_queries",
    "subscription_named",
    "wanted_of",
]

EVERY: Final[Mapping[str, int]] = {"once": 0, "hour": 3600, "day": 86_400}
"""How often a subscription tells at most, in seconds: at once, or so much apart."""


def list_subscriptions(session: Session, account_id: int | None) -> Sequence[Subscription]:
    """Return the subscriptions of an account by name; None: of whoever uses a catalog without accounts."""
    wanted = of_account(account_id).options(joinedload(Subscription.watch))
    return session.scalars(wanted.order_by(func.lower(Subscription.name), Subscription.id)).all()


def saved_queries(session: Session, account_id: int | None, most: int) -> Sequence[Subscription]:
    """Return queries for features that an account has saved, the latest first."""
    wanted = of_account(account_id).join(Subscription.watch).where(Watch.about == FEATURES)
    wanted = wanted.options(contains_eager(Subscription.watch)).order_by(Subscription.id.desc())
    return session.scalars(wanted.limit(most)).all()


def get_subscription(
    session: Session, account_id: int | None, number: int, *, locked: bool = False
) -> Subscription:
    """Return a subscription of an account.

    Raises:
        NotFound: It has none of this number.
    """
    wanted = of_account(account_id).where(Subscription.id == number)
    if locked:
        wanted = wanted.with_for_update()
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFound(f"You have no subscription {number}.")
    return found


def subscription_named(session: Session, account_id: int | None, name: str) -> Subscription:
    """Return the subscription of an account that has a name or a number.

    Raises:
        NotFound: None has.
        Conflict: Several have.
    """
    known = {each.id: each for each in list_subscriptions(session, account_id)}
    return known[number_named([(each.id, each.name) for each in known.values()], name)]


def number_named(known: Sequence[tuple[int, str]], name: str) -> int:
    """Return which of some numbers somebody means who says it, or the name that goes with it.

    Raises:
        NotFound: None.
        Conflict: Several.
    """
    found = [number for number, called in known if name in (called, str(number))]
    if len(found) > 1:
        numbers = ", ".join(map(str, found))
        raise Conflict(f"Several subscriptions are called '{name:.100}'. Say which by its number: {numbers}.")
    if not found:
        raise NotFound(f"There is no subscription '{name:.100}'.")
    return found[0]


def wanted_of(subscription: Subscription) -> dict[str, Any]:
    """Return what a subscription is, by the names of `Wanted` and of `Watched`."""
    watched = Watched.of(subscription.watch)
    return {
        **watched.asked,
        "about": watched.about,
        "name": subscription.name,
        "every": pace_of(subscription),
        "email": subscription.email or "",
        "webhook": subscription.webhook or "",
        "feed": subscription.feed_hash is not None,
    }


def pace_of(subscription: Subscription) -> str:
    """Return how often a subscription tells, as one of `EVERY`."""
    return next(name for name, seconds in EVERY.items() if seconds == subscription.every)


def channels_of(email: str | None, webhook: str | None, *, feed: bool) -> tuple[str, ...]:
    """Return by what a subscription tells, in words that name no secret."""
    mail = email and f"e-mail to {email}"
    hook = webhook and f"webhook at {host_of(webhook)}"
    return tuple(filter(None, (mail, hook, "feed" if feed else None)))


def find_by_feed(session: Session, token: str) -> Subscription | None:
    """Return the subscription whose feed has a secret in its address."""
    return session.scalars(
        select(Subscription).where(Subscription.feed_hash == feed_hash(token))
    ).one_or_none()


def find_by_mail(session: Session, key: str) -> Subscription | None:
    """Return the subscription whose mails have a key in them."""
    wanted = select(Subscription).where(Subscription.email_key == key, Subscription.email.is_not(None))
    return session.scalars(wanted).one_or_none()


def of_account(account_id: int | None) -> Select[Subscription]:
    """Return the query for the subscriptions of an account."""
    return select(Subscription).where(Subscription.account_id.is_not_distinct_from(account_id))


def feed_hash(token: str) -> str:
    """Return what is kept of the secret of a feed, which is too long to be guessed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
