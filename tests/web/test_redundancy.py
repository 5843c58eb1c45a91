"""The pages of what could go, and of how far data reaches: lists, numbers, files, the API, all the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.definitions_at import DefinitionReader
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_HEAD = "from headwater import tag\n\n\n"
_SCORE = "    return (({0} - {0}.mean()) / {0}.std()).clip(-{1}, 3)\n\n\n"
_SHOP = (
    _HEAD
    + "@tag(pii='true', owner='crm')\ndef email_key(email: str) -> str:\n    return email.lower().strip()\n\n\n"
    + "def address_key(email: str) -> str:\n    return email.lower().strip()\n\n\n"
    + "def spend_score(spend: float) -> float:\n"
    + _SCORE.format("spend", 3)
    + "def spend_score_wide(spend: float) -> float:\n"
    + _SCORE.format("spend", 9)
    + "def clicks_score(clicks: float) -> float:\n"
    + _SCORE.format("clicks", 3)
    + "def old_rate(spend: float, clicks: float) -> float:\n    return spend / clicks\n\n\n"
    + "@tag(owner='<b>ads</b>')\ndef rate_rank(old_rate: float) -> float:\n    return old_rate + 1\n"
)
_OLD = _SHOP.replace("def old_rate", "@tag(deprecated='use <i>rate</i>')\ndef old_rate")
_USER = "\n\n@tag(owner='growth')\ndef rate_share(old_rate: float) -> float:\n    return old_rate - 1\n"
_TOML = (
    "[dataflows.all]\nmodules = ['shop']\noutputs = ['email_key', 'rate_rank']\n"
    "[dataflows.all.sources]\npeople = { path = 'people.csv', index = 'email' }\nspend = 'spend.csv'\n"
)
_CRM = _HEAD + "def mail(email_key: str) -> str:\n    return email_key.lower().strip()\n\n\n"
_CRM_TOML = (
    "[dataflows.all]\nmodules = ['crm']\noutputs = ['mail']\n"
    "[dataflows.all.sources]\nemail_key = { feature = 'shop:shop:email_key' }\n"
)


def make_catalog(folder: Path) -> Flask:
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    shop, crm = GitRepo(folder / "shop"), GitRepo(folder / "crm")
    for code, toml in ((_SHOP, _TOML), (_OLD, _TOML), (_OLD + _USER, _TOML)):
        shop.commit("Work on the shop", files={"shop.py": code, "headwater.toml": toml})
    score = "def click_score(clicks: float) -> float:\n" + _SCORE.format("clicks", 3)
    crm.commit("Work on customers", files={"crm.py": _CRM + score, "headwater.toml": _CRM_TOML})
    for repository in (shop, crm):
        with database.write() as session:
            add_repository(session, repository.path.name, str(repository.path), 0)
        scan(database, settings, repository.path.name)
    DefinitionReader().keep_head(database, settings, "shop")
    return create_app(settings, database)


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[FlaskClient]:
    app = make_catalog(tmp_path_factory.mktemp("redundancy"))
    yield app.test_client()
    app.extensions["headwater"].database.dispose()


def _text(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_duplicates_are_listed_across_repositories_and_compared(client):
    page = client.get("/duplicates")
    text = _text(page.text)
    assert "3 of all kinds 1 same 1 copy 1 near" in text
    assert "What the features of crm mean is not worked out yet" in text
    assert "repositories, modules, names" in text

    items = client.get("/api/v1/duplicates").json["items"]
    assert [item["kind"] for item in items] == ["same", "copy", "near"]
    assert [m["function"] for m in items[0]["members"]] == ["email_key", "address_key"][::-1]
    groups = dict.fromkeys(re.findall(r'href="(/duplicates/[0-9a-f]+)"', page.text))
    assert len(groups) == 3
    for href in groups:
        shown = client.get(href).text
        members = client.get(f"{href}.json").json["items"]
        assert f"<h1>{len(members)} functions</h1>" in shown
        assert shown.count('class="diff"') + shown.count("The very same text") == len(members) - 1
    assert client.get("/duplicates/none").status_code == 404


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", ["same", "copy", "near"]),
        ("kind=near", ["near"]),
        ("repo=crm", ["copy"]),
        ("repo=crm&kind=same", []),
    ],
)
def test_duplicates_are_filtered_alike_on_the_page_in_files_and_in_the_api(client, query, kinds):
    items = client.get(f"/api/v1/duplicates?limit=1&{query}").json
    told = items["items"]
    while items["next"]:
        items = client.get(f"/api/v1/duplicates?limit=1&{query}&cursor={items['next']}").json
        told += items["items"]
    assert [each["kind"] for each in told] == kinds
    rows = client.get(f"/duplicates.json?{query}").json["items"]
    assert list(dict.fromkeys(row["id"] for row in rows)) == [each["id"] for each in told]
    assert len(rows) == sum(len(each["members"]) for each in told)
    assert client.get(f"/duplicates?{query}").text.count('<th scope="row"') == len(kinds)


def test_a_feature_tells_what_is_the_same(client):
    text = _text(client.get("/r/shop/f/shop:address_key").text)
    assert "Means the same as 1 email_key in shop Compare" in text
    assert "Same code as 2" in _text(client.get("/r/shop/f/shop:spend_score").text)
    assert "click_score in crm:crm" in _text(client.get("/r/shop/f/shop:spend_score").text)
    assert "the same as" not in client.get("/r/shop/f/shop:address_key?at=main~1").text.lower()


def test_dead_features_tell_what_was_looked_at(client):
    dead = ["address_key", "clicks_score", "rate_share", "spend_score", "spend_score_wide"]
    items = client.get("/dead.json?repo=shop").json["items"]
    assert [(row["key"], row["state"]) for row in items] == [(f"shop:{name}", "dead") for name in dead]
    text = _text(client.get("/dead?repo=shop").text)
    assert "5 dead 0 elsewhere 0 unknown 0 new" in text
    assert "all declares 2 outputs" in text and "Drawn by crm" in text
    assert client.get("/dead?days=30&repo=shop").text.count('aria-current="true"') == 3
    assert "5 dead" in _text(client.get("/dead?repo=shop&days=0").text)  # as if nobody had said
    page = client.get("/api/v1/dead?repo=shop&limit=2").json
    assert [item["key"] for item in page["items"]] == ["shop:address_key", "shop:clicks_score"]
    assert page["proof"][0]["repositories"] == ["crm"]
    assert client.get("/api/v1/dead?days=0").status_code == 422
    assert client.get("/dead?repo=nowhere").status_code == 404


def test_deprecated_features_tell_who_came_since(client):
    text = client.get("/deprecated").text
    assert "use &lt;i&gt;rate&lt;/i&gt;" in text and "<i>" not in text and "<b>ads" not in text
    assert "rate_share new since , rate_rank" in _text(text)
    (item,) = client.get("/api/v1/deprecations").json["items"]
    assert [(user["key"], user["is_new"]) for user in item["users"]] == [
        ("shop:rate_share", True),
        ("shop:rate_rank", False),
    ]
    assert item["new_users"] == 1
    assert list(_linked(client, "/deprecated").values()) == [2, 1, 1]  # users, and those of each owner
    (row,) = client.get("/deprecated.json?used=yes").json["items"]
    assert (row["users"], row["new_users"]) == (["shop:rate_share", "shop:rate_rank"], ["shop:rate_share"])


def _linked(client: FlaskClient, page: str) -> dict[str, int]:
    """Return how many features each search finds that a number of a page opens."""
    links = re.findall(r'<a[^>]*href="(/search\?[^"]+)"', client.get(page).text)
    found = {}
    for href in links:
        address = href.replace("&amp;", "&").replace("/search?", "/search.json?")
        found[href] = len(client.get(address).json["items"])
    return found


def test_the_file_of_a_page_of_coverage_is_of_the_same_repositories(client):
    page = client.get("/governance/coverage?by=owner&name=crm")
    rows = client.get("/governance/coverage.json?by=owner&name=crm").json["items"]
    alone = client.get("/governance/coverage.json?repo=shop&by=owner&name=crm").json["items"]

    assert page.status_code == 200
    assert {row["repository"] for row in rows} == {"shop", "crm"}
    assert [row["features"] for row in alone] == [1]


def test_the_overview_has_the_numbers_and_each_opens_its_list(client):
    text = client.get("/governance").text
    text = text[text.index('id="redundancy"') :]
    figures = dict(re.findall(r'<dt>([^<]+)</dt><dd><a href="[^"]+">([0-9]+)</a>', text))
    assert figures == {
        **{"mean the same": "1", "copied": "1", "nearly the same": "1", "dead for 90 days": "6"},
        **{"perhaps dead": "0", "deprecated": "1", "of these still used": "1"},
    }
    for href, count in re.findall(r'<dd><a href="([^"]+)">([0-9]+)</a>', text):
        assert client.get(href.replace("&amp;", "&")).text.count('<th scope="row"') == int(count)


def test_the_inventory_and_the_reach_map_count_by_source(client):
    overview = client.get("/governance").text
    assert "By source outside" in overview
    (told,) = [
        each
        for each in client.get("/api/v1/repositories/shop/classifications").json["classifications"]
        if each["classification"] == "pii"
    ]
    assert told["sources"] == {"people.csv": 1}

    text = _text(client.get("/r/shop/reach").text)
    assert "people.csv email 1 input" in text
    page = "/r/shop/reach?of=people.csv"
    text = _text(client.get(page).text)
    assert "2 features downstream, in 1 module, and more in 1 other repository" in text
    assert "crm by email_key 1" in text
    counts = _linked(client, page)
    assert sorted(counts.values()) == [1, 1, 1, 2, 2, 2]
    reach = client.get("/api/v1/repositories/shop/reach?of=input:email&classification=pii").json
    assert (reach["features"], reach["starts"]) == ({"shop:email_key": 1}, ["input:email"])
    assert reach["repositories"] == [{"repository": "crm", "inputs": ["email_key"], "features": 1}]
    assert client.get("/r/shop/reach.json?of=people.csv").json["items"][0]["key"] == "shop:address_key"
    assert client.get("/r/shop/reach?of=nothing").status_code == 404
