"""Subscriptions of who asks: read, made and changed, for pages and the API alike."""

from __future__ import annotations

from flask import g
from sqlalchemy.orm import Session

from headwater_catalog.accounts.people import actor_of
from headwater_catalog.errors import Forbidden
from headwater_catalog.store.models import Account, Subscription
from headwater_catalog.subscriptions.lookup import get_subscription, list_subscriptions
from headwater_catalog.subscriptions.standing import Standing, standings_of
from headwater_catalog.subscriptions.subscribing import Secrets, Wanted, change, subscribe
from headwater_catalog.subscriptions.watching import first_results
from headwater_web.access import actor, asked, writing
from headwater_web.reading import catalog, reading

__all__ = [
    "change_own",
    "own",
    "own_standing",
    "own_standings",
    "subscribe_own",
    "subscriber",
]


def subscriber() -> int | None:
    """Return the number of the account that asks; None without accounts.

    Raises:
        Forbidden: A token asks that may see less than its account, which is what subscriptions see.
    """
    who = actor()
    if who.is_token:
        account = _account(reading())
        if account is None or actor_of(account).visible != who.visible:
            raise Forbidden(
                "This token is good for some repositories only, and a subscription sees what its account "
                "sees. Use a token for all repositories, or a browser."
            )
    return who.account_id


def own(number: int) -> Subscription:
    """Return a subscription of who asks.

    Raises:
        NotFound: They have none of this number.
    """
    return get_subscription(reading(), subscriber(), number)


def own_standings() -> list[Standing]:
    """Return how all subscriptions of who asks stand, by name."""
    return standings_of(reading(), list_subscriptions(reading(), subscriber()))


def own_standing(number: int) -> Standing:
    """Return how a subscription of who asks stands.

    Raises:
        NotFound: They have none of this number.
    """
    return standings_of(reading(), [own(number)])[0]


def subscribe_own(wanted: Wanted) -> tuple[int, Secrets]:
    """Make a subscription of who asks, and return its number and what is shown this once.

    Raises:
        Conflict: It cannot be what is wanted.
    """
    subscriber()
    results = first_results(catalog().database, catalog().settings, wanted.watched)
    with writing() as session:
        account = _account(session)
        found, made = subscribe(session, catalog().settings, account, wanted, results, asked(), g.now)
        return found.id, made


def change_own(number: int, wanted: Wanted) -> Secrets:
    """Make a subscription of who asks what is wanted, and return what is shown this once.

    Raises:
        NotFound: They have none of this number.
        Conflict: It cannot be what is wanted.
    """
    known = own(number)
    is_same = known.watch.digest == wanted.watched.digest
    results = [] if is_same else first_results(catalog().database, catalog().settings, wanted.watched)
    with writing() as session:
        account = _account(session)
        _, made = change(session, catalog().settings, account, number, wanted, results, asked(), g.now)
        return made


def _account(session: Session) -> Account | None:
    number = actor().account_id
    return None if number is None else session.get(Account, number)
