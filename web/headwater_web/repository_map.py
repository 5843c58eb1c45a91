"""The map of a repository: a tile for each feature, in the block of its module, in that of its package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil, sqrt
from typing import TypeVar

from headwater_catalog.lineage import LineageGraph, LineageNode

__all__ = ["MOST_TILES", "Block", "Region", "RepositoryMap", "Tile", "Way", "lay_out"]

MOST_TILES = 12_000
"""Of one page; of larger repositories only the blocks are drawn."""

_PITCH = 14  # from tile to tile
_LABEL = 17  # height of the label of a block
_HEADING = 22  # height of the heading of a region
_GAP = 12  # between blocks
_PADDING = 12  # in a region
_LEAST = 98  # width of a block, so that its label can be read
_CHARACTER = 6.1  # width to allow for a character of a label
_RATIO = 1.75  # of the whole: as wide as screens are
_MOST_WAYS = 100  # lines on each side of a chosen feature


@dataclass(frozen=True, slots=True)
class Tile:
    """A feature or an input; x and y count from its block."""

    node: LineageNode
    css: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Block:
    """A module with its tiles; x and y count from the whole."""

    module: str
    label: str
    count: int
    x: float
    y: float
    width: float
    height: float
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A package with its blocks."""

    name: str
    x: float
    y: float
    width: float
    height: float
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A line from a tile to one that needs it."""

    css: str
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True, slots=True)
class RepositoryMap:
    """The whole, placed.

    Attributes:
        regions: The packages.
        ways: Lines from and to the direct neighbours of the chosen feature.
        width: Width of the whole.
        height: Height of the whole.
    """

    regions: tuple[Region, ...]
    ways: tuple[Way, ...]
    width: float
    height: float


def lay_out(graph: LineageGraph, css: Callable[[str], str], chosen: str | None) -> RepositoryMap:
    """Place every feature and input of a graph; the same graph gives the same map.

    Args:
        graph: The graph.
        css: Gives the class of a key, which is its colour.
        chosen: The key whose lineage is drawn; None for no lines.
    """
    has_tiles = len(graph.nodes) <= MOST_TILES
    packages = groupby(sorted(graph.nodes.values(), key=_place), key=lambda node: _place(node)[:2])
    regions = [_region(name, list(nodes), css, has_tiles) for (_, name), nodes in packages]
    placed, width, height = _shelves(regions, _GAP)
    done = tuple(_moved(region, x, y) for region, (x, y) in zip(regions, placed, strict=True))
    ways = tuple(_ways(graph, done, chosen)) if chosen and has_tiles else ()
    return RepositoryMap(done, ways, width, height)


def _place(node: LineageNode) -> tuple[bool, str, str, str]:
    """Return what nodes are sorted by: inputs last, then package, module and name."""
    package = node.module.rpartition(".")[0] or node.module or "inputs"
    return node.is_input, package, node.module, node.name


def _region(name: str, nodes: list[LineageNode], css: Callable[[str], str], has_tiles: bool) -> Region:
    modules = groupby(nodes, key=lambda node: node.module)
    blocks = [_block(name, module, list(members), css, has_tiles) for module, members in modules]
    placed, width, height = _shelves(blocks, _GAP)
    moved = tuple(
        replace(block, x=x + _PADDING, y=y + _HEADING + _PADDING / 2)
        for block, (x, y) in zip(blocks, placed, strict=True)
    )
    width = max(width, len(name) * _CHARACTER)
    return Region(name, 0, 0, width + 2 * _PADDING, height + _HEADING + 1.5 * _PADDING, moved)


def _block(
    package: str, module: str, nodes: list[LineageNode], css: Callable[[str], str], has_tiles: bool
) -> Block:
    columns = max(ceil(sqrt(len(nodes) * _RATIO)), _LEAST // _PITCH)
    rows = ceil(len(nodes) / columns)
    width = columns * _PITCH
    label = module.removeprefix(f"{package}.") if module != package else module
    room = int(width / _CHARACTER)
    tiles = (
        Tile(node, css(node.key), number % columns * _PITCH, _LABEL + number // columns * _PITCH)
        for number, node in enumerate(nodes)
    )
    return Block(
        module,
        label if len(label) <= room else f"{label[: room - 1]}…",
        len(nodes),
        0,
        0,
        width,
        _LABEL + rows * _PITCH,
        tuple(tiles) if has_tiles else (),
    )


_Box = TypeVar("_Box", Block, Region)


def _shelves(boxes: Sequence[_Box], gap: float) -> tuple[list[tuple[float, float]], float, float]:
    """Place boxes in rows, in their order, so that the whole is about as wide as screens are.

    Returns:
        The upper left corners, and width and height of the whole.
    """
    area = sum((box.width + gap) * (box.height + gap) for box in boxes)
    most = max([sqrt(area * _RATIO), *(box.width for box in boxes)])
    corners: list[tuple[float, float]] = []
    x = y = tallest = widest = 0.0
    for box in boxes:
        if x and x + box.width > most:
            x, y, tallest = 0.0, y + tallest + gap, 0.0
        corners.append((x, y))
        x += box.width + gap
        tallest = max(tallest, box.height)
        widest = max(widest, x - gap)
    return corners, widest, y + tallest


def _moved(region: Region, x: float, y: float) -> Region:
    blocks = tuple(replace(block, x=block.x + x, y=block.y + y) for block in region.blocks)
    return replace(region, x=x, y=y, blocks=blocks)


def _ways(graph: LineageGraph, regions: Iterable[Region], chosen: str) -> Iterator[Way]:
    """Yield the lines from what a key needs directly, and to what needs it directly; more were a thicket."""
    places = _places(regions)
    for key in graph.parents(chosen)[:_MOST_WAYS]:
        yield Way("is-up", places[key], places[chosen])
    for key in graph.children(chosen)[:_MOST_WAYS]:
        yield Way("is-down", places[chosen], places[key])


def _places(regions: Iterable[Region]) -> Mapping[str, tuple[float, float]]:
    """Return the middle of each tile."""
    half = _PITCH / 2 - 1
    return {
        tile.node.key: (block.x + tile.x + half, block.y + tile.y + half)
        for region in regions
        for block in region.blocks
        for tile in block.tiles
    }
