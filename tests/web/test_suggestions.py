"""Suggestions on pages and by the API: values are looked at, patches taken, and branches pushed by those who may."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.people import create_account, set_role
from headwater_catalog.cli import command_line
from headwater_catalog.repositories import get_repository, set_branches
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.looked_catalog import FILES, bare_copy, make_looked_catalog, save_people
from support.managed_demo import PASSWORD, catalog_of, logged_in
from support.served import served

pytestmark = pytest.mark.runs

_API = "/api/v1/repositories/crm/suggestions"
_LOOKS = "/api/v1/datasets/crm/people/versions/1/looks"
_ROLES = {
    "olga": Role.ADMINISTRATOR,
    "sue@example.com": Role.STEWARD,
    "rita": Role.RUNNER,
    "vera": Role.VIEWER,
}
_SUE = "sue@example.com"
_BOTH = ["pii crm:contact", "pii crm:email"]


@pytest.fixture
def app(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Flask]:
    """Give the application over a repository that looks classified, with accounts of all roles in it."""
    git_repo.commit("Begin", files=FILES)
    bare = bare_copy(git_repo, tmp_path / "crm.git")
    database, settings = make_looked_catalog(catalog_url, tmp_path / "home", bare)
    with database.write() as session:
        save_people(session, settings)
        for name, role in _ROLES.items():
            account = create_account(session, name, PASSWORD, ("ada", ""), 0)
            set_role(session, account, role, get_repository(session, "crm"), ("ada", ""), 0)
    yield create_app(replace(settings, auth="accounts"), database)
    database.dispose()


def _post(client: FlaskClient, path: str, **form: Any):
    """Send a form with the token that a page of the same browser holds."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").text)
    assert token
    return client.post(path, data={"csrf_token": token[1], **form})


