"""The shapes of erasures, what they are about, and what may be said of that."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_catalog.erasure.columns import MOST_COLUMNS
from headwater_catalog.erasure.items import KINDS, STANDINGS, STATES
from headwater_catalog.erasure.requests import LONGEST_NOTE
from headwater_web.api.schemas.fields import (
    PageQuery,
    Text,
    Whole,
    count,
    listed,
    mapping,
    named,
    optional_text,
    page_of,
    repository_named,
    text,
    texts,
)

__all__ = [
    "AskSchema",
    "EraseSchema",
    "ErasureItemPageSchema",
    "ErasurePageSchema",
    "ErasureSchema",
    "ErasuresQuery",
    "ItemsQuery",
    "MarkSchema",
    "MarkedSchema",
]


class ErasureCountSchema(Schema):
    """How many items there are."""

    kind = text("What they are.")
    standing = text("How they stand to the columns.")
    state = text("What became of them.")
    count = count("How many.")


class ErasureSchema(Schema):
    """An erasure: what it is about, and how far it is."""

    erasure = count("Its number.")
    repository = text("The repository of the columns.")
    columns = texts("The columns.")
    reference = text("Why: the number of a request.")
    state = text("planning, planned, erasing, erased, closed or withdrawn.")
    day = text("The day on which barriers had to hold.")
    requested_by = text("Who asked for it.")
    requested_at = text("When.")
    planned_at = optional_text("When the plan was made.")
    digest = optional_text("A hash of the plan.")
    counts_as = mapping("By repository, what the columns are called there.")
    not_looked_at = texts("What could not be looked at.")
    begun_by = optional_text("Who had it erased.")
    begun_at = optional_text("When.")
    standings = texts("Of which items Headwater erases what it holds.")
    erased_at = optional_text("When that was done.")
    closed_by = optional_text("Who closed it.")
    closed_at = optional_text("When.")
    job = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The job that plans or erases, or did."}
    )
    counts = listed(ErasureCountSchema, "How many items it has.")


class ErasurePageSchema(Schema):
    """A page of erasures."""

    locals().update(page_of(ErasureSchema, "Erasures, the latest first."))


class ErasuresQuery(PageQuery):
    """What lists of erasures are asked."""

    repo = repository_named("Only those of columns of this repository.")


class ErasureItemSchema(Schema):
    """One thing that holds something made from the columns."""

    item = count("Its number.")
    repository = text("Its repository.")
    kind = text("What it is.")
    name = text("What people call it.")
    standing = text("derived, anonymised or unknown.")
    because = text("What holds it back, or why it is unknown.")
    columns = texts("Of it, that are made from the columns.")
    run = fields.Integer(required=True, allow_none=True, metadata={"description": "The run that made it."})
    commit = optional_text("The commit.")
    place = text("Where it is.")
    bytes = fields.Integer(required=True, allow_none=True, metadata={"description": "How large it is."})
    state = text("open, done, kept or impossible.")
    note = text("Why it stays, or what was done.")
    settled_by = optional_text("Who said so, or had it erased.")
    settled_at = optional_text("When.")


class ErasureItemPageSchema(Schema):
    """A page of items."""

    locals().update(page_of(ErasureItemSchema, "Items, in the order of their numbers."))


class ItemsQuery(PageQuery):
    """What lists of items are asked."""

    kind = Text(validate=validate.OneOf(list(KINDS)), metadata={"description": "Only of this kind."})
    standing = Text(validate=validate.OneOf(STANDINGS), metadata={"description": "Only that stand so."})
    state = Text(validate=validate.OneOf(STATES), metadata={"description": "Only of which that became."})


class AskSchema(Schema):
    """An erasure that is asked for."""

    repository = repository_named("The repository of the columns.", required=True)
    columns = fields.List(
        Text(validate=validate.Length(min=1, max=500)),
        required=True,
        validate=validate.Length(min=1, max=MOST_COLUMNS),
        metadata={"description": "Names of inputs or features, `module:name` or `input:name`."},
    )
    reference = named(
        "Why: the number of the request, which tells nothing of a person.", "reference", 100, required=True
    )


class EraseSchema(Schema):
    """What Headwater is to erase."""

    also = fields.List(
        Text(validate=validate.OneOf(STANDINGS)),
        load_default=list,
        metadata={"description": "Of which items beside those that are derived."},
    )


class MarkSchema(Schema):
    """What became of items: of those that are named, or else of all open ones that stand so."""

    items = fields.List(
        Whole(validate=validate.Range(min=1, max=2**31 - 1)),
        load_default=list,
        validate=validate.Length(max=500),
        metadata={"description": "Their numbers."},
    )
    kind = Text(
        load_default="", validate=validate.OneOf(["", *KINDS]), metadata={"description": "All of this kind."}
    )
    standing = Text(
        load_default="",
        validate=validate.OneOf(["", *STANDINGS]),
        metadata={"description": "All that stand so."},
    )
    state = Text(
        required=True, validate=validate.OneOf(STATES), metadata={"description": "What became of them."}
    )
    note = Text(
        load_default="",
        validate=validate.Length(max=LONGEST_NOTE),
        metadata={"description": "Why they stay, or what was done."},
    )


class MarkedSchema(Schema):
    """How many items were marked."""

    marked = count("How many.")
