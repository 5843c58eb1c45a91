"""Read what a runner wrote about a run, trusting nothing of it: feature code could have written it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headwater_catalog.errors import JobError

__all__ = ["CheckReport", "NodeReport", "Report", "TableReport", "read_progress", "read_report", "storable"]

_REPORT_BYTES: Final = 64 * 1024 * 1024
_PROGRESS_BYTES: Final = 64 * 1024
_MOST_SECONDS: Final = 10**9
_MOST_ROWS: Final = 2**31 - 1  # what the store's column holds


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A node that was computed."""

    name: str
    microseconds: int
    summary: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of a check."""

    node: str
    validator: str
    importance: str
    passed: bool
    message: str
    diagnostics: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TableReport:
    """What the saved table holds."""

    rows: int
    columns: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Report:
    """How a run went, as its runner tells.

    Attributes:
        nodes: The nodes in the order of computation.
        checks: The outcomes of checks.
        sources: Rows that each source gave, of those that were used.
        preview: First rows and values as text; None where the run failed.
        table: What the saved table holds; None where none was saved.
        failure: What went wrong: `node`, `error`, `message`, `frames`; None where nothing did.
        environment: Versions of Python and of packages.
    """

    nodes: tuple[NodeReport, ...]
    checks: tuple[CheckReport, ...]
    sources: dict[str, int]
    preview: dict[str, Any] | None
    table: TableReport | None
    failure: dict[str, Any] | None
    environment: dict[str, Any]


def read_report(path: Path) -> Report | None:
    """Return the report in a file; None where there is no such file.

    Raises:
        JobError: What is there is no report.
    """
    try:
        content = _read_json(path, _REPORT_BYTES)
        return None if content is None else _report(content)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise JobError(
            f"The result of the run cannot be read ({type(error).__name__}: {error}). "
            "Feature code may have written over it."
        ) from error


def read_progress(path: Path) -> dict[str, Any] | None:
    """Return how far a runner says it is; None where it says nothing that can be read."""
    try:
        content = _read_json(path, _PROGRESS_BYTES)
        if content is None:
            return None
        return {
            "done": int(content["done"]), "total": int(content["total"]), "node": _text(content["node"])
        }  # fmt: skip
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def storable(value: Any) -> Any:
    """Return JSON as both databases can hold it: without NUL characters and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


def _read_json(path: Path, most: int) -> Any:
    if path.is_symlink() or not path.is_file():  # no pipe that never ends, no file of ours
        return None
    with path.open("rb") as stream:
        text = stream.read(most + 1)
    if len(text) > most:
        raise ValueError(f"it is larger than {most // 1024:,} kB")
    return storable(json.loads(text, parse_constant=str))


def _report(content: Mapping[str, Any]) -> Report:
    table = content["table"]
    return Report(
        nodes=tuple(_node(item) for item in content["nodes"]),
        checks=tuple(_check(item) for item in content["checks"]),
        sources={_text(name): _rows(rows) for name, rows in content["sources"].items()},
        preview=_mapping_or_none(content["preview"]),
        table=table and TableReport(_rows(table["rows"]), [_column(item) for item in table["columns"]]),
        failure=_failure(content["failure"]),
        environment=_mapping(content["environment"]),
    )


def _node(item: Mapping[str, Any]) -> NodeReport:
    seconds = min(max(float(item["seconds"]), 0.0), _MOST_SECONDS)
    return NodeReport(_text(item["name"]), round(seconds * 1_000_000), _text(item["summary"]))


def _check(item: Mapping[str, Any]) -> CheckReport:
    return CheckReport(
        node=_text(item["node"]),
        validator=_text(item["validator"]),
        importance="fail" if item["importance"] == "fail" else "warn",
        passed=item["passed"] is True,
        message=_text(item["message"]),
        diagnostics=_mapping(item["diagnostics"]),
    )


def _failure(item: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {
        "node": None if item["node"] is None else _text(item["node"]),
        "error": _text(item["error"]),
        "message": _text(item["message"]),
        "frames": [_frame(frame) for frame in item["frames"]],
    }


def _frame(item: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: _text(item[key]) for key in ("path", "function", "code")}
    return {**texts, "line": int(item["line"] or 0)}


def _column(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": _text(item["name"]), "type": _text(item["type"])}


def _rows(value: Any) -> int:
    return min(max(int(value), 0), _MOST_ROWS)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.40} is no object")
    return value


def _mapping_or_none(value: Any) -> dict[str, Any] | None:
    return None if value is None else _mapping(value)
