"""How long a run takes that computes little, and what kept values save; `runs.py` has it in its table."""

from __future__ import annotations

import importlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from catalog import Catalog, Table, git, latency, shown
from headwater.driver import Driver
from headwater_catalog.definitions_at import DefinitionReader
from headwater_catalog.demo import init_synthetic
from headwater_catalog.git import GitSource
from headwater_catalog.kept_values import KeptValues, place_of
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.prepared import prepared_processes
from headwater_catalog.repositories import get_repository, mirror_path, resolve_at
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import get_run, request_run
from headwater_catalog.store.models import Run
from headwater_catalog.value_files import read_value, write_value
from headwater_catalog.value_keys import ValueKeys
from headwater_catalog.worker import Worker

__all__ = ["measure_columns", "measure_overhead", "measure_reuse"]

_SMALL = """\
import pandas as pd


def doubled() -> pd.Series:
    return pd.Series([1.0, 2.0, 3.0]) * 2
"""
_WHO = ("-c", "user.name=Maya Lindqvist", "-c", "user.email=maya.lindqvist@example.com")
_PREPARING = 5  # seconds for a process to be prepared, and the machine to be quiet again
_CONE = 20  # features that are downstream of the one that is changed, or about as many
_EACH = 2  # features of which each column is made, few so that what these cost does not count


def measure_overhead(table: Table, runs: int) -> None:
    """Measure a run of one small feature, from the request to the result, by a worker that is warm.

    Its process is forked from one that is prepared, as in a worker, or started anew, as for a single command.
    """
    with tempfile.TemporaryDirectory() as folder:
        origin = Path(folder, "small")
        origin.mkdir()
        (origin / "small.py").write_text(_SMALL)
        git(origin, "init", "--quiet", "--initial-branch=main")
        git(origin, "add", ".")
        git(origin, *_WHO, "commit", "--quiet", "--message", "Make one column")
        catalog = Catalog(origin, Path(folder, "home"))
        catalog.scan()
        worker = Worker(catalog.database, catalog.settings)
        times: list[list[float]] = [[], []]
        for _ in range(runs + 1):
            times[0].append(_run(catalog, worker, ["doubled"], use_kept=False)[0])
            with prepared_processes():
                _run(catalog, worker, ["doubled"], use_kept=False)  # begins what is prepared
                time.sleep(_PREPARING)
                times[1].append(_run(catalog, worker, ["doubled"], use_kept=False)[0])
        catalog.database.dispose()
    anew, forked = (each[1:] for each in times)
    what = "a run of one small feature that uses pandas, request to result"
    table.figure(f"{what}, started anew", shown(statistics.median(anew)), "≤ 2.5 s")
    table.ratio(f"{what}, forked", forked, anew, "started anew", digits=2)


def measure_reuse(table: Table, features: int, runs: int) -> None:
    """Measure runs of many features that compute everything, nothing, and what one change reaches."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        catalog, worker = _catalog(place, features)
        leaves = _leaves(catalog)
        whole = [_run(catalog, worker, leaves, use_kept=False)[0] for _ in range(runs)]
        cold, _ = _run(catalog, worker, leaves)
        warm = [_run(catalog, worker, leaves)[0] for _ in range(runs)]
        what = f"a run of all {features:,} features of which none changed"
        table.ratio(what, warm, whole, "the same that computes all", digits=2)
        table.figure("the same for the first time, with its values written", shown(cold))
        _measure_keys(table, catalog, leaves, runs)
        _measure_change(table, catalog, worker, leaves)
        catalog.database.dispose()


def _measure_keys(table: Table, catalog: Catalog, leaves: Sequence[str], runs: int) -> None:
    """Measure what it takes to find the kept values of some features, beyond reading them."""
    with catalog.database.read() as session, tempfile.TemporaryDirectory() as folder:
        moment = _head(catalog, session)
        definitions = DefinitionReader().at(catalog.database, moment)
        with _driver(catalog, moment, Path(folder)) as driver:
            measured = _Taking(driver, definitions, leaves, {}, Path(folder))
            spent, read = measured.medians(runs)
            nodes = len(driver.graph) - len(measured.outputs)
    each = f"{(spent - read) / nodes * 1e6:.1f} µs"
    what = f"taking {len(measured.outputs):,} kept numbers, for each of {nodes:,} nodes not needed"
    table.figure(what, each, "≤ 30 µs")


def measure_columns(table: Table, rows: int, columns: int, runs: int) -> None:
    """Measure what it takes to take kept columns, held against reading them."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "kept_columns.py").write_text(_columns_source(columns))
        sys.path.insert(0, folder)
        try:
            driver = Driver({}, importlib.import_module("kept_columns"))
        finally:
            sys.path.remove(folder)
        names = [f"column_{number}" for number in range(columns)]
        definitions = {"kept_columns": {node.name: node.name for node in driver.graph}}
        given = {"given": pd.Series(np.random.default_rng(1).normal(size=rows))}
        spent, read = _Taking(driver, definitions, names, given, place).medians(runs)
        nodes = len(driver.graph) - columns
    what = f"taking {columns} kept columns of {rows:,} rows, {nodes:,} nodes not needed"
    table.ratio(what, [spent], [read], "reading their files", 1.1, digits=2)


