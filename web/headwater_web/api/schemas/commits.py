"""The shapes of commits and of what they did."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.fields import (
    AtPageQuery,
    AtQuery,
    Flag,
    PageQuery,
    count,
    formatting_asked,
    mapping,
    named,
    nested,
    optional_text,
    page_of,
    text,
    texts,
)

__all__ = [
    "ChangeSchema",
    "CommitChangesSchema",
    "CommitPageSchema",
    "CommitSchema",
    "CommitsQuery",
    "DiffQuery",
    "HistoryPageSchema",
    "HistoryQuery",
]


class CommitSchema(Schema):
    """A commit in passing."""

    sha = text("Its full name.")
    author = text("Who wrote it.")
    authored_at = text("When it was written.")
    subject = text("First line of its message.")
    position = count("Its place on the main line, from 0; null beside it.", allow_none=True)


class ChangeSchema(Schema):
    """What one commit did to one variant of a feature."""

    commit = nested(CommitSchema, "The commit.")
    introduced = nested(
        CommitSchema, "The commit that brought the change, where that one merged it.", allow_none=True
    )
    key = text("`module:name` of the feature.")
    variant = text("Name of the function.")
    change = text("added, changed, moved or removed.")
    classes = texts("What a change touched: some of logic, signature, tags and docs; or formatting.")
    origin = optional_text("Its key before, if it moved.")
    diff = fields.List(
        fields.String(), metadata={"description": "The lines of a unified diff, where asked for."}
    )


class ListedCommitSchema(CommitSchema):
    """A commit in a list."""

    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "How many features it changed, by change class, where asked for."},
    )


class CommitPageSchema(Schema):
    """A page of commits."""

    locals().update(page_of(ListedCommitSchema, "Commits of the main line, the newest first."))


class HistoryPageSchema(Schema):
    """A page of what commits did to a feature."""

    locals().update(page_of(ChangeSchema, "What commits did to the feature, the newest first."))


class CommitChangesSchema(CommitSchema):
    """A commit, with a page of what it did to features."""

    committed_at = text("When it was committed.")
    body = text("Its message after the first line.")
    parents = texts("Full names of its parents.")
    is_signed = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Whether it has a signature, whoever made it; null: nobody can tell."},
    )
    base = nested(
        CommitSchema, "Beside the main line, the last commit there that it builds on.", allow_none=True
    )
    counts = mapping("How many features changed, by change class.", fields.Integer())
    locals().update(
        page_of(ChangeSchema, "What it did to features, by key; beside the main line compare with `base`.")
    )


class CommitsQuery(AtPageQuery):
    """What lists of commits are asked."""

    author = named("Only those by somebody of this name.", "author")
    touching = Flag(load_default=False, metadata={"description": "Only those that changed a feature."})
    counts = Flag(load_default=False, metadata={"description": "Also count the features that each changed."})


class DiffQuery(PageQuery):
    """What a commit is asked."""

    diff = Flag(load_default=False, metadata={"description": "Also tell how the code changed."})


class HistoryQuery(AtQuery, DiffQuery):
    """What the history of a feature is asked."""

    formatting = formatting_asked()
