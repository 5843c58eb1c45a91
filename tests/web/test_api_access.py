"""Who may see and do what by the API: every address, every role, every thing."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.keys import create_token
from headwater_catalog.accounts.people import create_account, get_account, set_role
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.scan_requests import request_scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.managed_demo import PASSWORD, catalog_of, logged_in
from support.saved_dataset import save_a_dataset

_API = "/api/v1"
_BY = ("maya", "")
_ROLES = {
    "ada": (Role.ADMINISTRATOR, None),
    "olga": (Role.ADMINISTRATOR, "open"),
    "rita": (Role.RUNNER, "open"),
    "vera": (Role.VIEWER, "open"),
    "nora": None,
}
_SOURCE = "import pandas as pd\n\n\ndef {0}_sales({0}_raw: pd.Series) -> pd.Series:\n    return {0}_raw\n"
_JOBS = {"open": 1, "cellar": 2}
_SAVED = {"open": 1, "cellar": 2}  # the runs that saved something


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give a catalog of two repositories, each with a scan that waits, and accounts of all roles."""
    folder = tmp_path_factory.mktemp("access")
    settings = settings_in(folder / "home")
    database, now = empty_catalog(settings.database_url), int(time.time())
    for name in _JOBS:
        git_repo = GitRepo(folder / name)
        data = (
            f"[tool.headwater.dataflows.{name}]\nmodules = ['{name}']\noutputs = ['{name}_sales']\n"
            f"partitions = {{ key = 'day', from = 2026-01-01, until = 2026-01-09 }}\n"
            f"[tool.headwater.tables.sold]\nconnection = '{name}'\ntable = 'sold'\n"
        )
        git_repo.commit("Begin", files={f"{name}.py": _SOURCE.format(name), "pyproject.toml": data})
        with database.write() as session:
            add_repository(session, name, str(git_repo.path), 0)
        scan(database, settings, name)
        with database.write() as session:
            request_scan(session, get_repository(session, name), "maya", now)
    with database.write() as session:
        for name in _SAVED:
            save_a_dataset(session, settings, name)
        for name, grant in _ROLES.items():
            account = create_account(session, name, PASSWORD, _BY, now)
            if grant is not None:
                where = get_repository(session, grant[1]) if grant[1] else None
                set_role(session, account, grant[0], where, _BY, now)
            create_token(session, account.id, f"of {name}", Role.VIEWER, None, 30, _BY, now)
    database.dispose()
    return settings


@pytest.fixture
def app(whole: Settings, tmp_path: Path) -> Iterator[Flask]:
    """Give the application over a copy of that catalog."""
    settings = replace(settings_in(shutil.copytree(whole.home, tmp_path / "home")), auth="accounts")
    database = Database(settings.database_url)
    yield create_app(settings, database)
    database.dispose()


def _token(app: Flask, name: str, role: Role = Role.ADMINISTRATOR) -> dict[str, str]:
    with catalog_of(app).database.write() as session:
        account = get_account(session, name)
        key = create_token(session, account.id, "a program", role, None, 7, _BY, int(time.time()))
    return {"Authorization": f"Bearer {key}"}


_SEEN = (
    *("/repositories/{0}", "/repositories/{0}/refs", "/repositories/{0}/problems", "/features?repo={0}"),
    *("/features/{0}/{0}:{0}_sales", "/history/{0}/{0}:{0}_sales", "/search?q=sales&repo={0}"),
    *("/search/quick?q=sales&repo={0}", "/lineage/{0}/{0}:{0}_sales", "/runs?repo={0}"),
    *("/lineage/{0}/{0}:{0}_sales?across=true", "/paths/{0}?source=input:{0}_raw&target={0}_sales"),
    *("/commits/{0}", "/commits/{0}?counts=true", "/commits/{0}/main", "/compare/{0}", "/impact/{0}"),
    *("/dataflows/{0}", "/dataflows/{0}/{0}", "/modules/{0}", "/modules/{0}/{0}", "/jobs/{job}"),
    *("/datasets/{0}/{0}/versions", "/datasets/{0}/{0}/versions/{run}"),
    "/datasets/{0}/{0}/versions/{run}/reproductions",
    "/why/{0}/{0}:{0}_sales",
    "/repositories/{0}/classifications",
    *("/repositories/{0}/coverage", "/repositories/{0}/coverage/history", "/repositories/{0}/catalog"),
    "/repositories/{0}/reach?of=input:{0}_raw",
    "/repositories/{0}/suggestions",
    "/review/{0}",
    *("/tables/{0}", "/tables/{0}/{0}:sold", "/partitions/{0}/{0}"),
)


