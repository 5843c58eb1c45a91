"""Executors: groups of nodes as tasks, run in this thread, in threads, in processes or elsewhere."""

from __future__ import annotations

from headwater.executors.base import (
    PoolExecutor,
    TaskExecutor,
    TaskFuture,
    TaskFutureWrappingPythonFuture,
)
from headwater.executors.local import (
    MultiThreadingExecutor,
    SynchronousLocalTaskExecutor,
    TaskFutureWrappingFunction,
)
from headwater.executors.managers import (
    DefaultExecutionManager,
    ExecutionManager,
    SingleExecutionManager,
)
from headwater.executors.processes import MultiProcessingExecutor
from headwater.executors.tasks import TaskImplementation, base_execute_task

__all__ = [
    "DefaultExecutionManager",
    "ExecutionManager",
    "MultiProcessingExecutor",
    "MultiThreadingExecutor",
    "PoolExecutor",
    "SingleExecutionManager",
    "SynchronousLocalTaskExecutor",
    "TaskExecutor",
    "TaskFuture",
    "TaskFutureWrappingFunction",
    "TaskFutureWrappingPythonFuture",
    "TaskImplementation",
    "base_execute_task",
]
