"""Subscriptions from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from support.git_repo import GitRepo


@pytest.fixture
def headwater(tmp_path: Path, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch):
    """Run commands on a catalog of one scanned repository."""
    git_repo.commit(
        "Begin", files={"f.py": "from headwater import tag\n\ndef a(x: int) -> int:\n    return x\n"}
    )
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_WEBHOOK_HOSTS", "hooks.internal")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command_line(), arguments)

    for command in (("db", "upgrade"), ("repo", "add", "shop", str(git_repo.path)), ("scan",)):
        assert run(*command).exit_code == 0
    return run


def test_a_query_is_saved_followed_and_removed(headwater, git_repo: GitRepo):
    made = headwater(
        "subscription", "add", "Mine", "name:b", "--webhook", "http://hooks.internal/x", "--feed", "--json"
    )
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert told["webhook_secret"].startswith("hws_")
    assert "/feeds/hwf_" in told["feed_url"]
    assert told["finds"] == 0
    source = (git_repo.path / "f.py").read_text()
    git_repo.commit("Add b", files={"f.py": source + "\ndef b(x: int) -> int:\n    return x\n"})
    assert headwater("scan").exit_code == 0
    (row,) = json.loads(headwater("subscription", "list", "--json").stdout)
    assert (row["name"], row["finds"], row["webhook"]) == ("Mine", 1, "http://hooks.internal/x")
    assert "webhook at hooks.internal" in headwater("subscription", "list").stdout
    assert headwater("subscription", "pause", "Mine").exit_code == 0
    assert json.loads(headwater("subscription", "show", "1", "--json").stdout)["state"] == "paused"
    assert headwater("subscription", "resume", "Mine").exit_code == 0
    assert headwater("subscription", "try", "Mine").exit_code == 0
    shown = json.loads(headwater("subscription", "show", "Mine", "--json").stdout)
    assert [(each["kind"], each["deliveries"][0]["state"]) for each in shown["told"]] == [("test", "waiting")]
    assert "webhook waiting" in headwater("subscription", "show", "Mine").stdout
    assert headwater("subscription", "remove", "Mine").exit_code == 0
    assert json.loads(headwater("subscription", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("add", "x", "ownr:crm"), 2, "ownr"),
        (("add", "x", "spend", "--least", "error"), 2, "leave it out where findings are meant"),
        (("add", "x", "--webhook", "http://127.0.0.1/"), 3, "not on the public internet"),
        (("add", "x", "--email", "a@b.example"), 3, "sends no e-mail"),
        (("show", "nothing"), 3, "no subscription 'nothing'"),
        (("list", "--user", "nobody"), 3, "no account 'nobody'"),
    ],
)
def test_what_cannot_be_is_told(headwater, arguments: tuple[str, ...], code: int, told: str):
    found = headwater("subscription", *arguments)

    assert told in found.stderr
    assert found.exit_code == code


def test_where_there_are_accounts_it_is_said_whose_it_is(headwater, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADWATER_AUTH", "accounts")
    found = headwater("subscription", "list")

    assert found.exit_code == 2
    assert "--user NAME" in found.stderr
