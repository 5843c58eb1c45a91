"""`show` says whom to ask: the owner, else who wrote what stands there, behind merges."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from support.git_repo import GitRepo

SPEND = """\
import pandas as pd


def spend(orders: pd.DataFrame) -> pd.Series:
    return orders["gross"]


# How many orders there are.
def count(orders: pd.DataFrame) -> int:
    return len(orders)
"""


def headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(word) for word in words])


@pytest.fixture
def repository(git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitRepo:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    git_repo.commit("Begin", files={"README.md": "1"}, author="Maya <maya@example.com>")
    git_repo.branch("side")
    git_repo.commit("Write spend", files={"p/spend.py": SPEND}, author="Jonas <jonas@example.com>")
    git_repo.checkout("main")
    git_repo.merge("side", "Merge side", author="Maya <maya@example.com>")
    assert headwater("init", git_repo.path).exit_code == 0
    return git_repo


def test_where_nobody_owns_a_feature_its_authors_are_named(repository: GitRepo):
    shown = headwater("show", "spend").stdout
    printed = json.loads(headwater("show", "spend", "--json").stdout)

    assert "authors    Jonas (2 lines)\n" in shown
    assert "Maya  " in shown.partition("changed ")[2].partition("\n")[0]
    assert "introduced 2025-01-03 Jonas" in shown
    assert 'reads      orders["gross"]\n' in shown
    assert printed["authors"] == [{"name": "Jonas", "email": "jonas@example.com", "lines": 2}]
    assert printed["variants"][0]["introduced"]["subject"] == "Write spend"
    assert printed["variants"][0]["commit"]["subject"] == "Merge side"


def test_the_owner_is_told_with_what_says_so(repository: GitRepo):
    repository.commit("Own", files={".github/CODEOWNERS": "\np/ @data maya@example.com\n"})
    headwater("scan")

    shown = headwater("show", "spend").stdout
    assert "owner      @data, maya@example.com (.github/CODEOWNERS:2)\n" in shown
    assert "authors" not in shown
    assert json.loads(headwater("show", "spend", "--json").stdout)["owned_by"] == ".github/CODEOWNERS:2"
    assert json.loads(headwater("show", "spend", "--at", "HEAD~1", "--json").stdout)["owners"] == []


def test_a_comment_stands_in_for_a_docstring_that_is_not_there(repository: GitRepo):
    assert json.loads(headwater("show", "count", "--json").stdout)["summary"] == "How many orders there are."


def test_branches_and_tags_are_listed(repository: GitRepo):
    repository.tag("v1")
    assert "v1" not in headwater("repo", "refs", "repository").stdout
    headwater("scan")

    rows = [line.split() for line in headwater("repo", "refs", "repository").stdout.splitlines()]
    assert [row[:2] for row in rows[1:]] == [["main", "branch"], ["side", "branch"], ["v1", "tag"]]
    (*_, tag) = json.loads(headwater("repo", "refs", "repository", "--json").stdout)
    assert tag == {"name": "v1", "kind": "tag", "sha": repository.head()}


def test_an_unknown_name_of_a_commit_is_told_with_the_branches_there_are(repository: GitRepo):
    failed = headwater("show", "spend", "--at", "sied")

    assert failed.exit_code == 3
    assert "Did you mean 'side'?" in failed.stderr
