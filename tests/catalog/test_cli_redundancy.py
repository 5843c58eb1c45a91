"""`headwater duplicates` and `headwater dead`: what people read, JSON, patches, and what is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from support.git_repo import GitRepo

_CODE = (
    "def cost(spend: float, tax: float) -> float:\n    return spend * tax\n\n\n"
    "def total(spend: float, tax: float) -> float:\n    return spend * tax\n\n\n"
    "def report(cost: float) -> float:\n    return cost + 1\n"
)
_TOML = '[dataflows.all]\nmodules = ["shop"]\noutputs = ["report"]\n'


def headwater(*words: str | Path, home: Path | None = None) -> Result:
    env = {"HEADWATER_HOME": str(home)} if home is not None else None
    return CliRunner().invoke(command_line(), [str(word) for word in words], env=env)


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> tuple[Path, Path]:
    """Give a catalog and the repository that it follows."""
    folder = tmp_path_factory.mktemp("redundancy")
    repository = GitRepo(folder / "shop")
    repository.commit("Begin", files={"shop.py": _CODE, "headwater.toml": _TOML})
    home = folder / "home"
    assert headwater("db", "upgrade", home=home).exit_code == 0
    assert headwater("repo", "add", "shop", repository.path, home=home).exit_code == 0
    assert headwater("scan", home=home).exit_code == 0
    return home, repository.path


def test_duplicates_are_the_same_in_a_catalog_and_in_a_folder(places: tuple[Path, Path]):
    home, folder = places
    here = headwater("duplicates", "--json", home=home)
    there = headwater("duplicates", "--path", folder, "--json")
    at = headwater("duplicates", "--path", folder, "--at", "main", "--json")

    assert json.loads(here.stdout) == json.loads(there.stdout) == json.loads(at.stdout)
    (item,) = json.loads(here.stdout)["items"]
    assert (item["kind"], [member["function"] for member in item["members"]]) == ("same", ["cost", "total"])
    told = headwater("duplicates", home=home)
    assert "same  shop:cost, shop:total  names" in told.stdout
    assert "1 set of functions that do the same, or almost." in told.stderr
    assert headwater("duplicates", "--kind", "near", home=home).stdout == ""


def test_dead_features_are_listed_with_what_was_looked_at(places: tuple[Path, Path]):
    home, _ = places
    told = headwater("dead", home=home)

    assert "shop:total  dead   no output of 'all' needs it         2025-01-01" in told.stdout
    assert "shop: 2 features needed by 1 output of 1 dataflow and 0 runs since" in told.stderr
    found = json.loads(headwater("dead", "--json", home=home).stdout)
    assert [(item["key"], item["state"]) for item in found["items"]] == [("shop:total", "dead")]
    assert found["proof"][0]["counts"]["dead"] == 1


def test_a_patch_takes_out_what_is_dead_and_git_takes_it(places: tuple[Path, Path], tmp_path: Path):
    home, folder = places
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "--quiet", folder, copy], check=True)
    made = headwater("dead", "--patch", home=home)
    assert "1 feature taken out, 0 left out." in made.stderr
    subprocess.run(["git", "apply", "-"], cwd=copy, input=made.stdout.encode(), check=True)

    assert "total" not in (copy / "shop.py").read_text()
    assert "def report" in (copy / "shop.py").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dead", "--only", "shop:total"), "--only says what a patch takes out"),
        (("dead", "--patch", "--json"), "--patch takes out what is dead, and is no JSON"),
        (("dead", "--patch", "--only", "shop:cost"), "Not dead for 90 days: shop:cost."),
        (("dead", "--days", "0"), "0 is not in the range"),
        (("dead", "--repo", "nowhere"), "nowhere"),
        (("duplicates", "--repo", "nowhere"), "nowhere"),
        (("duplicates", "--at", "main"), "--at goes with --path"),
        (("duplicates", "--repo", "shop", "--path", "."), "--path and --repo say two things"),
    ],
)
def test_what_makes_no_sense_is_refused(places: tuple[Path, Path], words: tuple[str, ...], told: str):
    answer = headwater(*words, home=places[0])

    assert answer.exit_code != 0
    assert told in answer.stderr


@pytest.mark.parametrize("command", ["dead", "duplicates"])
def test_nothing_is_said_of_what_was_not_scanned(tmp_path: Path, git_repo: GitRepo, command: str):
    git_repo.commit("Begin", files={"shop.py": _CODE})
    assert headwater("db", "upgrade", home=tmp_path / "home").exit_code == 0
    assert headwater("repo", "add", "later", git_repo.path, home=tmp_path / "home").exit_code == 0
    answer = headwater(command, "--repo", "later", home=tmp_path / "home")

    assert answer.exit_code == 3
    assert "'later' has not been scanned yet" in answer.stderr


def test_what_a_policy_names_stays(tmp_path: Path, git_repo: GitRepo):
    policy = '[apart]\nneeds = "downstream:total"\n'
    files = {"shop.py": _CODE, "headwater.toml": _TOML, "policies/all.toml": policy}
    git_repo.commit("Begin", files=files)
    for words in (("db", "upgrade"), ("repo", "add", "shop", git_repo.path), ("scan",)):
        assert headwater(*words, home=tmp_path / "home").exit_code == 0
    made = headwater("dead", "--patch", home=tmp_path / "home")

    assert made.stdout == ""
    assert "Left out: shop:total: policies/all.toml:2 names it, too." in made.stderr
