"""The shapes of features, and of searches for them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_catalog.search import Sort
from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import (
    AtQuery,
    Count,
    Flag,
    PageQuery,
    Text,
    anything,
    count,
    flag,
    listed,
    mapping,
    named,
    nested,
    optional_text,
    page_of,
    repository_named,
    text,
    texts,
)
from headwater_web.api.schemas.lineage import NodeSchema

__all__ = [
    "FeatureSchema",
    "FeaturesQuery",
    "HitPageSchema",
    "QuickQuery",
    "QuickSchema",
    "SearchQuery",
]


class MatchSchema(Schema):
    """Where words of a query stand."""

    field = text("name, owner, tags, module, variant, part, docs or code.")
    fragment = text("A line, or a piece of it.")
    spans = fields.List(
        fields.List(fields.Integer()),
        required=True,
        metadata={"description": "Where the words begin and end in it."},
    )


class NamedFeatureSchema(Schema):
    """A feature in passing."""

    repository = text("Its repository.")
    key = text("`module:name`.")
    name = text("Its name.")
    type = text("Type of its value.")
    summary = text("First line of its documentation.")


class HitSchema(NamedFeatureSchema):
    """A feature that meets a query."""

    module = text("Its module.")
    owner = text("Whom to ask about it; empty where nobody is known.")
    tags = mapping("Its tags.", anything("A value."))
    variants = texts("Names of the functions that make it.")
    dependencies = count("How many names it needs.")
    rank = optional_text("The stage in which it was found; null without words.")
    matches = listed(MatchSchema, "Where the words of the query stand, the most telling first.")
    last_sha = optional_text("The last commit that had it, if it is gone.")


class CorrectionSchema(Schema):
    """A word that no feature has."""

    asked = text("The word.")
    used = text("What was looked for instead.")


class FacetValueSchema(Schema):
    """A value that some hits have."""

    value = text("The value.")
    count = count("How many hits have it.")
    term = text("The term of the query language that finds just these.")


class FacetSchema(Schema):
    """What the hits have in common by one field."""

    field = text("The field.")
    values = listed(FacetValueSchema, "Its values, the most frequent first.")


class HitPageSchema(Schema):
    """A page of hits."""

    locals().update(page_of(HitSchema, "The features, the best first unless sorted otherwise."))
    query = text("The query as it was read.")
    total = count("How many hits there are in all.")
    corrections = listed(CorrectionSchema, "Words that no feature has.")
    suggestions = texts("Names near to what was asked for, where there is no hit.")
    facets = fields.List(
        fields.Nested(FacetSchema), metadata={"description": "What all hits have in common, if asked for."}
    )


class QuickSchema(Schema):
    """The first hits of a query that somebody types."""

    query = text("The query as it was read.")
    total = count("How many hits there are in all.")
    items = listed(NamedFeatureSchema, "The first of them.")
    suggestions = texts("Names near to what was asked for, where there is no hit.")


class DependencySchema(Schema):
    """A name that a variant needs."""

    name = text("The name.")
    type = text("The type that it must have.")
    optional = flag("Whether it may be missing.")
    features = texts("Keys of the features that answer it; none where it comes from outside.")
    summary = text("What an input means, where code says so.")


class PartSchema(Schema):
    """A node that a modifier makes for itself."""

    name = text("Its name.")
    type = text("Type of its value.")
    doc = text("What it is; of a check, what is wanted.")


class ColumnUseSchema(Schema):
    """A column of a table that a body uses."""

    table = text("What holds the table; empty where that is not known.")
    column = text("Its name.")
    written = flag("Whether it is set rather than read.")


class ItemSchema(Schema):
    """A name in a section of a docstring."""

    name = text("The name.")
    text = text("What is said of it.")


class SectionSchema(Schema):
    """A section of a docstring."""

    title = text("Its title.")
    text = text("Its text.")
    items = listed(ItemSchema, "Its list, where it is one.")


class DocumentationSchema(Schema):
    """What a docstring says, part by part."""

    summary = text("Its first paragraph.")
    description = text("What it says besides.")
    parameters = mapping("What it says of each parameter.", fields.String())
    returns = text("What it says of the result.")
    unit = optional_text("The unit of the result.")
    units = mapping("The units of parameters.", fields.String())
    sections = listed(SectionSchema, "All other sections.")


class VariantSchema(Schema):
    """What one function makes of a feature."""

    name = text("Name of the function.")
    type = text("Type of the value.")
    doc = text("The docstring.")
    documentation = nested(DocumentationSchema, "The docstring, part by part.")
    condition = text("Configurations that it exists under; empty for all.")
    tags = mapping("Its tags.", anything("A value."))
    source = text("The code.")
    path = text("File of the repository.")
    line = count("First line of the code.")
    end_line = count("Last line of the code.")
    dependencies = listed(DependencySchema, "The names that it needs, in order.")
    parts = listed(PartSchema, "Nodes folded into it.")
    # A field here, though schemas have an attribute of this name.
    partial = texts("Reasons why reading does not tell all that running would.")  # type: ignore[assignment]
    columns = listed(ColumnUseSchema, "Columns of tables that its body uses.")
    commit = nested(CommitSchema, "The last commit of the main line that changed it.", allow_none=True)
    introduced = nested(CommitSchema, "The commit behind a merge that brought it.", allow_none=True)


class AuthorSchema(Schema):
    """Somebody who wrote lines that are still there."""

    name = text("The name.")
    email = text("The address.")
    lines = count("How many lines.")


class TagSchema(Schema):
    """A tag with a value, and what says so."""

    key = text("The tag.")
    value = text("One of its values.")
    variants = texts("Names of the functions that say so.")


class FeatureSchema(NamedFeatureSchema):
    """A feature at one commit."""

    module = text("Its module.")
    owner = text("Whom to ask, in one text.")
    variants = listed(VariantSchema, "What its functions make of it.")
    dataflows = texts("Names of the dataflows that contain it.")
    users = texts("Keys of the features that need it directly.")
    owners = texts("Whom to ask.")
    owned_by = text("What names the owners.")
    commit = nested(CommitSchema, "The last commit of the main line that changed it.", allow_none=True)
    base = nested(CommitSchema, "Where a commit beside the main line left it.", allow_none=True)
    authors = listed(AuthorSchema, "Who wrote its lines, who wrote most first.")
    tagged_by = listed(TagSchema, "Its tags, each with what says so.")
    needs = listed(NodeSchema, "What it needs directly.")
    missing_inputs = mapping(
        "Inputs that it certainly needs and a dataflow has no value for, by dataflow.",
        fields.List(fields.String()),
    )


_QUERY = {"description": "A query; docs/query.md says what it may hold.", "format": "query"}


class _WhereQuery(AtQuery):
    repo = repository_named("Only features of this repository; needed with `at`.")


class _WordsQuery(_WhereQuery):
    q = Text(required=True, validate=validate.Length(min=1, max=400), metadata=_QUERY)


class FeaturesQuery(_WhereQuery, PageQuery):
    """What lists of features are asked."""

    q = Text(load_default="", validate=validate.Length(max=400), metadata=_QUERY)
    base = named("What new: and changed_by: compare with.", "ref")
    sort = fields.String(
        load_default=Sort.RELEVANCE.value,
        validate=validate.OneOf([sort.value for sort in Sort]),
        metadata={"description": "By what they are sorted: the latest changed first, the most used first."},
    )
    facets = Flag(load_default=False, metadata={"description": "Also count what all hits have in common."})


class SearchQuery(_WordsQuery, FeaturesQuery):
    """What searches are asked."""


class QuickQuery(_WordsQuery):
    """What is asked while somebody types."""

    limit = Count(
        load_default=8,
        validate=validate.Range(min=1, max=20),
        metadata={"description": "How many hits there are at most."},
    )
