"""The shapes of comparisons, and of what changes reach."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.fields import (
    Flag,
    count,
    formatting_asked,
    listed,
    mapping,
    named,
    nested,
    optional_text,
    text,
    texts,
)

__all__ = [
    "CompareQuery",
    "ComparisonSchema",
    "DataflowChangeSchema",
    "ImpactSchema",
    "ReachSchema",
    "ReachedDatasetSchema",
    "ReachedOutputsSchema",
    "ReachedSchema",
    "TwoQuery",
]


class PlaceSchema(Schema):
    """Where a function stands."""

    function = text("Its name.")
    path = text("The file.")
    line = count("The line.")


class MeantSchema(Schema):
    """How a feature changed in meaning."""

    key = text("`module:name`.")
    classes = texts("In which ways: added, removed, moved, logic, signature, tags, docs, upstream only.")
    origin = optional_text("Its key before, if it moved.")
    because = texts("What beside its own text made the difference.")


class FeatureChangeSchema(MeantSchema):
    """How a feature differs."""

    upstream = texts("The nearest features upstream that changed themselves.")
    opaque = texts("Why not all that it reaches is known.")
    variants = listed(PlaceSchema, "Its functions.")


class DataflowChangeSchema(Schema):
    """How a dataflow differs."""

    name = text("Its name.")
    change = text("added, removed or changed.")
    details = texts("What changed of it.")


class FlowEdgeSchema(Schema):
    """Who needs whom in a dataflow."""

    source = text("Key of what is needed.", data_key="from")
    target = text("Key of what needs it.", data_key="to")
    dataflow = text("The dataflow.")


class EdgeChangesSchema(Schema):
    """Edges that came and went."""

    added = listed(FlowEdgeSchema, "Who needs whom only now.")
    removed = listed(FlowEdgeSchema, "Who needed whom only before.")


class ComparisonSchema(Schema):
    """What changed between two commits."""

    before = optional_text("The first commit; null where the second has no parent.")
    after = text("The second commit.")
    counts = mapping("How many features changed, by change class.", fields.Integer())
    features = listed(FeatureChangeSchema, "The features that changed, by key.")
    dataflows = listed(DataflowChangeSchema, "The dataflows that changed.")
    edges = nested(EdgeChangesSchema, "Edges that came and went.")


class ReachedSchema(Schema):
    """A feature that a change upstream reaches."""

    key = text("`module:name`.")
    module = text("Its module.")
    steps = count("How far it is from the nearest feature that changed itself.")
    owners = texts("Whom to ask about it.")
    because = texts("The nearest features that changed themselves, by some way up.")


class ReachSchema(Schema):
    """How many features of a module or an owner changes concern."""

    name = text("The module, or the owner; empty where nobody is known.")
    changed = count("How many changed themselves.")
    reached = count("How many are reached.")


class ReachedOutputsSchema(Schema):
    """What of a dataflow's outputs changes reach."""

    dataflow = text("The dataflow.")
    names = texts("Its outputs that changed or are reached.")


class ReachedDatasetSchema(Schema):
    """A saved dataset that would come out otherwise."""

    name = text("Its name.")
    run = count("The run that saved its newest version.")
    sha = text("The commit of that run.")
    outputs = texts("Those of its columns or values that are reached.")


class ImpactSchema(Schema):
    """What changed in meaning between two commits, and what that reaches."""

    before = optional_text("The first commit; null where the second has no parent.")
    after = text("The second commit.")
    changed = listed(MeantSchema, "The features that changed in meaning, by key.")
    reached = listed(ReachedSchema, "The features downstream of them, the nearest first.")
    modules = listed(ReachSchema, "How many features that concerns, by module.")
    owners = listed(ReachSchema, "The same by owner.")
    outputs = listed(ReachedOutputsSchema, "What of the outputs of dataflows.")
    datasets = listed(ReachedDatasetSchema, "Which saved datasets.")


class TwoQuery(Schema):
    """Which two commits are meant."""

    a = named("The first commit, branch or tag; the second's first parent unless given.", "ref")
    b = named("The second; the last that was scanned unless given.", "ref")
    parted = Flag(
        load_default=False,
        metadata={"description": "Begin where the second left the first, as A...B does."},
    )


class CompareQuery(TwoQuery):
    """What comparisons are asked."""

    formatting = formatting_asked()
