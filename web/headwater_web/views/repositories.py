"""The page of a repository: its dataflows, its modules, and what in its files could not be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template

from headwater_catalog.features import list_modules
from headwater_catalog.lineage import LineageGraph
from headwater_catalog.problems import problems_of
from headwater_catalog.views import DataflowView
from headwater_web.lists import Table, as_files
from headwater_web.reading import as_of

__all__ = ["as_json", "blueprint", "makers"]

blueprint = Blueprint("repositories", __name__)

_LISTED = 500  # problems; more than anyone reads


@dataclass(frozen=True, slots=True)
class DataflowPage:
    """A dataflow with the features that make its outputs; an output may be a part of a feature."""

    flow: DataflowView
    makers: Mapping[str, str]


@blueprint.get("/r/<repo>")
def repository(repo: str) -> str:
    """Show a repository."""
    view = as_of(repo)
    snapshot = view.moment.snapshot
    told = problems_of(snapshot)
    return render_template(
        "repository.html",
        view=view,
        features=len(snapshot.variants),
        dataflows=[DataflowPage(flow, makers(snapshot.graph, flow)) for flow in snapshot.dataflows],
        modules=list_modules(view.moment),
        tables=list(snapshot.tables.tables.values()),
        problems=told[:_LISTED],
        problem_count=len(told),
        as_json=as_json,
    )


@as_files(blueprint, "/r/<repo>/dataflows")
def dataflows(repo: str) -> Table:
    """Give the dataflows of a repository as a table."""
    rows = (
        (flow.name, flow.origin, flow.modules, flow.config, flow.outputs, list(flow.sources))
        for flow in as_of(repo).moment.snapshot.dataflows
    )
    return Table("dataflows", ("name", "origin", "modules", "config", "outputs", "sources"), rows)


@as_files(blueprint, "/r/<repo>/modules")
def modules(repo: str) -> Table:
    """Give the modules of a repository that define features as a table."""
    rows = ((row.name, row.path, row.features) for row in list_modules(as_of(repo).moment))
    return Table("modules", ("module", "path", "features"), rows)


@as_files(blueprint, "/r/<repo>/problems")
def problems(repo: str) -> Table:
    """Give the problems in the files of a repository as a table."""
    found = problems_of(as_of(repo).moment.snapshot)
    rows = ((problem.path, problem.line, problem.message) for problem in found)
    return Table("problems", ("path", "line", "message"), rows)


def as_json(value: Any) -> str:
    """Write a value of a configuration as JSON."""
    return json.dumps(value, ensure_ascii=False)


def makers(graph: LineageGraph, flow: DataflowView) -> dict[str, str]:
    """Return the key of the feature that makes each output of a dataflow."""
    outputs = frozenset(flow.outputs)
    return {
        name: node.key
        for module in flow.modules
        for node in graph.defined_in(module)
        for name in outputs.intersection((node.name, *node.parts))
    }
