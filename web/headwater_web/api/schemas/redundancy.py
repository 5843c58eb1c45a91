"""The shapes of duplicates, of features that nothing needs, and of deprecated ones."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_catalog.dead import DAYS, STATES
from headwater_catalog.governance.duplicates import KINDS
from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import (
    Count,
    PageQuery,
    Text,
    count,
    flag,
    listed,
    mapping,
    nested,
    optional_text,
    page_of,
    repository_named,
    text,
    texts,
)
from headwater_web.redundant import LONGEST

__all__ = [
    "DeadPageSchema",
    "DeadQuery",
    "DeprecationPageSchema",
    "DuplicatePageSchema",
    "DuplicatesQuery",
    "RedundancyQuery",
]


class RedundancyQuery(PageQuery):
    """What lists of one repository or of all are asked."""

    repo = repository_named("Only in this repository.")


class DuplicatesQuery(RedundancyQuery):
    """What lists of duplicates are asked."""

    kind = Text(validate=validate.OneOf(list(KINDS)), metadata={"description": "Only of this kind."})


class DeadQuery(RedundancyQuery):
    """What lists of features that nothing needs are asked."""

    days = Count(
        load_default=DAYS,
        validate=validate.Range(min=1, max=LONGEST),
        metadata={"description": "For how many days nothing has needed them."},
    )
    state = Text(validate=validate.OneOf(list(STATES)), metadata={"description": "Only of this state."})


class MemberSchema(Schema):
    """One of several functions that do the same, or almost."""

    repository = text("Its repository.")
    module = text("Its module.")
    function = text("What it is called there.")
    features = texts("The keys of the features that it makes.")
    path = text("The file.")
    line = count("Its first line there; 0: unknown.")
    end_line = count("Its last line.")
    type = text("The type of its value.")
    needs = texts("The keys of what it needs directly.")
    owners = texts("Whom to ask about it.")


class LikenessSchema(Schema):
    """How like functions are: the share of what both have in what one of them has."""

    code = fields.Float(required=True, metadata={"description": "Of the pieces of their code."})
    data = fields.Float(required=True, metadata={"description": "Of what they need directly."})
    names = fields.Float(required=True, metadata={"description": "Of the parts of their names."})


class DuplicateSchema(Schema):
    """Functions that do the same, or almost."""

    id = text("The same as long as these are duplicates of this kind.")
    kind = text("same, copy or near.")
    size = count("How much code there is more than once.")
    differing = texts("In what they differ.")
    likeness = nested(
        LikenessSchema, "Of those that are near: how like the least alike are.", allow_none=True
    )
    members = listed(MemberSchema, "The functions.")


class DuplicatePageSchema(Schema):
    """A page of duplicates."""

    locals().update(page_of(DuplicateSchema, "Duplicates: those that mean the same first."))
    not_worked_out = texts("Repositories of which nobody has worked out yet what their features mean.")
    crowded = count("How many functions have too many like them to be compared with each.")


class UnneededSchema(Schema):
    """A feature that nothing is known to need on the main line."""

    repository = text("Its repository.")
    key = text("Its key.")
    state = text("dead, elsewhere, unknown or new.")
    reason = text("Why that is so.")
    path = text("The file.")
    line = count("Its first line there; 0: unknown.")
    owners = texts("Whom to ask about it.")
    added = optional_text("When it came.")
    changed = optional_text("When it changed last.")
    author = optional_text("Who changed it last.")
    last_run = count("The last run that computed it, of the last hundred.", allow_none=True)
    last_run_at = optional_text("When that was asked for.")
    last_dataset = optional_text("The dataset that it saved.")


class BranchEndSchema(Schema):
    """A branch that was looked at."""

    name = text("Its name.")
    sha = text("Its last commit.")


class ProofSchema(Schema):
    """What was looked at to know what needs the features of a repository."""

    repository = text("The repository.")
    days = count("For how many days.")
    since = text("The first of them.")
    first = nested(CommitSchema, "The commit of the main line that held then.")
    commits = count("How many commits there are from that on.")
    outputs = mapping("How many outputs each dataflow declares.", fields.Integer())
    runs = count("How many runs there were.")
    datasets = count("How many dataset versions were saved.")
    branches = listed(BranchEndSchema, "Branches.")
    repositories = texts("Other repositories that draw from this one.")
    doubts = texts("Why something may be needed that is not known to be.")
    needed = count("How many features are needed.")
    counts = mapping("How many others are of which state.", fields.Integer())


class DeadPageSchema(Schema):
    """A page of features that nothing is known to need."""

    locals().update(page_of(UnneededSchema, "Features, by repository and state."))
    proof = listed(ProofSchema, "What was looked at, by repository.")


class DeprecatedUserSchema(Schema):
    """A feature that needs a deprecated one directly."""

    key = text("Its key.")
    owners = texts("Whom to ask about it.")
    is_new = flag("Whether it did not when that was deprecated.")


class DeprecationSchema(Schema):
    """A deprecated feature."""

    repository = text("Its repository.")
    key = text("Its key.")
    said = text("What its tag says, but for a mere yes.")
    since = nested(CommitSchema, "The commit that deprecated it.")
    owners = texts("Whom to ask about it.")
    users = listed(DeprecatedUserSchema, "What needs it directly.")
    new_users = count("How many of these came to need it since.")
    asked = texts("Whom to ask about these.")
    datasets = texts("The datasets whose newest versions hold it.")
    repositories = texts("Other repositories that declare it as a source.")


class DeprecationPageSchema(Schema):
    """A page of deprecated features."""

    locals().update(page_of(DeprecationSchema, "Deprecated features, by repository."))
