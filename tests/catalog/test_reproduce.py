"""Dataset versions made again, and how what comes out compares."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa
import pytest

from headwater_catalog import datasets, interpreters
from headwater_catalog.confined_tables import compare_files
from headwater_catalog.errors import Conflict
from headwater_catalog.execution import execute
from headwater_catalog.jobs import lease
from headwater_catalog.kept_inputs import input_file
from headwater_catalog.reproduce import (
    CANNOT,
    DIFFERS,
    IDENTICAL,
    WITHIN,
    Verdict,
    get_reproduction,
    list_reproductions,
    request_reproduction,
    verdict_of,
)
from headwater_catalog.run_comparison import compare_runs
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import get_run
from headwater_catalog.scan import scan
from headwater_catalog.store.models import DatasetVersion
from headwater_catalog.worker import Worker
from support.forked import wait_until_prepared
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository
from support.slow import slow

pytestmark = pytest.mark.runs

FICKLE = """
    import os
    import pandas as pd

    def counted(spend: pd.Series) -> pd.Series:
        return spend + int.from_bytes(os.urandom(6))

    def trembling(spend: pd.Series) -> pd.Series:
        return spend * 1.1 * (1 + int.from_bytes(os.urandom(6)) % 10_000 * 1e-15)

    def shaky(spend: pd.Series, path: str) -> pd.Series:
        if os.path.exists(path):
            raise RuntimeError("the second time it fails")
        return spend

    def seeded(spend: pd.Series) -> pd.Series:
        return spend + hash("by the seed of its process") % 1_000_000_007

    def texts(spend: pd.Series) -> pd.Series:
        return "no. " + spend.astype(str)
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    project = (git_repo.path / "pyproject.toml").read_text()
    git_repo.write(
        "pyproject.toml", project.replace('"features.holidays"]', '"features.holidays", "features.fickle"]')
    )
    git_repo.write("features/fickle.py", dedent(FICKLE))
    git_repo.commit("Add features that are not the same twice")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _saved(catalog: Catalog, *outputs: str, format: str = "parquet", **given: Any) -> DatasetVersion:
    run = catalog.run(*outputs, dataflow="marketing", save=format, **given)
    version = catalog.version(run)
    assert version is not None, run.job.error
    return version


def _again(catalog: Catalog, version: DatasetVersion, **asked: Any) -> Verdict:
    with catalog.database.write() as session:
        known = session.get_one(DatasetVersion, version.id)
        run = request_reproduction(session, catalog.settings, known, "auditor", 1_700_000_000, **asked)
        number, job = run.id, run.job_id
    assert Worker(catalog.database, catalog.settings).perform_next(job)
    with catalog.database.read() as session:
        made = get_reproduction(session, number)
        assert made is not None
        assert list_reproductions(session, version)[0].run_id == number
        return verdict_of(made)


@pytest.mark.parametrize("format", ["parquet", "csv", *slow("json", "arrow")])
def test_what_is_the_same_is_identical_after_main_has_moved_on(
    catalog: Catalog, git_repo: GitRepo, format: str
):
    version = _saved(catalog, "spend_per_signup", "texts", format=format, config={"region": "US"})
    spend = (git_repo.path / "features/spend.py").read_text()
    git_repo.write("features/spend.py", spend.replace("spend / signups", "spend"))
    git_repo.write("data/weekly.csv", "week,spend,signups\n")
    git_repo.commit("Change all of it")
    scan(catalog.database, catalog.settings, "shop")
    found = _again(catalog, version)

    assert (found.word, found.reason) == (IDENTICAL, "")
    assert found.details["columns"] == [] and found.details["environment"] == {}
    assert catalog.leftovers() == []
    assert len(list((catalog.settings.home / "datasets/shop").glob(f"*-*[0-9].{format}"))) == 1  # nothing new


def test_what_hangs_on_the_seed_of_a_process_does_not_come_out_alike_by_chance(
    catalog: Catalog, tmp_path: Path
):
    wait_until_prepared(tmp_path, interpreters.PREPARED)
    version = _saved(catalog, "seeded")

    assert _again(catalog, version).word == DIFFERS


