"""Executors of this process, driven by hand as other programs may do."""

import pytest

from headwater.errors import HeadwaterError
from headwater.executors import MultiThreadingExecutor, SynchronousLocalTaskExecutor
from headwater.executors.tasks import RunContext, TaskImplementation, TaskState

SOURCE = "def double(x: int) -> int: return 2 * x"


def _task(tasks, **inputs):
    (spec,) = tasks.plan(SOURCE, "double", **inputs).specs
    return TaskImplementation(spec, RunContext(), dynamic_inputs=inputs)


def test_a_task_of_this_thread_runs_when_it_is_asked(tasks):
    executor = SynchronousLocalTaskExecutor()
    executor.init()
    future = executor.submit_task(_task(tasks, x=2))

    assert not executor.can_submit_task()
    assert future.get_state() is TaskState.SUCCESSFUL
    assert future.get_result() == {"double": 4}
    assert executor.can_submit_task()


def test_a_failed_task_says_so_and_raises_when_its_result_is_asked(tasks):
    future = SynchronousLocalTaskExecutor().submit_task(_task(tasks, x=object()))

    assert future.get_state() is TaskState.FAILED
    with pytest.raises(HeadwaterError, match="'double' failed with TypeError"):
        future.get_result()


def test_a_pool_takes_as_many_tasks_as_it_may(tasks):
    executor = MultiThreadingExecutor(max_tasks=1)
    executor.init()
    try:
        future = executor.submit_task(_task(tasks, x=2))
        future.future.result()
        assert executor.can_submit_task()
        assert future.get_state() is TaskState.SUCCESSFUL
        assert future.get_result() == {"double": 4}
    finally:
        executor.finalize()


def test_a_pool_that_was_not_begun_takes_no_task(tasks):
    with pytest.raises(HeadwaterError, match="Call init"):
        MultiThreadingExecutor(max_tasks=1).submit_task(_task(tasks, x=2))


def test_ending_what_was_not_begun_does_nothing():
    MultiThreadingExecutor(max_tasks=1).finalize()
    SynchronousLocalTaskExecutor().finalize()


def test_a_task_tells_what_it_is(tasks):
    task = _task(tasks, x=2)

    assert (task.task_id, task.base_id, task.run_id) == ("double", "double", "")
    assert [node.name for node in task.nodes] == ["double"]
    assert task.outputs_to_compute == ("double",)
    assert task.overrides == {}
    nested = TaskImplementation(task.spec, RunContext(), "expand-part", "3")
    assert nested.task_id == "expand-part.3.double"
