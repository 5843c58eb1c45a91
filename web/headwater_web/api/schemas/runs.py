"""The shapes of runs."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from headwater_catalog.run_executors import EXECUTORS
from headwater_catalog.run_options import LONGEST_NOTE, MOST_ROWS
from headwater_catalog.saved_objects import SAVER
from headwater_catalog.sources import FORMATS
from headwater_catalog.uploads import LONGEST_NAME
from headwater_web.api.schemas.fields import (
    Count,
    PageQuery,
    Switch,
    Text,
    Whole,
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

__all__ = [
    "ExecutionSchema",
    "ManifestSchema",
    "NewRunPairSchema",
    "NewRunSchema",
    "RunComparisonSchema",
    "RunPageSchema",
    "RunPairQuery",
    "RunSchema",
    "RunsQuery",
    "UploadQuery",
    "UploadSchema",
]


_NUMBER: Any = {"validate": validate.Range(min=0, max=999_999_999)}


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
    note = text("Why, in their words.")
    created_at = text("When it was asked for.")
    started_at = optional_text("When it began.")
    finished_at = optional_text("When it ended.")


class ProfileSchema(Schema):
    """Statistics of what a node made."""

    reason = optional_text("Why there are none; null where there are.")
    rows = count("How many rows or elements there are; null where it is not known.", allow_none=True)
    bytes = count("Memory that the columns take, as far as it is known.", allow_none=True)
    sample = count("How many rows were looked at one by one; null: all of them.", allow_none=True)
    columns = anything("Its columns, each with `name`, `type`, `bytes` and `stats`.")
    columns_left_out = count("How many columns are not described.")


class ComputedSchema(Schema):
    """A node that was computed."""

    name = text("Its name.")
    seconds = fields.Float(required=True, metadata={"description": "How long it took."})
    begun = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Seconds after the first node began; null where that is not known."},
    )
    summary = text("What came out.")
    kept_from = count("The run that had computed its value before; null: this one.", allow_none=True)
    profile = nested(ProfileSchema, "What it made; null unless the run was asked for it.", allow_none=True)


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

    progress = mapping("How far it is: nodes done of all, the last one, rows.", anything("A figure."))
    changes_on = optional_text(
        "The commit on top of which its commit has the changes of a working tree; null for any other."
    )
    failure = mapping("What feature code did wrong.", anything("A fact."), allow_none=True)
    config = mapping("The configuration.", anything("A value."))
    env = optional_text("The environment whose sources counted; null where there is but one.")
    executor = text("What computed the nodes; a cluster by its name.")
    sample = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "How many rows of each source were read, the first ones; null: all."},
    )
    inputs = mapping("What was given in place of sources and inputs.", anything("An input."))
    table = mapping(
        "First rows: columns with their statistics, rows, row_count.", anything("A part."), allow_none=True
    )
    values = fields.List(
        fields.Dict(keys=fields.String()),
        required=True,
        metadata={"description": "What is no column: name, type and text."},
    )
    nodes = listed(ComputedSchema, "The nodes in the order of computation.")
    checks = listed(CheckSchema, "The outcomes of checks.")
    environment = mapping("Versions of Python and of packages.", anything("A version."))
    personal = texts("Names that are classified personal among what it computed.")
    erasures = fields.List(
        fields.Integer(),
        required=True,
        metadata={"description": "Numbers of erasures from whose columns it was asked to compute anew."},
    )
    masked = flag("Whether some of that is hidden from who asks.")
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


class DifferenceSchema(Schema):
    """Something that two runs do not have alike."""

    name = text("What.")
    before = anything("In the first run; null where it has none.")
    after = anything("In the second.")


class ColumnDifferenceSchema(Schema):
    """A column of the tables of two runs."""

    name = text("Its name.")
    masked = flag("Whether it is hidden from who asks.")
    only_in = optional_text("before or after, where one table lacks it.")
    figures = listed(DifferenceSchema, "Its statistics that differ.")


class CodeDifferenceSchema(Schema):
    """A feature that means something else in the second run."""

    key = text("`module:name`.")
    classes = texts("In which ways it changed.")


class ValuesSchema(Schema):
    """How the values of two runs compare, cell by cell."""

    verdict = text("identical, equal within tolerance, differs or cannot; empty while it is not known.")
    reason = text("Why they cannot be compared; empty where they can.")
    tolerance = fields.Float(
        required=True,
        metadata={"description": "By how much numbers with fractions may differ, relative to the larger."},
    )
    renamed = mapping("Outputs of the first that are called otherwise in the second.", text("That name."))
    masked = flag("Whether some of it is hidden from who asks.")
    details = mapping(
        "rows, matched_by, matching, both, only, added, removed, compared, columns, differing, examples, "
        "distributions and values, as docs/runs.md has them.",
        anything("A part."),
    )


class RunComparisonSchema(Schema):
    """What differs between two runs."""

    before = nested(RunRowSchema, "The first run.")
    after = nested(RunRowSchema, "The second run.")
    code = listed(CodeDifferenceSchema, "Computed features of other meaning.")
    config = listed(DifferenceSchema, "The configuration.")
    inputs = listed(DifferenceSchema, "Sources and values.")
    surroundings = listed(DifferenceSchema, "How and where they were executed.")
    rows = nested(DifferenceSchema, "The numbers of rows, where these differ.", allow_none=True)
    columns = listed(ColumnDifferenceSchema, "The columns, those that differ first.")
    values = nested(
        ValuesSchema, "How their values compare; null where nobody has asked for that.", allow_none=True
    )


class RunPairQuery(Schema):
    """Which runs are compared."""

    a = Count(required=True, metadata={"description": "Number of the first run.", "example": 1}, **_NUMBER)
    b = Count(required=True, metadata={"description": "Number of the second run.", "example": 1}, **_NUMBER)


class RunPageSchema(Schema):
    """A page of runs."""

    locals().update(page_of(RunRowSchema, "Runs, the newest first."))


class RunsQuery(PageQuery):
    """What lists of runs are asked."""

    repo = repository_named("Only runs of this repository.")


class InputSchema(Schema):
    """What takes the place of a source or an input: one of path, upload and value."""

    path = named("A file of the repository.", "path")
    upload = Text(
        validate=validate.Regexp("^[0-9a-f]{64}$"),
        metadata={"description": "A file that was sent before: its `sha256`; `name` says what it is called."},
    )
    name = named(
        "The name of the file that was sent; its ending says the format.",
        "file",
        LONGEST_NAME,
        load_default="upload.csv",
    )
    value = fields.Raw(allow_none=True, metadata={"description": "The value of an input."})


class UploadQuery(Schema):
    """What an address says of a file in the body."""

    name = named("The name of the file; its ending says the format.", "file", LONGEST_NAME, required=True)


class UploadSchema(Schema):
    """A file that is kept for runs."""

    sha256 = text("Of its bytes; runs name it so.")
    name = text("Its name.")


class RelaySchema(Schema):
    """An execution of a dataflow in several runs, and what one of them has to do with it."""

    key = named("Tells one execution from the others; whoever begins it chooses it.", "relay", required=True)
    through = Text(
        load_default="",
        validate=validate.Length(max=500),
        metadata={
            "description": "The sink, a folder, in which values are handed on; empty: the home.",
            "format": "sink",
        },
    )
    take = fields.List(
        named("A node.", "feature"),
        load_default=list,
        validate=validate.Length(max=1000),
        metadata={"description": "Nodes whose values earlier runs have handed on."},
    )
    hand_on = Switch(
        load_default=False,
        metadata={"description": "Whether the values of the outputs are handed on to later runs."},
    )


class ExecutionSchema(Schema):
    """How runs are executed, and where what they save goes."""

    env = named(
        "The environment whose sources and sinks count; the usual one unless given.",
        "env",
        load_default=None,
        allow_none=True,
    )
    executor = Text(
        load_default="synchronous",
        validate=validate.Regexp(r"^[a-z][a-z0-9_-]{0,19}$", error="is no name of an executor"),
        metadata={
            "description": f"What computes the nodes: {', '.join(EXECUTORS)}, or the name of a cluster that "
            "the administrator has set up, in trusted repositories."
        },
    )
    sinks = fields.List(
        named("A sink.", "sink"),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Sinks of the dataflow that the saved table goes to besides."},
    )


class NewRunSchema(ExecutionSchema):
    """A run that somebody asks for."""

    repository = repository_named("Name of the repository.", required=True)
    at = named(
        "A branch, a tag or a commit; the last scanned unless given.",
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
    query = named(
        "Adds the features that meet a query to the outputs.",
        "query",
        2000,
        load_default=None,
        allow_none=True,
    )
    config = fields.Dict(
        keys=fields.String(),
        values=fields.Raw(allow_none=True),
        load_default=dict,
        metadata={"description": "Added to the declared configuration, and stronger."},
    )
    inputs = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(InputSchema),
        load_default=dict,
        validate=validate.Length(max=1000),
        metadata={"description": "By the name of a source or an input, what takes its place."},
    )
    sample = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MOST_ROWS),
        metadata={"description": "How many rows of each source are read, the first ones; all unless given."},
    )
    save = Text(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(tuple(dict.fromkeys(FORMATS.values()))),
        metadata={"description": "Keep the table as a version of a dataset, in this format."},
    )
    dataset = named(
        "Name of the dataset; the dataflow's unless given.", "dataset", load_default=None, allow_none=True
    )
    saver = Text(
        load_default="",
        validate=validate.Regexp(rf"^(?:{SAVER.pattern})?$", error="is no name of a saver"),
        metadata={
            "description": "Keep the one output as a file by this saver of the engine, in place of a table."
        },
    )
    profile = Switch(
        load_default=False,
        metadata={"description": "Whether statistics of what each node makes are kept."},
    )
    use_kept = Switch(
        load_default=True,
        metadata={
            "description": "Whether values that earlier runs computed may stand in place of computing."
        },
    )
    relay = fields.Nested(
        RelaySchema,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The execution in several runs that it is one of; it is alone unless given."
        },
    )
    note = Text(
        load_default="",
        validate=validate.Length(max=LONGEST_NOTE),
        metadata={"description": "Why it is asked for.", "format": "note"},
    )


class NewRunPairSchema(NewRunSchema):
    """Two runs of one choice at two commits, whose values are compared."""

    class Meta:
        """What is compared is not saved."""

        exclude = ("save", "saver", "dataset", "sinks", "relay")

    before = named(
        "The commit, branch or tag to compare with; the first parent of the other unless given.",
        "ref",
        load_default=None,
        allow_none=True,
    )
    parted = Switch(
        load_default=False,
        metadata={"description": "Whether to compare with where the two parted, not with the first."},
    )
    keys = fields.List(
        named("A column.", "column"),
        load_default=list,
        validate=validate.Length(max=20),
        metadata={
            "description": "Columns by which rows are matched, features or an index; the index unless given."
        },
    )
    tolerance = tolerance_asked()
    own_data = Switch(
        load_default=False,
        metadata={"description": "Whether each reads the files of its own commit, not those of the second."},
    )
