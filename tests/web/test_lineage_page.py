"""The lineage page without a browser: its addresses, groups, colours and files."""

import csv
import io
import re
from html import unescape
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from headwater_catalog.exploration import Opening
from headwater_web.explorer_state import ExplorerState

_SEGMENT = "/r/demo/lineage?focus=segment"


def _html(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.text)


def _boxes(html: str) -> set[str]:
    graph = html[html.index('class="graph"') : html.index("</svg>", html.index('class="graph"'))]
    return set(re.findall(r'data-key="([^"]*)"', graph))


def test_an_address_says_all_and_nothing_that_makes_no_sense():
    args = MultiDict(
        [
            ("focus", "a:b"),
            ("up", "99"),
            ("down", "x"),
            ("open", "up:a:c"),
            ("open", "sideways:a"),
            ("open", "up:"),
        ]
        + [("hide", "a:d"), ("hide", "a:d")]
    )
    state = ExplorerState.of("shop", args)

    assert (state.steps("up"), state.steps("down")) == (10, 1)
    assert state.openings == (Opening("a:c", "up"),)
    assert state.hidden == ("a:d",)
    assert ExplorerState.of("shop", MultiDict(state.pairs())) == state


def test_groups_open_with_all_that_they_hold():
    assert ExplorerState.of("shop", MultiDict({"group": "module"})).steps("up") is None


def test_the_page_begins_with_one_step_each_way(client: FlaskClient):
    assert _boxes(_html(client, _SEGMENT)) == {
        "features.segments:segment",
        "features.segments:rfm_score",
        "features.segments:segment_sizes",
    }


def test_a_count_leads_to_exactly_that_many_more(client: FlaskClient):
    html = _html(client, _SEGMENT)
    found = re.search(r'class="rim" href="([^"]*)"><title>(\d+) more upstream of rfm_score', html)

    assert found
    assert len(_boxes(_html(client, found[1])) - _boxes(html)) == int(found[2])


def test_a_group_tells_its_members_and_unfolds(client: FlaskClient):
    html = _html(client, f"{_SEGMENT}&group=module&node=:up:features.orders")
    assert ":up:features.orders" in _boxes(html)
    assert ">last_order_on</a>" in html

    unfolded = re.search(r'href="([^"]*)">Unfold', html)
    assert unfolded
    assert "features.orders:last_order_on" in _boxes(_html(client, unfolded[1]))


def test_a_classification_colours_its_own_and_what_is_downstream_of_it(client: FlaskClient):
    html = _html(client, "/r/demo/lineage?focus=email_normalized&down=all&lens=classification:pii")

    assert "by its tag" in html
    assert "from upstream" in html


def test_changes_since_a_commit_are_told_apart(client: FlaskClient):
    html = _html(client, f"{_SEGMENT}&up=all&lens=changed&since=v1.0")

    assert re.search(r"(added|changed code)</span> \d", html)
    assert client.get(f"{_SEGMENT}&lens=changed&since=nothing-like-this").status_code == 404


def test_where_no_way_leads_what_both_come_from_is_told(client: FlaskClient):
    html = _html(client, "/r/demo/lineage?focus=spend_per_signup&to=signup_rate")

    assert "No way leads" in html
    assert "Both come from" in html


@pytest.mark.parametrize(
    "query",
    ["&to=nowhere", "&lens=nothing", "&group=nothing", "&node=nothing", "&hide=nothing", "&open=up:nothing"],
)
def test_what_is_not_there_is_told_or_passed_over(client: FlaskClient, query: str):
    assert client.get(f"{_SEGMENT}{query}").status_code == (404 if "to=" in query else 200)


def test_the_files_have_what_is_drawn(client: FlaskClient):
    query = "focus=segment&up=2&group=owner&lens=owner"
    boxes = _boxes(_html(client, f"/r/demo/lineage?{query}"))
    drawn = client.get(f"/r/demo/lineage.json?{query}").get_json()
    svg = ElementTree.fromstring(client.get(f"/r/demo/lineage.svg?{query}").text)
    dot, mermaid = (client.get(f"/r/demo/lineage.{kind}?{query}").text for kind in ("dot", "mmd"))

    assert {node["key"] for node in drawn["nodes"]} == boxes
    titles = list(svg.iter("{http://www.w3.org/2000/svg}title"))
    assert len(titles) == len(boxes) + 1
    assert dot.count(" [label=<") == mermaid.count("<b>") == len(boxes)


def test_the_table_has_all_that_is_up_and_downstream(client: FlaskClient):
    answer = client.get("/r/demo/lineage.csv?focus=segment")
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.mimetype == "text/csv"
    assert len(rows) == 15
    assert {row["side"] for row in rows} == {"upstream", "downstream"}
    assert {row["name"] for row in rows if row["distance"] == "1"} == {"rfm_score", "segment_sizes"}


def test_a_file_of_another_kind_is_not_found(client: FlaskClient):
    assert client.get("/r/demo/lineage.exe?focus=segment").status_code == 404


def test_the_picture_carries_no_script_and_no_address(client: FlaskClient):
    text = client.get("/r/demo/lineage.svg?focus=segment").text

    assert "<script" not in text
    assert "href" not in text


@pytest.mark.parametrize("focus", ["features:loud", "features:turned", "features:after", "input:column"])
def test_files_of_hostile_names_stay_files(hostile_client: FlaskClient, focus: str):
    picture = hostile_client.get(f"/r/hostile/lineage.svg?focus={focus}&up=all&down=all&lens=owner")
    ElementTree.fromstring(picture.text)

    assert "<script" not in picture.text
    assert "\u202e" not in picture.text
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    assert "script-src" not in picture.headers["Content-Security-Policy"]
    for kind in ("dot", "mmd", "json", "csv"):
        answer = hostile_client.get(f"/r/hostile/lineage.{kind}?focus={focus}")
        assert answer.status_code == 200
        assert answer.mimetype not in ("text/html", "application/xhtml+xml")
