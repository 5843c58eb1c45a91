"""How subscriptions stand: what they find now, what they told lately, and how that was delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog.errors import NotFound
from headwater_catalog.store.models import (
    Delivery,
    Repository,
    Subscription,
    Telling,
    WatchResult,
)
from headwater_catalog.subscriptions.lookup import channels_of, pace_of
from headwater_catalog.subscriptions.messages import CHANGED
from headwater_catalog.subscriptions.news import RepositoryNews, counts_of, news_of, news_of_all
from headwater_catalog.subscriptions.telling import EMAIL
from headwater_catalog.subscriptions.watched import Watched

__all__ = ["Standing", "Told", "get_telling", "standings_of", "told_by"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands, as far as a session sees it.

    Attributes:
        subscription: The subscription.
        watched: What it looks at.
        finds: How many it found when that was last looked at.
        channels: By what it tells.
        problem: Why it tells less than it should; empty where it does not.
        failed: What came of the last attempt at what could not be delivered; empty where all could.
    """

    subscription: Subscription
    watched: Watched
    finds: int
    channels: tuple[str, ...]
    problem: str
    failed: str

    @property
    def pace(self) -> str:
        """Return how often it tells at most."""
        return pace_of(self.subscription)

    @property
    def state(self) -> str:
        """Say in a word how it is."""
        if self.subscription.paused_at is not None:
            return "paused"
        return "in trouble" if self.problem or self.failed else "follows"


@dataclass(frozen=True, slots=True)
class Told:
    """What a subscription told once.

    Attributes:
        telling: The telling.
        news: What it tells, as far as a session sees it.
        deliveries: How it is delivered.
    """

    telling: Telling
    news: Sequence[RepositoryNews]
    deliveries: Sequence[Delivery]

    @property
    def counts(self) -> tuple[int, int]:
        """How many came, and how many went."""
        return counts_of(self.news)


def standings_of(session: Session, subscriptions: Sequence[Subscription]) -> list[Standing]:
    """Return how subscriptions stand.

    Args:
        session: A session that finds what their owner may see.
        subscriptions: All of one owner.
    """
    names = set(session.scalars(select(Repository.name)))
    results: dict[int, list[tuple[int, str]]] = defaultdict(list)
    wanted = select(WatchResult.watch_id, WatchResult.size, WatchResult.problem)
    watches = {each.watch_id for each in subscriptions}
    for number, size, problem in session.execute(wanted.where(WatchResult.watch_id.in_(watches))):
        results[number].append((size, problem))
    failed = _failed(session, subscriptions)
    found = []
    for each in subscriptions:
        watched, known = Watched.of(each.watch), results[each.watch_id]
        problem = _problem(each, watched, names, [problem for _, problem in known])
        finds = sum(size for size, _ in known)
        channels = channels_of(each.email, each.webhook, feed=each.feed_hash is not None)
        fault = failed.get(each.id, "")
        found.append(Standing(each, watched, finds, channels, problem, fault))
    return found


def _problem(subscription: Subscription, watched: Watched, names: set[str], problems: Sequence[str]) -> str:
    if watched.repository and watched.repository not in names:
        return f"You may not see a repository '{watched.repository}', or it is gone: nothing of it is told."
    if not names:
        return "You may see no repository, so that nothing is told."
    if subscription.email and subscription.email_confirmed_at is None:
        return f"{subscription.email} has not agreed yet: the mail that asks has a link."
    # What one repository does not have, another may.
    return problems[0] if problems and all(problems) else ""


def _failed(session: Session, subscriptions: Iterable[Subscription]) -> dict[int, str]:
    """Return what went wrong with the last telling of each, by each channel that it has, where that is so."""
    known = {each.id: each for each in subscriptions}
    newest = (
        select(func.max(Delivery.id))
        .join(Telling, Telling.id == Delivery.telling_id)
        .where(Telling.subscription_id.in_(known), Delivery.state.in_(("delivered", "failed", "waiting")))
        .group_by(Telling.subscription_id, Delivery.channel)
    )
    rows = session.execute(
        select(Telling.subscription_id, Delivery)
        .join(Telling, Telling.id == Delivery.telling_id)
        .where(Delivery.id.in_(newest), Delivery.state != "delivered")
    )
    found = {}
    for number, row in rows:
        has_it = known[number].email if row.channel == EMAIL else known[number].webhook
        if row.log and has_it:
            found[number] = f"{row.channel}: {row.log[-1][1]}"
    return found


def told_by(session: Session, subscription: Subscription, *, limit: int = 20, offset: int = 0) -> list[Told]:
    """Return what a subscription told, the latest first.

    Args:
        session: A session that finds what its owner may see.
        subscription: The subscription.
        limit: How much at most.
        offset: How much to leave out first.
    """
    wanted = select(Telling).where(Telling.subscription_id == subscription.id).order_by(Telling.id.desc())
    tellings = session.scalars(wanted.limit(limit).offset(offset)).all()
    ways = _deliveries(session, [each.id for each in tellings])
    news = news_of_all(session, subscription.watch_id, [each for each in tellings if each.kind == CHANGED])
    return [Told(each, news.get(each.id, ()), ways.get(each.id, ())) for each in tellings]


def get_telling(session: Session, subscription: Subscription, number: int) -> Told:
    """Return what a subscription told once.

    Raises:
        NotFound: It told nothing under this number, or that is forgotten.
    """
    found = session.get(Telling, number)
    if found is None or found.subscription_id != subscription.id:
        raise NotFound(f"Subscription {subscription.id} told nothing under the number {number} that is kept.")
    news = news_of(session, found) if found.kind == CHANGED else ()
    return Told(found, news, _deliveries(session, [number])[number])


def _deliveries(session: Session, numbers: Sequence[int]) -> dict[int, list[Delivery]]:
    found: dict[int, list[Delivery]] = defaultdict(list)
    wanted = select(Delivery).where(Delivery.telling_id.in_(numbers)).order_by(Delivery.id)
    for each in session.scalars(wanted):
        found[each.telling_id].append(each)
    return found
