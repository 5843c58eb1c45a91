"""Which partitions of a dataflow lack their dataset, or have one that would come out otherwise now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from headwater_catalog.dataflows import DataflowAt, choose_dataflow
from headwater_catalog.days import today
from headwater_catalog.errors import Conflict, RepositoryError
from headwater_catalog.jobs import State
from headwater_catalog.locations import Whereabouts
from headwater_catalog.moments import Moment
from headwater_catalog.partitions import Partitions, of_partition
from headwater_catalog.repositories import open_mirror
from headwater_catalog.stale import stale_columns
from headwater_catalog.store.bulk import chunks
from headwater_catalog.store.models import Dataset, DatasetVersion, Job, Run

__all__ = [
    "LatestRuns",
    "PartitionState",
    "latest_runs",
    "partition_days",
    "partition_states",
    "partitions_of",
]


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How the dataset of a partition stands at main.

    Attributes:
        day: The first day of the partition.
        state: "missing", "stale" or "fresh".
        run: The run that saved it last; None where none has.
        because: Why it is stale, or missing though a run has saved it.
        unknown: Sources elsewhere, of which nobody knows whether they have changed.
        underway: The run that waits or goes on to save it; None where there is none.
        failed: The last run that was to save it, if that failed and nothing has come of another one since.
    """

    day: str
    state: str
    run: int | None = None
    because: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    underway: int | None = None
    failed: int | None = None


@dataclass(slots=True)
class LatestRuns:
    """The latest runs that saved a partition, or are to save it.

    Attributes:
        version: The number of the dataset version that was saved last; None where none was.
        saved: The run that did.
        underway: The run that waits or goes on.
        failed: The latest run, if it failed.
    """

    version: int | None = None
    saved: int | None = None
    underway: int | None = None
    failed: int | None = None


def partitions_of(head: Moment, dataflow: str) -> Partitions:
    """Return the partitions of a dataflow.

    Raises:
        NotFound: There is no such dataflow.
        Conflict: It has no partitions.
    """
    name = choose_dataflow(head, dataflow, ()).name
    found = head.snapshot.declared.partitions.get(name)
    if found is None:
        raise Conflict(
            f"Dataflow '{name}' has no partitions. Declare them in the project file: "
            f'[dataflows.{name}.partitions] with key = "day" and from = "2026-01-01".'
        )
    return found


def partition_days(
    head: Moment, dataflow: str, since: str | None = None, until: str | None = None
) -> tuple[str, ...]:
    """Return the first days of the partitions of a dataflow, in the order of time.

    Args:
        head: The repository at its scanned head.
        dataflow: Name of the dataflow.
        since: Only partitions that begin on this day or later.
        until: Only those that begin on this day or before; None: those that are over.

    Raises:
        NotFound: There is no such dataflow.
        Conflict: It has no partitions, or too many.
    """
    return partitions_of(head, dataflow).days(since, until, today())


def partition_states(
    head: Moment, dataflow: str, since: str | None = None, until: str | None = None, env: str | None = None
) -> tuple[PartitionState, ...]:
    """Return how the partitions of a dataflow stand at the scanned head, in the order of time.

    A partition is stale where a column means something else now, by its lineage hash; where a file of the
    repository that it read is another now; and where outputs, configuration or places are.

    Args:
        head: The repository at its scanned head.
        dataflow: Name of the dataflow.
        since: Only partitions that begin on this day or later.
        until: Only those that begin on this day or before; None: those that are over.
        env: The environment whose sources count; None: the usual one.

    Raises:
        NotFound: There is no such dataflow.
        Conflict: It has no partitions, or too many.
    """
    partitions = partitions_of(head, dataflow)
    chosen = choose_dataflow(head, dataflow, ())
    chosen.require_env(env)
    env = chosen.env_of(env)
    days = partition_days(head, dataflow, since, until)
    runs = latest_runs(head.session, head.repository.id, dataflow, partitions.key, env)
    known = {version: day for day in days if (version := runs.get(day, LatestRuns()).version) is not None}
    compare = _Comparison(head, chosen, partitions, env)
    made = {state.day: state for some in chunks(known) for state in compare.states(some, known)}
    return tuple(_with_runs(made.get(day), day, runs.get(day, LatestRuns())) for day in days)


