"""The commands `headwater diff` and `headwater impact`, with a catalog and without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from support.git_repo import GitRepo

SPEND = """\
import pandas as pd
from features.helpers import scale


def spend(raw: pd.Series) -> pd.Series:
    return scale(raw)


def ratio(spend: pd.Series, signups: pd.Series) -> pd.Series:
    return spend / signups
"""
HELPERS = "def scale(x):\n    return x * 2\n"


def headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(word) for word in words])


def printed(*words: str | Path):
    result = headwater(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def repository(git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitRepo:
    """Give a repository with a branch that changes a helper, and a main line that reformats and documents."""
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    git_repo.commit("Begin", files={"features/spend.py": SPEND, "features/helpers.py": HELPERS})
    git_repo.tag("v1")
    git_repo.branch("side")
    git_repo.commit("Triple", files={"features/helpers.py": HELPERS.replace("2", "3")})
    git_repo.checkout("main")
    git_repo.commit(
        "Format", files={"features/spend.py": SPEND.replace("spend / signups", "(spend / signups)")}
    )
    git_repo.tag("v2")
    git_repo.commit("Add", files={"features/more.py": "def more(ratio: float) -> float:\n    return ratio\n"})
    return git_repo


def test_it_prints_what_changed_with_the_reason_and_what_is_felt_downstream(repository: GitRepo):
    told = printed("diff", "v1..side", "--path", repository.path)
    spend, ratio = sorted(told["features"], key=lambda feature: feature["classes"])

    assert list(told) == ["before", "after", "counts", "features", "dataflows", "edges"]
    assert (told["before"], told["after"]) == (
        repository.git("rev-parse", "v1"),
        repository.git("rev-parse", "side"),
    )
    assert told["counts"] == {"logic": 1, "upstream only": 1}
    assert spend == {
        "key": "features.spend:spend",
        "classes": ["logic"],
        "origin": None,
        "because": ["features.helpers.scale changed"],
        "upstream": [],
        "opaque": [],
        "variants": [{"function": "spend", "path": "features/spend.py", "line": 5}],
    }
    assert (ratio["key"], ratio["upstream"]) == ("features.spend:ratio", ["features.spend:spend"])


def test_it_tells_people_in_sentences(repository: GitRepo):
    lines = headwater("diff", "v1..side", "--path", repository.path).stdout.splitlines()

    assert lines[1:] == [
        "  features.spend:spend  logic",
        "    features.helpers.scale changed",
        "  Untouched themselves, but with changes upstream: 1 feature",
        "    features.spend:ratio  by features.spend:spend",
        "2 features changed: 1 logic, 1 upstream only.",
    ]


def test_changes_of_layout_are_shown_only_when_asked_for(repository: GitRepo):
    assert printed("diff", "v1..v2", "--path", repository.path)["features"] == []
    assert "No feature changed." in headwater("diff", "v1..v2", "--path", repository.path).stdout
    (only,) = printed("diff", "v1..v2", "--all", "--path", repository.path)["features"]
    assert only["classes"] == ["formatting"]
    assert "ratio  formatting" in headwater("diff", "v1..v2", "--all", "--path", repository.path).stdout


def test_three_dots_compare_with_where_a_branch_began_and_one_commit_with_its_parent(repository: GitRepo):
    def keys(commits: str) -> dict[str, list[str]]:
        told = printed("diff", commits, "--path", repository.path)
        return {feature["key"].partition(":")[2]: feature["classes"] for feature in told["features"]}

    assert keys("main...side") == {"spend": ["logic"], "ratio": ["upstream only"]}
    assert keys("main..side") == {"spend": ["logic"], "ratio": ["upstream only"], "more": ["removed"]}
    assert keys("main") == keys("main~1..") == keys("v2..HEAD") == {"more": ["added"]}
    assert keys("v1") == {"spend": ["added"], "ratio": ["added"]}
    assert keys("..main") == {}


def test_what_is_wrong_is_told_with_its_exit_code(repository: GitRepo, tmp_path: Path):
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit("Alone", files={})
    unknown = headwater("diff", "mian..side", "--path", repository.path)
    unrelated = headwater("diff", "main...other", "--path", repository.path)
    both = headwater("diff", "v1", "--path", repository.path, "--repo", "x")

    assert [each.exit_code for each in (unknown, unrelated, both)] == [3, 3, 2]
    assert "Did you mean 'main'" in unknown.stderr
    assert "no commit in common. Compare them with two dots: main..other" in unrelated.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("commits", ["--upload-pack=x..main", "-x", "a b..main", "..", "\n", "v1..v2..v1"])
def test_hostile_names_of_commits_are_names_that_nothing_has(repository: GitRepo, commits: str):
    result = headwater("diff", "--path", repository.path, "--", commits)

    assert result.exit_code == (0 if commits == ".." else 3)


def test_what_is_opaque_is_said(repository: GitRepo):
    text = "def more(ratio: float) -> float:\n    return eval('ratio')\n"
    repository.commit("Hide", files={"features/more.py": text})

    assert printed("diff", "main", "--path", repository.path)["features"][0]["opaque"] == [
        "'eval' may reach anything (features/more.py)"
    ]
    assert (
        "not all that it reaches is known: 'eval' may reach anything (features/more.py)"
        in headwater("diff", "main", "--path", repository.path).stdout
    )


def test_commits_of_a_catalog_are_compared_from_its_mirror_also_beside_the_main_line(repository: GitRepo):
    headwater("db", "upgrade")
    headwater("repo", "add", "shop", str(repository.path))
    headwater("scan", "shop")

    assert printed("diff", "v1..side")["counts"] == {"logic": 1, "upstream only": 1}
    assert printed("diff", "v1..side", "--repo", "shop") == printed(
        "diff", "v1..side", "--path", repository.path
    )
    assert printed("impact", "v1..side")["datasets"] == []


def test_impact_tells_what_is_reached_by_whom(repository: GitRepo):
    told = printed("impact", "v1..side", "--path", repository.path)
    text = headwater("impact", "v1..side", "--path", repository.path).stdout

    assert [feature["key"] for feature in told["changed"]] == ["features.spend:spend"]
    assert [(each["key"], each["steps"]) for each in told["reached"]] == [("features.spend:ratio", 1)]
    assert told["modules"] == [{"name": "features.spend", "changed": 1, "reached": 1}]
    assert told["owners"] == [{"name": "", "changed": 1, "reached": 1}]
    assert told["datasets"] is None
    assert text.endswith("1 feature changed in meaning, which reaches 1 more.\n")
    assert "Nothing changed in meaning." in headwater("impact", "v1..v2", "--path", repository.path).stdout


def test_text_from_a_repository_cannot_steer_the_terminal(repository: GitRepo):
    repository.commit("Evil", files={"features/evil.py": "def a(b: 'x\x1b[31m') -> 'y\x1b]0;t\x07': ...\n"})

    assert "\x1b" not in headwater("diff", "main", "--path", repository.path).output


def test_the_history_leaves_out_changes_of_layout_unless_asked(repository: GitRepo):
    for words in (("db", "upgrade"), ("repo", "add", "shop", repository.path), ("scan", "shop")):
        assert headwater(*words).exit_code == 0
    told = headwater("history", "ratio")

    assert [entry["change"] for entry in printed("history", "ratio")] == ["added"]
    assert [entry["classes"] for entry in printed("history", "ratio", "--all")] == [["formatting"], []]
    assert "1 change of layout and comments only left out; --all lists them, too." in told.stderr
    assert "formatting" not in told.stdout


def test_the_history_names_the_commit_behind_a_merge(repository: GitRepo):
    repository.branch("work")
    brought = repository.commit(
        "Halve", files={"features/more.py": "def more(ratio: float) -> float:\n    return ratio / 2\n"}
    )
    repository.checkout("main")
    repository.merge("work", "Merge work")
    for words in (("db", "upgrade"), ("repo", "add", "shop", repository.path), ("scan", "shop")):
        assert headwater(*words).exit_code == 0
    newest, _ = printed("history", "more")

    assert (newest["commit"]["subject"], newest["introduced"]["sha"]) == ("Merge work", brought)
    assert f"Merge work (brought by {brought[:8]} Ada Example: Halve)" in headwater("history", "more").stdout


def test_what_moved_is_said_with_where_it_was(repository: GitRepo):
    repository.move("features/more.py", "features/others.py")
    repository.commit("Move")

    lines = headwater("diff", "main", "--path", repository.path).stdout.splitlines()

    assert lines[1:] == [
        "  features.others:more  moved, was features.more:more",
        "  dataflow features  module features.others was added; module features.more was removed",
        "1 feature changed: 1 moved.",
    ]


def test_comparing_folders_loads_no_package_of_the_database():
    modules = "headwater_catalog.cli.changes, headwater_catalog.impact, headwater_catalog.revisions"
    code = f"import {modules}, sys; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
