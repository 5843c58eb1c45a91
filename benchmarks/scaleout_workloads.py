"""What `scaleout.py` has computed on clusters: graphs of small nodes, fan-outs, nodes that take a while."""

from __future__ import annotations

import importlib
import random
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["FAN_OUT", "HEAVY_LANES", "HEAVY_OUTPUT", "INPUTS", "last_layer", "layered", "write_module"]

INPUTS = {"i0": 1, "i1": 2, "i2": 3}
WIDTH = 50
"""Nodes of a layer: more than any cluster here has processors."""

FAN_OUT = """
from {package} import Collect, Parallelizable

def number(count: int) -> Parallelizable[int]:
    for i in range(count):
        yield i

def square(number: int) -> int:
    return number * number

def total(square: Collect[int]) -> int:
    return sum(square)
"""

HEAVY_LANES, HEAVY_STEPS = 8, 6
HEAVY_OUTPUT = "total"
_STEP = """
def lane{lane}_{step}({read}: int) -> int:
    return {read} + sum(i * i % 7 for i in range({loops})) % 11
"""


def layered(count: int) -> str:
    """Return the source of layers of small nodes, each of which reads two or three of those before."""
    draw = random.Random(7)  # the same graph each time
    layers = [list(INPUTS)]
    lines = []
    for made in range(0, count, WIDTH):
        before = [name for layer in layers[-3:] for name in layer]
        layer = [f"x{number}" for number in range(made, min(made + WIDTH, count))]
        for name in layer:
            read = draw.sample(before, min(len(before), draw.choice((2, 3))))
            parameters = ", ".join(f"{each}: int" for each in read)
            lines.append(f"def {name}({parameters}) -> int:\n    return ({' + '.join(read)}) % 1000003\n")
        layers.append(layer)
    return "\n".join(lines)


def last_layer(count: int) -> list[str]:
    """Return the outputs of a layered graph."""
    return [f"x{number}" for number in range((count - 1) // WIDTH * WIDTH, count)]


def heavy(loops: int) -> str:
    """Return the source of lanes of nodes that take a while, and of one node that reads the last of each."""
    lines = [
        _STEP.format(lane=lane, step=step, read=f"lane{lane}_{step - 1}" if step else "i0", loops=loops)
        for lane in range(HEAVY_LANES)
        for step in range(HEAVY_STEPS)
    ]
    ends = [f"lane{lane}_{HEAVY_STEPS - 1}" for lane in range(HEAVY_LANES)]
    lines.append(
        f"def total({', '.join(f'{end}: int' for end in ends)}) -> int:\n    return {' + '.join(ends)}\n"
    )
    return "".join(lines)


def write_module(folder: Path, name: str, source: str) -> ModuleType:
    """Write a module into a folder that is looked in for modules, and import it."""
    (folder / f"{name}.py").write_text(source)
    importlib.invalidate_caches()
    sys.modules.pop(name, None)
    return importlib.import_module(name)
