"""The shapes of accounts, their roles and their tokens."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.keys import MOST_DAYS
from headwater_web.api.schemas.fields import (
    Text,
    Whole,
    count,
    flag,
    listed,
    named,
    optional_text,
    page_of,
    repository_named,
    text,
)

__all__ = [
    "AccountChangeSchema",
    "AccountPageSchema",
    "AccountSchema",
    "GrantChangeSchema",
    "NewAccountSchema",
    "NewTokenSchema",
    "OwnPasswordSchema",
    "SessionPageSchema",
    "SessionSchema",
    "ShownTokenSchema",
    "TokenPageSchema",
    "TokenSchema",
]

_ROLES = tuple(role.label for role in Role)


def _role(description: str, **more: Any) -> fields.Field[Any]:
    return fields.String(validate=validate.OneOf(_ROLES), metadata={"description": description}, **more)


def _password(**more: Any) -> fields.Field[Any]:
    told = {"description": "The password, of 12 characters or more.", "format": "password"}
    checks = [validate.Length(max=1000), validate.Regexp(r"^[^\x00]*$")]
    return Text(validate=checks, metadata=told, load_only=True, **more)


class GrantSchema(Schema):
    """A role of an account."""

    repository = optional_text("Where; null for everywhere.")
    role = text("viewer, runner, steward or administrator.")


class AccountSchema(Schema):
    """Somebody who may log in."""

    name = text("Its name.")
    disabled = flag("Whether it may log in no more.")
    roles = listed(GrantSchema, "Its roles.")


class AccountPageSchema(Schema):
    """A page of accounts."""

    locals().update(page_of(AccountSchema, "Accounts by name."))


class OwnPasswordSchema(Schema):
    """Another password for oneself."""

    old = Text(
        required=True,
        load_only=True,
        validate=validate.Length(max=1000),
        metadata={"description": "The password until now.", "format": "password"},
    )
    new = _password(required=True)


class SessionSchema(Schema):
    """A browser in which one is logged in."""

    id = count("Its number.")
    browser = text("What it says of itself.")
    address = text("Where it logged in.")
    created_at = text("When it logged in.")
    seen_at = text("When it was last used.")
    this = flag("Whether it is the one that asks.")


class SessionPageSchema(Schema):
    """A page of sessions."""

    locals().update(page_of(SessionSchema, "Sessions, the last used first."))


class NewAccountSchema(Schema):
    """An account that somebody makes."""

    name = named("Its name; an e-mail address will do.", "new-account", 100, required=True)
    password = _password(required=True)
    role = _role("Its role everywhere; none unless given.", load_default=None, allow_none=True)


class AccountChangeSchema(Schema):
    """What is to be different about an account."""

    disabled = fields.Boolean(
        truthy={True}, falsy={False}, metadata={"description": "Whether it may log in no more."}
    )
    password = _password()


class GrantChangeSchema(Schema):
    """A role that an account is to have."""

    role = _role("The role; null takes it away.", required=True, allow_none=True)
    repository = repository_named(
        "Where; null or nothing for everywhere.", load_default=None, allow_none=True
    )


class TokenSchema(Schema):
    """A key for programs."""

    id = count("Its number.")
    name = text("What it is for.")
    beginning = text("Its first characters, to tell tokens apart.")
    role = text("The highest role that it lends.")
    repositories = fields.List(
        fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "Those that it is good for; null for all."},
    )
    created_at = count("When it was made, in seconds since 1970.")
    expires_at = count("Until when it is good.")
    seen_at = count("When it was last used; null for never.", allow_none=True)


class ShownTokenSchema(TokenSchema):
    """A token that was just made."""

    token = text("The token itself, which is shown this once.")


class TokenPageSchema(Schema):
    """A page of tokens."""

    locals().update(page_of(TokenSchema, "Tokens, the newest first."))


class NewTokenSchema(Schema):
    """A token that somebody makes."""

    name = named("What it is for.", "note", 100, required=True)
    role = _role("The highest role that it lends.", load_default="viewer")
    repositories = fields.List(
        repository_named("A repository."),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=1000),
        metadata={"description": "Those that it is good for; all unless given."},
    )
    days = Whole(
        load_default=90,
        validate=validate.Range(min=1, max=MOST_DAYS),
        metadata={"description": "How long it is good."},
    )
