"""Erasures asked for, begun, marked and closed, on pages and by the API alike: who may, and what they see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flask import g
from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.accounts import Role
from headwater_catalog.answers.erasures import erasure_json
from headwater_catalog.erasure import requests
from headwater_catalog.erasure.requests import Chosen, count_all_items, get_erasure
from headwater_catalog.erasure_records import record_of, signed_record
from headwater_catalog.errors import Forbidden
from headwater_catalog.repositories import get_repository, list_repositories
from headwater_catalog.store.models import Erasure, Repository
from headwater_web.access import actor, asked, require, writing
from headwater_web.reading import catalog, reading

__all__ = [
    "ask_for",
    "begin",
    "close",
    "mark",
    "may_change",
    "not_looked_at",
    "record",
    "shown",
    "shown_erasure",
    "stewarded",
    "withdraw",
]

_HIDDEN = "Some of it is in repositories that you may not see."


def stewarded() -> list[int]:
    """Return the numbers of the repositories of which who asks is a steward."""
    known = list_repositories(reading())
    return [each.id for each in known if actor().may(Role.STEWARD, each.id)]


def shown_erasure(number: int) -> Erasure:
    """Return an erasure that who asks may see.

    Raises:
        NotFound: There is none that they may know of.
        Forbidden: They are no steward of its repository.
    """
    erasure = get_erasure(reading(), number)
    require(Role.STEWARD, erasure.repository)
    return erasure


def shown(erasures: Sequence[Erasure]) -> list[dict[str, Any]]:
    """Return erasures as JSON has them, without what is in repositories that who asks may not see."""
    counts = count_all_items(reading(), [each.id for each in erasures])
    visible = {each.name for each in list_repositories(reading())}
    hidden = _hidden(erasures, visible)
    found = []
    for each in erasures:
        told = erasure_json(each, counts[each.id])
        told["counts_as"] = {name: names for name, names in each.counts_as.items() if name in visible}
        told["not_looked_at"] = [_HIDDEN] if not hidden.isdisjoint(each.counts_as) else each.unknown
        found.append(told)
    return found


def not_looked_at(erasure: Erasure) -> list[str]:
    """Return what could not be looked at for an erasure, as far as who asks may know."""
    visible = {each.name for each in list_repositories(reading())}
    return [_HIDDEN] if _hidden([erasure], visible) else erasure.unknown


def _hidden(erasures: Iterable[Erasure], visible: Collection[str]) -> set[str]:
    """Return the repositories that erasures are about and that who asks may not see; what is gone is none."""
    names = {name for each in erasures for name in each.counts_as if name not in visible}
    if not names:
        return names
    with catalog().database.read() as session:  # one that finds all
        return set(session.scalars(select(Repository.name).where(Repository.name.in_(names))))


def may_change(erasure: Erasure, role: Role) -> bool:
    """Tell whether who asks has a role in all repositories that an erasure is about, and that are there."""
    numbers = {each.name: each.id for each in list_repositories(reading())}
    names = {erasure.repository.name, *erasure.counts_as}
    return not _hidden([erasure], numbers) and all(
        actor().may(role, numbers[name]) for name in names if name in numbers
    )


def ask_for(repo: str, columns: Sequence[str], reference: str) -> int:
    """Store an erasure and queue its planning, and return its number; for stewards.

    Raises:
        NotFound: There is no such repository, or never was such a column.
        Forbidden: Who asks is no steward.
        Conflict: The reference is none.
    """
    with writing() as session:
        repository = get_repository(session, repo)
        require(Role.STEWARD, repository)
        found = requests.request_erasure(
            session, catalog().settings, repository, columns, reference, asked(), g.now
        )
        return found.id


def begin(number: int, standings: Collection[str]) -> None:
    """Have Headwater erase what it holds itself; for administrators of all that it is about.

    Raises:
        NotFound: There is no such erasure.
        Forbidden: Who asks may not.
        Conflict: It is not planned yet, goes on already, or is over.
    """
    with _changing(number, Role.ADMINISTRATOR) as session:
        requests.begin_erasure(session, number, standings, asked(), g.now)


def mark(number: int, chosen: Chosen, state: str, why: str) -> int:
    """Say of items what became of them, and return of how many; for stewards of all that it is about."""
    with _changing(number, Role.STEWARD) as session:
        return requests.mark_items(session, number, chosen, state, why, asked(), g.now)


def close(number: int) -> None:
    """End an erasure; for stewards of all that it is about."""
    with _changing(number, Role.STEWARD) as session:
        requests.close_erasure(session, number, asked(), g.now)


def withdraw(number: int) -> None:
    """Give up an erasure; for stewards of all that it is about."""
    with _changing(number, Role.STEWARD) as session:
        requests.withdraw_erasure(session, number, asked(), g.now)


def record(number: int, *, is_signed: bool) -> dict[str, Any]:
    """Return the record of an erasure; for stewards of all that it is about."""
    _require_all(shown_erasure(number), Role.STEWARD)
    if is_signed:
        return signed_record(reading(), catalog().settings, number)
    return record_of(reading(), number)


@contextmanager
def _changing(number: int, role: Role) -> Iterator[Session]:
    """Open a write transaction for somebody who has a role in all that an erasure is about."""
    _require_all(shown_erasure(number), role)
    with writing() as session:
        yield session


def _require_all(erasure: Erasure, role: Role) -> None:
    if not may_change(erasure, role):
        raise Forbidden(
            f"This needs the role {role.label} in every repository that the erasure is about: in "
            f"'{erasure.repository.name}', and in those that draw from it. Ask an administrator."
        )
