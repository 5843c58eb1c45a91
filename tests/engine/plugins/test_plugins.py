"""Adapters that bring other packages in, as code written for Hamilton uses them."""

import io
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from headwater.driver import Driver
from headwater.errors import HeadwaterError, MissingExtra
from headwater.lifecycle import AdapterSet, ResultBuilder
from headwater.plugins.h_logging import AsyncLoggingAdapter, ContextLogger, LoggingAdapter, get_logger
from headwater.plugins.h_ray import RayWorkflowGraphAdapter
from headwater.plugins.h_rich import RichProgressBar
from headwater.plugins.h_threadpool import FutureAdapter
from headwater.plugins.h_tqdm import ProgressBar
from headwater.results import DictResult
from support.event_loop import run_apart

Drive = Callable[..., Driver]

SUM = """
from headwater.plugins.h_logging import get_logger

def doubled(amount: int) -> int:
    get_logger("features").info("doubling")
    return amount * 2

def total(doubled: int, amount: int) -> int:
    return doubled + amount

def broken(doubled: int) -> int:
    raise ValueError("no data")
"""


def test_log_tells_each_node_and_where_loggers_are_called(
    driver: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    driver(SUM, LoggingAdapter()).execute(["total"], inputs={"amount": 1})

    run = caplog.messages[0].partition(" - ")[0]
    assert run.startswith("Graph run '")
    assert caplog.messages == [
        f"{run} - Starting graph execution",
        f"{run} - Using inputs 'amount'",
        "Node 'doubled' - doubling",
        "Node 'doubled' - Finished execution [OK]",
        "Node 'total' - Finished execution [OK]",
        f"{run} - Finished graph execution [OK]",
    ]


def test_log_tells_errors_with_their_trace(driver: Drive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mine")

    with pytest.raises(ValueError, match="no data"):
        driver(SUM, LoggingAdapter("mine")).execute(["broken"], overrides={"doubled": 2})

    said = [(record.levelname, record.message.partition(" - ")[2]) for record in caplog.records]
    assert said[1:] == [
        ("INFO", "Using overrides 'doubled'"),
        ("DEBUG", "Starting execution with dependencies 'doubled'"),
        ("ERROR", "Encountered error"),
        ("ERROR", "Graph execution failed due to errors"),
    ]
    assert caplog.records[3].exc_info is not None


def test_log_tells_tasks(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    adapter = LoggingAdapter(logging.getLogger("tasks"))
    tasks = AdapterSet([adapter]).tasks
    assert tasks is not None
    about: dict[str, Any] = {
        "run_id": "r",
        "task_id": "t",
        "nodes": [],
        "spawning_task_id": None,
        "purpose": None,
    }
    given: dict[str, Any] = {"inputs": {}, "overrides": {}}

    tasks.post_task_group(run_id="r", task_ids=["t"])
    tasks.post_task_expand(run_id="r", task_id="t", parameters={})
    tasks.pre_task_submission(**about, **given)
    tasks.pre_task_submission(**{**about, "spawning_task_id": "s"}, **given)
    tasks.pre_task_execute(**about, **given)
    adapter.run_before_node_execution(node_name="n", node_kwargs={}, task_id="t", run_id="r")
    adapter.run_after_node_execution(node_name="n", error=None, success=True, task_id="t", run_id="r")
    tasks.post_task_execute(**about, results={}, success=True, error=None)
    tasks.post_task_return(**about, result={}, success=True, error=None)
    tasks.post_task_execute(**about, results=None, success=False, error=ValueError())
    tasks.post_task_return(**about, result=None, success=False, error=ValueError())
    adapter.run_after_graph_execution(success=False, run_id="r")

    assert caplog.messages == [
        "Dynamic DAG detected; task-based logging is enabled",
        "Task 't' - Initializing new task and submitting to executor",
        "Task 't' - Spawning task and submitting to executor",
        "Task 't' - Starting execution of nodes ",
        "Task 't' - Starting execution without dependencies",
        "Task 't' - Node 'n' - Finished execution [OK]",
        "Task 't' - Finished execution [OK]",
        "Task 't' - Task completed [OK]",
        "Task 't' - Execution failed due to errors",
        "Task 't' - Task completion failed due to errors",
        "Graph run 'r' - Graph execution failed due to errors",
    ]


def test_log_is_told_in_an_event_loop_too(driver: Drive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "features")
    caplog.set_level(logging.DEBUG, "mine")
    adapter = AsyncLoggingAdapter("mine")
    dr = driver(SUM)
    node = dr.graph["doubled"]

    async def run() -> None:
        adapters = AdapterSet([adapter])
        around = adapters.around_async("r")
        assert around is not None
        facts: dict[str, Any] = {"run_id": "r", "graph": dr.graph}
        await adapters.acall("pre_graph_execute", **facts, final_vars=[], inputs=None, overrides=None)
        await around(node, node.call, [1])
        await adapters.acall("post_graph_execute", **facts, success=True, error=None, results={})

    run_apart(run())

    assert caplog.messages == [
        "Graph run 'r' - Starting graph execution",
        "Node 'doubled' - Submitting async node with dependencies 'amount'",
        "Node 'doubled' - doubling",
        "Node 'doubled' - Finished execution [OK]",
        "Graph run 'r' - Finished graph execution [OK]",
    ]


def test_logger_outside_of_executions_says_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("outside")

    logger.warning("plain")
    logger.warning("skipped", extra={"skip_context": True})

    assert isinstance(logger, ContextLogger)
    assert caplog.messages == ["plain", "skipped"]


def test_features_are_computed_in_threads_while_others_wait(driver: Drive) -> None:
    source = """
    import threading
    both = threading.Barrier(2, timeout=20)

    def first() -> str:
        both.wait()
        return threading.current_thread().name

    def second() -> str:
        both.wait()
        return threading.current_thread().name

    def names(first: str, second: str) -> list:
        return [first, second]
    """
    adapter = FutureAdapter(max_workers=3, thread_name_prefix="feature")

    found = driver(source, adapter).execute(["names", "first"])

    adapter.executor.shutdown()
    assert sorted(name.partition("_")[0] for name in found["names"]) == ["feature", "feature"]
    assert found["first"] in found["names"]
    assert threading.current_thread().name not in found["names"]


def test_threads_may_have_a_result_builder_and_pass_errors_on(driver: Drive) -> None:
    class Listed(ResultBuilder):
        def build_result(self, **outputs: Any) -> Any:
            return list(outputs.values())

        def output_type(self) -> Any:
            return list

    adapter = FutureAdapter(result_builder=Listed())

    with adapter.executor:
        assert driver(SUM, adapter).execute(["total"], inputs={"amount": 1}) == [3]
        with pytest.raises(ValueError, match="no data"):
            driver(SUM, adapter).execute(["broken"], inputs={"amount": 1})
    assert (adapter.output_type(), FutureAdapter().output_type()) == (list, Any)


def test_rich_bar_counts_features(driver: Drive) -> None:
    from rich.console import Console

    shown = io.StringIO()
    bar = RichProgressBar(run_desc="Weekly", console=Console(file=shown, width=80))
    dr = driver(SUM, bar)

    dr.execute(["total"], inputs={"amount": 1})
    dr.execute(["total"], inputs={"amount": 2})

    assert shown.getvalue().count("Weekly") == 2
    assert "100%" in shown.getvalue()


def test_tqdm_bar_counts_features(driver: Drive) -> None:
    pytest.importorskip("tqdm")
    shown = io.StringIO()

    driver(SUM, ProgressBar(desc="Weekly", file=shown, mininterval=0)).execute(
        ["total"], inputs={"amount": 1}
    )

    assert "Weekly -> doubled" in shown.getvalue()
    assert "2/2" in shown.getvalue()


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)

    with pytest.raises(MissingExtra, match="A progress bar needs tqdm"):
        ProgressBar()


def test_workflows_of_ray_say_why_they_cannot_be() -> None:
    with pytest.raises(HeadwaterError, match=r"Ray no longer has .* Compute the graph with RayGraphAdapter"):
        RayWorkflowGraphAdapter(DictResult(), "workflow")
