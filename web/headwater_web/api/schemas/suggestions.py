"""The shapes of suggestions, patches and branches of them, and of what values look like."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from headwater_web.api.schemas.fields import Text, count, listed, mapping, page_of, text, texts

__all__ = [
    "AddedTagsSchema",
    "BranchSchema",
    "LookSchema",
    "LooksSchema",
    "PatchSchema",
    "SuggestionPageSchema",
]

_MOST_TAGS = 2_000
_LONGEST = 500


def _short(description: str) -> fields.Field[Any]:
    return Text(
        required=True,
        validate=validate.Length(1, _LONGEST),
        metadata={"description": description},
    )


class SuggestionSchema(Schema):
    """Something that looks classified, and says nothing of it."""

    key = text("The feature, or `input:name`.")
    classification = text("What it looks like.")
    value = text("What its tag would be.")
    reasons = texts("Why, in clauses.")
    path = text("The file; empty of an input that no code declares.")
    line = count("Its first line there; 0 where there is none.")
    owners = texts("Whom to ask.")
    reaches = count("How many features downstream would be classified with it.")


class SuggestionPageSchema(Schema):
    """A page of suggestions."""

    locals().update(page_of(SuggestionSchema, "Suggestions, by path and line."))


class AddedTagSchema(Schema):
    """A tag of a feature or an input."""

    key = _short("The feature, or `input:name`.")
    tag = _short("The key of the tag.")
    value = _short("Its value.")


class AddedTagsSchema(Schema):
    """Which tags are put into the sources."""

    tags = fields.List(
        fields.Nested(AddedTagSchema),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, _MOST_TAGS),
        metadata={"description": "The tags to add; null: all that are suggested."},
    )


class PatchSchema(Schema):
    """A patch that adds tags."""

    at = text("The commit that it is for.")
    patch = text("What `git apply` takes, in Base64, since files may be of any encoding.")
    added = texts("The keys of what it tags.")
    left_out = mapping("Why others are not in it, by key.", fields.String())


class BranchSchema(Schema):
    """A branch that was pushed."""

    branch = text("Its name.")
    commit = text("Its commit.")
    on = text("The commit that this one builds on.")
    added = texts("The keys of what it tags.")
    left_out = mapping("Why others are not tagged, by key.", fields.String())


class LookSchema(Schema):
    """What the values of a column look like."""

    column = text("The column.")
    kind = text("What they look like.")
    share = fields.Float(required=True, metadata={"description": "The share of them that do, from 0 to 1."})
    looked_at = count("How many were looked at.")


class LooksSchema(Schema):
    """What the values of a dataset version look like."""

    looks = listed(LookSchema, "Each that looks like something that is classified.")
