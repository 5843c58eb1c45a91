"""How fast the engine builds and executes, beside the real Hamilton and beside Python written by hand.

python benchmarks/engine.py [--peer PYTHON] [--rounds N] [--write docs/benchmarks.md]

Every workload runs in a fresh process, ours and the peer's in turn, and the medians of all rounds are
compared. `make peer` makes the peer's environment; without it the peer's figures are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine_workloads import WORKLOADS, write_modules
from page import write_section

HERE = Path(__file__).parent
PEER = HERE.parent / ".venv" / "peer" / "bin" / "python"
ALONE = {"build 100000", "deep", "frame", "memory", "others"}
"""Workloads that the peer cannot do, or that say nothing of it."""

Figures = dict[str, dict[str, float]]
"""Medians by engine and figure; a figure is named `workload: value`."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--peer", type=Path, default=PEER, help="a Python that has the real Hamilton")
    options.add_argument("--rounds", type=int, default=5, help="processes for each workload and engine")
    options.add_argument("--only", action="append", choices=["import", *WORKLOADS], help="a workload")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    given = options.parse_args()
    engines = {"ours": Path(sys.executable)}
    if given.peer.exists():
        engines["peer"] = given.peer
    figures = measure(engines, given.only or ["import", *WORKLOADS], given.rounds)
    section = report(figures, given.rounds)
    print(section)
    if given.write:
        write_section(given.write, "engine", section)


def measure(engines: dict[str, Path], workloads: list[str], rounds: int) -> Figures:
    """Run the workloads in turn and return the medians."""
    found: dict[str, dict[str, list[float]]] = {engine: defaultdict(list) for engine in engines}
    with tempfile.TemporaryDirectory() as folder:
        write_modules(Path(folder))
        for workload in workloads:
            for _ in range(rounds):
                for engine, python in engines.items():
                    if engine == "ours" or workload not in ALONE:
                        for name, value in run(engine, python, workload, folder).items():
                            found[engine][f"{workload}: {name}"].append(value)
    return {
        engine: {name: statistics.median(values) for name, values in named.items()}
        for engine, named in found.items()
    }


def run(engine: str, python: Path, workload: str, folder: str) -> dict[str, float]:
    """Run one workload in a process of its own."""
    done = subprocess.run(
        [str(python), str(HERE / "engine_workloads.py"), engine, workload, folder],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HAMILTON_TELEMETRY_ENABLED": "false"},
    )
    if done.returncode:
        sys.exit(f"The workload '{workload}' failed on {engine}:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


Formula = Callable[[dict[str, float]], float]


@dataclass(frozen=True)
class Row:
    """A line of the table: what is measured, what it is held against, and the bound to reach."""

    what: str
    ours: Formula
    unit: str
    against: str = ""
    ratio: Formula | None = None
    bound: float | None = None
    faster: float | None = None


def per_node(name: str, nodes: int = 4_000) -> Formula:
    return lambda found: found[name] / nodes * 1e6


def seconds(name: str) -> Formula:
    return lambda found: found[name]


def quotient(above: str, below: str) -> Formula:
    return lambda found: found[above] / found[below]


ROWS = [
    Row("build 4,000 functions, per function", per_node("build: build"), "µs", faster=4),
    Row("the same with tags, and checks on 10 %", per_node("build full: build"), "µs", faster=4),
    Row(
        "execute all, first run of a plan, per node",
        per_node("execute: first"),
        "µs",
        "a loop over a dictionary",
        quotient("execute: first", "execute: loop"),
        1.5,
        12,
    ),
    Row(
        "execute all, the plan kept, per node",
        per_node("execute: kept"),
        "µs",
        "straight-line generated code",
        quotient("execute: kept", "execute: straight"),
        2,
        35,
    ),
    Row(
        "the same with checks on 10 %, less the time of the checks, per node",
        per_node("others: others"),
        "µs",
        "the same without checks",
        quotient("others: others", "others: plain"),
    ),
    Row(
        "execute one leaf again",
        lambda found: found["leaf: leaf"] * 1e3,
        "ms",
        "its cone called by hand",
        quotient("leaf: leaf", "leaf: cone"),
        1.5,
    ),
    Row(
        "one check on a Series of 1,000 rows",
        lambda found: found["checked: checked"] * 1e6,
        "µs",
        "the same check inline",
        quotient("checked: checked", "checked: inline"),
        1.2,
    ),
    Row("async driver, per node", lambda found: found["async: node"] * 1e6, "µs", faster=10),
    Row("Parallelizable and Collect, per node", lambda found: found["dynamic: node"] * 1e6, "µs", faster=10),
    Row("a chain of 100,000 features", seconds("deep: run"), "s"),
    Row(
        "import", seconds("import: import"), "s CPU", "0.1 s", lambda found: found["import: import"] / 0.1, 1
    ),
    Row(
        "build 100,000 functions",
        seconds("build 100000: large"),
        "s",
        "4,000 functions",
        quotient("build 100000: large", "build 100000: small"),
        30,
    ),
    Row(
        "a table of 4,000 x 100,000, shared columns",
        seconds("frame: columns"),
        "s",
        "pd.concat",
        quotient("frame: columns", "frame: pandas columns"),
        1.5,
    ),
    Row(
        "a table of 4,000 x 100,000, one block",
        seconds("frame: block"),
        "s",
        "filling a block",
        quotient("frame: block", "frame: pandas block"),
        1.5,
    ),
    Row(
        "peak of a chain of 1,000 columns of 10 MB",
        seconds("memory: columns"),
        "columns",
        "one column",
        seconds("memory: columns"),
        5,
    ),
]


def report(figures: Figures, rounds: int) -> str:
    """Return the section that says what was measured."""
    lines = [
        "## The engine",
        "",
        f"Written by `python benchmarks/engine.py`: medians of {rounds} processes for each line, ours and "
        "Hamilton's in turn, CPU time of the measuring thread. "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}. "
        "A ratio is ours to what it is held against; lower is better. “Faster than Hamilton” is its time "
        "by ours; higher is better.",
        "",
        "| what | ours | held against | ratio | bound | faster than Hamilton | bound |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [line for row in ROWS if (line := shown(row, figures))]
    return "\n".join(lines) + "\n"


def shown(row: Row, figures: Figures) -> str | None:
    """Return a row as a line of Markdown; None where its figures were not measured."""
    try:
        ours = row.ours(figures["ours"])
        ratio = row.ratio(figures["ours"]) if row.ratio else None
    except KeyError:
        return None
    try:
        peer = row.ours(figures["peer"]) / ours
    except KeyError:
        peer = None
    cells = [row.what, f"{ours:.3g} {row.unit}", row.against, told(ratio), told(row.bound, "≤ ")]
    return f"| {' | '.join([*cells, told(peer), told(row.faster, '≥ ')])} |"


def told(number: float | None, sign: str = "") -> str:
    return "" if number is None else f"{sign}{number:.3g}"


if __name__ == "__main__":
    main()
