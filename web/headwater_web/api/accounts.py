"""Accounts and their roles, for administrators who are logged in."""

from __future__ import annotations

from typing import Any

from flask import Response, g, url_for

from headwater_catalog.accounts import Role, people
from headwater_catalog.answers.accounts import account_json
from headwater_catalog.repositories import get_repository
from headwater_web.access import asked, require_account_manager, writing
from headwater_web.api.answering import answer
from headwater_web.api.listing import named_answer
from headwater_web.api.resources import ACCOUNT, Resource
from headwater_web.api.schemas.accounts import (
    AccountChangeSchema,
    AccountPageSchema,
    AccountSchema,
    GrantChangeSchema,
    NewAccountSchema,
)
from headwater_web.api.schemas.fields import NoQuery, PageQuery
from headwater_web.reading import reading, repository_names

__all__ = ["resource"]

resource = Resource("accounts", "Who may log in, and what they may do.")


@resource.get("/accounts", AccountPageSchema, PageQuery, errors=(403, 404))
def list_all_accounts(args: dict[str, Any]) -> Response:
    """List the accounts with their roles."""
    require_account_manager()
    names = repository_names()
    accounts = people.list_accounts(reading())
    return named_answer(args, accounts, lambda each: each.name, lambda each: account_json(each, names))


@resource.get("/accounts/<account>", AccountSchema, NoQuery, (ACCOUNT,), errors=(403, 404))
def show_account(_args: dict[str, Any], account: str) -> Response:
    """Show an account with its roles."""
    require_account_manager()
    return _shown(account)


@resource.send(
    *("POST", "/accounts", 201, AccountSchema, NewAccountSchema),
    errors=(404, 409),
    example={"name": "bo@shop.example", "password": "eight other kettles", "role": "viewer"},
)
def create_account(body: dict[str, Any]) -> Response:
    """Make an account, with a role everywhere or none yet."""
    require_account_manager()
    name = body["name"].strip().lower()
    with writing() as session:
        account = people.create_account(session, name, body["password"], asked(), g.now)
        if body["role"] is not None:
            people.set_role(session, account, Role.named(body["role"]), None, asked(), g.now)
    made = _shown(name, 201)
    made.headers["Location"] = url_for("api_accounts.show_account", account=name)
    return made


@resource.send(
    *("PATCH", "/accounts/<account>", 200, AccountSchema, AccountChangeSchema, (ACCOUNT,)),
    errors=(404, 409),
    example={"disabled": False},
)
def change_account(body: dict[str, Any], account: str) -> Response:
    """Give an account another password, or let it log in no more or again; both end its sessions."""
    require_account_manager()
    with writing() as session:
        found = people.get_account(session, account)
        if "password" in body:
            people.set_password(session, found, body["password"], asked(), g.now)
        if "disabled" in body:
            people.set_disabled(session, found, body["disabled"], asked(), g.now)
    return _shown(account)


@resource.send(
    *("PUT", "/accounts/<account>/role", 200, AccountSchema, GrantChangeSchema, (ACCOUNT,)),
    errors=(404, 409),
    example={"role": "runner", "repository": "demo"},
)
def set_account_role(body: dict[str, Any], account: str) -> Response:
    """Give an account a role in a repository or everywhere, in place of the one that it has there."""
    require_account_manager()
    role, name = body["role"], body["repository"]
    with writing() as session:
        repository = get_repository(session, name) if name is not None else None
        wanted = Role.named(role) if role is not None else None
        found = people.get_account(session, account)
        people.set_role(session, found, wanted, repository, asked(), g.now)
    return _shown(account)


def _shown(name: str, status: int = 200) -> Response:
    return answer(account_json(people.get_account(reading(), name), repository_names()), status)
