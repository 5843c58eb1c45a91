"""The shapes of datasets, and of what is known of files."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import (
    Flag,
    PageQuery,
    Switch,
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
    tolerance_asked,
)
from headwater_web.api.schemas.suggestions import LookSchema

__all__ = [
    "AuditSchema",
    "AuditedSchema",
    "DatasetPageSchema",
    "DatasetsQuery",
    "NewReproductionSchema",
    "ReproductionPageSchema",
    "ReproductionSchema",
    "VersionPageSchema",
    "VersionSchema",
]


class VersionRowSchema(Schema):
    """A dataset version in a list."""

    repository = text("Its repository.")
    dataset = text("The dataset.")
    run = count("The run that saved it.")
    version = optional_text("Its name, which no other version has anywhere.")
    commit = text("Full name of the commit.")
    format = text("The format of the file.")
    rows = count("How many rows.")
    columns = count("How many columns.")
    fingerprint = optional_text("Of its content: the scheme, a colon, and the hash.")
    sha256 = text("The file's hash.")
    created_at = text("When it was saved.")


class DatasetSchema(VersionRowSchema):
    """A dataset by its newest version."""

    stale = fields.List(
        fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "Columns that mean something else at main now; null where nobody knows."},
    )


class StretchSchema(Schema):
    """A stretch of the main line that was not looked into commit by commit."""

    after = nested(CommitSchema, "The commit before it.")
    until = nested(CommitSchema, "Its last commit.")


class ColumnNowSchema(Schema):
    """How a column stands at main."""

    name = text("The column.")
    state = text("same, changed, removed, unknown or none.")
    feature = optional_text("The feature that made it.")
    now = optional_text("Where that is now, if it moved.")
    classes = texts("How it changed.")
    because = texts("What beside its own text made the difference.")
    upstream = texts("The nearest features upstream that changed themselves.")
    commits = listed(CommitSchema, "The commits that made the difference, the oldest first.")
    stretches = listed(
        StretchSchema, "Stretches of the main line of which some commits, which is not known, made it, too."
    )
    beside = flag("Whether a part of the difference is that its commit lies beside the main line.")


class StandingSchema(Schema):
    """How a dataset version stands at main."""

    commit = optional_text("The commit at main.")
    reason = text("Why nothing can be said; empty where it can.")
    columns = listed(ColumnNowSchema, "Its columns.")


class VersionSchema(VersionRowSchema):
    """All of a dataset version."""

    columns = fields.List(
        fields.Dict(keys=fields.String()),
        required=True,
        metadata={"description": "Its columns: name, type, and what made them."},
    )
    stamp = mapping("What the file says of itself.", anything("A fact."), allow_none=True)
    standing = nested(StandingSchema, "How it stands at main.", allow_none=True)
    kept_inputs = mapping(
        "Of each input that its commit does not have, whether it is still kept.", fields.Boolean()
    )
    looks = fields.List(
        fields.Nested(LookSchema),
        required=True,
        allow_none=True,
        metadata={"description": "What its values look like; null where nobody had them looked at."},
    )


class DatasetPageSchema(Schema):
    """A page of datasets."""

    locals().update(page_of(DatasetSchema, "Datasets, by name."))


class VersionPageSchema(Schema):
    """A page of versions."""

    locals().update(page_of(VersionRowSchema, "Versions, the newest first."))


class DatasetsQuery(PageQuery):
    """What lists of datasets are asked."""

    repo = repository_named("Only datasets of this repository.")
    stale = Flag(load_default=False, metadata={"description": "Only those with a stale column."})


class ReproductionSchema(Schema):
    """How a dataset version was made again."""

    run = count("The run that made it again.")
    state = text("How that stands: queued, running, succeeded, failed or cancelled.")
    verdict = text("identical, equal within tolerance, differs or cannot; empty while it is not known.")
    reason = text("Why it cannot be made again; empty where it can.")
    tolerance = fields.Float(required=True, metadata={"description": "For numbers with fractions."})
    details = mapping("Where and by how much it differs.", anything("A finding."))


class ReproductionPageSchema(Schema):
    """A page of reproductions."""

    locals().update(page_of(ReproductionSchema, "Reproductions, the newest first."))


class NewReproductionSchema(Schema):
    """A dataset version that somebody wants made again."""

    tolerance = tolerance_asked()


class AuditedSchema(Schema):
    """A file that somebody wants to know of."""

    name = named(
        "What it is called: .csv and .json say what they are by that.", "file-name", 200, required=True
    )
    content = named("Its bytes, in base64.", "base64", 50_000_000, required=True)
    stamp = named(
        "The text of the stamp beside it, NAME.headwater.json, where there is one.",
        *("stamp", 50_000_000),
        load_default=None,
        allow_none=True,
    )
    verify = Switch(
        load_default=False,
        metadata={"description": "Whether to read the data, and to tell what was changed."},
    )


class ErasedSchema(Schema):
    """That something was erased."""

    erasure = count("The number of the erasure.")
    reference = text("Why: the number of a request.")
    at = text("When.")
    kind = text("What was erased.")


class AuditSchema(Schema):
    """All that is known of a file."""

    file = text("What it is called.")
    format = text("What it is.")
    origin = text("Who says where it comes from: stamp, content, or nobody.")
    store = text("Whether the store says the same: known, differs or unknown.")
    differences = texts(
        "The parts of the stamp of which the store says something else, but for what is hidden from who asks."
    )
    damage = text("Why the file's stamp cannot be read; empty where it can.")
    version = nested(VersionRowSchema, "The version in the store.", allow_none=True)
    others = listed(VersionRowSchema, "Further versions of the same content.")
    stamp = mapping("What it says of itself.", anything("A fact."), allow_none=True)
    fingerprint = mapping("Of its content: scheme and table.", allow_none=True)
    columns = fields.List(
        fields.Dict(keys=fields.String()),
        required=True,
        allow_none=True,
        metadata={"description": "Its columns: name, type, fingerprint, and what made them."},
    )
    standing = nested(StandingSchema, "How it stands at main.", allow_none=True)
    definitions = mapping("The code that made its columns, by feature.", anything("Its functions."))
    erased = nested(ErasedSchema, "By what the kept file was erased; null where it was not.", allow_none=True)
    kept_inputs = mapping(
        "Of each input that its commit does not have, whether it is still kept; empty for an unknown file.",
        fields.Boolean(),
    )
    verified = mapping(
        "How the data compares: same, rows, changed, added, removed, renamed.",
        anything("A finding."),
        allow_none=True,
    )
