"""The commands that follow repositories: one that cannot be read is told, and stands in nobody's way."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from headwater_catalog import jobs
from headwater_catalog.accounts.events import list_events
from headwater_catalog.cli import command_line
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.database import Database
from support.git_repo import GitRepo

SPEND = '''\
def spend() -> float:
    """The cost."""
    return 1.0
'''


def headwater(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(command_line(), words, input=answer)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog_url: str) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("HEADWATER_HOME", str(home))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", catalog_url)
    return home


@pytest.fixture
def shop(home: Path, git_repo: GitRepo) -> GitRepo:
    git_repo.write("features/spend.py", SPEND)
    git_repo.commit("Add spend")
    assert headwater("repo", "add", "shop", str(git_repo.path)).exit_code == 0
    return git_repo


def names() -> list[str]:
    return [each["name"] for each in json.loads(headwater("repo", "list", "--json").stdout)]


@pytest.mark.parametrize("kind", ["no repository", "no commit"])
def test_what_cannot_be_read_is_not_followed(home: Path, tmp_path: Path, kind: str):
    folder = tmp_path / "folder"
    folder.mkdir()
    if kind == "no commit":
        GitRepo(folder)
    result = headwater("repo", "add", "folder", str(folder))

    assert result.exit_code == 3
    assert str(folder) in result.stderr
    assert names() == []


def test_a_repository_that_cannot_be_read_does_not_stop_the_scan_of_others(shop: GitRepo, tmp_path: Path):
    gone = GitRepo(tmp_path / "gone")
    gone.commit("Begin")
    headwater("repo", "add", "gone", str(gone.path))
    shutil.rmtree(gone.path)
    for_people, for_programs = headwater("scan"), headwater("scan", "--json")
    failed, read = json.loads(for_programs.stdout)

    assert (for_people.exit_code, for_programs.exit_code) == (3, 3)
    assert "shop: 1 new commit, 1 feature.\n" in for_people.stderr
    assert "gone was not scanned: " in for_people.stderr
    assert (failed["repository"], read["repository"]) == ("gone", "shop")
    assert str(gone.path) in failed["error"]
    assert (read["error"], read["features"]) == (None, 1)


def test_a_scan_tells_the_first_problems_in_files_and_json_all(shop: GitRepo):
    shop.write("features/a.py", "def broken(:\n")
    shop.commit("Break one")
    one = headwater("scan")
    for number in range(11):
        shop.write(f"features/b{number}.py", "def broken(:\n")
    shop.commit("Break more")
    many = headwater("scan")
    (report,) = json.loads(headwater("scan", "--json").stdout)

    assert "1 problem in files.\n  features/a.py:1 " in one.stderr
    assert "12 problems in files." in many.stderr
    assert many.stderr.count("\n  features/") == 10
    assert many.stderr.endswith("... and 2 more; --json lists them all.\n")
    assert (len(report["problems"]), report["diagnostics"]) == (12, 12)
    assert report["problems"][0].keys() == {"path", "line", "message"}


def test_a_removed_repository_leaves_nothing_and_can_come_back(shop: GitRepo, home: Path, catalog_url: str):
    headwater("scan")
    headwater("run", "spend", "--save", str(home / "out.csv"))
    assert len(list(home.glob("mirrors/*"))) == 1
    declined = headwater("repo", "remove", "shop", answer="n\n")
    kept = names()
    removed = json.loads(headwater("repo", "remove", "shop", "--yes", "--json").stdout)

    assert (declined.exit_code, kept) == (1, ["shop"])
    assert removed == {"name": "shop", "url": str(shop.path)}
    assert names() == []
    assert list(home.glob("mirrors/*")) == []
    database = Database(catalog_url)
    with database.read() as session:
        for table in ("feature", "feature_version", '"commit"', "run", "job", "diagnostic"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table
    database.dispose()
    headwater("repo", "add", "shop", str(shop.path))
    assert "1 new commit, 1 feature" in headwater("scan").stderr
    assert "The cost." in headwater("search", "spend").output


def test_a_repository_is_not_removed_while_a_job_of_it_runs(shop: GitRepo, catalog_url: str):
    database = Database(catalog_url)
    with database.write() as session:
        repository = get_repository(session, "shop")
        jobs.enqueue(session, "scan", {"repository": "shop"}, repository.id, "tester", 1)
    leased = jobs.lease(database, "worker")
    assert leased is not None
    refused = headwater("repo", "remove", "shop", "--yes")
    with database.write() as session:
        jobs.release(session, leased)
    queued = headwater("repo", "remove", "shop", "--yes")
    database.dispose()

    assert refused.exit_code == 3
    assert f"job {leased.id} (a scan) is running" in refused.stderr
    assert queued.exit_code == 0, queued.output
    assert names() == []


def test_a_repository_is_trusted_by_name_and_that_is_noted(shop: GitRepo, catalog_url: str):
    said = headwater("repo", "trust", "shop")
    again = headwater("repo", "trust", "shop", "--json")
    taken = headwater("repo", "trust", "shop", "--not")

    assert said.stderr == "Runs of 'shop' have the network from now on.\n"
    assert json.loads(again.stdout) == {"name": "shop", "is_trusted": True}
    assert taken.stderr == "Runs of 'shop' have no network.\n"
    assert "Did you mean 'shop'" in headwater("repo", "trust", "shoop").stderr
    database = Database(catalog_url)
    with database.read() as session:
        kinds = [event.kind for event in list_events(session)]
        assert not get_repository(session, "shop").is_trusted
    database.dispose()
    assert kinds[:2] == ["repository distrusted", "repository trusted"]
