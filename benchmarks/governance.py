"""How long checks take, beyond the time in which the same command does nothing.

python benchmarks/governance.py [--runs N] [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from page import write_section

from catalog import FEATURES, Table, machine
from headwater_catalog.demo import init_synthetic

BOUND = "+ ≤ 1 s"

POLICIES = """
[owned]
query = "-has:owner"
severity = "warning"

[documented]
query = "-has:doc"
severity = "note"

[no-personal-exports]
scope = "module:features.*"
query = "classification:pii name:*_export*"

[no-new-users-of-what-is-deprecated]
needs = "is:deprecated"
only_new = true

[few-needs]
query = "dependencies:>40"
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runs", type=int, default=9, help="how often each command is measured")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    given = options.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder)
        init_synthetic(repository, features=FEATURES, commits=3)
        (repository / "policies").mkdir()
        (repository / "policies" / "house.toml").write_text(POLICIES)
        checks = {
            f"`headwater check` of {FEATURES:,} features under 5 policies": ("check", "--strict"),
            "the same, of what the last commit changed": ("check", "--base", "HEAD~1"),
        }
        for what, command in checks.items():
            nothing, taken = interleaved([("--version",), command], repository, given.runs)
            table.beyond(
                what, statistics.median(taken), "`headwater --version`", statistics.median(nothing), BOUND
            )
    if given.write:
        write_section(given.write, "governance", table.section("Governance", about(given.runs)))


def about(runs: int) -> str:
    """Say how it was measured."""
    return (
        "Written by `python benchmarks/governance.py --write`: medians of the wall time of whole processes, "
        f"{runs} runs of each in turn. {machine()}"
    )


def interleaved(commands: Sequence[Sequence[str]], folder: Path, runs: int) -> list[list[float]]:
    """Return how long each of some commands takes, in seconds, one after the other in each run."""
    taken: list[list[float]] = [[] for _ in commands]
    # Where Python may not keep what it has compiled, each process compiles all of it again; users' may.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for run in range(runs + 1):
        for command, times in zip(commands, taken, strict=True):
            begin = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "headwater_web.cli", *command],
                cwd=folder,
                env=environment,
                capture_output=True,
            )
            if done.returncode not in (0, 1):
                raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()}")
            if run:  # the first only warms the disk
                times.append(time.perf_counter() - begin)
    return taken


if __name__ == "__main__":
    main()
