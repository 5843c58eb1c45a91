"""One's own tokens, by which programs ask."""

from __future__ import annotations

from typing import Any

from flask import Response, g, url_for

from headwater_catalog.accounts import Role, keys
from headwater_catalog.answers.accounts import token_json
from headwater_catalog.errors import NotFound
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.models import ApiToken
from headwater_web.access import asked, own_account, writing
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset
from headwater_web.api.resources import TOKEN, Resource
from headwater_web.api.schemas.accounts import (
    NewTokenSchema,
    ShownTokenSchema,
    TokenPageSchema,
    TokenSchema,
)
from headwater_web.api.schemas.fields import NoQuery, PageQuery
from headwater_web.reading import NUMBER, reading, repository_names

__all__ = ["resource"]

resource = Resource("tokens", "One's own tokens, by which programs ask.")


@resource.get("/tokens", TokenPageSchema, PageQuery, errors=(403, 404))
def list_own_tokens(args: dict[str, Any]) -> Response:
    """List one's tokens, the newest first."""
    number, cursor, limit = own_account(), cursor_of(args), args["limit"]
    before, names = offset(cursor) or None, repository_names()
    rest = [each for each in keys.list_tokens(reading(), number) if before is None or each.id < before]
    following = cursor.moved(rest[limit - 1].id) if len(rest) > limit else None
    return page_answer([token_json(token, names) for token in rest[:limit]], following)


@resource.get(f"/tokens/{NUMBER}", TokenSchema, NoQuery, (TOKEN,), errors=(403, 404))
def show_token(_args: dict[str, Any], number: int) -> Response:
    """Show what may be told of one of one's tokens."""
    return answer(token_json(_own(number), repository_names()))


@resource.send(
    *("POST", "/tokens", 201, ShownTokenSchema, NewTokenSchema),
    errors=(404, 409),
    example={"name": "nightly report", "role": "viewer", "days": 30},
)
def create_token(body: dict[str, Any]) -> Response:
    """Make a token, which is shown this once; for who is logged in by a browser."""
    account = own_account()
    with writing() as session:
        named = body["repositories"]
        numbers = None if named is None else [get_repository(session, name).id for name in named]
        role, days = Role.named(body["role"]), body["days"]
        token = keys.create_token(session, account, body["name"], role, numbers, days, asked(), g.now)
    made = keys.find_token(reading(), token, g.now)
    assert made is not None  # it was made just now
    found = answer({**token_json(made, repository_names()), "token": token}, 201)
    found.headers["Location"] = url_for("api_tokens.show_token", number=made.id)
    return found


@resource.delete(f"/tokens/{NUMBER}", TokenSchema, (TOKEN,))
def revoke_token(_args: dict[str, Any], number: int) -> Response:
    """Take one of one's tokens away."""
    told = token_json(_own(number), repository_names())
    with writing() as session:
        keys.revoke_token(session, own_account(), number, asked(), g.now)
    return answer(told)


def _own(number: int) -> ApiToken:
    tokens = keys.list_tokens(reading(), own_account())
    found = next((token for token in tokens if token.id == number), None)
    if found is None:
        raise NotFound("There is no such token any more.")
    return found
