"""Subscriptions on pages: made, seen, changed and removed by those whose they are."""

import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_type_hints

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.keys import create_token
from headwater_catalog.accounts.people import get_account, set_disabled, set_role
from headwater_catalog.cli import command_line
from headwater_catalog.client import Client, ShownSubscription, Told
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.message_settings import MessageSettings
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.store.models import Event, Repository, Subscription
from headwater_catalog.subscriptions.delivering import deliver_due
from headwater_catalog.subscriptions.telling import tell_changes
from headwater_catalog.subscriptions.watching import keep_watched
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.managed_demo import catalog_of, logged_in, managed_demo
from support.receivers import Webhook, mail_server, webhook_server
from support.served import served

_ATOM = {"a": "http://www.w3.org/2005/Atom"}
_BY = ("ada", "")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook_server() as hook:
        yield hook


@pytest.fixture
def app(demo_settings, tmp_path: Path, hook: Webhook) -> Iterator[Flask]:
    """Give a demo catalog with accounts and a repository of its own, whose webhooks may reach this machine."""
    made = managed_demo(demo_settings, tmp_path / "managed")
    repository = tmp_path / "managed" / "demo-repository"
    settings = replace(
        catalog_of(made).settings,
        messages=MessageSettings(webhook_hosts=("127.0.0.1",)),
        url="http://localhost",
    )
    database = catalog_of(made).database
    with database.write() as session:
        session.execute(update(Repository).values(url=str(repository)))
    yield create_app(settings, database)
    database.dispose()


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return logged_in(app, "ada")


def _post(client: FlaskClient, path: str, **form: str):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/subscriptions/new").text)
    assert token
    return client.post(path, data={"csrf_token": token[1], **form})


def _add_feature(app: Flask, name: str = "brand_new", subject: str = "Add a feature") -> None:
    """Commit a feature, scan it, and let everybody be told."""
    catalog, now = catalog_of(app), int(time.time()) + 1
    repo = GitRepo(catalog.settings.home / "demo-repository")
    source = (repo.path / "features/spend.py").read_text()
    added = f"\n\ndef {name}(spend: pd.Series) -> pd.Series:\n    return spend\n"
    repo.commit(subject, files={"features/spend.py": source + added})
    scan(catalog.database, catalog.settings, "demo")
    keep_watched(catalog.database, catalog.settings)
    tell_changes(catalog.database, catalog.settings, now)
    deliver_due(catalog.database, catalog.settings, lambda: now)


def test_a_query_is_saved_from_the_search_page_and_stands_there(ada: FlaskClient):
    page = ada.get("/search?q=spend").text
    link = re.search(r'href="(/subscriptions/new[^"]*)"', page)
    assert link
    form = ada.get(link[1].replace("&amp;", "&")).text
    assert 'value="spend"' in form
    made = _post(ada, "/subscriptions", name="Spending", about="features", query="spend")
    assert made.status_code == 303

    assert '<a href="/search?q=spend">Spending</a>' in ada.get("/search").text
    listed = ada.get("/subscriptions").text
    finds = re.search(r'<a href="/search\?q=spend">([\d,]+)</a>', listed)
    assert finds
    assert f"{finds[1]} feature" in ada.get("/search?q=spend").text
    assert "Spending" in {each["name"] for each in ada.get("/subscriptions.json").json["items"]}
    assert "Spending" in ada.get("/subscriptions.csv").text


def test_findings_are_subscribed_to_from_their_page(ada: FlaskClient):
    page = ada.get("/findings?severity=warning").text
    link = re.search(r'href="(/subscriptions/new[^"]*)"', page)
    assert link
    assert "least=warning" in link[1]
    made = _post(ada, "/subscriptions", name="Bad news", about="findings", least="warning")
    page = ada.get(made.location).text
    number = re.search(r'<a href="/findings\?least=warning">([\d,]+) finding', page)
    assert number
    rows = ada.get("/findings.json?least=warning").json["items"]
    assert len(rows) == int(number[1])
    assert {row["severity"] for row in rows} <= {"error", "warning"}


