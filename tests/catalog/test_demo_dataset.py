"""Datasets of the demo, made at an old commit: audited, told stale and made again after main has moved on."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from headwater_catalog.settings import Settings
from support.demo_catalog import make_demo_catalog
from support.moved_demo import STALE_PEOPLE, move_main_on, tampered_with

_OLD = "v1.0"
_STALE = "spend_zero_mean_unit_variance"


@pytest.fixture
def demo(catalog_url: str, tmp_path: Path) -> Settings:
    return make_demo_catalog(tmp_path / "home", catalog_url)


def _run(demo: Settings, *arguments: str, ends: int = 0) -> Result:
    environment = {"HEADWATER_HOME": str(demo.home), "HEADWATER_DATABASE_URL": demo.database_url}
    done = CliRunner().invoke(command_line(), arguments, env=environment)
    assert done.exit_code == ends, done.output
    return done


def _told(demo: Settings, *arguments: str, ends: int = 0) -> Any:
    return json.loads(_run(demo, *arguments, "--json", ends=ends).stdout)


def _stale(columns: list[dict[str, Any]]) -> dict[str, tuple[list[str], list[str]]]:
    """Return which of the columns are stale, how, and by which commits."""
    return {
        column["name"]: (column["classes"], [commit["sha"][:7] for commit in column["commits"]])
        for column in columns
        if column["state"] not in ("same", "none")
    }


@pytest.mark.slow
def test_the_command_line_proves_which_commit_made_a_file_and_makes_it_again(demo: Settings, tmp_path: Path):
    file, people = tmp_path / "weekly.parquet", tmp_path / "people.csv"
    made = _told(
        demo, "run", "--dataflow", "marketing", "--at", _OLD, "--dataset", "weekly", "--save", str(file)
    )
    asked = (
        "run",
        "age",
        "cohort",
        "tenure_days",
        "--at",
        _OLD,
        "--dataset",
        "people",
        "--save",
        str(people),
    )
    _told(demo, *asked)
    moved = move_main_on(demo)
    _run(demo, "scan")

    audit = _told(demo, "audit", str(file), "--verify")
    assert (audit["store"], audit["verified"]["same"], audit["stamp"]["commit"]) == (
        "known",
        True,
        made["commit"],
    )
    assert _stale(audit["standing"]["columns"]) == {_STALE: (["upstream only"], [moved.changed[:7]])}
    of_people = _told(demo, "audit", str(people), "--verify")
    assert (of_people["store"], of_people["verified"]["same"]) == ("known", True)
    assert _stale(of_people["standing"]["columns"]) == STALE_PEOPLE

    found = {each["dataset"]: _stale(each["columns"]) for each in _told(demo, "stale", ends=1)}
    assert found["weekly"] == {_STALE: (["upstream only"], [moved.changed[:7]])}
    assert found["marketing"] == {_STALE: (["upstream only"], [moved.changed[:7]])}
    assert found["people"] == STALE_PEOPLE
    assert f"{moved.changed[:8]} Take the median" in _run(demo, "stale", "weekly", ends=1).stdout

    changed = tampered_with(file, "spend_per_signup", tmp_path / "changed.parquet")
    assert _told(demo, "audit", str(changed), "--verify", ends=1)["verified"]["changed"] == [
        "spend_per_signup"
    ]

    for dataset in ("weekly", "people"):
        again = _told(demo, "reproduce", dataset)
        assert (again["verdict"], again["reason"], again["details"]["columns"]) == ("identical", "", [])
