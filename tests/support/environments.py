"""What stands in an environment of its own beside ours: orchestrators, and pandas on Spark."""

import os
from pathlib import Path

from support.missing import missing

__all__ = ["find_environment"]

ROOT = Path(__file__).parents[2]


def find_environment(name: str, program: str) -> Path:
    """Return a program of an environment; without it the test is skipped, in CI it fails.

    Args:
        name: The environment, of which `HEADWATER_TEST_<NAME>` may say the folder.
        program: The program, such as `python`.
    """
    folder = Path(os.environ.get(f"HEADWATER_TEST_{name.upper()}", ROOT / ".venv" / name))
    found = folder / "bin" / program
    if not found.is_file():
        missing(
            f"The environment of {name.capitalize()}", f"make test-slow, or HEADWATER_TEST_{name.upper()}"
        )
    return found
