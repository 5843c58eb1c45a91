"""The shape of reports of runs that were made elsewhere."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from headwater_web.api.schemas.fields import Json, Switch, Whole, listed, named, repository_named

__all__ = ["ReportSchema"]

_INSTANT: Final = validate.Range(min=0, max=100_000_000_000)


def _told(description: str, most: int = 500, least: int = 1, **more: Any) -> Any:
    return fields.String(
        required=True,
        validate=validate.Length(min=least, max=most),
        metadata={"description": description},
        **more,
    )


def _version(description: str) -> Any:
    return fields.String(validate=validate.Length(max=500), metadata={"description": description})


def _flag(description: str, **more: Any) -> Any:
    return Switch(metadata={"description": description}, **more)


def _object(description: str) -> Any:
    told = {"description": description}
    return fields.Dict(keys=fields.String(), values=Json(), required=True, metadata=told)


class ReportedNodeSchema(Schema):
    """A node that a reported run has computed."""

    name = _told("Its name.")
    seconds = fields.Float(
        required=True,
        validate=validate.Range(min=0, max=1_000_000_000),
        metadata={"description": "How long it took."},
    )
    summary = _told("What came out.", 2000, 0)


class ReportedCheckSchema(Schema):
    """The outcome of a check in a reported run."""

    node = _told("What was checked.")
    validator = _told("The check.")
    passed = _flag("If it held.", required=True)
    message = _told("What it says.", 2000, 0)


class ReportedFailureSchema(Schema):
    """Why a reported run failed."""

    node = fields.String(
        required=True, allow_none=True, validate=validate.Length(max=500), metadata={"description": "Where."}
    )
    error = _told("The kind of the error.", 200)
    message = _told("What it says.", 4000, 0)


class GraphNodeSchema(Schema):
    """A node of the graph that was run."""

    name = _told("Its name.")
    needs = fields.List(fields.String(), required=True, metadata={"description": "What it needs."})
    is_input = _flag("Whether it comes from outside.", required=True)


class ReportedEnvironmentSchema(Schema):
    """What a reported run says of where it was made; what held it is nothing that anybody may claim."""

    python = _version("The version of Python.")
    platform = _version("The machine.")
    packages = fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=validate.Length(max=200)),
        metadata={"description": "The version of each package by its name."},
    )


class OriginSchema(Schema):
    """Where a reported run was made."""

    framework = _told("headwater or hamilton, or what else has run it.", 100)
    branch = fields.String(
        allow_none=True, validate=validate.Length(max=500), metadata={"description": "The branch."}
    )
    patch = fields.String(
        validate=validate.Length(max=400_000),
        metadata={"description": "What the tree has beside the commit."},
    )
    is_patch_whole = _flag("Whether that is all of it.")
    unknown_files = fields.List(
        fields.String(),
        validate=validate.Length(max=200),
        metadata={"description": "Files that git does not know."},
    )


class ReportSchema(Schema):
    """A run that was made elsewhere."""

    repository = repository_named("The repository whose code was run.", required=True)
    commit = named("The commit that was run; it must have been pushed and scanned.", "ref", required=True)
    dataflow = _told("The dataflow, if it has a name.", 200, 0)
    outputs = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "What was asked for."},
    )
    config = _object("The configuration.")
    inputs = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=Json()),
        required=True,
        metadata={"description": "Each input by its value, or its summary and fingerprint."},
    )
    nodes = listed(ReportedNodeSchema, "The nodes in the order of computation.")
    checks = listed(ReportedCheckSchema, "The outcomes of checks.")
    graph = listed(GraphNodeSchema, "The graph.")
    environment = fields.Nested(
        ReportedEnvironmentSchema,
        required=True,
        metadata={"description": "Versions of Python and of packages."},
    )
    origin = fields.Nested(OriginSchema, required=True, metadata={"description": "Where it was made."})
    succeeded = _flag("Whether it did not fail.", required=True)
    failure = fields.Nested(
        ReportedFailureSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Why it failed; null where it succeeded."},
    )
    started_at = Whole(required=True, validate=_INSTANT, metadata={"description": "Seconds since 1970."})
    finished_at = Whole(required=True, validate=_INSTANT, metadata={"description": "Seconds since 1970."})
