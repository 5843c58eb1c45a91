"""Subscriptions of the catalog of this machine, as commands ask of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, now
from headwater_catalog.cli.users import asked

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from headwater_catalog.store.models import Account, Subscription
    from headwater_catalog.subscriptions.watched import Watched

__all__ = ["SubscriptionsHere"]


class SubscriptionsHere:
    """The subscriptions of an account of the catalog of this machine.

    Args:
        workspace: The catalog.
        user: Whose they are; None where there are no accounts.
    """

    def __init__(self, workspace: Workspace, user: str | None) -> None:
        self._workspace, self._user = workspace, user

    def add(self, name: str, watched: Watched, **tells: Any) -> dict[str, Any]:
        """Make a subscription, and return it with its secrets."""
        from headwater_catalog.subscriptions.subscribing import Wanted, subscribe
        from headwater_catalog.subscriptions.watching import first_results

        wanted, settings = Wanted(name, watched, **tells), self._workspace.settings
        results = first_results(self._workspace.database, settings, watched)
        with self._workspace.database.write() as session:
            owner = self._owner(session)
            found, made = subscribe(session, settings, owner, wanted, results, asked(), now())
        address = None if made.feed is None else f"{settings.address}/feeds/{made.feed}"
        return {**self._told(str(found.id)), "webhook_secret": made.webhook, "feed_url": address}

    def listed(self) -> list[dict[str, Any]]:
        """Return the subscriptions by name."""
        from headwater_catalog.answers.subscriptions import subscription_json
        from headwater_catalog.subscriptions.lookup import list_subscriptions
        from headwater_catalog.subscriptions.standing import standings_of

        with self._seen() as session:
            owner = self._owner(session)
            known = list_subscriptions(session, None if owner is None else owner.id)
            return [subscription_json(each) for each in standings_of(session, known)]

    def shown(self, name: str) -> dict[str, Any]:
        """Return the subscription of a name or number, and what it told lately."""
        from headwater_catalog.answers.subscriptions import subscription_json, told_json
        from headwater_catalog.subscriptions.standing import standings_of, told_by

        with self._seen() as session:
            found = self._named(session, name)
            (standing,) = standings_of(session, [found])
            return {
                **subscription_json(standing),
                "told": [told_json(each) for each in told_by(session, found)],
            }

    def do(self, name: str, what: str) -> dict[str, Any]:
        """Pause, resume, try or remove a subscription, and return how it stands then, or stood last."""
        from headwater_catalog.subscriptions import subscribing

        doing: dict[str, Callable[..., Any]] = {
            "pause": subscribing.pause,
            "resume": subscribing.resume,
            "remove": subscribing.remove,
            "try": subscribing.try_now,
        }
        told = self._told(name)
        with self._workspace.database.write() as session:
            owner = self._owner(session)
            doing[what](session, None if owner is None else owner.id, told["id"], asked(), now())
        return told if what == "remove" else self._told(str(told["id"]))

    def _told(self, name: str) -> dict[str, Any]:
        from headwater_catalog.answers.subscriptions import subscription_json
        from headwater_catalog.subscriptions.standing import standings_of

        with self._seen() as session:
            return subscription_json(standings_of(session, [self._named(session, name)])[0])

    def _named(self, session: Session, name: str) -> Subscription:
        from headwater_catalog.subscriptions.lookup import subscription_named

        owner = self._owner(session)
        return subscription_named(session, None if owner is None else owner.id, name)

    def _owner(self, session: Session) -> Account | None:
        """Return whose subscriptions are meant; None where there are no accounts."""
        from headwater_catalog.accounts.people import get_account

        if self._user is not None:
            return get_account(session, self._user)
        if self._workspace.settings.auth == "accounts":
            raise click.UsageError("There are accounts here. Say whose subscription is meant: --user NAME.")
        return None

    def _seen(self) -> AbstractContextManager[Session]:
        """Open a session that finds what the owner may see."""
        from headwater_catalog.accounts.people import actor_of
        from headwater_catalog.subscriptions.news import seeing

        with self._workspace.reading() as session:
            owner = self._owner(session)
            actor = None if owner is None else actor_of(owner)
        return self._workspace.reading() if actor is None else seeing(self._workspace.database, actor)
