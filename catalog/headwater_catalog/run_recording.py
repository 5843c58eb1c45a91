"""What a runner writes down of its run while it goes on: nodes, checks, failures, in JSON."""

from __future__ import annotations

import json
import math
import numbers
import os
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from headwater.errors import HeadwaterError, NodeFailed
from headwater_catalog.loaded_packages import environment
from headwater_catalog.node_profiles import NodeProfiles
from headwater_catalog.refusals import NetworkAttempts, hint

__all__ = ["PROGRESS", "RESULT", "Recorder", "write_whole"]

RESULT: Final = "result.json"
PROGRESS: Final = "progress.json"
_PROGRESS_SECONDS: Final = 0.2


@dataclass(slots=True)
class Recorder:
    """What happened so far; it becomes `result.json`, whether the run ends well or not."""

    folder: Path
    tree: str
    cluster: str | None = None
    total: int = 0
    nodes: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    sources: dict[str, int | None] = field(default_factory=dict)
    preview: dict[str, Any] | None = None
    table: dict[str, Any] | None = None
    failure: dict[str, Any] | None = None
    taken: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    profiles: NodeProfiles | None = None
    told: float = 0.0
    first: float = 0.0
    attempts: NetworkAttempts | None = None

    def computed(self, node: Any) -> None:
        """Note a node that was computed, and tell how far the run is."""
        self.first = self.first or node.began
        begun = max(0.0, node.began - self.first)
        told = {"name": node.name, "seconds": node.seconds, "begun": begun, "summary": node.summary}
        self.nodes.append(told)
        now = time.monotonic()
        if now - self.told >= _PROGRESS_SECONDS:
            self.told = now
            progress = {
                "done": len(self.nodes),
                "total": self.total,
                "node": node.name,
                "rows": sum(rows or 0 for rows in self.sources.values()),
            }
            write_whole(self.folder / PROGRESS, progress)

    def checked(self, outcomes: Iterable[Any]) -> None:
        """Note the outcomes of checks."""
        for outcome in outcomes:
            self.checks.append(
                {
                    "node": outcome.node,
                    "validator": outcome.validator,
                    "importance": str(outcome.importance.value),
                    "passed": bool(outcome.passed),
                    "message": self.readable(outcome.message),
                    "diagnostics": outcome.diagnostics,
                }
            )

    def failed(self, error: BaseException) -> None:
        """Note why the run came to nothing, with the lines of feature code that led there."""
        cause = error.__cause__ if isinstance(error, NodeFailed) and error.__cause__ else error
        where = f"It was to be computed on the cluster '{self.cluster}'." if self.cluster else ""
        told = filter(None, (_sentence(error), hint(cause, self.attempts), where))
        self.failure = {
            "node": error.node if isinstance(error, NodeFailed) else None,
            "error": type(cause).__name__,
            "message": self.readable("\n".join(told)),
            "frames": self._frames(cause.__traceback__),
        }

    def readable(self, text: str) -> str:
        """Return a message with paths as they are in the repository."""
        return text.replace(self.tree + os.sep, "")

    def result(self) -> dict[str, Any]:
        """Return the content of `result.json`."""
        return {
            "nodes": self.nodes,
            "checks": self.checks,
            "sources": self.sources,
            "taken": self.taken,
            "written": self.written,
            "preview": self.preview,
            "profiles": self.profiles.found if self.profiles is not None else {},
            "table": self.table,
            "failure": self.failure,
            "environment": environment(),
        }

    def _frames(self, trace: TracebackType | None) -> list[dict[str, Any]]:
        inside = self.tree + os.sep
        return [
            {
                "path": frame.filename.removeprefix(inside),
                "line": frame.lineno,
                "function": frame.name,
                "code": frame.line or "",
            }
            for frame in traceback.extract_tb(trace)
            if frame.filename.startswith(inside)
        ]


def _sentence(error: BaseException) -> str:
    if isinstance(error, HeadwaterError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"Feature code called sys.exit({error.code!r}). A feature function returns a value instead."
    return f"{type(error).__name__}: {error}"


def write_whole(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to a file that is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(_plain(content)), "utf-8")
    partial.replace(path)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; numbers that JSON lacks, and objects, become text."""
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, numbers.Integral):  # numpy's integers are none of Python's
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)
