"""A progress bar of tqdm."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from headwater.lifecycle.api import GraphExecutionHook, NodeExecutionHook
from headwater.materialize.packages import needed

__all__ = ["ProgressBar"]


class ProgressBar(GraphExecutionHook, NodeExecutionHook):
    """Shows how many features of an execution are computed, and which one is.

    Args:
        desc: What stands before the bar.
        max_node_name_width: How much room the names get.
        **kwargs: More arguments of `tqdm.tqdm`.

    Raises:
        MissingExtra: tqdm is not installed.
    """

    def __init__(self, desc: str = "Graph execution", max_node_name_width: int = 50, **kwargs: Any) -> None:
        """Look for tqdm."""
        self._tqdm = needed("tqdm", "A progress bar").tqdm
        self.desc = desc
        self.kwargs = kwargs
        self.max_node_name_width = max_node_name_width
        self.progress_bar: Any = None
        self._width = 0

    def run_before_graph_execution(self, *, execution_path: Collection[str], **future_kwargs: Any) -> None:
        """Show the bar."""
        longest = max(map(len, execution_path), default=0)
        self._width = min(longest, self.max_node_name_width)
        self.progress_bar = self._tqdm(desc=self.desc, unit="funcs", total=len(execution_path), **self.kwargs)

    def run_before_node_execution(self, *, node_name: str, **future_kwargs: Any) -> None:
        """Name the node."""
        self._show(node_name)

    def run_after_node_execution(self, **future_kwargs: Any) -> None:
        """Move the bar on."""
        self.progress_bar.update(1)

    def run_after_graph_execution(self, *, success: bool = True, **future_kwargs: Any) -> None:
        """Leave the bar as it ended."""
        self._show("Execution Complete!" if success else "Execution Failed!")
        self.progress_bar.close()

    def _show(self, text: str) -> None:
        shown = text if len(text) <= self._width else f"{text[: max(self._width - 3, 0)]}..."
        self.progress_bar.set_description_str(f"{self.desc} -> {shown:{self._width}}")
