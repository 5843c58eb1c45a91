"""Who sees what of runs: every role, every way to what a run made."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from textwrap import dedent

import pytest
from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.events import list_events
from headwater_catalog.accounts.people import create_account, set_role
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import get_repository
from headwater_catalog.run_options import RunOptions
from headwater_catalog.scan import scan
from headwater_catalog.value_comparison import request_comparison
from headwater_catalog.value_requests import pair_runs
from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.managed_demo import PASSWORD, logged_in
from support.run_catalog import Catalog, make_catalog

_SOURCE = """
    import pandas as pd
    from headwater import tag

    @tag(pii="true")
    def email(raw_email: pd.Series) -> pd.Series:
        print("saw", raw_email.iloc[0])
        return raw_email.str.lower()

    def orders(spend: pd.Series) -> pd.Series:
        return spend * 2

    def careless(email: pd.Series) -> int:
        raise ValueError(f"bad value {email.iloc[0]}")
"""
_PROJECT = '[tool.headwater.dataflows.crm]\nmodules = ["crm"]\nsources.people = "people.csv"\n'
_SECRET = "ada@example"
_ROLES = {
    "ann": Role.ADMINISTRATOR,
    "sue": Role.STEWARD,
    "rita": Role.RUNNER,
    "vera": Role.VIEWER,
    "nora": None,
}
_SEES = {"ann", "sue"}
_WAYS = (
    *("/runs/{0}", "/runs/{0}/state", "/runs/{0}/table.csv", "/runs/{0}/table.json", "/api/v1/runs/{0}"),
    *("/runs/compare?a={0}&b={1}", "/api/v1/runs/compare?a={0}&b={1}", "/runs/{2}", "/api/v1/runs/{2}"),
)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Give a catalog with accounts and runs: of personal data, one that failed on it, two that are compared."""
    folder = tmp_path_factory.mktemp("personal")
    people = "raw_email,spend\nAda@example.org,1\nbo@example.com,2\n"
    repository = GitRepo(folder / "repository")
    files = {"crm.py": dedent(_SOURCE), "pyproject.toml": _PROJECT, "people.csv": people}
    repository.commit("Keep people", files=files)
    empty_catalog(f"sqlite:///{folder / 'headwater.db'}").dispose()
    made = make_catalog(f"sqlite:///{folder / 'headwater.db'}", repository, folder / "home")
    made.settings = replace(made.settings, auth="accounts")
    with made.database.write() as session:
        for name, role in _ROLES.items():
            account = create_account(session, name, PASSWORD, ("ann", ""), 0)
            if role is not None:
                set_role(session, account, role, get_repository(session, "shop"), ("ann", ""), 0)
    for outputs in (("email", "orders"), ("email", "orders"), ("careless",)):
        made.run(*outputs, save=None if outputs == ("careless",) else "csv")
    repository.commit("Shout", files={"crm.py": dedent(_SOURCE).replace("lower()", "upper()")})
    scan(made.database, made.settings, "shop")
    with made.database.read() as session:
        where = session, made.settings, get_repository(session, "shop")
        moments = moment_at(*where, "HEAD~1"), moment_at(*where, "HEAD")
        pair = pair_runs(*moments, "crm", ("email", "orders"), {}, {}, RunOptions())
    with made.database.write() as session:
        owner = get_repository(session, "shop")
        request_comparison(session, made.settings, owner, pair, "rita", 1_700_000_000)
    Worker(made.database, made.settings).run(once=True)
    yield made
    made.database.dispose()


@pytest.fixture(scope="module")
def app(crm: Catalog) -> Flask:
    return create_app(crm.settings, crm.database)


@pytest.mark.parametrize("path", _WAYS)
@pytest.mark.parametrize("name", _ROLES)
def test_personal_data_is_seen_by_stewards_and_by_nobody_else(app: Flask, name: str, path: str):
    answer = logged_in(app, name).get(path.format(1, 2, 3))

    assert answer.status_code == (404 if name == "nora" else 200)
    if "compare" not in path:  # which tells statistics only
        assert (_SECRET in answer.text.lower()) == (name in _SEES)
    if name in ("rita", "vera") and "/3" not in path:
        assert "hidden" in answer.text or '"masked": true' in answer.text or '"masked":true' in answer.text


@pytest.mark.parametrize(
    "path",
    ["/runs/compare", "/runs/compare/state", "/runs/compare/rows.csv", "/runs/compare/rows.json"]
    + ["/api/v1/runs/compare"],
)
@pytest.mark.parametrize("name", _ROLES)
def test_personal_values_that_were_compared_are_seen_by_stewards_alone(app: Flask, name: str, path: str):
    answer = logged_in(app, name).get(f"{path}?a=4&b=5")

    assert answer.status_code == (404 if name == "nora" else 200)
    assert (_SECRET in answer.text.lower()) == (name in _SEES)


