import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import COMMANDS, GROUPS, LazyCommand, command_line
from headwater_catalog.cli.output import clean, duration
from headwater_catalog.store.database import Database
from support.git_repo import GitRepo

pytestmark = pytest.mark.runs

SPEND = '''\
import pandas as pd
from headwater import tag


@tag(owner="growth")
def avg_3wk_spend(spend: pd.Series) -> pd.Series:
    """Rolling 3 week average spend."""
    return spend.rolling(3).mean()


def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
    """The cost per signup."""
    return spend / signups
'''


def headwater(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(command_line(), arguments)


def printed(*arguments: str):
    """Run a command with --json and return what it prints."""
    result = headwater(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("HEADWATER_HOME", str(home))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", database_url)
    return home


@pytest.fixture
def repository(git_repo: GitRepo) -> GitRepo:
    git_repo.write("features/spend.py", SPEND)
    git_repo.commit("Add spend")
    return git_repo


@pytest.fixture
def catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog_url: str, repository: GitRepo
) -> GitRepo:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", catalog_url)
    for command in (("repo", "add", "shop", str(repository.path)), ("scan",)):
        assert headwater(*command).exit_code == 0
    return repository


def test_init_inside_a_feature_repository_makes_a_catalog_of_it(repository, monkeypatch):
    monkeypatch.chdir(repository.path)

    made = printed("init")
    again = printed("init")
    (hit,) = printed("search", "avg")["hits"]

    assert made["home"] == str(repository.path / ".headwater")
    assert (made["repository"]["commits"], again["repository"]["commits"]) == (1, 0)
    assert hit["repository"] == made["repository"]["repository"] == "repository"
    status = subprocess.run(["git", "status", "--short"], capture_output=True, text=True, check=True)
    assert status.stdout == ""


def test_init_outside_of_a_checkout_makes_an_empty_catalog(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert printed("init")["repository"] is None
    assert printed("repo", "list") == []
    assert headwater("db", "check").exit_code == 0
    assert headwater("init", str(tmp_path)).exit_code == 2


def test_a_repository_is_added_scanned_and_listed(catalog):
    (listed,) = printed("repo", "list")

    assert listed["name"] == "shop"
    assert (listed["features"], listed["commits"]) == (2, 1)
    assert listed["head"]["subject"] == "Add spend"
    assert "shop" in headwater("repo", "list").output


def test_a_scan_tells_what_was_new(catalog):
    catalog.write("features/spend.py", SPEND.replace("mean()", "median()"))
    catalog.commit("Take the median")

    assert [report["commits"] for report in printed("scan")] == [1]
    assert [report["commits"] for report in printed("scan", "shop")] == [0]


def test_search_prints_hits_for_people_and_programs(catalog):
    page = printed("search", "spend", "--limit", "1")

    assert page["total"] == 2
    assert page["hits"][0]["name"] == "spend_per_signup"
    assert page["hits"][0]["matches"][0]["field"] == "name"
    assert "Rolling 3 week average spend." in headwater("search", "owner:growth").output


def test_a_search_for_a_misspelled_word_shows_what_was_meant_and_says_so(catalog):
    result = headwater("search", "spned")

    assert result.exit_code == 0
    assert "No feature has 'spned'. Showing 'spend'." in result.stderr
    assert "avg_3wk_spend" in result.stdout


def test_a_search_without_a_hit_tells_near_names(catalog):
    result = headwater("search", "spned", "owner:nobody")

    assert result.exit_code == 0
    assert "Near to it: avg_3wk_spend, spend_per_signup" in result.stderr


def test_a_search_counts_what_its_hits_have_in_common(catalog):
    facets = {facet["field"]: facet["values"] for facet in printed("search", "--facets")["facets"]}

    assert {"value": "shop", "count": 2, "term": "repo:shop"} in facets["repo"]
    assert "owner:growth" in headwater("search", "--facets").output
    assert "facets" not in printed("search")


def test_show_prints_a_feature_with_its_source_and_place(catalog):
    shown = printed("show", "avg_3wk_spend")
    (variant,) = shown["variants"]

    assert shown["key"] == "features.spend:avg_3wk_spend"
    assert (variant["path"], variant["line"]) == ("features/spend.py", 5)
    assert variant["dependencies"][0]["name"] == "spend"
    for key in ("avg_3wk_spend", "features.spend:avg_3wk_spend", "shop:features.spend:avg_3wk_spend"):
        assert "return spend.rolling(3).mean()" in headwater("show", key).output


def test_lineage_lists_both_ways_with_distances(catalog):
    lineage = printed("lineage", "input:spend", "--down", "1")

    assert [(row["name"], row["distance"]) for row in lineage["downstream"]] == [
        ("avg_3wk_spend", 1),
        ("spend_per_signup", 1),
    ]
    assert {edge["source"] for edge in lineage["edges"]} == {"input:spend"}
    assert printed("lineage", "spend_per_signup", "--up", "0")["upstream"] == []
    assert "input:signups" in headwater("lineage", "spend_per_signup").output


def test_path_lists_the_ways_between_two_features_whichever_comes_first(catalog):
    more = "def index(spend_per_signup: float, spend: float) -> float:\n    return spend_per_signup / spend\n"
    catalog.write("features/more.py", more)
    catalog.commit("Add an index")
    headwater("scan")

    shortest, every = (
        printed("path", "input:spend", "index"),
        printed("path", "input:spend", "index", "--all"),
    )

    assert [[node["name"] for node in way] for way in shortest["paths"]] == [["spend", "index"]]
    assert [len(way) for way in every["paths"]] == [2, 3]
    assert every["paths"][1][1] == {
        "key": "features.spend:spend_per_signup",
        "name": "spend_per_signup",
        "type": "pandas.Series",
        "input": False,
        "table": False,
    }
    assert printed("path", "index", "input:spend") == shortest
    assert printed("path", "input:spend", "index", "--all", "--limit", "1")["cut"] is True
    assert headwater("path", "input:spend", "index").stdout == "spend → index\n"


def test_features_that_do_not_reach_each_other_are_told_what_they_share(catalog):
    found = printed("path", "avg_3wk_spend", "spend_per_signup")
    told = headwater("path", "avg_3wk_spend", "spend_per_signup")

    assert (found["paths"], found["cut"]) == ([], False)
    assert found["common"] == [{"key": "input:spend", "distances": [1, 1]}]
    assert "Both come from: input:spend" in told.stderr
    assert "Did you mean 'avg_3wk_spend'" in headwater("path", "spend_per_signup", "avg_3wk_spnd").stderr


def test_lineage_tells_what_came_and_went_since_another_commit(catalog):
    changed = SPEND.replace(
        "def spend_per_signup(spend: pd.Series, ", "def spend_per_signup(avg_3wk_spend: pd.Series, "
    )
    catalog.write("features/spend.py", changed)
    catalog.commit("Take the average")
    headwater("scan")

    changes = printed("lineage", "spend_per_signup", "--since", "main~1")["changes"]

    assert (changes["added"], changes["removed"]) == (["features.spend:avg_3wk_spend"], [])
    assert [edge["source"] for edge in changes["removed_edges"]] == ["input:spend"]
    assert headwater("lineage", "spend_per_signup", "--since", "main~1", "--up", "1").stdout.splitlines() == [
        "+ features.spend:avg_3wk_spend",
        "- input:spend",
        "+ features.spend:avg_3wk_spend → features.spend:spend_per_signup",
        "- input:spend → features.spend:spend_per_signup",
    ]
    assert "Nothing came" in headwater("lineage", "avg_3wk_spend", "--since", "main", "--down", "0").stdout
    assert printed("lineage", "avg_3wk_spend")["changes"] is None


def test_lineage_goes_on_in_another_repository_where_a_source_says_so(catalog, tmp_path):
    other = GitRepo(tmp_path / "other")
    other.write("report.py", "def report(cost: float) -> float:\n    return cost\n")
    sources = 'cost = { feature = "shop:features.spend:spend_per_signup" }'
    other.write("headwater.toml", f'[dataflows.r]\nmodules = ["report"]\n[dataflows.r.sources]\n{sources}\n')
    other.commit("Report")
    headwater("repo", "add", "reports", str(other.path))
    headwater("scan", "reports")

    found = printed("lineage", "report", "--across")
    way = printed("path", "report", "shop:input:signups", "--across")
    down = printed("lineage", "spend_per_signup", "--repo", "shop", "--across")

    assert found["focus"] == "reports:report:report"
    assert [row["key"] for row in found["upstream"]] == [
        "reports:input:cost",
        "shop:features.spend:spend_per_signup",
        "shop:input:signups",
        "shop:input:spend",
    ]
    assert [len(nodes) for nodes in way["paths"]] == [4]
    assert [row["key"] for row in down["downstream"]] == ["reports:input:cost", "reports:report:report"]
    assert found["unresolved"] == []
    assert printed("lineage", "report")["upstream"][0]["key"] == "input:cost"
    assert headwater("lineage", "report", "--across", "--dataflow", "r").exit_code == 2


def test_a_branch_that_is_not_merged_can_be_asked_about(catalog):
    catalog.branch("side")
    catalog.write("features/spend.py", SPEND.replace("mean()", "median()"))
    catalog.commit("Take the median")
    catalog.checkout("main")
    headwater("scan")

    shown = printed("show", "avg_3wk_spend", "--at", "side")
    other = printed("show", "spend_per_signup", "--at", "side")

    assert "median()" in shown["variants"][0]["source"]
    assert (shown["commit"], shown["base"]["subject"]) == (None, "Add spend")
    assert other["commit"]["subject"] == "Add spend"
    assert "beside the main line, after" in headwater("show", "avg_3wk_spend", "--at", "side").output
    assert printed("lineage", "avg_3wk_spend", "--at", "side")["upstream"][0]["key"] == "input:spend"
    assert len(printed("history", "avg_3wk_spend", "--at", "side")) == 1
    run = headwater("run", "avg_3wk_spend", "--at", "side")
    assert run.exit_code == 1 and "'spend'" in run.output  # which no source gives it


def test_history_lists_changes_with_their_class_and_diff(catalog):
    catalog.write("features/spend.py", SPEND.replace("mean()", "median()"))
    catalog.commit("Take the median")
    headwater("scan")

    changed, added = printed("history", "avg_3wk_spend", "--diff")

    assert (changed["change"], changed["classes"]) == ("changed", ["logic"])
    assert "+    return spend.rolling(3).median()" in changed["diff"]
    assert added["change"] == "added"
    assert len(printed("history", "avg_3wk_spend", "--at", added["commit"]["sha"])) == 1


def test_the_state_at_a_commit_can_be_asked_for(catalog):
    first = catalog.git("rev-parse", "HEAD").strip()
    catalog.write("features/spend.py", SPEND.replace("avg_3wk_spend", "mean_spend"))
    catalog.commit("Rename")
    headwater("scan")

    assert printed("search", "avg", "--at", first)["total"] == 1
    assert printed("search", "avg")["total"] == 0
    assert headwater("show", "avg_3wk_spend", "--at", first).exit_code == 0
    assert headwater("show", "avg_3wk_spend").exit_code == 3


def test_a_name_that_several_repositories_have_must_say_which(catalog):
    headwater("repo", "add", "copy", str(catalog.path))
    headwater("scan", "copy")

    result = headwater("show", "avg_3wk_spend")

    assert result.exit_code == 3
    assert "copy:features.spend:avg_3wk_spend\n  shop:features.spend:avg_3wk_spend\n" in result.stderr
    assert printed("show", "copy:features.spend:avg_3wk_spend")["repository"] == "copy"
    assert printed("show", "avg_3wk_spend", "--repo", "shop")["repository"] == "shop"
    assert headwater("show", "copy:features.spend:avg_3wk_spend", "--repo", "shop").exit_code == 2


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("show", "spend_per_sigup"), 3, "Did you mean 'spend_per_signup'"),
        (("lineage", "input:spned"), 3, "Did you mean 'input:spend'"),
        (("scan", "shp"), 3, "Did you mean 'shop'"),
        (("search", "ownr:x"), 2, "Did you mean 'owner'"),
        (("search", "--nonsense"), 2, "--nonsense"),
        (("serch",), 2, "Did you mean 'search'"),
        (("demo", "init", "somewhere", "--features", "5"), 2, "go together"),
        (("scan", "--ref", "main"), 2, "--ref needs the NAME"),
    ],
)
def test_failures_give_a_message_and_their_exit_code(catalog, command, code, message):
    result = headwater(*command)

    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_database_without_a_catalog_says_what_to_run(home):
    result = headwater("search", "spend")

    assert result.exit_code == 3
    assert re.search("headwater (init|db upgrade)", result.stderr)
    assert headwater("db", "check").exit_code == 1
    assert json.loads(headwater("db", "check", "--json").stdout)["ok"] is False


