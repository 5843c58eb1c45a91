"""Read what a runner wrote about a run, trusting nothing of it: feature code could have written it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from headwater_catalog.bounded_json import TooMuch, require_few
from headwater_catalog.errors import JobError
from headwater_catalog.handover import open_file

__all__ = [
    "CheckReport",
    "NodeReport",
    "Report",
    "TableReport",
    "read_answer",
    "read_progress",
    "read_report",
    "storable",
]

_REPORT_BYTES: Final = 32 * 1024 * 1024
_ITEMS: Final = 3_000_000  # of all objects and lists together, such as the cells of a preview
_MOST_NODES: Final = 100_000  # and checks of them, inputs, columns, packages
_FRAMES: Final = 200  # of an error, those next to it
_PROGRESS_BYTES: Final = 64 * 1024
_MOST_SECONDS: Final = 10**9
_MESSAGE: Final = 10_000  # characters of an error, which the page of a run shows as a whole
_LEVELS: Final = 20  # of objects and lists within one another
_BINS: Final = 100
_FIGURE: Final = 100  # characters of one
_PROFILED: Final = 2_000  # columns in all profiles of a run
_LARGEST: Final = 2**53 - 1  # what every reader of JSON takes for a whole number
_MOST: Final = 2**31 - 1  # what the store's columns hold


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A node that was computed."""

    name: str
    microseconds: int
    summary: str
    begun: int = 0


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
    """Where the columns of the saved table came from.

    Attributes:
        index: Names of those that were the index.
        origins: The output that each of the others came with, by its name.
    """

    index: tuple[str, ...]
    origins: dict[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """How a run went, as its runner tells.

    Attributes:
        nodes: The nodes in the order of computation.
        checks: The outcomes of checks.
        sources: Rows that each source gave, of those that were used; None for one that was not read again,
            since values that were made of it stood in place.
        taken: The keys of the values of earlier runs that stood in place of nodes, by node.
        written: The node of each value that was kept for later runs, by its key.
        preview: First rows and values as text; None where the run failed.
        profiles: Statistics of what nodes made, by node: `reason` (why there are none, or None), `rows`,
            `bytes`, `sample`, `columns` and `columns_left_out`; empty where nobody asked.
        table: Where the columns of the saved table came from; None where none was saved.
        failure: What went wrong: `node`, `error`, `message`, `frames`; None where nothing did.
        environment: Versions of Python and of packages.
    """

    nodes: tuple[NodeReport, ...]
    checks: tuple[CheckReport, ...]
    sources: dict[str, int | None]
    taken: dict[str, str]
    written: dict[str, str]
    preview: dict[str, Any] | None
    profiles: dict[str, dict[str, Any]]
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
        # What other errors say may be feature code's own words, and this is told to everybody.
        why = str(error) if isinstance(error, TooMuch) else type(error).__name__
        raise JobError(
            f"The result of the run cannot be read ({why}). Feature code may have written over it."
        ) from error


def read_answer(path: Path) -> dict[str, Any] | None:
    """Return the object in a file of JSON; None where there is none that can be read."""
    try:
        content = _read_json(path, _REPORT_BYTES)
        return None if content is None else _shallow(_mapping(content))
    except (ValueError, TypeError, RecursionError):
        return None


def read_progress(path: Path) -> dict[str, Any] | None:
    """Return how far a runner says it is; None where it says nothing that can be read."""
    try:
        content = _read_json(path, _PROGRESS_BYTES)
        if content is None:
            return None
        done, total = _count(content["done"]), _count(content["total"])
        return {
            "done": done,
            "total": total,
            "node": _text(content["node"]),
            "rows": _count(content.get("rows", 0)),
        }
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
    try:
        # Feature code may still be at work, and puts a link to a file of ours or an endless pipe in place.
        with open_file(path) as stream:
            text = stream.read(most + 1)
    except OSError:
        return None
    if len(text) > most:
        raise TooMuch(f"it is larger than {most // 1024:,} kB")
    require_few(text, _ITEMS)
    return storable(json.loads(text, parse_constant=str, parse_float=_finite))


def _finite(text: str) -> float | str:
    """Read a number; one too large for a float stays text, since JSON has no infinity to store it as."""
    number = float(text)
    return number if math.isfinite(number) else text


def _report(content: Mapping[str, Any]) -> Report:
    return Report(
        nodes=tuple(_node(item) for item in _few(content["nodes"], "nodes")),
        checks=tuple(_check(item) for item in _few(content["checks"], "checks")),
        sources={
            _text(name): None if rows is None else _count(rows)
            for name, rows in _few(content["sources"], "sources").items()
        },
        taken={_text(name): _text(key) for name, key in _few(content["taken"], "values").items()},
        written={
            _text(key): _text(name) for key, name in _few(content.get("written") or {}, "values").items()
        },
        preview=_preview(content["preview"]),
        profiles=_profiles(content.get("profiles") or {}),
        table=_table(content["table"]),
        failure=_failure(content["failure"]),
        environment=_environment(content["environment"]),
    )


def _node(item: Mapping[str, Any]) -> NodeReport:
    took, begun = _microseconds(item["seconds"]), _microseconds(item.get("begun", 0))
    return NodeReport(_text(item["name"]), took, _text(item["summary"]), begun)


def _microseconds(seconds: Any) -> int:
    return round(min(max(float(seconds), 0.0), _MOST_SECONDS) * 1_000_000)


def _check(item: Mapping[str, Any]) -> CheckReport:
    return CheckReport(
        node=_text(item["node"]),
        validator=_text(item["validator"]),
        importance="fail" if item["importance"] == "fail" else "warn",
        passed=item["passed"] is True,
        message=_text(item["message"]),
        diagnostics=_shallow(_mapping(item["diagnostics"])),
    )


def _failure(item: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {
        "node": _text_or_none(item["node"]),
        "error": _text(item["error"]),
        "message": _shortened(_text(item["message"])),
        "frames": [_frame(frame) for frame in item["frames"][-_FRAMES:]],
    }


def _frame(item: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: _text(item[key]) for key in ("path", "function", "code")}
    return {**texts, "line": _count(item["line"] or 0)}


def _preview(item: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if item is None:
        return None
    values = [{key: _text(value[key]) for key in ("name", "type", "text")} for value in item["values"]]
    return {"table": _preview_table(item["table"]), "values": values}


def _preview_table(item: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if item is None:
        return None
    columns = [_preview_column(column) for column in _few(item["columns"], "columns")]
    sample = item.get("sample")
    return {
        "sample": None if sample is None else _count(sample),
        "columns": columns,
        "rows": [_row(cells, len(columns)) for cells in item["rows"]],
        "row_count": _count(item["row_count"]),
    }


def _preview_column(item: Mapping[str, Any]) -> dict[str, Any]:
    found = {"index": item["index"] is True, "output": _text_or_none(item.get("output"))}
    return {**_column(item), **found, "stats": _stats(item.get("stats"))}


def _stats(item: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the statistics of a column; `nulls` and so on are None where they are not known."""
    if item is None:
        return None
    histogram = item["histogram"]
    return {
        "kind": _text(item["kind"]),
        **{key: None if item[key] is None else _count(item[key]) for key in ("nulls", "distinct")},
        **{key: _figure(item[key]) for key in ("min", "max", "mean")},
        "quantiles": {_text(level): _figure(value) for level, value in item["quantiles"].items()},
        "histogram": None if histogram is None else _histogram(histogram),
    }


def _histogram(item: Mapping[str, Any]) -> dict[str, Any]:
    edges, counts = item["edges"], item["counts"]
    if not 0 < len(counts) <= _BINS or len(edges) != len(counts) + 1:
        raise ValueError("a histogram has the wrong number of bins")
    return {"edges": [_figure(edge) for edge in edges], "counts": [_count(count) for count in counts]}


def _figure(value: Any) -> float | str | None:
    """Return a figure: a number, a short text such as an instant, or None."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return str(value)[:_FIGURE]


def _profiles(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {_text(name): _profile(item) for name, item in content.items()}
    if sum(len(item["columns"]) for item in found.values()) > _PROFILED:
        raise ValueError(f"more than {_PROFILED:,} columns are profiled")
    return found


def _profile(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reason": None if item["reason"] is None else _shortened(_text(item["reason"])),
        **{key: _size(item[key]) for key in ("rows", "bytes", "sample")},
        "columns": [
            {**_column(column), "bytes": _size(column["bytes"]), "stats": _stats(column["stats"])}
            for column in item["columns"]
        ],
        "columns_left_out": _count(item["columns_left_out"]),
    }


def _size(value: Any) -> int | None:
    return None if value is None else min(max(int(value), 0), _LARGEST)


def _row(cells: Sequence[Any], width: int) -> list[str | None]:
    if len(cells) != width:
        raise ValueError(f"a row has {len(cells)} cells for {width} columns")
    return [_text_or_none(cell) for cell in cells]


def _table(item: Mapping[str, Any] | None) -> TableReport | None:
    if item is None:
        return None
    origins = {_text(column): _text(output) for column, output in _few(item["origins"], "columns").items()}
    return TableReport(tuple(_text(name) for name in item["index"]), origins)


def _column(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": _text(item["name"]), "type": _text(item["type"])}


def _environment(item: Mapping[str, Any]) -> dict[str, Any]:
    packages = {_text(name): _text(version) for name, version in item["packages"].items()}
    return {"python": _text(item["python"]), "platform": _text(item["platform"]), "packages": packages}


_Many = TypeVar("_Many", bound=Sequence[Any] | Mapping[str, Any])


def _few(items: _Many, what: str) -> _Many:
    if len(items) > _MOST_NODES:
        raise TooMuch(f"it tells of more than {_MOST_NODES:,} {what}")
    return items


def _shortened(text: str) -> str:
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE - 1]}…"


def _count(value: Any) -> int:
    return min(max(int(value), 0), _MOST)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _shallow(value: Any, levels: int = _LEVELS) -> Any:
    """Return a value that is not nested too deeply; what was written here must be read back elsewhere."""
    if levels == 0:
        raise ValueError("it is nested too deeply")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _shallow(item, levels - 1)
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.40} is no object")
    return value
