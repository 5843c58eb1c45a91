"""`headwater suggest`: what looks classified, and patches that say it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from support.git_repo import GitRepo

_CODE = """\
import pandas as pd


def email(row: pd.Series) -> pd.Series:
    return row


def greeting(email: pd.Series, ssn: pd.Series) -> pd.Series:
    return email
"""


def headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(word) for word in words])


@pytest.fixture
def folder(git_repo: GitRepo) -> Path:
    git_repo.write(".gitattributes", "* -text\n")
    git_repo.write("headwater.toml", '[dataflows.all]\nmodules = ["shop"]\n[owners]\nshop = "crm"\n')
    git_repo.write("shop.py", _CODE.replace("\n", "\r\n").encode())
    git_repo.commit("Begin")
    return git_repo.path


def test_people_read_what_why_where_and_whom_to_ask(folder: Path, tmp_path: Path):
    told = headwater("suggest", folder).stdout

    assert told == (
        "shop.py:4: shop:email looks like pii=true\n"
        "    its name looks like that of an e-mail address ('email')\n"
        "    1 feature downstream would have it, too\n"
        "    ask crm\n"
        "input:ssn looks like pii=true\n"
        "    its name looks like that of a number that identifies a person ('ssn')\n"
        "    no code declares it: declare it by @external_input to tag it\n"
        "    1 feature downstream would have it, too\n"
        "2 suggestions.\n"
    )
    (tmp_path / "empty").mkdir()
    assert headwater("suggest", tmp_path / "empty").stdout == "Nothing to suggest.\n"


def test_a_patch_is_taken_by_git_and_ends_the_suggestion(folder: Path):
    before = (folder / "shop.py").read_bytes()
    done = headwater("suggest", folder, "--patch")
    for how in (("--check",), ()):
        subprocess.run(["git", "apply", *how, "-"], cwd=folder, input=done.stdout_bytes, check=True)

    assert done.exit_code == 0
    assert "Left out: input:ssn: no code declares it" in done.stderr
    assert "1 feature tagged, 1 left out." in done.stderr
    added = b"from headwater import tag\r\n", b'@tag(pii="true")\r\n'
    after = (folder / "shop.py").read_bytes()
    assert after.replace(added[0], b"").replace(added[1], b"") == before
    assert [each["key"] for each in json.loads(headwater("suggest", folder, "--json").stdout)] == [
        "input:ssn"
    ]
    assert "pii: shop:greeting is true" in headwater("why", "greeting", "pii", "--path", folder).stdout


def test_only_what_is_asked_for_is_tagged_and_with_what_is_said(folder: Path):
    told = headwater(
        "suggest", folder, "--patch", "--only", "shop:greeting", "--tag", "confidentiality=internal"
    )
    one = headwater("suggest", folder, "--only", "shop:email")

    assert '+@tag(confidentiality="internal")' in told.stdout
    assert "@tag(pii" not in told.stdout
    assert one.stdout.endswith("1 suggestion.\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--patch", "--json"), "say two things"),
        (("--tag", "pii=true"), "give --patch --only KEY, too"),
        (("--patch", "--only", "shop:email", "--tag", "pii"), "--tag must be KEY=VALUE"),
        (("--patch", "--only", "shop:greeting"), "Nothing is suggested for shop:greeting"),
    ],
)
def test_wrong_use_is_told(folder: Path, words: tuple[str, ...], told: str):
    done = headwater("suggest", folder, *words)

    assert done.exit_code == 2
    assert told in done.stderr
