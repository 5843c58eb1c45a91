"""The command `headwater run`: values on the output, words beside it, an exit code that tells."""

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from sqlalchemy import update

from headwater_catalog import jobs
from headwater_catalog.cli.context import Workspace
from headwater_catalog.cli.runs import perform_run, run
from headwater_catalog.store.models import Job
from headwater_catalog.worker import Worker
from support.compiled_shop import program
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository
from support.worker_process import until

Headwater = Callable[..., Result]

DOUBLED = """\
import pandas as pd


def doubled(number: pd.Series) -> pd.Series:
    return 2 * number
"""


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def headwater(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Headwater:
    monkeypatch.chdir(tmp_path)
    return catalog.headwater


def test_run_prints_the_table_and_says_where_it_comes_from(headwater: Headwater):
    result = headwater("run", "spend_per_signup", "holiday_count")

    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["week", "spend_per_signup"],
        ["2026-01-05", "10.0"],
        ["2026-01-12", "5.0"],
        ["holiday_count", "=", "8"],
    ]
    assert "dataflow 'marketing' at commit" in result.stderr
    assert "Check 'range' of 'spend_per_signup' did not hold" in result.stderr


def test_run_json_tells_all(headwater: Headwater):
    result = headwater("run", "scaled", "--input", "factor=3", "--json")
    found = json.loads(result.stdout)
    told = headwater("run", "--help").stdout.partition("JSON:")[2].partition("Options:")[0]
    assert found.keys() <= set(re.findall(r"[a-z_]+", told))

    assert (found["state"], found["error"], found["failure"]) == ("succeeded", None, None)
    assert found["table"]["rows"] == [["2026-01-05", "30"], ["2026-01-12", "60"]]
    assert found["inputs"]["factor"] == {"value": 3}
    assert found["log"] == "scaling\n"


def test_run_takes_configuration_and_a_file_for_a_source(headwater: Headwater, tmp_path: Path):
    (tmp_path / "mine.csv").write_text("week,spend,signups\n2026-03-02,9,3\n")
    result = headwater(
        "run", "spend_per_signup", "holiday_count", "--config", "region=US", "--input", "weekly=mine.csv"
    )

    assert result.exit_code == 0, result.output
    assert "2026-03-02  3.0" in result.stdout
    assert "holiday_count = 11" in result.stdout


def test_run_takes_a_file_as_one_more_source(headwater: Headwater, git_repo: GitRepo, tmp_path: Path):
    git_repo.delete("pyproject.toml")
    git_repo.write("features/spend.py", DOUBLED)
    git_repo.commit("Declare nothing")
    headwater("scan")
    (tmp_path / "numbers.csv").write_text("number\n1\n2\n")
    missing = headwater("run", "doubled")
    given = headwater("run", "doubled", "--input", "numbers=numbers.csv", "--json")

    assert missing.exit_code == 1
    assert "- 'number' (" in missing.stderr
    assert re.search(r"\[tool\.headwater\.dataflows\.\S+\.sources\]", missing.stderr)
    assert "--input NAME=FILE" in missing.stderr
    assert "inputs={" not in missing.stderr
    found = json.loads(given.stdout)
    assert found["table"]["rows"] == [["2"], ["4"]]
    assert (found["inputs"]["numbers"]["path"], found["inputs"]["numbers"]["rows"]) == ("numbers.csv", 2)


def test_run_saves_a_copy_of_the_dataset_version(headwater: Headwater, tmp_path: Path):
    result = headwater("run", "scaled", "--save", "out.csv", "--json")

    assert (tmp_path / "out.csv").read_text() == "week,scaled\n2026-01-05,10\n2026-01-12,20\n"
    assert json.loads(result.stdout)["dataset"]["name"] == "marketing"
    made = {path.name for path in tmp_path.glob("*out*")}
    assert made == {"out.csv", "out.csv.headwater.json"}  # with its stamp beside it


def test_run_of_a_failing_feature_tells_line_and_output_and_exits_with_1(headwater: Headwater):
    result = headwater("run", "broken", "--input", "x=1")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "ZeroDivisionError" in result.stderr
    assert "features/traps.py:5 in broken: return x / 0" in result.stderr


