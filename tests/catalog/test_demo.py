"""The demo repository and the synthetic ones, looked at through git itself."""

import ast
import json
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from headwater_catalog.demo import init_demo, init_synthetic
from headwater_catalog.demo.plumbing import Plumbing
from headwater_catalog.demo.replay import Chapter, read_story, replay
from headwater_catalog.errors import Conflict, RepositoryError, SettingError

DEMO_HEAD = "6ef2eea4e9a1df81adeac36e5a9b009b34ab8426"

FROM_THE_TALKS = {
    "features/spend.py": [
        '''\
def avg_3wk_spend(spend: pd.Series) -> pd.Series:
    """Rolling 3 week average spend."""
    return spend.rolling(3).mean()
''',
        "def spend_shift_3weeks(spend: pd.Series) -> pd.Series:",
        "    return spend.shift(3)\n",
    ],
    "features/signups.py": [
        '''\
def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
    """The cost per signup in relation to spend."""
    return spend / signups
''',
        "def spend_shift_3weeks_per_signup(spend_shift_3weeks: pd.Series, signups: pd.Series) -> pd.Series:",
    ],
    "features/holidays.py": [
        '@config.when(region="UK")\ndef holidays__uk(',
        '@config.when(region="US")\ndef holidays__us(',
    ],
    "features/customers.py": [
        """\
@tag(owner='Data-Science', pii='False')
@check_output(data_type=np.float64, range=(-5.0, 5.0), allow_nans=False)
def height_zero_mean_unit_variance(""",
    ],
}

# Runs every dataflow of each folder given on the command line, and prints what came out.
RUN_DATAFLOWS = """
import importlib, json, os, sys, tomllib
from pathlib import Path
import pandas as pd
from headwater import Driver, compat
from headwater.results import DictResult

compat.activate()
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path[0] = folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "features"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    flows = tomllib.loads(Path("pyproject.toml").read_text()).get("tool", {}).get("headwater", {}).get("dataflows", {})
    told = {}
    for name, flow in flows.items():
        modules = [importlib.import_module(module) for module in flow["modules"]]
        driver = Driver(flow["config"], *modules)
        variables = driver.list_available_variables()
        frames = [
            pd.read_csv(source["path"], index_col=source["index"], parse_dates=source["dates"])
            for source in flow.get("sources", {}).values()
        ]
        wanted = {v.name for v in variables if v.is_external_input}
        inputs = {column: frame[column] for frame in frames for column in frame if column in wanted}
        result = driver.execute(flow["outputs"], inputs=inputs)
        everything = [v.name for v in variables if not v.is_external_input]
        Driver(flow["config"], *modules, adapter=DictResult()).execute(everything, inputs=inputs)
        told[name] = {"rows": len(result), "columns": list(result.columns), "source_rows": [*map(len, frames)]}
    print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the demo repository; tests only read it."""
    directory = tmp_path_factory.mktemp("demo") / "demo"
    init_demo(directory)
    return directory


def git(directory: Path, *arguments: str) -> str:
    return Plumbing(directory).run(*arguments)


def commit_called(directory: Path, subject: str) -> str:
    lines = git(directory, "log", "--format=%H %s").splitlines()
    [sha] = [line.partition(" ")[0] for line in lines if line.partition(" ")[2] == subject]
    return sha


def changed_lines(directory: Path, commit: str, *paths: str) -> tuple[list[str], list[str]]:
    diff = git(
        directory, "show", "--format=", "--unified=0", commit, "--", *(paths or ["features"])
    ).splitlines()
    return (
        [line[1:] for line in diff if line.startswith("-") and not line.startswith("---")],
        [line[1:] for line in diff if line.startswith("+") and not line.startswith("+++")],
    )


def functions_of(directory: Path) -> Counter[str]:
    modules = (ast.parse(file.read_text()) for file in sorted(directory.glob("features/**/*.py")))
    return Counter(
        node.name for module in modules for node in module.body if isinstance(node, ast.FunctionDef)
    )