def test_a_sample_is_made_again_as_the_sample_that_it_is(catalog: Catalog):
    version = _saved(catalog, "spend_per_signup", options=RunOptions(sample=1))

    assert _again(catalog, version).word == IDENTICAL
    with catalog.database.read() as session:
        (made,) = list_reproductions(session, version)
        pair = get_run(session, version.run_id), get_run(session, made.run_id)
        found = compare_runs(session, catalog.settings, *pair, sees_personal=True)
    assert pair[1].sample == 1
    assert found.surroundings == ()


def test_it_is_made_again_though_its_commit_was_pushed_away(catalog: Catalog, git_repo: GitRepo):
    version = _saved(catalog, "texts")
    git_repo.git("reset", "--hard", "HEAD~1")
    git_repo.commit("Go another way", files={"other.md": "x"})
    scan(catalog.database, catalog.settings, "shop")

    assert _again(catalog, version).word == IDENTICAL


@pytest.mark.runs(databases=True)
def test_what_differs_is_told_where_and_by_how_much(catalog: Catalog):
    version = _saved(catalog, "counted", "spend_per_signup")
    found = _again(catalog, version)
    (column,) = found.details["columns"]

    assert found.word == DIFFERS
    assert (column["name"], column["unequal"], column["beyond_tolerance"]) == ("counted", 2, 2)
    assert column["examples"][0]["row"] == 0 and column["examples"][0]["then"] != column["examples"][0]["now"]


def test_fractions_that_tremble_are_equal_within_the_tolerance(catalog: Catalog):
    version = _saved(catalog, "trembling")
    found, strict = _again(catalog, version), _again(catalog, version, tolerance=0)

    assert found.word == WITHIN and 0 < found.details["columns"][0]["largest_difference"] < 1e-6
    assert strict.word == DIFFERS


def test_a_run_that_fails_the_second_time_cannot(catalog: Catalog, tmp_path: Path):
    flag = tmp_path / "flag"
    version = _saved(catalog, "shaky", inputs={"path": str(flag)})
    flag.touch()
    found = _again(catalog, version)

    assert found.word == CANNOT and "the second time it fails" in found.reason


def test_an_upload_is_used_again_and_its_loss_is_told(catalog: Catalog, tmp_path: Path):
    mine = tmp_path / "mine.csv"
    mine.write_text("week,spend,signups\n2026-02-02,7,1\n")
    version = _saved(catalog, "texts", inputs={"weekly": mine})
    mine.unlink()
    assert _again(catalog, version).word == IDENTICAL

    assert version.stamp is not None
    kept = input_file(catalog.settings, version.stamp["inputs"]["weekly"]["sha256"])
    kept.write_text("week,spend,signups\n2026-02-02,8,1\n")
    other = _again(catalog, version)
    assert other.word == CANNOT and "not the one that it was made of" in other.reason
    kept.unlink()
    with pytest.raises(Conflict, match=r"given as 'weekly' \(mine\.csv, 34 bytes\) is no longer kept"):
        _again(catalog, version)
    mine.write_text("week,spend,signups\n2026-02-02,7,1\n")
    catalog.request("scaled", inputs={"weekly": mine})
    assert _again(catalog, version).word == IDENTICAL  # the very same file was sent once more


def test_what_cannot_be_made_again_is_told_beforehand(catalog: Catalog):
    version = _saved(catalog, "texts", format="csv")
    file = datasets.file_of(catalog.settings, version)
    with pytest.raises(Conflict, match="A tolerance is a number"):
        _again(catalog, version, tolerance=float("nan"))
    file.unlink()
    with pytest.raises(Conflict, match="its file is gone"):
        _again(catalog, version)


