"""The shapes of runs."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_web.api.schemas.fields import (
    PageQuery,
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

__all__ = ["ManifestSchema", "NewRunSchema", "RunPageSchema", "RunSchema", "RunsQuery"]


class RunRowSchema(Schema):
    """A run in a list."""

    id = count("Its number.")
    state = text("queued, running, succeeded, failed or cancelled.")
    error = optional_text("Why it failed.")
    repository = text("Its repository.")
    commit = text("Full name of the commit.")
    dataflow = text("The dataflow.")
    outputs = texts("What it was asked for.")
    reported = flag("Whether it was made elsewhere, so that all of it is a claim of who reported it.")
    requested_by = text("Who asked, or who reported it.")
    created_at = text("When it was asked for.")
    started_at = optional_text("When it began.")
    finished_at = optional_text("When it ended.")


class ComputedSchema(Schema):
    """A node that was computed."""

    name = text("Its name.")
    seconds = fields.Float(required=True, metadata={"description": "How long it took."})
    summary = text("What came out.")


class CheckSchema(Schema):
    """The outcome of a check."""

    node = text("What was checked.")
    validator = text("The check.")
    importance = text("warn or fail.")
    passed = flag("Whether it held.")
    message = text("What it says.")
    diagnostics = mapping("Figures of it.", anything("A figure."))


class DatasetVersionSchema(Schema):
    """The table that a run saved."""

    name = text("The dataset.")
    format = text("The format of the file.")
    sha256 = text("The file's hash.")
    rows = count("How many rows.")
    columns = fields.List(
        fields.Dict(keys=fields.String()), required=True, metadata={"description": "Its columns."}
    )


class RunSchema(RunRowSchema):
    """A run with what came of it."""

    failure = mapping("What feature code did wrong.", anything("A fact."), allow_none=True)
    config = mapping("The configuration.", anything("A value."))
    inputs = mapping("What was given in place of sources and inputs.", anything("An input."))
    table = mapping("First rows: columns, rows and row_count.", anything("A part."), allow_none=True)
    values = fields.List(
        fields.Dict(keys=fields.String()),
        required=True,
        metadata={"description": "What is no column: name, type and text."},
    )
    nodes = listed(ComputedSchema, "The nodes in the order of computation.")
    checks = listed(CheckSchema, "The outcomes of checks.")
    environment = mapping("Versions of Python and of packages.", anything("A version."))
    dataset = nested(DatasetVersionSchema, "The table that it saved.", allow_none=True)
    log = text("What it printed.")
    origin = mapping("Where it was made, of a reported run.", anything("A claim."), allow_none=True)


class SignatureSchema(Schema):
    """A signature of a manifest."""

    keyid = text("The sha256 of the public key.")
    sig = text("The Ed25519 signature, in base64.")


class ManifestSchema(Schema):
    """A signed manifest: a DSSE envelope."""

    payload = text("The in-toto statement, in base64.")
    payloadType = text("Its media type.")
    signatures = listed(SignatureSchema, "Who signed it.")


class RunPageSchema(Schema):
    """A page of runs."""

    locals().update(page_of(RunRowSchema, "Runs, the newest first."))


class RunsQuery(PageQuery):
    """What lists of runs are asked."""

    repo = repository_named("Only runs of this repository.")


class NewRunSchema(Schema):
    """A run that somebody asks for."""

    repository = repository_named("Name of the repository.", required=True)
    at = named(
        "A commit of the main line; the last scanned unless given.",
        "ref",
        load_default=None,
        allow_none=True,
    )
    dataflow = named(
        "The dataflow; needed where several have the outputs.",
        "dataflow",
        load_default=None,
        allow_none=True,
    )
    outputs = fields.List(
        named("A feature.", "feature"),
        load_default=list,
        validate=validate.Length(max=1000),
        metadata={"description": "Features, `name` or `module:name`; the declared outputs unless given."},
    )
    config = fields.Dict(
        keys=fields.String(),
        values=fields.Raw(allow_none=True),
        load_default=dict,
        metadata={"description": "Added to the declared configuration, and stronger."},
    )
