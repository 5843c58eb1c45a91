"""One's own account: who one is, the password, and the browsers that are logged in."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from headwater_catalog.accounts import keys
from headwater_catalog.accounts.login import require_password
from headwater_catalog.accounts.people import get_account, set_password
from headwater_catalog.answers.accounts import account_json, session_json
from headwater_catalog.errors import NotFound
from headwater_catalog.store.models import WebSession
from headwater_web.access import actor, asked, own_account, writing
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset, slice_answer
from headwater_web.api.resources import SESSION, Resource
from headwater_web.api.schemas.accounts import (
    AccountSchema,
    OwnPasswordSchema,
    SessionPageSchema,
    SessionSchema,
)
from headwater_web.api.schemas.fields import NoQuery, PageQuery
from headwater_web.reading import NUMBER, catalog, reading, repository_names

__all__ = ["resource"]

resource = Resource("account", "One's own account, for who is logged in by a browser.")


@resource.get("/account", AccountSchema, NoQuery, errors=(403, 404))
def show_own_account(_args: dict[str, Any]) -> Response:
    """Tell who one is, with one's roles."""
    own_account()
    return _shown()


@resource.send(
    *("PUT", "/account/password", 200, AccountSchema, OwnPasswordSchema),
    errors=(404, 409, 429),
    example={"old": "eight old kettles", "new": "nine new kettles"},
)
def set_own_password(body: dict[str, Any]) -> Response:
    """Set another password, which ends all of one's sessions, this one too."""
    own_account()
    name, address = asked()
    require_password(catalog().database, name, body["old"], address, g.now)
    with writing() as session:
        set_password(session, get_account(session, name), body["new"], asked(), g.now)
    return _shown()


@resource.get("/account/sessions", SessionPageSchema, PageQuery, errors=(403, 404))
def list_own_sessions(args: dict[str, Any]) -> Response:
    """List the browsers in which one is logged in, the last used first."""
    found = keys.list_sessions(reading(), own_account(), g.now)
    cursor = cursor_of(args)
    return slice_answer(args, cursor.moved(offset(cursor)), found, _json)


@resource.delete(f"/account/sessions/{NUMBER}", SessionSchema, (SESSION,))
def end_own_session(_args: dict[str, Any], number: int) -> Response:
    """End a session of one's own, in this browser or another."""
    sessions = keys.list_sessions(reading(), own_account(), g.now)
    found = next((each for each in sessions if each.id == number), None)
    if found is None:
        raise NotFound("This session has ended already.")
    told = _json(found)
    with writing() as session:
        keys.end_session(session, own_account(), number, asked(), g.now)
    return answer(told)


def _json(found: WebSession) -> dict[str, Any]:
    return session_json(found, is_this=found.id == getattr(g, "session_id", None))


def _shown() -> Response:
    names = repository_names()
    return answer(account_json(get_account(reading(), actor().name), names))
