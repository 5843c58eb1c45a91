"""Lineage hashes: what each feature of a source tree means, with all that it reaches and all upstream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater.function import Function
from headwater.modifiers.pipes import pipe_output
from headwater.normal_form import digest
from headwater_catalog.file_code import FileCode
from headwater_catalog.hashing import signature_text
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.merkle import circles_first, merkle_hashes
from headwater_catalog.reach import Reach, Unit, UnitKey
from headwater_catalog.read import LinkedModule, RawFunction, Reading
from headwater_catalog.read.modules import Module
from headwater_catalog.records import FeatureKey, as_json
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.views import DataflowView

__all__ = ["SCHEME", "Lineages", "Meaning", "Revision", "lineages_of"]

SCHEME: Final = "headwater-lineage-1"
"""Name of what the hashes are made of; a change to that must change the name, so that hashes never mix."""

_MOST_REASONS: Final = 10


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one function makes of a feature, as hashes.

    Attributes:
        code_hash: Of the normal form of the function.
        signature: Its type, condition, nodes and needs, as one text.
        definition: Of its code, its signature, and of everything that these reach but features upstream.
        needs: What it reaches by name: units of the tree, names from outside, configuration.
        opaque: Why that may not be all; empty where it is.
    """

    code_hash: str
    signature: str
    definition: str
    needs: tuple[UnitKey, ...] = ()
    opaque: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lineages:
    """The lineage hashes of a repository at one moment.

    Attributes:
        meanings: What each function makes of a feature, by module, name and variant.
        definitions: The hash of each feature's own definitions with all that they reach, by `module:name`.
        hashes: The lineage hash of each feature: the same, with those of all upstream.
        opaque: The features whose own definitions reach something unknown, and why.
        unsettled: All features whose lineage hash may not be all that counts: the opaque ones, and what is
            downstream of them.
        units: All that the definitions reach, each with the hash of it and of what it reaches in turn.
    """

    meanings: Mapping[FeatureKey, Meaning] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    opaque: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unsettled: frozenset[str] = frozenset()
    units: Mapping[UnitKey, str] = field(default_factory=dict)
    _units: Mapping[UnitKey, Unit] = field(default_factory=dict, compare=False, repr=False)

    def differing(self, feature: FeatureKey, other: Lineages) -> dict[UnitKey, Unit]:
        """Return what a definition reaches that is something else there, or nothing; the nearest first."""
        found: dict[UnitKey, Unit] = {}
        pending = deque(self.meanings[feature].needs)
        while pending:
            key = pending.popleft()
            if key not in found and self.units[key] != other.units.get(key):
                unit = found[key] = self._units[key]
                pending += (needed for answers in unit.needs.values() for needed in answers)
        return found


@dataclass(frozen=True)
class Revision:
    """A repository at one moment: its features, and the hashes of what they mean."""

    snapshot: Snapshot
    lineages: Lineages


def lineages_of(
    reading: Reading,
    snapshot: Snapshot,
    modules: Mapping[str, Module],
    code_of: Callable[[Module], FileCode],
) -> Lineages:
    """Return the lineage hashes of a source tree; nothing in it is imported or executed.

    Args:
        reading: What the tree says.
        snapshot: The same as features.
        modules: All modules of the tree by name, also those that no dataflow has.
        code_of: Gives the code of a module; kept by the caller, the modules of another commit cost little.
    """
    own = _Definitions(reading, snapshot, Reach(modules, code_of))
    meanings, units = own.meanings()
    definitions: dict[str, list[str]] = {}
    opaque: dict[str, dict[str, None]] = {}
    for feature in snapshot.features:
        meaning = meanings[feature.module, feature.name, feature.variant]
        definitions.setdefault(feature.key, []).append(meaning.definition)
        if meaning.opaque:
            opaque.setdefault(feature.key, {}).update(dict.fromkeys(meaning.opaque))
    together = {key: digest([SCHEME, *sorted(variants)]) for key, variants in definitions.items()}
    return Lineages(
        meanings=meanings,
        definitions=together,
        hashes=_hashes(together, snapshot.graph),
        opaque={key: tuple(reasons) for key, reasons in opaque.items()},
        unsettled=frozenset(_downstream(opaque, snapshot.graph)),
        units=units,
        _units=own.reach.units,
    )


def _hashes(definitions: Mapping[str, str], graph: LineageGraph) -> dict[str, str]:
    inputs = {key: digest(("input", node.name)) for key, node in graph.nodes.items() if node.is_input}
    found = merkle_hashes({**definitions, **inputs}, graph.resolved)
    return {key: found[key] for key in definitions}


def _downstream(keys: Iterable[str], graph: LineageGraph) -> set[str]:
    found: set[str] = set()
    pending = [*keys]
    while pending:
        key = pending.pop()
        if key not in found:
            found.add(key)
            pending += graph.children(key)
    return found


@dataclass(frozen=True, slots=True)
class _Code:
    """The code of a function.

    Attributes:
        hash: Its code hash.
        more: The hash of all statements that bind its name, where there are others.
        needs: What they reach by name.
        opaque: Why that may not be all.
    """

    hash: str
    more: str
    needs: Mapping[str, tuple[UnitKey, ...]]
    opaque: tuple[str, ...]


