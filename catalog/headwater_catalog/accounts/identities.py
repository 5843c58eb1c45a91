"""Logging in as who a provider of OpenID Connect says somebody is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.accounts.actor import Role
from headwater_catalog.accounts.events import note
from headwater_catalog.accounts.keys import open_session
from headwater_catalog.accounts.people import actor_of, count_accounts, create_account, set_role
from headwater_catalog.errors import Forbidden
from headwater_catalog.oidc_settings import OidcSettings
from headwater_catalog.storable import clean
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Account, Identity

__all__ = ["log_in_as"]

_NAMES: Final = ("preferred_username", "email", "sub")
_LONGEST: Final = 90  # of a name that may get a number after it


def log_in_as(
    database: Database, oidc: OidcSettings, claims: Mapping[str, Any], browser: str, address: str, now: int
) -> str:
    """Begin a session for somebody, and return its key; the first time, make an account for them.

    Who they are is their subject alone. That a name or an e-mail address is the same as another account's
    proves nothing, since many providers let people choose these.

    Args:
        database: The catalog database.
        oidc: The settings.
        claims: What the provider says of them, verified.
        browser: What the browser says of itself.
        address: Where it is.
        now: When this happens, in seconds since 1970.

    Raises:
        Forbidden: They lack what is required, or may log in no more, or nobody manages accounts yet.
        Conflict: The role of their groups would leave nobody to manage accounts.
    """
    if oidc.required is not None and oidc.required[1] not in _texts(claims.get(oidc.required[0])):
        raise Forbidden(
            "The login service knows you, but not as somebody who may use this catalog. Ask whoever looks "
            "after it."
        )
    with database.write() as session:
        account = _account(session, oidc.issuer, claims, address, now)
        if account.disabled_at is not None:
            raise Forbidden(f"The account '{account.name}' may log in no more. Ask an administrator.")
        if oidc.roles:
            _follow_groups(session, oidc, account, claims, now)
        if count_accounts(session) == 1 and not actor_of(account).is_administrator:
            # Whoever makes the first administrator by the code of the server needs that there is nobody yet.
            raise Forbidden("There is no administrator here yet. Whoever has started the server makes one.")
        key = open_session(session, account, browser, address, now)
        note(session, "logged in", (account.name, address), account.name, now, by=oidc.issuer)
        return key


def _account(session: Session, issuer: str, claims: Mapping[str, Any], address: str, now: int) -> Account:
    subject = clean(str(claims["sub"]))
    wanted = select(Identity).where(Identity.issuer == issuer, Identity.subject == subject)
    known = session.scalar(wanted)
    if known is not None:
        return known.account
    name = next(name for name in _free_names(claims) if not _is_taken(session, name))
    account = create_account(session, name, None, (name, address), now)
    session.add(Identity(account_id=account.id, issuer=issuer, subject=subject, created_at=now))
    return account


def _free_names(claims: Mapping[str, Any]) -> Iterator[str]:
    """Yield names that somebody's account could have, the nearest to their own first."""
    said = (re.sub(r"[^a-z0-9._@+-]+", "-", str(claims.get(name) or "").lower()) for name in _NAMES)
    own = next((name for each in said if (name := each.lstrip("._@+-")[:_LONGEST])), "somebody")
    yield own
    yield from (f"{own}-{number}" for number in count(2))


def _is_taken(session: Session, name: str) -> bool:
    return session.scalar(select(Account.id).where(Account.name == name)) is not None


def _follow_groups(
    session: Session, oidc: OidcSettings, account: Account, claims: Mapping[str, Any], now: int
) -> None:
    """Give an account the highest role everywhere that its groups have, or none."""
    groups = _texts(claims.get(oidc.groups))
    theirs = (Role.named(oidc.roles[group]) for group in groups if group in oidc.roles)
    role: Role | None = max(theirs, default=None)
    known = next((grant.role for grant in account.grants if grant.repository_id is None), None)
    if known != (role.label if role is not None else None):
        set_role(session, account, role, None, (oidc.issuer, ""), now)


def _texts(value: Any) -> list[str]:
    """Return the texts of a claim, which is one or a list of them."""
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
