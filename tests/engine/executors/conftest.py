"""Fixtures of the executors' tests: feature modules written out in the test, executed task by task."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headwater.build import build
from headwater.executors import (
    DefaultExecutionManager,
    SynchronousLocalTaskExecutor,
    TaskExecutor,
    ray_clusters,
)
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupingStrategy
from headwater.executors.spark_tasks import SparkTaskExecutor
from headwater.executors.taskplan import TaskPlan
from headwater.executors.tasks import RunContext
from headwater.function import functions_of
from headwater.graph import Graph
from support.ray_cluster import require_ray, start_ray
from support.task_hooks import Told

_IMPORTS = "from headwater.htypes import Collect, Parallelizable\n"


@dataclass
class Tasks:
    """Feature functions, executed task by task."""

    load: Callable[..., ModuleType]
    remote: TaskExecutor = field(default_factory=SynchronousLocalTaskExecutor)
    grouping: GroupingStrategy | None = None

    def graph(self, source: str, name: str = "features") -> Graph:
        """Build the graph of a module's source."""
        return build(functions_of(self.load(_IMPORTS + textwrap.dedent(source), name)), {})

    def executor(self) -> TaskBasedGraphExecutor:
        """Return what executes, with blocks in the remote executor."""
        return TaskBasedGraphExecutor(DefaultExecutionManager(None, self.remote), self.grouping)

    def run(self, source: str, *outputs: str, context: RunContext | None = None, **given: Any) -> Any:
        """Compute outputs; the value itself where one is asked for."""
        values = self.executor().execute(self.graph(source), outputs, given, context)
        return values[outputs[0]] if len(outputs) == 1 else values

    def plan(self, source: str, *outputs: str, **given: Any) -> TaskPlan:
        """Cut an execution into tasks."""
        return self.executor().plan(self.graph(source), outputs, given)


@pytest.fixture
def tasks(load: Callable[..., ModuleType]) -> Tasks:
    """Give what executes feature functions task by task, in this thread."""
    return Tasks(load)


@pytest.fixture
def on_session(spark_session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tasks: Tasks) -> Tasks:
    """Give what executes tasks on the Spark of the tests."""
    monkeypatch.syspath_prepend(tmp_path)
    tasks.remote = SparkTaskExecutor()
    return tasks


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Give hooks that write down what they are told."""
    return Told(tmp_path / "told.txt")


@pytest.fixture
def ray_cluster(_ray_ends: None) -> None:
    """Let a cluster of Ray run, which takes ten seconds to start: the one that the tests before have left."""
    if not ray_clusters.is_reached():
        start_ray()


@pytest.fixture(scope="session")
def _ray_ends() -> Iterator[None]:
    require_ray()
    yield
    ray_clusters.end_cluster()
