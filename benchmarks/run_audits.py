"""How long it takes to tell where a file comes from and how it stands; `runs.py` has it in its table."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from catalog import Catalog, Table, latency, shown
from headwater_catalog.datasets import file_sha256
from headwater_catalog.demo import init_synthetic
from headwater_catalog.fingerprints import SCHEME, fingerprint_of
from headwater_catalog.kept_standings import keep_standings
from headwater_catalog.moments import moment_at
from headwater_catalog.provenance import draft_stamp
from headwater_catalog.reports import TableReport
from headwater_catalog.repositories import get_repository
from headwater_catalog.results import Saved, record_saved
from headwater_catalog.runs import request_run
from headwater_catalog.stamps import completed, stamp_bytes
from headwater_catalog.table_files import TableFile, schema_text, write_table

__all__ = ["measure_audits", "write_stamped"]

_BOUND = "≤ 300 ms"


def measure_audits(
    table: Table, folder: Path, made: pa.Table, features: int, commits: int, runs: int
) -> None:
    """Measure audits of a file that was made at the head, and of one whose columns are stale since long.

    Args:
        table: Takes what is measured.
        folder: A folder that is empty.
        made: What the files hold; as many features are said to have made it as it has columns.
        features: How many there are at the head.
        commits: How many lead there.
        runs: How often each command is measured.
    """
    init_synthetic(folder / "synthetic", features=features, commits=commits)
    catalog = Catalog(folder / "synthetic", folder / "home")
    catalog.scan()
    files: dict[str, tuple[str | None, Path]] = {
        "at the head": (None, folder / "new.parquet"),
        "at the first commit": (f"HEAD~{commits - 1}", folder / "old.parquet"),
    }
    size = f"{features:,} features x {commits} commits"
    for when, (at, path) in files.items():
        stale = _save(catalog, at, made, path)
        took = latency(lambda: keep_standings(catalog.database, catalog.settings, "measured"))
        what = f"{size}: finding how a dataset of {len(stale)} columns stands that was made {when}"
        table.figure(what, shown(took))
    catalog.fetch_news(1)
    catalog.scan()
    took = latency(lambda: keep_standings(catalog.database, catalog.settings, "measured"))
    table.figure("that of both after one more commit, as after each scan", shown(took))
    shape = f"{made.num_rows:,} x {made.num_columns}"
    for when, (_, path) in files.items():
        _measure_command(table, catalog, f"`headwater audit` of {shape} made {when}", path, runs)
    catalog.database.dispose()


def _save(catalog: Catalog, at: str | None, made: pa.Table, path: Path) -> Sequence[str]:
    """Write a table with the stamp of features, and record it, as a run does; nothing is executed."""
    now = int(time.time())
    with catalog.database.write() as session:
        repository = get_repository(session, "measured")
        moment = moment_at(session, catalog.settings, repository, at)
        # The ones that need most, as what is downstream of much is stale first.
        names = [feature.name for feature in moment.snapshot.features][-made.num_columns :]
        flow = moment.snapshot.dataflows[0]
        asked = (flow.name, names, {}, {}, "parquet", "benchmark", now)
        run = request_run(session, catalog.settings, repository, moment.commit, *asked)
        run.job.state = "succeeded"
        recipe = {"modules": list(flow.modules), "sources": {}}
        origins = TableReport((), {name: name for name in names})
        told = (recipe, {}, {"python": sys.version}, now)
        draft = draft_stamp(session, catalog.settings, run, flow.name, origins, *told)
        named = made.rename_columns(names)
        stamp = write_stamped(TableFile(named.schema, named.to_batches), draft, path)
        sha256 = file_sha256(path)
        record_saved(
            session, run, Saved(flow.name, f"datasets/{run.id}.parquet", "parquet", sha256, stamp, now)
        )
    return names


def write_stamped(table: TableFile, draft: Mapping[str, object], path: Path) -> Mapping[str, object]:
    """Write a table as a Parquet file with its stamp, and return that."""
    content = fingerprint_of(table.schema, table.batches())
    columns = {f.name: {"type": str(f.type), "fingerprint": content.columns[f.name]} for f in table.schema}
    told = (content.rows, f"{SCHEME}:{content.table}", columns, schema_text(table.schema))
    stamp = completed(draft, *told)
    each = {column["name"]: stamp_bytes(column) for column in stamp["columns"]}
    write_table(path, "parquet", table, stamp_bytes(stamp), each)
    return stamp


def _measure_command(table: Table, catalog: Catalog, what: str, path: Path, runs: int) -> None:
    program = str(Path(sys.executable).with_name("headwater"))
    commands = {
        "tables": [sys.executable, "-c", "import headwater_catalog.store.models"],
        "start": [program, "--version"],
        "database": [program, "db", "check"],
        "audit": [program, "audit", str(path)],
        "as JSON": [program, "audit", str(path), "--json"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            taken[name].append(latency(lambda command=command: _call(catalog, command)))
    median = {name: statistics.median(each[1:]) for name, each in taken.items()}
    # What every command of this catalog begins with: the interpreter, SQLAlchemy and the tables.
    begun = f"a process that loads SQLAlchemy and the tables, {shown(median['tables'])}"
    for name, told in (("audit", what), ("as JSON", "the same as JSON, with the code of each column")):
        table.beyond(told, median[name], begun, median["tables"], _BOUND if name == "audit" else "")
    for name, told in (("database", "`headwater db check`"), ("start", "`headwater --version`")):
        table.beyond("the same", median["audit"], f"{told}, {shown(median[name])}", median[name], "")


def _call(catalog: Catalog, command: Sequence[str]) -> None:
    place = {
        "HEADWATER_HOME": str(catalog.settings.home),
        "HEADWATER_DATABASE_URL": catalog.settings.database_url,
    }
    done = subprocess.run(command, env={**os.environ, **place}, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()}")