def test_secrets_are_shown_once_and_new_ones_replace_them(app: Flask, ada: FlaskClient, hook: Webhook):
    form = {"name": "All", "query": "", "webhook": hook.url, "feed": "yes"}
    made = _post(ada, "/subscriptions", **form)
    assert made.status_code == 201
    secret, feed = re.search(r"hws_\w+", made.text), re.search(r"/feeds/hwf_[\w-]+", made.text)
    assert secret
    assert feed
    again = ada.get("/subscriptions/2").text
    assert "hws_" not in again
    assert "hwf_" not in again
    stranger = app.test_client()
    assert stranger.get(feed[0]).status_code == 200
    renewed = _post(ada, "/subscriptions/2", **form, renew="feed")
    assert renewed.status_code == 200
    assert "hws_" not in renewed.text
    newer = re.search(r"/feeds/hwf_[\w-]+", renewed.text)
    assert newer
    assert [stranger.get(path).status_code for path in (feed[0], newer[0])] == [404, 200]
    _post(ada, "/subscriptions/2", **{**form, "feed": ""})
    assert stranger.get(newer[0]).status_code == 404


def test_what_changed_is_told_on_its_page_by_webhook_and_in_the_feed(
    app: Flask, ada: FlaskClient, hook: Webhook
):
    made = _post(ada, "/subscriptions", name="All <b>", query="", webhook=hook.url, feed="yes")
    feed = re.search(r"/feeds/hwf_[\w-]+", made.text)[0]
    _add_feature(app, subject="Add <script>a feature</script>")
    page = ada.get("/subscriptions/2").text
    assert "1 came" in page
    assert "delivered" in page
    told = re.search(r"/subscriptions/2/told/\d+", page)[0]
    shown = ada.get(told).text
    assert "brand_new" in shown
    assert "<script>a" not in shown
    (row,) = ada.get(f"{told}.json").json["items"]
    assert (row["change"], row["key"].partition(":")[2]) == ("came", "brand_new")
    assert "brand_new" in ada.get(f"{told}.csv").text
    assert len(hook.received) == 1

    answer = app.test_client().get(feed)
    entry = ET.fromstring(answer.data).find("a:entry", _ATOM)
    assert answer.mimetype == "application/atom+xml"
    assert entry.find("a:title", _ATOM).text == "All <b>: 1 came"
    assert "“Add <script>a feature</script>”, Ada Example" in entry.find("a:content", _ATOM).text
    assert entry.find("a:link", _ATOM).get("href") == f"http://localhost{told}"
    same = app.test_client().get(feed, headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    assert ada.get("/subscriptions/2/feed").data == answer.data
    _add_feature(app, "newer_still")
    entries = ET.fromstring(app.test_client().get(feed).data).findall("a:entry", _ATOM)
    assert len(entries) == 2
    assert ET.tostring(entries[1]) == ET.tostring(entry)


def test_a_feed_tells_what_its_owner_may_see_now(app: Flask):
    vera = logged_in(app, "vera")
    feed = re.search(r"/feeds/hwf_[\w-]+", _post(vera, "/subscriptions", name="All", feed="yes").text)[0]
    _add_feature(app)
    stranger, database = app.test_client(), catalog_of(app).database
    assert "brand_new" in stranger.get(feed).text
    with database.write() as session:
        set_role(session, get_account(session, "vera"), None, None, _BY, 0)
    assert "brand_new" not in stranger.get(feed).text
    page = vera.get("/subscriptions/2").text
    assert "You may see no repository" in page
    assert "brand_new" not in page
    with database.write() as session:
        set_disabled(session, get_account(session, "vera"), True, _BY, 0)
    assert stranger.get(feed).status_code == 404


def test_what_flows_in_from_where_its_owner_may_not_look_is_no_news(app: Flask, tmp_path: Path):
    """What a query finds when it is saved is what is compared after the next scan, whoever asks it."""
    cellar, drawn = GitRepo(tmp_path / "cellar"), GitRepo(tmp_path / "drawn")
    personal = "from headwater import tag\n\n@tag(pii='true')\ndef hidden(x: int) -> int:\n    return x\n"
    cellar.commit("Begin", files={"c.py": personal})
    declared = (
        '[dataflows.flow]\nmodules = ["m"]\n[dataflows.flow.sources]\nx = { feature = "cellar:c:hidden" }\n'
    )
    source = "def shown(x: int) -> int:\n    return x\n"
    drawn.commit("Begin", files={"m.py": source, "headwater.toml": declared})
    catalog = catalog_of(app)
    with catalog.database.write() as session:
        vera = get_account(session, "vera")
        set_role(session, vera, None, None, _BY, 0)
        for repo in (cellar, drawn):
            add_repository(session, repo.path.name, str(repo.path), 0)
        set_role(session, vera, Role.VIEWER, get_repository(session, "drawn"), _BY, 0)
    for name in ("cellar", "drawn"):
        scan(catalog.database, catalog.settings, name)
    headers = {"Authorization": f"Bearer {_token(app, 'vera')}"}
    asked = {"name": "Personal", "query": "classification:pii"}
    made = app.test_client().post("/api/v1/subscriptions", json=asked, headers=headers).json
    drawn.commit("More", files={"m.py": source + "\n\ndef other(y: int) -> int:\n    return y\n"})
    scan(catalog.database, catalog.settings, "drawn")
    keep_watched(catalog.database, catalog.settings)

    assert tell_changes(catalog.database, catalog.settings, int(time.time()) + 1) == 0
    assert made["finds"] == 1


def test_nobody_reaches_the_subscriptions_of_others(app: Flask, ada: FlaskClient):
    _post(ada, "/subscriptions", name="Ada's own", query="spend")
    vera = logged_in(app, "vera")
    for path in ("/subscriptions/2", "/subscriptions/2/feed", "/subscriptions/2/told/1"):
        assert vera.get(path).status_code == 404
    for path in ("", "/paused", "/try", "/remove"):
        assert _post(vera, f"/subscriptions/2{path}", name="Mine").status_code == 404
    for path in ("/subscriptions", "/subscriptions.json", "/search"):
        assert "Ada" not in vera.get(path).text.replace("Ada Example", "")
    assert ada.get("/subscriptions/2").status_code == 200


def test_it_is_paused_resumed_tried_and_removed_and_all_of_that_is_logged(
    app: Flask, ada: FlaskClient, hook: Webhook
):
    _post(ada, "/subscriptions", name="All", query="", webhook=f"{hook.url}?token=hidden")
    assert _post(ada, "/subscriptions/2/paused", paused="yes").status_code == 303
    assert "Paused" in ada.get("/subscriptions/2").text
    assert _post(ada, "/subscriptions/2/paused", paused="no").status_code == 303
    assert _post(ada, "/subscriptions/2/try").status_code == 303
    assert _post(ada, "/subscriptions/2/try").status_code == 409
    deliver_due(catalog_of(app).database, catalog_of(app).settings)
    assert b'"kind": "test"' in hook.received[0].body
    assert "a try" in ada.get("/subscriptions/2").text
    assert _post(ada, "/subscriptions/2/remove").status_code == 303
    assert ada.get("/subscriptions/2").status_code == 404
    with catalog_of(app).database.read() as session:
        events = session.scalars(
            select(Event).where(Event.kind.startswith("subscription"), Event.actor == "ada")
        ).all()
    assert [each.kind.partition(" ")[2] for each in events] == ["created", "paused", "resumed", "removed"]
    assert all("hidden" not in str(each.details) for each in events)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "", "query": ""}, "name of up to 100"),
        ({"name": "x", "query": "ownr:crm"}, "ownr"),
        ({"name": "x", "email": "a@b.example"}, "sends no e-mail"),
        ({"name": "x", "webhook": "http://[::1]/"}, "not on the public internet"),
        ({"name": "x", "about": "runs"}, "features or findings"),
    ],
)
def test_bad_input_is_told_on_the_form_with_what_was_given(ada: FlaskClient, form: dict[str, str], told: str):
    answer = _post(ada, "/subscriptions", **form)

    assert answer.status_code in (400, 409)
    assert told in answer.text.replace("&#39;", "'")
    assert f'value="{form["name"]}"' in answer.text
    assert len(ada.get("/subscriptions.json").json["items"]) == 1


