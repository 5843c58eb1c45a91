"""Tables on pages, in the API and on the command line: what reads and fills them."""

import json
from collections.abc import Iterator
from html import unescape

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_web.app import create_app
from headwater_web.cli import main
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_CODE = """\
import pandas as pd

def hello(email: pd.Series) -> pd.Series:
    return email

def ratio(spend: pd.Series, signups: pd.Series) -> pd.Series:
    return spend / signups
"""
_PROJECT = """\
[tables.users]
connection = "warehouse"
table = "crm.users"
doc = "One row per <user>."
owner = "growth"
[tables.users.columns]
id = "int"
email = { type = "str", doc = "Where mail goes.", tags = { pii = true } }

[dataflows.main]
modules = ["m"]
outputs = ["hello", "ratio"]
[dataflows.main.sources]
users = { table = "users" }
a = { connection = "warehouse", table = "sales.a" }
b = { url = "s3://lake/b.parquet" }
[dataflows.main.sinks]
out = { connection = "warehouse", table = "marts.out" }
"""
_READING = """\
[dataflows.next]
modules = ["m"]
[dataflows.next.sources]
out = { connection = "warehouse", table = "marts.out" }
[dataflows.daily]
modules = ["m"]
[dataflows.daily.sources]
days = { path = "data/days.csv" }
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("tables")
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    shop = GitRepo(folder / "shop")
    shop.commit("Begin", files={"m.py": _CODE, "headwater.toml": "[dataflows.main]\nmodules = ['m']\n"})
    shop.tag("begin")
    shop.commit("Declare", files={"headwater.toml": _PROJECT})
    later = GitRepo(folder / "later")
    later.commit("Read", files={"m.py": "def mean(ratio: float) -> float: ...\n", "headwater.toml": _READING})
    for name, repo in (("shop", shop), ("later", later)):
        with database.write() as session:
            add_repository(session, name, str(repo.path), 0)
        scan(database, settings, name)
    yield settings
    database.dispose()


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


def _text(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return unescape(answer.get_data(as_text=True))


def test_the_page_of_a_table_has_its_columns_with_what_reads_and_fills_them(client):
    page = _text(client, "/r/shop/t/warehouse:crm.users")

    assert "One row per <user>." in page and "declared in the project file" in page
    assert "Where mail goes." in page and "pii: true" in page
    assert '/r/shop/lineage?focus=input:email"' in page
    assert "as <" not in page


def test_the_page_of_a_table_without_known_columns_says_what_to_do(client):
    page = _text(client, "/r/later/t/data/days.csv")

    assert "None is known. Declare the table with its columns in" in page


def test_the_page_of_a_table_that_is_filled_leads_to_features_here_and_elsewhere(client):
    page = _text(client, "/r/shop/t/warehouse:marts.out")

    assert 'href="/r/shop/f/m:ratio"' in page
    assert "known from what reads or fills it" in page
    assert 'In <a href="/r/later">later</a>' in page
    assert 'href="/r/later/lineage?focus=input:ratio"' in page


def test_a_project_may_call_it_by_its_name(client):
    assert "crm.users" in _text(client, "/r/shop/t/users")
    answer = client.get("/r/shop/t/user")
    assert answer.status_code == 404
    assert "Did you mean 'users'?" in unescape(answer.get_data(as_text=True))


def test_the_page_of_a_feature_tells_the_tables_behind_it_and_those_it_fills(client):
    page = _text(client, "/r/shop/f/m:hello")

    assert "From tables" in page and 'href="/r/shop/t/warehouse:crm.users"' in page
    assert "Fills" in page and 'href="/r/shop/t/warehouse:marts.out"' in page
    assert "pii from users.email" in page
    assert "From tables" not in _text(client, "/r/shop/f/m:hello?at=begin")


def test_the_lineage_page_goes_on_to_tables_and_says_what_is_unclear(client):
    page = _text(client, "/r/shop/lineage?focus=m:ratio&up=all")

    assert "sales.a.spend" in page and "b.parquet.spend" in page
    assert "Input 'spend' of dataflow 'main' may come from 'a' or 'b'" in page
    around = _text(client, "/r/shop/lineage?focus=table:warehouse:crm.users&down=all")
    assert "hello" in around and "Open table" in around and "Nothing known fills it." in around
    for lens in ("classification:pii", "module", "changed", "owner"):
        for group in ("module", "owner", "package"):
            _text(client, f"/r/shop/lineage?focus=m:hello&up=all&lens={lens}&group={group}&since=begin")
    for kind in ("svg", "dot", "mmd", "json", "csv"):
        assert client.get(f"/r/shop/lineage.{kind}?focus=m:hello&up=all").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        *("/r/shop", "/r/shop/d/main", "/r/shop/map", "/governance?repo=shop"),
        *("/governance", "/r/shop/compare?a=begin&b=main", "/r/shop/reach?of=input:email", "/r/shop/m/m"),
        *("/search?q=classification:pii&repo=shop", "/r/shop/d/main.csv", "/findings", "/findings?repo=shop"),
    ],
)
def test_other_pages_show_a_repository_with_tables(client, address):
    assert client.get(address, follow_redirects=True).status_code == 200, address


def test_tables_are_a_list_in_files(client):
    rows = json.loads(client.get("/r/shop/tables.json").data)
    rows = rows["items"] if isinstance(rows, dict) else rows

    (email,) = (row for row in rows if row["key"] == "table:warehouse:crm.users#email")
    assert (email["readers"], email["type"], email["declared"]) == (["input:email"], "str", True)
    assert client.get("/r/shop/tables.csv").data.startswith(b"\xef\xbb\xbfkey,") or client.get(
        "/r/shop/tables.csv"
    ).data.startswith(b"key,")


def test_the_api_tells_tables_and_lineage_through_them(client):
    listed = client.get("/api/v1/tables/shop").json
    assert [table["key"] for table in listed["items"]] == [
        *("table:s3:lake/b.parquet", "table:warehouse:crm.users"),
        *("table:warehouse:marts.out", "table:warehouse:sales.a"),
    ]
    shown = client.get("/api/v1/tables/shop/table:s3:lake/b.parquet").json
    assert [column["name"] for column in shown["columns"]] == ["signups", "spend"]
    assert shown["uses"] == [
        {"table": shown["key"], "is_filled": False, "dataflow": "main", "name": "b"},
    ]
    assert len(shown["unclear"]) == 2

    assert client.get("/api/v1/tables/shop/users").json["key"] == "table:warehouse:crm.users"

    told = client.get("/api/v1/lineage/shop/m:hello").json
    assert [node["key"] for node in told["upstream"] if node["table"]] == [
        "table:warehouse:crm.users#email",
        "table:warehouse:crm.users",
    ]
    assert told["unclear"] == []
    across = client.get("/api/v1/lineage/shop/table:warehouse:marts.out?across=true").json
    assert "later:m:mean" in [node["key"] for node in across["downstream"]]


def _run(settings: Settings, *args: str) -> str:
    environ = {"HEADWATER_HOME": str(settings.home), "HEADWATER_DATABASE_URL": settings.database_url}
    found = CliRunner().invoke(main, args, env=environ, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_the_command_line_tells_lineage_through_tables(settings):
    said = _run(settings, "lineage", "ratio", "--repo", "shop", "--across")
    assert "later:m:mean" in said and "may come from 'a' or 'b'" in said
    assert "m:hello" in _run(settings, "lineage", "table:warehouse:crm.users", "--repo", "shop")
    assert "users.email → email → hello" in _run(
        settings, "path", "table:warehouse:crm.users#email", "hello", "--repo", "shop"
    )
    said = _run(settings, "why", "hello", "pii", "--repo", "shop")
    assert "table:warehouse:crm.users#email (true): crm.users#email -> email -> hello" in said