def _columns_source(columns: int) -> str:
    made = ["import pandas as pd"]
    for number in range(columns):
        before = "given"
        for step in range(_EACH):
            name = f"step_{number}_{step}" if step < _EACH - 1 else f"column_{number}"
            made.append(f"def {name}({before}: pd.Series) -> pd.Series:\n    return {before} + {step}")
            before = name
    return "\n\n\n".join(made) + "\n"


class _Taking:
    """Values of outputs of a graph, as far as they can be kept: written once, and taken again and again."""

    def __init__(
        self,
        driver: Driver,
        definitions: Mapping[str, Mapping[str, str]],
        outputs: Sequence[str],
        inputs: Mapping[str, Any],
        folder: Path,
    ) -> None:
        self._driver, self._definitions = driver, definitions
        self._inputs = dict.fromkeys(inputs, "0" * 64)
        self._known, self._new = folder / "known", folder / "new"
        keys = self._keys()
        self.outputs = [name for name in outputs if keys.may_be_taken(name) and keys.key(name) is not None]
        _require(bool(self.outputs), "there are values that can be kept")
        self._files = []
        for start in range(0, len(self.outputs), 10):  # few at once, as they may be large
            some = self.outputs[start : start + 10]
            for name, value in driver.run(some, inputs=dict(inputs)).values.items():
                path = place_of(self._known, str(keys.key(name)))
                path.parent.mkdir(parents=True, exist_ok=True)
                write_value(value, path)
                self._files.append(path)

    def _keys(self) -> ValueKeys:
        driver = self._driver
        return ValueKeys(driver.graph, self._definitions, driver.config, self._inputs, (), "")

    def take(self) -> None:
        kept = KeptValues(self._driver.graph, self._keys(), self._known, self._new, 0)
        kept.take(self.outputs)
        _require(not kept.computed, "all is taken")

    def read(self) -> None:
        for path in self._files:
            read_value(path)

    def medians(self, runs: int) -> tuple[float, float]:
        """Return how long it takes to take all, and to read all, in turn."""
        taken: dict[Callable[[], None], list[float]] = {self.take: [], self.read: []}
        for _ in range(2 * runs + 1):
            for work, times in taken.items():
                times.append(latency(work))
        spent, read = (statistics.median(times[1:]) for times in taken.values())
        return spent, read


def _measure_change(table: Table, catalog: Catalog, worker: Worker, leaves: Sequence[str]) -> None:
    """Change one feature, and measure the next run of all."""
    with catalog.database.read() as session:
        snapshot = _head(catalog, session).snapshot
        graph = snapshot.graph
        key = min(sorted(snapshot.variants), key=lambda key: abs(len(graph.downstream(key)) - _CONE))
        feature = snapshot.variants[key][0]
        cone = {graph[each].name for each in (key, *graph.downstream(key))}
    path = catalog.origin / feature.path
    text, line = path.read_text(), feature.source.rstrip().splitlines()[-1]
    _require(text.count(feature.source) == 1 and " return " in line, "the feature is changed by a line")
    path.write_text(text.replace(feature.source, feature.source.replace(line, f"{line} + 1")))
    git(catalog.origin, *_WHO, "commit", "--quiet", "--all", "--message", "Change one feature")
    catalog.scan()
    took, run = _run(catalog, worker, leaves)
    computed = {node.name for node in run.nodes if node.kept_from is None}
    # A check is made each time where something needs what it looks at, and so is what reads its outcome.
    checked = _parts(computed, [check.node for check in run.checks])
    beside = computed - checked - _parts(computed, cone)
    _require(not beside, f"nothing beside the cone is computed: {sorted(beside)[:5]}")
    what = f"the same after a change of one feature that {len(cone) - 1:,} need"
    told = f"{shown(took)}; {len(computed - checked):,} nodes computed, and {len(checked):,} of checks"
    table.figure(what, told, "only the cone")


def _parts(nodes: Iterable[str], features: Iterable[str]) -> set[str]:
    """Return the nodes that belong to features: by their names, or by those with something behind them."""
    begin = tuple(f"{feature}_" for feature in features)
    return {node for node in nodes if f"{node}_".startswith(begin)}


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise SystemExit(f"It should be so, and is not: {what}.")


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


def _run(
    catalog: Catalog, worker: Worker, outputs: Sequence[str], *, use_kept: bool = True
) -> tuple[float, Run]:
    """Execute outputs, and return how long that took, and the run."""
    begun = time.perf_counter()
    with catalog.database.write() as session:
        repository = get_repository(session, "measured")
        commit = resolve_at(session, catalog.settings, repository, None)
        asked = (None, outputs, {}, {}, None, "benchmark", int(time.time()))
        options = RunOptions(use_kept=use_kept)
        run = request_run(session, catalog.settings, repository, commit, *asked, options=options)
        number, job = run.id, run.job_id
    _require(worker.perform_next(job), "the worker takes the run")
    took = time.perf_counter() - begun
    with catalog.database.read() as session:
        found = get_run(session, number)
    if found.job.state != "succeeded":
        raise SystemExit(f"The run failed: {found.job.error}")
    return took, found


@contextmanager
def _driver(catalog: Catalog, moment: Moment, folder: Path) -> Iterator[Driver]:
    with GitSource(mirror_path(catalog.settings, moment.repository)) as source:
        source.export_tree(moment.commit.sha, folder / "tree")
    sys.path.insert(0, str(folder / "tree"))
    try:
        flow = moment.snapshot.dataflows[0]
        yield Driver(flow.config, *(importlib.import_module(name) for name in flow.modules))
    finally:
        sys.path.remove(str(folder / "tree"))