def test_nothing_is_executed_where_the_file_was_written_over(catalog: Catalog):
    version = _saved(catalog, "texts", format="csv")
    datasets.file_of(catalog.settings, version).write_text("week,texts\n")

    verdict = _again(catalog, version)
    assert (verdict.word, verdict.reason) == (
        CANNOT,
        "its file is not the one that was saved: somebody has written over it.",
    )
    with catalog.database.read() as session:
        run_id = list_reproductions(session, version)[0].run_id
    assert catalog.get(run_id).nodes == []


def _verdict_while(catalog: Catalog, version: DatasetVersion, stopping: Callable[[], str | None]) -> Verdict:
    """Make a version again, and ask `stopping` whenever the run is asked whether to go on."""
    with catalog.database.write() as session:
        known = session.get_one(DatasetVersion, version.id)
        run = request_reproduction(session, catalog.settings, known, "auditor", 1_700_000_000)
        number, job = run.id, run.job_id
    leased = lease(catalog.database, "tester", job_id=job)
    assert leased is not None
    execute(catalog.database, catalog.settings, leased, stopping=stopping)
    with catalog.database.read() as session:
        made = get_reproduction(session, number)
        assert made is not None
        return verdict_of(made)


def test_a_file_that_is_written_over_while_the_run_goes_on_is_not_compared(catalog: Catalog):
    version = _saved(catalog, "texts", format="csv")
    file = datasets.file_of(catalog.settings, version)

    def write_over() -> None:
        file.write_text("week,texts\n")

    verdict = _verdict_while(catalog, version, write_over)
    assert (verdict.word, verdict.reason) == (CANNOT, "its file was written over or removed meanwhile.")


def test_comparing_ends_when_its_run_is_to_end(catalog: Catalog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headwater_catalog.sandbox._TICK", 0.01)  # or it may end before anybody looks
    version = _saved(catalog, "texts", format="csv")

    def is_comparing() -> str | None:
        made = catalog.settings.home.glob("work/run-*/made/table.arrow")
        return "The worker was stopped." if next(made, None) else None

    verdict = _verdict_while(catalog, version, is_comparing)
    assert verdict.word == CANNOT
    assert "cannot be compared" in verdict.reason and "The worker was stopped." in verdict.reason


def test_the_command_says_the_verdict(catalog: Catalog):
    headwater = catalog.headwater
    number = _saved(catalog, "texts", format="csv").run_id
    _saved(catalog, "counted", format="csv")
    same, other = headwater("reproduce", f"marketing@{number}"), headwater("reproduce", "marketing", "--json")

    assert (same.exit_code, same.stdout.split(" (")[0]) == (0, "identical"), same.output
    assert (other.exit_code, json.loads(other.stdout)["verdict"]) == (1, "differs")
    assert headwater("reproduce", "marketing@99").exit_code == 3


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"x": [1.0, None]}, {"x": [1.0, float("nan")]}, []),
        ({"x": [0.0]}, {"x": [-0.0]}, []),
        ({"x": [1.0]}, {"x": [1.0 + 1e-12]}, [("x", 1, 0)]),
        ({"x": [1.0, float("inf")]}, {"x": [2.0, 5.0]}, [("x", 2, 2)]),
        ({"x": ["a", None, None]}, {"x": ["a", None, "b"]}, [("x", 1, 1)]),
        ({"x": [[1], None]}, {"x": [[1], []]}, [("x", 1, 1)]),
        ({"x": [1]}, {"x": [1.0]}, [("x", 0, 0)]),
        ({"x": [True, None]}, {"x": [False, None]}, [("x", 1, 1)]),
    ],
)
def test_cells_are_compared_one_by_one(
    tmp_path: Path, then: dict[str, Any], now: dict[str, Any], told: list[tuple[str, int, int]]
):
    for name, columns in (("then", then), ("now", now)):
        table = pa.table(columns)
        with pa.ipc.new_file(str(tmp_path / name), table.schema) as writer:
            writer.write_table(table)
    files: list[tuple[Path, str]] = [(tmp_path / "then", "arrow"), (tmp_path / "now", "arrow")]
    found = compare_files(tmp_path, *files, None, 1e-9)

    assert [(c["name"], c["unequal"], c["beyond_tolerance"]) for c in found["columns"]] == told
