"""What the page of a run draws: when its nodes were computed, and how the values of columns are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater_catalog.store.models import RunNode

__all__ = ["Bar", "ColumnBars", "NodeColumn", "Step", "column_bars", "figure", "node_columns", "waterfall"]


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a run, and where its bar is: beginning and width in percent of the whole time."""

    node: RunNode
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram in percent of its drawing, and how many values it stands for."""

    x: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class ColumnBars:
    """A column of a table with its statistics, and the bars of its histogram."""

    column: Mapping[str, Any]
    bars: tuple[Bar, ...]
    label: str


@dataclass(frozen=True, slots=True)
class NodeColumn:
    """A column that a node made, or why nothing is told of what it made.

    Attributes:
        node: The node.
        is_first: Whether it is the first column of the node.
        profile: What is known of it.
        bars: The column; None where there is none.
    """

    node: RunNode
    is_first: bool
    profile: Mapping[str, Any]
    bars: ColumnBars | None


def node_columns(nodes: Sequence[RunNode], profiles: Sequence[Mapping[str, Any] | None]) -> list[NodeColumn]:
    """Return the columns of the nodes of which profiles were made, in the order of the nodes."""
    found: list[NodeColumn] = []
    for node, profile in zip(nodes, profiles, strict=True):
        if profile is None:
            continue
        bars: list[ColumnBars | None] = [*map(column_bars, profile["columns"])] or [None]
        found += (NodeColumn(node, place == 0, profile, each) for place, each in enumerate(bars))
    return found


def waterfall(nodes: Sequence[RunNode]) -> list[Step]:
    """Return where the bars of nodes are; one after the other where their beginnings are not known."""
    begun, clock = [], 0
    for node in nodes:
        begun.append(clock if node.begun is None else node.begun)
        clock += node.microseconds
    end = max((at + node.microseconds for at, node in zip(begun, nodes, strict=True)), default=0) or 1
    steps = [
        Step(node, 100 * at / end, max(0.4, 100 * node.microseconds / end))
        for at, node in zip(begun, nodes, strict=True)
    ]
    return sorted(steps, key=lambda step: step.x)


def column_bars(column: Mapping[str, Any]) -> ColumnBars:
    """Return the histogram of a column as bars; none where it has none."""
    histogram = (column.get("stats") or {}).get("histogram")
    if not histogram:
        return ColumnBars(column, (), "")
    counts, edges = histogram["counts"], histogram["edges"]
    highest, each = max(counts) or 1, 100 / len(counts)
    bars = tuple(
        Bar(place * each, each * 0.9, 100 * count / highest, f"{figure(low)} to {figure(high)}: {count:,}")
        for place, (count, low, high) in enumerate(zip(counts, edges, edges[1:], strict=False))
    )
    what = "lengths" if column["stats"]["kind"] == "text" else "values"
    return ColumnBars(column, bars, f"Histogram of {what} from {figure(edges[0])} to {figure(edges[-1])}")


def figure(value: Any) -> str:
    """Write a figure of a column in few characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).removesuffix("T00:00:00")
