"""Statistics of what each node of a run made: bounded, of kept values too, and hidden where personal."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import pytest

from headwater_catalog import node_profiles
from headwater_catalog.answers.runs import run_json
from headwater_catalog.node_profiles import NodeProfiles
from headwater_catalog.personal import HIDDEN, shown_run
from headwater_catalog.run_options import RunOptions
from headwater_catalog.store.models import Run
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

_SOURCE = """
    import pandas as pd
    from headwater import tag

    def doubled(spend: pd.Series) -> pd.Series:
        return spend * 2

    def both(spend: pd.Series, doubled: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"spend": spend, "doubled": doubled})

    def total(both: pd.DataFrame) -> float:
        return float(both["doubled"].sum())

    @tag(pii="true")
    def shout(name: pd.Series) -> pd.Series:
        return name.str.upper()
"""
_PROJECT = """
    [tool.headwater.dataflows.shop]
    modules = ["shop"]
    sources.weekly = "weekly.csv"
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    weekly = "name,spend\nAda,1\nBo,2\nCy,\n"
    files = {"shop.py": dedent(_SOURCE), "pyproject.toml": dedent(_PROJECT), "weekly.csv": weekly}
    git_repo.commit("Begin", files=files)
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _profiles(run: Run) -> dict[str, Any]:
    assert run.job.error is None
    return {node.name: node.profile for node in run.nodes}


@pytest.mark.runs
def test_each_node_is_described_where_a_run_is_asked_to_kept_ones_too(catalog: Catalog):
    outputs = ("both", "total")
    assert set(_profiles(catalog.run(*outputs)).values()) == {None}

    first = _profiles(catalog.run(*outputs, options=RunOptions(profile=True, use_kept=False)))
    table, number = first["both"], first["total"]
    assert [(c["name"], c["type"], c["stats"]["nulls"]) for c in table["columns"]] == [
        ("spend", "float64", 1),
        ("doubled", "float64", 1),
    ]
    stats = table["columns"][1]["stats"]
    assert (table["rows"], stats["min"], stats["mean"], stats["max"]) == (3, 2.0, 3.0, 4.0)
    assert sum(stats["histogram"]["counts"]) == 2 and table["bytes"] > 0
    assert (number["rows"], number["columns"][0]["stats"]["max"]) == (1, 6.0)

    again = catalog.run(*outputs, options=RunOptions(profile=True))
    assert all(node.kept_from for node in again.nodes)
    assert _profiles(again) == {name: first[name] for name in outputs}


@pytest.mark.runs
def test_profiles_of_a_run_with_personal_data_are_hidden_from_those_without_the_right(catalog: Catalog):
    run = catalog.run("shout", "doubled", options=RunOptions(profile=True))

    told = {node["name"]: node["profile"] for node in run_json(run, None)["nodes"]}
    assert {profile["reason"] for profile in told.values()} == {HIDDEN}
    assert {len(profile["columns"]) for profile in told.values()} == {0}
    assert shown_run(run, True).profiles == tuple(node.profile for node in run.nodes)


def test_time_and_room_are_bounded_and_what_is_left_out_says_why(monkeypatch: pytest.MonkeyPatch):
    profiles = NodeProfiles()
    wide = pd.DataFrame({str(number): [number] for number in range(40)})
    for number in range(50):
        profiles.describe(f"node_{number}", wide)

    assert (len(profiles.found["node_0"]["columns"]), profiles.found["node_0"]["columns_left_out"]) == (
        30,
        10,
    )
    assert sum(len(each["columns"]) for each in profiles.found.values()) == 1_000
    assert "at most" in profiles.found["node_49"]["reason"] and not profiles.found["node_49"]["columns"]

    monkeypatch.setattr(node_profiles, "_MOST_SECONDS", 0.0)
    late = NodeProfiles()
    late.describe("late", wide)
    late.note_missing(["late", "elsewhere"])
    assert "at most" in late.found["late"]["reason"]
    assert late.found["elsewhere"]["reason"] == "It was computed in another process."
