"""How datasets stand at main is kept, and what is kept says what working it out anew would say."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from headwater_catalog.cli import command_line
from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.kept_standings import keep_standings, kept_stale, standing_of_version
from headwater_catalog.repositories import get_repository, mirror_path
from headwater_catalog.scan import scan
from headwater_catalog.scan_requests import request_scan
from headwater_catalog.stale import standing_of
from headwater_catalog.standings import Standing, Step, Way
from headwater_catalog.store.models import DatasetVersion, KeptStanding, Repository, Run
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

PROJECT = """\
[tool.headwater.dataflows.shop]
modules = ["shop"]
[tool.headwater.dataflows.shop.sources]
weekly = { path = "weekly.csv" }
"""
SHOP = """\
import pandas as pd
from rates import RATE


def net(spend: pd.Series) -> pd.Series:
    return spend * RATE


def doubled(net: pd.Series) -> pd.Series:
    return 2 * net


def signed(signups: pd.Series) -> pd.Series:
    return signups + 1
"""
OUTPUTS = ("net", "doubled", "signed")


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    files = {"pyproject.toml": PROJECT, "shop.py": SHOP, "rates.py": "RATE = 0.8\n"}
    git_repo.commit("Begin", files={**files, "weekly.csv": "spend,signups\n1,2\n3,4\n"})
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _scan(catalog: Catalog) -> None:
    scan(catalog.database, catalog.settings, "shop")


def _keep(catalog: Catalog) -> int:
    return keep_standings(catalog.database, catalog.settings, "shop")


def _kept(catalog: Catalog) -> Standing:
    with catalog.database.read() as session:
        version = session.scalars(select(DatasetVersion)).one()
        return replace(standing_of_version(session, catalog.settings, version), ways={})


def _anew(catalog: Catalog) -> Standing:
    with catalog.database.read() as session:
        version = session.scalars(select(DatasetVersion)).one()
        assert version.stamp is not None
        return replace(standing_of(session, catalog.settings, "shop", version.stamp), ways={})


def _hide_mirror(catalog: Catalog) -> None:
    with catalog.database.read() as session:
        shutil.rmtree(mirror_path(catalog.settings, get_repository(session, "shop")))


def test_what_is_kept_goes_on_from_where_it_was_and_says_what_a_new_look_says(
    catalog: Catalog, git_repo: GitRepo
):
    catalog.run(*OUTPUTS, save="csv")
    steps = [
        ("rates.py", "0.8", "0.9"),
        ("shop.py", "signups + 1", "signups + 2"),
        ("rates.py", "0.9", "0.7"),
        ("shop.py", "signups + 2", "signups + 1"),  # as it was
        ("rates.py", "0.7", "0.9"),  # as it was in between
        ("shop.py", "def doubled", '@tag(owner="growth")\ndef doubled'),
        ("shop.py", "import pandas as pd\n", "import pandas as pd\nfrom headwater import tag\n"),
        ("shop.py", "\n\ndef signed(signups: pd.Series) -> pd.Series:\n    return signups + 1\n", ""),
    ]
    told = []
    for number, (path, old, new) in enumerate(steps):
        text = (git_repo.path / path).read_text()
        git_repo.commit(f"Step {number}", files={path: text.replace(old, new)})
        _scan(catalog)
        assert _keep(catalog) == 1
        assert _kept(catalog) == _anew(catalog), number
        with catalog.database.read() as session:
            version = session.scalars(select(DatasetVersion)).one()
            assert kept_stale(session, [version]) == {version.id: tuple(c.name for c in _anew(catalog).stale)}
        told.append({c.name: [commit.subject for commit in c.commits] for c in _kept(catalog).stale})

    assert told[1] == {"net": ["Step 0"], "doubled": ["Step 0"], "signed": ["Step 1"]}
    assert told[3] == {"net": ["Step 0", "Step 2"], "doubled": ["Step 0", "Step 2"]}
    assert told[4]["net"] == ["Step 0"]
    assert told[7]["signed"] == ["Step 7"]
    assert _keep(catalog) == 0

    _hide_mirror(catalog)
    assert _kept(catalog).stale and not _kept(catalog).reason


@pytest.mark.runs
def test_nothing_is_taken_that_something_else_found_or_that_another_main_line_had(
    catalog: Catalog, git_repo: GitRepo
):
    catalog.run(*OUTPUTS, save="csv")
    git_repo.commit("Another rate", files={"rates.py": "RATE = 0.9\n"})
    _scan(catalog)
    _keep(catalog)
    with catalog.database.write() as session:
        session.scalars(select(KeptStanding)).one().made_by = "something else"
    _hide_columns(catalog)
    assert _kept(catalog) == _anew(catalog) and _kept(catalog).columns

    _keep(catalog)
    git_repo.git("reset", "--hard", "HEAD~1")
    git_repo.commit("A rate on another line", files={"rates.py": "RATE = 0.6\n"})
    _scan(catalog)
    assert _kept(catalog) == _anew(catalog)
    assert [commit.subject for commit in _kept(catalog).columns[0].commits] == ["A rate on another line"]


def _hide_columns(catalog: Catalog) -> None:
    with catalog.database.write() as session:
        session.scalars(select(KeptStanding)).one().content = {"commits": [], "columns": []}


@pytest.mark.runs
def test_workers_and_the_command_keep_it_after_each_scan(
    catalog: Catalog, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
):
    catalog.run(*OUTPUTS, save="csv")  # at the scanned head
    assert _head_kept(catalog)

    git_repo.commit("Another rate", files={"rates.py": "RATE = 0.9\n"})
    with catalog.database.write() as session:
        job = request_scan(session, get_repository(session, "shop"), "ada", int(time.time()))
        number = job.id
    assert Worker(catalog.database, catalog.settings).perform_next(number)
    assert _head_kept(catalog)

    git_repo.commit("And another", files={"rates.py": "RATE = 0.95\n"})
    monkeypatch.setenv("HEADWATER_HOME", str(catalog.settings.home))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", catalog.settings.database_url)
    assert CliRunner().invoke(command_line(), ["scan", "shop"]).exit_code == 0
    assert _head_kept(catalog)


def _head_kept(catalog: Catalog) -> bool:
    with catalog.database.read() as session:
        return (
            session.scalars(select(KeptStanding.sha)).all()
            == session.scalars(select(Repository.scanned_sha)).all()
        )


@pytest.mark.runs
def test_a_run_of_an_older_commit_ends_before_its_dataset_is_judged(catalog: Catalog, git_repo: GitRepo):
    git_repo.commit("Another rate", files={"rates.py": "RATE = 0.9\n"})
    _scan(catalog)
    run = catalog.run(*OUTPUTS, save="csv", at="HEAD~1")
    with catalog.database.read() as session:
        assert session.get_one(Run, run.id).job.state == "succeeded"
        assert session.scalars(select(KeptStanding)).all() == []


def test_what_was_undone_is_left_out_of_a_way():
    def step(number: int, meaning: str | None) -> Step:
        return Step(CommitRef(str(number), "ada", 0, "", number), meaning)

    one, two, back = step(1, "b"), step(2, "c"), step(3, "b")

    assert Way("a").and_then([one, two]).steps == (one, two)
    assert Way("a").and_then([one, two, back]).steps == (one,)
    assert Way("a", (one,)).and_then([two, step(4, "a")]).steps == ()
    assert Way("a", (one,)).and_then([step(5, None)]).steps == (one, step(5, None))
