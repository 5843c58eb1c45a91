"""The pages of governance: classifications, findings with their history, policies, and what a commit does."""

import json
import re

import pytest
from flask.testing import FlaskClient

from headwater_catalog.repositories import get_repository, resolve_at
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database

_LEAK, _FIX = "Export an audience for the newsletter", "Hash the contact key"


@pytest.fixture(scope="module")
def client(app) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def commits(client) -> dict[str, str]:
    """The commits of the demo by their subjects."""
    found = client.get("/r/demo/timeline.json").json["items"]
    return {each["subject"]: each["commit"] for each in found}


def _text(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_the_overview_tells_where_classifications_flow_and_stop(client):
    text = _text(client.get("/governance").text)

    assert "Findings 17" in text
    assert "1 error 16 warnings 0 notes" in text
    assert "By module 1 features.customers 10" in text
    assert "contact_key barrier a keyed hash of the address" in text
    assert "Nothing in demo has hipaa or confidentiality." in text
    assert client.get("/governance?repo=nowhere").status_code == 404


def test_every_number_opens_the_list_of_that_many(client):
    page = client.get("/governance").text
    links = re.findall(
        r'<li><a[^>]* href="(/search[^"]+)">[^<]*</a><span class="push">([0-9,]+)</span>', page
    )
    assert len(links) == 8
    for href, count in links:
        found = client.get(href.replace("&amp;", "&").replace("/search?", "/search.json?")).json["items"]
        assert len(found) == int(count), href


def test_the_commit_that_leaks_brings_a_finding_and_the_one_that_hashes_clears_it(client, commits):
    leak, fix = (client.get(f"/r/demo/c/{commits[subject]}").text for subject in (_LEAK, _FIX))
    way = "By way of email_normalized → contact_key → newsletter_audience"
    assert "New findings 2" in _text(leak) and way in _text(leak) and "Cleared" not in _text(leak)
    assert "Cleared 2" in _text(fix) and way in _text(fix) and "New findings" not in _text(fix)

    told = _text(client.get(f"/r/demo/compare/governance?b={commits[_LEAK]}").text)
    assert "3 rises, 0 fallen, 2 new findings, 0 cleared" in told
    assert "pii of newsletter_audience : not there → true, as contact_key is new" in told
    part = client.get(f"/r/demo/compare/governance?b={commits[_FIX]}", headers={"HX-Request": "true"}).text
    assert part.startswith("<section") and "2 fallen, 0 new findings, 2 cleared" in part
    assert "as contact_key has a barrier now" in _text(part)
    cleared = _text(client.get("/findings?state=cleared&rule=no-personal-audiences").text)
    assert f"{commits[_LEAK][:8]} by Tom Okafor" in cleared
    assert f"cleared by {commits[_FIX][:8]}" in cleared


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 17),
        ("state=all", 26),
        ("state=cleared&rule=no-personal-audiences", 2),
        ("severity=error", 1),
        ("owner=Data-Science", 1),
        ("key=features.channels:channel_shares", 1),
        ("repo=demo&rule=owned", 16),
        ("repo=nowhere", 0),
        ("owner=%25", 0),
    ],
)
def test_findings_are_filtered_on_the_page_in_files_and_in_the_api(client, query, count):
    items = client.get(f"/findings.json?{query}").json["items"]
    assert len(items) == count
    told, cursor = [], ""
    if "nowhere" not in query:
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = client.get(f"/api/v1/findings?limit=7&{query}{more}").json
            told, cursor = told + page["items"], page["next"]
        assert [each["key"] for each in told] == [each["key"] for each in items]
    text = client.get(f"/findings?{query}").text
    assert text.count("<tr>") - 1 == count or (count == 0 and "Nothing found" in text)


@pytest.mark.parametrize(
    "after",
    ["x", "[]", '[1, "demo", 2]', '[1, "a", "b", "c", "d", "e"]', f'[0, "a", "b", "c", "d", {10**30}]'],
)
def test_a_cursor_that_was_made_up_is_refused(app, client, after):
    from headwater_web.api.cursors import cursor_of

    with app.test_request_context("/api/v1/findings"):
        cursor = cursor_of({}, "").moved(after).text

    assert client.get(f"/api/v1/findings?cursor={cursor}").status_code == 422


def test_policies_tell_what_they_ask_and_how_many_break_them(client):
    text = _text(client.get("/policies").text)
    assert "no-personal-audiences error demo" in text
    assert "Findings 0 now , 2 cleared About module:features.audiences Finds classification:pii" in text
    assert "1 finding" in text
    (first, _) = client.get("/api/v1/policies").json["items"]

    assert (first["name"], first["findings"], first["cleared"]) == ("no-personal-audiences", 0, 2)
    assert first["source"] == "policies/privacy.toml:1"


def test_a_feature_tells_all_that_its_classification_comes_from(client):
    page = _text(client.get("/r/demo/f/features.customers:email_domain_signups").text)
    assert "Because of email_normalized → email_domain → email_domain_signups" in page
    told = client.get("/api/v1/why/demo/email_domain_signups").json["classifications"]
    assert [(each["classification"], each["level"]) for each in told] == [
        ("pii", "true"),
        ("hipaa", None),
        ("confidentiality", None),
    ]
    assert len(told[0]["sources"][0]["path"]) == 3
    assert client.get("/api/v1/why/demo/nothing").status_code == 404


def test_the_inventory_is_the_same_in_the_api(client, demo_settings: Settings):
    told = client.get("/api/v1/repositories/demo/classifications").json
    pii = told["classifications"][0]
    assert (pii["reached"], len(pii["carriers"]), pii["owners"]) == (
        10,
        3,
        {"CRM": 5, "": 4, "Data-Science": 1},
    )
    assert [each["key"].rpartition(":")[2] for each in pii["barriers"]] == ["contact_key", "age_band"]
    database = Database(demo_settings.database_url)
    with database.read() as session:
        assert told["at"] == resolve_at(session, demo_settings, get_repository(session, "demo"), None).sha
    database.dispose()
    assert json.loads(client.get("/governance.json").text)["items"][0]["classification"] == "pii"
