"""What fingerprints and stamps cost, and how long a stamp takes to be read.

python benchmarks/runs.py [--rows N] [--columns N] [--runs N] [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from page import write_section

from headwater_catalog.fingerprints import BLOCK_ROWS, SCHEME, fingerprint_of
from headwater_catalog.stamp_files import find_stamp
from headwater_catalog.stamps import completed, parse_stamp, stamp_bytes
from headwater_catalog.table_files import TableFile, open_table, schema_text, write_table

_DRAFT = {
    **dict.fromkeys(("version", "dataset", "repository", "made_at", "made_by", "dataflow"), "x" * 30),
    **{name: {} for name in ("config", "inputs", "environment", "recipe")},
    **{"commit": "a" * 40, "patch": None, "run": 1, "outputs": [], "lineage_scheme": "x"},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--columns", type=int, default=50)
    options.add_argument("--runs", type=int, default=3, help="how often each is measured")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    given = options.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (("floats", floats), ("strings", strings)):
            lines += measure(Path(folder), name, make(given.rows, given.columns), given.runs)
    text = "\n".join(
        ["| what | ours | held against | ratio | bound |", "| --- | --- | --- | --- | --- |", *lines]
    )
    print(text)
    if given.write:
        about = (
            f"Written by `python benchmarks/runs.py`: medians of {given.runs}, both sides in turn. Python "
            f"{platform.python_version()}, pyarrow {pa.__version__}, {os.cpu_count()} cores, "
            f"{platform.machine()}."
        )
        write_section(given.write, "runs", f"## Runs and datasets\n\n{about}\n\n{text}")


def floats(rows: int, columns: int) -> pa.Table:
    random = np.random.default_rng(1)
    return pa.table({f"column_{number}": random.normal(size=rows) for number in range(columns)})


def strings(rows: int, columns: int) -> pa.Table:
    random = np.random.default_rng(1)
    names = pa.array([f"customer-{number:07d}" for number in range(rows)])
    return pa.table({f"column_{n}": names.take(pa.array(random.permutation(rows))) for n in range(columns)})


def measure(folder: Path, name: str, table: pa.Table, runs: int) -> list[str]:
    """Compare what a run does after its runner with writing the same Parquet file by pyarrow alone."""
    made = folder / "made.arrow"
    with pa.ipc.new_file(str(made), table.schema) as writer:
        writer.write_table(table, max_chunksize=BLOCK_ROWS)
    shape = f"{table.num_rows:,} x {table.num_columns} {name}"
    del table
    plain, ours = [], []
    for _ in range(runs):
        plain.append(timed(lambda: write_plain(made, folder / "plain.parquet")))
        ours.append(timed(lambda: finish(made, folder / "ours.parquet")))
    held, took = statistics.median(plain), statistics.median(ours)
    stamp = statistics.median(
        timed(lambda: parse_stamp(find_stamp(folder / "ours.parquet"))) for _ in range(9)
    )
    return [
        f"| {shape}: check, fingerprints, stamp and Parquet | {took:.2f} s "
        f"| the Parquet file alone, {held:.2f} s | {took / held:.2f} | ≤ 1.35 |",
        f"| the same: its stamp found and read | {stamp * 1000:.1f} ms | | | ≤ 300 ms |",
    ]


def write_plain(made: Path, path: Path) -> None:
    with pa.memory_map(str(made)) as mapped, pa.ipc.open_file(mapped) as file:
        pq.write_table(file.read_all(), path)


def read_stamp(path: Path) -> None:
    data = find_stamp(path)
    assert data is not None
    parse_stamp(data)


def finish(made: Path, path: Path) -> None:
    with open_table(made, "arrow") as table:
        content = fingerprint_of(table.schema, table.batches())
        columns = {
            f.name: {"type": str(f.type), "fingerprint": content.columns[f.name]} for f in table.schema
        }
        draft = {**_DRAFT, "columns": {name: {"kind": "feature", "feature": "m:x"} for name in columns}}
        told = (content.rows, f"{SCHEME}:{content.table}", columns, schema_text(table.schema))
        stamp = completed(draft, *told)
        each = {column["name"]: stamp_bytes(column) for column in stamp["columns"]}
        write_table(path, "parquet", TableFile(table.schema, table.batches), stamp_bytes(stamp), each)


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
