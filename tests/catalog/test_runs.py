"""Runs: asked for against the catalog, performed in a sandbox, kept with their record."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from headwater_catalog import datasets, jobs
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.repositories import get_repository
from headwater_catalog.runs import failure_of, get_run, list_runs
from headwater_catalog.sandbox import Limits
from headwater_catalog.scan import scan
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import HOLIDAYS, WEEKLY, Catalog, make_catalog, make_repository


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def test_a_run_keeps_its_values_nodes_checks_inputs_and_environment(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    make_repository(git_repo)
    catalog = make_catalog(catalog_url, git_repo, tmp_path / "home")
    run = catalog.run("spend_per_signup", "holiday_count", save="csv")

    assert (run.job.state, run.job.error) == ("succeeded", None)
    assert run.preview is not None
    assert run.preview["table"]["rows"] == [["2026-01-05", "10.0"], ["2026-01-12", "5.0"]]
    assert run.preview["values"] == [{"name": "holiday_count", "type": "int", "text": "8"}]
    assert {"spend_per_signup", "holiday_count"} <= {node.name for node in run.nodes}
    assert [(c.node, c.validator, c.importance, c.passed) for c in run.checks] == [
        ("spend_per_signup", "range", "warn", False)
    ]
    assert run.inputs == {
        "weekly": {
            "path": "data/weekly.csv",
            "sha256": hashlib.sha256(WEEKLY.encode()).hexdigest(),
            "bytes": len(WEEKLY),
            "rows": 2,
        }
    }
    assert run.config == {"region": "UK"}
    assert "pandas" in run.environment["packages"]
    version = catalog.version(run)
    assert version is not None and version.dataset.name == "marketing"
    saved = datasets.file_of(catalog.settings, version)
    assert saved.read_text() == "week,spend_per_signup\n2026-01-05,10.0\n2026-01-12,5.0\n"
    assert version.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert (version.rows, [c["name"] for c in version.columns]) == (2, ["week", "spend_per_signup"])
    assert catalog.leftovers() == []
    catalog.database.dispose()


def test_what_feature_code_prints_is_the_log(catalog: Catalog):
    assert catalog.run("scaled").log == "scaling\n"


def test_text_that_databases_refuse_is_kept_without_its_odd_characters(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    make_repository(git_repo)
    catalog = make_catalog(catalog_url, git_repo, tmp_path / "home")
    run = catalog.run("unstorable")

    assert run.job.state == "succeeded"
    assert run.log == "a\N{REPLACEMENT CHARACTER}b\n"
    assert run.preview is not None and run.preview["values"][0]["text"].startswith("nul")
    catalog.database.dispose()


def test_no_outputs_means_those_the_dataflow_declares(catalog: Catalog):
    run_id, _ = catalog.request(dataflow="marketing")

    assert catalog.get(run_id).outputs == ["spend_per_signup", "holiday_count"]


def test_configuration_chooses_the_variant(catalog: Catalog):
    run = catalog.run("holiday_count", config={"region": "US"})

    assert run.preview is not None and run.preview["values"][0]["text"] == "11"
    assert run.config == {"region": "US"}


def test_an_output_may_say_its_module_or_be_a_part(catalog: Catalog):
    run = catalog.run("features.spend:spend_per_signup", "spend_per_signup_raw")

    assert run.outputs == ["spend_per_signup", "spend_per_signup_raw"]
    assert run.job.state == "succeeded"


def test_an_earlier_commit_runs_as_it_was(catalog: Catalog, git_repo: GitRepo):
    git_repo.write("features/holidays.py", dedent(HOLIDAYS).replace("8", "9"))
    git_repo.commit("Count the jubilee")
    scan(catalog.database, catalog.settings, "shop")
    now, before = catalog.run("holiday_count"), catalog.run("holiday_count", at="main~1")

    assert now.preview is not None and now.preview["values"][0]["text"] == "9"
    assert before.preview is not None and before.preview["values"][0]["text"] == "8"


def test_a_source_can_be_another_file_of_the_repository(catalog: Catalog):
    run = catalog.run("scaled", inputs={"weekly": "data/more.csv", "factor": 3})

    assert run.preview is not None and run.preview["table"]["rows"] == [["2026-01-05", "3"]]
    assert run.inputs["factor"] == {"value": 3}
    assert (run.inputs["weekly"]["path"], run.inputs["weekly"]["rows"]) == ("data/more.csv", 1)


def test_a_source_can_be_a_file_of_the_caller_which_is_kept(catalog: Catalog, tmp_path: Path):
    mine = tmp_path / "mine.csv"
    mine.write_text("week,spend,signups\n2026-02-02,7,1\n")
    run_id, job_id = catalog.request("scaled", inputs={"weekly": mine})
    mine.unlink()
    Worker(catalog.database, catalog.settings).perform_next(job_id)
    run = catalog.get(run_id)

    assert run.preview is not None and "failure" not in run.preview, run.preview
    assert run.preview["table"]["rows"] == [["2026-02-02", "7"]]
    assert run.inputs["weekly"]["path"] == "mine.csv" and run.inputs["weekly"]["upload"] is True


@pytest.mark.parametrize(
    ("outputs", "given", "error", "message"),
    [
        (["spend_per_signp"], {}, NotFound, "Did you mean 'spend_per_signup'"),
        (["spend_per_signp"], {"dataflow": "marketing"}, NotFound, "Did you mean 'spend_per_signup'"),
        (["scaled"], {"dataflow": "marketin"}, NotFound, "Did you mean 'marketing'"),
        (["scaled", "broken"], {}, NotFound, "No single dataflow"),
        ([], {}, Conflict, "several dataflows: marketing, traps"),
        ([], {"dataflow": "traps"}, NotFound, "declares no outputs"),
        (["holiday_count"], {"config": {"regio": "UK"}}, NotFound, "Did you mean 'region'"),
        (["scaled"], {"inputs": {"facto": 1}}, NotFound, "Did you mean 'factor'"),
        (
            ["scaled"],
            {"inputs": {"weekly": "../../secret.csv"}},
            Conflict,
            "path of a file in the repository",
        ),
        (["scaled"], {"inputs": {"weekly": "/etc/passwd"}}, Conflict, "path of a file in the repository"),
        (["scaled"], {"inputs": {"weekly": 3}}, Conflict, "path of a file in the repository"),
        (["scaled"], {"inputs": {"weekly": "data/weekly.xls"}}, Conflict, "csv, json, parquet"),
        (["scaled"], {"inputs": {"weekly": Path("/no/such.csv")}}, NotFound, "no file"),
        (["scaled"], {"inputs": {"spend": Path("/no/such.csv")}}, NotFound, "no file"),
        (["scaled"], {"inputs": {"more": Path("/etc/passwd")}}, Conflict, "csv, json, parquet"),
        (["scaled"], {"save": "pickle"}, Conflict, "csv, json, parquet"),
    ],
)
def test_a_wrong_request_is_refused_with_the_cure(
    catalog: Catalog, outputs: list[str], given: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        catalog.request(*outputs, **given)
    with catalog.database.read() as session:
        assert list_runs(session) == []


def test_a_feature_that_raises_is_a_failed_run_with_node_and_line(catalog: Catalog):
    run = catalog.run("broken", inputs={"x": 1}, save="csv")
    failure = failure_of(run)

    assert run.job.state == "failed"
    assert run.job.error is not None and "ZeroDivisionError" in run.job.error
    assert failure is not None
    assert (failure["node"], failure["frames"][-1]["path"]) == ("broken", "features/traps.py")
    assert failure["frames"][-1]["code"] == "return x / 0"
    assert str(catalog.settings.home) not in json.dumps([run.job.error, failure, run.log])
    assert catalog.version(run) is None
    assert catalog.leftovers() == []


@pytest.mark.parametrize(
    ("output", "limits", "reason"),
    [
        ("endless", Limits(cpu_seconds=2), "2 seconds of processor time"),
        ("waiting", Limits(wall_seconds=2), "longer than 2 seconds"),
        ("chatty", Limits(output=1024 * 1024), "more than 1 MB of output"),
        ("bomb", Limits(), "MemoryError"),
        ("leaves", Limits(), "sys.exit"),
        ("vanishes", Limits(), "ended with exit code 0 before it gave a result"),
        ("forges", Limits(), "cannot be read"),
    ],
)
def test_every_trap_ends_as_a_failed_run_with_a_reason(
    catalog: Catalog, output: str, limits: Limits, reason: str
):
    run = catalog.run(output, limits=limits)

    assert run.job.state == "failed"
    assert run.job.error is not None and reason in run.job.error
    assert len(run.log) < 70_000
    assert catalog.leftovers() == []


def test_a_cancelled_run_leaves_nothing(catalog: Catalog):
    run_id, job_id = catalog.request("holiday_count", save="csv")
    leased = jobs.lease(catalog.database, "w", job_id=job_id)
    assert leased is not None
    with catalog.database.write() as session:
        jobs.cancel(session, job_id, "ana")
    Worker(catalog.database, catalog.settings).perform(leased)
    run = catalog.get(run_id)

    assert (run.job.state, run.job.error) == ("cancelled", "Cancelled by ana.")
    assert (run.preview, run.nodes) == (None, [])
    assert catalog.leftovers() == []
    assert not list(catalog.settings.home.glob("datasets/**/*.csv"))


def test_versions_of_a_dataset_are_listed_newest_first(catalog: Catalog):
    runs = [catalog.run("scaled", save="csv", dataset="scaled spend") for _ in range(2)]
    with catalog.database.read() as session:
        repository = get_repository(session, "shop")
        dataset = datasets.get_dataset(session, repository, "scaled spend")
        versions = datasets.list_versions(session, dataset)

        assert [version.run_id for version in versions] == [run.id for run in reversed(runs)]
        assert len({version.path for version in versions}) == 2
        with pytest.raises(NotFound, match="Did you mean 'scaled spend'"):
            datasets.get_dataset(session, repository, "scaled spent")


def test_runs_are_listed_newest_first(catalog: Catalog):
    made = [catalog.request("holiday_count")[0] for _ in range(3)]
    with catalog.database.read() as session:
        assert [run.id for run in list_runs(session, limit=2)] == made[:0:-1]
        with pytest.raises(NotFound, match="no run 99"):
            get_run(session, 99)


def test_the_process_that_performs_a_run_imports_no_feature_code(catalog: Catalog):
    _, job_id = catalog.request("scaled")
    code = """
import sys
from headwater_catalog.settings import load_settings
from headwater_catalog.store.database import Database
from headwater_catalog.worker import Worker
settings = load_settings()
assert Worker(Database(settings.database_url), settings).perform_next(int(sys.argv[1]))
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("features", "pandas")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(job_id)],
        env={
            "HEADWATER_HOME": str(catalog.settings.home),
            "HEADWATER_DATABASE_URL": catalog.settings.database_url,
        },
        capture_output=True,
        text=True,
    )

    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
