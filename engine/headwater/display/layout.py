"""Layered placement of a graph for drawing: columns from left to right, few crossings, no overlaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["COLUMN_GAP", "ROW_GAP", "Crossing", "Placement", "Point", "curve", "layered"]

Point = tuple[float, float]
Crossing = tuple[float, float, float]
"""Where an edge passes through a column: its left, its right, and the height."""

COLUMN_GAP = 56.0
"""Between two columns."""
ROW_GAP = 14.0
"""Between two nodes of a column."""
_SWEEPS = 8
_ROUNDS = 4  # of swaps in a column, in one sweep
_MOST_VERTICES = 6000  # beyond this, long edges get no bends of their own

_Edge = tuple[str, str]
_Vertex = Hashable
"""A node's key, or (edge, column) where a long edge passes through a column."""
_Ends = dict[_Vertex, list[_Vertex]]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where to draw the nodes of a graph.

    Attributes:
        positions: The upper left corner of each node, by key; x grows to the right, y down.
        bends: Where an edge passes through the columns between its two nodes, by edge; only long edges
            have any.
        rights: Where each node's column ends, by key; what leaves the node runs level until there.
        width: Width of the whole.
        height: Height of the whole.
    """

    positions: Mapping[str, Point]
    bends: Mapping[_Edge, tuple[Crossing, ...]]
    rights: Mapping[str, float]
    width: float
    height: float


def layered(nodes: Sequence[str], edges: Sequence[_Edge], sizes: Mapping[str, Point]) -> Placement:
    """Place nodes in columns so that edges lead to the right.

    The method is Sugiyama's: columns by the longest way; the order in a column by the barycentre of its
    neighbours and by swapping neighbours that cross less the other way, the best of several sweeps; then
    rows as near to the neighbours' as the order allows. The same arguments give the same placement. Edges
    that close a cycle lead to the left.

    Args:
        nodes: Keys of the nodes; their order decides where nothing else does.
        edges: Pairs (from, to) of keys.
        sizes: Width and height of each node.
    """
    if not nodes:
        return Placement({}, {}, {}, 0.0, 0.0)
    forward = _without_cycles(nodes, [edge for edge in dict.fromkeys(edges) if edge[0] != edge[1]])
    ranks = _ranks(nodes, forward)
    routes = _routes(len(nodes), forward, ranks)
    before, after = _neighbours(forward, routes)
    both = {vertex: before.get(vertex, []) + after.get(vertex, []) for vertex in {**before, **after}}
    columns = _columns(nodes, ranks, routes, both)
    columns = _with_few_crossings(columns, before, after)
    heights: dict[_Vertex, float] = {key: sizes[key][1] for key in nodes}
    middles = _rows(columns, before, after, heights)
    return _placement(nodes, columns, ranks, middles, routes, sizes)


def _without_cycles(nodes: Sequence[str], edges: Sequence[_Edge]) -> list[_Edge]:
    """Return the edges but those that lead back, found by a depth-first walk without recursion."""
    targets: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        targets[source].append(target)
    is_open: dict[str, bool] = {}
    back: set[_Edge] = set()
    for start in nodes:
        if start in is_open:
            continue
        is_open[start] = True
        stack = [(start, iter(targets[start]))]
        while stack:
            here, rest = stack[-1]
            there = next(rest, None)
            if there is None:
                is_open[here] = False
                stack.pop()
            elif there not in is_open:
                is_open[there] = True
                stack.append((there, iter(targets[there])))
            elif is_open[there]:
                back.add((here, there))
    return [edge for edge in edges if edge not in back]


def _ranks(nodes: Sequence[str], edges: Sequence[_Edge]) -> dict[str, int]:
    """Return each node's column: the longest way from a source, and sources next to their readers."""
    missing = dict.fromkeys(nodes, 0)
    targets: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        missing[target] += 1
        targets[source].append(target)
    sources = [node for node in nodes if not missing[node]]
    ranks = dict.fromkeys(sources, 0)
    ready = list(sources)
    for here in ready:  # grows while it is walked
        for there in targets[here]:
            ranks[there] = max(ranks.get(there, 0), ranks[here] + 1)
            missing[there] -= 1
            if not missing[there]:
                ready.append(there)
    for source in sources:
        if targets[source]:
            ranks[source] = min(ranks[there] for there in targets[source]) - 1
    first = min(ranks.values())
    return {node: ranks[node] - first for node in nodes}


