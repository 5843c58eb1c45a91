"""Repositories: added, scanned, scheduled, called for and removed by people in a browser."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.events import list_events
from headwater_catalog.accounts.people import create_account, set_role
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Job, Repository
from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.demo_catalog import settings_in

_SOURCE = "import pandas as pd\n\n\ndef sales(raw: pd.Series) -> pd.Series:\n    return raw\n"


@pytest.fixture
def origin(git_repo):
    git_repo.commit("Count sales", files={"features/sales.py": _SOURCE, "features/broken.py": "def f(:\n"})
    return git_repo


@pytest.fixture
def settings(tmp_path, sqlite_catalog_url):
    return settings_in(tmp_path / "home", sqlite_catalog_url)


@pytest.fixture
def database(settings) -> Iterator[Database]:
    database = Database(settings.database_url)
    yield database
    database.dispose()


@pytest.fixture
def client(settings, database) -> FlaskClient:
    return create_app(settings, database).test_client()


def _post(client: FlaskClient, path: str, **form: str):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/repos").text)
    assert token
    return client.post(path, data={"csrf_token": token[1], **form})


def _scans(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(job.state, job.requested_by) for job in session.scalars(select(Job).order_by(Job.id))]


def test_a_repository_is_added_scanned_and_shown_with_its_problems(client, database, settings, origin):
    assert _post(client, "/repos", name="shop", url=str(origin.path)).status_code == 303
    page = client.get("/repos").text
    assert "queued" in page
    assert 'hx-get="/repos/state"' in page
    Worker(database, settings).run(once=True)

    page = client.get("/repos").text
    assert "hx-get" not in re.sub(r"<form class=\"find.*?</form>", "", page, flags=re.DOTALL)
    assert 'href="/r/shop"' in page
    assert 'href="/r/shop#problems">1<' in page


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("shop", "/nowhere/at/all", "is no folder here"),
        ("shop", "ext::sh -c true", "is no folder here"),
        ("shop", "--upload-pack=x", "is no address"),
        ("shop", "https://u:secret@git.example.com/x.git", "holds a password"),
        ("Shop!", "", "is no address"),
    ],
)
def test_what_cannot_be_followed_is_told_and_nothing_is_kept(client, database, name, url, told):
    answer = _post(client, "/repos", name=name, url=url)

    assert answer.status_code == 422
    assert told in answer.text
    assert "secret@" not in re.sub(r'name="url" value="[^"]*"', "", answer.text)
    with database.read() as session:
        assert session.scalars(select(Repository)).all() == []


def test_a_name_that_cannot_be_one_is_told(client, origin):
    answer = _post(client, "/repos", name="Shop!", url=str(origin.path))

    assert answer.status_code == 422
    assert "cannot name a repository" in answer.text


def test_asking_twice_queues_one_scan_and_asking_while_it_goes_on_another(client, database, origin):
    _post(client, "/repos", name="shop", url=str(origin.path))
    _post(client, "/repos/shop/scan")
    assert len(_scans(database)) == 1
    with database.write() as session:
        session.scalars(select(Job)).one().state = "running"
    _post(client, "/repos/shop/scan")

    assert [state for state, _ in _scans(database)] == ["running", "queued"]


def test_the_schedule_queues_a_scan_when_it_is_time(client, database, settings, origin):
    _post(client, "/repos", name="shop", url=str(origin.path))
    worker = Worker(database, settings)
    worker.run(once=True)
    assert _post(client, "/repos/shop/schedule", every="3600").status_code == 303
    Worker(database, settings).run(once=True)
    assert len(_scans(database)) == 1
    with database.write() as session:
        session.scalars(select(Job)).one().created_at -= 3600
    Worker(database, settings).run(once=True)

    assert _scans(database)[1:] == [("succeeded", "the schedule")]
    for every in ("5", "x", "99999999", "-1"):
        assert _post(client, "/repos/shop/schedule", every=every).status_code == 409
    assert _post(client, "/repos/shop/schedule", every="0").status_code == 303
    with database.read() as session:
        assert get_repository(session, "shop").scan_every is None


def _secret(client: FlaskClient) -> str:
    made = re.search(r">([0-9a-f]{48})<", _post(client, "/repos/shop/hook", wanted="yes").text)
    assert made
    return made[1]


def _signed(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "headers",
    [
        lambda secret, body: {"X-Hub-Signature-256": f"sha256={_signed(secret, body)}"},
        lambda secret, body: {"X-Hub-Signature": f"sha256={_signed(secret, body)}"},
        lambda secret, body: {"X-Gitea-Signature": _signed(secret, body)},
        lambda secret, body: {"X-Gitlab-Token": secret},
        lambda secret, body: {
            "X-Hub-Signature": "sha1=00",
            "X-Hub-Signature-256": f"sha256={_signed(secret, body)}",
        },
    ],
)
def test_a_git_host_that_knows_the_secret_has_the_repository_scanned(client, database, origin, headers):
    with database.write() as session:
        add_repository(session, "shop", str(origin.path), 0)
    secret, body = _secret(client), b'{"ref": "refs/heads/main"}'

    assert client.post("/hooks/shop", data=body, headers=headers(secret, body)).status_code == 202
    assert _scans(database) == [("queued", "its Git host")]


@pytest.mark.parametrize(
    "headers",
    [
        lambda secret, body: {},
        lambda secret, body: {"X-Hub-Signature-256": f"sha256={_signed(secret, body + b' ')}"},
        lambda secret, body: {"X-Hub-Signature-256": f"sha256={_signed('', body)}"},
        lambda secret, body: {"X-Hub-Signature-256": ""},
        lambda secret, body: {"X-Gitlab-Token": ""},
        lambda secret, body: {"X-Gitlab-Token": secret[:-1]},
        lambda secret, body: {"X-Gitlab-Token": secret, "X-Gitea-Signature": "0" * 64},
        lambda secret, body: {"X-Gitea-Signature": "\u00e9"},
    ],
)
def test_a_call_by_anybody_else_queues_nothing_and_learns_nothing(client, database, origin, headers):
    with database.write() as session:
        add_repository(session, "shop", str(origin.path), 0)
    secret, body = _secret(client), b"{}"
    refused = client.post("/hooks/shop", data=body, headers=headers(secret, body))
    unknown = client.post("/hooks/nothing", data=body, headers=headers(secret, body))
    _post(client, "/repos/shop/hook", wanted="no")
    taken = client.post("/hooks/shop", data=body, headers={"X-Gitlab-Token": secret})

    assert {refused.status_code, unknown.status_code, taken.status_code} == {404}
    assert refused.text == unknown.text == taken.text
    assert _scans(database) == []


def test_a_repository_is_removed_by_who_types_its_name(client, database, settings, origin):
    _post(client, "/repos", name="shop", url=str(origin.path))
    Worker(database, settings).run(once=True)
    assert _post(client, "/repos/shop/remove", confirmed="sho").status_code == 409
    assert client.get("/r/shop").status_code == 200
    assert _post(client, "/repos/shop/remove", confirmed="shop").status_code == 303

    assert client.get("/r/shop").status_code == 404
    assert list((settings.home / "mirrors").glob("*.git")) == []


def test_a_repository_is_trusted_and_no_more(client, database, settings, origin):
    _post(client, "/repos", name="shop", url=str(origin.path))
    Worker(database, settings).run(once=True)

    assert "Trust it" in client.get("/repos").text
    for wanted, chips in (("yes", 1), ("yes", 1), ("no", 0)):
        assert _post(client, "/repos/shop/trust", wanted=wanted).status_code == 303
        assert client.get("/r/shop").text.count(">trusted</span>") == chips
        assert client.get("/api/v1/repositories/shop").json["is_trusted"] is bool(chips)
    with database.read() as session:
        kinds = [event.kind for event in list_events(session)]
    assert kinds[:2] == ["repository distrusted", "repository trusted"]
    assert kinds.count("repository trusted") == 1


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            Role.VIEWER,
            {"scan": 403, "schedule": 403, "jobs": 403, "hook": 403, "trust": 403, "remove": 403, "": 403},
        ),
        (
            Role.STEWARD,
            {"scan": 303, "schedule": 403, "jobs": 403, "hook": 403, "trust": 403, "remove": 403, "": 403},
        ),
        (
            Role.ADMINISTRATOR,
            {"scan": 303, "schedule": 303, "jobs": 303, "hook": 200, "trust": 403, "remove": 409, "": 403},
        ),
    ],
)
def test_each_may_do_what_their_role_in_the_repository_says(settings, database, origin, role, expected):
    by, password = ("maya", ""), "seven quiet lanterns"
    with database.write() as session:
        shop = add_repository(session, "shop", str(origin.path), 0)
        add_repository(session, "cellar", str(origin.path), 0)
        set_role(session, create_account(session, "bo", password, by, 0), role, shop, by, 0)
    client = create_app(replace(settings, auth="accounts"), database).test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token
    client.post("/login", data={"csrf_token": token[1], "name": "bo", "password": password})
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").text)
    assert token
    form = {"csrf_token": token[1], "every": "3600", "wanted": "yes", "url": str(origin.path), "name": "x"}

    got = {do: client.post(f"/repos/shop/{do}" if do else "/repos", data=form) for do in expected}
    assert {do: answer.status_code for do, answer in got.items()} == expected
    for do in expected:
        assert not do or client.post(f"/repos/cellar/{do}", data=form).status_code == 404
    assert "cellar" not in client.get("/repos").text


def test_the_pages_ask_the_database_as_often_for_many_repositories_as_for_two(client, database, origin):
    def count(path: str) -> int:
        asked: list[str] = []

        def note(_c, _cursor, statement, *_rest) -> None:
            asked.append(statement)

        event.listen(database.engine, "before_cursor_execute", note)
        assert client.get(path).status_code == 200
        event.remove(database.engine, "before_cursor_execute", note)
        return len(asked)

    counted = []
    for numbers in (range(2), range(2, 30)):
        with database.write() as session:
            for n in numbers:
                add_repository(session, f"shop{n}", str(origin.path), 0)
        counted.append({path: count(path) for path in ("/", "/repos", "/repos/state")})
    assert counted[0] == counted[1]
