"""Inputs of a dataflow from outside: what a feature certainly needs, and where a value may come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headwater_catalog.lineage_graph import LineageNode
from headwater_catalog.moments import Moment
from headwater_catalog.partitions import Partitions
from headwater_catalog.source_specs import is_frame
from headwater_catalog.views import DataflowView

__all__ = ["Supply", "missing_inputs", "supplies"]


@dataclass(frozen=True, slots=True)
class Supply:
    """What a dataflow has for an input.

    Attributes:
        dataflow: Its name.
        configured: Whether its configuration has a value.
        paths: Files that may hold the column.
        feature: The feature of another repository that it is declared to be, `repository:module:name`.
        at: The commit, tag or branch of that; None for what was scanned last.
        every: How long each partition is that it names; None where it names none.
    """

    dataflow: str
    configured: bool
    paths: tuple[str, ...]
    feature: str | None = None
    at: str | None = None
    every: str | None = None


def supplies(
    node: LineageNode, dataflows: Iterable[DataflowView], partitions: Mapping[str, Partitions]
) -> tuple[Supply, ...]:
    """Return what each dataflow has for an input; those that have nothing are left out.

    Only a file that is read tells its columns, so that all files of a dataflow are named, unless one is
    declared to have the column, or to be the table that the input is.

    Args:
        node: The input.
        dataflows: The dataflows.
        partitions: The partitions of dataflows that have some, by the dataflow's name. Their key is a key of
            the configuration, which says of each run which partition it is of.
    """
    found: list[Supply] = []
    name = node.name
    for flow in dataflows:
        cut = partitions.get(flow.name)
        telling = [s["path"] for s in flow.sources.values() if name in (s["index"], *s["dates"])]
        if not telling and name in flow.sources and is_frame(node.type):
            telling = [flow.sources[name]["path"]]
        paths = telling or [source["path"] for source in flow.sources.values()]
        other = flow.upstream.get(name, {})
        if cut is not None and cut.key == name:
            found.append(Supply(flow.name, True, (), every=cut.every))
        elif name in flow.config:
            found.append(Supply(flow.name, True, ()))
        elif paths or other:
            origin = other.get("feature"), other.get("at")
            found.append(Supply(flow.name, False, tuple(dict.fromkeys(paths)), *origin))
    return tuple(found)


def missing_inputs(moment: Moment, dataflow: DataflowView, key: str) -> tuple[str, ...]:
    """Return the inputs that a feature certainly needs, directly or not, and its dataflow does not supply.

    Where a name has several variants, only what all of them need is certain, since the configuration may
    choose any. A dataflow with sources misses nothing, as only their files tell which columns they have.

    Args:
        moment: The repository at a commit.
        dataflow: The dataflow, as it is at this commit.
        key: `module:name` of a feature in it.
    """
    if dataflow.sources:
        return ()
    return moment.snapshot.certain_needs(dataflow.name).inputs_of(key)
