"""What a column reaches in a dataflow at one commit and in one configuration, by names of nodes."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater_catalog.classified_runs import PERSONAL
from headwater_catalog.config_values import may_hold
from headwater_catalog.erasure.items import DERIVED, UNKNOWN, Standing, weightier
from headwater_catalog.lineage_graph import input_key
from headwater_catalog.query.classified import Classified, classify
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.source_specs import is_frame
from headwater_catalog.table_specs import column_key, table_of
from headwater_catalog.views import DataflowView

__all__ = ["Reach", "Seeds", "merged", "reach_in", "reach_of_all"]

_MOST_REASONS: Final = 3
_Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Seeds:
    """What the columns are called in one repository.

    Attributes:
        names: Of inputs and features, whatever module these are in.
        keys: Of features, `module:name`.
        held: Of inputs that come from features of other repositories where these are anonymised: by what.
        inputs: Of inputs alone.
    """

    names: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.names or self.keys or self.held or self.inputs)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the columns reach among the nodes of a dataflow.

    Attributes:
        standings: How each name stands that they reach, or that may be reached without anybody knowing.
        needs: The names that each node needs directly.
        keys: The features that may make each node.
        columns: Names of inputs and nodes that are the columns themselves.
        index: Names of sources whose index one of the columns is: it comes along with all that is read there.
        open: Names of inputs that are tables which may have one of the columns, with why that is not known.
    """

    standings: Mapping[str, Standing]
    needs: Mapping[str, frozenset[str]]
    keys: Mapping[str, tuple[str, ...]]
    columns: frozenset[str]
    index: frozenset[str]
    open: Mapping[str, str] = field(default_factory=dict)

    def needed(self, outputs: Iterable[str]) -> set[str]:
        """Return the names that some outputs need, these included."""
        return _closure(outputs, lambda name: self.needs.get(name, ()))

    def of(self, names: Iterable[str]) -> Standing | None:
        """Return how the weightiest of some names stands; None where none is reached."""
        found = None
        for name in names:
            found = weightier(found, self.standings.get(name))
        return found


def reach_in(
    snapshot: Snapshot,
    view: DataflowView,
    config: Mapping[str, Any] | None,
    given: Collection[str],
    seeds: Seeds,
    day: str,
    files: Collection[str] = (),
) -> Reach:
    """Return what columns reach in a dataflow.

    Args:
        snapshot: The repository at the commit.
        view: The dataflow, as it is there.
        config: The configuration of the run; None: any.
        given: Names of the inputs whose values the run was given, which come from no source.
        seeds: The columns.
        day: The day on which barriers must hold.
        files: Names of the sources that the run was given, besides those that are declared.
    """
    inside = frozenset(view.modules)
    features = [
        each
        for each in snapshot.features
        if each.module in inside and (config is None or may_hold(each.condition, config))
    ]
    apart = {*(config or ()), *given, *view.upstream}
    index = {name: each["index"] for name, each in view.sources.items() if each.get("index")}
    tables = functools.partial(_with_the_column, snapshot, view.name, features, {*view.sources, *files})
    return _reach(snapshot, features, seeds, day, index, apart, tables)


def reach_of_all(snapshot: Snapshot, seeds: Seeds, day: str) -> Reach:
    """Return what columns reach in whatever dataflow, of a run of which nobody knows that."""
    index = {
        f"{view.name} {name}": each["index"]
        for view in snapshot.dataflows
        for name, each in view.sources.items()
        if each.get("index")
    }
    sources = {name for view in snapshot.dataflows for name in view.sources}
    tables = functools.partial(_with_the_column, snapshot, None, snapshot.features, sources)
    return _reach(snapshot, snapshot.features, seeds, day, index, set(), tables)


def _reach(
    snapshot: Snapshot,
    features: Collection[SnapshotFeature],
    seeds: Seeds,
    day: str,
    index: Mapping[str, str],
    apart: Collection[str],
    with_the_column: Callable[[Collection[str], Collection[str]], Mapping[str, str]],
) -> Reach:
    needs, makers, unsure = _wired(features)
    children: dict[str, list[str]] = {}
    for name, needed in needs.items():
        for each in needed:
            children.setdefault(each, []).append(name)
    known = needs.keys() | children.keys()
    inputs = children.keys() - needs.keys()
    columns = {name for name in seeds.names if name in known} | (seeds.inputs & inputs)
    columns |= {name for name, keys in makers.items() if not seeds.keys.isdisjoint(keys)}
    asked = seeds.names | seeds.inputs
    tables = with_the_column(inputs.difference(apart), asked)
    columns |= {name for name, reason in tables.items() if not reason}
    is_open = {name: reason for name, reason in tables.items() if reason}
    indexed = frozenset(name for name, column in index.items() if column in asked)
    # Whatever is read from a source is read with its index.
    start = columns | (inputs.difference(apart) if indexed else set())
    held = {name: by for name, by in seeds.held.items() if name in inputs and name not in start}
    reached = _Walk(snapshot, children, makers, day).standings(start, held)
    for name, reason in _unknown({**unsure, **is_open}, children).items():
        reached.setdefault(name, Standing(UNKNOWN, reason))
    return Reach(reached, needs, makers, frozenset(columns), indexed, is_open)


