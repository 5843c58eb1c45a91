"""Erasures: what holds something made from a column, what became of it, and the record."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from headwater_catalog.accounts import Role
from headwater_catalog.answers.erasures import item_json
from headwater_catalog.erasure.requests import Chosen, list_erasures, list_items
from headwater_catalog.errors import Conflict
from headwater_catalog.repositories import get_repository
from headwater_web import erasing
from headwater_web.access import require
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset
from headwater_web.api.resources import ERASURE, Resource
from headwater_web.api.schemas.erasures import (
    AskSchema,
    EraseSchema,
    ErasureItemPageSchema,
    ErasurePageSchema,
    ErasureSchema,
    ErasuresQuery,
    ItemsQuery,
    MarkedSchema,
    MarkSchema,
)
from headwater_web.api.schemas.fields import NoBodySchema, NoQuery
from headwater_web.reading import NUMBER, reading

__all__ = ["resource"]

resource = Resource("erasures", "What holds something made from a column, what became of it, and the record.")


@resource.get("/erasures", ErasurePageSchema, ErasuresQuery, errors=(403, 404))
def list_all_erasures(args: dict[str, Any]) -> Response:
    """List the erasures of repositories of which one is a steward, the latest first."""
    cursor, limit = cursor_of(args), args["limit"]
    numbers = erasing.stewarded()
    if "repo" in args:
        repository = get_repository(reading(), args["repo"])
        require(Role.STEWARD, repository)
        numbers = [repository.id]
    found = list_erasures(reading(), numbers, before=offset(cursor) or None, limit=limit + 1)
    following = cursor.moved(found[limit - 1].id) if len(found) > limit else None
    return page_answer(erasing.shown(found[:limit]), following)


@resource.send(
    *("POST", "/erasures", 202, ErasureSchema, AskSchema),
    errors=(404, 409),
    example={"repository": "demo", "columns": ["email"], "reference": "DSR-17"},
)
def ask_for_erasure(body: dict[str, Any]) -> Response:
    """Store an erasure, of which a worker makes the plan; for stewards. Nothing is erased."""
    number = erasing.ask_for(body["repository"], body["columns"], body.get("reference", ""))
    return _shown(number, 202)


@resource.get(f"/erasures/{NUMBER}", ErasureSchema, NoQuery, (ERASURE,), errors=(403, 404))
def show_erasure(_args: dict[str, Any], number: int) -> Response:
    """Show an erasure; for stewards."""
    return _shown(number)


def _shown(number: int, status: int = 200) -> Response:
    found = answer(erasing.shown([erasing.shown_erasure(number)])[0], status)
    if status != 200:
        found.headers["Location"] = url_for("api_erasures.show_erasure", number=number)
    return found


@resource.get(f"/erasures/{NUMBER}/items", ErasureItemPageSchema, ItemsQuery, (ERASURE,), errors=(403, 404))
def list_erasure_items(args: dict[str, Any], number: int) -> Response:
    """List what holds something made from the columns, with what became of it; for stewards."""
    erasing.shown_erasure(number)
    cursor, limit = cursor_of(args), args["limit"]
    chosen = Chosen(**{name: args.get(name, "") for name in ("kind", "standing", "state")})
    found = list_items(reading(), number, chosen, after=offset(cursor), limit=limit + 1)
    following = cursor.moved(found[limit - 1].id) if len(found) > limit else None
    return page_answer([item_json(item) for item in found[:limit]], following)


@resource.send(
    *("POST", f"/erasures/{NUMBER}/erase", 202, ErasureSchema, EraseSchema, (ERASURE,)),
    errors=(404, 409),
    example={"also": ["unknown"]},
)
def begin_one_erasure(body: dict[str, Any], number: int) -> Response:
    """Have Headwater erase what it holds itself; for administrators of all repositories it is about."""
    erasing.begin(number, body["also"])
    return _shown(number, 202)


@resource.send(
    *("POST", f"/erasures/{NUMBER}/marks", 200, MarkedSchema, MarkSchema, (ERASURE,)),
    errors=(404, 409),
    example={"kind": "file", "state": "kept", "note": "until the contract has ended"},
)
def mark_erasure_items(body: dict[str, Any], number: int) -> Response:
    """Say what became of items that are elsewhere, or why some stay; for stewards."""
    if not (body["items"] or body["kind"] or body["standing"]):
        erasing.shown_erasure(number)
        raise Conflict("Say which items: by their numbers, a kind or a standing.")
    state = "" if body["items"] or body["state"] == "open" else "open"
    chosen = Chosen(body["kind"], body["standing"], state, body["items"])
    return answer({"marked": erasing.mark(number, chosen, body["state"], body["note"])})


@resource.send(
    *("POST", f"/erasures/{NUMBER}/close", 200, ErasureSchema, NoBodySchema, (ERASURE,)), errors=(404, 409)
)
def close_one_erasure(_body: dict[str, Any], number: int) -> Response:
    """End an erasure of which nothing is open any more; for stewards."""
    erasing.close(number)
    return _shown(number)


@resource.send(
    *("POST", f"/erasures/{NUMBER}/withdraw", 200, ErasureSchema, NoBodySchema, (ERASURE,)), errors=(404, 409)
)
def withdraw_one_erasure(_body: dict[str, Any], number: int) -> Response:
    """Give up an erasure of which nothing is done yet; for stewards."""
    erasing.withdraw(number)
    return _shown(number)


@resource.download(f"/erasures/{NUMBER}/record", "application/json", (ERASURE,), errors=(403, 404, 409))
def show_erasure_record(_args: dict[str, Any], number: int) -> Response:
    """Give the record of an erasure; for stewards of all repositories it is about."""
    return answer(erasing.record(number, is_signed=False))


@resource.download(
    f"/erasures/{NUMBER}/record/signed", "application/json", (ERASURE,), errors=(403, 404, 409)
)
def show_signed_record(_args: dict[str, Any], number: int) -> Response:
    """Give the record of an erasure in an envelope that the key of manifests has signed; for stewards."""
    return answer(erasing.record(number, is_signed=True))