def test_what_belongs_to_a_repository_is_there_for_those_only_who_may_see_it(app):
    for name in _ROLES:
        client, headers = logged_in(app, name), _token(app, name)
        sees = {"ada": {"open", "cellar"}, "nora": set()}.get(name, {"open"})
        for repository, job in _JOBS.items():
            for path in _SEEN:
                address = _API + path.format(repository, job=job, run=_SAVED[repository])
                expected = 200 if repository in sees else 404
                assert client.get(address).status_code == expected, (name, address)
                answer = app.test_client().get(address, headers=headers)
                assert answer.status_code == expected, (name, address)


def test_every_address_that_belongs_to_a_repository_is_in_the_list_above(app):
    shown = {_rule(app, _API + path.format("open", job=1, run=1)) for path in _SEEN}
    rules = {str(rule) for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}

    of_one = {rule for rule in rules if rule.startswith(_API) and "<repo>" in rule}
    assert of_one <= shown


def _rule(app: Flask, address: str) -> str:
    found, _ = app.url_map.bind("127.0.0.1").match(address.partition("?")[0], return_rule=True)
    return str(found)


@pytest.mark.parametrize("path", ["/repositories", "/features", "/features?q=sales&facets=true", "/jobs"])
def test_lists_hold_nothing_of_what_is_hidden(app, path):
    for name in ("olga", "rita", "vera", "nora"):
        assert "cellar" not in logged_in(app, name).get(_API + path).text
    assert "cellar" in logged_in(app, "ada").get(_API + path).text


_DONE = {
    "POST /repositories/{0}/scan": ("rita", {}),
    "POST /jobs/{job}/cancel": ("rita", {}),
    "POST /jobs/{job}/priority": ("olga", {"priority": 5}),
    "PATCH /repositories/{0}": ("olga", {"scan_every": 3600, "jobs_at_once": 2}),
    "POST /repositories/{0}/hook": ("olga", {}),
    "DELETE /repositories/{0}/hook": ("olga", None),
    "POST /repositories/{0}/trust": ("ada", {}),
    "DELETE /repositories/{0}/trust": ("ada", None),
    "POST /repositories/{0}/branches": ("olga", {}),
    "DELETE /repositories/{0}/branches": ("olga", None),
    "POST /repositories/{0}/suggestions/patch": ("vera", {}),
    "POST /datasets/{0}/{0}/versions/{run}/looks": ("olga", {}),
    "DELETE /repositories/{0}": ("olga", None),
}
_REPORT = {
    **{
        "commit": "main",
        "dataflow": "",
        "outputs": [],
        "config": {},
        "inputs": {},
        "nodes": [],
        "checks": [],
    },
    **{"graph": [], "environment": {}, "origin": {"framework": "hamilton"}, "failure": None},
    **{"succeeded": True, "started_at": 1, "finished_at": 2},
}
_RANKS = ("nora", "vera", "rita", "olga", "ada")


