"""What the fixtures promise to every other test."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, inspect

from support.chromium import fresh_page, open_window
from support.environment import isolated_environment
from support.git_repo import GitRepo
from support.missing import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_what_a_machine_lacks_is_skipped_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="Chromium was not found: install it"):
        missing("Chromium", "install it")


def test_what_ci_lacks_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="Chromium was not found: install it"):
        missing("Chromium", "install it")


def test_database_begins_empty(database_url: str) -> None:
    engine = create_engine(database_url)
    tables = inspect(engine).get_table_names()
    engine.dispose()

    assert tables == []


def test_what_executes_runs_is_slow_beside_postgresql_unless_it_says_that_the_database_has_a_part() -> None:
    file = Path(__file__).parent / "catalog" / "test_stale.py"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
    ]
    done = subprocess.run([*command, file], cwd=file.parents[2], capture_output=True, text=True, check=True)
    names = [line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line]
    sqlite, postgresql = (
        {name.partition("[")[0] for name in names if name.endswith(f"[{kind}]")}
        for kind in ("sqlite", "postgresql")
    )

    assert set() < postgresql < sqlite


def test_same_steps_make_the_same_commits(tmp_path: Path) -> None:
    def build(path: Path) -> str:
        repo = GitRepo(path)
        repo.commit("Add spend", files={"spend.py": "def spend() -> int:\n    return 1\n"})
        repo.branch("shift")
        repo.move("spend.py", "marketing/spend.py")
        repo.commit("Move spend")
        repo.checkout("main")
        return repo.merge("shift", "Merge branch 'shift'")

    assert build(tmp_path / "one") == build(tmp_path / "two")


def test_users_settings_do_not_reach_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\nname = Somebody\n")
    monkeypatch.setenv("HEADWATER_DATABASE_URL", "sqlite:///theirs.db")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    with isolated_environment(tmp_path):
        seen = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout.splitlines()
        name = subprocess.run(["git", "config", "--global", "user.name"], capture_output=True, text=True)

    assert f"HOME={tmp_path}" in seen
    assert not any(line.startswith(("HEADWATER_DATABASE_URL=", "GIT_DIR=")) for line in seen)
    assert name.stdout == ""


@pytest.mark.usefixtures("page")
def test_test_that_uses_a_page_is_marked_as_a_browser_test(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("browser")


def test_a_page_finds_nothing_that_another_left_behind(browser: "Browser") -> None:
    address = "http://localhost/"
    with open_window(browser) as window:
        window.route(address, lambda route: route.fulfill(body="<title>Nothing</title>"))
        with fresh_page(window) as page:
            page.goto(address)
            page.evaluate("document.cookie = 'a=1'; localStorage.b = '2'; sessionStorage.c = '3'")
            page.evaluate("window.open('about:blank')")
        with fresh_page(window) as page:
            page.goto(address)
            left = page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")

            assert left == ["", 0, 0]
            assert len(window.pages) == 2  # the one that keeps the window open, and this one