@pytest.mark.parametrize("command", [("search", "x"), ("scan",), ("repo", "list"), ("run", "x"), ("worker",)])
def test_a_command_where_no_catalog_is_says_so_and_leaves_nothing_behind(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    result = headwater(*command)

    assert result.exit_code == 3
    assert f"There is no catalog in {tmp_path / 'data' / 'headwater'}" in result.stderr
    assert "`headwater init`" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("search", "x"), ("run", "x"), ("db", "upgrade"), ("worker",)])
def test_a_database_that_does_not_answer_is_told_in_a_line_and_without_its_password(
    tmp_path, monkeypatch, command
):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", "postgresql://me:secret@127.0.0.1:9/catalog")

    result = headwater(*command)

    assert result.exit_code == 3
    assert "The catalog's database does not answer: connection failed: " in result.stderr
    assert "secret" not in result.output and "Traceback" not in result.output


def test_a_search_before_the_first_scan_says_that_nothing_is_scanned(home, repository):
    headwater("db", "upgrade")
    empty = headwater("search", "spend")
    headwater("repo", "add", "shop", str(repository.path))
    unscanned = headwater("search", "spend")

    assert (empty.exit_code, unscanned.exit_code) == (0, 0)
    assert "follows no repository yet" in empty.stderr
    assert "Nothing has been scanned yet" in unscanned.stderr


