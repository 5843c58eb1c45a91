"""The page of measurements: each benchmark writes a section of its own, and leaves the others alone."""

from __future__ import annotations

import re
from pathlib import Path


def write_section(page: Path, name: str, text: str) -> None:
    """Put a text in the place of a section of a page, or at its end where the page has none of this name.

    Args:
        page: The page, in Markdown; made where there is none.
        name: Names the section in comments that no reader sees.
        text: The section, its heading included.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n\n{text.strip()}\n\n{end}\n"
    before = page.read_text() if page.exists() else ""
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}\n", before, re.DOTALL)
    if found is None:
        page.write_text(f"{before.rstrip()}\n\n{section}".lstrip())
    else:
        page.write_text(before[: found.start()] + section + before[found.end() :])
