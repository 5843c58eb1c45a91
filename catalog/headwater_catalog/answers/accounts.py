"""Accounts, their tokens, and the log of what was done, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import instant_json

if TYPE_CHECKING:
    from headwater_catalog.accounts.event_chain import Verification
    from headwater_catalog.store.models import Account, ApiToken, Event, WebSession

__all__ = ["account_json", "event_json", "session_json", "token_json", "verification_json"]


def account_json(account: Account, names: Mapping[int, str]) -> dict[str, Any]:
    """Return an account with its roles.

    Args:
        account: The account.
        names: The names of repositories by their numbers.
    """
    roles = [
        {"repository": names.get(grant.repository_id or 0), "role": grant.role} for grant in account.grants
    ]
    return {"name": account.name, "disabled": account.disabled_at is not None, "roles": roles}


def token_json(token: ApiToken, names: Mapping[int, str]) -> dict[str, Any]:
    """Return what may be told of a token.

    Args:
        token: The token.
        names: The names of repositories by their numbers; of one that is gone none is told.
    """
    numbers = token.repositories
    return {
        "id": token.id,
        "name": token.name,
        "beginning": token.beginning,
        "role": token.role,
        "repositories": None if numbers is None else [names[each] for each in numbers if each in names],
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "seen_at": token.seen_at,
    }


def session_json(session: WebSession, *, is_this: bool) -> dict[str, Any]:
    """Return what may be told of a session; `is_this` says whether it is the one that asks."""
    return {
        "id": session.id,
        "browser": session.browser,
        "address": session.address,
        "created_at": instant_json(session.created_at),
        "seen_at": instant_json(session.seen_at),
        "this": is_this,
    }


def event_json(event: Event) -> dict[str, Any]:
    """Return an event of the log."""
    return {
        "id": event.id,
        "at": instant_json(event.at),
        "kind": event.kind,
        "actor": event.actor,
        "address": event.address,
        "subject": event.subject,
        "details": event.details,
        "hash": event.hash,
    }


def verification_json(found: Verification) -> dict[str, Any]:
    """Return what came of following the chain of the log."""
    return {
        "ok": found.is_whole,
        "events": found.events,
        "last": None if found.last is None else asdict(found.last),
        "faults": [asdict(fault) for fault in found.faults],
    }
