"""What docs/api.md tells people to type works, on the demo."""

import re
import shlex
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator
from werkzeug.test import TestResponse

from headwater_web.api.reference import groups_of
from support.git_repo import GitRepo
from support.served import served

_MANUAL = Path(__file__).parents[2] / "docs" / "api.md"
_SERVER = "http://127.0.0.1:8000"


def _lines() -> list[str]:
    return re.findall(r"^    (curl .+)$", _MANUAL.read_text(), re.MULTILINE)


def _asked(line: str) -> tuple[str, str, str | None]:
    """Return the method, the address and the body of a line for curl."""
    _, *options, address = shlex.split(line)
    given = dict(zip(options[::2], options[1::2], strict=True))
    body = given.get("--json")
    body = "week,spend\n" if "--data-binary" in given else body
    method = given.get("-X", "GET" if body is None else "POST")
    return method, address.removeprefix(_SERVER), body


def _request(client: FlaskClient, line: str, shop: Path) -> tuple[str, TestResponse]:
    """Do what a line for curl says; return the address and the answer."""
    method, path, body = _asked(line)
    sent = None if body is None else body.replace("/srv/git/shop", str(shop))
    kind = "application/octet-stream" if "--data-binary" in line else "application/json"
    return path, client.open(path, method=method, data=sent, content_type=sent and kind, buffered=True)


def _endpoint(app: Flask, line: str) -> str:
    """Return what answers a line for curl."""
    method, path, _ = _asked(line)
    rule, _ = app.url_map.bind("127.0.0.1").match(path.partition("?")[0], method)
    return str(rule).removeprefix("api_").partition(".")[2]


@pytest.fixture
def shop(git_repo: GitRepo) -> Path:
    git_repo.commit("Begin", files={"features/sales.py": "def sales(raw: int) -> int:\n    return raw\n"})
    return git_repo.path


def test_every_line_of_the_manual_works(daily: FlaskClient, shop: Path):
    answers = [_request(daily, line, shop) for line in _lines()]

    assert [(path, found.text) for path, found in answers if found.status_code not in (200, 201, 202)] == []


def test_every_answer_has_just_the_shape_that_is_described(daily: FlaskClient, shop: Path):
    document = daily.get("/api/v1/openapi.json").json
    shapes = {
        operation.id: operation.shape for group in groups_of(document) for operation in group.operations
    }

    for line in _lines():
        path, answer = _request(daily, line, shop)
        shape = shapes[f"{answer.request.method.lower()}_{_endpoint(daily.application, line)}"]
        if shape is None:  # a file
            assert answer.data
            continue
        told = {"$ref": f"#/components/schemas/{shape}", "components": document["components"]}
        faults = [fault.message for fault in Draft202012Validator(told).iter_errors(answer.json)]
        assert faults == [], path


def test_the_manual_has_a_line_for_every_address(app: Flask):
    shown = {_endpoint(app, line) for line in _lines()}
    endpoints = [rule.endpoint for rule in app.url_map.iter_rules()]
    there = {name.partition(".")[2] for name in endpoints if name.startswith("api_")}

    assert shown == there


def test_the_program_of_the_manual_works(app: Flask, capsys: pytest.CaptureFixture[str]):
    program = re.search(r"```python\n(.+?)```", _MANUAL.read_text(), re.DOTALL)
    with served(app) as url:
        exec(program[1].replace(_SERVER, url), {})

    printed = capsys.readouterr().out
    assert "features.signups:spend_per_signup" in printed
    assert "No feature 'spend_per_signu'" in printed


def test_statuses_of_the_manual_are_those_of_the_description(client: FlaskClient):
    told = set(re.findall(r"\b(4\d\d|5\d\d)\b", _MANUAL.read_text().split("| --- | --- |")[1].split("##")[0]))
    described = {
        code
        for item in client.get("/api/v1/openapi.json").json["paths"].values()
        for method in item.keys() - {"parameters"}
        for code in item[method]["responses"]
        if code >= "400"
    }

    assert described <= told