def test_who_got_a_mail_agrees_to_it_or_ends_it_without_logging_in(app: Flask, ada: FlaskClient):
    with mail_server() as box:
        messages = MessageSettings("127.0.0.1", box.port, "", "", "catalog@shop.example", "none")
        catalog = catalog_of(app)
        mailing = create_app(replace(catalog.settings, messages=messages), catalog.database)
        client, stranger = logged_in(mailing, "ada"), mailing.test_client()
        assert "not here" not in client.get("/subscriptions/new").text
        _post(client, "/subscriptions", name="All", query="", email="team@shop.example")
        deliver_due(catalog.database, catalog_of(mailing).settings)
        asking = re.search(r"http://localhost(/mail/\S+)", box.mails[0][1].get_content())[1]
        assert "has not agreed yet" in client.get("/subscriptions/2").text
        assert "I want them" in stranger.get(asking).text
        assert stranger.post(asking, data={"agree": "yes"}).status_code == 200
        assert "has not agreed yet" not in client.get("/subscriptions/2").text
        _add_feature(mailing)
        leaving = re.fullmatch(r"<http://localhost(/mail/\S+)>", box.mails[1][1]["List-Unsubscribe"])[1]
        assert "team@shop.example" in stranger.get(leaving).text
        assert stranger.post(leaving, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert stranger.get(leaving).status_code == 404
        with catalog.database.read() as session:
            assert session.scalars(select(Subscription.email)).all() == [None, None]


def test_without_accounts_the_one_user_subscribes(demo_copy: FlaskClient):
    made = _post(demo_copy, "/subscriptions", name="All", query="", feed="yes")
    assert made.status_code == 201
    feed = re.search(r"/feeds/hwf_[\w-]+", made.text)[0]
    assert "this page only" not in demo_copy.get("/subscriptions").text
    assert demo_copy.get("/subscriptions/2/feed").status_code == 200
    # What was made so is nobody's once there are accounts.
    catalog = catalog_of(demo_copy.application)
    with catalog.database.read() as session:
        assert session.scalars(select(Subscription.account_id)).all() == [None, None]
    later = create_app(replace(catalog.settings, auth="accounts"), catalog.database).test_client()
    assert demo_copy.get(feed).status_code == 200
    assert later.get(feed).status_code == 404


def _token(app: Flask, name: str, repositories: list[int] | None = None) -> str:
    with catalog_of(app).database.write() as session:
        account = get_account(session, name)
        return create_token(session, account.id, "p", Role.VIEWER, repositories, 7, _BY, int(time.time()))


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """Serve the catalog, and give its address."""
    with served(app) as url:
        yield url


def test_a_program_subscribes_and_follows(app: Flask, url: str, hook: Webhook):
    client = Client(url, token=_token(app, "vera"))
    made = client.subscribe("All", "brand_new", webhook=hook.url, feed=True)
    assert made.keys() == get_type_hints(ShownSubscription).keys()
    assert made["webhook_secret"].startswith("hws_")
    assert made["feed_url"].startswith("http://localhost/feeds/hwf_")
    number = made["id"]
    changed = client.change_subscription(number, every="hour", feed=False)
    assert (changed["every"], changed["feed"], changed["webhook_secret"]) == ("hour", False, None)
    assert client.change_subscription(number, renew=["webhook"])["webhook_secret"] != made["webhook_secret"]
    assert client.change_subscription(number, paused=True)["state"] == "paused"
    assert client.change_subscription(number, paused=False)["state"] == "follows"
    assert client.try_subscription(number)["kind"] == "test"
    with pytest.raises(Conflict, match="within the last minute"):
        client.try_subscription(number)
    _add_feature(app)
    told = list(client.told(number))
    assert [each["kind"] for each in told] == ["changed", "test"]
    assert told[0].keys() == get_type_hints(Told).keys()
    assert told[0]["deliveries"][0]["log"][0]["outcome"] == "answered 200"
    (item,) = client.told_items(number, told[0]["id"])
    assert (item["change"], item["key"]) == ("came", "features.spend:brand_new")
    assert [each["name"] for each in client.subscriptions()] == ["All"]
    assert client.subscription(number)["finds"] == 1
    assert client.remove_subscription(number)["name"] == "All"
    with pytest.raises(NotFound):
        client.subscription(number)


def test_commands_subscribe_where_the_catalog_is_served_and_say_what_they_say_here(
    app: Flask, url: str, hook: Webhook
):
    settings = catalog_of(app).settings
    home = {"HEADWATER_HOME": str(settings.home), "HEADWATER_DATABASE_URL": settings.database_url}
    home |= {"HEADWATER_AUTH": "accounts", "HEADWATER_URL": "http://localhost"}
    served = {"HEADWATER_REMOTE": url, "HEADWATER_TOKEN": _token(app, "vera")}

    def there(*asked: str) -> Result:
        return CliRunner().invoke(command_line(), ("subscription", *asked), env=served)

    def here(*asked: str) -> Result:
        return CliRunner().invoke(command_line(), ("subscription", *asked, "--user", "vera"), env=home)

    made = json.loads(there("add", "Zed", "brand_new", "--webhook", hook.url, "--feed", "--json").stdout)
    assert made["webhook_secret"].startswith("hws_")
    assert made["feed_url"].startswith("http://localhost/feeds/hwf_")
    assert there("add", "Bad", "--least", "warning", "--every", "day").exit_code == 0
    assert there("try", "Zed").exit_code == 0
    _add_feature(app)
    for asked in (
        *(("list",), ("list", "--json"), ("show", "Zed"), ("show", str(made["id"]), "--json")),
        *(("show", "nothing"), ("add", "x", "ownr:crm"), ("add", "x", "--webhook", "http://10.0.0.1/")),
    ):
        mine, theirs = here(*asked), there(*asked)
        assert (theirs.stdout, theirs.stderr, theirs.exit_code) == (
            mine.stdout,
            mine.stderr,
            mine.exit_code,
        ), asked
    assert json.loads(there("pause", "Bad", "--json").stdout)["state"] == "paused"
    assert json.loads(there("resume", "Bad", "--json").stdout)["state"] == "follows"
    assert json.loads(there("remove", "Bad", "--json").stdout)["name"] == "Bad"
    assert [each["name"] for each in json.loads(here("list", "--json").stdout)] == ["Zed"]
    assert there("list", "--user", "vera").exit_code == 2


def test_a_token_that_sees_less_than_its_account_makes_nothing_that_sees_more(app: Flask):
    client = app.test_client()
    for repositories, status in ((None, 201), ([1], 403)):
        headers = {"Authorization": f"Bearer {_token(app, 'vera', repositories)}"}
        sent = client.post("/api/v1/subscriptions", json={"name": "All"}, headers=headers)
        assert sent.status_code == status
        listed = client.get("/api/v1/subscriptions", headers=headers).status_code
        assert listed == (200 if status == 201 else 403)


def test_the_demo_has_told_what_became_personal(demo_copy: FlaskClient):
    client = demo_copy
    page = client.get("/subscriptions/1").text
    told = re.search(r"/subscriptions/1/told/\d+", page)
    assert told
    rows = client.get(f"{told[0]}.json").json["items"]
    assert ("came", "features.customers:email_domain_signups") in [
        (row["change"], row["key"]) for row in rows
    ]
    assert "Export an audience for the newsletter" in client.get(told[0]).text
