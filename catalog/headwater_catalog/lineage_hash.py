"""Lineage hashes: what each feature of a source tree means, with all that it reaches and all upstream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final, Protocol

from headwater.function import Function
from headwater.modifiers.pipes import pipe_output
from headwater.normal_form import digest
from headwater_catalog.file_code import FileCode
from headwater_catalog.hashing import signature_text
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.lineage_scheme import SCHEME
from headwater_catalog.mentions import Sources, differing
from headwater_catalog.merkle import circles_first, merkle_hashes
from headwater_catalog.reach import Reach, Unit, UnitKey, unit_name
from headwater_catalog.read import LinkedModule, RawFunction
from headwater_catalog.read.modules import Module
from headwater_catalog.records import FeatureKey, as_json
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.views import DataflowView

__all__ = ["Functions", "Lineages", "Meaning", "Revision", "input_hashes", "signature_of", "values_set"]

_MOST_REASONS: Final = 10

_WORKING_ON_OTHERS: Final = ("mutate", "pipe_output")
"""Modifiers by which functions work on others; who names none of them anywhere has none."""


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


class Functions(Protocol):
    """Some functions, each as (module, function)."""

    def __contains__(self, function: tuple[str, str], /) -> bool: ...


class Lineages:
    """What the features of a repository mean at one moment, worked out for those that somebody asks about.

    Args:
        snapshot: The features.
        sources: All modules of the tree, also those that no dataflow has.
        code_of: Gives the code of a module; kept by the caller, the modules of another commit cost little.
        linked: Gives a module with its functions.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        sources: Sources,
        code_of: Callable[[Module], FileCode],
        linked: Callable[[str], LinkedModule],
    ) -> None:
        self.sources = sources
        self._snapshot = snapshot
        self._definitions = _Definitions(snapshot, sources, code_of, linked)
        self._own: dict[FeatureKey, Unit] = {}
        self._signatures: dict[FeatureKey, str] = {}
        self._meanings: dict[FeatureKey, Meaning] = {}
        self._hashes: dict[UnitKey, str] = {}
        self._together: dict[str, str] = {}

    def look_at(self, features: Iterable[SnapshotFeature]) -> None:
        """Work out at once what some features mean: one by one takes longer."""
        new = {_key(feature): feature for feature in features if _key(feature) not in self._own}
        if not new:
            return
        own, reach = self._own, self._definitions.reach
        for key, feature in new.items():
            self._signatures[key] = signature_of(feature)
            own[key] = self._definitions.definition(feature, self._signatures[key])
            reach.follow(needed for answers in own[key].needs.values() for needed in answers)
        units: dict[UnitKey, Unit] = {**reach.units}
        units |= {("feature", *key): own[key] for key in new}
        found = merkle_hashes(
            {key: unit.digest for key, unit in units.items()},
            {key: unit.needs for key, unit in units.items()},
        )
        self._hashes = {key: found[key] for key in reach.units}
        unknown = _reasons(units)
        for key in new:
            self._meanings[key] = Meaning(
                code_hash=self._definitions.code_hash(key[0], key[2]),
                signature=self._signatures[key],
                definition=found["feature", *key],
                needs=tuple(dict.fromkeys(n for answers in own[key].needs.values() for n in answers)),
                opaque=unknown.get(("feature", *key), ()),
            )

    def meaning(self, feature: SnapshotFeature) -> Meaning:
        """Return what a function makes of a feature."""
        self.look_at([feature])
        return self._meanings[_key(feature)]

    def code_hash(self, feature: SnapshotFeature) -> str:
        """Return the code hash of the function of a feature."""
        return self._definitions.code_hash(feature.module, feature.variant)

    def settings(self, feature: SnapshotFeature) -> Mapping[str, tuple[UnitKey, ...]]:
        """Return the values that the dataflows of a feature have for each key of their configurations."""
        return self._definitions.settings(feature.dataflows)

    def definition(self, key: str) -> str:
        """Return the hash of all definitions of a feature with all that they reach, but what is upstream."""
        if key not in self._together:
            variants = self._snapshot.variants[key]
            self.look_at(variants)
            found = sorted(self.meaning(variant).definition for variant in variants)
            self._together[key] = digest([SCHEME, *found])
        return self._together[key]

    def opaque_of(self, key: str) -> tuple[str, ...]:
        """Return why a feature's own definitions may reach more than is known; nothing where all is."""
        reasons = (self.meaning(variant).opaque for variant in self._snapshot.variants.get(key, ()))
        return tuple(dict.fromkeys(reason for some in reasons for reason in some))

    def may_differ(self, later: Lineages) -> Functions:
        """Return the functions that may mean something else at another commit.

        A look into the code tells whether they do.
        """
        return differing(self.sources, later.sources)

    def differing(
        self, feature: SnapshotFeature, there: Callable[[UnitKey], str | None]
    ) -> dict[UnitKey, Unit]:
        """Return what a definition reaches that is something else elsewhere, or nothing; the nearest first.

        Args:
            feature: What the definition makes.
            there: Gives the hash of a unit elsewhere.
        """
        found: dict[UnitKey, Unit] = {}
        pending = deque(self.meaning(feature).needs)
        while pending:
            key = pending.popleft()
            if key not in found and self._hashes[key] != there(key):
                unit = found[key] = self._unit(key)
                pending += (needed for answers in unit.needs.values() for needed in answers)
        return found

    def _unit(self, key: UnitKey) -> Unit:
        return self._definitions.reach.units[key]

    def known_hash(self, key: UnitKey) -> str | None:
        """Return the hash of a unit with all that it reaches, if what was looked at so far reaches it."""
        return self._hashes.get(key)

    def hash_of(self, key: UnitKey) -> str | None:
        """Return the hash of a unit with all that it reaches; None where no definition reaches it."""
        if key not in self._hashes and self._may_reach(key):
            self.look_at(self._snapshot.features)
        return self._hashes.get(key)

    def _may_reach(self, key: UnitKey) -> bool:
        if key[0] == "code" and key[1] not in self.sources.modules:
            return False
        if key[0] == "file":
            return key[1] in self.sources.files
        return key[0] != "config" and self.sources.mention(unit_name(key).rpartition(".")[2])

    # All of them

    @cached_property
    def reached(self) -> Mapping[UnitKey, tuple[Unit, str]]:
        """All units that definitions reach, each with the hash of it and all that it reaches in turn."""
        self.look_at(self._snapshot.features)
        return {key: (unit, self._hashes[key]) for key, unit in self._definitions.reach.units.items()}

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """The lineage hash of each feature: of its definitions, all that they reach, and all upstream."""
        self.look_at(self._snapshot.features)
        own = {key: self.definition(key) for key in self._snapshot.variants}
        graph = self._snapshot.graph
        found = merkle_hashes({**own, **input_hashes(graph)}, graph.resolved)
        return {key: found[key] for key in own}

    def hashes_of(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the lineage hashes of some features, looking at nothing that they do not need.

        They are those that `hashes` has; a key that is no feature is left out.
        """
        wanted = [key for key in keys if key in self._snapshot.variants]
        graph = self._snapshot.graph
        reached = self._upstream(wanted)
        self.look_at(variant for key in reached for variant in self._snapshot.variants.get(key, ()))
        inputs = {key: own for key, own in input_hashes(graph).items() if key in reached}
        own = {key: self.definition(key) for key in reached if key not in inputs}
        needs = {key: graph.resolved.get(key, {}) for key in own}
        found = merkle_hashes({**own, **inputs}, needs)
        return {key: found[key] for key in wanted}

    def doubts_of(self, key: str) -> tuple[str, ...]:
        """Return why the lineage hash of a feature may not be all that counts, its upstream included."""
        found = (
            f"{each}: {reason}" if each != key else reason
            for each in self._upstream([key])
            for reason in self.opaque_of(each)
        )
        return tuple(islice(dict.fromkeys(found), _MOST_REASONS))

    def _upstream(self, keys: Iterable[str]) -> dict[str, None]:
        """Return some features with all that they need, themselves first."""
        resolved = self._snapshot.graph.resolved
        found = dict.fromkeys(keys)
        pending = deque(found)
        while pending:
            for answers in resolved.get(pending.popleft(), {}).values():
                new = [key for key in answers if key not in found]
                found.update(dict.fromkeys(new))
                pending += new
        return found

    @cached_property
    def opaque(self) -> Mapping[str, tuple[str, ...]]:
        """The features whose own definitions reach something unknown, and why."""
        self.look_at(self._snapshot.features)
        found = {key: self.opaque_of(key) for key in self._snapshot.variants}
        return {key: reasons for key, reasons in found.items() if reasons}

    @cached_property
    def unsettled(self) -> frozenset[str]:
        """The features whose lineage hash may not be all that counts: opaque ones, and what is downstream."""
        return frozenset(_downstream(self.opaque, self._snapshot.graph))


def input_hashes(graph: LineageGraph) -> dict[str, str]:
    """Return the hashes of the external inputs of a graph, by their keys."""
    return {key: digest(("input", node.name)) for key, node in graph.nodes.items() if node.is_input}


def _key(feature: SnapshotFeature) -> FeatureKey:
    return feature.module, feature.name, feature.variant


def _downstream(keys: Iterable[str], graph: LineageGraph) -> set[str]:
    found: set[str] = set()
    pending = [*keys]
    while pending:
        key = pending.pop()
        if key not in found:
            found.add(key)
            pending += graph.children(key)
    return found


@dataclass(frozen=True)
class Revision:
    """A repository at one moment: its features, and what they mean."""

    snapshot: Snapshot
    lineages: Lineages


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

    def __init__(
        self,
        snapshot: Snapshot,
        sources: Sources,
        code_of: Callable[[Module], FileCode],
        linked: Callable[[str], LinkedModule],
    ) -> None:
        self.reach = Reach(sources, code_of)
        self._sources = sources
        self._linked = linked
        self._raw: dict[str, dict[str, RawFunction]] = {}
        self._functions: dict[str, dict[str, Function]] = {}
        self._dataflows = {dataflow.name: dataflow for dataflow in snapshot.dataflows}
        self._configured: dict[tuple[str, ...], dict[str, tuple[UnitKey, ...]]] = {}
        self._made: dict[tuple[str, str], _Code] = {}

    def code_hash(self, module: str, name: str) -> str:
        """Return the code hash of a function."""
        raw, code = self._raw_of(module, name), self.reach.code(module)
        own = code.function(name)
        is_unread = raw.unread or own is None or code.definition(name) is None
        return raw.code_hash() if is_unread or own is None else own.code_hash

    def definition(self, feature: SnapshotFeature, signature: str) -> Unit:
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
            raw, code = self._raw_of(module, name), self.reach.code(module)
            definition, own = code.definition(name), code.function(name)
            if definition is None or own is None or raw.unread:
                unread = raw.unread or f"the code of '{name}' cannot be read"
                self._made[module, name] = _Code(raw.code_hash(), "", {}, (unread,))
            else:
                needs, opaque = self.reach.needs(module, definition)
                needs = {**needs, **self._working_on(module, name)}
                more = definition.digest if len(definition.nodes) > 1 else ""
                self._made[module, name] = _Code(own.code_hash, more, needs, opaque)
        return self._made[module, name]

    def _raw_of(self, module: str, name: str) -> RawFunction:
        if module not in self._raw:
            parsed = self._sources.modules[module].parsed
            self._raw[module] = {raw.name: raw for raw in (*parsed.helpers, *parsed.functions)}
        return self._raw[module][name]

    @cached_property
    def _may_work_on_others(self) -> bool:
        return any(map(self._sources.mention, _WORKING_ON_OTHERS))

    def _working_on(self, module: str, name: str) -> dict[str, tuple[UnitKey, ...]]:
        """Return the functions that work on the output of one that need not name them, as by `mutate`."""
        if not self._may_work_on_others:
            return {}
        if module not in self._functions:
            linked = self._linked(module).functions
            self._functions[module] = {function.name: function for function in linked}
        modifiers = self._functions[module][name].modifiers
        steps = [step for each in modifiers if isinstance(each, pipe_output) for step in each.transforms]
        working = [step.fn for step in steps if isinstance(step.fn, Function)]
        found = dict.fromkeys(("code", each.location.module, each.name) for each in working)
        return {"worked on by": tuple(found)} if found else {}

    def _configuration(self, feature: SnapshotFeature) -> dict[str, tuple[UnitKey, ...]]:
        """Return the values that the dataflows of a feature have for what it reads of the configuration."""
        settings = self.settings(feature.dataflows)
        if not settings:
            return {}
        code = self.reach.code(feature.module).function(feature.variant)
        read = {needed.name for needed in feature.dependencies} | (code.words if code else frozenset())
        return {f"config {key}": settings[key] for key in sorted(settings.keys() & read)}

    def settings(self, dataflows: tuple[str, ...]) -> dict[str, tuple[UnitKey, ...]]:
        """Return the values that some dataflows have for each key of their configurations."""
        if dataflows not in self._configured:
            self._configured[dataflows] = values_set([self._dataflows[name] for name in dataflows])
        return self._configured[dataflows]


def signature_of(feature: SnapshotFeature) -> str:
    """Return the signature of a feature as one text."""
    return signature_text(
        feature.type,
        feature.condition,
        ((part.name, part.type) for part in feature.parts),
        ((needed.name, needed.type, needed.optional) for needed in feature.dependencies),
    )


def values_set(flows: Collection[DataflowView]) -> dict[str, tuple[UnitKey, ...]]:
    """Return the values that some dataflows have for each key of their configurations."""
    keys = {key for flow in flows for key in flow.config}
    return {key: tuple(_values(key, flows)) for key in keys}


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
