"""The demo's dataflow compiled: each target makes the dataset of `headwater run`, bit for bit.

The real Airflow, Dagster and Prefect execute it, the shell, and what stands in for Argo on Kubernetes; the real
Slurm in `test_slurm`.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from support.argo_cluster import ArgoCluster
from support.compiled_demo import (
    TASKS,
    compiled_demo,
    failing_program,
    failures,
    make_compiled_demo,
    require_same_dataset,
)
from support.environments import find_environment
from support.run_catalog import Catalog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_SECONDS = 600


@pytest.fixture
def catalog(sqlite_catalog_url: str, demo_repository: Path, tmp_path: Path) -> Iterator[Catalog]:
    made = make_compiled_demo(sqlite_catalog_url, demo_repository, tmp_path)
    yield made
    made.database.dispose()


def written(catalog: Catalog, target: str, folder: Path) -> Path:
    file = folder / target / "compiled.py"
    file.parent.mkdir()
    file.write_text(compiled_demo(catalog, target))
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


def test_airflow_imports_and_executes_the_file(catalog: Catalog, tmp_path: Path):
    airflow = find_environment("airflow", "airflow")
    file = written(catalog, "airflow", tmp_path)
    environment = {
        **failing_program(catalog, tmp_path),
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
    call([airflow, "dags", "test", "demo_marketing", "2026-10-02"], environment, tmp_path)

    assert failures(tmp_path) == 1
    assert require_same_dataset(catalog)[0].note.startswith("compiled, demo_marketing-manual__")


def test_dagster_validates_and_executes_the_file(catalog: Catalog, tmp_path: Path):
    dagster = find_environment("dagster", "dagster")
    file = written(catalog, "dagster", tmp_path)
    home = tmp_path / "dagster-home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    quiet = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    environment = {**failing_program(catalog, tmp_path), **quiet}
    code = (
        "import compiled; [job] = compiled.defs.resolve_all_job_defs(); [s] = compiled.defs.schedules;"
        "print(sorted(n.name for n in job.nodes), s.cron_schedule)"
    )
    told = call([dagster.with_name("python"), "-c", code], environment, file.parent)
    call([dagster, "job", "execute", "-f", file, "-j", "demo_marketing"], environment, tmp_path)

    assert told.strip() == f"{list(TASKS)} 0 6 * * 1"
    assert failures(tmp_path) == 1
    require_same_dataset(catalog)


def test_prefect_executes_the_file(catalog: Catalog, tmp_path: Path):
    python = find_environment("prefect", "python")
    file = written(catalog, "prefect", tmp_path)
    environment = {
        **failing_program(catalog, tmp_path),
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
    assert failures(tmp_path) == 1
    require_same_dataset(catalog)


def test_the_script_is_executed(catalog: Catalog, tmp_path: Path):
    file = tmp_path / "compiled.sh"
    file.write_text(compiled_demo(catalog, "script"))
    call(["bash", file], failing_program(catalog, tmp_path), tmp_path)

    assert failures(tmp_path) == 1
    require_same_dataset(catalog)


def test_argo_executes_the_file_and_goes_on_where_it_failed(catalog: Catalog, tmp_path: Path):
    environment = failing_program(catalog, tmp_path, times=2)
    secrets = {"headwater": {"HEADWATER_DATABASE_URL": environment["HEADWATER_DATABASE_URL"]}}
    claims = {"headwater-home": catalog.settings.home}
    cluster = ArgoCluster({"shop:7": tmp_path / "image"}, claims, secrets, services=("headwater",))
    workflow = cluster.submit(compiled_demo(catalog, "argo"), image="shop:7")
    failed = dict(workflow.phases)
    cluster.retry(workflow)

    first = dict.fromkeys(("channels", "holidays", "spend"), "Succeeded")
    assert failed == {**first, "signups": "Failed"}, workflow.log
    assert workflow.phases == dict.fromkeys(TASKS, "Succeeded"), workflow.log
    assert workflow.pods == {**dict.fromkeys(TASKS, 1), "signups": 3}
    assert require_same_dataset(catalog)[0].note == f"compiled, argo-{workflow.uid}"