def _routes(count: int, edges: Sequence[_Edge], ranks: Mapping[str, int]) -> dict[_Edge, list[_Vertex]]:
    """Return the vertices that stand for a long edge in the columns it passes."""
    routes: dict[_Edge, list[_Vertex]] = {
        edge: [(edge, rank) for rank in range(ranks[edge[0]] + 1, ranks[edge[1]])] for edge in edges
    }
    passing = sum(map(len, routes.values()))
    return routes if count + passing <= _MOST_VERTICES else {edge: [] for edge in edges}


def _columns(
    nodes: Sequence[str], ranks: Mapping[str, int], routes: Mapping[_Edge, Sequence[_Vertex]], ends: _Ends
) -> list[list[_Vertex]]:
    """Fill the columns in the order of a walk over the graph, so that what belongs together is near."""
    columns: list[list[_Vertex]] = [[] for _ in range(max(ranks.values()) + 1)]
    column_of: dict[_Vertex, int] = {node: ranks[node] for node in nodes}
    for (source, _), route in routes.items():
        column_of.update((vertex, rank) for rank, vertex in enumerate(route, ranks[source] + 1))
    met: set[_Vertex] = set()
    for start in nodes:
        pending: list[_Vertex] = [start]
        while pending:
            vertex = pending.pop()
            if vertex not in met:
                met.add(vertex)
                columns[column_of[vertex]].append(vertex)
                pending += reversed(ends.get(vertex, ()))
    return columns


def _neighbours(edges: Iterable[_Edge], routes: Mapping[_Edge, Sequence[_Vertex]]) -> tuple[_Ends, _Ends]:
    """Return the vertices before and after each vertex."""
    before: _Ends = {}
    after: _Ends = {}
    for edge in edges:
        way = (edge[0], *routes[edge], edge[1])
        for left, right in pairwise(way):
            after.setdefault(left, []).append(right)
            before.setdefault(right, []).append(left)
    return before, after


def _with_few_crossings(columns: list[list[_Vertex]], before: _Ends, after: _Ends) -> list[list[_Vertex]]:
    """Return the columns in the order that had the fewest crossings of several sweeps."""
    best, fewest = columns, _crossings(columns, after)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        columns = [list(column) for column in columns]
        _reorder(columns, before if sweep % 2 == 0 else after, from_left=sweep % 2 == 0)
        _swap(columns, before, after)
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = columns, crossings
    return best


def _crossings(columns: Sequence[Sequence[_Vertex]], after: _Ends) -> int:
    """Count the crossings of edges between neighbouring columns."""
    total = 0
    for column, following in pairwise(columns):
        places = {vertex: at for at, vertex in enumerate(following)}
        ends: list[int] = []
        for vertex in column:
            ends += sorted(places[end] for end in after.get(vertex, ()) if end in places)
        total += _inversions(ends, len(following))
    return total


def _inversions(numbers: Sequence[int], size: int) -> int:
    """Count the pairs of numbers below `size` that stand in falling order, with a Fenwick tree."""
    tree = [0] * (size + 1)
    total = 0
    for seen, number in enumerate(numbers):
        at, not_above = number + 1, 0
        while at:
            not_above += tree[at]
            at &= at - 1
        total += seen - not_above
        at = number + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return total


def _swap(columns: Sequence[list[_Vertex]], before: _Ends, after: _Ends) -> None:
    """Swap neighbours in a column as long as that takes crossings away."""
    places = {vertex: _spread(at, column) for column in columns for at, vertex in enumerate(column)}
    for column in columns:
        ends = {
            vertex: [sorted(places[end] for end in side.get(vertex, ())) for side in (before, after)]
            for vertex in column
        }
        for _ in range(_ROUNDS):
            gains = 0
            for at in range(len(column) - 1):
                upper, lower = column[at], column[at + 1]
                if sum(map(_gain, ends[upper], ends[lower])) > 0:
                    column[at], column[at + 1] = lower, upper
                    gains += 1
            if not gains:
                break
        places.update((vertex, _spread(at, column)) for at, vertex in enumerate(column))


def _gain(upper: Sequence[float], lower: Sequence[float]) -> int:
    """Return how many crossings two neighbours have less if they change places; both sides are sorted."""
    gain = 0
    for end in upper:
        gain += bisect_left(lower, end) - (len(lower) - bisect_right(lower, end))
    return gain


def _reorder(columns: list[list[_Vertex]], neighbours: _Ends, *, from_left: bool) -> None:
    """Sort each column by the mean place of its neighbours in the columns that are sorted already."""
    places = {vertex: _spread(at, column) for column in columns for at, vertex in enumerate(column)}
    for column in columns if from_left else reversed(columns):
        wished = {v: _mean([places[n] for n in neighbours.get(v, ())], places[v]) for v in column}
        column.sort(key=wished.__getitem__)
        places.update((vertex, _spread(at, column)) for at, vertex in enumerate(column))


