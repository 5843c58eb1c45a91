"""What the API says where it cannot answer: a problem document, always, and nothing that is inside."""

import base64
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from headwater_catalog.store.database import Database
from headwater_web.app import create_app

_API = "/api/v1"
_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/", 404),
        ("/api/v2/features", 404),
        (f"{_API}/nowhere", 404),
        (f"{_API}/features/", 404),
        (f"{_API}//features", 404),
        (f"{_API}/repositories/nothing", 404),
        (f"{_API}/features/demo/nothing", 404),
        (f"{_API}/commits/demo?at=nothing", 404),
        (f"{_API}/compare/demo?a=a..b", 404),
        (f"{_API}/dataflows/demo/nothing", 404),
        (f"{_API}/runs/99999", 404),
        (f"{_API}/runs/99999999999", 404),
        (f"{_API}/features?q=%22", 400),
        (f"{_API}/features?q=%00", 400),
        (f"{_API}/features?at=main", 409),
        (f"{_API}/features?limit=0", 422),
        (f"{_API}/features?limit=1_0", 422),
        (f"{_API}/features?facets=yes", 422),
        (f"{_API}/features?unknown=1", 422),
        (f"{_API}/features?cursor=nothing", 422),
        (f"{_API}/search", 422),
    ],
)
def test_every_error_is_a_problem_document(client: FlaskClient, path: str, status: int):
    _require_problem(client.get(path), status)


def _require_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = dict(answer.json)
    assert problem["status"] == status
    assert problem["title"] and problem["detail"] and problem["type"]
    return problem


def test_pages_keep_their_errors(client: FlaskClient):
    assert client.get("/nowhere").content_type.startswith("text/html")
    assert client.get("/apis").content_type.startswith("text/html")


def test_a_wrong_parameter_is_named_with_the_reason(client: FlaskClient):
    problem = _require_problem(client.get(f"{_API}/features?limit=many&facet=true"), 422)

    assert {(fault["in"], fault["parameter"]) for fault in problem["errors"]} == {
        ("query", "limit"),
        ("query", "facet"),
    }
    assert "It must be a whole number, in digits." in [fault["detail"] for fault in problem["errors"]]


def test_a_cursor_of_another_list_is_refused(client: FlaskClient):
    cursor = client.get(f"{_API}/commits/demo?limit=1").json["next"]

    assert client.get(f"{_API}/commits/demo?limit=9&cursor={cursor}").status_code == 200
    for path in (f"commits/demo?at=v1.0&cursor={cursor}", f"dataflows/demo?cursor={cursor}"):
        problem = _require_problem(client.get(f"{_API}/{path}"), 422)
        assert "another list" in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("after", "commits", "status"),
    [
        (5_000, {}, 200),
        (-1, {}, 422),
        (2**31, {}, 422),
        (True, {}, 422),
        ("a", {}, 422),
        (0, [], 422),
        (0, {"x": "AAAA"}, 422),
        (0, {"1": 3}, 422),
        (0, {"1": "-"}, 422),
        (0, {"1": ""}, 404),
        (0, {"1": "AAAA"}, 404),
    ],
)
def test_a_cursor_that_somebody_wrote_does_no_harm(
    client: FlaskClient, after: Any, commits: Any, status: int
):
    first = client.get(f"{_API}/commits/demo?limit=1").json["next"]
    asked = json.loads(base64.urlsafe_b64decode(first + "=="))[0]
    forged = base64.urlsafe_b64encode(json.dumps([asked, after, commits]).encode()).decode().rstrip("=")

    answer = client.get(f"{_API}/commits/demo?cursor={forged}")

    assert answer.status_code == status
    assert answer.json.get("items", []) == []


@pytest.mark.parametrize("cursor", ["MQ", "W10", "eyJhIjoxfQ", "W1tbW1tb", "====", "\N{SNOWMAN}"])
def test_what_is_no_cursor_is_refused(client: FlaskClient, cursor: str):
    _require_problem(client.get(f"{_API}/commits/demo", query_string={"cursor": cursor}), 422)


def test_a_query_error_tells_the_place_and_an_ambiguous_name_what_it_may_mean(client: FlaskClient):
    problem = _require_problem(client.get(f"{_API}/search?q=spend+%22"), 400)
    assert problem["position"] == 6
    assert problem["type"].endswith("#problem-query-error")

    page = client.get(f"{_API}/docs").text
    assert 'id="problem-query-error"' in page and 'id="problem-ambiguous-name"' in page


def test_a_method_that_an_address_does_not_answer_is_told_with_those_it_does(client: FlaskClient):
    answer = client.delete(f"{_API}/runs")

    _require_problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"repository": ' + b"1" * 10_000 + b"}", 400),
        (b"", 422),
        (b"[]", 422),
        (b'{"repository": "demo\\u0000"}', 422),
        (b'{"repository": "demo", "at": "\\ud800"}', 422),
        (b'{"repository": "demo", "outputs": [1]}', 422),
        (b'{"repository": "demo", "save": "csv"}', 409),
        (b'{"repository": "nothing"}', 404),
        (b'{"repository": "demo", "dataflow": "marketing", "outputs": ["nothing"]}', 404),
        (b'{"repository": "demo", "dataflow": "marketing", "config": {"region": NaN}}', 409),
        (b'{"repository": "demo", "at": "nothing"}', 404),
        (b"x" * 1_000_001, 413),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused(client: FlaskClient, body: bytes, status: int):
    _require_problem(client.post(f"{_API}/runs", data=body, headers=_JSON), status)


def test_a_form_of_another_site_cannot_ask_for_a_run(client: FlaskClient):
    asked = {"repository": "demo"}

    _require_problem(client.post(f"{_API}/runs", data=asked), 415)
    _require_problem(client.post(f"{_API}/runs", data="{}", content_type="text/plain"), 415)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 404),
        ({"Sec-Fetch-Site": "none"}, 404),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example", "Authorization": "Bearer whatever"}, 404),
    ],
)
def test_a_request_of_another_site_changes_nothing(client: FlaskClient, headers: dict[str, str], status: int):
    answer = client.post(f"{_API}/runs", json={"repository": "nothing"}, headers=headers)

    _require_problem(answer, status)


def test_a_foreign_host_is_refused_with_a_problem(client: FlaskClient):
    _require_problem(client.get(f"{_API}/runs", headers={"Host": "evil.example"}), 400)


def test_what_goes_wrong_inside_is_not_told(demo_settings, caplog: pytest.LogCaptureFixture):
    database = Database(demo_settings.database_url)
    broken: Flask = create_app(demo_settings, database)

    @event.listens_for(database.engine, "before_cursor_execute")
    def fail(*_said: Any) -> None:
        raise ValueError("a secret")

    problem = _require_problem(broken.test_client().get(f"{_API}/repositories"), 500)
    database.dispose()

    assert "secret" not in str(problem)
    assert "a secret" in caplog.text


def test_a_database_that_does_not_answer_is_told(tmp_path, demo_settings):
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    answer = create_app(demo_settings, database).test_client().get(f"{_API}/repositories")
    database.dispose()

    _require_problem(answer, 503)
