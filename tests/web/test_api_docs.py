"""The description of the API: a valid document of OpenAPI 3.1, whole, and the page made of it."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from jsonschema_rs import ValidationError

from headwater_web.api.documentation import attach
from headwater_web.api.reference import groups_of


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    return dict(client.get("/api/v1/openapi.json").json)


def _operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_the_document_holds_every_address_of_the_api(app: Flask, document: dict[str, Any]):
    rules = {
        re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }

    assert document["openapi"].startswith("3.1")
    assert rules - set(document["paths"]) == {"/api/v1/openapi.json", "/api/v1/docs"}


def test_every_operation_says_what_it_takes_and_gives(document: dict[str, Any]):
    for name, operation in _operations(document).items():
        assert operation["summary"].endswith("."), name
        assert all(each["description"] for each in operation.get("parameters", ())), name
        good = next(answer for code, answer in operation["responses"].items() if code.startswith("2"))
        described = [content["schema"] for content in good["content"].values()]
        is_file = name.endswith(("/file", "/stamp", "/record", "/record/signed", "/catalog"))
        assert all(is_file or "$ref" in schema for schema in described) and described, name
        assert {"400", "401", "422", "503"} <= operation["responses"].keys(), name


def test_errors_are_described_as_problem_documents(document: dict[str, Any]):
    responses = document["components"]["responses"]

    assert responses["NOT_FOUND"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


def test_the_document_is_valid(document: dict[str, Any]):
    schemathesis.openapi.from_dict(document).validate()

    broken = {**document, "paths": {"/x": {"get": {"parameters": [{"in": "nowhere"}]}}}}
    with pytest.raises(ValidationError):
        schemathesis.openapi.from_dict(broken).validate()


def test_who_asks_at_once_is_told_what_was_described_once():
    described: list[dict[str, Any]] = []

    def describe() -> dict[str, Any]:
        time.sleep(0.05)
        described.append({"info": {}, "tags": [], "paths": {}, "components": {"schemas": {}}})
        return described[-1]

    app = Flask(__name__)
    attach(app, describe)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(app.test_client().get, "/api/v1/openapi.json") for _ in range(4)]
    answers = [each.result().json for each in asked]

    assert answers == described * 4


def test_every_shape_leaves_nothing_open(document: dict[str, Any]):
    for name, shape in document["components"]["schemas"].items():
        assert shape["additionalProperties"] is False, name


def test_the_page_shows_every_operation_with_a_line_for_the_terminal(
    client: FlaskClient, document: dict[str, Any]
):
    page = client.get("/api/v1/docs").text

    for group in groups_of(document):
        for operation in group.operations:
            assert f'id="{operation.id}"' in page
    assert page.count("curl ") == page.count("http://localhost/api/v1") == len(_operations(document))
    assert set(re.findall('href="#([^"]+)"', page)) <= {*re.findall('id="([^"]+)"', page)}


def test_every_example_of_the_page_works(daily: FlaskClient, document: dict[str, Any]):
    examples = [operation.example for group in groups_of(document) for operation in group.operations]
    addresses = [re.search(r"'(/[^']+)'$", example)[1] for example in examples]

    for example, address in zip(examples, addresses, strict=True):
        if example.startswith("curl '/"):
            assert daily.get(address).status_code == 200, address
