"""The shapes of coverage, of documentation that is older than logic, and of where logic came from."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_catalog.upkeep.coverage import SECTIONS
from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import (
    AtPageQuery,
    PageQuery,
    Text,
    count,
    listed,
    named,
    nested,
    page_of,
    repository_named,
    text,
    texts,
)
from headwater_web.kept_up import ANY, LACKS

__all__ = [
    "CoverageHistoryQuery",
    "CoveragePageSchema",
    "CoverageSchema",
    "DriftPageSchema",
    "DriftQuery",
    "OriginPageSchema",
    "OriginsQuery",
]


class CoveredSchema(Schema):
    """How many features have what."""

    features = count("How many there are.")
    owner = count("How many have an owner.")
    doc = count("How many have documentation.")
    check = count("How many have a check of their values.")
    test = count("How many a test names.")


class CoverageSectionSchema(CoveredSchema):
    """How many features of a section of a repository have what."""

    name = text("The module or package, with all that is in it, or the owner; an empty name is nobody.")


class CoverageSchema(CoveredSchema):
    """How many features of a repository have what."""

    at = text("The commit.")
    modules = listed(CoverageSectionSchema, "The same by module and package.")
    owners = listed(CoverageSectionSchema, "The same by owner.")


class PointSchema(CoveredSchema):
    """How many features have what from a commit on."""

    commit = nested(CommitSchema, "The commit of the main line.")


class CoveragePageSchema(Schema):
    """A page of coverage over time."""

    locals().update(page_of(PointSchema, "The commits that changed it, the newest first."))


class CoverageHistoryQuery(AtPageQuery):
    """What is asked of coverage over time."""

    by = Text(
        validate=validate.OneOf(SECTIONS),
        metadata={"description": "Only a section: one module, or what one owns."},
    )
    name = named("The module or the owner; without it, what nobody owns.", "section", 500)


class DriftSchema(Schema):
    """A function whose logic changed after its documentation last did."""

    repository = text("Its repository.")
    key = text("The feature.")
    variant = text("The name of the function.")
    documented = nested(CommitSchema, "The commit that the documentation was written in.")
    since = nested(CommitSchema, "The first commit that changed the logic since.")
    latest = nested(CommitSchema, "The last one.")
    changes = count("How many there were.")


class DriftPageSchema(Schema):
    """A page of functions whose documentation is older than their logic."""

    locals().update(page_of(DriftSchema, "The functions, the longest first."))


class DriftQuery(PageQuery):
    """What is asked of documentation that is older than logic."""

    repo = repository_named("Only functions in this repository.")


class LogicOriginSchema(Schema):
    """The commit that the present logic of a function was written in."""

    repository = text("Its repository.")
    key = text("The feature.")
    variant = text("The name of the function.")
    commit = nested(CommitSchema, "The commit.")
    merge = nested(CommitSchema, "The commit that brought it to main; null: the same.", allow_none=True)
    is_signed = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Whether it has a signature, whoever made it; null: nobody can tell."},
    )
    reviewers = fields.List(
        fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "Who has reviewed it, but the author; null: nobody can tell."},
    )
    lacks = texts("What it surely lacks: unsigned, unreviewed.")


class OriginPageSchema(Schema):
    """A page of where logic came from."""

    locals().update(page_of(LogicOriginSchema, "The functions, the latest first."))


class OriginsQuery(PageQuery):
    """What is asked of where logic came from."""

    repo = repository_named("Only functions in this repository.")
    lacks = Text(
        load_default=ANY,
        validate=validate.OneOf(LACKS),
        metadata={"description": "Only what is unsigned, unreviewed, any of both, or all."},
    )
