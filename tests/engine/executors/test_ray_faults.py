"""Faults of tasks on Ray: what is tried again, and what an error says of the rest."""

import time
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors.grouping import GroupNodesAllAsOne, GroupNodesIndividually
from headwater.executors.ray_tasks import RayTaskExecutor
from support.processes import is_running

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("ray")]


@pytest.fixture
def tasks(ray_cluster: None, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what executes all tasks on the cluster."""
    monkeypatch.syspath_prepend(tmp_path)
    tasks.remote = RayTaskExecutor(skip_init=True)
    tasks.grouping = GroupNodesAllAsOne()
    return tasks


def _chain(*bodies: str, tags: str = "") -> str:
    """Return features of which each reads the one before, with the bodies."""
    lines = ["import os, signal, time, pathlib", "from headwater import tag, ray_remote_options"]
    for number, body in enumerate(bodies, 1):
        lines += [f"@tag({tags})" if tags else "", f"def step_{number}(step_{number - 1}: int) -> int:"]
        lines += [f"    {line}" for line in body.splitlines()]
        lines += [f"    return step_{number - 1} + 1"]
    return "\n".join(lines)


def _begun(folder: Path) -> int:
    return len(list(folder.glob("begun-*")))


BEGUN = "pathlib.Path({folder!r}, f'begun-{{time.monotonic_ns()}}').touch()"
KILL = "os.kill(os.getpid(), signal.SIGKILL)"


def test_a_worker_that_dies_once_is_replaced(tasks, tmp_path):
    dies_once = (
        f"{BEGUN.format(folder=str(tmp_path))}\n"
        f"if step_1 and len(list(pathlib.Path({str(tmp_path)!r}).glob('begun-*'))) < 2: {KILL}"
    )

    assert tasks.run(_chain("pass", dies_once, "pass"), "step_3", step_0=0) == 3
    assert _begun(tmp_path) == 2


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_worker_that_always_dies_is_told_with_the_node_that_it_had_begun(tasks, tmp_path, number):
    dies = f"{BEGUN.format(folder=str(tmp_path))}\n{KILL}"
    bodies = [dies if step == number else "pass" for step in (1, 2, 3)]

    with pytest.raises(NodeFailed) as caught:
        tasks.run(_chain(*bodies, tags="**{'resources.attempts': '2'}"), "step_3", step_0=0)

    assert caught.value.node == f"step_{number}"
    message = str(caught.value)
    assert "A worker of Ray died while it computed " in message and "features.py:" in message
    assert f"'step_{number}', number {number} of 3 nodes of the task" in message
    assert "in each of 2 attempts" in message
    assert _begun(tmp_path) == 2


def test_a_worker_that_dies_in_a_fan_out_is_told_with_the_element(tasks):
    tasks.grouping = None
    source = f"""
        import os, signal
        from headwater import tag

        def number() -> Parallelizable[int]:
            yield from range(100)

        @tag(**{{"resources.attempts": "1"}})
        def fatal(number: int) -> int:
            if number == 42:
                {KILL}
            return number

        def total(fatal: Collect[int]) -> int:
            return sum(fatal)
    """
    with pytest.raises(NodeFailed, match=r"'expand-number\.42\.block-number'") as caught:
        tasks.run(source, "total")

    assert caught.value.node == "fatal"


def test_a_task_that_raises_is_told_as_such_and_not_by_those_that_read_from_it(tasks):
    tasks.grouping = GroupNodesIndividually()
    chain = _chain("pass", "raise LookupError('nowhere')", "pass", "pass")

    with pytest.raises(NodeFailed) as caught:
        tasks.run(chain, "step_4", step_0=0)

    assert caught.value.node == "step_2"
    assert isinstance(caught.value.__cause__, LookupError)
    assert "It was needed for 'step_4': step_4 ← step_3 ← step_2." in str(caught.value)


def test_a_task_that_raises_is_tried_again_where_that_is_asked_for(tasks, tmp_path):
    source = f"""
        import pathlib, time
        from headwater import ray_remote_options

        @ray_remote_options(retry_exceptions=True, max_retries=2)
        def flaky() -> int:
            {BEGUN.format(folder=str(tmp_path))}
            found = len(list(pathlib.Path({str(tmp_path)!r}).glob("begun-*")))
            if found < 3:
                raise OSError("the service is away")
            return found
    """
    assert tasks.run(source, "flaky") == 3


def test_a_task_that_never_ends_is_interrupted_and_told_with_its_node(tasks):
    source = _chain("pass", "while True: time.sleep(0.01)", tags="**{'resources.seconds': '0.5'}")
    start = time.monotonic()

    with pytest.raises(NodeFailed) as caught:
        tasks.run(source, "step_2", step_0=0)

    assert caught.value.node == "step_2"
    assert "'step_2' has been running for more than 0.5 s, the most that its tag" in str(caught.value)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert time.monotonic() - start < 60
    assert tasks.run(_chain("pass"), "step_1", step_0=1) == 2


def test_the_time_of_a_node_is_kept_also_beside_nodes_that_may_take_any(tasks):
    source = """
        import time
        from headwater import tag

        @tag(**{"resources.seconds": "0.3"})
        def slow() -> int:
            time.sleep(600)
            return 1

        def after(slow: int) -> int:
            return slow
    """
    with pytest.raises(NodeFailed, match=r"'slow' has been running for more than 0.3 s"):
        tasks.run(source, "after")


def test_a_task_that_cannot_be_interrupted_is_ended_all_the_same(tasks, monkeypatch):
    source = """
        import signal
        from headwater import tag

        @tag(**{"resources.seconds": "0.5", "resources.attempts": "1"})
        def deaf() -> int:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            while True:
                pass
    """
    with pytest.raises(NodeFailed, match=r"'deaf', which took longer than the 0.5 s that it may") as caught:
        tasks.run(source, "deaf")

    assert caught.value.node == "deaf"


def test_what_no_machine_has_is_told_before_anything_runs(tasks, tmp_path):
    source = f"""
        import pathlib, time
        from headwater import ray_remote_options

        def first() -> int:
            {BEGUN.format(folder=str(tmp_path))}
            return 1

        @ray_remote_options(num_gpus=1)
        def embedded(first: int) -> int:
            return first
    """
    with pytest.raises(
        HeadwaterError, match=r"'embedded' needs 1 GPU, which no worker of the RayTaskExecutor"
    ):
        tasks.run(source, "embedded")

    assert _begun(tmp_path) == 0


def test_a_failure_leaves_no_task_behind(tasks, tmp_path):
    source = f"""
        import os, pathlib, time

        PATH = pathlib.Path({str(tmp_path)!r}, "process")

        def number() -> Parallelizable[int]:
            yield from range(2)

        def slow(number: int) -> int:
            if number == 0:
                while not PATH.exists():
                    time.sleep(0.02)
                raise ValueError("the first one fails")
            PATH.with_suffix(".new").write_text(str(os.getpid()))
            PATH.with_suffix(".new").rename(PATH)
            time.sleep(600)
            return number

        def total(slow: Collect[int]) -> int:
            return sum(slow)
    """
    tasks.grouping = None
    with pytest.raises(NodeFailed, match="the first one fails"):
        tasks.run(source, "total")

    process = int((tmp_path / "process").read_text())
    until = time.monotonic() + 20
    while is_running(process) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(process)
