"""The values of a feature at two commits: the form, the page while they go on and afterwards, and the API."""

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from flask.testing import FlaskClient

from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.run_catalog import SPEND, Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs

_FIELD = re.compile(r'name="([^"]+)" value="([^"]*)"')
_LATER = SPEND.replace("spend / signups", "spend / signups + (spend > 15)")


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Give a catalog in which a feature has changed since the tag v1."""
    make_repository(git_repo)
    git_repo.git("tag", "v1")
    git_repo.write("features/spend.py", dedent(_LATER))
    git_repo.commit("Count both ways")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def web(shop: Catalog) -> FlaskClient:
    return create_app(shop.settings, shop.database).test_client()


def _send(web: FlaskClient, address: str, **fields: str) -> Any:
    shown = web.get(address).text
    given = {unescape(name): unescape(value) for name, value in _FIELD.findall(shown)}
    return web.post("/runs", data={**given, **fields})


@pytest.mark.runs(databases=True)
def test_a_form_with_another_commit_compares_the_values(shop: Catalog, web: FlaskClient):
    form = web.get("/r/shop/run?output=spend_per_signup&before=v1").text
    assert "<h1>Compare values</h1>" in form and "Run both, and compare" in form
    assert 'name="save"' not in form and 'name="own_data"' in form
    sent = _send(web, "/r/shop/run?output=spend_per_signup&before=v1", sample="2", tolerance="1e-6")
    assert (sent.status_code, sent.location) == (303, "/runs/compare?a=1&b=2"), sent.text

    waiting = web.get(sent.location).text
    assert "after #1, of which it takes what means the same" in waiting
    assert 'http-equiv="refresh"' in waiting and "Cancel both" in waiting
    part = web.get("/runs/compare/state?a=1&b=2")
    assert 'hx-get="/runs/compare/state?a=1&amp;b=2"' in part.text and "HX-Refresh" not in part.headers

    Worker(shop.database, shop.settings).run(once=True)
    assert web.get("/runs/compare/state?a=1&b=2").headers["HX-Refresh"] == "true"
    page = unescape(web.get(sent.location).text)
    assert "2 rows in both, matched by" in page and "1 row has other values." in page
    assert "Within 1e-06" in page
    assert '<svg class="overlay"' in page and "<polyline" in page
    assert "0 before, 1 after" in page  # a bin of the histograms
    assert 'http-equiv="refresh"' not in page
    assert "Values compared with #2" in web.get("/runs/1").text
    rows = list(csv.reader(io.StringIO(web.get("/runs/compare/rows.csv?a=1&b=2").text)))
    assert rows == [
        ["week", "column", "before", "after"],
        ["2026-01-12 00:00:00", "spend_per_signup", "5.0", "6.0"],
    ]


def test_the_declared_configuration_is_not_carried_to_the_other_commit(shop: Catalog, web: FlaskClient):
    _send(web, "/r/shop/run?output=holiday_count&before=v1&config.region=US")
    _send(web, "/r/shop/run?output=holiday_count&before=v1")

    assert shop.get(1).config == shop.get(2).config == {"region": "US"}
    assert shop.get(3).config == {"region": "UK"}


@pytest.mark.runs(databases=True)
def test_both_are_cancelled_on_the_page(shop: Catalog, web: FlaskClient):
    _send(web, "/r/shop/run?output=spend_per_signup&before=v1")
    token = dict(_FIELD.findall(web.get("/runs/compare?a=1&b=2").text))["csrf_token"]

    def cancel(**numbers: str) -> Any:
        return web.post("/runs/compare/cancel", data={"csrf_token": token, **numbers})

    cancelled = cancel(a="1", b="2")

    assert (cancelled.status_code, cancelled.location) == (303, "/runs/compare?a=1&b=2")
    assert [shop.get(number).job.state for number in (1, 2)] == ["cancelled", "cancelled"]
    assert "They cannot be compared, because run 1 cancelled" in unescape(web.get(cancelled.location).text)
    assert cancel(a="1", b="2").status_code == 409
    assert cancel(a="2", b="1").status_code == 404
    assert cancel(a="x").status_code == 409
    assert web.get("/runs/compare/rows.csv?a=1&b=2").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({"before": "v9"}, 404, "v9"),
        ({"tolerance": "much"}, 409, "The tolerance is a number such as 1e-9"),
        ({"tolerance": "2"}, 409, "A tolerance is a number from 0 up to 1"),
        ({"sample": "0"}, 409, "A sample is of 1 to"),
        ({"output": "scaledd"}, 404, "Did you mean 'scaled'?"),
    ],
)
def test_what_cannot_be_compared_comes_back_with_the_reason(
    web: FlaskClient, asked: dict[str, str], status: int, message: str
):
    answer = _send(web, "/r/shop/run?output=scaled&before=v1", **asked)

    assert answer.status_code == status
    assert message in unescape(answer.text)
    assert "Nothing has run yet" in web.get("/runs").text
    assert (
        web.get("/r/shop/run", query_string={"output": "scaled", "before": "v1", **asked}).status_code == 200
    )


def test_pages_lead_to_the_form(web: FlaskClient):
    feature = unescape(web.get("/r/shop/f/features.spend:spend_per_signup").text)
    compared = unescape(web.get("/r/shop/compare?a=v1&b=HEAD").text)
    links = re.findall(r'href="(/r/shop/run\?[^"]*before=[^"]*)"', feature + compared)

    assert len(links) == 3  # beside the button, in the history, in the comparison
    for link in links:
        assert "Run both, and compare" in web.get(link).text, link


def test_runs_that_nobody_compared_offer_it(shop: Catalog, web: FlaskClient):
    for at in ("v1", None):
        shop.run("spend_per_signup", at=at)
    page = unescape(web.get("/runs/compare?a=1&b=2").text)
    offered = re.search(r'href="([^"]+)">Compare their values cell by cell', page)

    assert offered
    assert "Run both, and compare" in web.get(offered[1]).text
    assert '<h2 id="numbers">Numbers</h2>' in page


def test_the_api_asks_for_it_and_gives_all_of_it(shop: Catalog, web: FlaskClient):
    asked = {"repository": "shop", "before": "v1", "outputs": ["spend_per_signup", "holiday_count"]}
    made = web.post("/api/v1/runs/compare", json={**asked, "sample": 2, "tolerance": 0.5})
    assert (made.status_code, made.location) == (202, "/api/v1/runs/compare?a=1&b=2"), made.text
    assert made.json["values"]["verdict"] == ""
    Worker(shop.database, shop.settings).run(once=True)
    found = web.get(made.location).json["values"]

    assert (found["verdict"], found["reason"], found["tolerance"]) == ("equal within tolerance", "", 0.5)
    assert found["details"]["columns"][0]["unequal"] == 1
    assert found["details"]["values"][0]["verdict"] == "identical"
    assert {each["name"] for each in found["details"]["distributions"]} == {"spend_per_signup"}


@pytest.mark.parametrize("ends", [{"before": None}, {"before": "main", "at": "v1", "parted": True}])
def test_the_api_compares_with_the_parent_and_with_where_two_parted(
    shop: Catalog, web: FlaskClient, ends: dict[str, Any]
):
    asked = {"repository": "shop", "outputs": ["spend_per_signup"], **ends}
    made = web.post("/api/v1/runs/compare", json=asked).json

    assert shop.get(made["before"]["id"]).commit.subject == "Add features"


def test_rows_are_matched_by_columns_that_the_form_or_a_program_names(shop: Catalog, web: FlaskClient):
    _send(web, "/r/shop/run?output=spend_per_signup&before=v1", keys="week, scaled")
    asked = {"repository": "shop", "before": "v1", "outputs": ["spend_per_signup"]}
    numbers = [web.post("/api/v1/runs/compare", json={**asked, "keys": ["scaled"]}).json["after"]["id"]]
    Worker(shop.database, shop.settings).run(once=True)

    assert "2 rows in both, matched by week, scaled." in _text(web.get("/runs/compare?a=1&b=2").text)
    found = web.get(f"/api/v1/runs/compare?a=3&b={numbers[0]}").json["values"]["details"]
    assert (found["matched_by"], found["both"]) == (["scaled"], 2)


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page)))


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"before": "v9"}, 404),
        ({"outputs": ["none"]}, 404),
        ({"save": "csv"}, 422),
        ({"tolerance": 1}, 422),
        ({"before": None, "at": "v1"}, 404),
        ({"keys": [""]}, 422),
        ({"tolerance": 2}, 422),
        ({"sample": 0}, 422),
    ],
)
def test_the_api_refuses_what_cannot_be_compared(web: FlaskClient, more: dict[str, Any], status: int):
    asked = {"repository": "shop", "before": "v1", "outputs": ["scaled"], **more}

    assert web.post("/api/v1/runs/compare", json=asked).status_code == status
    assert "Nothing has run yet" in web.get("/runs").text