@pytest.mark.parametrize("name", _ROLES)
def test_the_file_of_a_run_is_given_to_stewards_only_and_noted(app: Flask, crm: Catalog, name: str):
    status = {"nora": 404, "rita": 403, "vera": 403}.get(name, 200)
    for path in ("/runs/1/file", "/api/v1/runs/1/file"):
        with crm.database.read() as session:
            before = len(list_events(session, kind="dataset downloaded", actor=name))
        answer = logged_in(app, name).get(path)
        with crm.database.read() as session:
            noted = list_events(session, kind="dataset downloaded", actor=name)

        assert answer.status_code == status
        assert (_SECRET in answer.text.lower()) == (name in _SEES)
        assert len(noted) - before == (status == 200)
        assert all(event.details["personal"] == ["email"] for event in noted)
        answer.close()
    assert logged_in(app, name).get("/api/v1/runs/1/stamp").status_code == status


@pytest.mark.parametrize("name", ["rita", "vera"])
@pytest.mark.parametrize("path", ["/runs", "/runs.csv", "/runs.json", "/jobs", "/jobs.json", "/api/v1/runs"])
def test_lists_tell_nothing_that_feature_code_said_of_personal_data(app: Flask, name: str, path: str):
    assert _SECRET not in logged_in(app, name).get(path).text.lower()


def test_what_is_not_personal_is_there_for_everybody(app: Flask):
    rows = list(csv.reader(io.StringIO(logged_in(app, "vera").get("/runs/1/table.csv").text)))

    assert rows == [
        ["email", "orders"],
        ["hidden: personal data", "2"],
        ["hidden: personal data", "4"],
    ]


def _token(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


@pytest.mark.parametrize(("name", "status"), [("sue", 409), ("rita", 409), ("vera", 403), ("nora", 404)])
def test_runs_are_cancelled_by_those_only_who_may_run(app: Flask, name: str, status: int):
    client = logged_in(app, name)
    form = {"csrf_token": _token(client, "/account")}

    assert client.post("/runs/1/cancel", data=form).status_code == status
    assert client.post("/api/v1/runs/1/cancel", json={}).status_code == status


@pytest.mark.parametrize(("name", "status"), [("sue", 201), ("rita", 201), ("vera", 403), ("nora", 404)])
def test_files_are_sent_by_those_only_who_may_run(app: Flask, name: str, status: int):
    address = "/api/v1/repositories/shop/uploads?name=a.csv"
    answer = logged_in(app, name).post(address, data=b"a\n1\n", content_type="application/octet-stream")

    assert answer.status_code == status


def test_a_large_form_of_a_stranger_is_refused_before_it_is_read(app: Flask):
    body = b"x" * 2_000_000
    answer = app.test_client().post("/runs", data=body, content_type="multipart/form-data; boundary=x")

    assert answer.status_code == 401


@pytest.mark.parametrize(("name", "status"), [("rita", 200), ("vera", 200), ("nora", 404)])
def test_the_form_is_shown_to_those_who_see_the_repository(app: Flask, name: str, status: int):
    answer = logged_in(app, name).get("/r/shop/run?output=orders")

    assert answer.status_code == status
    assert ('class="button button--main"' in answer.text) == (name == "rita")


@pytest.mark.parametrize("path", ["/runs", "/audit", "/api/v1/repositories/shop/uploads?name=a.csv"])
@pytest.mark.parametrize("has", ["nothing", "a cookie", "a token"])
def test_strangers_send_no_files(app: Flask, path: str, has: str):
    """Neither the cookie that the page of the login gives to everybody nor any token makes them known."""
    client = app.test_client()
    if has == "a cookie":
        assert "csrf_token" in client.get("/login").text
    headers = {"Authorization": "Bearer nonsense"} if has == "a token" else {}
    if path.startswith("/api/"):
        body, kind = b"week,spend\n" * 300_000, "application/octet-stream"
    else:
        part = b'--sheet\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        body = part + b"week,spend\n" * 300_000 + b"\r\n--sheet--\r\n"
        kind = "multipart/form-data; boundary=sheet"
    sent = io.BytesIO(body)
    answer = client.post(
        path, input_stream=sent, content_length=len(body), content_type=kind, headers=headers
    )

    assert answer.status_code == 401
    assert sent.tell() == 0


def test_those_who_are_known_send_files_that_are_larger_than_forms(app: Flask):
    client = logged_in(app, "rita")
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/audit").text)
    assert token

    def send(token: str) -> int:
        part = '--sheet\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
        fields = {"csrf_token": token, "repo": "shop", "outputs": "none"}
        sheet = part.format('file.people"; filename="people.csv', "raw_email,spend\n" + "a,1\n" * 300_000)
        body = "".join((*(part.format(*each) for each in fields.items()), sheet, "--sheet--\r\n"))
        kind = "multipart/form-data; boundary=sheet"
        return client.post("/runs", data=body.encode(), content_type=kind).status_code

    assert send(token[1]) == 404  # there is no such output
    assert send("forged") == 400
