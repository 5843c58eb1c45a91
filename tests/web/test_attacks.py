"""Requests and runs that try to break pages: every answer is a page, and none is an error of the server."""

import copy
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from headwater_catalog.errors import JobError
from headwater_catalog.reports import read_progress, read_report
from headwater_catalog.store.models import Run
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

_PAGES = (
    "/",
    "/search?repo=demo",
    "/search/quick?q=spend",
    "/r/demo/f/features.spend:spend_per_signup",
    "/r/demo/lineage?focus=spend_per_signup",
    "/r/demo/lineage?focus=spend_per_signup&at=main~3",
    "/r/demo/c/main",
    "/runs",
    "/runs/1",
)
_PARAMETERS = (
    "endpoint=x",
    "_method=POST",
    "_scheme=javascript",
    "_scheme=javascript&_external=1&_anchor=%0aalert(1)",
    "repo=nowhere",
    "at=-x",
    "at=--upload-pack%3dtouch",
    "at=..",
    "at=main..HEAD",
    "at=a%0d%0aSet-Cookie:%20x=1",
    "at=%ff",
    "at=" + "a" * 200_000,
    "at=" + "f" * 40,
    "up=-1&down=999999",
    "up=%D9%A3",
    "offset=-1",
    "offset=99999999",
    "offset=" + "9" * 30,
    "q=%ff%fe",
    "q=" + "%22a" * 200,
    "q=" + "(" * 400,
    "x[]=1&x[y]=2&=&&",
)


@pytest.mark.parametrize("parameters", _PARAMETERS)
def test_no_parameter_makes_a_page_fail_or_lead_elsewhere(client: FlaskClient, parameters: str):
    for page in _PAGES:
        answer = client.get(f"{page}{'&' if '?' in page else '?'}{parameters}")

        assert answer.status_code in (200, 302, 400, 404), page
        assert "javascript:" not in answer.text
        assert re.match(r"/[^/\\]|$", answer.headers.get("Location", ""))


_QUERIES = (
    "' OR 1=1 /*",
    "'; DROP TABLE feature; x--",
    "\\' \\",
    "% _ %%",
    "NEAR(a b, 3) AND name:*",
    "a* ^b {c} + d",
    "a & b | !c <-> d:*",
    "tag:%=_ owner:' module:\\ type:[",
    "\u202e \uffff İ ß",
    "a " * 200,
    "-a " * 130,
    "tag:x=y " * 10,
    "- -- ---",
    "' OR 1=1 --",
)


def test_no_query_reaches_the_database_as_code(shop_client: FlaskClient):
    before = shop_client.get("/search").text

    for text in _QUERIES:
        for page in ("/search", "/search/quick"):
            assert shop_client.get(page, query_string={"q": text}).status_code == 200, text
    assert _total(shop_client.get("/search").text) == _total(before)


def _total(html: str) -> str:
    found = re.search(r"([\d,]+) features? in", html)
    assert found
    return found[1]


@pytest.mark.parametrize(
    "host", ["evil.example@127.0.0.1", "127.0.0.1/evil.example", "127.0.0.1?x", "127.0.0.1:80:80", "[::1%lo]"]
)
def test_a_host_header_that_only_contains_this_machine_is_refused(client: FlaskClient, host: str):
    assert client.get("/", headers={"Host": host}).status_code == 400


