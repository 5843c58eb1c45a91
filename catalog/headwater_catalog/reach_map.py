"""How far data reaches from where it comes in: by module, owner, dataflow, dataset and repository."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater_catalog.classified_at import classify_at
from headwater_catalog.cross_repository import across
from headwater_catalog.datasets import columns_made_by
from headwater_catalog.governance.inventory import carrying_inputs
from headwater_catalog.governance.outside_sources import inputs_by_source
from headwater_catalog.governance.witness import named
from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_catalog.moments import Moment
from headwater_catalog.snapshot import Snapshot, owners_of
from headwater_catalog.uses import drawn_features

__all__ = ["Elsewhere", "ReachMap", "reach_from"]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What data reaches in another repository.

    Attributes:
        repository: Its name.
        inputs: The names of its inputs that the data comes in by.
        features: How many features are downstream of these.
    """

    repository: str
    inputs: tuple[str, ...]
    features: int


@dataclass(frozen=True)
class ReachMap:
    """How far data reaches from a source, an input or a feature.

    Attributes:
        of: What it begins with, as it was asked for.
        starts: The keys of that: inputs, or a feature.
        classification: The classification that counted features have; empty: all count.
        features: The keys of the features reached, the nearest first, each with its distance.
        modules: How many of them are in which module.
        owners: How many of them are whose; an empty name is nobody.
        dataflows: How many of them are in which dataflow.
        datasets: How many columns of the newest version of each dataset they have made.
        repositories: What is reached in other repositories, whatever its classification.
    """

    of: str
    starts: tuple[str, ...]
    classification: str
    features: Mapping[str, int]
    modules: Mapping[str, int]
    owners: Mapping[str, int]
    dataflows: Mapping[str, int]
    datasets: Mapping[str, int]
    repositories: tuple[Elsewhere, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What queries call the starts."""
        return tuple(key.removeprefix(INPUT_PREFIX) for key in self.starts)


def reach_from(moment: Moment, of: str, classification: str = "") -> ReachMap:
    """Return how far data reaches at a moment.

    Args:
        moment: The moment.
        of: What dataflows declare as the source of inputs, or an input, or a feature.
        classification: Of a source, only inputs that carry it count, and of features only those that have it.

    Raises:
        NotFound: There is nothing of this name.
        Conflict: There are several.
    """
    snapshot = moment.snapshot
    levels: Mapping[str, int] | None = None
    starts = inputs_by_source(snapshot).get(of)
    if classification:
        found = classify_at(moment, classification)
        levels = found.levels
        if starts is not None:
            near = carrying_inputs(snapshot, found)
            starts = tuple(key for key in starts if key in near)
    if starts is None:
        starts = (named(snapshot, of),)
    reached = {
        key: steps
        for key, steps in _nearest(snapshot, starts).items()
        if key in snapshot.variants and (levels is None or key in levels)
    }
    datasets = columns_made_by(moment.session, moment.repository, reached) if reached else {}
    return ReachMap(
        of=of,
        starts=starts,
        classification=classification,
        features=reached,
        modules=_ordered(Counter(snapshot.variants[key][0].module for key in reached)),
        owners=_ordered(
            Counter(owner for key in reached for owner in owners_of(snapshot.variants[key]) or ("",))
        ),
        dataflows=_ordered(Counter(flow for key in reached for flow in _dataflows(snapshot, key))),
        datasets=datasets,
        repositories=_elsewhere(moment, starts),
    )


def _nearest(snapshot: Snapshot, starts: Sequence[str]) -> Mapping[str, int]:
    """Return all that is downstream of some nodes, the nearest first, each with its distance."""
    found: dict[str, int] = {}
    for start in starts:
        for key, steps in snapshot.graph.downstream(start).items():
            found[key] = min(steps, found.get(key, steps))
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def _dataflows(snapshot: Snapshot, key: str) -> Sequence[str]:
    return sorted({flow for each in snapshot.variants[key] for flow in each.dataflows})


def _elsewhere(moment: Moment, starts: Sequence[str]) -> tuple[Elsewhere, ...]:
    if not drawn_features(moment.session, moment.repository.name):
        return ()
    whole = across(moment)
    inputs: dict[str, set[str]] = defaultdict(set)
    features: Counter[str] = Counter()
    for key in {key for start in starts for key in whole.graph.downstream(f"{whole.label}:{start}")}:
        repository, _, rest = key.partition(":")
        if repository != whole.label:
            if rest.startswith(INPUT_PREFIX):
                inputs[repository].add(rest.removeprefix(INPUT_PREFIX))
            else:
                features[repository] += 1
    return tuple(
        Elsewhere(name, tuple(sorted(inputs[name])), count) for name, count in features.most_common()
    )


def _ordered(counts: Counter[str]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
