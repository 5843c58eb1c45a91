"""The comments right above definitions, without those that are meant for tools."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import dedent
from typing import Final

__all__ = ["comment_above"]

_FOR_TOOLS: Final = re.compile(
    r"#(?:!|%%|\s*(?:-\*-|coding[:=]|fmt:|flake8:|isort:|mypy:|noqa\b|nosec\b|pragma\b|pylint:|pyright:"
    r"|region\b|endregion\b|ruff:|type:|vim:|In\s?\[))"
)
_MOST_LINES: Final = 100


def comment_above(lines: Sequence[str], line: int) -> str:
    """Return the text of the comment that ends right above a line of a module, or nothing.

    Args:
        lines: The lines of the module.
        line: The number of the line, from 1.
    """
    start = end = line - 1
    while start > max(0, end - _MOST_LINES) and lines[start - 1].startswith("#"):
        start -= 1
    if start == end:
        return ""
    # A rule, or a frame around a heading, says nothing.
    said = [text for text in lines[start:end] if not _FOR_TOOLS.match(text) and re.search(r"\w", text)]
    return dedent("\n".join(text.lstrip("#").rstrip().rstrip("#") for text in said)).strip()
