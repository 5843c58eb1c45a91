"""What a classification reaches: those that say it of themselves, and all downstream up to barriers."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from headwater_catalog.anonymised import guarded_names
from headwater_catalog.days import today
from headwater_catalog.lineage_graph import LineageGraph, input_key
from headwater_catalog.query.subjects import tag_values
from headwater_catalog.rules import BARRIER, FOREVER, Classification
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, SnapshotInput
from headwater_catalog.table_specs import ColumnSpec, TableSpec, column_key

__all__ = ["Barrier", "Classified", "Flow", "Said", "classify", "flow_of", "guarded_edges"]


@dataclass(frozen=True, slots=True)
class Barrier:
    """What a feature says of itself that lets nothing through.

    Attributes:
        reason: Why nothing comes through; empty where it does not say.
        reviewer: Who has looked at that.
        until: The last day on which it holds, as YYYY-MM-DD, or what is said instead; empty: for good.
        is_expired: Whether that day is over, or is none: then it stops nothing any more.
    """

    reason: str = ""
    reviewer: str = ""
    until: str = ""
    is_expired: bool = False

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it should say, and does not."""
        told = {"reason": self.reason, "reviewer": self.reviewer}
        return tuple(name for name, text in told.items() if not text)

    @property
    def last_day(self) -> str:
        """The last day on which it holds, as YYYY-MM-DD however it is written; empty where it never does."""
        return _last_day(self.until)


@dataclass(frozen=True, slots=True)
class Said:
    """What features, declared inputs and declared tables say of themselves, by key.

    Attributes:
        levels: The highest level that any of their variants has, 0 where they claim that nothing flows.
        barriers: Those of which all variants are barriers.
        unknown: Values that the classification does not have, which count as its highest level.
        next_end: The first of the last days of all barriers that hold now; empty where none ends.
    """

    levels: Mapping[str, int]
    barriers: Mapping[str, Barrier]
    unknown: Mapping[str, str]
    next_end: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where something flows in a graph.

    Attributes:
        levels: The level of each key that it reaches or that it comes from.
        came_from: For each key that it reaches from upstream, the one before it on a shortest way from
            where that level comes from.
    """

    levels: Mapping[str, int]
    came_from: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Classified:
    """What a classification says of the features of a snapshot.

    Attributes:
        classification: The classification.
        said: What they say of themselves.
        barriers: Keys of those that let it through no further now.
        guarded: Edges that an anonymising function stands on, as (source, target).
        levels: The level of each key that it reaches, those that say it of themselves included.
        came_from: For each key that gets its level from upstream, the one before it on a shortest way there.
        carriers: Keys of those that it comes from: they say it of themselves, and are no barriers.
    """

    classification: Classification
    said: Said
    barriers: frozenset[str]
    guarded: frozenset[tuple[str, str]]
    levels: Mapping[str, int]
    came_from: Mapping[str, str]
    carriers: frozenset[str]

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all that it reaches, carriers included."""
        return frozenset(self.levels)

    def name(self, key: str) -> str:
        """Return the name of the level of a key that it reaches."""
        return self.classification.names[self.levels[key]]

    def why(self, key: str) -> tuple[str, ...]:
        """Return a shortest way from a carrier to a key that it reaches, or nothing."""
        return tuple(self._back(key))[::-1] if key in self.levels else ()

    def contradicted(self) -> Iterator[str]:
        """Yield the keys of what claims less than what flows into it."""
        return (
            key
            for key, claimed in self.said.levels.items()
            if key in self.levels and claimed < self.levels[key]
        )

    def _back(self, key: str) -> Iterator[str]:
        while key in self.came_from:
            yield key
            key = self.came_from[key]
        yield key


def classify(
    snapshot: Snapshot, tag: str, day: str | None = None, imported: Mapping[str, int] | None = None
) -> Classified:
    """Return what a classification reaches; it is found once for a snapshot and a day.

    A feature that is a barrier lets nothing through; one that says `false` claims nothing of its own, and
    stops nothing.

    Args:
        snapshot: The features.
        tag: Key of the classification, or of any other tag, in letters of any case.
        day: The day on which barriers must hold, as YYYY-MM-DD; None: today.
        imported: The levels of inputs that come from elsewhere, by their keys.
    """
    imported = imported or {}
    if not imported and tag.casefold() not in snapshot.tagged:
        return _nothing(snapshot.declared.rules.classification(tag))
    day = day or today()
    kept = snapshot.kept.get("classified")
    if not isinstance(kept, _OnDay) or kept.day != day:  # of the days before nobody asks any more
        kept = snapshot.kept["classified"] = _OnDay(day)
    name = tag.casefold(), tuple(sorted(imported.items()))
    if name not in kept.found:
        kept.found[name] = _classify(snapshot, tag, day, imported)
    return kept.found[name]


@dataclass(frozen=True, slots=True)
class _OnDay:
    """What was found by one day."""

    day: str
    found: dict[tuple[str, tuple[tuple[str, int], ...]], Classified] = field(default_factory=dict)


