"""Executions told to a log, and loggers that say in which node they are called."""

from __future__ import annotations

import logging
from collections.abc import Iterable, MutableMapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from headwater.lifecycle.api import (
    GraphExecutionHook,
    NodeExecutionHook,
    TaskExecutionHook,
    TaskGroupingHook,
    TaskReturnHook,
    TaskSubmissionHook,
)
from headwater.lifecycle.base import BasePostNodeExecuteAsync, BasePreNodeExecute
from headwater.lifecycle.views import NodeView

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter

__all__ = ["AsyncLoggingAdapter", "ContextLogger", "LoggingAdapter", "get_logger"]


class _Place(NamedTuple):
    """Where an execution is."""

    graph: str | None = None
    task: str | None = None
    node: str | None = None

    def prefix(self, with_node: bool) -> str:
        if self.task:
            return (
                f"Task '{self.task}' - Node '{self.node}' - "
                if self.node and with_node
                else f"Task '{self.task}' - "
            )
        if self.node:
            return f"Node '{self.node}' - "
        return f"Graph run '{self.graph}' - " if self.graph else ""


_place: ContextVar[_Place] = ContextVar("place", default=_Place())  # noqa: B039 - it cannot be changed


def get_logger(name: str | None = None) -> ContextLogger:
    """Return a logger whose messages begin with the node, task or run in which it is called."""
    return ContextLogger(logging.getLogger(name), extra={})


class ContextLogger(Adapter):
    """A logger whose messages begin with the node, task or run in which it is called.

    In `extra`, `skip_context` leaves that out, `node_context` names the node of a task, too, and
    `override_context` takes the place of where the execution is.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Put the place before the message."""
        extra = kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        if "skip_context" in extra:
            return msg, kwargs
        place = extra.get("override_context")
        if not isinstance(place, _Place):
            place = _place.get()
        return f"{place.prefix('node_context' in extra)}{msg}", kwargs