def latest_runs(
    session: Session, repository_id: int, dataflow: str, key: str, env: str | None
) -> dict[Any, LatestRuns]:
    """Return the latest runs that saved partitions of a dataflow or are to, by the partition's first day.

    Args:
        session: An open session.
        repository_id: The repository.
        dataflow: Name of the dataflow; its dataset has the same one.
        key: The key of the configuration that says which partition a run is of.
        env: The environment of the runs.
    """
    is_of_it = and_(Run.repository_id == repository_id, Run.dataflow == dataflow)
    is_whole: ColumnElement[bool] = and_(Run.origin.is_(None), Run.sample.is_(None))
    is_there = Run.env.is_(None) if env is None else Run.env == env
    rows = session.execute(
        select(
            *(Run.id, Run.config[key].as_string(), Job.state, DatasetVersion.id, Dataset.name),
            *(Job.payload["save"].as_string(), Job.payload["dataset"].as_string()),
        )
        .join(Job, Job.id == Run.job_id)
        .outerjoin(DatasetVersion, and_(DatasetVersion.run_id == Run.id, DatasetVersion.stamp.is_not(None)))
        .outerjoin(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .where(is_of_it, is_whole, is_there)
        .order_by(Run.id)
    )
    found: dict[Any, LatestRuns] = {}
    for run, day, state, version, dataset, save, asked in rows:
        latest = found.setdefault(day, LatestRuns())
        if version is not None and dataset == dataflow:
            latest.version, latest.saved, latest.failed = version, run, None
        elif save is None or asked != dataflow:
            continue
        elif state == State.FAILED:
            latest.failed = run
        elif state in (State.QUEUED, State.RUNNING):
            latest.underway = run
    return found


def _with_runs(made: PartitionState | None, day: str, latest: LatestRuns) -> PartitionState:
    about = made or PartitionState(day, "missing")
    told = about.run, about.because, about.unknown
    return PartitionState(day, about.state, *told, latest.underway, latest.failed)


class _Comparison:
    """Compares what versions were made with to what they would be made with now."""

    def __init__(self, head: Moment, chosen: DataflowAt, partitions: Partitions, env: str | None) -> None:
        self._head, self._flow, self._partitions, self._env = head, chosen.view, partitions, env
        self._outputs = chosen.declared_names
        self._tree = cache(self._read_tree)

    def states(self, versions: Collection[int], days: Mapping[int, str]) -> Iterator[PartitionState]:
        """Yield how some dataset versions stand, each that of a day."""
        head = self._head
        rows = head.session.execute(
            select(
                *(DatasetVersion.id, DatasetVersion.path, DatasetVersion.stamp),
                *(Run.id.label("run"), Run.config, Run.outputs),
            )
            .join(Run, Run.id == DatasetVersion.run_id)
            .where(DatasetVersion.id.in_(versions))
        ).all()
        stamps = [row.stamp for row in rows]
        stale = stale_columns(head.session, head.settings, head.repository, stamps)
        for row, columns in zip(rows, stale, strict=True):
            yield self._state(days[row.id], row, columns)

    def _state(self, day: str, row: Any, stale: Sequence[str]) -> PartitionState:
        if not (self._head.settings.home / row.path).is_file():
            return PartitionState(day, "missing", row.run, ("the file that was saved is gone",))
        because = [f"column '{name}' means something else" for name in stale]
        config = {**self._flow.config, self._partitions.key: day}
        if row.config != config:
            because.append("the configuration is another")
        if self._outputs and list(row.outputs) != self._outputs:
            because.append("the outputs are others")
        unknown: list[str] = []
        for name, told in self._inputs(row.stamp, config):
            (because if told else unknown).append(told or name)
        return PartitionState(day, "stale" if because else "fresh", row.run, tuple(because), tuple(unknown))

    def _inputs(self, stamp: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield each source that is not the same, with why; with nothing where that is not known."""
        recipe = stamp["recipe"]
        sources = of_partition(self._partitions, self._flow.sources, config)
        if recipe["inputs"]:
            yield "", "it was given data of its own"
        for name in recipe["sources"].keys() - sources.keys() - recipe["inputs"].keys():
            yield name, f"source '{name}' is there no more"
        for name, declared in sources.items():
            if name not in recipe["sources"]:
                yield name, f"source '{name}' is new"
                continue
            now, then = (Whereabouts.from_dict(each) for each in (declared, recipe["sources"][name]))
            if declared != recipe["sources"][name]:
                yield name, f"source '{name}' is declared otherwise"
            elif not now.at(self._env).path:
                yield name, ""
            else:
                yield from self._file(name, now.at(self._env).path, then.at(self._env).path, stamp["commit"])
        for name in self._flow.upstream:
            yield name, ""

    def _file(self, name: str, now: str, then: str, commit: str) -> Iterator[tuple[str, str]]:
        try:
            files = self._tree(self._head.commit.sha).get(now), self._tree(commit).get(then)
        except RepositoryError:  # a commit of no branch that a mirror made anew does not have
            yield name, ""
            return
        if files[0] != files[1]:
            yield name, f"the file of source '{name}' is another"

    def _read_tree(self, sha: str) -> Mapping[str, str]:
        with open_mirror(self._head.settings, self._head.repository) as source:
            return {path: file.oid for path, file in source.tree(sha).items()}
