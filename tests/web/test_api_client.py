"""The client, against a catalog that is really served."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, get_type_hints

import pytest
from flask import Flask

from headwater_catalog.client import Client, answers, dataset_answers, governance_answers
from headwater_catalog.errors import CatalogError, Conflict, NotFound, QueryError, SettingError
from support.served import served

_FEATURE = "features.signups:spend_per_signup"


@pytest.fixture(scope="module")
def url(app: Flask) -> Iterator[str]:
    with served(app) as url:
        yield url


@pytest.fixture
def catalog(url: str) -> Client:
    return Client(url, page=3)


def _require(shape: Any, answer: Any) -> None:
    """Require that an answer has just the fields that its type tells."""
    hints = get_type_hints(shape)
    assert answer.keys() - hints.keys() == set()
    assert shape.__required_keys__ <= answer.keys()


def test_every_answer_has_the_fields_that_its_type_tells(catalog: Client):
    lists = {
        answers.Repository: catalog.repositories(),
        answers.Ref: catalog.refs("demo"),
        answers.Dataflow: catalog.dataflows("demo"),
        answers.ModuleRow: catalog.modules("demo"),
        answers.Hit: catalog.search("spend", sort="used"),
        answers.Commit: catalog.commits("demo"),
        answers.Change: catalog.changes("demo", "v1.0", diff=True),
        answers.RunRow: catalog.runs(repo="demo"),
        governance_answers.Suggestion: catalog.suggestions("demo"),
    }
    ones = {
        answers.RepositoryDetail: catalog.repository("demo"),
        answers.Module: catalog.module("demo", "features.signups"),
        answers.Feature: catalog.feature("demo", "spend_per_signup"),
        answers.Variant: catalog.feature("demo", _FEATURE)["variants"][0],
        answers.Lineage: catalog.lineage("demo", _FEATURE, up=1),
        answers.FarNode: catalog.lineage("demo", _FEATURE)["upstream"][0],
        answers.Edge: catalog.lineage("demo", _FEATURE)["edges"][0],
        answers.LineageChanges: catalog.lineage("demo", _FEATURE, since="v1.0")["changes"],
        answers.Paths: catalog.paths("demo", "input:spend", _FEATURE),
        answers.CommitDetail: catalog.commit("demo", "main"),
        answers.Comparison: catalog.compare("demo", "v1.0", "main"),
        answers.FeatureChange: catalog.compare("demo", "v1.0", "main")["features"][0],
        answers.Run: catalog.run(1),
        dataset_answers.Version: catalog.version("demo", "marketing", 1),
        governance_answers.Review: catalog.review("demo", "v1.0", "main"),
        governance_answers.TagPatch: catalog.tag_patch("demo", {_FEATURE: {"confidentiality": "internal"}}),
    }
    for shape, found in lists.items():
        _require(shape, next(iter(found)))
    for shape, answer in ones.items():
        _require(shape, answer)


def test_a_list_is_followed_to_its_end(catalog: Client, url: str):
    assert len(list(catalog.commits("demo"))) > 3
    assert list(catalog.commits("demo")) == list(Client(url, page=500).commits("demo"))
    assert [hit["key"] for hit in catalog.search("spend")] == [
        hit["key"] for hit in Client(url).search("spend")
    ]


def test_the_past_is_asked_by_at(catalog: Client):
    then, now = (list(catalog.search(repo="demo", at=at)) for at in ("v1.0", None))

    assert 0 < len(then) < len(now)


@pytest.mark.parametrize(
    ("ask", "kind", "told"),
    [
        (lambda c: c.feature("demo", "spend_per_signu"), NotFound, "spend_per_signup"),
        (lambda c: c.repository("nothing"), NotFound, "No repository 'nothing'"),
        (lambda c: c.feature("demo", "a/b?c#d"), NotFound, "'a/b?c#d'"),
        (lambda c: list(c.search('"')), QueryError, "not closed"),
        (lambda c: list(c.search("spend", at="main")), Conflict, "repo"),
        (lambda c: c.lineage("demo", _FEATURE, up=-1), CatalogError, "up: It must be a whole number"),
        (lambda c: c.request_run("demo", ["nothing"], dataflow="marketing"), NotFound, "'nothing'"),
    ],
)
def test_an_error_of_the_catalog_is_raised_with_its_reason(
    catalog: Client, ask: Any, kind: type[CatalogError], told: str
):
    with pytest.raises(kind, match=told.replace("?", r"\?")):
        ask(catalog)


def test_a_query_error_keeps_its_place(catalog: Client):
    with pytest.raises(QueryError) as caught:
        list(catalog.search('spend "'))

    assert caught.value.position == 6


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8000", "file:///etc/passwd", "http://h/?a=1"])
def test_an_address_that_is_none_of_the_web_is_refused(url: str):
    with pytest.raises(SettingError, match="no address of a catalog"):
        Client(url)


class _Other(BaseHTTPRequestHandler):
    """Answers as no catalog does, by its address."""

    seen: list[Any]

    def do_GET(self) -> None:
        type(self).seen.append(self.headers.get("Authorization"))
        status = {"/moved": 302, "/broken": 500}.get(self.path.partition("/api")[0], 200)
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_said: Any) -> None:
        pass


@pytest.fixture
def other() -> Iterator[str]:
    _Other.seen = []
    server = HTTPServer(("127.0.0.1", 0), _Other)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "told"), [("", "no JSON"), ("/moved", "answers 302"), ("/broken", "answers 500")]
)
def test_what_is_no_catalog_is_told_and_never_followed(other: str, path: str, told: str):
    with pytest.raises(CatalogError, match=told):
        Client(other + path, token="one").repository("demo")

    assert _Other.seen == ["Bearer one"]


def test_a_server_that_is_silent_is_waited_for_only_so_long():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        with pytest.raises(CatalogError, match="does not answer"):
            client.repository("demo")


def test_a_run_is_asked_for_and_watched(demo_copy: Any):
    with served(demo_copy.application) as url:
        catalog = Client(url)
        asked = catalog.request_run("demo", ["spend_per_signup"], dataflow="marketing")
        assert json.dumps(catalog.run(asked["id"])) == json.dumps(asked)
        assert next(catalog.runs())["id"] == asked["id"]
