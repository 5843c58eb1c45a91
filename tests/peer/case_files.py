"""Where the cases are: modules, and text files of many small ones, each under a line `=== name`."""

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["modules_of", "names_of"]

PREAMBLE = """\
import typing as t

import hamilton.function_modifiers as fm
import numpy as np
import pandas as pd
from scenario import Scenario

"""


def names_of(folder: Path) -> list[str]:
    """Return the names of a folder's cases."""
    return [path.stem for path in _modules(folder)] + [name for name, _ in _small(folder)]


def modules_of(folder: Path, small: Path) -> Iterator[Path]:
    """Yield the modules of a folder, those of its text files once they are written out to another."""
    yield from _modules(folder)
    for name, source in _small(folder):
        path = small / f"{name}.py"
        path.write_text(PREAMBLE + source)
        yield path


def _modules(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.py"))


def _small(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*.txt")):
        _, *pieces = re.split(r"^=== (\w+)\n", path.read_text(), flags=re.MULTILINE)
        yield from zip(pieces[::2], pieces[1::2], strict=True)
