"""The shapes of comparisons."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.fields import (
    Flag,
    count,
    listed,
    mapping,
    named,
    nested,
    optional_text,
    text,
    texts,
)

__all__ = ["CompareQuery", "ComparisonSchema"]


class PlaceSchema(Schema):
    """Where a function stands."""

    function = text("Its name.")
    path = text("The file.")
    line = count("The line.")


class FeatureChangeSchema(Schema):
    """How a feature differs."""

    key = text("`module:name`.")
    classes = texts("In which ways: added, removed, moved, logic, signature, tags, docs, upstream only.")
    origin = optional_text("Its key before, if it moved.")
    because = texts("What beside its own text made the difference.")
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


class CompareQuery(Schema):
    """What comparisons are asked."""

    before = named(
        "The first commit, branch or tag; the second's first parent unless given.", "ref", data_key="from"
    )
    after = named("The second; the last that was scanned unless given.", "ref", data_key="to")
    parted = Flag(
        load_default=False,
        metadata={"description": "Begin where the second left the first, as A...B does."},
    )
    formatting = Flag(
        load_default=False, metadata={"description": "Also list changes of layout and comments only."}
    )
