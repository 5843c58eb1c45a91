"""The environment of the peer, apart from ours, and what both make of the same cases."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from support.missing import missing

__all__ = ["Records", "find_peer", "run_cases"]

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / "tests" / "peer" / "runner.py"

Records = dict[str, dict[str, dict[str, Any]]]
"""What came of each scenario of each case."""


def find_peer() -> Path:
    """Return the Python of the environment that has the peer; without it the test is skipped, in CI it fails."""
    python = Path(os.environ.get("HEADWATER_TEST_PEER_PYTHON", ROOT / ".venv" / "peer" / "bin" / "python"))
    if not python.is_file():
        missing("The environment of the peer", "make peer")
    return python


def run_cases(folders: Iterable[Path], *, peer: Path | None = None) -> Records:
    """Run the cases of folders and return their records.

    Args:
        folders: Folders of modules and of text files of small ones.
        peer: The Python of the peer's environment; None for Headwater, in this one.
    """
    command = [
        str(peer or sys.executable),
        str(RUNNER),
        *([] if peer else ["--headwater"]),
        *map(str, folders),
    ]
    # Their usage report would need the network, and their extensions make pandas known.
    settings = {"HAMILTON_TELEMETRY_ENABLED": "false", "HAMILTON_AUTOLOAD_EXTENSIONS": "1"}
    return _records(_output(command, os.environ | settings).splitlines())


def _output(command: Sequence[str], environment: dict[str, str]) -> str:
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    if finished.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{finished.stderr[-4000:]}")
    return finished.stdout


def _records(lines: Iterable[str]) -> Records:
    records: Records = {}
    for line in lines:
        record = json.loads(line)
        records.setdefault(record["case"], {})[record["scenario"]] = record
    return records
