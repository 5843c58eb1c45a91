"""Airflow, Dagster and Prefect, each in an environment of its own beside ours."""

import os
from pathlib import Path

from support.missing import missing

__all__ = ["find_orchestrator"]

ROOT = Path(__file__).parents[2]


def find_orchestrator(name: str, program: str) -> Path:
    """Return a program of an orchestrator's environment; without it the test is skipped, in CI it fails.

    Args:
        name: The orchestrator, of which `HEADWATER_TEST_<NAME>` may say the folder of its environment.
        program: The program, such as `python`.
    """
    folder = Path(os.environ.get(f"HEADWATER_TEST_{name.upper()}", ROOT / ".venv" / name))
    found = folder / "bin" / program
    if not found.is_file():
        missing(
            f"The environment of {name.capitalize()}", f"make test-slow, or HEADWATER_TEST_{name.upper()}"
        )
    return found
