"""The code in a notebook: its cells as the text of a module, line for line."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import TOO_DEEP, Unreadable

__all__ = ["MAX_NOTEBOOK_SIZE", "Cell", "cell_at", "cells_of", "in_cell", "is_notebook"]

MAX_NOTEBOOK_SIZE = 16_000_000
"""Size in bytes above which a notebook is not read; most of a large one are pictures among its outputs."""

_MOST_VALUES: Final = 1_000_000
"""Lists and objects of a notebook above which it is not read; each takes far more memory than text."""

_BEGINNING: Final = re.compile(rb'\s*\{\s*"(?:cells|metadata|nbformat|nbformat_minor|worksheets)"\s*:')

_PYTHON_MAGICS: Final = frozenset({"capture", "cell_to_module", "incr_cell_to_module", "prun", "time"})
"""Cell magics whose cells are Python that the notebook runs, those of Hamilton as a module."""

_CELL_MAGIC: Final = re.compile(r"\s*%%(?P<name>\w+)[^\n]*")
_MODULE_MAGIC: Final = re.compile(
    r"\s*%%(?:incr_)?cell_to_module[ \t](?:.*[ \t])?(?:-m|--module_name)[ \t=]+(?P<option>[^\W\d]\w*)"
    r"|\s*%%(?:incr_)?cell_to_module[ \t]+(?P<name>[^\W\d]\w*)"
)
_MAGIC: Final = re.compile(r"(?P<indent>[ \t]*+)(?:[%!?]|(?P<names>\w[\w., \t]*+)=[ \t]*[%!]|.*\?[ \t]*$)")
_ANY_MAGIC: Final = re.compile(r"^[ \t]*[%!?]|=[ \t]*[%!]|\?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell.

    Attributes:
        number: Its place among all cells of the notebook, from 1.
        offset: How many lines of code stand above it.
        text: Its code; what only a notebook understands is left out, line for line.
    """

    number: int
    offset: int
    text: str


def is_notebook(source: bytes) -> bool:
    """Tell whether a file is a notebook, by how it begins."""
    return _BEGINNING.match(source) is not None


def cell_at(cells: Sequence[Cell], line: int) -> tuple[int, int]:
    """Return the number of the cell that a line of the module is in, and the line there."""
    place = bisect_right([cell.offset for cell in cells], line - 1) - 1
    return (cells[place].number, line - cells[place].offset) if place >= 0 else (0, line)


def in_cell(diagnostic: Diagnostic, cells: Sequence[Cell]) -> Diagnostic:
    """Return a diagnostic that says its cell, too, and the line in there."""
    if not diagnostic.line or not cells:
        return diagnostic
    number, line = cell_at(cells, diagnostic.line)
    return replace(diagnostic, message=f"Cell {number}, line {line}: {diagnostic.message}")


def cells_of(source: bytes) -> tuple[Cell, ...]:
    """Return the code cells of a notebook of format 3 or 4; none where its language is another one.

    Raises:
        Unreadable: It is none, or too large.
    """
    content = _content(source)
    if _language(content) not in ("", "python", "ipython"):
        return ()
    cells = []
    offset = 0
    for number, code in _codes(content):
        text = _python(f"{code}\n")
        cells.append(Cell(number, offset, text))
        offset += text.count("\n")
    return tuple(cells)


def _content(source: bytes) -> dict[str, Any]:
    if len(source) > MAX_NOTEBOOK_SIZE:
        said = f"has more than {MAX_NOTEBOOK_SIZE:,} bytes, which are not read. Clear its outputs."
        raise Unreadable(0, f"The notebook {said}")
    if source.count(b"[") + source.count(b"{") > _MOST_VALUES:
        raise Unreadable(0, "The notebook has too many values to be read. Clear its outputs.")
    try:
        content = json.loads(source.decode("utf-8-sig"), parse_int=float)
    except RecursionError as error:
        raise Unreadable(0, TOO_DEEP) from error
    except ValueError as error:
        raise Unreadable(0, f"The notebook is no valid JSON: {error}. Save it again from Jupyter.") from error
    return content if isinstance(content, dict) else {}


def _language(content: dict[str, Any]) -> str:
    metadata = _dict(content.get("metadata"))
    said = (
        _dict(metadata.get("language_info")).get("name"),
        _dict(metadata.get("kernelspec")).get("language"),
    )
    return next((language.lower() for language in said if isinstance(language, str)), "")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _codes(content: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield the number and the code of each code cell."""
    sheets = [content, *map(_dict, _list(content.get("worksheets")))]  # the second kind is of format 3
    cells = [_dict(cell) for sheet in sheets for cell in _list(sheet.get("cells"))]
    for number, cell in enumerate(cells, start=1):
        code = cell.get("source", cell.get("input"))
        if isinstance(code, list):
            code = "".join(line for line in code if isinstance(line, str))
        if cell.get("cell_type") == "code" and isinstance(code, str):
            # As Python, which knows no other line ends.
            yield number, code.replace("\r\n", "\n").replace("\r", "\n")


# What only a notebook understands


def _python(code: str) -> str:
    """Return the Python in a cell, line for line."""
    magic = _CELL_MAGIC.match(code)
    if magic is None:
        return _without_magics(code)
    if magic["name"] not in _PYTHON_MAGICS:
        return "\n" * code.count("\n")
    named = _MODULE_MAGIC.match(magic[0])
    # The module that the cell makes is that of the notebook, as its code stands in there.
    first = f"import __main__ as {named['option'] or named['name']}" if named else ""
    return "\n" * magic[0].count("\n") + first + _without_magics(code[magic.end() :])


def _without_magics(code: str) -> str:
    """Put something harmless in the place of each line that is no Python."""
    if not _ANY_MAGIC.search(code) or _is_python(code):
        return code
    lines = []
    goes_on = False
    for line in code.split("\n"):
        found = _MAGIC.match(line)
        is_magic = goes_on or found is not None
        if is_magic:
            lines.append(_stand_in(found) if found and not goes_on else "")
        else:
            lines.append(line)
        goes_on = is_magic and line.endswith("\\")
    return "\n".join(lines)


def _stand_in(magic: re.Match[str]) -> str:
    # What a command returns is not known, and a block may have nothing else in it.
    names = magic["names"]
    return f"{magic['indent']}{names.strip()} = get_ipython()" if names else f"{magic['indent']}pass"


def _is_python(code: str) -> bool:
    try:
        parse_newer(code)
    except Unreadable:
        return False
    return True
