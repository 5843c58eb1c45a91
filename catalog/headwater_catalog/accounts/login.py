"""Logging in by name and password, slowed down where somebody guesses."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.accounts.events import LONGEST, count_events, note
from headwater_catalog.accounts.keys import open_session
from headwater_catalog.accounts.passwords import is_password
from headwater_catalog.errors import Forbidden
from headwater_catalog.storable import clean
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Account

__all__ = ["WINDOW", "TooManyFailures", "log_in", "require_password"]

WINDOW: Final = 900
"""Seconds that a failed login counts for."""

_FAILED: Final = "login failed"
_OF_BOTH, _OF_ADDRESS, _OF_NAME = 10, 50, 100
"""Failures within the window after which nobody may try: of a name from one address, from one address, and
of a name from anywhere. The last is so high that strangers cannot easily keep somebody out."""


class TooManyFailures(Forbidden):
    """Somebody has tried too often."""


def log_in(database: Database, name: str, password: str, browser: str, address: str, now: int) -> str:
    """Begin a session for who knows the password, and return its key.

    Args:
        database: The catalog database.
        name: The account's name, in any case.
        password: Its password.
        browser: What the browser says of itself.
        address: Where it is.
        now: When this happens, in seconds since 1970.

    Raises:
        Forbidden: There is no such account, or it has another password; the message does not tell which.
        TooManyFailures: It was tried too often; nothing is looked up then, and nothing noted.
    """
    name = require_password(database, name, password, address, now)
    with database.write() as session:
        account = session.scalars(select(Account).where(Account.name == name)).one()
        key = open_session(session, account, browser, address, now)
        note(session, "logged in", (name, address), name, now)
    return key


def require_password(database: Database, name: str, password: str, address: str, now: int) -> str:
    """Make sure that somebody knows the password of an account, and return its name as it is kept.

    Args:
        database: The catalog database.
        name: The account's name, in any case.
        password: Its password.
        address: Where somebody is.
        now: When this happens, in seconds since 1970.

    Raises:
        Forbidden: There is no such account, or it has another password; this is noted, and counts.
        TooManyFailures: It was tried too often.
    """
    name = clean(name.strip().lower())[:LONGEST]
    with database.read() as session:
        _require_patience(session, name, address, now)
        stored = session.scalar(
            select(Account.password).where(Account.name == name, Account.disabled_at.is_(None))
        )
    # Outside of any transaction, since hashing takes long.
    if is_password(password, stored):
        return name
    with database.write() as session:
        note(session, _FAILED, (name, address), name, now)
    raise Forbidden("The name or the password is not right.")


def _require_patience(session: Session, name: str, address: str, now: int) -> None:
    since = now - WINDOW
    if (
        count_events(session, _FAILED, since, actor=name, address=address) >= _OF_BOTH
        or count_events(session, _FAILED, since, address=address) >= _OF_ADDRESS
        or count_events(session, _FAILED, since, actor=name) >= _OF_NAME
    ):
        raise TooManyFailures("That was tried too often. Wait a quarter of an hour, then try again.")