def test_an_empty_repository_is_told_and_not_taken_in(home, tmp_path):
    empty = GitRepo(tmp_path / "empty")
    result = headwater("init", str(empty.path))

    assert result.exit_code == 3
    assert "has no commit" in result.stderr
    assert printed("repo", "list") == []


def test_the_demo_repository_is_built(tmp_path):
    made = printed("demo", "init", str(tmp_path / "demo"))

    assert (tmp_path / "demo" / ".git").exists()
    assert len(made["head"]) == 40


def test_what_comes_from_a_repository_cannot_steer_the_terminal(catalog):
    evil = SPEND.replace("The cost per signup.", "Red \\x1b[31m.\x1b]0;title\x07").replace("mean()", "sum()")
    catalog.write("features/spend.py", evil)
    catalog.commit("Be evil")
    headwater("scan")

    for command in (("show", "spend_per_signup"), ("search", "spend"), ("history", "spend_per_signup")):
        assert "\x1b" not in headwater(*command).output
    assert clean("a\x9bb\x1b\tc\n") == "ab\tc\n"


def test_every_command_is_there_with_the_help_that_the_table_tells():
    for name, command in COMMANDS.items():
        loaded = command.load()

        assert isinstance(loaded, click.Command), name
        assert loaded.name == name.split()[-1]
        assert command.help.endswith(".")
        assert name.count(" ") == 0 or name.split()[0] in GROUPS


