"""What runs cost beside their features, what they compute again, and what audits of their files take.

python benchmarks/runs.py [--rows N] [--columns N] [--features N] [--commits N] [--runs N]
                          [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from page import write_section
from run_audits import measure_audits, write_stamped
from run_times import measure_columns, measure_overhead, measure_reuse

from catalog import COMMITS, FEATURES, Table, latency, machine, shown
from headwater_catalog.fingerprints import BLOCK_ROWS
from headwater_catalog.stamp_files import find_stamp
from headwater_catalog.stamps import parse_stamp
from headwater_catalog.table_files import open_table

_DRAFT = {
    **dict.fromkeys(("version", "dataset", "repository", "made_at", "made_by", "dataflow"), "x" * 30),
    **{name: {} for name in ("config", "inputs", "environment", "recipe")},
    **{"commit": "a" * 40, "patch": None, "run": 1, "outputs": [], "lineage_scheme": "x"},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000, help="of the tables")
    options.add_argument("--columns", type=int, default=50, help="of the tables")
    options.add_argument("--features", type=int, default=FEATURES, help="of the repository")
    options.add_argument("--commits", type=int, default=COMMITS, help="before files are audited")
    options.add_argument("--runs", type=int, default=3, help="how often each is measured")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    given = options.parse_args()
    table = Table()
    measure_overhead(table, given.runs)
    for name, make in (("floats", floats), ("strings", strings)):
        with tempfile.TemporaryDirectory() as folder:
            measure_writing(table, Path(folder), name, make(given.rows, given.columns), given.runs)
    with tempfile.TemporaryDirectory() as folder:
        made = floats(given.rows, given.columns)
        measure_audits(table, Path(folder), made, given.features, given.commits, given.runs)
        del made
    measure_reuse(table, given.features, given.runs)
    measure_columns(table, given.rows, given.columns, given.runs)
    if given.write:
        about = (
            f"Written by `benchmarks/runs.py --write`: medians of {given.runs}, wall time, both sides in "
            f"turn, into SQLite. pyarrow {pa.__version__}. {machine()}"
        )
        write_section(given.write, "runs", table.section("Runs and datasets", about))


def floats(rows: int, columns: int) -> pa.Table:
    random = np.random.default_rng(1)
    return pa.table({f"column_{number}": random.normal(size=rows) for number in range(columns)})


def strings(rows: int, columns: int) -> pa.Table:
    random = np.random.default_rng(1)
    names = pa.array([f"customer-{number:07d}" for number in range(rows)])
    return pa.table({f"column_{n}": names.take(pa.array(random.permutation(rows))) for n in range(columns)})


def measure_writing(table: Table, folder: Path, name: str, made: pa.Table, runs: int) -> None:
    """Compare what a run does after its runner with writing the same Parquet file by pyarrow alone."""
    handed = folder / "made.arrow"
    with pa.ipc.new_file(str(handed), made.schema) as writer:
        writer.write_table(made, max_chunksize=BLOCK_ROWS)
    shape = f"{made.num_rows:,} x {made.num_columns} {name}"
    del made
    plain, ours = [], []
    for number in range(2 * runs + 1):
        works = [(plain, write_plain, "plain.parquet"), (ours, finish, "ours.parquet")]
        # Each goes first in every other run: what one has written is still on its way to the disk.
        for taken, work, name in works if number % 2 else reversed(works):
            taken.append(latency(lambda work=work, name=name: work(handed, folder / name)))
    floor = "writing the Parquet file alone"
    table.ratio(f"{shape}: check, fingerprints, stamp and Parquet", ours, plain, floor, 1.35, digits=2)
    stamp = statistics.median(latency(lambda: read_stamp(folder / "ours.parquet")) for _ in range(9))
    table.figure("the same: its stamp found and read", shown(stamp), "≤ 300 ms")


def write_plain(made: Path, path: Path) -> None:
    with pa.memory_map(str(made)) as mapped, pa.ipc.open_file(mapped) as file:
        pq.write_table(file.read_all(), path)


def read_stamp(path: Path) -> None:
    data = find_stamp(path)
    assert data is not None
    parse_stamp(data)


def finish(made: Path, path: Path) -> None:
    with open_table(made, "arrow") as table:
        columns = {name: {"kind": "feature", "feature": "m:x"} for name in table.schema.names}
        write_stamped(table, {**_DRAFT, "columns": columns}, path)


if __name__ == "__main__":
    main()
