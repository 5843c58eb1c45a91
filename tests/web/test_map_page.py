"""The map of a repository."""

import re

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.lineage import LineageGraph, LineageNode
from headwater_web import repository_map
from headwater_web.repository_map import lay_out


def _graph(sizes: dict[str, int]) -> LineageGraph:
    keys = [(module, f"f{number}") for module, size in sizes.items() for number in range(size)]
    nodes = {
        f"{module}:{name}": LineageNode(f"{module}:{name}", name, module, "int") for module, name in keys
    }
    nodes["input:x"] = LineageNode("input:x", "x", "", "int")
    return LineageGraph(nodes, {("input:x", key): ("flow",) for key in nodes if key != "input:x"})


_modules = st.lists(st.sampled_from(["a", "b", "part"]), min_size=1, max_size=3).map(".".join)


@given(st.dictionaries(_modules, st.integers(1, 60), min_size=1, max_size=12))
def test_every_node_has_a_tile_and_no_two_share_a_place(sizes: dict[str, int]):
    graph = _graph(sizes)
    drawn = lay_out(graph, lambda key: "", None)
    places = {
        (block.x + tile.x, block.y + tile.y): tile.node.key
        for region in drawn.regions
        for block in region.blocks
        for tile in block.tiles
    }

    assert sorted(places.values()) == sorted(graph.nodes)
    for region in drawn.regions:
        assert region.x + region.width <= drawn.width + 0.01
        assert region.y + region.height <= drawn.height + 0.01
        for block in region.blocks:
            assert region.x <= block.x and block.x + block.width <= region.x + region.width
            assert region.y <= block.y and block.y + block.height <= region.y + region.height
            assert all(tile.x < block.width and tile.y < block.height for tile in block.tiles)


def test_of_a_repository_too_large_for_tiles_the_modules_are_drawn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(repository_map, "MOST_TILES", 10)
    drawn = lay_out(_graph({"a": 9, "b": 3}), lambda key: "", "a:f1")
    blocks = [block for region in drawn.regions for block in region.blocks]

    assert [(block.module, block.count, block.tiles) for block in blocks] == [
        ("a", 9, ()),
        ("b", 3, ()),
        ("", 1, ()),
    ]
    assert not drawn.ways


def test_the_page_has_a_tile_for_each_feature_that_leads_to_where_it_reaches(client: FlaskClient):
    html = client.get("/r/demo/map").text
    keys = re.findall(r'data-key="([^"]*)"', html)

    assert "features.segments:segment" in keys
    assert "input:signups" in keys
    chosen = re.search(r'<a href="([^"]*)"[^>]*data-key="features.segments:rfm_score"', html)
    assert chosen
    shown = client.get(chosen[1].replace("&amp;", "&")).text
    assert shown.count("is-up") > shown.count("is-down") > 0


@pytest.mark.parametrize("query", ["?node=nothing", "?lens=nothing", "?lens=changed", "?lens=", "?at=v1.0"])
def test_what_the_address_says_wrongly_is_passed_over(client: FlaskClient, query: str):
    assert client.get(f"/r/demo/map{query}").status_code == 200


def test_a_commit_to_count_changes_from_must_be_there(client: FlaskClient):
    assert client.get("/r/demo/map?lens=changed&since=v1.0").status_code == 200
    assert client.get("/r/demo/map?lens=changed&since=nothing-like-this").status_code == 404