def _branches(app: Flask, tmp_path: Path) -> list[str]:
    command = ["git", "for-each-ref", "--format=%(refname:short)", "refs/heads/headwater"]
    done = subprocess.run(command, cwd=tmp_path / "crm.git", capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_values_are_looked_at_by_those_who_may_see_them_and_then_suggest(app: Flask):
    sue, vera = logged_in(app, _SUE), logged_in(app, "vera")
    assert "Nobody has had them looked at" in vera.get("/datasets/crm/people").text
    assert "Look at the values" not in vera.get("/datasets/crm/people").text
    for name in ("rita", "vera"):
        assert _post(logged_in(app, name), "/runs/1/looks").status_code == 403
        assert logged_in(app, name).post(_LOOKS, json={}).status_code == 403
    assert "crm:contact" not in sue.get("/r/crm/suggestions").text
    answer = _post(sue, "/runs/1/looks")

    assert (answer.status_code, answer.location) == (303, "/datasets/crm/people?run=1#looks")
    assert "like an e-mail address" in sue.get("/datasets/crm/people").text
    page = vera.get("/r/crm/suggestions").text
    assert "its values in people@1 look like an e-mail address: 100 % of 20" in page
    assert "person1@" not in page
    (first, *_) = vera.get("/r/crm/suggestions.json").json["items"]
    assert first["key"] == "crm:contact"
    assert "3 suggestions" in re.sub("<[^>]+>", "", vera.get("/governance").text)


def test_a_program_has_values_looked_at_and_gets_no_value(app: Flask):
    sue = logged_in(app, _SUE)
    assert sue.get("/api/v1/datasets/crm/people/versions/1").json["looks"] is None
    told = sue.post(_LOOKS, json={})

    assert told.status_code == 200
    assert [each["column"] for each in told.json["looks"]] == ["contact", "phone"]
    assert "@" not in told.text
    assert sue.get("/api/v1/datasets/crm/people/versions/1").json["looks"] == told.json["looks"]
    assert sue.post(_LOOKS.replace("people", "nobody"), json={}).status_code == 404
    assert sue.post(_LOOKS.replace("versions/1", "versions/7"), json={}).status_code == 404


def test_who_may_not_see_a_column_is_told_nothing_of_its_values(app: Flask):
    with catalog_of(app).database.write() as session:
        save_people(session, catalog_of(app).settings, personal=["contact"])
    sue, vera = logged_in(app, _SUE), logged_in(app, "vera")
    assert _post(sue, "/runs/2/looks").status_code == 303

    for path in ("/r/crm/suggestions", "/r/crm/suggestions.csv", _API):
        assert "crm:contact" in sue.get(path).text, path
        assert "crm:contact" not in vera.get(path).text, path
    assert vera.get("/api/v1/datasets/crm/people/versions/2").json["looks"][0]["column"] == "phone"
    assert "an e-mail address" not in vera.get("/datasets/crm/people?run=2").text
    # What nobody suggests to them they cannot accept either.
    refused = _post(vera, "/r/crm/suggestions", accept=_BOTH[:1], how="show")
    assert refused.status_code == 409


def test_a_patch_is_shown_and_taken_as_a_file(app: Flask, git_repo: GitRepo):
    sue, vera = logged_in(app, _SUE), logged_in(app, "vera")
    _post(sue, "/runs/1/looks")
    shown = _post(vera, "/r/crm/suggestions", accept=[*_BOTH, "pii input:row"], how="show")
    taken = _post(vera, "/r/crm/suggestions", accept=[*_BOTH, "pii input:row"], how="file")
    none = _post(vera, "/r/crm/suggestions", how="file")

    assert "2 features tagged, 1 left out" in shown.text
    assert "+@tag(pii=&#34;true&#34;)" in shown.text
    assert "no code declares it" in shown.text
    assert taken.headers["Content-Disposition"] == "attachment; filename=classify-crm.patch"
    assert taken.data.startswith(b"# Left out: input:row: no code declares it")
    subprocess.run(["git", "apply", "-"], cwd=git_repo.path, input=taken.data, check=True)
    assert (git_repo.path / "crm.py").read_text().count('@tag(pii="true")') == 2
    assert (none.status_code, "No suggestion was chosen" in none.text) == (409, True)


def test_a_branch_is_pushed_by_stewards_where_an_administrator_allows_it(app: Flask, tmp_path: Path):
    sue, olga = logged_in(app, _SUE), logged_in(app, "olga")
    form = {"accept": ["pii crm:email"], "how": "branch"}
    assert "Push it as a branch" not in sue.get("/r/crm/suggestions").text
    assert _post(sue, "/r/crm/suggestions", **form).status_code == 403
    assert _post(sue, "/repos/crm/branches", wanted="yes").status_code == 403
    assert _post(olga, "/repos/crm/branches", wanted="yes").status_code == 303
    for name in ("rita", "vera"):
        assert "Push it as a branch" not in logged_in(app, name).get("/r/crm/suggestions").text
        assert _post(logged_in(app, name), "/r/crm/suggestions", **form).status_code == 403
    assert _branches(app, tmp_path) == []

    assert "Push it as a branch" in sue.get("/r/crm/suggestions").text
    assert sue.post("/r/crm/suggestions", data=form).status_code == 400  # without the token of a page
    done = _post(sue, "/r/crm/suggestions", **form)
    (branch,) = _branches(app, tmp_path)
    assert done.status_code == 201
    assert branch in done.text
    again = _post(sue, "/r/crm/suggestions", **form)
    assert (again.status_code, "the same was pushed before" in again.text) == (409, True)
    author = ["git", "log", "-1", "--format=%an <%ae>", branch]
    told = subprocess.run(author, cwd=tmp_path / "crm.git", capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"{_SUE} <{_SUE}>"


def test_programs_take_patches_and_push_branches(app: Flask, tmp_path: Path):
    sue, olga, vera = (logged_in(app, name) for name in (_SUE, "olga", "vera"))
    patch = vera.post(
        f"{_API}/patch", json={"tags": [{"key": "crm:plan", "tag": "confidentiality", "value": "internal"}]}
    ).json
    all_of_it = vera.post(f"{_API}/patch", json={}).json
    refused = sue.post(f"{_API}/branch", json={})
    assert olga.post("/api/v1/repositories/crm/branches", json={}).json["takes_branches"] is True
    pushed = sue.post(f"{_API}/branch", json={})

    assert b'+@tag(confidentiality="internal")' in base64.b64decode(patch["patch"])
    assert (all_of_it["added"], refused.status_code, pushed.status_code) == (["crm:email"], 403, 201)
    assert vera.post(f"{_API}/branch", json={}).status_code == 403
    assert _branches(app, tmp_path) == [pushed.json["branch"]]
    nothing = sue.post(
        f"{_API}/branch", json={"tags": [{"key": "crm:nothing", "tag": "pii", "value": "true"}]}
    )
    assert (nothing.status_code, "There is nothing to push" in nothing.text) == (409, True)
    wrong = sue.post(f"{_API}/patch", json={"tags": []})
    assert wrong.status_code == 422


def test_every_number_opens_the_list_that_it_counts(app: Flask):
    sue = logged_in(app, _SUE)
    _post(sue, "/runs/1/looks")
    page = sue.get("/r/crm/suggestions").text
    links = re.findall(r'<td class="num"><a href="([^"]+)">([\d,]+)</a>', page)

    assert [count for _, count in links] == ["1", "4"]
    for href, count in links:
        opened = sue.get(href.replace("&amp;", "&")).text
        listed = opened[opened.index('id="reached"') : opened.index('id="list"')]
        assert listed.count("<li>") == int(count)


def test_commands_look_patch_and_push_in_a_catalog_that_is_served_elsewhere(app: Flask, tmp_path: Path):
    settings, database = catalog_of(app).settings, catalog_of(app).database
    with database.write() as session:
        set_branches(get_repository(session, "crm"), True)
    only = ("--only", "crm:contact")
    with served(create_app(replace(settings, auth="single"), database)) as url:
        remote = ("--remote", url, "suggest", "--repo", "crm")
        listed, patch, pushed, again = (
            CliRunner().invoke(command_line(), [*remote, *words])
            for words in (
                ("--values", "people", "--json"),
                ("--patch", *only),
                ("--push", *only, "--json"),
                ("--push", *only),
            )
        )

    assert [each["key"] for each in json.loads(listed.stdout)] == ["crm:contact", "crm:email", "input:row"]
    assert '+@tag(pii="true")\n def contact' in patch.stdout
    assert _branches(app, tmp_path) == [json.loads(pushed.stdout)["branch"]]
    assert (again.exit_code, "the same was pushed before" in again.stderr) == (3, True)


def test_what_is_left_out_of_a_patch_is_no_part_of_it(app: Flask, git_repo: GitRepo, tmp_path: Path):
    """A column may be called as a patch of another file, which nobody has seen on the page."""
    name = "email_\n--- /dev/null\n+++ b/smuggled\n@@ -0,0 +1 @@\n+it\n"
    code = (
        "import pandas as pd\nfrom headwater import extract_columns\n\n\n"
        f"@extract_columns({name!r}, 'age')\ndef table(raw: pd.DataFrame) -> pd.DataFrame:\n    return raw\n"
    )
    project = FILES["headwater.toml"].replace('["crm"]', '["crm", "more"]')
    git_repo.commit("Extract", files={"more.py": code, "headwater.toml": project})
    subprocess.run(["git", "push", "-q", str(tmp_path / "crm.git"), "HEAD"], cwd=git_repo.path, check=True)
    catalog = catalog_of(app)
    scan(catalog.database, catalog.settings, "crm")
    answer = _post(
        logged_in(app, "vera"),
        "/r/crm/suggestions",
        accept=["pii crm:email", f"pii more:{name}"],
        how="file",
    )
    (tmp_path / "classify.patch").write_bytes(answer.data)
    apply = ["git", "apply", "--numstat", str(tmp_path / "classify.patch")]
    done = subprocess.run(apply, cwd=git_repo.path, capture_output=True, text=True, check=True)

    assert answer.data.startswith(b"# Left out: more:email_ --- /dev/null +++ b/smuggled")
    assert done.stdout.split() == ["2", "0", "crm.py"]