_MODULE = "def echo(n: int) -> str:\n    return repr(n)\n"
_PROJECT = '[tool.headwater.dataflows.flow]\nmodules = ["feats"]\nconfig = { n = 3 }\n'


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Give a catalog of one feature that reads a number of the configuration."""
    git_repo.commit("Add", files={"feats.py": _MODULE, "pyproject.toml": _PROJECT})
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def shop_client(shop: Catalog) -> FlaskClient:
    """Give a client of that catalog."""
    return create_app(shop.settings, shop.database).test_client()


def _ask(client: FlaskClient, **fields: str) -> Any:
    page = client.get("/r/shop/run?output=feats:echo").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    asked = {"csrf_token": token[1], "repo": "shop", "output": "feats:echo", "dataflow": "flow", **fields}
    return client.post("/runs", data=asked)


def test_a_configuration_that_cannot_be_stored_is_refused(shop_client: FlaskClient):
    for value in ("NaN", "-Infinity", "1e999", "[NaN]", '"\\ud800"', '{"\\udfff": 1}', "[" * 100_000):
        assert _ask(shop_client, **{"config.n": value}).status_code == 409, value


def test_any_other_configuration_is_shown_as_text(shop_client: FlaskClient):
    for value in ('"\\u0000"', "[" * 300 + "]" * 300, '{"<script>": "{{ 7 * 191 }}"}', "9" * 4000):
        answer = _ask(shop_client, **{"config.n": value})

        assert answer.status_code == 303, value
        page = shop_client.get(answer.headers["Location"])
        assert page.status_code == 200, value
        assert "<script>" not in page.text
        assert "1337" not in page.text


def test_an_overlong_commit_in_a_form_is_not_found(shop_client: FlaskClient):
    assert _ask(shop_client, at="a" * 200_000).status_code == 404


_STATS = {
    **{"kind": "number", "nulls": 0, "distinct": 2, "min": 1, "max": 2, "mean": 1.5},
    **{"quantiles": {"50": 1.5}, "histogram": {"edges": [1, 1.5, 2], "counts": [1, 1]}},
}
_REPORT: dict[str, Any] = {
    "nodes": [{"name": "n", "seconds": 0.1, "begun": 0.0, "summary": "int"}],
    "checks": [
        {
            "node": "n",
            "validator": "v",
            "importance": "warn",
            "passed": True,
            "message": "fine",
            "diagnostics": {"limit": 1},
        }
    ],
    "sources": {"weekly": 3},
    "taken": {"m": "ab" * 20},
    "preview": {
        "table": {
            "columns": [{"name": "a", "type": "int64", "index": False, "output": "a", "stats": _STATS}],
            "rows": [["1"], [None]],
            "row_count": 2,
        },
        "values": [{"name": "v", "type": "int", "text": "3"}],
    },
    "table": {"index": [], "origins": {"a": "a"}},
    "failure": None,
    "environment": {"python": "3.11", "platform": "any", "packages": {"pandas": "2"}},
}
_WRONG = (None, 5, -1, True, 1e308, "<script>\ud800\0", [], {}, [[]], [None], {"a": {"b": [1]}}, 10**4000)


def _places(value: Any, path: Sequence[Any] = ()) -> Iterator[Sequence[Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield [*path, key]
        yield from _places(item, [*path, key])


def _forged() -> Iterator[str]:
    for path in list(_places(_REPORT)):
        for wrong in _WRONG:
            report = copy.deepcopy(_REPORT)
            holder = report
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = wrong
            yield json.dumps(report)
    plain = json.dumps(_REPORT)
    yield plain.replace('"limit": 1', '"limit": 1e999, "other": NaN')
    yield plain.replace('"limit": 1', f'"limit": {"[" * 450}{"]" * 450}')
    yield plain.replace('[["1"], [null]]', '[["1", "2"]]')


@pytest.mark.slow
@pytest.mark.runs
def test_whatever_feature_code_writes_as_its_result_the_page_of_the_run_is_made(
    shop: Catalog, shop_client: FlaskClient, tmp_path: Path
):
    number, _ = shop.request("echo")
    file = tmp_path / "result.json"
    pages = 0
    for text in _forged():
        file.write_text(text)
        try:
            report = read_report(file)
        except JobError:
            continue
        assert report is not None
        with shop.database.write() as session:
            run = session.get_one(Run, number)
            run.preview, run.environment = report.preview, report.environment
        assert shop_client.get(f"/runs/{number}").status_code == 200, text
        pages += 1
    assert pages > 100


def test_a_pipe_in_the_place_of_a_result_does_not_hold_the_worker_up(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text(json.dumps(_REPORT))
    (tmp_path / "link").symlink_to("file")

    assert [read_report(tmp_path / name) for name in ("pipe", "folder", "link", "absent")] == [None] * 4
    assert read_progress(tmp_path / "pipe") is None
    assert read_report(tmp_path / "file") is not None
