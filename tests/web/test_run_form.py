"""The form of a run: what it offers, what it takes, and what it says of what it cannot take."""

import io
import pickle
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs

_FIELD = re.compile(r'name="([^"]+)" value="([^"]*)"')
_CSV = b"week,spend,signups\n2026-03-02,6,2\n2026-03-09,9,3\n"


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def web(shop: Catalog) -> FlaskClient:
    return create_app(shop.settings, shop.database).test_client()


def _send(web: FlaskClient, address: str, **fields: Any) -> Any:
    shown = web.get(address).text
    given = {unescape(name): unescape(value) for name, value in _FIELD.findall(shown)}
    # A file that was sent is closed, so that each request makes its own of the bytes.
    sent = {
        name: (io.BytesIO(value[0]), value[1])
        if isinstance(value, tuple) and isinstance(value[0], bytes)
        else value
        for name, value in fields.items()
    }
    return web.post("/runs", data={**given, **sent}, content_type="multipart/form-data")


def _performed(shop: Catalog, web: FlaskClient, answer: Any) -> tuple[Any, str]:
    assert answer.status_code == 303, answer.text
    Worker(shop.database, shop.settings).run(once=True)
    run = shop.get(int(answer.location.rpartition("/")[2]))
    return run, unescape(web.get(answer.location).text)


def test_the_address_fills_the_form(web: FlaskClient):
    shown = web.get(
        "/r/shop/run?output=holiday_count&config.region=US&sample=7&note=trial&executor=threads"
    ).text

    assert 'name="config.region" value="US"' in shown
    assert '<option value="UK">' in shown and '<option value="US">' in shown
    assert 'name="sample" inputmode="numeric" pattern="[0-9]*" value="7"' in shown
    assert re.search(r'<option value="threads" selected>', shown)
    assert ">trial</textarea>" in shown


@pytest.mark.runs(databases=True)
def test_a_run_has_what_the_form_said(shop: Catalog, web: FlaskClient):
    answer = _send(
        web,
        "/r/shop/run?output=scaled",
        sample="1",
        note="To see\r\nwhether it works",
        executor="threads",
        inputs="factor=3",
        save="csv",
        dataset="trial",
    )
    run, page = _performed(shop, web, answer)

    assert run.job.error is None
    assert (run.sample, run.executor, run.note) == (1, "threads", "To see\nwhether it works")
    assert run.preview["table"]["rows"] == [["2026-01-05", "30"]]
    assert run.inputs["factor"] == {"value": 3}
    assert shop.version(run).dataset.name == "trial"
    assert "first row of each source" in page
    assert "To see\nwhether it works" in page


def test_a_query_selects_the_outputs(shop: Catalog, web: FlaskClient):
    answer = _send(web, "/r/shop/run?q=downstream:spend&dataflow=marketing")
    run, _ = _performed(shop, web, answer)

    assert run.outputs == ["scaled", "spend_per_signup"]


def test_a_file_takes_the_place_of_a_source(shop: Catalog, web: FlaskClient):
    file = io.BytesIO(_CSV), "mine.csv"
    answer = _send(web, "/r/shop/run?output=spend_per_signup", **{"file.weekly": file})
    run, page = _performed(shop, web, answer)

    assert run.preview["table"]["rows"] == [["2026-03-02", "3.0"], ["2026-03-09", "3.0"]]
    assert "mine.csv" in page


def test_one_more_source_has_the_name_it_is_given(shop: Catalog, web: FlaskClient):
    file = io.BytesIO(b"x\n4\n"), "more.csv"
    answer = _send(web, "/r/shop/run?output=broken", **{"file.": file, "further": "numbers"})
    run, _ = _performed(shop, web, answer)

    assert run.inputs["numbers"]["path"] == "more.csv"


