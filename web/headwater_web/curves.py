"""Shares over time as lines of a drawing, which a template writes down as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater_catalog.upkeep.coverage import Covered

__all__ = ["Curve", "curves"]

_MOST: Final = 400  # points of a line; a page has no more places for them


@dataclass(frozen=True, slots=True)
class Curve:
    """A share over time.

    Attributes:
        kind: Of what.
        name: That in words.
        points: Its line in percent of the drawing, from the left and from above: `x,y x,y`.
        share: The last share, in percent.
    """

    kind: str
    name: str
    points: str
    share: float


def curves(points: Sequence[tuple[int, Covered]], last: int, kinds: Mapping[str, str]) -> tuple[Curve, ...]:
    """Return a line for each kind; between two commits that change it a share stays what it is.

    Args:
        points: From which positions on there are how many.
        last: The position at the right end.
        kinds: What there may be, by its name among the counts.
    """
    step = max(1, -(-len(points) // _MOST))
    kept = [*points[::step], *points[-1:]] if step > 1 else list(points)
    return tuple(_curve(kind, name, kept, last) for kind, name in kinds.items()) if kept else ()


def _curve(kind: str, name: str, points: Sequence[tuple[int, Covered]], last: int) -> Curve:
    first = points[0][0]
    width = max(last - first, 1)
    corners: list[str] = []
    height = 0.0
    for number, (position, covered) in enumerate(points):
        x = 100 * (position - first) / width
        if number:
            corners.append(f"{x:.2f},{height:.2f}")
        height = 100 * (1 - covered.share(kind))
        corners.append(f"{x:.2f},{height:.2f}")
    corners.append(f"100,{height:.2f}")
    return Curve(kind, name, " ".join(corners), 100 * points[-1][1].share(kind))