def _with_the_column(
    snapshot: Snapshot,
    dataflow: str | None,
    features: Collection[SnapshotFeature],
    sources: Collection[str],
    inputs: Collection[str],
    asked: Collection[str],
) -> dict[str, str]:
    """Return the inputs that are tables with one of some columns, with why that is not known for certain."""
    needed = {(each.name, each.type) for feature in features for each in feature.dependencies}
    needed |= {(each.name, each.type) for each in snapshot.inputs}
    tables = {
        name: type_
        for name, type_ in sorted(needed, key=lambda each: is_frame(each[1]) is True)
        if name in inputs and (is_frame(type_) or (is_frame(type_) is None and name in sources))
    }
    if not tables or not asked:
        return {}
    lineage = snapshot.lineage if dataflow is None else snapshot.lineage_of(dataflow)
    found: dict[str, str] = {}
    for name, type_ in tables.items():
        key, is_table = input_key(name), is_frame(type_)
        read = lineage.parents(key) if key in lineage.nodes else ()
        has_it = any(each == column_key(table_of(each), column) for each in read for column in asked)
        if is_table and has_it:
            found[name] = ""
        elif has_it or not read or any(each == table_of(each) for each in read):
            why = "a table, and nothing declares which columns it has"
            if is_table is None:
                why = f"perhaps a table: only running the code tells what its type '{type_}' is"
            found[name] = f"input '{name}' is {why}"
    return found


def _wired(
    features: Iterable[SnapshotFeature],
) -> tuple[dict[str, frozenset[str]], dict[str, tuple[str, ...]], dict[str, str]]:
    """Return by node what it needs, which features make it, and why that is not known for certain."""
    needs: dict[str, frozenset[str]] = {}
    makers: dict[str, tuple[str, ...]] = {}
    partial: dict[str, str] = {}
    for feature in features:
        needed = frozenset(each.name for each in feature.dependencies)
        for node in feature.nodes:
            needs[node] = needs.get(node, frozenset()) | needed
            if feature.key not in makers.get(node, ()):
                makers[node] = (*makers.get(node, ()), feature.key)
            if feature.partial:
                partial.setdefault(node, f"{feature.key}: {feature.partial[0]}")
    return needs, makers, partial


class _Walk:
    """Follows columns downstream, and tells apart what comes through barriers."""

    def __init__(
        self,
        snapshot: Snapshot,
        children: Mapping[str, list[str]],
        makers: Mapping[str, tuple[str, ...]],
        day: str,
    ) -> None:
        self._children = children
        self._makers = makers
        tagged = snapshot.tagged
        self._classified = {tag: classify(snapshot, tag, day) for tag in PERSONAL if tag in tagged}

    def standings(self, start: Collection[str], held: Mapping[str, tuple[str, ...]]) -> dict[str, Standing]:
        """Return how all stands that is downstream of some names.

        Args:
            start: Names that are derived.
            held: Names that are anonymised from the beginning, with by what.
        """
        told = self._relevant(start)
        free = set(start)
        for classified in told:
            free |= self._free(start, classified)
        if not told:
            free = _closure(start, lambda name: self._children.get(name, ()))
        behind = self._behind(free, held, told)
        return {
            **{name: Standing.held(by) for name, by in behind.items()},
            **{name: Standing(DERIVED) for name in free},
        }

    def _relevant(self, start: Collection[str]) -> list[Classified]:
        """Return the classifications that the columns have; where they say nothing, any barrier counts."""
        keys = {key for name in start for key in self._keys(name)}
        found = [each for each in self._classified.values() if not keys.isdisjoint(each.levels)]
        return found or list(self._classified.values())[:1]

    def _free(self, start: Collection[str], classified: Classified) -> set[str]:
        """Return what is downstream of names where nothing stops it."""
        return _closure(
            start,
            lambda name: (
                each for each in self._children.get(name, ()) if not self._stops(name, each, classified)
            ),
        )

    def _stops(self, source: str, target: str, classified: Classified) -> str:
        """Return what lets nothing through from one node to another; empty where it comes through."""
        keys = self._makers.get(target, ())
        if source in self._makers and self._makers[source] == keys:
            return ""  # nodes of one feature
        if keys and all(key in classified.barriers for key in keys):
            return f"the barrier {keys[0]}"
        sources = self._keys(source)
        if keys and all((each, key) in classified.guarded for each in sources for key in keys):
            return f"the anonymising function in {keys[0]}"
        return ""

    def _keys(self, name: str) -> tuple[str, ...]:
        return self._makers.get(name) or (input_key(name),)

    def _behind(
        self, free: Collection[str], held: Mapping[str, tuple[str, ...]], told: Collection[Classified]
    ) -> dict[str, tuple[str, ...]]:
        """Return what is downstream only through something that stops it, with what that is."""
        found: dict[str, tuple[str, ...]] = dict(held)
        for source in sorted(free):
            for target in self._children.get(source, ()):
                if target not in free:
                    stops = (self._stops(source, target, each) for each in told)
                    found[target] = merged(found.get(target, ()), [each for each in stops if each])
        pending = deque(found)
        while pending:
            name = pending.popleft()
            for target in self._children.get(name, ()):
                if target in free:
                    continue
                by = merged(found.get(target, ()), found[name])
                if target not in found or by != found[target]:
                    found[target] = by
                    pending.append(target)
        return found


def merged(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """Return what holds something back that comes by two ways.

    A few say enough, and so every name, and every repository of a circle, is looked at a few times only.
    """
    return tuple(sorted({*one, *other})[:_MOST_REASONS])


def _unknown(partial: Mapping[str, str], children: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the nodes that may read what nobody knows, and all downstream, each with a reason."""
    found = dict(partial)
    pending = deque(found)
    while pending:
        name = pending.popleft()
        for each in children.get(name, ()):
            if each not in found:
                found[each] = found[name]
                pending.append(each)
    return found


def _closure(start: Iterable[str], following: Any) -> set[str]:
    found = set(start)
    pending = list(found)
    while pending:
        for each in _new(following(pending.pop()), found):
            found.add(each)
            pending.append(each)
    return found


def _new(names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    return (name for name in names if name not in known)
