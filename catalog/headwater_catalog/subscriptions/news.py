"""What a telling says: looked up whenever it is told, so that it is what its reader may see then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.accounts import Actor, Role, restrict
from headwater_catalog.accounts.people import actor_of
from headwater_catalog.store.models import Repository, ResultChange, Subscription, Telling
from headwater_catalog.subscriptions.changes import Item, unpack_change

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["RepositoryNews", "counts_of", "news_between", "news_of", "news_of_all", "owner_of", "seeing"]


@dataclass(frozen=True, slots=True)
class RepositoryNews:
    """What came to a result in one repository, and what went.

    Attributes:
        repository: Its name.
        before: The commit after which it happened; None where nobody knows it.
        after: The scanned commit by which it had.
        came: What came.
        went: What went.
    """

    repository: str
    before: str | None
    after: str | None
    came: tuple[Item, ...]
    went: tuple[Item, ...]


def owner_of(settings: Settings, subscription: Subscription) -> Actor | None:
    """Return whose a subscription is, with the roles of now; None where nobody may be told.

    Without accounts it is whoever uses the machine. What was made so is nobody's once there are accounts.
    """
    account = subscription.account
    if account is not None:
        return actor_of(account) if account.disabled_at is None else None
    return Actor("", Role.ADMINISTRATOR) if settings.auth == "single" else None


@contextmanager
def seeing(database: Database, owner: Actor) -> Iterator[Session]:
    """Open a session that finds what somebody may see."""
    with database.read() as session:
        restrict(session, owner.visible)
        yield session


def news_of(session: Session, telling: Telling) -> tuple[RepositoryNews, ...]:
    """Return what a telling tells, as far as a session sees it."""
    return news_between(session, telling.subscription.watch_id, telling.after_id, telling.until_id)


def news_of_all(
    session: Session, watch_id: int, tellings: Sequence[Telling]
) -> dict[int, tuple[RepositoryNews, ...]]:
    """Return what each of some tellings about a query tells, by their numbers."""
    if not tellings:
        return {}
    first, last = min(each.after_id for each in tellings), max(each.until_id for each in tellings)
    rows = _changes(session, watch_id, first, last)
    return {
        each.id: _folded(row for row in rows if each.after_id < row[0].id <= each.until_id)
        for each in tellings
    }


def news_between(session: Session, watch_id: int, after_id: int, until_id: int) -> tuple[RepositoryNews, ...]:
    """Return what changed of a result, without what came and went again.

    Args:
        session: A session that finds what the reader may see.
        watch_id: The query.
        after_id: Only changes of higher numbers than this.
        until_id: The number of the last one.
    """
    return _folded(_changes(session, watch_id, after_id, until_id))


_Row = tuple[ResultChange, str]
"""A change, and the name of its repository."""


def _changes(session: Session, watch_id: int, after_id: int, until_id: int) -> list[_Row]:
    rows = session.execute(
        select(ResultChange, Repository.name)
        .join(Repository, Repository.id == ResultChange.repository_id)
        .where(ResultChange.watch_id == watch_id, ResultChange.id > after_id, ResultChange.id <= until_id)
        .order_by(ResultChange.id)
    )
    return [(change, name) for change, name in rows]


def _folded(rows: Iterable[_Row]) -> tuple[RepositoryNews, ...]:
    folded: dict[str, _Folded] = {}
    for change, name in rows:
        folded.setdefault(name, _Folded(change.before)).add(change)
    return tuple(each.news(name) for name, each in sorted(folded.items()) if each.came or each.went)


@dataclass(slots=True)
class _Folded:
    """Changes of one result after each other, as one."""

    before: str | None
    after: str | None = None
    came: dict[str, Item] = field(default_factory=dict)
    went: dict[str, Item] = field(default_factory=dict)

    def add(self, row: ResultChange) -> None:
        change = unpack_change(row.content)
        self.after = row.after
        for items, here, there in ((change.came, self.came, self.went), (change.went, self.went, self.came)):
            for item in items:
                if there.pop(item.id, None) is None:
                    here[item.id] = item

    def news(self, name: str) -> RepositoryNews:
        came, went = (_in_order(items) for items in (self.came, self.went))
        return RepositoryNews(name, self.before, self.after, came, went)


def _in_order(items: Mapping[str, Item]) -> tuple[Item, ...]:
    return tuple(sorted(items.values(), key=lambda item: (item.key, item.id)))


def counts_of(news: Iterable[RepositoryNews]) -> tuple[int, int]:
    """Return how many came, and how many went."""
    told = [(len(each.came), len(each.went)) for each in news]
    return sum(came for came, _ in told), sum(went for _, went in told)
