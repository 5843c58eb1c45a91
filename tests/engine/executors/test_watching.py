import threading
import time

import pytest

from headwater.executors.grouping import GroupNodesAllAsOne
from headwater.executors.tasks import RunContext, TaskImplementation, execute_task
from headwater.executors.watching import Watch

SLEEPING = """
    import time
    from headwater import tag

    def short(a: int) -> int: return a

    @tag(**{"resources.seconds": "0.1"})
    def long(short: int, pause: float) -> int:
        time.sleep(pause)
        return short
"""


@pytest.fixture
def watched(tasks):
    """Give what runs a task under a watch, and returns what was told and what was measured."""

    def watched(pause):
        tasks.grouping = GroupNodesAllAsOne()
        (spec,) = tasks.plan(SLEEPING, "long", a=1, pause=pause).specs
        task = TaskImplementation(spec, RunContext(), dynamic_inputs={"a": 1, "pause": pause})
        told, seconds = [], {}
        with Watch(task, None, told.append, seconds) as watch:
            assert execute_task(task, watch) == {"long": 1}
        return told, seconds

    return watched


def test_what_is_done_at_once_is_measured_and_not_told(watched):
    told, seconds = watched(0.0)

    assert told == [] and set(seconds) == {"short", "long"}


def test_a_node_that_takes_long_is_told_once_and_once_more_when_it_is_late(watched):
    told, seconds = watched(0.4)

    where = {"task": "root", "node": "long", "place": 2, "of": 2, "limit": 0.1}
    assert told == [{**where, "is_late": False}, {**where, "is_late": True}]
    assert seconds["long"] >= 0.4


def test_nobody_watches_when_nothing_runs(watched):
    watched(0.0)
    until = time.monotonic() + 5
    while any(thread.name == "headwater-watch" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)
