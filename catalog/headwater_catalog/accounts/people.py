"""The accounts: who may log in, and their roles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from headwater_catalog.accounts.actor import Actor, Role
from headwater_catalog.accounts.events import Asked, note
from headwater_catalog.accounts.keys import end_all
from headwater_catalog.accounts.passwords import hash_password
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.store.models import Account, Grant, Repository

__all__ = [
    "actor_of",
    "count_accounts",
    "create_account",
    "get_account",
    "list_accounts",
    "set_disabled",
    "set_password",
    "set_role",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


def create_account(session: Session, name: str, password: str | None, asked: Asked, now: int) -> Account:
    """Make an account that may do nothing yet; without a password nobody logs in to it by one.

    Raises:
        Conflict: The name is taken or cannot be one, or the password is too weak.
    """
    if not _NAME.fullmatch(name):
        raise Conflict(
            f"{name!r:.120} cannot name an account. Use up to 100 small letters, digits and '.', '_', '@', "
            "'+' or '-', beginning with a letter or a digit; an e-mail address will do."
        )
    if session.scalar(select(Account.id).where(Account.name == name)) is not None:
        raise Conflict(f"There is an account '{name}' already. Choose another name.")
    hashed = "" if password is None else hash_password(password, name)
    account = Account(name=name, password=hashed, created_at=now)
    session.add(account)
    session.flush()
    note(session, "account created", asked, name, now)
    return account


def count_accounts(session: Session) -> int:
    """Count the accounts."""
    return session.scalar(select(func.count(Account.id))) or 0


def list_accounts(session: Session) -> Sequence[Account]:
    """Return all accounts with their roles, by name."""
    return session.scalars(select(Account).options(selectinload(Account.grants)).order_by(Account.name)).all()


def get_account(session: Session, name: str) -> Account:
    """Return the account of a name.

    Raises:
        NotFound: There is none.
    """
    found = session.scalar(select(Account).where(Account.name == name))
    if found is None:
        raise NotFound(f"There is no account '{name:.100}'.")
    return found


def actor_of(account: Account) -> Actor:
    """Return who acts where this account is logged in."""
    roles = {grant.repository_id: Role.named(grant.role) for grant in account.grants}
    here = {number: role for number, role in roles.items() if number is not None}
    return Actor(account.name, roles.get(None), here, account.id)


def set_role(
    session: Session,
    account: Account,
    role: Role | None,
    repository: Repository | None,
    asked: Asked,
    now: int,
) -> None:
    """Give an account a role in a repository, or everywhere, in place of the one that it has there.

    Args:
        session: An open write transaction.
        account: The account.
        role: The role; None takes it away.
        repository: Where; None means everywhere.
        asked: Who does this, and from where.
        now: When, in seconds since 1970.

    Raises:
        Conflict: Nobody would be left to manage accounts.
    """
    number = None if repository is None else repository.id
    administrators = _count_administrators(session)
    known = next((grant for grant in account.grants if grant.repository_id == number), None)
    if role is None and known is not None:
        account.grants.remove(known)
    elif role is not None and known is not None:
        known.role = role.label
    elif role is not None:
        account.grants.append(Grant(repository_id=number, role=role.label))
    session.flush()
    _require_one_left(session, administrators)
    where = "everywhere" if repository is None else repository.name
    note(session, "role set", asked, account.name, now, role=role.label if role else None, where=where)


def set_password(session: Session, account: Account, password: str, asked: Asked, now: int) -> None:
    """Give an account a new password, which ends its sessions and tokens.

    Raises:
        Conflict: The password is too weak.
    """
    account.password = hash_password(password, account.name)
    end_all(session, account)
    note(session, "password set", asked, account.name, now)


def set_disabled(session: Session, account: Account, disabled: bool, asked: Asked, now: int) -> None:
    """Let an account log in no more, which also ends its sessions and tokens; or again.

    Raises:
        Conflict: Nobody would be left to manage accounts.
    """
    administrators = _count_administrators(session)
    account.disabled_at = now if disabled else None
    session.flush()
    _require_one_left(session, administrators)
    if disabled:
        end_all(session, account)
    note(session, "account disabled" if disabled else "account enabled", asked, account.name, now)


def _count_administrators(session: Session) -> int:
    wanted = (
        select(func.count(Account.id))
        .join(Grant)
        .where(
            Account.disabled_at.is_(None),
            Grant.repository_id.is_(None),
            Grant.role == Role.ADMINISTRATOR.label,
        )
    )
    return session.scalar(wanted) or 0


def _require_one_left(session: Session, before: int) -> None:
    if before and not _count_administrators(session):
        raise Conflict(
            "Nobody would be left to manage accounts. Make somebody else an administrator everywhere first."
        )
