"""Lifecycle adapters that collect what a run does and report it when it has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from headwater.reporting.collecting import check_of, described, environment, input_of
from headwater.reporting.sending import NotReported, Sender
from headwater.reporting.working_tree import working_tree

__all__ = ["catalog_reporter", "hamilton_reporter"]

logger = logging.getLogger("headwater.reporting")

_MOST_NODES: Final = 20_000


class _Reporter:
    """The hooks, for whichever framework calls them.

    Attributes:
        answer: What the catalog said of the last run that was reported; None before, and where it failed.
    """

    def __init__(
        self,
        sender: Sender,
        repository: str,
        framework: str,
        dataflow: str,
        folder: Path,
        config: Mapping[str, Any],
    ) -> None:
        self.answer: dict[str, Any] | None = None
        self._sender = sender
        self._told = {"repository": repository, "dataflow": dataflow}
        self._framework = framework
        self._folder = folder
        self._config = {name: _setting(value) for name, value in config.items()}
        self._report: dict[str, Any] = {}
        self._begun: dict[tuple[str | None, str], float] = {}
        self._failed: tuple[str, BaseException] | None = None

    def run_before_graph_execution(
        self,
        *,
        graph: Any,
        final_vars: list[str],
        inputs: dict[str, Any] | None,
        overrides: dict[str, Any] | None,
        **_more: Any,
    ) -> None:
        """Begin a report."""
        self._begun, self._failed = {}, None
        given = {
            **(inputs or {}),
            **{f"{name} (override)": value for name, value in (overrides or {}).items()},
        }
        self._report = {
            **self._told,
            "outputs": [str(name) for name in final_vars],
            "config": self._config,
            "inputs": {name: input_of(value) for name, value in given.items()},
            "nodes": [],
            "checks": [],
            "graph": _graph(graph),
            "environment": environment(),
            "origin": {"framework": self._framework, **working_tree(self._folder)},
            "started_at": int(time.time()),
        }

    def run_before_node_execution(self, *, node_name: str, task_id: str | None = None, **_more: Any) -> None:
        """Note when a node begins."""
        self._begun[task_id, node_name] = time.perf_counter()

    def run_after_node_execution(
        self,
        *,
        node_name: str,
        node_tags: dict[str, Any],
        result: Any,
        error: BaseException | None,
        task_id: str | None = None,
        **_more: Any,
    ) -> None:
        """Note how long a node took, and what came out."""
        begun = self._begun.pop((task_id, node_name), None)
        if error is not None:
            self._failed = self._failed or (node_name, error)
            return
        if begun is None or len(self._report["nodes"]) >= _MOST_NODES:
            return
        seconds = time.perf_counter() - begun
        node = {"name": node_name, "seconds": round(seconds, 6), "summary": described(result)}
        self._report["nodes"].append(node)
        check = check_of(node_name, node_tags, result)
        if check is not None:
            self._report["checks"].append(check)

    def run_after_graph_execution(self, *, success: bool, error: BaseException | None, **_more: Any) -> None:
        """Send the report; a run never fails because of it."""
        node, cause = self._failed or (None, error)
        origin = self._report["origin"]
        report = {
            **self._report,
            "commit": origin.pop("commit", ""),
            "succeeded": success,
            "failure": None
            if success
            else {"node": node, "error": type(cause).__name__, "message": str(cause)[:4000]},
            "finished_at": int(time.time()),
        }
        self.answer = None
        try:
            self.answer = self._sender.send(report)
        except NotReported as missed:
            logger.warning("%s", missed)
        except Exception:
            logger.warning("The run could not be reported.", exc_info=True)


def _setting(value: Any) -> Any:
    return input_of(value).get("value", described(value))


def _graph(graph: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": node.name,
            "needs": sorted({*node.required_dependencies, *node.optional_dependencies}),
            "is_input": bool(node.is_external_input),
        }
        for node in list(graph.nodes)[:_MOST_NODES]
    ]


def catalog_reporter(
    url: str,
    repository: str,
    *,
    token: str | None = None,
    dataflow: str = "",
    folder: str | Path = ".",
    config: Mapping[str, Any] | None = None,
) -> Any:
    """Return an adapter for `headwater.Driver` that reports each of its runs to a catalog.

    Args:
        url: Where the catalog is served.
        repository: The name that the repository of the code has there.
        token: A token of an account that may execute features of it; None where there are no accounts.
        dataflow: The name of the dataflow, where it has one.
        folder: A folder of the checkout that the code is in.
        config: The configuration of the driver, which adapters are not told.

    Raises:
        InvalidInput: The address cannot be used.
    """
    from headwater.lifecycle import GraphExecutionHook, NodeExecutionHook

    return _adapter((NodeExecutionHook, GraphExecutionHook))(
        Sender(url, token), repository, "headwater", dataflow, Path(folder), config or {}
    )


def hamilton_reporter(
    url: str,
    repository: str,
    *,
    token: str | None = None,
    dataflow: str = "",
    folder: str | Path = ".",
    config: Mapping[str, Any] | None = None,
) -> Any:
    """Return an adapter for the driver of the real Hamilton, with the arguments of `catalog_reporter`."""
    from hamilton.lifecycle import (  # type: ignore[import-not-found,unused-ignore]
        GraphExecutionHook,
        NodeExecutionHook,
    )

    return _adapter((NodeExecutionHook, GraphExecutionHook))(
        Sender(url, token), repository, "hamilton", dataflow, Path(folder), config or {}
    )


def _adapter(hooks: tuple[type, ...]) -> Any:
    """Return the adapter as a class of the framework that calls it."""
    return type("CatalogReporter", (_Reporter, *hooks), {"__doc__": _Reporter.__doc__})
