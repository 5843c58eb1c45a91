"""Features computed in threads, each as soon as the values it reads are there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from headwater.lifecycle.api import ResultBuilder
from headwater.lifecycle.base import BaseDoRemoteExecute
from headwater.lifecycle.views import NodeView

__all__ = ["FutureAdapter"]


class FutureAdapter(BaseDoRemoteExecute, ResultBuilder):
    """Computes each feature in a thread: for features that wait, for a service or a file.

    Args:
        max_workers: How many threads.
        thread_name_prefix: What the names of the threads begin with.
        result_builder: Builds the result; by default the values come back by name.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        result_builder: ResultBuilder | None = None,
    ) -> None:
        """Start the threads as they are needed."""
        self.executor = ThreadPoolExecutor(max_workers, thread_name_prefix)
        self.result_builder = result_builder

    def do_remote_execute(
        self, *, node: NodeView, execute_lifecycle_for_node: Callable[..., Any], **kwargs: Any
    ) -> Any:
        """Return the future of a node's value."""
        # Nodes are submitted after those they read, so the oldest in the queue never waits for a younger one.
        return self.executor.submit(_with_values, execute_lifecycle_for_node, kwargs)

    def build_result(self, **outputs: Any) -> Any:
        """Wait for the outputs, and return what the result builder makes of them."""
        values = {name: _value(output) for name, output in outputs.items()}
        return values if self.result_builder is None else self.result_builder.build_result(**values)

    def output_type(self) -> Any:
        """Return the type of the result."""
        return Any if self.result_builder is None else self.result_builder.output_type()


def _with_values(compute: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
    return compute(**{name: _value(found) for name, found in kwargs.items()})


def _value(found: Any) -> Any:
    while isinstance(found, Future):
        found = found.result()
    return found
