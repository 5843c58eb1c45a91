"""The API does what its own description says, whatever it is asked: schemathesis asks, and finds nothing."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection

from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.api.cursors import cursor_of
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.managed_demo import catalog_of, logged_in, managed_demo

_QUERIES = (
    "spend",
    "owner:growth",
    "spend -is:deprecated",
    "downstream:spend_per_signup",
    "kind OR type",
    "a*",
)
_REFS = ("main", "v1.0", "HEAD")
_FEATURES = ("spend_per_signup", "features.signups:spend_per_signup", "holidays")
_FORMATS = {
    "query": _QUERIES,
    "ref": _REFS,
    "feature": _FEATURES,
    "dataflow": ("marketing", "customers"),
    "module": ("features.signups", "features"),
    "dataset": ("marketing", "trial"),
    "file-name": ("weekly.csv", "table.parquet"),
    "base64": ("d2VlayxzcGVuZAo=",),
    "stamp": ("{}",),
    "repository": ("demo",),
    "account": ("vera",),
    "new-account": ("bo", "zoe@shop.example"),
    "event": ("role set",),
    "author": ("Maya Chen",),
    "file": ("weekly.csv",),
    "path": ("data/weekly.csv",),
    "env": ("prod",),
    "sink": ("report",),
    "column": ("signups", "spend per week"),
    "note": ("nightly report",),
    "rule": ("owned", "claim-contradicted"),
    "owner": ("CRM",),
    "classification": ("pii", "confidentiality"),
    "section": ("features.spend", "CRM", "nobody"),
    "git-address": ("/srv/git/nothing", "https://127.0.0.1:1/nothing.git"),
}

# What these texts may be, no pattern can say.
for _format, _values in _FORMATS.items():
    schemathesis.openapi.format(_format, st.sampled_from(_values))


class _Served:
    """The application that is asked: any for its description, and then that of the demo."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)


_SERVED = _Served(create_app(Settings(home=Path("nowhere"), database_url="sqlite://", secret_key="none")))
schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", _SERVED)
quick = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", _SERVED)
quick.config.phases.coverage.enabled = False  # every bound of every parameter is left to the slow test
_BY_NAME = ("/repositories", "/refs", "/accounts", "/findings", "/partitions/{repo}/{dataflow}")
_PLAIN = settings(derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def cookie(demo_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Serve a copy of the demo with accounts, and give what shows that its administrator asks."""
    home = tmp_path_factory.mktemp("copy") / "home"
    before, _SERVED.app = _SERVED.app, managed_demo(demo_settings, home)
    session = logged_in(_SERVED.app, "ada").get_cookie("headwater_session")
    assert session is not None
    yield {"headwater_session": session.value}
    catalog_of(_SERVED.app).database.dispose()
    _SERVED.app = before


@contextmanager
def _spared(case: schemathesis.Case) -> Iterator[None]:
    """Take what a request would take away from a copy instead."""
    if case.method.upper() != "DELETE":
        yield
        return
    whole = _SERVED.app
    with TemporaryDirectory() as folder:
        home = Path(shutil.copytree(catalog_of(whole).settings.home, Path(folder) / "home"))
        database = Database(settings_in(home).database_url)
        _SERVED.app = create_app(replace(settings_in(home), auth="accounts"), database)
        yield
        database.dispose()
    _SERVED.app = whole


def _with_real_cursor(case: schemathesis.Case) -> schemathesis.Case:
    """Give a real cursor in place of one that was made up, which only answers can have."""
    if case.meta.generation.mode.is_positive and "cursor" in (case.query or {}):
        rest = {name: value for name, value in case.query.items() if name != "cursor"}
        with _SERVED.app.test_request_context(case.formatted_path, query_string=_plain(rest)):
            first = "" if case.operation.path.endswith(_BY_NAME) else 0
            case.query["cursor"] = cursor_of({}, first).text
    return case


def _wrongly_called_wrong(case: schemathesis.Case) -> bool:
    """Whether a body that was made to be refused is a right one, with nothing wrong beside it.

    Schemathesis makes a property's items wrong, and then at times a list without items, or null where that may
    stand in place of a list.
    """
    wrong = {place for place, made in case.meta.components.items() if made.mode.is_negative}
    if wrong != {ParameterLocation.BODY} or case.media_type is None or isinstance(case.body, bytes):
        return False
    described = schema.raw_schema["paths"][case.operation.path][case.method.lower()]["requestBody"]
    right = described["content"][case.media_type]["schema"]
    return Draft202012Validator({**right, "components": schema.raw_schema["components"]}).is_valid(case.body)


def _answered_as_described(case: schemathesis.Case, cookie: dict[str, str]) -> None:
    spared = [negative_data_rejection] if _wrongly_called_wrong(case) else []
    with _spared(case):
        _with_real_cursor(case).call_and_validate(cookies=cookie, headers=_AS_IT_IS, excluded_checks=spared)


_AS_IT_IS = {"Accept-Encoding": "identity"}  # the client of the tests does not unpack what is compressed


def _plain(query: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()
    }


@quick.parametrize()
@settings(_PLAIN, max_examples=6)
def test_every_operation_keeps_to_its_description(case: schemathesis.Case, cookie: dict[str, str]):
    _answered_as_described(case, cookie)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # three hundred questions of one operation may take minutes
@schema.parametrize()
@settings(_PLAIN, max_examples=300)
def test_every_operation_keeps_to_its_description_asked_at_length(
    case: schemathesis.Case, cookie: dict[str, str]
):
    _answered_as_described(case, cookie)
