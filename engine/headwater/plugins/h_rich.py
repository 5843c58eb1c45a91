"""A progress bar of rich."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from headwater.lifecycle.api import (
    GraphExecutionHook,
    NodeExecutionHook,
    TaskExecutionHook,
    TaskGroupingHook,
)
from headwater.materialize.packages import needed

__all__ = ["RichProgressBar"]


class RichProgressBar(TaskExecutionHook, TaskGroupingHook, GraphExecutionHook, NodeExecutionHook):
    """Shows how many features of an execution are computed, or how many of its tasks.

    Args:
        run_desc: What stands before the bar.
        collect_desc: What stands before the bar of the tasks that a `Parallelizable` makes.
        columns: Columns of the bar.
        **kwargs: More arguments of `rich.progress.Progress`.

    Raises:
        MissingExtra: rich is not installed.
    """

    def __init__(
        self, run_desc: str = "", collect_desc: str = "", columns: Sequence[Any] | None = None, **kwargs: Any
    ) -> None:
        """Make the bar."""
        self._made_by = needed("rich.progress", "A progress bar").Progress
        self._columns = tuple(columns or ())
        self._kwargs = kwargs
        self._run_desc = run_desc or "Running:"
        self._collect_desc = collect_desc or "Collecting:"
        self._progress: Any = None
        self._bars: list[Any] = []
        self._has_tasks = False

    def run_before_graph_execution(self, *, execution_path: Collection[str], **future_kwargs: Any) -> None:
        """Show the bar."""
        self._progress = self._made_by(*self._columns, **self._kwargs)
        self._has_tasks = False
        self._bars = [self._progress.add_task(self._run_desc, total=len(execution_path))]
        self._progress.start()

    def run_after_graph_execution(self, **future_kwargs: Any) -> None:
        """Leave the bar as it ended."""
        self._progress.stop()

    def run_after_task_grouping(self, *, task_ids: list[str], **future_kwargs: Any) -> None:
        """Count tasks instead of features."""
        self._has_tasks = True
        self._progress.update(self._bars[0], total=len(task_ids))

    def run_after_task_expansion(self, *, parameters: dict[str, Any], **future_kwargs: Any) -> None:
        """Show a bar for the tasks that one task made."""
        self._bars.append(self._progress.add_task(self._collect_desc, total=len(parameters)))

    def run_before_task_execution(self, *, purpose: Any, **future_kwargs: Any) -> None:
        """Close the bar of the tasks that a `Parallelizable` made, once they are gathered."""
        if purpose.name == "GATHER":
            self._progress.advance(self._bars[0])
            self._progress.stop_task(self._bars[-1])

    def run_after_task_execution(self, *, purpose: Any, **future_kwargs: Any) -> None:
        """Move the bar on."""
        self._progress.advance(self._bars[-1 if purpose.name == "EXECUTE_BLOCK" else 0])

    def run_before_node_execution(self, **future_kwargs: Any) -> None:
        """Show nothing."""

    def run_after_node_execution(self, **future_kwargs: Any) -> None:
        """Move the bar on, unless it counts tasks."""
        if not self._has_tasks:
            self._progress.advance(self._bars[0])