def _spread(at: int, column: Sequence[_Vertex]) -> float:
    # Places are shares of the column's height, so that columns of different lengths compare.
    return (at + 0.5) / len(column)


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _rows(
    columns: Sequence[Sequence[_Vertex]], before: _Ends, after: _Ends, heights: Mapping[_Vertex, float]
) -> dict[_Vertex, float]:
    """Return the middle of each vertex: near to its neighbours', in the order of its column."""
    middles: dict[_Vertex, float] = {}
    for column in columns:
        middles.update(_stacked([0.0] * len(column), column, heights))
    for neighbours, way in ((before, columns), (after, reversed(columns)), (before, columns)):
        for column in way:
            wished = [_mean([middles[n] for n in neighbours.get(v, ())], middles[v]) for v in column]
            middles.update(_stacked(wished, column, heights))
    return middles


def _stacked(
    wished: Sequence[float], column: Sequence[_Vertex], heights: Mapping[_Vertex, float]
) -> Iterable[tuple[_Vertex, float]]:
    """Return middles that keep their distance and deviate least from what is wished.

    This is isotonic regression by pooling adjacent violators, on the wishes less the room needed above.
    """
    room = [0.0]
    for upper, lower in pairwise(column):
        room.append(room[-1] + (heights.get(upper, 0.0) + heights.get(lower, 0.0)) / 2 + ROW_GAP)
    blocks: list[tuple[float, int]] = []  # sum of wishes and number of vertices that stand as one
    for wish, above in zip(wished, room, strict=True):
        total, count = wish - above, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            upper_total, upper_count = blocks.pop()
            total, count = total + upper_total, count + upper_count
        blocks.append((total, count))
    levels = [total / count for total, count in blocks for _ in range(count)]
    return ((v, level + above) for v, level, above in zip(column, levels, room, strict=True))


def _placement(
    nodes: Sequence[str],
    columns: Sequence[Sequence[_Vertex]],
    ranks: Mapping[str, int],
    middles: Mapping[_Vertex, float],
    routes: Mapping[_Edge, Sequence[_Vertex]],
    sizes: Mapping[str, Point],
) -> Placement:
    widths = [max((sizes[v][0] for v in column if isinstance(v, str)), default=0.0) for column in columns]
    lefts = [0.0]
    for width in widths:
        lefts.append(lefts[-1] + width + COLUMN_GAP)
    tops = [middles[node] - sizes[node][1] / 2 for node in nodes]
    top = min(*tops, *middles.values())
    bends: dict[_Edge, tuple[Crossing, ...]] = {}
    for edge, route in routes.items():
        if route:
            passed = enumerate(route, ranks[edge[0]] + 1)
            bends[edge] = tuple(
                (lefts[rank], lefts[rank] + widths[rank], middles[vertex] - top) for rank, vertex in passed
            )
    positions = {node: (lefts[ranks[node]], middles[node] - sizes[node][1] / 2 - top) for node in nodes}
    bottoms = [positions[node][1] + sizes[node][1] for node in nodes]
    bottoms += [y for crossings in bends.values() for _, _, y in crossings]
    rights = {node: lefts[ranks[node]] + widths[ranks[node]] for node in nodes}
    return Placement(positions, bends, rights, lefts[-1] - COLUMN_GAP, max(bottoms))


def curve(
    start: Point, right: float, bends: Iterable[Crossing], end: Point
) -> list[tuple[str, tuple[Point, ...]]]:
    """Return the pieces of an edge: letters of SVG's paths, each with its points.

    The edge leaves, passes columns and arrives level; between columns it bends.

    Args:
        start: Where it leaves its node.
        right: Where the column of that node ends.
        bends: The columns that it passes.
        end: Where it arrives.
    """
    here = (right, start[1])
    pieces: list[tuple[str, tuple[Point, ...]]] = [("M", (start,)), ("L", (here,))]
    for left, right, y in bends:
        pieces += [("C", _arc(here, (left, y))), ("L", ((right, y),))]
        here = (right, y)
    return [*pieces, ("C", _arc(here, end))]


def _arc(start: Point, end: Point) -> tuple[Point, ...]:
    """Return the control points and the end of a curve that leaves and arrives level."""
    bend = max(20.0, abs(end[0] - start[0]) / 2)
    return (start[0] + bend, start[1]), (end[0] - bend, end[1]), end