def normal_form(source: str) -> str:
    return ast.dump(ast.parse(source))


# The demo repository


def test_the_demo_has_the_same_hash_on_every_machine(demo: Path) -> None:
    assert git(demo, "rev-parse", "HEAD") == DEMO_HEAD


def test_nothing_of_the_users_settings_reaches_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    hook = home / "template" / "hooks" / "post-checkout"
    hook.parent.mkdir(parents=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "attributes").write_text("* text eol=crlf\n")
    (home / ".gitconfig").write_text(
        f"[core]\n\tautocrlf = true\n\thooksPath = {hook.parent}\n[commit]\n\tgpgsign = true\n"
        f"[init]\n\tdefaultBranch = trunk\n\ttemplateDir = {home}/template\n[apply]\n\twhitespace = error\n"
        "[i18n]\n\tcommitEncoding = ISO-8859-1\n[user]\n\tname = Somebody\n\temail = somebody@example.com\n"
    )
    hostile = {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_AUTHOR_NAME": "Somebody",
        "GIT_COMMITTER_DATE": "1999-01-01T00:00:00Z",
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_DEFAULT_HASH": "sha256",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "de_DE.UTF-8",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)

    assert init_demo(tmp_path / "demo") == DEMO_HEAD
    assert git(tmp_path / "demo", "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(tmp_path / "demo", "status", "--porcelain") == ""
    assert not any(b"\r" in file.read_bytes() for file in (tmp_path / "demo").glob("features/*.py"))
    assert not (tmp_path / "hook-ran").exists()
    assert not (tmp_path / "demo" / ".git" / "hooks").exists()


def test_the_demo_leaves_nothing_beside_it(tmp_path: Path) -> None:
    init_demo(tmp_path / "some" / "folder" / "demo")

    assert [path.name for path in (tmp_path / "some" / "folder").iterdir()] == ["demo"]


def test_the_head_of_the_demo_has_what_the_talks_show(demo: Path) -> None:
    for path, texts in FROM_THE_TALKS.items():
        source = (demo / path).read_text()
        assert [text for text in texts if text not in source] == []


def test_the_demo_has_about_sixty_features_with_docs_and_types(demo: Path) -> None:
    modules = [ast.parse(file.read_text()) for file in sorted(demo.glob("features/*.py"))]
    functions = [node for module in modules for node in module.body if isinstance(node, ast.FunctionDef)]
    features = [function for function in functions if not function.name.startswith("_")]

    assert 50 <= len({feature.name for feature in features}) <= 75
    assert [feature.name for feature in features if not ast.get_docstring(feature)] == []
    assert [feature.name for feature in features if feature.returns is None] == []
    assert [f.name for f in features if any(argument.annotation is None for argument in f.args.args)] == []


def test_the_demo_uses_every_modifier_of_the_tutorial(demo: Path) -> None:
    source = "".join(file.read_text() for file in demo.glob("features/*.py"))
    modifiers = [
        *("@tag(", "@extract_columns(", "@check_output(", "@parameterize(", "source(", "value("),
        *("@config.when(", "@config.when_not(", "@config.when_in(", "@config.when_not_in("),
        "from headwater import",
        "from hamilton.function_modifiers import",
    ]

    assert [modifier for modifier in modifiers if modifier not in source] == []


def test_the_story_runs_over_two_years_by_four_authors(demo: Path) -> None:
    authors = set(git(demo, "log", "--format=%an <%ae>").splitlines())
    dates = [datetime.fromisoformat(line) for line in git(demo, "log", "--format=%aI").splitlines()]

    assert len(authors) == 4
    assert all(author.endswith("@example.com>") for author in authors)
    assert len(dates) == 29
    assert (min(dates).year, min(dates).month) == (2024, 9)
    assert (max(dates).year, max(dates).month) == (2026, 9)
    assert git(demo, "log", "--format=%an%ae%ad") == git(demo, "log", "--format=%cn%ce%cd")
    assert git(demo, "tag").splitlines() == ["v1.0", "v2.0"]


def test_no_commit_is_older_than_its_parents(demo: Path) -> None:
    ages = dict(line.split() for line in git(demo, "log", "--format=%H %ct").splitlines())
    for line in git(demo, "log", "--format=%H %P").splitlines():
        commit, *parents = line.split()
        assert all(ages[commit] > ages[parent] for parent in parents)


def test_a_branch_is_merged_with_two_parents(demo: Path) -> None:
    [merge] = git(demo, "rev-list", "--merges", "HEAD").splitlines()

    assert len(git(demo, "rev-list", f"{merge}^1..{merge}^2").splitlines()) == 2
    assert len(git(demo, "rev-list", f"{merge}^2..{merge}^1").splitlines()) == 1
    assert "features/channels.py" in git(demo, "diff", "--name-only", f"{merge}^1", merge)
    assert git(demo, "diff", "--name-only", f"{merge}^2", merge) == "data/weekly.csv"


def test_a_commit_is_reverted_and_named(demo: Path) -> None:
    reverted = commit_called(demo, "Average spend from the first week on")
    revert = commit_called(demo, 'Revert "Average spend from the first week on"')

    assert git(demo, "rev-parse", f"{revert}^{{tree}}") == git(demo, "rev-parse", f"{reverted}^^{{tree}}")
    assert f"This reverts commit {reverted}." in git(demo, "log", "-1", "--format=%b", revert)


def test_a_module_is_moved_with_its_content(demo: Path) -> None:
    commit = commit_called(demo, "Move people to customers")

    status = git(demo, "show", "--format=", "--name-status", "--find-renames", commit, "--", "features")
    assert status == "R100\tfeatures/people.py\tfeatures/customers.py"


def test_a_function_is_renamed_with_its_body(demo: Path) -> None:
    removed, added = changed_lines(demo, commit_called(demo, "Rename avg_basket to order_value_mean"))

    assert [line.replace("avg_basket", "order_value_mean") for line in removed] == added


def test_one_commit_only_formats(demo: Path) -> None:
    commit = commit_called(demo, "Format everything with ruff")
    paths = git(demo, "show", "--format=", "--name-only", commit, "--", "*.py").splitlines()

    assert "features/orders.py" in paths
    for path in paths:
        before, after = git(demo, "show", f"{commit}^:{path}"), git(demo, "show", f"{commit}:{path}")
        assert before != after
        assert normal_form(before) == normal_form(after)


def test_one_commit_only_changes_docs(demo: Path) -> None:
    commit = commit_called(demo, "Say over which weeks the mean and the deviation are taken")
    paths = git(demo, "show", "--format=", "--name-only", commit).splitlines()

    assert paths == ["features/signups.py", "features/spend.py"]
    for path in paths:
        before, after = (ast.parse(git(demo, "show", f"{at}:{path}")) for at in (f"{commit}^", commit))
        assert ast.dump(before) != ast.dump(after)
        assert ast.dump(without_docs(before)) == ast.dump(without_docs(after))


def without_docs(module: ast.Module) -> ast.Module:
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return module


def test_one_commit_only_adds_tags(demo: Path) -> None:
    removed, added = changed_lines(demo, commit_called(demo, "Tag the personal columns of customers"))

    assert removed == []
    assert set(added) == {'@tag(owner="CRM", pii="true")', '@tag(owner="CRM")'}


def test_one_commit_changes_logic(demo: Path) -> None:
    removed, _ = changed_lines(demo, commit_called(demo, "Count age in completed years"))

    assert "    return (pd.Timestamp(as_of) - date_of_birth).dt.days // 365" in removed


def test_an_address_leaks_into_an_export_until_it_is_hashed(demo: Path) -> None:
    leak = commit_called(demo, "Export an audience for the newsletter")
    fix = commit_called(demo, "Hash the contact key")
    before = git(demo, "show", f"{leak}:features/audiences.py")
    after = git(demo, "show", f"{fix}:features/audiences.py")

    assert git(demo, "merge-base", leak, fix) == leak
    assert 'return "newsletter:" + email_normalized' in before
    assert "pii" not in before
    assert 'pii="barrier"' in after
    assert "_keyed_hash(address, contact_salt)" in after


def test_the_dataflows_are_declared_on_the_way(demo: Path) -> None:
    declared = commit_called(demo, "Declare the dataflows of weeks and of customers")
    before = tomllib.loads(git(demo, "show", f"{declared}^:pyproject.toml"))
    at_head = tomllib.loads((demo / "pyproject.toml").read_text())["tool"]["headwater"]["dataflows"]

    assert "tool" not in before
    assert set(at_head) == {"marketing", "customers"}
    assert at_head["marketing"]["config"] == {"region": "UK"}


def test_every_commit_of_the_demo_runs(demo: Path, tmp_path: Path) -> None:
    commits = git(demo, "rev-list", "--reverse", "HEAD").splitlines()
    for commit in commits:
        (tmp_path / commit).mkdir()
        git(
            demo,
            f"--work-tree={tmp_path / commit}",
            "restore",
            f"--source={commit}",
            "--worktree",
            "--",
            ":/",
        )

    told = run_dataflows(*(tmp_path / commit for commit in commits))

    assert len(told) == len(commits)
    assert set(told[-1]) == {"marketing", "customers"}
    assert all(flow["rows"] == flow["source_rows"][0] >= 50 for flows in told for flow in flows.values())


def run_dataflows(*folders: Path) -> list[dict[str, dict[str, object]]]:
    done = subprocess.run(
        [sys.executable, "-c", RUN_DATAFLOWS, *map(str, folders)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_script_of_the_demo_runs_with_hamilton_answered_by_headwater(demo: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "headwater", str(demo / "run.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "spend_per_signup" in done.stdout


# What stands at the place


def test_the_demo_is_kept_where_it_stands(tmp_path: Path) -> None:
    head = init_demo(tmp_path / "demo")
    (tmp_path / "demo" / "notes.txt").write_text("mine")

    assert init_demo(tmp_path / "demo") == head
    assert (tmp_path / "demo" / "notes.txt").read_text() == "mine"


def test_commits_on_top_of_the_demo_are_kept(tmp_path: Path) -> None:
    init_demo(tmp_path / "demo")
    author = {
        f"GIT_{role}_{part}": "a@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    own = Plumbing(tmp_path / "demo").run(
        "commit-tree", "-p", "HEAD", "-m", "Mine", "HEAD^{tree}", environment=author
    )
    git(tmp_path / "demo", "update-ref", "refs/heads/main", own)

    assert init_demo(tmp_path / "demo") == own


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()

    assert init_demo(tmp_path / "demo") == DEMO_HEAD


def test_a_folder_with_other_files_is_a_conflict_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("years of work")

    with pytest.raises(Conflict, match="not empty"):
        init_demo(tmp_path / "demo")

    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["thesis.txt"]


def test_another_repository_is_a_conflict_and_left_alone(tmp_path: Path) -> None:
    head = init_synthetic(tmp_path / "other", features=3, commits=2)

    with pytest.raises(Conflict, match="without the commit"):
        init_demo(tmp_path / "other")

    assert git(tmp_path / "other", "rev-parse", "HEAD") == head
    assert git(tmp_path / "other", "status", "--porcelain") == ""
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_failing_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RepositoryError, match="Install git"):
        init_demo(tmp_path / "demo")

    assert list(tmp_path.iterdir()) == []


# The form in which the story is told


def test_a_chapter_is_read_from_an_email_with_a_patch() -> None:
    text = """\
From: Ines Duarte <ines.duarte@example.com>
Date: Tue, 18 Mar 2025 17:26:00 +0530
Branch: side
Tag: v1
Subject: Add a file

Because.

---
diff --git a/a b/a
"""
    chapter = Chapter.parse("01-a", text)

    assert (chapter.author, chapter.email) == ("Ines Duarte", "ines.duarte@example.com")
    assert chapter.date.isoformat() == "2025-03-18T17:26:00+05:30"
    assert chapter.message == "Add a file\n\nBecause."
    assert chapter.patch == "diff --git a/a b/a\n"
    assert (chapter.branch, chapter.tag, chapter.merge, chapter.revert) == ("side", "v1", None, None)


def test_the_story_is_told_in_the_order_of_its_files() -> None:
    names = [chapter.name for chapter in read_story()]

    assert names == sorted(names)
    assert [int(name[:2]) for name in names] == list(range(1, len(names) + 1))


def test_a_patch_that_does_not_apply_is_an_error_that_names_git(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="git apply"):
        replay(read_story()[1:], Plumbing.create(tmp_path / "repository"))


# Synthetic repositories


@pytest.mark.parametrize(("features", "commits"), [(1, 1), (1, 4), (7, 3), (60, 1), (400, 80)])
def test_a_synthetic_repository_has_the_size_asked_for(tmp_path: Path, features: int, commits: int) -> None:
    head = init_synthetic(tmp_path / "synthetic", features=features, commits=commits)
    functions = functions_of(tmp_path / "synthetic")

    assert functions.total() == len(functions) == features
    assert len(git(tmp_path / "synthetic", "rev-list", "--first-parent", head).splitlines()) == commits
    assert git(tmp_path / "synthetic", "status", "--porcelain") == ""


def test_a_synthetic_repository_is_the_same_for_the_same_arguments(tmp_path: Path) -> None:
    heads = [
        init_synthetic(tmp_path / str(number), features=120, commits=9, seed=seed)
        for number, seed in enumerate((0, 0, 1))
    ]

    assert heads[0] == heads[1] != heads[2]
    assert heads[0] == "bd8a8620315676fa026a5dd5b369c394fe6a458f"


def test_every_commit_of_a_synthetic_repository_touches_few_features(tmp_path: Path) -> None:
    init_synthetic(tmp_path / "synthetic", features=300, commits=40)
    log = git(tmp_path / "synthetic", "log", "--format=", "--shortstat", "HEAD", "--", "features")
    lines = git(tmp_path / "synthetic", "log", "--format=%B").splitlines()

    assert len(log.splitlines()) == 40
    assert {line.split()[0] for line in lines if line} == {
        "Start",
        "Add",
        "Change",
        "Say",
        "Move",
        "Reformat",
    }
    assert len(set(git(tmp_path / "synthetic", "log", "--format=%an").splitlines())) == 4


def test_functions_next_to_each_other_may_be_edited_together(tmp_path: Path) -> None:
    init_synthetic(tmp_path / "synthetic", features=120, commits=30, together=40)
    told = [message.split() for message in git(tmp_path / "synthetic", "log", "--format=%B").splitlines()]
    edits = [words[0] for words in told if words and words[0] not in ("Start", "Add")]

    assert functions_of(tmp_path / "synthetic").total() == 120
    assert len(edits) > 5 * 40
    assert set(edits) == {"Change", "Say", "Move", "Reformat"}


def test_a_synthetic_repository_runs(tmp_path: Path) -> None:
    init_synthetic(tmp_path / "synthetic", features=300, commits=20)

    [told] = run_dataflows(tmp_path / "synthetic")

    assert len(told["everything"]["columns"]) == 10


@pytest.mark.parametrize(("features", "commits"), [(0, 5), (5, 0), (-1, 1)])
def test_a_synthetic_repository_of_no_size_is_refused(tmp_path: Path, features: int, commits: int) -> None:
    with pytest.raises(SettingError, match="at least 1"):
        init_synthetic(tmp_path / "synthetic", features=features, commits=commits)

    assert list(tmp_path.iterdir()) == []