def _classify(snapshot: Snapshot, tag: str, day: str, imported: Mapping[str, int]) -> Classified:
    classification = snapshot.declared.rules.classification(tag)
    said = _said(snapshot, classification, day)
    barriers = frozenset(key for key, barrier in said.barriers.items() if not barrier.is_expired)
    levels = {key: level for key, level in said.levels.items() if level and key not in barriers}
    for key, level in imported.items():
        if key not in barriers:
            levels[key] = max(level, levels.get(key, 0))
    guarded = frozenset(guarded_edges(snapshot, classification))
    flow = flow_of(snapshot.lineage, levels, barriers, guarded)
    carriers = frozenset(levels)
    return Classified(classification, said, barriers, guarded, flow.levels, flow.came_from, carriers)


def _nothing(classification: Classification) -> Classified:
    """Return that nothing says it, so that nothing has it: a query may ask for hundreds of such."""
    return Classified(classification, Said({}, {}, {}), frozenset(), frozenset(), {}, {}, frozenset())


_Declared = SnapshotFeature | SnapshotInput | TableSpec | ColumnSpec


def _said(snapshot: Snapshot, classification: Classification, day: str) -> Said:
    wanted = classification.key.casefold()
    levels: dict[str, int] = {}
    barriers: dict[str, Barrier] = {}
    unknown: dict[str, str] = {}
    open_ones: set[str] = set()  # of which a variant is no barrier
    ends: set[str] = set()
    declared: Iterable[tuple[str, _Declared]] = chain(
        ((feature.key, feature) for feature in snapshot.features),
        ((input_key(each.name), each) for each in snapshot.inputs),
        _of_tables(snapshot.declared.tables.values()),
    )
    for key, each in declared:
        values = _values(each, wanted)
        if BARRIER in (value.casefold() for value in values):
            barrier = _barrier(each, wanted, day)
            barriers[key] = _weaker(barriers.get(key), barrier)
            ends.update([barrier.last_day] if barrier.until and not barrier.is_expired else ())
            continue
        open_ones.add(key)
        for value in values:
            levels[key] = max(levels.get(key, 0), classification.level(value))
            if not classification.knows(value):
                unknown[key] = value
    stopping = {key: barrier for key, barrier in barriers.items() if key not in open_ones}
    return Said(levels, stopping, unknown, min(ends, default=""))


def _of_tables(tables: Iterable[TableSpec]) -> Iterator[tuple[str, _Declared]]:
    for table in tables:
        yield table.key, table
        yield from ((column_key(table.key, name), column) for name, column in table.columns.items())


def _values(each: _Declared, key: str) -> list[str]:
    """Return the values of a tag whose key is in letters of any case; a feature may have it in several."""
    return [value for name in each.tags if name.casefold() == key for value in tag_values(each.tags, name)]


def _barrier(each: _Declared, key: str, day: str) -> Barrier:
    reason, reviewer, until = (
        " ".join(_values(each, f"{key}_{what}")) for what in ("reason", "reviewer", "until")
    )
    return Barrier(reason, reviewer, until, _last_day(until) < day)


def _weaker(one: Barrier | None, other: Barrier) -> Barrier:
    """Return of the barriers of two variants the one that holds less."""
    if one is None or (other.is_expired, len(other.lacks)) > (one.is_expired, len(one.lacks)):
        return other
    return one


def _last_day(until: str) -> str:
    try:
        return datetime.date.fromisoformat(until).isoformat() if until else FOREVER
    except ValueError:
        return ""


def guarded_edges(snapshot: Snapshot, classification: Classification) -> Iterator[tuple[str, str]]:
    """Yield the edges into features all of whose variants anonymise what comes along them."""
    anonymisers = classification.anonymisers
    if not anonymisers:
        return
    for key, variants in snapshot.variants.items():
        needed, through = set[str](), set[str]()
        for variant in variants:
            names = frozenset(need.name for need in variant.dependencies)
            needed |= names
            through |= names - guarded_names(variant.source, names, anonymisers)
        if needed != through:
            answers = snapshot.graph.resolved.get(key, {})
            open_ones = {source for name in through for source in answers.get(name, ())}
            closed = {source for name in needed - through for source in answers.get(name, ())}
            yield from ((source, key) for source in closed - open_ones)


def flow_of(
    graph: LineageGraph,
    levels: Mapping[str, int],
    barriers: Collection[str],
    guarded: Collection[tuple[str, str]] = (),
) -> Flow:
    """Return where levels flow in a graph: downstream, up to barriers, the highest wins.

    Args:
        graph: Who needs whom.
        levels: The levels of those that something comes from, by key, from 1.
        barriers: Keys of those that nothing comes into.
        guarded: Edges that nothing comes along.
    """
    found: dict[str, int] = {}
    came_from: dict[str, str] = {}
    for level in sorted(set(levels.values()), reverse=True):
        begin = sorted(key for key, own in levels.items() if own == level and key not in found)
        found.update(dict.fromkeys(begin, level))
        pending = deque(key for key in begin if key in graph.nodes)
        while pending:
            here = pending.popleft()
            for there in graph.children(here):
                if there not in found and there not in barriers and (here, there) not in guarded:
                    found[there] = level
                    came_from[there] = here
                    pending.append(there)
    return Flow(found, came_from)
