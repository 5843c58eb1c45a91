"""What is compressed, for whom, and what never is."""

import gzip
import re
import time

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize(
    "path", ["/", "/search?q=spend", "/search.csv", "/static/base.css", "/api/v1/openapi.json"]
)
def test_an_answer_says_the_same_in_gzip(client: FlaskClient, path: str):
    with client.get(path) as plain, client.get(path, headers=_GZIP) as short:
        _are_alike(plain, short)


def _are_alike(plain: TestResponse, short: TestResponse):
    assert "Content-Encoding" not in plain.headers
    assert short.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in short.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
    assert int(short.headers["Content-Length"]) == len(short.data) < len(plain.data)
    assert len(gzip.decompress(short.data)) == pytest.approx(len(plain.data), abs=20)  # times differ


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
def test_who_cannot_read_gzip_gets_none(client: FlaskClient, accepted: str):
    assert "Content-Encoding" not in client.get("/", headers={"Accept-Encoding": accepted}).headers


@pytest.mark.parametrize("path", ["/static/pages.css", "/api/v1/repositories"])
def test_what_the_asker_has_in_gzip_is_not_sent_again(client: FlaskClient, path: str):
    first = client.get(path, headers=_GZIP)
    with client.get(path, headers={**_GZIP, "If-None-Match": first.headers["ETag"]}) as again:
        assert again.status_code == 304 and not again.data
    assert first.headers["ETag"].startswith("W/") or "Content-Encoding" not in first.headers


def test_an_answer_to_a_form_is_never_compressed(client: FlaskClient):
    answer = client.post("/repos", data={"name": "x" * 2000}, headers=_GZIP)

    assert len(answer.data) > 1000
    assert "Content-Encoding" not in answer.headers


def test_the_token_of_a_form_has_another_signature_every_second(client: FlaskClient):
    def token() -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/repos").text)
        assert found
        return found[1]

    first = token()
    until = time.monotonic() + 5
    while (second := token()) == first:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert first.split(".")[0] == second.split(".")[0]
    assert first.split(".")[-1] != second.split(".")[-1]
    for part in (first.split(".")[0], ".".join(first.split(".")[:2]), f"{first.split('.')[0]}.x.y"):
        assert client.post("/repos", data={"csrf_token": part}).status_code == 400
