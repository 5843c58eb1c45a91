"""The shapes of lineage."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_web.api.schemas.fields import (
    AtQuery,
    Count,
    Flag,
    count,
    flag,
    listed,
    named,
    nested,
    text,
    texts,
)

__all__ = ["LineageQuery", "LineageSchema", "NodeSchema", "PathsQuery", "PathsSchema"]


class NodeSchema(Schema):
    """A feature, an input, or a table or column in a lineage."""

    key = text("`module:name`, `input:name`, `table:place` or `table:place#column`.")
    name = text("Its name.")
    type = text("Type of its value.")
    input = flag("Whether it comes from outside.")
    table = flag("Whether it is a table or a column of one.")


class FarNodeSchema(NodeSchema):
    """A node with its distance."""

    distance = count("Steps from the focus.")


class EdgeSchema(Schema):
    """`target` needs `source`."""

    source = text("Key of what is needed.")
    target = text("Key of what needs it.")
    dataflows = texts("The dataflows in which it does.")


class LineageDifferenceSchema(Schema):
    """What came into a lineage, and what went."""

    added = texts("Keys of nodes that came.")
    removed = texts("Keys of nodes that went.")
    added_edges = listed(EdgeSchema, "Edges that came.")
    removed_edges = listed(EdgeSchema, "Edges that went.")


class LineageSchema(Schema):
    """What a node needs and what needs it, nearest first."""

    focus = text("Key of the node.")
    upstream = listed(FarNodeSchema, "What it needs, directly or not.")
    downstream = listed(FarNodeSchema, "What needs it, directly or not.")
    edges = listed(EdgeSchema, "The edges among all of these.")
    unresolved = texts("Sources of other repositories that were declared in vain; with `across`.")
    unclear = texts("What cannot be told for sure of the tables in it.")
    changes = nested(LineageDifferenceSchema, "What changed since another commit.", allow_none=True)


class CommonSchema(Schema):
    """What two nodes have in common upstream."""

    key = text("Its key.")
    distances = fields.List(
        fields.Integer(), required=True, metadata={"description": "Steps to each of the two."}
    )


class PathsSchema(Schema):
    """The ways from one node downstream to another."""

    source = text("Where they begin.")
    target = text("Where they end.")
    paths = fields.List(
        fields.List(fields.Nested(NodeSchema)),
        required=True,
        metadata={"description": "The ways, the shortest first."},
    )
    cut = flag("Whether there may be more.")
    common = listed(CommonSchema, "Where neither reaches the other, what both come from.")
    unresolved = texts("Sources of other repositories that were declared in vain; with `across`.")


def _steps(description: str) -> Count:
    return Count(validate=validate.Range(min=0, max=100_000), metadata={"description": description})


class _WhereQuery(AtQuery):
    dataflow = named("Only in this dataflow.", "dataflow")
    across = Flag(
        load_default=False,
        metadata={"description": "Go on in other repositories where sources say so; keys begin with theirs."},
    )


class LineageQuery(_WhereQuery):
    """What the lineage of a node is asked."""

    up = _steps("Steps upstream; all unless given.")
    down = _steps("Steps downstream; all unless given.")
    since = named("Tell what changed since this commit.", "ref")


class PathsQuery(_WhereQuery):
    """What the ways between two nodes are asked."""

    source = named("Where they begin: a feature, or input:name.", "feature", required=True)
    target = named("Where they end.", "feature", required=True)
    longer = Flag(
        load_default=False, metadata={"description": "Also the ways that are longer than the shortest."}
    )
    limit = Count(
        load_default=20,
        validate=validate.Range(min=1, max=100),
        metadata={"description": "How many ways there are at most."},
    )