@pytest.mark.parametrize("what", _DONE)
@pytest.mark.parametrize("by_token", [True, False], ids=["token", "browser"])
def test_a_repository_is_changed_by_those_only_who_may(app, what, by_token):
    method, path = what.split()
    least, body = _DONE[what]
    for name in _RANKS:
        for repository, job in reversed(_JOBS.items()):
            client = app.test_client() if by_token else logged_in(app, name)
            headers = _token(app, name) if by_token else {}
            address = _API + path.format(repository, job=job, run=_SAVED[repository])
            answer = client.open(address, method=method, json=body, headers=headers)
            sees = name == "ada" or (repository == "open" and name != "nora")
            may = sees and _RANKS.index(name) >= _RANKS.index(least)
            if may and name != least:
                continue  # it was done by then, which may be done only once
            assert answer.status_code == ((202 if "scan" in path else 200) if may else 403 if sees else 404)


def test_a_run_is_reported_by_those_only_who_may_run(app):
    for name in _RANKS:
        for repository in _JOBS:
            body, headers = {"repository": repository, **_REPORT}, _token(app, name)
            sent = app.test_client().post(f"{_API}/runs/report", json=body, headers=headers)
            sees = name == "ada" or (repository == "open" and name != "nora")
            may = sees and _RANKS.index(name) >= _RANKS.index("rita")
            assert sent.status_code == (201 if may else 403 if sees else 404), (name, repository)
            if may:
                assert (sent.json["reported"], sent.json["requested_by"]) == (True, name)


def test_partitions_are_asked_for_by_those_only_who_may_run(app):
    for name in _RANKS:
        for repository in _JOBS:
            body = {"repository": repository, "dataflow": repository, "limit": 1}
            sent = app.test_client().post(f"{_API}/backfills", json=body, headers=_token(app, name))
            sees = name == "ada" or (repository == "open" and name != "nora")
            may = sees and _RANKS.index(name) >= _RANKS.index("rita")
            assert sent.status_code == (202 if may else 403 if sees else 404), (name, repository)
            if may:
                [asked] = sent.json["requested"]
                run = logged_in(app, name).get(f"{_API}/runs/{asked['run']}").json
                assert (asked["is_new"], run["requested_by"], run["config"]) == (
                    True,
                    name,
                    {"day": asked["day"]},
                )


@pytest.mark.parametrize("what", _DONE)
def test_a_token_of_a_viewer_changes_nothing(app, what):
    method, path = what.split()
    address, headers = _API + path.format("open", job=1, run=1), _token(app, "ada", Role.VIEWER)

    assert app.test_client().open(
        address, method=method, json={"scan_every": 60, "priority": 1}, headers=headers
    ).status_code in (403, 422)
    assert app.test_client().open(address, method=method, json=_DONE[what][1]).status_code == 401
    foreign = {"Origin": "https://evil.example"}
    answer = logged_in(app, "ada").open(address, method=method, json=_DONE[what][1], headers=foreign)
    assert answer.status_code == 403


def test_repositories_are_added_by_administrators_of_all_of_them(app, git_repo):
    git_repo.commit("Begin", files={"a.py": "def a(x: int) -> int:\n    return x\n"})
    body = {"name": "new", "url": str(git_repo.path)}
    for name in ("nora", "vera", "rita", "olga"):
        assert logged_in(app, name).post(f"{_API}/repositories", json=body).status_code == 403
    viewer = _token(app, "ada", Role.RUNNER)
    assert app.test_client().post(f"{_API}/repositories", json=body, headers=viewer).status_code == 403

    made = logged_in(app, "ada").post(f"{_API}/repositories", json=body)
    assert (made.status_code, made.location) == (201, f"{_API}/repositories/new")
    assert logged_in(app, "ada").get(f"{_API}/jobs").json["items"][0]["repository"] == "new"
    unreadable = {"name": "other", "url": str(git_repo.path / "nowhere")}
    refused = logged_in(app, "ada").post(f"{_API}/repositories", json=unreadable)
    assert refused.status_code == 409
    assert "nowhere" in refused.json["detail"]


_MANAGEMENT = {
    "GET /accounts": None,
    "GET /accounts/vera": None,
    "POST /accounts": {"name": "zoe", "password": PASSWORD},
    "PATCH /accounts/vera": {"disabled": True},
    "PUT /accounts/vera/role": {"role": "administrator"},
    "GET /events": None,
}


