"""What the REST API answers about subscriptions."""

from __future__ import annotations

from typing import Any, TypedDict

from headwater_catalog.client.answers import Commit

__all__ = ["ShownSubscription", "Subscription", "Told", "ToldItem"]


class Subscription(TypedDict):
    """A saved query, and by what it tells when its result changes."""

    id: int
    name: str
    about: str
    asked: dict[str, str]
    path: str
    every: str
    email: str | None
    email_agreed: bool
    webhook: str | None
    feed: bool
    state: str
    paused_for: str
    problem: str
    failed: str
    finds: int
    made_at: str
    told_at: str | None


class ShownSubscription(Subscription):
    """A subscription that was just made or changed, with the secrets that are new."""

    webhook_secret: str | None
    feed_url: str | None


class Told(TypedDict):
    """That a subscription told of changes, and how that was delivered."""

    id: int
    key: str
    kind: str
    at: str
    came: int
    went: int
    deliveries: list[dict[str, Any]]


class _Item(TypedDict, total=False):
    fingerprint: str
    rule: str
    severity: str
    message: str


class ToldItem(_Item):
    """A feature or a finding that came or went."""

    change: str
    repository: str
    key: str
    commit: Commit | None