@pytest.mark.parametrize(
    ("address", "fields", "status", "message"),
    [
        ("", {"sample": "many"}, 409, "The sample is a number of rows, not 'many'."),
        ("", {"sample": "0"}, 409, "A sample is of 1 to"),
        ("", {"executor": "thread"}, 404, "Did you mean 'threads'?"),
        ("", {"env": "prod"}, 404, "has no environment 'prod'"),
        ("", {"inputs": "no value"}, 409, "'no value' is not of the form NAME=VALUE."),
        ("", {"inputs": "facto=3"}, 404, "Did you mean 'factor'?"),
        ("", {"input.weekly": "/etc/passwd"}, 409, "path of a file in the repository"),
        ("", {"input.weekly": "data/none.xls"}, 409, "format of 'data/none.xls' is not known"),
        ("", {"save": "docx"}, 409, "cannot be saved as 'docx'"),
        ("", {"sink": "lake"}, 404, "has no sink 'lake'"),
        ("", {"note": "x" * 3000}, 409, "A note has at most 2,000 characters"),
        ("", {"output": "scaledd"}, 404, "Did you mean 'scaled'?"),
        ("", {"at": "nothing"}, 404, "nothing"),
        ("", {"file.weekly": (b"<html>", "page.csv")}, 409, "'page.csv' is no CSV file"),
        ("", {"file.": (_CSV, "more.csv")}, 409, "Say what 'more.csv' is to be called"),
    ],
)
def test_what_cannot_be_taken_comes_back_with_the_reason(
    web: FlaskClient, address: str, fields: dict[str, Any], status: int, message: str
):
    answer = _send(web, f"/r/shop/run?output=scaled{address}", **fields)

    assert answer.status_code == status
    assert message in unescape(answer.text)
    assert "Nothing has run yet" in web.get("/runs").text


def test_the_form_tells_at_once_what_is_not_there(web: FlaskClient):
    assert "Did you mean 'scaled'?" in unescape(web.get("/r/shop/run?output=scaledd").text)
    assert "No feature of" in unescape(web.get("/r/shop/run?q=xqzzy").text)
    fresh = web.get("/r/shop/run").text
    assert "several dataflows" in fresh and 'role="alert"' not in fresh  # nobody has done anything wrong yet


def test_a_commit_that_is_not_there_leaves_the_form_as_it_was(web: FlaskClient):
    answer = web.get("/r/shop/run?at=nothing&output=scaled&dataflow=marketing")
    page = unescape(answer.text)

    assert answer.status_code == 404
    assert "No commit, branch or tag 'nothing'" in page and 'role="alert"' in page
    assert 'name="at" list="refs" value="nothing"' in page and ">scaled</textarea>" in page
    assert 'action="/runs"' not in page  # at main it would be another run
    assert web.get("/r/nothing/run?at=nothing").status_code == 404


def test_a_form_that_is_too_large_is_refused_before_it_is_read(shop: Catalog):
    from dataclasses import replace

    web = create_app(replace(shop.settings, upload_megabytes=1), shop.database).test_client()
    body = b'--x\r\nContent-Disposition: form-data; name="file.weekly"; filename="large.csv"\r\n\r\n'
    answer = web.post("/runs", data=body + b"1\n" * 1_500_000, content_type="multipart/form-data; boundary=x")

    assert answer.status_code == 413
    assert "may hold up to 1 MB in all" in answer.text


# The API


