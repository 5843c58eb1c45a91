"""Partitions of a dataflow by the API, the client and the command line of another machine."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from headwater_catalog.cli import command_line
from headwater_catalog.client import Backfill, Client, Partition, RequestedPartition
from headwater_catalog.cluster_settings import ClusterSettings
from headwater_catalog.errors import NotFound
from headwater_catalog.runs import list_runs
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from support.daily_shop import PROJECT, make_daily_shop
from support.git_repo import GitRepo
from support.run_catalog import Catalog
from support.served import served
from support.worker_process import Workers

_LIST = "/api/v1/partitions/shop/daily"
_DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]
_OTHER = '[dataflows.plain]\nmodules = ["m"]\noutputs = ["apart"]\n'


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    project = {"headwater.toml": f"{PROJECT}{_OTHER}"}
    made = make_daily_shop(catalog_url, git_repo, tmp_path / "home", **project)
    made.settings = replace(made.settings, clusters=ClusterSettings({"big": "dask://127.0.0.1:9"}))
    yield made
    made.database.dispose()


@pytest.fixture
def client(shop: Catalog) -> FlaskClient:
    return create_app(shop.settings, shop.database).test_client()


def _ask(client: FlaskClient, **more: object):
    return client.post("/api/v1/backfills", json={"repository": "shop", "dataflow": "daily", **more})


def _requested(client: FlaskClient, **more: object) -> list[tuple[str, bool]]:
    answer = _ask(client, **more)
    assert answer.status_code == 202, answer.text
    return [(each["day"], each["is_new"]) for each in answer.json["requested"]]


def test_partitions_are_listed_page_by_page(client: FlaskClient):
    whole = client.get(_LIST).json
    assert [(each["day"], each["state"], each["run"]) for each in whole["items"]] == [
        (day, "missing", None) for day in _DAYS
    ]
    first = client.get(f"{_LIST}?limit=2").json
    rest = client.get(f"{_LIST}?limit=2&cursor={first['next']}").json

    assert first["items"] + rest["items"] == whole["items"]
    assert rest["next"] is whole["next"] is None
    some = client.get(f"{_LIST}?since=2026-01-02&until=2026-01-02").json["items"]
    assert [each["day"] for each in some] == ["2026-01-02"]
    assert client.get(f"{_LIST}?since=2027-01-01").json["items"] == []


def test_a_dataflow_tells_its_partitions(client: FlaskClient):
    told = {each["name"]: each["partitions"] for each in client.get("/api/v1/dataflows/shop").json["items"]}

    assert told == {
        "daily": {"key": "day", "every": "day", "first": "2026-01-01", "last": "2026-01-03"},
        "plain": None,
    }


def test_partitions_are_asked_for_oldest_first_and_no_one_twice(client: FlaskClient):
    made = _ask(client, limit=1)
    assert (made.status_code, made.location, made.json["left"]) == (202, _LIST, 2)
    [first] = made.json["requested"]
    run = client.get(f"/api/v1/runs/{first['run']}").json
    assert (run["config"], run["note"]) == ({"day": "2026-01-01"}, "backfill of day=2026-01-01")
    assert client.get(_LIST).json["items"][0]["underway"] == first["run"]

    assert _requested(client, until="2026-01-02", executor="threads") == [("2026-01-02", True)]
    assert _requested(client) == [("2026-01-03", True)]
    assert _requested(client, everything=True) == []
    again = _ask(client, partitions=[{"day": "2026-01-01"}]).json["requested"]
    assert again == [{**first, "is_new": False}]
    executors = [each["executor"] for each in (client.get(f"/api/v1/runs/{n}").json for n in (1, 2, 3))]
    assert executors == ["synchronous", "threads", "synchronous"]


@pytest.mark.runs
def test_fresh_partitions_are_computed_where_everything_is_asked_for(shop: Catalog, client: FlaskClient):
    assert shop.headwater("backfill", "daily", "--limit", "1").exit_code == 0
    fresh = client.get(_LIST).json["items"][0]
    assert (fresh["state"], fresh["run"]) == ("fresh", 1)

    assert _ask(client, partitions=[{"day": "2026-01-01"}]).json["requested"] == []  # somebody has saved it
    assert _requested(client, until="2026-01-01") == []
    assert _requested(client, until="2026-01-01", everything=True) == [("2026-01-01", True)]


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ({"dataflow": "plain"}, 409, "Dataflow 'plain' has no partitions."),
        ({"dataflow": "dayly"}, 404, "Did you mean 'daily'?"),
        ({"repository": "shops"}, 404, "No repository 'shops'"),
        ({"partitions": [{"day": "2026-01-01"}, {"day": "2026-01-04"}]}, 409, "is no partition"),
        ({"since": "2026-1-1"}, 422, ""),
        ({"limit": 201}, 422, ""),
        ({"env": "prod"}, 404, "has no environment 'prod'"),
        ({"sinks": ["report"]}, 404, "has no sink 'report'"),
        ({"executor": "thread"}, 404, "Did you mean 'threads'?"),
        ({"executor": "big"}, 409, "may not use the cluster 'big'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_queued(
    shop: Catalog, client: FlaskClient, asked, status, told
):
    refused = _ask(client, **asked)

    assert (refused.status_code, told in refused.json["detail"]) == (status, True)
    with shop.database.read() as session:
        assert list_runs(session) == []


@pytest.fixture
def elsewhere(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[tuple[Catalog, str]]:
    """Give a catalog that is served, with a worker, and its address."""
    made = make_daily_shop(sqlite_catalog_url, git_repo, tmp_path / "home")
    workers = Workers(made.settings)
    with served(create_app(made.settings, made.database)) as url:
        workers.start()
        yield made, url
        workers.end()
    made.database.dispose()


def _there(url: str, *words: str) -> Result:
    return CliRunner().invoke(command_line(), ("backfill", *words), env={"HEADWATER_REMOTE": url})


@pytest.mark.runs
def test_partitions_are_computed_elsewhere_as_here(elsewhere: tuple[Catalog, str], git_repo: GitRepo):
    shop, url = elsewhere
    git_repo.delete("data/2026-01-02.csv")
    git_repo.commit("Lose a day")
    scan(shop.database, shop.settings, "shop")
    done = _there(url, "daily", "--executor", "threads", "--json")
    assert done.exit_code == 1, done.output
    told = json.loads(done.stdout)
    assert [each["state"] for each in told["partitions"]] == ["missing"] * 3
    assert [each["state"] for each in told["computed"]] == ["succeeded", "failed", "succeeded"]
    assert "data/2026-01-02.csv" in told["computed"][1]["error"]
    assert {shop.get(each["run"]).executor for each in told["computed"]} == {"threads"}

    for words in (
        ("daily", "--dry-run"),
        ("daily", "--dry-run", "--json"),
        ("dayly",),
        ("daily", "--env", "x"),
    ):
        here, there = shop.headwater("backfill", *words), _there(url, *words)
        assert (there.stdout, there.stderr, there.exit_code) == (here.stdout, here.stderr, here.exit_code)
    again = _there(url, "daily", "--to", "2026-01-01", "--all")
    assert again.exit_code == 0, again.output
    assert "2026-01-01: run 4 succeeded" in again.stderr
    assert _there(url, "daily", "--to", "2026-01-01", "--json").exit_code == 0


def test_the_client_has_typed_methods_for_partitions(shop: Catalog):
    with served(create_app(shop.settings, shop.database)) as url:
        client = Client(url, page=2)
        partitions = list(client.partitions("shop", "daily"))
        assert [each["day"] for each in partitions] == _DAYS
        made = client.backfill("shop", "daily", since="2026-01-02")
        again = client.backfill("shop", "daily", seen={"2026-01-02": None})
        with pytest.raises(NotFound, match="'dayly'"):
            list(client.partitions("shop", "dayly"))

    for shape, answer in (
        (Partition, partitions[0]),
        (Backfill, made),
        (RequestedPartition, made["requested"][0]),
    ):
        assert answer.keys() == shape.__required_keys__
    assert again["requested"] == [{**made["requested"][0], "is_new": False}]
