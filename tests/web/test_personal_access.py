"""Personal data in what a run was given and what indexes it: no way out gives it to whom may not see it."""

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from textwrap import dedent

import pytest
from flask import Flask

from headwater_catalog import dsse
from headwater_catalog.accounts import Role
from headwater_catalog.accounts.people import create_account, set_role
from headwater_catalog.datasets import file_of, version_of_run
from headwater_catalog.repositories import get_repository
from headwater_catalog.reproduce import request_reproduction
from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.managed_demo import PASSWORD, logged_in
from support.run_catalog import Catalog, make_catalog

_SOURCE = """
    import time
    import pandas as pd
    from headwater import external_input, tag

    @tag(pii="true")
    @external_input()
    def email() -> str:
        "The address of somebody."

    @tag(pii="true")
    @external_input()
    def contact() -> str:
        "The address of whom to ask."

    @tag(pii="true")
    @external_input()
    def vip() -> str:
        "The address of somebody who matters."

    def orders(spend: pd.Series) -> pd.Series:
        return spend * 2

    def greeting(spend: pd.Series, contact: str, vip: str) -> pd.Series:
        return spend.astype(str) + contact + vip + str(time.time_ns())

    def broken(contact: str) -> int:
        raise ValueError(contact)
"""
_PROJECT = """
    [tool.headwater.dataflows.crm]
    modules = ["crm"]
    sources.people = { path = "people.csv", index = "email" }
"""
_SECRET = "example.org"
_ROLES = {"sue": Role.STEWARD, "rita": Role.RUNNER, "vera": Role.VIEWER}
_GIVEN = {"config": {"vip": "vip@example.org"}, "inputs": {"contact": "zed@example.org"}}
_DATASET = "/api/v1/datasets/shop/crm/versions/1"
_MASKED = (
    *("/runs/1", "/runs/1/state", "/runs/1/table.csv", "/api/v1/runs/1", "/runs.csv", "/runs.json"),
    *("/datasets/shop/crm?run=1", _DATASET, f"{_DATASET}/reproductions", "/runs/1/again"),
    *("/runs/2", "/api/v1/runs/2", "/runs/3", "/api/v1/runs/3", "/runs/compare?a=1&b=2"),
)
_FILES = ("/runs/1/stamp", "/api/v1/runs/1/stamp", "/runs/1/manifest.json", "/api/v1/runs/1/manifest")


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Give a catalog with accounts, a dataset that was made again otherwise, and runs that wait and fail."""
    folder = tmp_path_factory.mktemp("given")
    repository = GitRepo(folder / "repository")
    people = "email,spend\nada@example.org,1\nbo@example.org,2\n"
    files = {"crm.py": dedent(_SOURCE), "pyproject.toml": dedent(_PROJECT), "people.csv": people}
    repository.commit("Keep people", files=files)
    empty_catalog(f"sqlite:///{folder / 'headwater.db'}").dispose()
    made = make_catalog(f"sqlite:///{folder / 'headwater.db'}", repository, folder / "home")
    made.settings = replace(made.settings, auth="accounts")
    made.settings.keep_manifest_key(dsse.new_key())
    with made.database.write() as session:
        for name, role in _ROLES.items():
            account = create_account(session, name, PASSWORD, ("ann", ""), 0)
            set_role(session, account, role, get_repository(session, "shop"), ("ann", ""), 0)
    made.run("orders", "greeting", save="csv", **_GIVEN)
    with made.database.write() as session:
        version = version_of_run(session, 1)
        assert version is not None
        request_reproduction(session, made.settings, version, "rita", 1_700_000_000)
    Worker(made.database, made.settings).run(once=True)
    made.request("greeting", **_GIVEN)
    yield made
    made.database.dispose()


@pytest.fixture(scope="module")
def app(crm: Catalog) -> Flask:
    return create_app(crm.settings, crm.database)


@pytest.mark.parametrize("path", _MASKED)
@pytest.mark.parametrize("name", _ROLES)
def test_what_a_run_was_given_and_what_indexes_it_is_shown_to_stewards_alone(
    app: Flask, name: str, path: str
):
    answer = logged_in(app, name).get(path)

    assert answer.status_code == 200
    assert (_SECRET in answer.text) == (name == "sue" and path != "/runs/compare?a=1&b=2")


@pytest.mark.parametrize("path", _FILES)
@pytest.mark.parametrize("name", _ROLES)
def test_stamps_and_manifests_of_personal_data_are_for_stewards(app: Flask, name: str, path: str):
    answer = logged_in(app, name).get(path)

    assert answer.status_code == (200 if name == "sue" else 403)
    if name != "sue":
        assert _SECRET not in answer.text and "needs the role steward" in answer.text


@pytest.mark.parametrize("name", _ROLES)
def test_an_audit_by_content_tells_what_was_given_to_stewards_alone(app: Flask, crm: Catalog, name: str):
    with crm.database.read() as session:
        version = version_of_run(session, 1)
        assert version is not None
        content = file_of(crm.settings, version).read_bytes()
    body = {"name": "mine.csv", "content": base64.b64encode(content).decode(), "stamp": None}
    told = logged_in(app, name).post("/api/v1/audit", json=body)

    assert told.status_code == 200 and told.json is not None
    assert told.json["origin"] == "content"
    assert (_SECRET in json.dumps(told.json["stamp"])) == (name == "sue")


@pytest.mark.parametrize("name", _ROLES)
def test_nobody_finds_out_by_guessing_in_a_stamp_what_a_run_was_given(app: Flask, crm: Catalog, name: str):
    with crm.database.read() as session:
        version = version_of_run(session, 1)
        assert version is not None
        whole = dict(version.stamp or {})

    def audited(config: dict[str, str], **more: str) -> tuple[str, list[str], str]:
        told = json.dumps({**whole, "config": config, **more})
        body = {"name": "x.csv", "content": base64.b64encode(b"a\n1\n").decode(), "stamp": told}
        client = logged_in(app, name)
        answer = client.post("/api/v1/audit", json=body).json
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/audit").text)
        assert answer is not None and token
        files = {"file": (io.BytesIO(b"a\n1\n"), "x.csv"), "stamp": (io.BytesIO(told.encode()), "s.json")}
        sent = {"csrf_token": token[1], **files}
        page = client.post("/audit", data=sent, content_type="multipart/form-data").text
        notice = page[page.index('id="found"') :].partition("The data was not read")[0]
        return answer["store"], answer["differences"], notice

    right, wrong = dict(whole["config"]), {"vip": "guess@example.org"}

    for more in ({}, {"made_by": "mallory"}):
        told = audited(right, **more), audited(wrong, **more)
        assert (told[0] == told[1]) == (name != "sue")
        assert told[0][:2] == (("differs", ["made_by"]) if more else ("known", []))
        assert ("hidden: personal data" in told[1][2]) == (name != "sue")


def test_the_index_of_a_source_counts_as_read_by_whatever_reads_the_source(crm: Catalog):
    run = crm.run("orders")

    assert run.personal == ["email"]
