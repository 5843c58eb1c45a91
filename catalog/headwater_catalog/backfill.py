"""Which partitions of a dataflow lack their dataset, or have one that would come out otherwise now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from headwater_catalog.dataflows import choose_dataflow
from headwater_catalog.days import today
from headwater_catalog.errors import Conflict
from headwater_catalog.locations import Whereabouts
from headwater_catalog.moments import Moment
from headwater_catalog.partitions import Partitions, of_partition
from headwater_catalog.repositories import open_mirror
from headwater_catalog.stale import stale_columns
from headwater_catalog.store.models import Dataset, DatasetVersion, Run
from headwater_catalog.views import DataflowView

__all__ = ["PartitionState", "partition_states"]


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How the dataset of a partition stands at main.

    Attributes:
        day: The first day of the partition.
        state: "missing", "stale" or "fresh".
        run: The run that saved it last; None where none has.
        because: Why it is stale.
        unknown: Sources elsewhere, of which nobody knows whether they have changed.
    """

    day: str
    state: str
    run: int | None = None
    because: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


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
    chosen = choose_dataflow(head, dataflow, ())
    chosen.require_env(env)
    flow, env = chosen.view, chosen.env_of(env)
    partitions = head.snapshot.declared.partitions.get(dataflow)
    if partitions is None:
        raise Conflict(
            f"Dataflow '{dataflow}' has no partitions. Declare them in the project file: "
            f'[dataflows.{dataflow}.partitions] with key = "day" and from = "2026-01-01".'
        )
    days = partitions.days(since, until, today())
    versions = _versions(head, dataflow, partitions.key, set(days), env)
    known = [day for day in days if day in versions]
    stamps = [versions[day].stamp or {} for day in known]
    stale = dict(zip(known, stale_columns(head.session, head.settings, head.repository, stamps), strict=True))
    compare = _Comparison(head, flow, partitions, env)
    return tuple(
        compare.state(day, versions[day], stale[day]) if day in versions else PartitionState(day, "missing")
        for day in days
    )


def _versions(
    head: Moment, dataflow: str, key: str, days: set[str], env: str | None
) -> dict[str, DatasetVersion]:
    """Return the newest version of the dataset of each partition that has one."""
    rows = head.session.scalars(
        select(DatasetVersion)
        .join(DatasetVersion.dataset)
        .join(DatasetVersion.run)
        .where(Dataset.repository_id == head.repository.id, Dataset.name == dataflow)
        .where(Run.dataflow == dataflow, Run.origin.is_(None), Run.sample.is_(None))
        .where(Run.env.is_(None) if env is None else Run.env == env)
        .where(DatasetVersion.stamp.is_not(None))
        .options(contains_eager(DatasetVersion.run))
        .order_by(DatasetVersion.id)
    )
    found = {version.run.config.get(key): version for version in rows}
    return {day: version for day, version in found.items() if isinstance(day, str) and day in days}


class _Comparison:
    """Compares what a version was made with to what it would be made with now."""

    def __init__(self, head: Moment, flow: DataflowView, partitions: Partitions, env: str | None) -> None:
        self._head, self._flow, self._partitions, self._env = head, flow, partitions, env
        self._tree = cache(self._read_tree)

    def state(self, day: str, version: DatasetVersion, stale: Sequence[str]) -> PartitionState:
        stamp = version.stamp or {}
        because = [f"column '{name}' means something else" for name in stale]
        config = {**self._flow.config, self._partitions.key: day}
        if version.run.config != config:
            because.append("the configuration is another")
        if self._flow.outputs and list(version.run.outputs) != list(self._flow.outputs):
            because.append("the outputs are others")
        unknown: list[str] = []
        for name, told in self._inputs(stamp, config):
            (because if told else unknown).append(told or name)
        state = "stale" if because else "fresh"
        return PartitionState(day, state, version.run_id, tuple(because), tuple(unknown))

    def _inputs(self, stamp: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield each source that is not the same, with why; with nothing where that is not known."""
        recipe = stamp["recipe"]
        sources = of_partition(self._partitions, self._flow.sources, config)
        if recipe["inputs"]:
            yield "", "it was given data of its own"
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
                ends = (self._head.commit.sha, now), (stamp["commit"], then)
                files = [self._tree(sha).get(place.at(self._env).path) for sha, place in ends]
                if files[0] != files[1]:
                    yield name, f"the file of source '{name}' is another"

    def _read_tree(self, sha: str) -> Mapping[str, str]:
        with open_mirror(self._head.settings, self._head.repository) as source:
            return {path: file.oid for path, file in source.tree(sha).items()}
