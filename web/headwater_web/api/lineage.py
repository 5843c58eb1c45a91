"""Lineage: what a node needs and what needs it, and the ways between two."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response

from headwater_catalog.answers.lineage import lineage_json, ways_between, ways_json
from headwater_catalog.errors import Conflict
from headwater_catalog.lineage import difference
from headwater_catalog.lineage_asked import asked_graph
from headwater_web.api.answering import answer
from headwater_web.api.resources import KEY, REPOSITORY, Resource
from headwater_web.api.schemas.lineage import LineageQuery, LineageSchema, PathsQuery, PathsSchema
from headwater_web.reading import as_of, moment_named

__all__ = ["resource"]

resource = Resource("lineage", "Who needs whom.")


@resource.get("/lineage/<repo>/<path:key>", LineageSchema, LineageQuery, (REPOSITORY, KEY), errors=(404, 409))
def show_lineage(args: dict[str, Any], repo: str, key: str) -> Response:
    """Show what a feature or `input:name` needs and what needs it, within some steps or all of it."""
    if args["across"] and "since" in args:
        raise Conflict("`since` compares commits of one repository, and `across` goes on in others.")
    dataflow, up, down = (args.get(name) for name in ("dataflow", "up", "down"))
    asked = asked_graph(as_of(repo).moment, dataflow, is_across=args["across"])
    focus = asked.key(key)
    near = asked.graph.around(focus, up, down)
    changes = None
    if "since" in args:
        earlier = moment_named(repo, args["since"]).lineage(dataflow)
        changes = asdict(difference(earlier.around(focus, up, down), near))
    told = lineage_json(near, focus, up, down)
    more = {"unresolved": asked.unresolved, "unclear": asked.unclear(near), "changes": changes}
    return answer({**told, **more})


@resource.get("/paths/<repo>", PathsSchema, PathsQuery, (REPOSITORY,), errors=(404, 409))
def show_paths(args: dict[str, Any], repo: str) -> Response:
    """Show the ways by which the values of one node reach another; where none does, those back."""
    asked = asked_graph(as_of(repo).moment, args.get("dataflow"), is_across=args["across"])
    ends = (asked.key(args[end]) for end in ("source", "target"))
    found = ways_between(asked.graph, *ends, longer=args["longer"], limit=args["limit"])
    return answer({**ways_json(asked.graph, found), "unresolved": asked.unresolved})
