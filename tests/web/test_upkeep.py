"""The pages of upkeep: coverage over time, docs older than logic, and where logic came from."""

import html
import re
from itertools import pairwise

import pytest
from flask.testing import FlaskClient


@pytest.fixture(scope="module")
def client(app) -> FlaskClient:
    return app.test_client()


def _text(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def _found(client: FlaskClient, href: str) -> int:
    return len(client.get(html.unescape(href).replace("/search?", "/search.json?")).json["items"])


@pytest.mark.parametrize(
    "path",
    [
        "/governance/coverage",
        "/governance/coverage?by=module&name=features.spend",
        "/governance/coverage?by=owner&name=crm",
        "/governance/coverage?by=owner",
        "/governance/coverage?at=HEAD~9",
    ],
)
def test_every_number_of_the_coverage_opens_the_list_of_that_many(client, path):
    page = client.get(path).text
    links = re.findall(r'<a[^>]* href="(/search\?[^"]+)"[^>]*>([0-9,]+)(?: features?|<span|</a>)', page)

    assert len(links) > 10
    for href, count in dict(links).items():
        assert _found(client, href) == int(count), href


def test_the_overview_has_a_number_for_each_list(client):
    page = client.get("/governance").text
    upkeep = page[page.index('id="upkeep"') : page.index("</dl>")]
    numbers = re.findall(r'<dt>([^<]*)</dt><dd><a href="([^"]+)">([0-9,]+)</a>', upkeep)

    assert [name for name, _, _ in numbers] == [
        *("without owners", "without docs", "without checks", "without tests"),
        *("functions with docs older than logic", "functions by unsigned commits"),
        "functions by unreviewed commits",
    ]
    for name, href, count in numbers:
        if href.startswith("/search"):
            assert _found(client, href) == int(count), name
        else:
            place, _, query = html.unescape(href).partition("?")
            assert len(client.get(f"{place}.json?{query}").json["items"]) == int(count), name


def test_coverage_is_drawn_and_told_commit_by_commit(client):
    page = client.get("/governance/coverage").text
    rows = client.get("/governance/coverage.json").json["items"]

    assert 'aria-label="Shares over time; at the end owners 73 %, docs 100 %, checks 11 %, tests 6 %"' in page
    assert len(re.findall(r'<polyline class="curve--\w+" points="0.00,', page)) == 4
    assert rows[0]["features"] == 6 and rows[-1] | {"commit": "", "at": ""} == {
        **{"repository": "demo", "commit": "", "at": "", "features": 61},
        **{"owner": 45, "doc": 61, "check": 7, "test": 4},
    }
    counts = [[row[kind] for kind in ("features", "owner", "doc", "check", "test")] for row in rows]
    assert all(before != after for before, after in pairwise(counts))
    csv = client.get("/governance/coverage.csv?list=module").text
    assert "demo,features.spend,9,2,9,0,2" in csv
    assert "demo,CRM,10,10,10,1,0" in client.get("/governance/coverage.csv?list=owner").text


def test_a_part_that_never_was_is_told_as_such(client):
    missing = client.get("/governance/coverage?by=module&name=features.spnd")

    assert missing.status_code == 404 and "Did you mean" in missing.text and "features.spend" in missing.text
    assert client.get("/governance/coverage?repo=nowhere").status_code == 404


def test_docs_older_than_logic_name_the_commits_since(client):
    page = client.get("/governance/drift")
    (row,) = client.get("/governance/drift.json?repo=demo").json["items"]

    assert "1 function whose logic changed after" in _text(page.text)
    assert "Stop the run when the signup rate cannot be true" in page.text
    assert (row["key"], row["author"], row["changes"]) == (
        "features.signups:signup_rate",
        "Maya Lindqvist",
        1,
    )
    assert _found(client, "/search?q=upkeep:drifted") == 1


def test_where_logic_came_from_tells_signatures_and_reviewers(client):
    page = _text(client.get("/governance/origins?lacks=all").text)
    rows = client.get("/governance/origins.json?lacks=all").json["items"]
    unreviewed = client.get("/governance/origins.json?lacks=unreviewed").json["items"]
    reviewed = [row for row in rows if row["reviewers"]]

    assert "Reviewed-by and Approved-by at the end of the message, and a merge by somebody else" in page
    assert (
        "Ravi Menon, 1 year ago , merged by Maya Lindqvist in" in page or "merged by Maya Lindqvist" in page
    )
    assert {row["signed"] for row in rows} == {False}
    assert {row["merged_by"] for row in reviewed} == {"Maya Lindqvist"}
    assert len(unreviewed) == len(rows) - len(reviewed)
    assert {row["key"] for row in unreviewed} == {
        f"{hit['module']}:{hit['name']}"
        for hit in client.get("/search.json?q=upkeep:unreviewed").json["items"]
    }


def test_a_commit_says_whether_it_is_signed_where_that_is_known(client):
    main = client.get("/api/v1/commits/demo/main").json

    assert main["is_signed"] is False
    assert "<li>not signed</li>" in client.get(f"/r/demo/c/{main['sha']}").text


def test_the_api_tells_the_same(client):
    api = "/api/v1/repositories/demo/coverage"
    now = client.get(api).json
    history = client.get(f"{api}/history?by=owner&name=CRM&limit=2").json
    following = client.get(f"{api}/history?by=owner&name=CRM&cursor={history['next']}").json

    assert (now["features"], now["owner"], now["test"]) == (61, 45, 4)
    assert {"name": "CRM", "features": 10, "owner": 10, "doc": 10, "check": 1, "test": 0} in now["owners"]
    assert history["items"][0]["features"] == 10 and len(history["items"]) == 2 and following["items"]
    assert client.get(f"{api}?at=HEAD~9").json["features"] < 61
    assert client.get(f"{api}/history?by=module&name=nothing").status_code == 404
    (drift,) = client.get("/api/v1/drift").json["items"]
    assert drift["since"]["author"] == "Maya Lindqvist"
    page = client.get("/api/v1/origins?lacks=unreviewed&limit=1").json
    assert page["items"][0]["lacks"] == ["unsigned", "unreviewed"] and page["next"]
    assert client.get("/api/v1/origins?lacks=nothing").status_code == 422
