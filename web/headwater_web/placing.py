"""Where the boxes of a drawing stand while it grows: what comes later finds room beside what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater.display.layout import COLUMN_GAP, ROW_GAP, Placement, Point, layered
from headwater_catalog.exploration import Wave

__all__ = ["placed"]

_SIDES = 18.0  # left and right of all, where the outermost boxes have their counts


@dataclass(slots=True)
class _Column:
    """A column of boxes: from where to where it reaches, and the boxes in it as (top, bottom)."""

    left: float
    right: float
    taken: list[Point] = field(default_factory=list)

    def room(self, middle: float, height: float) -> float:
        """Take the free place that is nearest to a height, and return its top."""
        tops = [middle - height / 2]
        for top, bottom in self.taken:
            tops += (top - ROW_GAP - height, bottom + ROW_GAP)
        free = (top for top in tops if not self._is_taken(top - ROW_GAP, top + height + ROW_GAP))
        top = min(free, key=lambda top: (abs(top + height / 2 - middle), top))
        self.taken.append((top, top + height))
        return top

    def _is_taken(self, top: float, bottom: float) -> bool:
        # A place that just touches its neighbours' margins is free, whatever adding up has rounded.
        return any(
            top < other_bottom - 0.01 and other_top < bottom - 0.01 for other_top, other_bottom in self.taken
        )


def placed(waves: Sequence[Wave], edges: Sequence[tuple[str, str]], sizes: Mapping[str, Point]) -> Placement:
    """Place the first wave in layers, and each later one beside the node whose neighbours it brings.

    Nothing that has a place is moved by what comes later but all at once, where the drawing grows to the left
    or upwards.

    Args:
        waves: The nodes, in the order in which they came.
        edges: Pairs (from, to) of keys.
        sizes: Width and height of each node. One that comes later is at most as wide as the column that it
            finds.
    """
    first = frozenset(waves[0].keys)
    start = layered(waves[0].keys, [edge for edge in edges if first.issuperset(edge)], sizes)
    growth = _Growth(start, sizes)
    for wave in waves[1:]:
        growth.add(wave)
    return growth.placement(start)


class _Growth:
    def __init__(self, start: Placement, sizes: Mapping[str, Point]) -> None:
        self.sizes = sizes
        self.positions = dict(start.positions)
        columns: dict[float, _Column] = {}
        for key, (left, top) in start.positions.items():
            column = columns.setdefault(left, _Column(left, start.rights[key]))
            column.taken.append((top, top + sizes[key][1]))
        self.columns = [columns[left] for left in sorted(columns)]
        self.column_of = {key: columns[left] for key, (left, _) in start.positions.items()}

    def add(self, wave: Wave) -> None:
        """Place a wave in the column next to the node that it belongs to."""
        assert wave.origin is not None  # only the first has none
        column = self._next_to(self.column_of[wave.origin.key], wave)
        top = self.positions[wave.origin.key][1]
        middle = top + self.sizes[wave.origin.key][1] / 2
        for key in wave.keys:
            self.positions[key] = (column.left, column.room(middle, self.sizes[key][1]))
            self.column_of[key] = column

    def _next_to(self, column: _Column, wave: Wave) -> _Column:
        assert wave.origin is not None
        at = self.columns.index(column)
        is_up = wave.origin.side == "up"
        if 0 <= (beside := at - 1 if is_up else at + 1) < len(self.columns):
            return self.columns[beside]
        width = max(self.sizes[key][0] for key in wave.keys)
        left = column.left - COLUMN_GAP - width if is_up else column.right + COLUMN_GAP
        new = _Column(left, left + width)
        self.columns.insert(0 if is_up else len(self.columns), new)
        return new

    def placement(self, start: Placement) -> Placement:
        """Return where all is, from the upper left corner of all."""
        across = min(x for x, _ in self.positions.values()) - _SIDES
        down = min(0.0, *(y for _, y in self.positions.values()))
        bottom = max(y + self.sizes[key][1] for key, (_, y) in self.positions.items())
        return Placement(
            positions={key: (x - across, y - down) for key, (x, y) in self.positions.items()},
            bends={
                edge: tuple((left - across, right - across, y - down) for left, right, y in crossings)
                for edge, crossings in start.bends.items()
            },
            rights={key: column.right - across for key, column in self.column_of.items()},
            width=self.columns[-1].right + _SIDES - across,
            height=max(start.height, bottom) - down,
        )
