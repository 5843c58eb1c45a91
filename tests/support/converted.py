"""Scripts that are run beside what they become, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater_catalog.convert import Conversion, convert_script
from headwater_catalog.convert.trial import compare

__all__ = ["run_both"]


def run_both(
    folder: Path, script: str, data: Mapping[str, str], name: str = "spend"
) -> tuple[Conversion, Any]:
    """Convert a script, run both, and return the conversion and what `compare` answers.

    Args:
        folder: A new folder; what the script became stands in its folder `after`.
        script: The text of the script.
        data: The files that it reads, with their texts.
        name: What the script is called, without its ending.
    """
    made = convert_script(script, f"{name}.py")
    for place in ("before", "after"):
        (folder / place).mkdir()
        for file, text in {**data, f"{name}.py": script}.items():
            (folder / place / file).write_text(text, "utf-8")
    (folder / "after" / f"{made.module}.py").write_text(made.module_text, "utf-8")
    (folder / "after" / f"{made.driver}.py").write_text(made.driver_text, "utf-8")
    (folder / "files.json").write_text("{}", "utf-8")
    driver = f"{made.driver}.py"
    return made, compare(folder, f"{name}.py", driver, made.finals, made.variables, made.main)
