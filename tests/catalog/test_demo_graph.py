"""On the demo repository the reader's graph is the one that the engine builds from the imported modules."""

import importlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headwater import compat
from headwater.build import build
from headwater.function import Function, functions_of
from headwater.graph import Graph
from headwater_catalog.demo import init_demo
from headwater_catalog.git import GitSource
from headwater_catalog.read import Reading, read_directory


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give the files of every commit of the demo, each in a folder of its own, in the order of history."""
    place = tmp_path_factory.mktemp("demo")
    init_demo(place / "repository")
    git = ["git", "-C", str(place / "repository"), "rev-list", "--reverse", "HEAD"]
    commits = subprocess.run(git, check=True, capture_output=True, text=True).stdout.split()
    with GitSource.mirror(str(place / "repository"), place / "mirror.git") as source:
        for commit in commits:
            source.export_tree(commit, place / commit)
    return [place / commit for commit in commits]


@contextmanager
def imported(tree: Path, modules: tuple[str, ...]) -> Iterator[list[Function]]:
    """Give the live functions of a tree's modules, and forget the modules afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(tree))
    compat.activate()
    try:
        yield [fn for name in modules for fn in functions_of(importlib.import_module(name))]
    finally:
        compat.deactivate()
        sys.path.remove(str(tree))
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "features":
                del sys.modules[name]


def described(graph: Graph) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return all that a graph says of each node, by name and condition, in plain values."""
    return {
        (node.name, str(node.condition)): {
            "type": str(node.type),
            "edges": [(a.parameter, a.node, str(a.type), a.is_optional) for a in node.arguments],
            "tags": dict(node.tags),
            "doc": node.doc,
            "feature": node.feature,
            "role": node.role,
            "line": node.function.location.line if node.function else 0,
            "partial": node.partial,
        }
        for node in graph.nodes
    }


def functions_read(reading: Reading, modules: tuple[str, ...]) -> list[Function]:
    return [function for name in modules for function in reading.modules[name].functions]


def test_nodes_edges_types_and_tags_are_equal_at_every_commit(trees: list[Path]) -> None:
    compared = 0
    for tree in trees:
        reading = read_directory(tree)
        assert not reading.diagnostics
        for dataflow in reading.dataflows:
            read = functions_read(reading, dataflow.modules)
            with imported(tree, dataflow.modules) as live:
                for config in (None, dict(dataflow.config)):
                    graph = described(build(read, config))
                    assert graph == described(build(live, config)), f"{tree.name} {dataflow.name}"
                    assert not any(node["partial"] for node in graph.values())
                    compared += len(graph)

    assert compared > 2_000


def test_every_configuration_of_the_variants_gives_the_same_graph(trees: list[Path]) -> None:
    reading = read_directory(trees[-1])
    dataflow = next(flow for flow in reading.dataflows if flow.name == "marketing")
    with imported(trees[-1], dataflow.modules) as live:
        read = functions_read(reading, dataflow.modules)
        graphs = {region: described(build(read, {"region": region})) for region in ("UK", "US", "DE", "FR")}

        assert all(graph == described(build(live, {"region": r})) for r, graph in graphs.items())
    assert len({str(graph) for graph in graphs.values()}) > 1