@pytest.mark.runs(databases=True)
def test_the_api_takes_files_values_and_how(shop: Catalog, web: FlaskClient):
    sent = web.post(
        "/api/v1/repositories/shop/uploads?name=mine.csv",
        data=_CSV,
        content_type="application/octet-stream",
    )
    assert sent.status_code == 201, sent.text
    asked = {
        "repository": "shop",
        "query": "name:scaled",
        "dataflow": "marketing",
        "inputs": {"weekly": {"upload": sent.json["sha256"], "name": "mine.csv"}, "factor": {"value": 10}},
        "sample": 1,
        "executor": "processes",
        "note": "by a program",
    }
    made = web.post("/api/v1/runs", json=asked)
    assert made.status_code == 202, made.text
    Worker(shop.database, shop.settings).run(once=True)
    run = web.get(f"/api/v1/runs/{made.json['id']}").json

    assert (run["state"], run["error"]) == ("succeeded", None)
    assert run["table"]["rows"] == [["2026-03-02", "60"]]
    assert (run["sample"], run["executor"], run["note"], run["env"]) == (1, "processes", "by a program", None)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"inputs": {"weekly": {"upload": "0" * 64, "name": "a.csv"}}}, 404),
        ({"inputs": {"weekly": {"upload": "../x", "name": "a.csv"}}}, 422),
        ({"inputs": {"weekly": {"upload": "0" * 64, "value": 1}}}, 409),
        ({"inputs": {"weekly": {}}}, 409),
        ({"executor": "ray"}, 404),
        ({"executor": "Ray!"}, 422),
        ({"sample": 0}, 422),
        ({"env": "prod"}, 404),
        ({"query": "(("}, 400),
        ({"sinks": ["lake"], "save": "csv"}, 404),
    ],
)
def test_the_api_refuses_what_the_form_refuses(web: FlaskClient, more: dict[str, Any], status: int):
    asked = {"repository": "shop", "outputs": ["scaled"], "dataflow": "marketing", **more}

    assert web.post("/api/v1/runs", json=asked).status_code == status


def test_a_file_that_is_not_what_it_says_is_refused_by_the_api(web: FlaskClient):
    address = "/api/v1/repositories/shop/uploads?name=a.parquet"

    assert web.post(address, data=_CSV, content_type="application/octet-stream").status_code == 409
    assert web.post(address, data=_CSV, content_type="text/plain").status_code == 415
    assert web.post(address, json={}).status_code == 415


@pytest.mark.runs(databases=True)
def test_a_run_that_waits_can_be_cancelled(shop: Catalog, web: FlaskClient):
    run_id, _ = shop.request("scaled")
    cancelled = web.post(f"/api/v1/runs/{run_id}/cancel", json={})

    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    assert web.post(f"/api/v1/runs/{run_id}/cancel", json={}).status_code == 409
    assert web.post("/api/v1/runs/99/cancel", json={}).status_code == 404


def test_a_value_that_is_no_table_is_kept_by_a_saver(shop: Catalog, web: FlaskClient):
    asked = _send(web, "/r/shop/run?output=holiday_count", saver="pickle", dataset="holidays")
    run, page = _performed(shop, web, asked)

    assert run.job.state == "succeeded", run.job.error
    assert "Download holidays.pickle" in page
    assert "as the saver" in web.get("/datasets/shop/holidays").text
    assert "no table" in web.get("/datasets").text
    got = web.get(f"/runs/{run.id}/file", buffered=True)
    assert got.mimetype == "application/octet-stream" and "attachment" in got.headers["Content-Disposition"]
    assert got.data == pickle.dumps(8)


def test_profiles_that_were_asked_for_are_on_the_page_and_asked_for_again(shop: Catalog, web: FlaskClient):
    form = "/r/shop/run?output=spend_per_signup&dataflow=marketing"
    plain = web.get(f"/runs/{shop.run('spend_per_signup', dataflow='marketing').id}").text
    run, page = _performed(shop, web, _send(web, form, profile="yes", anew="yes"))
    told = web.get(f"/api/v1/runs/{run.id}").json

    assert 'id="profiles"' not in plain and "spend_per_signup" in plain
    profiles = {node["name"]: node["profile"] for node in told["nodes"]}
    assert profiles["spend_per_signup"]["rows"] == 2
    assert profiles["spend_per_signup"]["columns"][0]["stats"]["max"] == 10.0
    table = page[page.index('id="profiles"') :]
    assert "spend_per_signup_range_validator" in table and 'class="histogram"' in table
    assert "profile=yes" in page
    assert 'name="profile" value="yes" checked' in web.get(f"{form}&profile=yes").text