class LoggingAdapter(
    GraphExecutionHook,
    NodeExecutionHook,
    TaskGroupingHook,
    TaskSubmissionHook,
    TaskExecutionHook,
    TaskReturnHook,
):
    """Tells executions to a log: each node as INFO, or each task as INFO and its nodes as DEBUG.

    Args:
        logger: A logger, or its name; by default that of this module.
    """

    def __init__(self, logger: str | logging.Logger | logging.LoggerAdapter[Any] | None = None) -> None:
        """Take the logger."""
        found = logging.getLogger(logger or __name__) if logger is None or isinstance(logger, str) else logger
        self.logger = found if isinstance(found, ContextLogger) else ContextLogger(found, extra={})  # type: ignore[arg-type]
        self._given: set[str] = set()
        self._error_is_told = False

    def run_before_graph_execution(
        self,
        *,
        inputs: dict[str, Any] | None,
        overrides: dict[str, Any] | None,
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Tell that an execution begins, and what it is given."""
        _place.set(_Place(run_id))
        self._given = {*(inputs or ()), *(overrides or ())}
        self._error_is_told = False
        self.logger.info("Starting graph execution")
        for kind, names in (("inputs", inputs), ("overrides", overrides)):
            if names:
                self.logger.info("Using %s %s", kind, _listed(names))

    def run_after_task_grouping(self, **future_kwargs: Any) -> None:
        """Tell that the graph is cut into tasks."""
        self.logger.info("Dynamic DAG detected; task-based logging is enabled")

    def run_after_task_expansion(self, **future_kwargs: Any) -> None:
        """Tell nothing: each task tells itself."""

    def run_before_task_submission(
        self, *, run_id: str, task_id: str, spawning_task_id: str | None, **future_kwargs: Any
    ) -> None:
        """Tell that a task is submitted."""
        _place.set(_Place(run_id, task_id))
        what = "Spawning task" if spawning_task_id else "Initializing new task"
        self.logger.debug("%s and submitting to executor", what)

    def run_before_task_execution(
        self, *, task_id: str, run_id: str, nodes: Sequence[Any], **future_kwargs: Any
    ) -> None:
        """Tell that a task begins."""
        _place.set(_Place(run_id, task_id))
        if task_id in self._given:
            return
        names = [node.name for node in nodes]
        if names == [task_id]:
            self.logger.debug("Starting execution")
        else:
            self.logger.debug("Starting execution of nodes %s", _listed(names))

    def run_before_node_execution(
        self,
        *,
        node_name: str,
        node_kwargs: dict[str, Any],
        task_id: str | None,
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Tell that a node begins."""
        _place.set(_Place(run_id, task_id, node_name))
        self.logger.debug("Starting execution %s", _dependencies(node_kwargs))

    def run_after_node_execution(
        self,
        *,
        node_name: str,
        error: BaseException | None,
        success: bool,
        task_id: str | None,
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Tell how a node ended."""
        _place.set(_Place(run_id, task_id))
        extra = {"override_context": _Place(run_id, task_id, node_name), "node_context": True}
        if success:
            level = logging.DEBUG if task_id else logging.INFO
            self.logger.log(level, "Finished execution [OK]", extra=extra)
        else:
            self.logger.error("Encountered error", extra=extra, exc_info=error)
            self._error_is_told = True

    def run_after_task_execution(
        self, *, task_id: str, run_id: str, success: bool, **future_kwargs: Any
    ) -> None:
        """Tell how a task ended."""
        _place.set(_Place(run_id))
        if task_id in self._given:
            return
        extra = {"override_context": _Place(run_id, task_id)}
        if success:
            self.logger.debug("Finished execution [OK]", extra=extra)
        else:
            self.logger.error("Execution failed due to errors", extra=extra)

    def run_after_task_return(
        self, *, run_id: str, task_id: str, success: bool, error: BaseException | None, **future_kwargs: Any
    ) -> None:
        """Tell how a task came back."""
        _place.set(_Place(run_id))
        extra = {"override_context": _Place(run_id, task_id)}
        if success:
            level = logging.DEBUG if task_id in self._given else logging.INFO
            self.logger.log(level, "Task completed [OK]", extra=extra)
        elif not self._error_is_told:  # what failed in another process has told it there
            self.logger.error("Task completion failed due to errors", extra=extra, exc_info=error)
            self._error_is_told = True

    def run_after_graph_execution(self, *, success: bool, run_id: str, **future_kwargs: Any) -> None:
        """Tell how an execution ended."""
        _place.set(_Place())
        extra = {"override_context": _Place(run_id)}
        if success:
            self.logger.info("Finished graph execution [OK]", extra=extra)
        else:
            self.logger.error("Graph execution failed due to errors", extra=extra)


class AsyncLoggingAdapter(GraphExecutionHook, BasePreNodeExecute, BasePostNodeExecuteAsync):
    """Tells executions in an event loop to a log.

    Args:
        logger: A logger, or its name; by default that of this module.
    """

    def __init__(self, logger: str | logging.Logger | None = None) -> None:
        """Take the logger."""
        self._plain = LoggingAdapter(logger)

    def run_before_graph_execution(self, **facts: Any) -> None:
        """Tell that an execution begins, and what it is given."""
        self._plain.run_before_graph_execution(**facts)

    def pre_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> None:
        """Tell that a node begins."""
        _place.set(_Place(run_id, None, node_.name))
        self._plain.logger.debug("Submitting async node %s", _dependencies(kwargs))

    async def post_node_execute(
        self,
        *,
        run_id: str,
        node_: NodeView,
        kwargs: dict[str, Any],
        success: bool,
        error: BaseException | None,
        result: Any,
        task_id: str | None = None,
    ) -> None:
        """Tell how a node ended."""
        self._plain.run_after_node_execution(
            node_name=node_.name, error=error, success=success, task_id=task_id, run_id=run_id
        )

    def run_after_graph_execution(self, **facts: Any) -> None:
        """Tell how an execution ended."""
        self._plain.run_after_graph_execution(**facts)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _dependencies(kwargs: dict[str, Any]) -> str:
    return f"with dependencies {_listed(kwargs)}" if kwargs else "without dependencies"
