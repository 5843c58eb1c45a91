"""Compiled files as the real Airflow, Dagster and Prefect take and execute them, against `headwater run`."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import list_runs
from headwater_catalog.store.models import Run
from support.compiled_shop import compiled, make_compiled_shop, program, saved
from support.git_repo import GitRepo
from support.orchestrators import find_orchestrator
from support.run_catalog import Catalog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_SECONDS = 600


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    made = make_compiled_shop(sqlite_catalog_url, git_repo, tmp_path)
    yield made
    made.database.dispose()


def written(catalog: Catalog, target: str, folder: Path) -> Path:
    file = folder / target / "compiled.py"
    file.parent.mkdir()
    file.write_text(compiled(catalog, "sales", "--to", target, "--by", "module", "--retries", "0"))
    return file


def call(words: list[str | Path], environment: Mapping[str, str], folder: Path) -> str:
    """Call a program and return what it prints."""
    done = subprocess.run(
        list(map(str, words)),
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-5_000:]}\n{done.stderr[-5_000:]}"
    return done.stdout


def require_same_dataset(catalog: Catalog) -> list[Run]:
    """Make sure that an execution made the dataset of `headwater run`; return its runs, the last one first."""
    with catalog.database.read() as session:
        runs = [catalog.get(run.id) for run in list_runs(session)]
    whole = catalog.run(dataflow="sales", save="csv", options=RunOptions(executor="threads"))

    assert [run.job.state for run in runs] == ["succeeded"] * 3
    assert saved(catalog, runs[0]) == saved(catalog, whole)
    assert {run.commit.sha for run in runs} == {whole.commit.sha}
    assert len({run.note for run in runs}) == 1
    return runs


def test_airflow_imports_and_executes_the_file(catalog: Catalog, tmp_path: Path):
    airflow = find_orchestrator("airflow", "airflow")
    file = written(catalog, "airflow", tmp_path)
    environment = {
        **program(catalog, tmp_path),
        "AIRFLOW_HOME": str(tmp_path / "airflow-home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(file.parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    call([airflow, "db", "migrate"], environment, tmp_path)
    # Apart from what tasks need: a scheduler reads files, and has neither the command nor the catalog.
    scheduler = {
        name: value for name, value in environment.items() if not name.startswith(("HEADWATER", "HW_"))
    }
    errors = call([airflow, "dags", "list-import-errors", "-o", "json"], scheduler, tmp_path)
    assert json.loads(errors.splitlines()[-1]) == []  # after warnings
    call([airflow, "dags", "test", "shop_sales", "2026-10-02"], environment, tmp_path)

    assert require_same_dataset(catalog)[0].note.startswith("compiled, shop_sales-manual__")


def test_dagster_validates_and_executes_the_file(catalog: Catalog, tmp_path: Path):
    dagster = find_orchestrator("dagster", "dagster")
    file = written(catalog, "dagster", tmp_path)
    home = tmp_path / "dagster-home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    quiet = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    environment = {**program(catalog, tmp_path), **quiet}
    code = (
        "import compiled; [job] = compiled.defs.resolve_all_job_defs(); [s] = compiled.defs.schedules;"
        "print(sorted(n.name for n in job.nodes), s.cron_schedule)"
    )
    told = call([dagster.with_name("python"), "-c", code], environment, file.parent)
    call([dagster, "job", "execute", "-f", file, "-j", "shop_sales"], environment, tmp_path)

    assert told.strip() == "['load', 'model', 'report'] 0 6 * * 1"
    require_same_dataset(catalog)


def test_prefect_executes_the_file(catalog: Catalog, tmp_path: Path):
    python = find_orchestrator("prefect", "python")
    file = written(catalog, "prefect", tmp_path)
    environment = {
        **program(catalog, tmp_path),
        "PREFECT_HOME": str(tmp_path / "prefect-home"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "DO_NOT_TRACK": "1",
    }
    told = call(
        [python, "-c", "import compiled; print(compiled.all_tasks.validate_parameters({}))"],
        {**environment, "PREFECT_SERVER_EPHEMERAL_ENABLED": "false"},
        file.parent,
    )
    call([python, file], environment, tmp_path)

    assert told.strip() == "{'relay': None}"
    require_same_dataset(catalog)
