"""The demo in a catalog where nothing has been computed, and what an orchestrator is to make of it.

Of its dataflow `marketing` the tasks are `holidays`, `spend`, `channels`, `signups` (after `spend`) and
`dataset` (after all others), of which `signups` is made to fail at first.
"""

import hashlib
import stat
from pathlib import Path

from headwater_catalog.runs import list_runs
from headwater_catalog.store.models import DatasetVersion, Run
from support.compiled_shop import compiled, program, saved
from support.run_catalog import Catalog, scanned_catalog

__all__ = [
    "TASKS",
    "compiled_demo",
    "failing_program",
    "failures",
    "make_compiled_demo",
    "require_same_dataset",
]

TASKS = ("channels", "dataset", "holidays", "signups", "spend")

_FAILING = """#!/bin/sh
case " $* " in *" signup_rate "*)
    for number in $(seq {times}); do ! mkdir "{folder}/failure-$number" 2>/dev/null || exit 1; done ;;
esac
exec "{command}" "$@"
"""


def make_compiled_demo(url: str, demo: Path, folder: Path) -> Catalog:
    """Make a catalog that has scanned the demo, in which nothing was computed that tasks could take."""
    return scanned_catalog(url, demo, folder / "home", "demo")


def compiled_demo(catalog: Catalog, target: str) -> str:
    """Return the file of the dataflow, a task for each module, each of which is tried twice."""
    words = ("--by", "module", "--format", "csv", "--schedule", "0 6 * * 1")
    retries = ("--retries", "1", "--retry-seconds", "1")
    return compiled(catalog, "marketing", "--to", target, *words, *retries, executor="synchronous")


def failing_program(catalog: Catalog, folder: Path, times: int = 1) -> dict[str, str]:
    """Return the environment in which tasks find a command that fails at first: when `signups` begins.

    It is `image/headwater` in the folder.
    """
    environment = program(catalog, folder)
    file = folder / "image" / "headwater"
    file.parent.mkdir()
    file.write_text(_FAILING.format(folder=folder, times=times, command=environment["HW_COMMAND"]))
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return {**environment, "HW_COMMAND": str(file)}


def failures(folder: Path) -> int:
    """Return how often the command has failed."""
    return len(list(folder.glob("failure-*")))


def require_same_dataset(catalog: Catalog) -> list[Run]:
    """Make sure that an execution made the dataset of `headwater run`; return its runs, the last one first."""
    runs = _runs(catalog)
    result = catalog.headwater(
        *("run", "--dataflow", "marketing", "--repo", "demo", "--keep", "csv", "--no-cache", "--quiet")
    )
    assert result.exit_code == 0, result.output
    whole = _runs(catalog)[0]

    assert [run.job.state for run in runs] == ["succeeded"] * len(TASKS)
    assert {run.commit.sha for run in runs} == {whole.commit.sha}
    assert len({run.note for run in runs}) == 1
    # Each node was computed in one of the tasks, and in the run that it is compared with.
    computed = sorted(node.name for run in runs for node in run.nodes if node.kept_from is None)
    assert computed == sorted(node.name for node in whole.nodes if node.kept_from is None)
    assert {node.name for node in whole.nodes} == set(computed)
    ours, theirs = _version(catalog, runs[0]), _version(catalog, whole)
    assert ours.fingerprint == theirs.fingerprint
    assert ours.sha256 == theirs.sha256 == hashlib.sha256(saved(catalog, runs[0])).hexdigest()
    assert runs[0].inputs.keys() == whole.inputs.keys()
    return runs


def _runs(catalog: Catalog) -> list[Run]:
    with catalog.database.read() as session:
        return [catalog.get(run.id) for run in list_runs(session)]


def _version(catalog: Catalog, run: Run) -> DatasetVersion:
    version = catalog.version(run)
    assert version is not None, run.job.error
    return version
