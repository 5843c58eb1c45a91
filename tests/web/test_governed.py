"""What pages, files and the API of governance say of what they cannot read, or know nothing of."""

import html
import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from headwater_catalog.kept_findings import keep_findings
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_CODE = (
    "from headwater import tag\n\n\n"
    "@tag(owner='crm')\ndef a(raw: int) -> int:\n    return raw\n\n\n"
    "def b(a: int) -> int:\n    return a\n"
)
_POLICIES = """
[beyond]
query = "downstream:nowhere"
[odd]
query = "-has:owner"
finds = "more"
[either]
scope = "name:a OR name:b"
query = "-has:doc owner:crm OR -has:owner -has:doc"
[grown]
query = "new:feature"
[apart]
needs = "name:a"
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("policies")
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    repository = GitRepo(folder / "shop")
    repository.commit("Begin", files={"shop.py": _CODE})
    repository.commit("Ask for more", files={"policies/all.toml": _POLICIES})
    repository.git("branch", "side", "HEAD~1")
    repository.git("switch", "--quiet", "side")
    repository.commit("Beside", files={"shop.py": ""})
    repository.git("switch", "--quiet", "main")
    with database.write() as session:
        add_repository(session, "shop", str(repository.path), 0)
        add_repository(session, "never", str(repository.path), 0)
    scan(database, settings, "shop")
    assert not keep_findings(database, settings, "shop")
    yield create_app(settings, database).test_client()
    database.dispose()


def _text(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


@pytest.mark.parametrize(
    ("rule", "told", "place"),
    [
        ("policy-unread", "Policy 'beyond' cannot be checked: ", "policies/all.toml:2"),
        ("declaration-unread", "'odd.finds' is unknown and has no effect.", "policies/all.toml"),
    ],
)
def test_what_cannot_be_read_is_listed_with_the_commit_that_brought_it(client, rule, told, place):
    page = client.get(f"/findings?rule={rule}").text
    (row,) = client.get(f"/findings.json?rule={rule}").json["items"]
    (item,) = client.get(f"/api/v1/findings?rule={rule}").json["items"]

    assert told in _text(page.replace("&#39;", "'")) and place in page and "Nothing found" not in page
    assert row["message"].startswith(told) and row["severity"] == "error"
    assert item["message"] == row["message"]
    assert row["since"] == item["since"]["sha"] == client.get("/api/v1/commits/shop/main").json["sha"]
    assert f'/findings?rule={rule}">1 finding</a>' in client.get("/policies").text


def test_queries_of_policies_lead_to_what_they_find(client):
    page = client.get("/policies").text
    links = dict(re.findall(r'href="(/search[^"]+)"><code>([^<]+)</code>', page))
    found = {
        text: {hit["name"] for hit in client.get(_as_json(href)).json["items"]}
        for href, text in links.items()
        if text != "downstream:nowhere"
    }
    broken = client.get("/findings.json?rule=either").json["items"]

    assert found == {
        "name:a OR name:b": {"a", "b"},
        "-has:doc owner:crm OR -has:owner -has:doc": {"a", "b"},
        "-has:owner": {"b"},
        "name:a": {"a"},
    }
    assert {row["key"] for row in broken} == {"shop:a", "shop:b"}
    assert "<code>new:feature</code></dd>" in page  # of which only a change can be asked


def _as_json(href: str) -> str:
    return html.unescape(href).replace("/search?", "/search.json?")


@pytest.mark.parametrize(
    "path",
    [
        *("/governance", "/governance/coverage", "/governance/drift", "/governance/origins", "/policies"),
        *("/dead", "/deprecated", "/duplicates"),
        *(f"/api/v1/{name}" for name in ("drift", "origins", "dead", "deprecations", "duplicates")),
    ],
)
def test_nothing_good_is_said_of_what_was_not_scanned(client, path: str):
    answer = client.get(f"{path}?repo=never")

    assert answer.status_code == 404
    assert "has not been scanned yet. Run: headwater scan never" in answer.text
    assert "repo=never" not in client.get(path).text  # nor is it offered


@pytest.mark.parametrize("path", ["/governance/coverage?repo=shop&", "/api/v1/repositories/shop/coverage?"])
def test_coverage_of_a_commit_beside_main_is_not_known(client, path: str):
    assert client.get(f"{path}at=main~1").status_code == 200
    answer = client.get(f"{path}at=side")

    assert answer.status_code == 404
    assert "is not on the scanned main line of" in answer.text
