"""The API does what its own description says, whatever it is asked: schemathesis asks, and finds nothing."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.api.cursors import cursor_of
from headwater_web.app import create_app
from support.demo_catalog import settings_in

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
    "repository": ("demo",),
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
_PLAIN = settings(derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", autouse=True)
def _demo_is_served(demo_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Serve a copy of the demo, since runs are asked for."""
    home = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(demo_settings.home, home)
    database = Database(settings_in(home).database_url)
    before, _SERVED.app = _SERVED.app, create_app(settings_in(home), database)
    yield
    _SERVED.app = before
    database.dispose()


def _with_real_cursor(case: schemathesis.Case) -> schemathesis.Case:
    """Give a real cursor in place of one that was made up, which only answers can have."""
    if case.meta.generation.mode.is_positive and "cursor" in (case.query or {}):
        rest = {name: value for name, value in case.query.items() if name != "cursor"}
        with _SERVED.app.test_request_context(case.formatted_path, query_string=_plain(rest)):
            first = "" if case.operation.path.endswith(("/repositories", "/refs")) else 0
            case.query["cursor"] = cursor_of({}, first).text
    return case


def _plain(query: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()
    }


@schema.parametrize()
@settings(_PLAIN, max_examples=12)
def test_every_operation_keeps_to_its_description(case: schemathesis.Case):
    _with_real_cursor(case).call_and_validate()


@pytest.mark.slow
@schema.parametrize()
@settings(_PLAIN, max_examples=300)
def test_every_operation_keeps_to_its_description_asked_at_length(case: schemathesis.Case):
    _with_real_cursor(case).call_and_validate()
