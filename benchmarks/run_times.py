"""How long a run takes that computes little, and what kept values save; `runs.py` has it in its table."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catalog import FEATURES, Catalog, Table, shown
from headwater.driver import Driver
from headwater_catalog.definitions_at import DefinitionReader
from headwater_catalog.demo import init_synthetic
from headwater_catalog.git import GitSource
from headwater_catalog.kept_values import KeptValues
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository, mirror_path, resolve_at
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import get_run, request_run
from headwater_catalog.store.models import Run
from headwater_catalog.value_files import read_value
from headwater_catalog.value_keys import ValueKeys
from headwater_catalog.value_store import folder_of
from headwater_catalog.worker import Worker

__all__ = ["measure_overhead", "measure_reuse"]

_FEW = 20  # features of the repository of which one is executed
_LITERAL = 7


def measure_overhead(table: Table, runs: int) -> None:
    """Measure a run of one small feature, from the request to the result, by a worker that is warm."""
    with tempfile.TemporaryDirectory() as folder:
        catalog, worker = _catalog(Path(folder), _FEW)
        name = _leaves(catalog)[0]
        taken = [_run(catalog, worker, [name])[0] for _ in range(runs + 1)][1:]
        catalog.database.dispose()
    table.figure("a run of one small feature, request to result", shown(statistics.median(taken)), "≤ 2.5 s")


def measure_reuse(table: Table, runs: int) -> None:
    """Measure runs of 4,000 features that compute everything, nothing, and what one change reaches."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        catalog, worker = _catalog(place, FEATURES)
        leaves = _leaves(catalog)
        whole = [_run(catalog, worker, leaves, options=RunOptions(use_kept=False))[0] for _ in range(runs)]
        cold = _run(catalog, worker, leaves)[0]
        warm = [_run(catalog, worker, leaves) for _ in range(runs)]
        table.versus(
            f"a run of all {FEATURES:,} features, nothing changed",
            shown(statistics.median(took for took, _ in warm)),
            f"the same that computes all, {shown(statistics.median(whole))}",
            f"{statistics.median(took for took, _ in warm) / statistics.median(whole):.2f}",
        )
        table.figure("the same for the first time, with values written", shown(cold))
        _measure_keys(table, catalog, leaves, runs)
        _measure_change(table, catalog, worker, leaves)
        catalog.database.dispose()


def _measure_keys(table: Table, catalog: Catalog, leaves: Sequence[str], runs: int) -> None:
    with catalog.database.read() as session, tempfile.TemporaryDirectory() as folder:
        moment = _head(catalog, session)
        definitions = DefinitionReader().at(catalog.database, moment)
        with _driver(catalog, moment, Path(folder)) as driver:
            inputs = {node.name: str(_LITERAL) for node in driver.graph.inputs}
            known = folder_of(catalog.settings, moment.repository.id)
            spent, read = [], []
            for _ in range(runs):
                begun = time.perf_counter()
                # Keys as a runner makes them: the same literals and packages, another way to say so.
                keys = ValueKeys(driver.graph, definitions, driver.config, inputs, (), "")
                kept = KeptValues(driver.graph, keys, known, Path(folder) / "new", 0)
                told = [keys.key(name) for name in leaves]
                kept.take(leaves)
                spent.append(time.perf_counter() - begun)
                files = list(known.rglob("*.value"))[: len(leaves)]
                begun = time.perf_counter()
                for file in files:
                    read_value(file)
                read.append((time.perf_counter() - begun) / len(files))
            assert None not in told
    nodes = len(driver.graph)
    each = statistics.median(spent) / nodes
    table.figure("finding out what of them is kept, a node", f"{each * 1e6:.1f} µs", "≤ 30 µs")
    table.figure("reading a value that is a number", shown(statistics.median(read)))


def _measure_change(table: Table, catalog: Catalog, worker: Worker, leaves: Sequence[str]) -> None:
    with catalog.database.read() as session:
        moment = _head(catalog, session)
        graph, variants = moment.snapshot.graph, moment.snapshot.variants
        middle = sorted(variants, key=lambda key: abs(len(graph.downstream(key)) - 20))[0]
        feature = variants[middle][0]
        changed = catalog.origin / feature.path
        cone = {graph[key].name for key in (middle, *graph.downstream(middle))}
    import subprocess

    text = changed.read_text() if changed.is_file() else ""
    git = ["git", "-C", str(catalog.origin), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    if not text:
        subprocess.run([*git, "checkout", "-q", "-f", "main"], check=True)
        text = changed.read_text()
    line = next(each for each in feature.source.splitlines() if each.strip().startswith("return "))
    assert text.count(line) == 1
    changed.write_text(text.replace(line, f"{line} + 1"))
    subprocess.run([*git, "commit", "-qam", "Change one"], check=True)
    catalog.scan()
    took, run = _run(catalog, worker, leaves)
    computed = {node.name for node in run.nodes if node.kept_from is None}
    assert computed <= cone, sorted(computed - cone)[:5]
    table.figure(
        f"the same after a change that reaches {len(cone):,} features",
        f"{shown(took)}, {len(computed)} computed",
    )


def _catalog(place: Path, features: int) -> tuple[Catalog, Worker]:
    init_synthetic(place / "synthetic", features=features, commits=2)
    catalog = Catalog(place / "synthetic", place / "home")
    catalog.scan()
    return catalog, Worker(catalog.database, catalog.settings)


def _head(catalog: Catalog, session: Any) -> Moment:
    return moment_at(session, catalog.settings, get_repository(session, "measured"))


def _leaves(catalog: Catalog) -> list[str]:
    with catalog.database.read() as session:
        graph = _head(catalog, session).snapshot.graph
        return [n.name for key, n in graph.nodes.items() if not n.is_input and not graph.children(key)]


def _run(catalog: Catalog, worker: Worker, outputs: Sequence[str], **more: Any) -> tuple[float, Run]:
    """Execute outputs, each input being the same number, and return how long it took and the run."""
    begun = time.perf_counter()
    with catalog.database.write() as session:
        repository = get_repository(session, "measured")
        commit = resolve_at(session, catalog.settings, repository, None)
        inputs = _inputs(catalog, session)
        asked = (None, outputs, {}, inputs, None, "benchmark", int(time.time()))
        run = request_run(session, catalog.settings, repository, commit, *asked, **more)
        number, job = run.id, run.job_id
    assert worker.perform_next(job)
    took = time.perf_counter() - begun
    with catalog.database.read() as session:
        found = get_run(session, number)
    if found.job.state != "succeeded":
        raise SystemExit(f"The run failed: {found.job.error}")
    return took, found


def _inputs(catalog: Catalog, session: Any) -> Mapping[str, Any]:
    graph = _head(catalog, session).snapshot.graph
    return {node.name: _LITERAL for node in graph.nodes.values() if node.is_input}


@contextmanager
def _driver(catalog: Catalog, moment: Moment, folder: Path) -> Iterator[Driver]:
    import importlib

    with GitSource(mirror_path(catalog.settings, moment.repository)) as source:
        source.export_tree(moment.commit.sha, folder / "tree")
    sys.path.insert(0, str(folder / "tree"))
    try:
        flow = moment.snapshot.dataflows[0]
        yield Driver(flow.config, *(importlib.import_module(name) for name in flow.modules))
    finally:
        sys.path.pop(0)
