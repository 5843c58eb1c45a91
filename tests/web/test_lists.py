"""Lists as files: the same rows as the page, by the same filter, and no formulas."""

import csv
import io
import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from headwater_catalog.jobs import State
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.runs import request_run
from headwater_catalog.scan import scan
from headwater_catalog.store.models import Job
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_CODE = '''
from headwater import tag


@tag(owner="growth", stage=["raw", "=1+1"])
def sales(x: int) -> int:
    """=WEBSERVICE("http://evil.example")"""
    return x


def profit(sales: int) -> int:
    return sales
'''
_FLOW = '[tool.headwater.dataflows.shop]\nmodules = ["features.sales", "features.csv", "features.sales_csv"]\noutputs = ["profit"]\n'


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("lists")
    repository = GitRepo(folder / "repository")
    repository.commit("=Begin", files={"features/sales.py": _CODE, "pyproject.toml": _FLOW})
    repository.commit("Break", files={"features/sales_csv.py": "def (:\n", "features/csv.py": _CODE})
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(repository.path), 0)
    scan(database, settings, "shop")
    with database.write() as session:
        shop = get_repository(session, "shop")
        commit = moment_at(session, settings, shop).commit
        for _ in range(3):
            request_run(
                session, settings, shop, commit, "shop", ["profit"], {}, {}, None, "@maya", 1_700_000_000
            )
        session.execute(update(Job).where(Job.id == 2).values(state=State.FAILED, error="-1"))
    yield create_app(settings, database).test_client()
    database.dispose()


_LISTS = {
    "/search": "/search",
    "/repos": "/repos",
    "/runs": "/runs",
    "/jobs": "/jobs",
    "/events": "/events",
    "/r/shop/timeline": "/r/shop/timeline",
    "/r/shop/m/features.sales": "/r/shop/m/features.sales",
    "/r/shop/d/shop": "/r/shop/d/shop",
    "/r/shop/modules": "/r/shop",
    "/r/shop/dataflows": "/r/shop",
    "/r/shop/problems": "/r/shop",
}


@pytest.mark.parametrize("path", _LISTS)
def test_a_list_is_there_as_csv_and_as_json_with_the_same_rows(client: FlaskClient, path: str):
    table, data = client.get(f"{path}.csv"), client.get(f"{path}.json")

    assert (table.mimetype, data.mimetype) == ("text/csv", "application/json")
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert len(rows) == len(data.json["items"])
    assert rows or path == "/events"
    assert all(list(row) == list(item) for row, item in zip(rows, data.json["items"], strict=True))
    for answer in (table, data):
        assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(("path", "page"), _LISTS.items())
def test_a_page_leads_to_its_list_as_files(client: FlaskClient, path: str, page: str):
    links = re.findall(r'href="([^"]*\.(?:csv|json)[^"]*)" download', unescape(client.get(page).text))

    assert path == "/events" or {f"{path}.csv", f"{path}.json"} <= set(links)
    assert {client.get(link).status_code for link in links} <= {200}


def test_no_list_holds_a_formula(client: FlaskClient):
    for path in _LISTS:
        for row in csv.reader(io.StringIO(client.get(f"{path}.csv").text, newline="")):
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@")) or cell.lstrip("-").isdigit(), path


def test_a_file_has_the_filter_of_its_page(client: FlaskClient):
    def items(path: str):
        return client.get(path).json["items"]

    assert [item["run"] for item in items("/runs.json?state=failed")] == [2]
    assert items("/runs.json?days=7") == []
    assert [item["error"] for item in items("/jobs.json?state=failed")] == ["-1"]
    assert [item["subject"] for item in items("/r/shop/timeline.json?author=nobody")] == []
    assert [item["name"] for item in items("/search.json?q=name:profit&repo=shop&at=HEAD~1")] == ["profit"]
    page = unescape(client.get("/runs?state=failed&before=9").text)
    assert 'href="/runs.csv?state=failed"' in page
    assert page.count('<th scope="row">') == 1


def test_values_keep_their_kind_in_json(client: FlaskClient):
    (sales,) = client.get("/search.json?q=name:sales+module:features.sales").json["items"]
    first = client.get("/r/shop/timeline.json").json["items"][-1]

    assert sales["tags"] == {"owner": "growth", "stage": ["raw", "=1+1"]}
    assert sales["needs"] == 1 and sales["gone_after"] is None
    assert first["subject"] == "=Begin" and first["changes"] == {"added": 2}


def test_a_module_named_like_a_file_is_still_a_module(client: FlaskClient):
    page = client.get("/r/shop/m/features.csv")

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert client.get("/r/shop/m/features.csv.csv").mimetype == "text/csv"
    assert client.get("/r/shop/m/features.json").status_code == 404
    assert client.get("/r/shop/d/none.csv").status_code == 404