def test_run_json_of_a_failing_feature_exits_with_1(headwater: Headwater):
    result = headwater("run", "broken", "--input", "x=1", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["failure"]["node"] == "broken"


def test_run_names_the_sources_that_lack_a_column(headwater: Headwater, tmp_path: Path):
    (tmp_path / "poor.csv").write_text("week,signups\n2026-03-02,3\n")
    result = headwater("run", "spend_per_signup", "--input", "weekly=poor.csv")

    assert result.exit_code == 1
    assert "No source has a column of that name: 'weekly' (poor.csv)" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["scaled", "--input", "factor"], 2, "not of the form NAME=VALUE"),
        (["scaled", "--input", "factor=1", "--input", "factor=2"], 2, "given twice"),
        (["scaled", "--save", "out.xls"], 2, "csv, json, parquet"),
        (["scaled", "--save", "parquet"], 2, "Name the file that is to be written, such as table.parquet"),
        (["scaled", "--save", "nowhere/out.csv"], 2, "does not exist"),
        (["scaled", "--input", "weekly=nowhere.csv"], 3, "no file"),
        (["scaled", "--input", "nothing=nowhere.csv"], 3, "no file"),
        (["scaled", "--input", "nothing=1"], 3, "needs an input 'nothing'"),
        (["scaled", "--at", "nowhere"], 3, "nowhere"),
        (["scald"], 3, "Did you mean 'scaled'"),
    ],
)
def test_run_tells_wrong_use_from_what_cannot_be(
    headwater: Headwater, words: list[str], code: int, message: str
):
    result = headwater("run", *words)

    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_run_waits_where_a_worker_was_quicker(catalog: Catalog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADWATER_HOME", str(catalog.settings.home))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", catalog.settings.database_url)
    run_id, job_id = catalog.request("holiday_count")
    leased = jobs.lease(catalog.database, "quicker")
    assert leased is not None
    other = threading.Timer(0.5, Worker(catalog.database, catalog.settings).perform, [leased])
    other.start()
    with click.Context(run).scope():
        perform_run(Workspace(), run_id, job_id)
    other.join()

    assert catalog.get(run_id).job.state == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_run_that_seems_to_go_on(
    catalog: Catalog, tmp_path: Path, number: signal.Signals
):
    environment = program(catalog, tmp_path)
    command = subprocess.Popen(
        [environment["HW_COMMAND"], "run", "waiting", "--dataflow", "traps"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    work = catalog.settings.home / "work"
    until(lambda: list(work.glob("run-1-*")) != [])
    command.send_signal(number)
    assert command.wait(60) != 0
    if number == signal.SIGKILL:  # its lease ends by itself, after a minute
        with catalog.database.write() as session:
            session.execute(update(Job).values(leased_until=1))
        assert catalog.headwater("run", "holiday_count").exit_code == 0

    assert catalog.get(1).job.state == "failed"
    assert catalog.leftovers() == []


def test_worker_once_ends_when_nothing_is_queued(headwater: Headwater, catalog: Catalog):
    run_id, _ = catalog.request("holiday_count")
    result = headwater("worker", "--once")

    assert result.exit_code == 0, result.output
    assert catalog.get(run_id).job.state == "succeeded"


def test_run_takes_a_query_a_sample_and_a_reason(headwater: Headwater, catalog: Catalog):
    words = ("--query", "downstream:spend", "--dataflow", "marketing", "--sample", "1")
    result = headwater("run", *words, "--executor", "threads", "--note", "A trial", "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["outputs"] == ["scaled", "spend_per_signup"]
    assert (told["sample"], told["executor"], told["note"]) == (1, "threads", "A trial")
    assert told["table"]["row_count"] == 1
    assert headwater("run", "scaled", "--env", "prod").exit_code == 3


def test_cancel_ends_a_run_that_waits_once(headwater: Headwater, catalog: Catalog):
    run_id, job_id = catalog.request("scaled")

    assert headwater("cancel", str(run_id)).exit_code == 0
    assert catalog.job(job_id).state == "cancelled"
    assert "already cancelled" in headwater("cancel", str(run_id)).output
