"""Partitions of a dataflow on the page, by the API, the client and the command line of another machine."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

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
from support.daily_shop import CODE, PROJECT, make_daily_shop
from support.git_repo import GitRepo
from support.queries import counted_queries
from support.run_catalog import Catalog
from support.served import served
from support.worker_process import Workers, until

pytestmark = pytest.mark.runs

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
        ({"limit": 10_001}, 422, ""),
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


def test_who_is_interrupted_is_told_what_goes_on_elsewhere(shop: Catalog):
    app, asked = create_app(shop.settings, shop.database), []

    def recorded(environ: dict[str, Any], start: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return app(environ, start)

    with served(recorded) as url:
        words = ["-m", "headwater_web.cli", "--remote", url, "backfill", "daily"]
        asking = subprocess.Popen([sys.executable, "-P", *words], stderr=subprocess.PIPE, text=True)
        until(lambda: "/api/v1/runs/1" in asked)  # no worker is there, so that it waits
        asking.send_signal(signal.SIGINT)
        _, told = asking.communicate(timeout=60)

    assert asking.returncode != 0
    assert "Run 1 goes on there. To end it: headwater cancel 1" in told
    assert "So do those that were asked for with it: 2, 3." in told


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


_PAGE = "/r/shop/partitions?dataflow=daily"


def _send(client: FlaskClient, address: str = _PAGE, **form: object):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(_PAGE).text)
    assert token
    return client.post(address, data={"csrf_token": token[1], **form})


def _text(page: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def _rows(page: str) -> list[str]:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [_text(row) for row in body.split("</tr>")[:-1]]


@pytest.mark.runs
def test_the_page_tells_how_each_partition_stands_and_why(
    shop: Catalog, client: FlaskClient, git_repo: GitRepo
):
    git_repo.delete("data/2026-01-03.csv")
    git_repo.commit("Lose a day")
    scan(shop.database, shop.settings, "shop")
    assert shop.headwater("backfill", "daily", "--from", "2026-01-02").exit_code == 1
    git_repo.commit("More of a day", files={"data/2026-01-02.csv": "amount\n2\n3\n"})
    scan(shop.database, shop.settings, "shop")
    assert _ask(client, limit=1).status_code == 202

    page = client.get(_PAGE).text
    assert _rows(page) == [
        "2026-01-03 nothing missing failed #2",
        "2026-01-02 #1 stale the file of source 'sales' is another",
        "2026-01-01 nothing missing underway #3",
    ]
    assert "all 3 missing 2 stale 1 fresh 0 underway 1 failed 1" in _text(page)
    assert "Missing or stale: 2" in page and "All, also the fresh ones: 2" in page
    assert 'hx-trigger="load' in page  # it is followed
    assert [row[:10] for row in _rows(client.get(f"{_PAGE}&state=failed").text)] == ["2026-01-03"]
    stale = client.get("/r/shop/partitions.json?dataflow=daily&state=stale").json["items"]
    assert [(each["day"], each["because"]) for each in stale] == [
        ("2026-01-02", ["the file of source 'sales' is another"])
    ]
    narrow = client.get(f"{_PAGE}&since=2026-01-02&until=2026-01-02").text
    assert "all 1 missing 0 stale 1" in _text(narrow)
    assert "hx-trigger" not in narrow.partition('id="partitions"')[2]


def test_the_form_asks_for_what_it_told_and_for_none_twice(shop: Catalog, client: FlaskClient):
    sent = _send(client, f"{_PAGE}&since=2026-01-02", which="due", executor="threads")
    assert sent.status_code == 303
    assert sent.location == f"{_PAGE}&since=2026-01-02&state=underway"
    assert len(_rows(client.get(sent.location).text)) == 2
    assert "Missing or stale: 1" in client.get(_PAGE).text
    assert _send(client, which="all").status_code == 303

    with shop.database.read() as session:
        runs = list_runs(session)
    assert [(run.config["day"], run.executor) for run in reversed(runs)] == [
        ("2026-01-02", "threads"),
        ("2026-01-03", "threads"),
        ("2026-01-01", "synchronous"),
    ]


@pytest.mark.parametrize(
    ("address", "form", "status", "told"),
    [
        (_PAGE, {"sink": "report"}, 404, "has no sink"),
        (_PAGE, {"executor": "big"}, 409, "may not use the cluster"),
        (f"{_PAGE}&since=soon", {}, 409, "is a day such as 2026-01-31"),
        ("/r/shop/partitions?dataflow=plain", {}, 409, "has no partitions"),
        ("/r/shop/partitions?dataflow=dayly", {}, 404, "has no dataflow"),
        ("/r/shop/partitions", {}, 409, "several dataflows: daily, plain"),
        (f"{_PAGE}&env=prod", {}, 404, "has no environment"),
    ],
)
def test_a_form_with_a_fault_says_so_and_queues_nothing(
    shop: Catalog, client: FlaskClient, address: str, form: dict[str, str], status: int, told: str
):
    refused = _send(client, address, which="due", **form)

    assert (refused.status_code, told in refused.text) == (status, True)
    with shop.database.read() as session:
        assert list_runs(session) == []


def test_a_form_without_its_token_asks_for_nothing(shop: Catalog, client: FlaskClient):
    assert client.post(_PAGE, data={"which": "all"}).status_code == 400
    with shop.database.read() as session:
        assert list_runs(session) == []


@pytest.mark.runs(databases=True)
def test_ten_years_of_days_are_told_page_by_page_and_asked_for_in_parts(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    long = PROJECT.replace("2026-01-01", "2015-01-01").replace("2026-01-03", "2025-12-31")
    shop = make_daily_shop(catalog_url, git_repo, tmp_path / "home", **{"headwater.toml": long})
    client = create_app(shop.settings, shop.database).test_client()
    with counted_queries(shop.database) as statements:
        page = client.get(_PAGE).text
    assert len(statements) <= 16
    assert (len(_rows(page)), _rows(page)[0]) == (100, "2025-12-31 nothing missing")
    assert "100 of 4,018" in page
    assert "Missing or stale: 4,018<" in page
    last = _rows(client.get(f"{_PAGE}&offset=4000").text)
    assert (len(last), last[-1]) == (18, "2015-01-01 nothing missing")
    assert len(_requested(client, limit=250)) == 250  # more than others have to wait for at once
    assert "Missing or stale: 3,768<" in client.get(_PAGE).text
    assert _send(client, f"{_PAGE}&since=2025-01-01", which="due").status_code == 303
    assert "Missing or stale: 0<" in client.get(f"{_PAGE}&since=2025-01-01").text
    assert "Missing or stale: 3,403<" in client.get(_PAGE).text
    first = client.get(f"{_LIST}?limit=500").json
    second = client.get(f"{_LIST}?limit=500&cursor={first['next']}").json
    days = [each["day"] for each in (*first["items"], *second["items"])]
    assert (len(set(days)), days) == (1000, sorted(days))
    shop.database.dispose()


def test_the_day_of_a_partition_comes_from_no_file(client: FlaskClient, shop: Catalog, git_repo: GitRepo):
    code = CODE.replace("amount: pd.Series, rate", "amount: pd.Series, day: str, rate")
    git_repo.commit("Read the day", files={"m.py": code})
    scan(shop.database, shop.settings, "shop")

    rows = _rows(client.get("/r/shop/d/daily").text)
    assert "day str 1 the day that it is computed for" in rows
    assert "rate Series 1 data/rates.csv , data/{day}.csv" in rows
    page = client.get("/r/shop/lineage?focus=input:day").text
    assert "is computed for each day by itself, and this is that day" in _text(page)


def test_the_page_of_a_dataflow_leads_to_its_partitions(client: FlaskClient):
    page = client.get("/r/shop/d/daily").text

    assert 'href="/r/shop/partitions?dataflow=daily"' in page
    assert "/partitions" not in client.get("/r/shop/d/plain").text


_SOURCELESS = """
[dataflows.calendar]
modules = ["calendar_of_days"]
outputs = ["worked"]
partitions = { key = "day", from = 2026-01-01 }
"""


def test_the_key_of_partitions_is_no_input_that_is_missing(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    code = "import pandas as pd\ndef worked(day: str, rate: int, holidays: pd.DataFrame) -> bool: ...\n"
    files = {"headwater.toml": PROJECT + _SOURCELESS, "calendar_of_days.py": code}
    made = make_daily_shop(sqlite_catalog_url, git_repo, tmp_path / "home", **files)
    client = create_app(made.settings, made.database).test_client()
    form = client.get("/r/shop/run?dataflow=calendar").text
    told = client.get("/api/v1/features/shop/calendar_of_days:worked").json
    made.database.dispose()

    assert "It needs <code>holidays</code>, <code>rate</code> from outside" in form
    assert "A table is a file by the input's own name, as a whole: <code>holidays</code>." in form
    assert 'name="config.day"' in form
    assert told["missing_inputs"] == {"calendar": ["holidays", "rate"]}