@pytest.mark.parametrize("what", _MANAGEMENT)
def test_accounts_and_events_are_for_administrators_in_a_browser(app, what):
    method, path = what.split()
    body = _MANAGEMENT[what]
    for name in ("olga", "rita", "vera", "nora"):
        assert logged_in(app, name).open(_API + path, method=method, json=body).status_code == 403
    stranger = app.test_client()
    assert stranger.open(_API + path, method=method, json=body).status_code == 401
    headers = _token(app, "ada")
    assert stranger.open(_API + path, method=method, json=body, headers=headers).status_code == 403

    answer = logged_in(app, "ada").open(_API + path, method=method, json=body)
    assert answer.status_code in (200, 201)
    assert PASSWORD not in answer.text


def test_an_account_is_made_given_a_role_and_shut_out(app):
    ada = logged_in(app, "ada")
    made = ada.post(f"{_API}/accounts", json={"name": "Bo@shop.example", "password": PASSWORD})
    assert made.json == {"name": "bo@shop.example", "disabled": False, "roles": []}
    role = {"role": "viewer", "repository": "open"}
    assert ada.put(f"{_API}/accounts/bo@shop.example/role", json=role).json["roles"] == [
        {"repository": "open", "role": "viewer"}
    ]
    bo = logged_in(app, "bo@shop.example")
    assert bo.get(f"{_API}/repositories/open").status_code == 200
    assert ada.patch(f"{_API}/accounts/bo@shop.example", json={"disabled": True}).json["disabled"]
    assert bo.get(f"{_API}/repositories/open").status_code == 401
    assert ada.put(f"{_API}/accounts/ada/role", json={"role": None}).status_code == 409
    kinds = [event["kind"] for event in ada.get(f"{_API}/events").json["items"]]
    assert kinds[:3] == ["account disabled", "role set", "account created"]


def test_a_token_is_made_shown_once_and_taken_away(app):
    rita = logged_in(app, "rita")
    body = {"name": "nightly", "role": "runner", "repositories": ["open"], "days": 7}
    made = rita.post(f"{_API}/tokens", json=body)
    assert made.status_code == 201
    key, number = made.json["token"], made.json["id"]
    headers = {"Authorization": f"Bearer {key}"}
    assert re.fullmatch(r"hw_[\w-]{40,}", key)
    assert app.test_client().get(f"{_API}/repositories/open", headers=headers).status_code == 200
    listed = rita.get(f"{_API}/tokens")
    assert key not in listed.text
    assert [token["name"] for token in listed.json["items"]] == ["nightly", "of rita"]
    assert rita.get(made.location).json["repositories"] == ["open"]
    assert rita.delete(f"{_API}/tokens/{number}").json["name"] == "nightly"
    assert app.test_client().get(f"{_API}/repositories/open", headers=headers).status_code == 401
    assert rita.delete(f"{_API}/tokens/{number}").status_code == 404


def test_tokens_are_ones_own_and_no_token_manages_tokens(app):
    vera, headers = logged_in(app, "vera"), _token(app, "vera")
    (first,) = logged_in(app, "rita").get(f"{_API}/tokens").json["items"]
    hidden = {"name": "x", "repositories": ["cellar"]}

    assert vera.get(f"{_API}/tokens/{first['id']}").status_code == 404
    assert vera.delete(f"{_API}/tokens/{first['id']}").status_code == 404
    assert vera.post(f"{_API}/tokens", json=hidden).status_code == 404
    program: FlaskClient = app.test_client()
    assert program.get(f"{_API}/tokens", headers=headers).status_code == 403
    assert program.post(f"{_API}/tokens", json={"name": "x"}, headers=headers).status_code == 403
    assert program.delete(f"{_API}/tokens/1", headers=headers).status_code == 403
    assert len(logged_in(app, "rita").get(f"{_API}/tokens").json["items"]) == 1


