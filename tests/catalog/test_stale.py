"""Which saved columns mean something else now: exactly those, and by exactly which commits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog import meanings as module_of_meanings
from headwater_catalog.audit import audit_file
from headwater_catalog.cli import command_line
from headwater_catalog.datasets import version_of_run
from headwater_catalog.demo import init_demo
from headwater_catalog.kept_standings import keep_standing, standing_of_version
from headwater_catalog.lineage_scheme import MADE_BY, READER_VERSION, SCHEME
from headwater_catalog.meanings import meanings
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.stale import stale_columns, standing_of
from headwater_catalog.stamps import SIDECAR, stamp_bytes
from headwater_catalog.standings import Standing
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Commit
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

pytestmark = pytest.mark.runs

PROJECT = """\
[tool.headwater.dataflows.shop]
modules = ["shop", "late"]
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


def moving(signups: pd.Series) -> pd.Series:
    return signups - 1


def going(signups: pd.Series) -> pd.Series:
    return signups * 3


def odd(spend: pd.Series) -> pd.Series:
    return spend.apply(eval("abs"))
"""
OUTPUTS = ("net", "doubled", "signed", "moving", "going")


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    files = {"pyproject.toml": PROJECT, "shop.py": SHOP, "rates.py": "RATE = 0.8\n", "late.py": ""}
    git_repo.commit("Begin", files={**files, "weekly.csv": "spend,signups\n1,2\n3,4\n"})
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _change(git_repo: GitRepo, message: str, path: str, old: str, new: str) -> str:
    text = (git_repo.path / path).read_text()
    assert old in text
    return git_repo.commit(message, files={path: text.replace(old, new)})


def _standing(catalog: Catalog, number: int) -> Standing:
    scan(catalog.database, catalog.settings, "shop")
    version = catalog.version(catalog.get(number))
    assert version is not None and version.stamp is not None
    with catalog.database.read() as session:
        found = standing_of(session, catalog.settings, "shop", version.stamp)
        quick = stale_columns(
            session, catalog.settings, get_repository(session, "shop"), [version.stamp, version.stamp]
        )
    # The list of datasets says the same in short.
    assert quick == [tuple(column.name for column in found.stale)] * 2
    return found


@pytest.mark.runs(databases=True)
def test_exactly_the_columns_that_mean_something_else_are_told_with_their_commits(
    catalog: Catalog, git_repo: GitRepo
):
    run = catalog.run(*OUTPUTS, save="parquet")
    assert _standing(catalog, run.id).stale == ()

    git_repo.commit("Say more", files={"README.md": "More."})
    _change(git_repo, "Format", "shop.py", "return 2 * net", "return (2 * net)")
    rate = _change(git_repo, "Another rate", "rates.py", "0.8", "0.9")
    twice = _change(git_repo, "Count twice", "shop.py", "signups + 1", "signups + 2")
    git_repo.commit("Nothing of it", files={"unrelated.py": "def other(x: int) -> int:\n    return x\n"})
    again = _change(git_repo, "And again", "shop.py", "signups + 2", "signups + 3")
    gone = _change(
        git_repo,
        "Drop it",
        "shop.py",
        "def going(signups: pd.Series) -> pd.Series:\n    return signups * 3\n",
        "",
    )
    moving = "def moving(signups: pd.Series) -> pd.Series:\n    return signups - 1\n"
    git_repo.write("shop.py", (git_repo.path / "shop.py").read_text().replace(moving, ""))
    git_repo.commit("Move it", files={"late.py": f"import pandas as pd\n\n\n{moving}"})
    found = _standing(catalog, run.id)

    told = {
        column.name: (column.state, [commit.sha for commit in column.commits]) for column in found.columns
    }
    assert told == {
        "net": ("changed", [rate]),
        "doubled": ("changed", [rate]),
        "signed": ("changed", [twice, again]),
        "moving": ("same", []),
        "going": ("removed", [gone]),
    }
    columns = {column.name: column for column in found.columns}
    assert columns["moving"].now == "late:moving"
    assert (columns["net"].classes, columns["net"].because) == (("logic",), ("rates.RATE changed",))
    assert (columns["doubled"].classes, columns["doubled"].upstream) == (("upstream only",), ("shop:net",))


def test_what_moved_and_was_changed_later_is_found_where_it_went(catalog: Catalog, git_repo: GitRepo):
    run = catalog.run(*OUTPUTS, save="csv")
    moving = "def moving(signups: pd.Series) -> pd.Series:\n    return signups - 1\n"
    git_repo.write("shop.py", (git_repo.path / "shop.py").read_text().replace(moving, ""))
    git_repo.commit("Move it", files={"late.py": f"import pandas as pd\n\n\n{moving}"})
    git_repo.commit(
        "Rename it", files={"late.py": (git_repo.path / "late.py").read_text().replace("moving", "left")}
    )
    changed = _change(git_repo, "Change it", "late.py", "signups - 1", "signups - 2")
    found = {column.name: column for column in _standing(catalog, run.id).columns}
    with catalog.database.read() as session:
        version = version_of_run(session, run.id)
        assert version is not None and version.stamp is not None
        stale = stale_columns(session, catalog.settings, get_repository(session, "shop"), [version.stamp])

    moved = found["moving"]
    assert (moved.state, moved.now, moved.classes) == ("changed", "late:left", ("moved", "logic"))
    assert [commit.sha for commit in moved.commits] == [changed]
    assert stale == [("moving",)]


def test_what_was_changed_back_is_not_stale(catalog: Catalog, git_repo: GitRepo):
    run = catalog.run(*OUTPUTS, save="csv")
    _change(git_repo, "Another rate", "rates.py", "0.8", "0.9")
    assert {column.name for column in _standing(catalog, run.id).stale} == {"net", "doubled"}

    _change(git_repo, "The old rate", "rates.py", "0.9", "0.8")
    assert _standing(catalog, run.id).stale == ()


def test_what_may_reach_anything_is_not_called_the_same(catalog: Catalog):
    run = catalog.run("odd", "net", save="csv")

    assert [(c.name, c.state) for c in _standing(catalog, run.id).columns] == [
        ("odd", "unknown"),
        ("net", "same"),
    ]


def test_a_dataset_of_a_commit_that_was_pushed_away_is_judged(catalog: Catalog, git_repo: GitRepo):
    _change(git_repo, "A commit that goes", "shop.py", "signups + 1", "signups + 7")
    scan(catalog.database, catalog.settings, "shop")
    run = catalog.run(*OUTPUTS, save="csv")
    git_repo.git("reset", "--hard", "HEAD~1")
    rate = _change(git_repo, "Another rate", "rates.py", "0.8", "0.9")
    found = {column.name: column for column in _standing(catalog, run.id).columns}

    assert found["signed"].state == "changed" and found["signed"].beside
    assert [commit.sha for commit in found["net"].commits] == [rate]
    assert not found["net"].beside
    assert found["moving"].state == "same"


@pytest.mark.runs(databases=True)
def test_hashes_of_another_scheme_are_made_anew(catalog: Catalog):
    run = catalog.run(*OUTPUTS, save="csv")
    version = catalog.version(run)
    assert version is not None and version.stamp is not None
    columns = [{**column, "lineage": "of old"} for column in version.stamp["columns"]]
    stamp = {**version.stamp, "lineage_scheme": "headwater-lineage-0 1", "columns": columns}
    with catalog.database.read() as session:
        assert standing_of(session, catalog.settings, "shop", stamp).stale == ()
    assert f"{SCHEME} {READER_VERSION}" == MADE_BY


def test_a_repository_that_is_not_here_is_told(catalog: Catalog):
    run = catalog.run("net", save="csv")
    version = catalog.version(run)
    assert version is not None and version.stamp is not None
    with catalog.database.read() as session:
        found = standing_of(session, catalog.settings, "elsewhere", version.stamp)
        unknown = standing_of(session, catalog.settings, "shop", {**version.stamp, "commit": "f" * 40})

    assert "No repository 'elsewhere'" in found.reason and found.stale == ()
    assert "No commit, branch or tag" in unknown.reason


def test_what_was_not_looked_into_is_told_as_a_stretch_of_the_main_line(
    catalog: Catalog, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
):
    run = catalog.run(*OUTPUTS, save="parquet")
    shas = [git_repo.git("rev-parse", "HEAD")]
    for number in range(10):
        old = f"signups + {number + 1}"
        shas.append(_change(git_repo, f"Count {number}", "shop.py", old, f"signups + {number + 2}"))
    whole = {column.name: column for column in _standing(catalog, run.id).columns}["signed"]
    monkeypatch.setattr(module_of_meanings, "_MOST_LOOKS", 7)
    standing = _standing(catalog, run.id)
    found = {column.name: column for column in standing.columns}["signed"]

    assert ([commit.sha for commit in whole.commits], whole.stretches) == (shas[1:], ())
    assert found.commits and found.stretches and len(found.commits) < 10
    places = [shas.index(commit.sha) for commit in found.commits]
    for stretch in found.stretches:
        ends = shas.index(stretch.after.sha), shas.index(stretch.until.sha)
        assert ends[1] - ends[0] > 1 and all(stretch.holds(c) for c in whole.commits[ends[0] : ends[1]])
        places += range(ends[0] + 1, ends[1] + 1)
    assert sorted(places) == list(range(1, 11))  # each commit is told of once
    assert found.classes == ("logic",)

    version = catalog.version(catalog.get(run.id))
    assert version is not None
    unknown = git_repo.path.parent / "unknown.csv"
    unknown.write_text("a\n1\n")
    Path(f"{unknown}{SIDECAR}").write_bytes(stamp_bytes({**(version.stamp or {}), "version": "0" * 32}))
    with catalog.database.read() as session:  # what only the file says is looked into as far as it is asked
        few, usual = (
            audit_file(session, catalog.settings, unknown, most_looks=n).standing for n in (0, None)
        )
    assert few is not None and usual is not None
    (column,) = (each for each in few.columns if each.name == "signed")
    assert [(each.after.sha, each.until.sha) for each in column.stretches] == [(shas[0], shas[-1])]
    assert usual.columns == standing.columns
    keep_standing(catalog.database, version.id, standing)
    with catalog.database.read() as session:
        kept = session.get_one(type(version), version.id)
        assert standing_of_version(session, catalog.settings, kept).columns == standing.columns
    home = {"HEADWATER_HOME": str(catalog.settings.home)}
    told = CliRunner().invoke(
        command_line(),
        ["stale", "shop", "--repo", "shop"],
        env={**home, "HEADWATER_DATABASE_URL": catalog.settings.database_url},
    )
    assert f"up to {shas[-1][:8]}" in told.output and "some of the" in told.output


def test_of_the_whole_demo_each_commit_is_found_that_a_walk_finds(sqlite_catalog_url: str, tmp_path: Path):
    """Halving finds the commits that looking at each one would, but for what was changed and changed back."""
    init_demo(tmp_path / "demo")
    database, settings = Database(sqlite_catalog_url), Settings(tmp_path / "home", sqlite_catalog_url, "k")
    with database.write() as session:
        add_repository(session, "demo", str(tmp_path / "demo"), 0)
    scan(database, settings, "demo")
    with database.read() as session:
        repository = get_repository(session, "demo")
        shas = _shas(session)
        with meanings(session, settings, repository) as known:
            for begin in (4, 12):
                keys = sorted(moment_at(session, settings, repository, shas[begin]).snapshot.variants)
                found = known.changes(keys, begin, len(shas) - 1)
                walked = [known.hashes(sha, keys) for sha in shas[begin:]]
                for key in keys:
                    line = [each[key] for each in walked]
                    steps = [shas[begin + n] for n in range(1, len(line)) if line[n] != line[n - 1]]
                    if len(set(line)) == len(steps) + 1:  # never what it had been
                        assert [step.commit.sha for step in found[key].steps] == steps, key
                    assert bool(found[key].steps) == (line[0] != line[-1])
            whole = known.revision(shas[-1]).lineages
            assert whole.hashes_of(whole.hashes) == whole.hashes
    database.dispose()


def _shas(session: Session) -> list[str]:
    return list(session.scalars(select(Commit.sha).where(Commit.position >= 0).order_by(Commit.position)))