def test_every_command_that_prints_data_takes_json():
    changing = {"user add", "user role", "user password", "user disable", "user enable", "token revoke"}
    printing = set(COMMANDS) - {"worker", "db upgrade", "events export", "cancel"} - changing

    for name in printing:
        assert "--json" in {option for p in COMMANDS[name].load().params for option in p.opts}, name


def test_another_package_adds_commands_and_groups_of_commands_join():
    more = {"demo serve": LazyCommand("headwater_catalog.cli.demo:init", "Serve the demo.")}

    listed = CliRunner().invoke(command_line(more), ["demo", "--help"]).output

    assert "init" in listed
    assert "Serve the demo." in listed


def test_starting_up_imports_nothing_heavy():
    heavy = ["sqlalchemy", "pandas", "flask", "git", "alembic", "rich", "numpy", "headwater_catalog.store"]
    program = (
        "import sys\n"
        "from headwater_catalog.cli import command_line\n"
        "command_line()(['--help'], standalone_mode=False)\n"
        f"print('loaded:', [name for name in {heavy} if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ)
    )

    assert "loaded: []" in done.stdout


def test_an_ambiguous_name_lists_ten_keys_and_how_many_more(catalog):
    for number in range(11):
        catalog.write(f"features/m{number:02}.py", "def spend_index() -> int:\n    return 1\n")
    catalog.commit("Repeat ourselves")
    headwater("scan")

    message = headwater("history", "spend_index").stderr

    assert message.count("\n  features.m") == 10
    assert message.endswith("... and 1 more\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "less than 1 ms"), (0.0123, "12 ms"), (1.5, "1.50 s"), (75, "75.00 s")]
)
def test_a_length_of_time_is_told_in_the_unit_that_suits_it(seconds, text):
    assert duration(seconds) == text


def test_a_fault_of_headwater_itself_is_not_hidden(home, monkeypatch):
    headwater("db", "upgrade")
    monkeypatch.setattr(Database, "check", lambda self: 1 / 0)

    assert isinstance(headwater("search", "x").exception, ZeroDivisionError)