def test_sessions_are_ones_own_and_can_be_ended(app):
    rita, phone, headers = logged_in(app, "rita"), logged_in(app, "rita"), _token(app, "rita")
    listed = rita.get(f"{_API}/account/sessions").json["items"]
    assert sorted(each["this"] for each in listed) == [False, True]
    (other,) = (each["id"] for each in listed if not each["this"])
    assert logged_in(app, "vera").delete(f"{_API}/account/sessions/{other}").status_code == 404
    assert app.test_client().get(f"{_API}/account/sessions", headers=headers).status_code == 403
    assert app.test_client().get(f"{_API}/account", headers=headers).status_code == 403

    assert rita.delete(f"{_API}/account/sessions/{other}").json["id"] == other
    assert phone.get(f"{_API}/account").status_code == 401
    assert rita.get(f"{_API}/account").json["name"] == "rita"
    assert rita.delete(f"{_API}/account/sessions/{other}").status_code == 404


def test_another_password_needs_the_old_one_and_ends_all_sessions(app):
    rita, phone, path = logged_in(app, "rita"), logged_in(app, "rita"), f"{_API}/account/password"
    wrong = rita.put(path, json={"old": "another than hers", "new": "nine copper kettles"})
    assert (wrong.status_code, phone.get(f"{_API}/account").status_code) == (403, 200)
    assert rita.put(path, json={"old": PASSWORD, "new": "short"}).status_code == 409
    assert app.test_client().put(path, json={}, headers=_token(app, "rita")).status_code == 422

    done = rita.put(path, json={"old": PASSWORD, "new": "nine copper kettles"})
    assert (done.status_code, done.json["name"]) == (200, "rita")
    assert [client.get(f"{_API}/account").status_code for client in (rita, phone)] == [401, 401]
    for _ in range(10):
        logged_in(app, "rita").put(path, json={"old": "a guess at it", "new": "nine copper kettles"})
    asked = {"old": "nine copper kettles", "new": "ten copper kettles"}
    assert logged_in(app, "rita").put(path, json=asked).status_code == 429


def test_how_the_installation_does_is_for_administrators_of_all_of_it(app):
    for name in ("olga", "rita", "vera", "nora"):
        assert logged_in(app, name).get(f"{_API}/operations").status_code == 403
    viewer = _token(app, "ada", Role.VIEWER)
    assert app.test_client().get(f"{_API}/operations", headers=viewer).status_code == 403

    told = logged_in(app, "ada").get(f"{_API}/operations").json
    assert told["jobs"] == {"queued": 2, "running": 0, "succeeded": 2, "failed": 0, "cancelled": 0}
    assert told["disk"]["free"] > 0
    assert told["versions"].keys() >= {"Headwater", "Python", "git"}


def test_lists_of_jobs_events_and_tokens_go_on_where_a_page_ended(app):
    ada = logged_in(app, "ada")
    for days in (1, 2, 3):
        ada.post(f"{_API}/tokens", json={"name": f"{days} days", "days": days})
    logged_in(app, "ada")
    for path in ("jobs", "events", "tokens", "accounts", "account/sessions"):
        whole = ada.get(f"{_API}/{path}?limit=500").json["items"]
        found, address = [], f"{_API}/{path}?limit=1"
        while address:
            page = ada.get(address).json
            found += page["items"]
            address = page["next"] and f"{_API}/{path}?limit=1&cursor={page['next']}"
        assert found == whole
        assert len(found) > 1


def test_without_accounts_there_are_no_accounts_and_tokens_but_a_log(whole):
    database = Database(whole.database_url)
    client = create_app(whole, database).test_client()
    for path in ("accounts", "accounts/vera", "tokens", "tokens/1", "account", "account/sessions"):
        assert client.get(f"{_API}/{path}").status_code == 404
    assert client.get(f"{_API}/events").status_code == 200
    database.dispose()