class _Definitions:
    """Works out what the functions of a tree are and reach, leaving aside what is upstream of them."""

    def __init__(self, reading: Reading, snapshot: Snapshot, reach: Reach) -> None:
        self.reach = reach
        self._snapshot = snapshot
        self._functions = {
            (name, function.name): (function, raw)
            for name, linked in reading.modules.items()
            for function, raw in _pairs(linked)
        }
        self._dataflows = {dataflow.name: dataflow for dataflow in snapshot.dataflows}
        self._configured: dict[tuple[str, ...], dict[str, tuple[UnitKey, ...]]] = {}
        self._made: dict[tuple[str, str], _Code] = {}

    def meanings(self) -> tuple[dict[FeatureKey, Meaning], dict[UnitKey, str]]:
        """Return what each function makes of a feature, and the hashes of all that they reach."""
        own: dict[FeatureKey, Unit] = {}
        signatures: dict[FeatureKey, str] = {}
        for feature in self._snapshot.features:
            key = feature.module, feature.name, feature.variant
            signatures[key] = _signature(feature)
            own[key] = self._definition(feature, signatures[key])
            self.reach.follow(needed for answers in own[key].needs.values() for needed in answers)
        units: dict[UnitKey, Unit] = {**self.reach.units}
        units |= {("feature", *key): unit for key, unit in own.items()}
        digests = {key: unit.digest for key, unit in units.items()}
        found = merkle_hashes(digests, {key: unit.needs for key, unit in units.items()})
        unknown = _reasons(units)
        meanings = {
            key: Meaning(
                code_hash=self._function(key[0], key[2]).hash,
                signature=signatures[key],
                definition=found["feature", *key],
                needs=tuple(dict.fromkeys(n for answers in unit.needs.values() for n in answers)),
                opaque=unknown.get(("feature", *key), ()),
            )
            for key, unit in own.items()
        }
        return meanings, {key: found[key] for key in self.reach.units}

    def _definition(self, feature: SnapshotFeature, signature: str) -> Unit:
        """Return what a function makes of a feature as a unit of the tree."""
        code = self._function(feature.module, feature.variant)
        # A function of another name that does the same is the same; of several outputs each is another one.
        is_plain = feature.name == feature.variant.partition("__")[0]
        own = digest((code.hash, code.more, signature, "" if is_plain else feature.name))
        needs = {**code.needs, **self._configuration(feature)}
        opaque = (*code.opaque, *(f"partial: {reason}" for reason in feature.partial))
        return Unit(own, needs, tuple(dict.fromkeys(opaque)))

    def _function(self, module: str, name: str) -> _Code:
        """Return the code of a function, whatever feature it makes."""
        if (module, name) not in self._made:
            function, raw = self._functions[module, name]
            code = self.reach.code(module)
            definition, own = code.definition(name), code.function(name)
            if definition is None or own is None or raw.unread:
                unread = raw.unread or f"the code of '{name}' cannot be read"
                self._made[module, name] = _Code(raw.code_hash(), "", {}, (unread,))
            else:
                needs, opaque = self.reach.needs(module, definition)
                needs = {**needs, **_working_on(function)}
                more = definition.digest if len(definition.nodes) > 1 else ""
                self._made[module, name] = _Code(own.code_hash, more, needs, opaque)
        return self._made[module, name]

    def _configuration(self, feature: SnapshotFeature) -> dict[str, tuple[UnitKey, ...]]:
        """Return the values that the dataflows of a feature have for what it reads of the configuration."""
        settings = self._settings(feature.dataflows)
        if not settings:
            return {}
        code = self.reach.code(feature.module).function(feature.variant)
        read = {needed.name for needed in feature.dependencies} | (code.words if code else frozenset())
        return {f"config {key}": settings[key] for key in sorted(settings.keys() & read)}

    def _settings(self, dataflows: tuple[str, ...]) -> dict[str, tuple[UnitKey, ...]]:
        """Return the values that some dataflows have for each key of their configurations."""
        if dataflows not in self._configured:
            flows = [self._dataflows[name] for name in dataflows]
            keys = {key for flow in flows for key in flow.config}
            self._configured[dataflows] = {key: tuple(_values(key, flows)) for key in keys}
        return self._configured[dataflows]


def _signature(feature: SnapshotFeature) -> str:
    return signature_text(
        feature.type,
        feature.condition,
        ((part.name, part.type) for part in feature.parts),
        ((needed.name, needed.type, needed.optional) for needed in feature.dependencies),
    )


def _pairs(linked: LinkedModule) -> Iterator[tuple[Function, RawFunction]]:
    return zip(linked.functions, linked.raw, strict=True)


def _working_on(function: Function) -> dict[str, tuple[UnitKey, ...]]:
    """Return the functions that work on the output of one that need not name them, as by `mutate`."""
    steps = [step for each in function.modifiers if isinstance(each, pipe_output) for step in each.transforms]
    working = [step.fn for step in steps if isinstance(step.fn, Function)]
    found = dict.fromkeys(("code", each.location.module, each.name) for each in working)
    return {"worked on by": tuple(found)} if found else {}


def _values(key: str, flows: Iterable[DataflowView]) -> list[UnitKey]:
    return sorted({("config", key, as_json(flow.config[key])) for flow in flows if key in flow.config})


def _reasons(units: Mapping[UnitKey, Unit]) -> dict[UnitKey, tuple[str, ...]]:
    """Return why units are opaque, by those that are or that reach one; the nearest reasons, not all."""
    found: dict[UnitKey, tuple[str, ...]] = {}
    for circle in circles_first(units, {key: unit.needs for key, unit in units.items()}):
        own = [reason for key in circle for reason in units[key].opaque]
        needed = (other for key in circle for answers in units[key].needs.values() for other in answers)
        reasons = dict.fromkeys((*own, *(reason for other in needed for reason in found.get(other, ()))))
        if reasons:
            found.update(dict.fromkeys(circle, tuple(reasons)[:_MOST_REASONS]))
    return found
