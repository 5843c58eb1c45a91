"""What shows who somebody is once they have logged in: sessions of browsers, and tokens of programs.

Both are random keys. The store has their hashes only, so that who reads it cannot log in by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from secrets import token_urlsafe
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from headwater_catalog.accounts.actor import Role
from headwater_catalog.accounts.events import Asked, note
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.storable import clean
from headwater_catalog.store.models import Account, ApiToken, WebSession

__all__ = [
    "LONGEST",
    "MOST_DAYS",
    "SEEN_EVERY",
    "create_token",
    "end_all",
    "end_session",
    "end_sessions",
    "find_session",
    "find_token",
    "list_sessions",
    "list_tokens",
    "open_session",
    "revoke_token",
]

_IDLE: Final = 12 * 3600  # seconds after which a session that nobody uses has ended
LONGEST: Final = 14 * 86_400
"""Seconds after which any session has ended."""
SEEN_EVERY: Final = 300
"""Seconds after which the last use of a session or a token is written down again."""

MOST_DAYS: Final = 366
"""How long a token may be good."""
_PREFIX: Final = "hw_"  # by which people, and programs that look for lost secrets, know it
_SHOWN: Final = 9
_LONGEST_TEXT: Final = 300


def open_session(session: Session, account: Account, browser: str, address: str, now: int) -> str:
    """Begin a session, and return its key."""
    key = token_urlsafe(32)
    session.add(
        WebSession(
            account_id=account.id,
            key_hash=_hash(key),
            created_at=now,
            seen_at=now,
            browser=clean(browser)[:_LONGEST_TEXT],
            address=address,
        )
    )
    _forget_old(session, now)
    return key


def find_session(session: Session, key: str, now: int) -> WebSession | None:
    """Return the session of a key with its account and roles, unless it has ended."""
    wanted = (
        select(WebSession)
        .join(WebSession.account)
        .options(joinedload(WebSession.account).selectinload(Account.grants))
        .where(
            WebSession.key_hash == _hash(key),
            WebSession.created_at > now - LONGEST,
            WebSession.seen_at > now - _IDLE,
            Account.disabled_at.is_(None),
        )
    )
    return session.scalar(wanted)


def list_sessions(session: Session, account_id: int, now: int) -> Sequence[WebSession]:
    """Return the sessions of an account that have not ended, the last used first."""
    wanted = select(WebSession).where(
        WebSession.account_id == account_id,
        WebSession.created_at > now - LONGEST,
        WebSession.seen_at > now - _IDLE,
    )
    return session.scalars(wanted.order_by(WebSession.seen_at.desc(), WebSession.id)).all()


def end_session(session: Session, account_id: int, number: int, asked: Asked, now: int) -> None:
    """End a session of an account.

    Raises:
        NotFound: It has none of this number.
    """
    ended = session.execute(
        delete(WebSession).where(WebSession.id == number, WebSession.account_id == account_id)
    )
    if not ended.rowcount:  # type: ignore[attr-defined]
        raise NotFound("This session has ended already.")
    note(session, "session ended", asked, asked[0], now)


def end_sessions(session: Session, account: Account) -> None:
    """End all sessions of an account."""
    session.execute(delete(WebSession).where(WebSession.account_id == account.id))


def end_all(session: Session, account: Account) -> None:
    """End all sessions and tokens of an account."""
    end_sessions(session, account)
    session.execute(delete(ApiToken).where(ApiToken.account_id == account.id))


def create_token(
    session: Session,
    account_id: int,
    name: str,
    role: Role,
    repositories: Collection[int] | None,
    days: int,
    asked: Asked,
    now: int,
) -> str:
    """Make a token, and return it: it cannot be shown again.

    Args:
        session: An open write transaction.
        account_id: Whose it is.
        name: What it is for.
        role: The highest role that it lends.
        repositories: The numbers of those that it is good for; None means all that its account may see.
        days: How long it is good.
        asked: Who does this, and from where.
        now: When, in seconds since 1970.

    Raises:
        Conflict: It has no name, or would be good for too long.
    """
    name = clean(" ".join(name.split()))
    if not 0 < len(name) <= 100:
        raise Conflict("Say in up to 100 characters what the token is for, to know it again later.")
    if not 1 <= days <= MOST_DAYS:
        raise Conflict(f"A token is good for 1 to {MOST_DAYS} days, not for {days}.")
    token = _PREFIX + token_urlsafe(32)
    session.add(
        ApiToken(
            account_id=account_id,
            name=name,
            beginning=token[:_SHOWN],
            key_hash=_hash(token),
            role=role.label,
            repositories=None if repositories is None else sorted(repositories),
            created_at=now,
            expires_at=now + days * 86_400,
        )
    )
    note(session, "token created", asked, f"{name} ({token[:_SHOWN]}…)", now, role=role.label, days=days)
    return token


def find_token(session: Session, token: str, now: int) -> ApiToken | None:
    """Return a token with its account and roles, if it is good."""
    wanted = (
        select(ApiToken)
        .join(ApiToken.account)
        .options(joinedload(ApiToken.account).selectinload(Account.grants))
        .where(
            ApiToken.key_hash == _hash(token),
            ApiToken.expires_at > now,
            Account.disabled_at.is_(None),
        )
    )
    return session.scalar(wanted)


def list_tokens(session: Session, account_id: int) -> Sequence[ApiToken]:
    """Return the tokens of an account, also those that are good no more, the newest first."""
    return session.scalars(
        select(ApiToken).where(ApiToken.account_id == account_id).order_by(ApiToken.id.desc())
    ).all()


def revoke_token(session: Session, account_id: int, number: int, asked: Asked, now: int) -> None:
    """Take a token of an account away.

    Raises:
        NotFound: It has none of this number.
    """
    token = session.scalar(select(ApiToken).where(ApiToken.id == number, ApiToken.account_id == account_id))
    if token is None:
        raise NotFound("There is no such token any more.")
    note(session, "token revoked", asked, f"{token.name} ({token.beginning}…)", now)
    session.delete(token)


def _hash(key: str) -> str:
    # The keys are random and long: nothing has to make guessing slow.
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _forget_old(session: Session, now: int) -> None:
    ended = (WebSession.created_at <= now - LONGEST) | (WebSession.seen_at <= now - _IDLE)
    session.execute(delete(WebSession).where(ended), execution_options={"synchronize_session": False})
