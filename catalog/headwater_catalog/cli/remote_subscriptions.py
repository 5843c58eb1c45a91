"""Subscriptions in a catalog that is served elsewhere, as commands ask of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater_catalog.client import Client
    from headwater_catalog.subscriptions.watched import Watched

__all__ = ["RemoteSubscriptions"]

_LATELY: Final = 20


class RemoteSubscriptions:
    """One's own subscriptions in a catalog that is served elsewhere.

    Args:
        client: Asks it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def add(self, name: str, watched: Watched, **tells: Any) -> dict[str, Any]:
        """Make a subscription, and return it with its secrets."""
        return dict(self._client.subscribe(name, about=watched.about, **watched.asked, **tells))

    def listed(self) -> list[dict[str, Any]]:
        """Return the subscriptions by name."""
        found = [dict(each) for each in self._client.subscriptions()]
        return sorted(found, key=lambda each: (each["name"].lower(), each["id"]))

    def shown(self, name: str) -> dict[str, Any]:
        """Return the subscription of a name or number, and what it told lately."""
        number = self._number(name)
        told = list(islice(self._client.told(number), _LATELY))
        return {**self._client.subscription(number), "told": told}

    def do(self, name: str, what: str) -> dict[str, Any]:
        """Pause, resume, try or remove a subscription, and return how it stands then, or stood last."""
        number = self._number(name)
        if what == "remove":
            return dict(self._client.remove_subscription(number))
        if what == "try":
            self._client.try_subscription(number)
        else:
            self._client.change_subscription(number, paused=what == "pause")
        return dict(self._client.subscription(number))

    def _number(self, name: str) -> int:
        from headwater_catalog.subscriptions.lookup import number_named

        return number_named([(each["id"], each["name"]) for each in self._client.subscriptions()], name)
