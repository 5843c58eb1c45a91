"""Lineage: what a node needs and what needs it, and the ways between two."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response

from headwater_catalog.answers.lineage import lineage_json, ways_between, ways_json
from headwater_catalog.features import find_key
from headwater_catalog.lineage import INPUT_PREFIX, LineageGraph, difference
from headwater_catalog.moments import Moment
from headwater_web.api.answering import answer
from headwater_web.api.resources import KEY, REPOSITORY, Resource
from headwater_web.api.schemas.lineage import LineageQuery, LineageSchema, PathsQuery, PathsSchema
from headwater_web.reading import as_of, moment_named

__all__ = ["resource"]

resource = Resource("lineage", "Who needs whom.")


@resource.get("/lineage/<repo>/<path:key>", LineageSchema, LineageQuery, (REPOSITORY, KEY), errors=(404, 409))
def show_lineage(args: dict[str, Any], repo: str, key: str) -> Response:
    """Show what a feature or `input:name` needs and what needs it, within some steps or all of it."""
    moment, dataflow = as_of(repo).moment, args.get("dataflow")
    graph, up, down = moment.graph(dataflow), args.get("up"), args.get("down")
    focus = _node(moment, graph, key)
    near = graph.around(focus, up, down)
    changes = None
    if "since" in args:
        earlier = moment_named(repo, args["since"]).graph(dataflow)
        changes = asdict(difference(earlier.around(focus, up, down), near))
    return answer({**lineage_json(near, focus, up, down), "changes": changes})


@resource.get("/paths/<repo>", PathsSchema, PathsQuery, (REPOSITORY,), errors=(404, 409))
def show_paths(args: dict[str, Any], repo: str) -> Response:
    """Show the ways by which the values of one node reach another; where none does, those back."""
    moment = as_of(repo).moment
    graph = moment.graph(args.get("dataflow"))
    ends = (_node(moment, graph, args[end]) for end in ("source", "target"))
    found = ways_between(graph, *ends, longer=args["longer"], limit=args["limit"])
    return answer(ways_json(graph, found))


def _node(moment: Moment, graph: LineageGraph, text: str) -> str:
    """Return the key of the feature or the input that a text names.

    Raises:
        NotFound: It names none in this graph.
        AmbiguousName: It names several.
    """
    key = text if text.startswith(INPUT_PREFIX) else ":".join(find_key(moment, text))
    return graph[key].key
