"""Subscriptions, what they told and how that was delivered, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json, instant_json, perhaps_instant_json

if TYPE_CHECKING:
    from headwater_catalog.store.models import Delivery
    from headwater_catalog.subscriptions.changes import Item
    from headwater_catalog.subscriptions.standing import Standing, Told

__all__ = ["item_json", "subscription_json", "told_items_json", "told_json"]


def subscription_json(standing: Standing) -> dict[str, Any]:
    """Return a subscription, and how it stands, as JSON has it."""
    subscription = standing.subscription
    return {
        "id": subscription.id,
        "name": subscription.name,
        "about": standing.watched.about,
        "asked": standing.watched.asked,
        "path": standing.watched.path,
        "every": standing.pace,
        "email": subscription.email,
        "email_agreed": subscription.email_confirmed_at is not None,
        "webhook": subscription.webhook,
        "feed": subscription.feed_hash is not None,
        "state": standing.state,
        "paused_for": subscription.paused_for,
        "problem": standing.problem,
        "failed": standing.failed,
        "finds": standing.finds,
        "made_at": instant_json(subscription.made_at),
        "told_at": perhaps_instant_json(subscription.told_at or None),
    }


def told_json(told: Told) -> dict[str, Any]:
    """Return what a subscription told once as JSON has it."""
    came, went = told.counts
    return {
        "id": told.telling.id,
        "key": told.telling.key,
        "kind": told.telling.kind,
        "at": instant_json(told.telling.at),
        "came": came,
        "went": went,
        "deliveries": [_delivery_json(each) for each in told.deliveries],
    }


def _delivery_json(delivery: Delivery) -> dict[str, Any]:
    is_waiting = delivery.state == "waiting"
    return {
        "channel": delivery.channel,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_at": instant_json(delivery.due_at) if is_waiting else None,
        "log": [{"at": instant_json(at), "outcome": outcome} for at, outcome in delivery.log],
    }


def told_items_json(told: Told) -> Iterable[dict[str, Any]]:
    """Yield the features or findings that came, and then those that went, of each repository."""
    for news in told.news:
        for change, items in (("came", news.came), ("went", news.went)):
            for item in items:
                yield {"change": change, **item_json(news.repository, item)}


def item_json(repository: str, item: Item) -> dict[str, Any]:
    """Return a feature or a finding that came or went as JSON has it."""
    told: dict[str, Any] = {
        "repository": repository,
        "key": item.key,
        "commit": commit_json(item.commit),
    }
    if item.told:
        rule, severity, _, message = item.told
        told |= {"fingerprint": item.id, "rule": rule, "severity": severity, "message": message}
    return told
