"""What the page of two runs draws of their values: how both are spread, over one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from headwater_web.run_figures import Bar, figure

__all__ = ["ColumnValues", "FrequentValue", "Overlay", "column_values"]

_SIDES: Final = ("then", "now")
_FIGURES: Final = (
    *(("missing", "nulls"), ("different", "distinct"), ("least", "min")),
    *(("mean", "mean"), ("most", "max")),
)


@dataclass(frozen=True, slots=True)
class Overlay:
    """Two histograms over the same edges: bars for the first, a stepped line for the second.

    Attributes:
        bars: The bars of the first, in percent of the drawing.
        line: The points of the line of the second, for a drawing of 100 by 100.
        label: What it shows, for those who do not see it.
        rows: The edges of each bin as a text, with both counts.
    """

    bars: tuple[Bar, ...]
    line: str
    label: str
    rows: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class FrequentValue:
    """A value that is frequent, with how often it is there and how wide its bars are, in percent."""

    value: str
    counts: tuple[int, int]
    widths: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """What a page shows of a column of two tables.

    Attributes:
        name: Its name.
        is_masked: Whether it is hidden.
        only_in: "before" or "after" where one table lacks it.
        equal: In how many of the rows that both have the cells are the same.
        within: In how many they differ by no more than the tolerance.
        beyond: In how many they differ by more.
        difference: What `compare_tables` tells of it; None where nothing differs.
        figures: Statistics by name, of each side.
        overlay: Both histograms; None where it has none.
        frequent: The most frequent values.
    """

    name: str
    is_masked: bool = False
    only_in: str = ""
    equal: int = 0
    within: int = 0
    beyond: int = 0
    difference: Mapping[str, Any] | None = None
    figures: tuple[tuple[str, Any, Any], ...] = ()
    overlay: Overlay | None = None
    frequent: tuple[FrequentValue, ...] = ()


def column_values(details: Mapping[str, Any]) -> list[ColumnValues]:
    """Return the columns of two tables that were compared, those that differ most first."""
    if "rows" not in details:
        return []
    return sorted(_columns(details), key=lambda column: (-column.beyond, -column.within, not column.only_in))


def _columns(details: Mapping[str, Any]) -> Iterator[ColumnValues]:
    differing = {column["name"]: column for column in details["columns"]}
    spread = {column["name"]: column for column in details["distributions"]}
    only = {**dict.fromkeys(details["removed"], "before"), **dict.fromkeys(details["added"], "after")}
    for name in (*details["compared"], *only):
        told, found = differing.get(name), spread.get(name)
        if any(each is not None and each.get("masked") for each in (told, found)):
            yield ColumnValues(name, is_masked=True, only_in=only.get(name, ""))
            continue
        unequal, beyond = (told["unequal"], told["beyond_tolerance"]) if told else (0, 0)
        yield ColumnValues(
            name,
            only_in=only.get(name, ""),
            equal=details["both"] - unequal,
            within=unequal - beyond,
            beyond=beyond,
            difference=told,
            figures=tuple(_figures(found)) if found else (),
            overlay=_overlay(found["histogram"]) if found else None,
            frequent=tuple(_frequent(found["frequent"])) if found else (),
        )


def _figures(found: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    sides = [found[side] or {} for side in _SIDES]
    is_text = "text" in {side.get("kind") for side in sides}
    for name, key in _FIGURES:
        pair = [side.get(key) for side in sides]
        if pair != [None, None]:
            lengths = " length" if is_text and key in ("min", "mean", "max") else ""
            yield f"{name}{lengths}", pair[0], pair[1]


def _overlay(histogram: Mapping[str, Any] | None) -> Overlay | None:
    if histogram is None or len(histogram["counts"]) != 2:
        return None
    edges, (first, second) = histogram["edges"], histogram["counts"]
    highest, width = max(*first, *second) or 1, 100 / len(first)
    bins = [f"{figure(low)} to {figure(high)}" for low, high in pairwise(edges)]
    bars = tuple(
        Bar(place * width, width * 0.92, 100 * count / highest, f"{told}: {count:,} before, {after:,} after")
        for place, (count, after, told) in enumerate(zip(first, second, bins, strict=True))
    )
    label = f"Histograms from {figure(edges[0])} to {figure(edges[-1])}, before and after"
    return Overlay(bars, _line(second, highest), label, tuple(zip(bins, first, second, strict=True)))


def _line(counts: Sequence[int], highest: int) -> str:
    width = 100 / len(counts)
    points = [(0.0, 100.0)]
    for place, count in enumerate(counts):
        height = 100 - 100 * count / highest
        points += [(place * width, height), ((place + 1) * width, height)]
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in (*points, (100.0, 100.0)))


def _frequent(values: Sequence[Mapping[str, Any]]) -> Iterator[FrequentValue]:
    highest = max((value[side] for value in values for side in _SIDES), default=0) or 1
    for value in values:
        counts = value["then"], value["now"]
        widths = 100 * counts[0] / highest, 100 * counts[1] / highest
        yield FrequentValue(value["value"], counts, widths)
