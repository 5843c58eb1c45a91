"""What docs/api.md tells people to type works, on the demo."""

import re
import shlex
import threading
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from headwater_web.api.reference import groups_of

_MANUAL = Path(__file__).parents[2] / "docs" / "api.md"
_SERVER = "http://127.0.0.1:8000"


def _lines() -> list[str]:
    return re.findall(r"^    (curl .+)$", _MANUAL.read_text(), re.MULTILINE)


def _request(client: FlaskClient, line: str) -> tuple[str, TestResponse]:
    """Do what a line for curl says; return the address and the answer."""
    _, *options, address = shlex.split(line)
    path = address.removeprefix(_SERVER)
    if options:
        assert options[0] == "--json"
        return path, client.post(path, data=options[1], content_type="application/json")
    return path, client.get(path)


def _endpoint(app: Flask, line: str) -> str:
    """Return what answers a line for curl."""
    path = shlex.split(line)[-1].removeprefix(_SERVER).partition("?")[0]
    rule, _ = app.url_map.bind("127.0.0.1").match(path, "POST" if "--json" in line else "GET")
    return str(rule).removeprefix("api_").partition(".")[2]


def test_every_line_of_the_manual_works(demo_copy: FlaskClient):
    answers = dict(_request(demo_copy, line) for line in _lines())

    statuses = {path: answer.status_code for path, answer in answers.items()}
    assert {path: status for path, status in statuses.items() if status not in (200, 202)} == {}


def test_every_answer_has_just_the_shape_that_is_described(demo_copy: FlaskClient):
    document = demo_copy.get("/api/v1/openapi.json").json
    shapes = {
        operation.id: operation.shape for group in groups_of(document) for operation in group.operations
    }

    for line in _lines():
        path, answer = _request(demo_copy, line)
        shape = shapes[f"{answer.request.method.lower()}_{_endpoint(demo_copy.application, line)}"]
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
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        exec(program[1].replace(_SERVER, f"http://127.0.0.1:{server.server_port}"), {})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    printed = capsys.readouterr().out
    assert "features.signups:spend_per_signup" in printed
    assert "No feature 'spend_per_signu'" in printed


def test_statuses_of_the_manual_are_those_of_the_description(client: FlaskClient):
    told = set(re.findall(r"\b(4\d\d|5\d\d)\b", _MANUAL.read_text().split("| --- | --- |")[1].split("##")[0]))
    described = {
        code
        for item in client.get("/api/v1/openapi.json").json["paths"].values()
        for method in item.keys() & {"get", "post"}
        for code in item[method]["responses"]
        if code >= "400"
    }

    assert described <= told
