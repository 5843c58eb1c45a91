"""Compiled files as the real Slurm takes and executes them, against `headwater run`."""

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.compiled_demo import (
    TASKS,
    compiled_demo,
    failing_program,
    failures,
    make_compiled_demo,
    require_same_dataset,
)
from support.compiled_shop import compiled, make_compiled_shop, program
from support.git_repo import GitRepo
from support.run_catalog import Catalog
from support.slurm_cluster import SlurmCluster, started_slurm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    with started_slurm(tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    made = make_compiled_shop(sqlite_catalog_url, git_repo, tmp_path)
    yield made
    made.database.dispose()


@pytest.fixture
def demo(sqlite_catalog_url: str, demo_repository: Path, tmp_path: Path) -> Iterator[Catalog]:
    made = make_compiled_demo(sqlite_catalog_url, demo_repository, tmp_path)
    yield made
    made.database.dispose()


def submit(
    cluster: SlurmCluster, environment: dict[str, str], folder: Path, content: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Execute a compiled file, and wait for the jobs that it submitted."""
    file = folder / "compiled.slurm.sh"
    file.write_text(content)
    done = subprocess.run(
        ["bash", str(file)],
        env={**environment, **cluster.environment, **more},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    cluster.ended()
    return done


def compiled_sales(catalog: Catalog, retries: int = 0) -> str:
    words = ("--by", "module", "--retries", str(retries), "--retry-seconds", "0")
    return compiled(catalog, "sales", "--to", "slurm", *words)


def test_jobs_wait_for_each_other_and_make_the_dataset_of_the_demo(
    cluster: SlurmCluster, demo: Catalog, tmp_path: Path
):
    done = submit(cluster, failing_program(demo, tmp_path), tmp_path, compiled_demo(demo, "slurm"))
    told = "\n".join(path.read_text() for path in tmp_path.glob("slurm-*.out"))

    assert done.returncode == 0, done.stderr
    assert cluster.states() == dict.fromkeys(TASKS, "COMPLETED"), told
    assert failures(tmp_path) == 1
    require_same_dataset(demo)


def test_a_job_that_fails_is_tried_again_and_those_that_wait_for_it_are_cancelled(
    cluster: SlurmCluster, catalog: Catalog, tmp_path: Path
):
    content = compiled_sales(catalog, retries=1)
    broken = content.replace("run ratio factor", "run ratio factor --sample x")
    done = submit(cluster, program(catalog, tmp_path), tmp_path, broken, RELAY="monday")
    (told,) = (path.read_text() for path in tmp_path.glob("slurm-*.out"))
    failed = cluster.states()
    again = submit(cluster, program(catalog, tmp_path), tmp_path, content, RELAY="monday")

    assert (done.returncode, again.returncode) == (0, 0)
    assert failed == {"load": "FAILED", "model": "CANCELLED", "report": "CANCELLED"}
    assert told.count("Invalid value for '--sample'") == 2
    assert cluster.states() == dict.fromkeys(("load", "model", "report"), "COMPLETED")


def test_no_job_stays_where_one_cannot_be_submitted(cluster: SlurmCluster, catalog: Catalog, tmp_path: Path):
    waiting = tmp_path / "waiting"
    waiting.write_text("#!/bin/sh\nexec sleep 600\n")
    waiting.chmod(waiting.stat().st_mode | stat.S_IXUSR)
    content = compiled_sales(catalog)
    of_report = 'submit report "$job_load:$job_model"'
    refused = content.replace(of_report, f"{of_report} --nodes=900")
    done = submit(cluster, program(catalog, tmp_path), tmp_path, refused, HW_COMMAND=str(waiting))

    assert refused != content
    assert done.returncode != 0
    assert "Not all jobs could be submitted. Those that were are cancelled." in done.stderr
    assert set(cluster.states()) == {"load", "model"}
    assert set(cluster.states().values()) == {"CANCELLED"}
