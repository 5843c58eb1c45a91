"""What a worker of Spark does with tasks of an execution that is over."""

import os
import pickle
import subprocess
import sys
import textwrap

import pytest

from headwater.carried import carried
from headwater.executors.spark_workers import over
from headwater.executors.tasks import RunContext

WORKER = """
import os, pickle, sys
from pathlib import Path
from types import SimpleNamespace
from headwater.executors.spark_workers import on_worker, over

folder = Path(sys.argv[1])
marks = folder / "marks"

def at_once(*given):
    os_write(*given)
    marks.rename(over(marks))

if sys.argv[2] == "while it begins":
    os_write, os.write = os.write, at_once
work = 1, 0, (None, None), pickle.dumps({"folder": str(folder)})
_, (reply, _) = on_worker(SimpleNamespace(value=pickle.loads((folder / "code").read_bytes())), str(marks), None)(work)
outcome = pickle.loads(reply)[0]
print(pickle.loads(outcome) if isinstance(outcome, bytes) else outcome.revive())
"""

DOES = {
    "before": "pass",
    "while it begins": "pass",
    "meanwhile": "marks.rename(over(marks))",
    "cleared": "shutil.rmtree(marks)",
    "not": "pass",
}


@pytest.fixture
def worked(tasks, tmp_path, monkeypatch):
    """Give what runs a task in a process of its own, and returns how that ended and what it said."""
    monkeypatch.syspath_prepend(tmp_path)

    def worked(when: str) -> tuple[int, str]:
        source = f"""
            import os, pathlib, shutil
            from headwater.executors.spark_workers import over

            def begun(folder: str) -> int:
                marks = pathlib.Path(folder, "marks")
                pathlib.Path(folder, "begun").write_text((marks / "1").read_text())
                {DOES[when]}
                return 5
        """
        specs = tuple(tasks.plan(textwrap.dedent(source), "begun", folder="").specs)
        (tmp_path / "code").write_bytes(pickle.dumps(carried((specs, RunContext()), pickle.dumps)))
        (tmp_path / "marks").mkdir()
        if when == "before":
            (tmp_path / "marks").rename(over(tmp_path / "marks"))
        ended = subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path), when],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout.strip() + ended.stderr

    return worked


def test_a_task_of_an_execution_that_is_over_is_not_begun(worked, tmp_path):
    status, said = worked("before")

    assert status == 0 and said.startswith("The execution is over, or ")
    assert not (tmp_path / "begun").exists() and list(over(tmp_path / "marks").iterdir()) == []


@pytest.mark.parametrize("when", ["while it begins", "meanwhile"])
def test_a_worker_that_may_be_ended_goes_on_to_nothing_else(worked, tmp_path, when):
    assert worked(when) == (1, "")
    assert (tmp_path / "begun").exists() == (when == "meanwhile")
    assert [mark.name for mark in over(tmp_path / "marks").iterdir()] == ["1"]


@pytest.mark.parametrize("when", ["not", "cleared"])
def test_a_worker_goes_on_also_where_somebody_cleared_its_folder(worked, tmp_path, when):
    assert worked(when) == (0, "{'begun': 5}")
    assert (tmp_path / "marks").exists() == (when == "not")
    assert list(tmp_path.glob("marks/*")) == []
