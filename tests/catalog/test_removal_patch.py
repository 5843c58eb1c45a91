"""Patches that take features out: exactly these, and only where nothing else names them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from headwater_catalog.governance.removal_patch import RemovalPatch, removal_patch
from headwater_catalog.read import directory_files
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo

_CODE = '''\
"""The module."""
from headwater import tag, extract_columns


def kept(raw: int) -> int:
    return raw


# What nobody needs.
@tag(owner="a")
def gone(kept: int) -> int:
    """About it."""
    return kept + 1


# This one stays.
def last(kept: int) -> int:
    return kept + 2


def also_gone(gone: int) -> int:
    return gone + 3
'''
_TOML = '[dataflows.all]\nmodules = ["shop", "other"]\n'


def _patch(git_repo: GitRepo, code: str, *keys: str, **files: str) -> RemovalPatch:
    for path, text in {"shop.py": code, "headwater.toml": _TOML, **files}.items():
        git_repo.write(path, text)
    return removal_patch(directory_files(git_repo.path), keys)


def _applied(folder: Path, patch: RemovalPatch) -> str:
    subprocess.run(["git", "apply", "-"], cwd=folder, input=patch.diff, check=True)
    return (folder / "shop.py").read_bytes().decode()


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_functions_go_with_their_comments_and_all_else_stays(git_repo: GitRepo, eol: str):
    git_repo.write(".gitattributes", "* -text\n")
    patch = _patch(git_repo, _CODE.replace("\n", eol), "shop:gone", "shop:also_gone")
    assert (patch.removed, dict(patch.left_out)) == (("shop:gone", "shop:also_gone"), {})

    text = _applied(git_repo.path, patch)
    begin, end = _CODE.index("# What"), _CODE.index("# This")
    expected = _CODE[:begin] + _CODE[end : _CODE.index("\n\n\ndef also")] + "\n"
    assert text == expected.replace("\n", eol)
    assert sorted(read_folder(git_repo.path).variants) == ["shop:kept", "shop:last"]


@pytest.mark.parametrize(
    ("keys", "left_out"),
    [
        (("shop:gone",), {"shop:gone": "shop.py:21 names it, too"}),
        (("shop:kept", "shop:also_gone"), {"shop:kept": "shop.py:11 names it, too"}),
        (("shop:nowhere",), {"shop:nowhere": "there is no feature of this key"}),
    ],
)
def test_what_others_need_stays(git_repo: GitRepo, keys: tuple[str, ...], left_out: dict[str, str]):
    assert dict(_patch(git_repo, _CODE, *keys).left_out) == left_out


@pytest.mark.parametrize(
    "files",
    [
        {"other.py": "from shop import also_gone\n"},
        {"other.py": "NAMES = ['also_gone']\n"},
        {"tests/test_shop.py": "# see also_gone\n"},
        {"headwater.toml": _TOML + "outputs = ['also_gone']\n"},
    ],
    ids=["imported", "in a text", "in a comment of a test", "an output"],
)
def test_what_any_file_names_stays_and_so_does_what_that_needs(git_repo: GitRepo, files: dict[str, str]):
    patch = _patch(git_repo, _CODE, "shop:gone", "shop:also_gone", **files)

    (path,) = files
    assert patch.removed == ()
    assert patch.left_out["shop:also_gone"].startswith(f"{path}:")
    assert patch.left_out["shop:gone"] == "shop.py:21 names it, too"
    assert patch.diff == b""


def test_a_function_that_makes_others_stays(git_repo: GitRepo):
    code = (
        "import pandas as pd\nfrom headwater import extract_columns\n\n\n"
        "@extract_columns('a', 'b')\ndef both(raw: int) -> pd.DataFrame:\n    return raw\n"
    )
    assert _patch(git_repo, code, "shop:a").left_out["shop:a"].startswith("its function also makes shop:b")
    patch = _patch(git_repo, code, *read_folder(git_repo.path).variants)
    assert patch.left_out == {}
    assert _applied(git_repo.path, patch) == "import pandas as pd\nfrom headwater import extract_columns\n"


def test_what_would_bring_an_earlier_function_back_stays(git_repo: GitRepo):
    code = "def gone(raw: int) -> int:\n    return 1\n\n\ndef gone(raw: int) -> int:\n    return raw + 1\n"
    patch = _patch(git_repo, code, "shop:gone")

    assert (patch.removed, patch.diff) == ((), b"")
    assert patch.left_out == {"shop:gone": "shop.py:1 names it, too"}


def test_a_function_whose_going_would_change_another_stays(git_repo: GitRepo):
    """Without the function that makes a table, nothing says that the module is one of features."""
    code = (
        "import pandas as pd\nimport requests\n\n\ndef gone(raw: int) -> pd.Series:\n    return raw + 1\n\n\n"
        "def kept(raw: int) -> int:\n    return 2\n"
    )
    patch = _patch(git_repo, code, "shop:gone", **{"headwater.toml": ""})

    assert (patch.removed, patch.diff) == ((), b"")
    assert patch.left_out == {"shop:gone": "shop.py would say something else, too. Take it out by hand"}


def test_notebooks_stay(git_repo: GitRepo):
    notebook = (
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": '
        '[{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, '
        '"source": ["def noted(raw: int) -> int:\\n", "    return raw + 1\\n"]}]}'
    )
    patch = _patch(git_repo, "", "other:noted", **{"other.ipynb": notebook})

    assert patch.left_out == {"other:noted": "other.ipynb is a notebook"}
