"""A repository at one moment, in memory: features, dataflows, edges and diagnostics without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from headwater.errors import did_you_mean
from headwater_catalog.certain_needs import CertainNeeds
from headwater_catalog.collection import without_collection
from headwater_catalog.declared import NOTHING_DECLARED, Declared
from headwater_catalog.errors import NotFound
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.logical.bound import TablesHere, tables_of
from headwater_catalog.logical.constant_texts import ConstantTexts
from headwater_catalog.read import (
    Diagnostic,
)
from headwater_catalog.records import (
    DependencyRecord,
)
from headwater_catalog.suite import NO_SUITE, Suite
from headwater_catalog.views import ColumnUse, DataflowView, PartView
from headwater_catalog.wiring import GraphBuilder, Need

__all__ = [
    "Place",
    "Snapshot",
    "SnapshotEdge",
    "SnapshotFeature",
    "SnapshotInput",
    "in_order",
    "owners_of",
]


@dataclass(frozen=True, slots=True)
class SnapshotFeature:
    """What one function makes of a feature; several where the configuration decides.

    Attributes:
        module: Its module.
        name: Its name.
        variant: Name of the function, with its suffix.
        path: File of the repository.
        line: First line of the code in that file, decorators included, from 1.
        end_line: Last line of the code.
        type: Type of the value, as text.
        doc: Documentation.
        condition: Configurations it exists under, as text; empty for all.
        tags: Tags by key.
        parts: Nodes folded into it.
        dependencies: The names it needs from outside, in order.
        dataflows: Names of the dataflows that contain it.
        partial: Reasons why reading the source does not say all that running it would.
        source: The code, decorators included.
        digest: The hash of exactly that text.
        columns: The columns of tables that its body reads and writes.
        owners: Whom to ask about it, as its tags or else the files of the repository say.
        since: The position of the main line at which this version of it began; None where no catalog knows.
    """

    module: str
    name: str
    variant: str
    path: str
    line: int
    end_line: int
    type: str
    doc: str
    condition: str
    tags: Mapping[str, Any]
    parts: tuple[PartView, ...]
    dependencies: tuple[DependencyRecord, ...]
    dataflows: tuple[str, ...]
    partial: tuple[str, ...]
    source: str
    digest: str
    columns: tuple[ColumnUse, ...] = ()
    owners: tuple[str, ...] = ()
    since: int | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """Return `module:name`, which all variants of a feature share."""
        return f"{self.module}:{self.name}"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Return the names of the nodes that it makes: its own, and those of the nodes folded into it."""
        return (self.name, *(part.name for part in self.parts))


@dataclass(frozen=True, slots=True)
class SnapshotInput:
    """An input that a function declares: its name, its type and what it means.

    Attributes:
        module: Its module.
        name: Its name.
        variant: Name of the function, with its suffix.
        path: File of the repository.
        line: First line of the declaration in that file, from 1.
        end_line: Its last line.
        type: Type of the value, as text.
        doc: Documentation.
        condition: Configurations it is declared for, as text; empty for all.
        tags: Tags by key.
        owners: Whom to ask about it.
    """

    module: str
    name: str
    variant: str
    path: str
    line: int
    end_line: int
    type: str
    doc: str
    condition: str
    tags: Mapping[str, Any]
    owners: tuple[str, ...] = ()


def owners_of(made: Iterable[SnapshotFeature | SnapshotInput]) -> tuple[str, ...]:
    """Return whom to ask about what several functions make, such as all variants of a feature."""
    return tuple(dict.fromkeys(owner for each in made for owner in each.owners))


@dataclass(frozen=True, slots=True, order=True)
class SnapshotEdge:
    """`target` needs `source` in a dataflow; both are keys, that of an input begins with `input:`."""

    source: str
    target: str
    dataflow: str


@dataclass(frozen=True)
class Snapshot:
    """A repository at one moment, as a catalog that has scanned it there says it.

    Attributes:
        features: What its functions make, in the order of module, name and variant.
        dataflows: Its dataflows, by name.
        diagnostics: What could not be read as meant, by path and line.
        inputs: The inputs that its functions declare, in the order of module, name and variant.
        declared: What its files say of owners, classifications and policies.
        tests: Its tests.
        constants: The texts that constants may be which SQL in its features may be made of, by module.
    """

    features: tuple[SnapshotFeature, ...]
    dataflows: tuple[DataflowView, ...]
    diagnostics: tuple[Diagnostic, ...]
    inputs: tuple[SnapshotInput, ...] = ()
    declared: Declared = NOTHING_DECLARED
    tests: Suite = NO_SUITE
    constants: Mapping[str, ConstantTexts] = field(default_factory=dict)

    @cached_property
    def variants(self) -> Mapping[str, tuple[SnapshotFeature, ...]]:
        """What the functions make of each feature, by its key, in order."""
        grouped = groupby(self.features, key=lambda feature: feature.key)
        return {key: tuple(variants) for key, variants in grouped}

    @cached_property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """The keys of the features that have a bare name, by that name, in order."""
        found: dict[str, list[str]] = {}
        for key, variants in self.variants.items():
            found.setdefault(variants[0].name, []).append(key)
        return {name: tuple(keys) for name, keys in found.items()}

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What others have found out of it and would again, by a name; it goes with the snapshot."""
        return {}

    @cached_property
    def tag_keys(self) -> tuple[str, ...]:
        """The keys of tags that features have, the most frequent first."""
        counts = Counter(key for feature in self.features for key in feature.tags)
        return tuple(sorted(counts, key=lambda key: (-counts[key], key)))

    @cached_property
    def tagged(self) -> frozenset[str]:
        """The keys of all tags that features and declared inputs have, in small letters."""
        tables = self.declared.tables.values()
        tags = (
            *(each.tags for each in self.features),
            *(each.tags for each in self.inputs),
            *(table.tags for table in tables),
            *(column.tags for table in tables for column in table.columns.values()),
        )
        return frozenset(key.casefold() for key in {key for each in tags for key in each})

    @cached_property
    def tested(self) -> frozenset[str]:
        """The keys of the features that a test names."""
        keys = {(each.module, each.name, each.variant): each.key for each in self.features}
        return frozenset(keys[function] for function in self.tests.named(keys))

    @cached_property
    def graph(self) -> LineageGraph:
        """Who needs whom, in all dataflows together."""
        with without_collection():
            return _graph(self.features, self.inputs, self.dataflows)

    @cached_property
    def tables(self) -> TablesHere:
        """The tables that it reads, fills or declares."""
        return tables_of(self)

    @cached_property
    def lineage(self) -> LineageGraph:
        """Who needs whom, with the tables and columns that inputs come from and that dataflows fill."""
        return self.tables.extend(self.graph)

    def lineage_of(self, dataflow: str) -> LineageGraph:
        """Return the graph of one dataflow, with the tables that it reads and fills.

        Raises:
            NotFound: There is no dataflow of this name.
        """
        return self.tables.extend(self.graph_of(dataflow), dataflow)

    def share_graph(self, other: Snapshot) -> None:
        """Take the graph of another moment, if it has been made and would be the same here."""
        if (
            "graph" in other.__dict__
            and self.dataflows == other.dataflows
            and self.inputs == other.inputs
            and len(self.features) == len(other.features)
            and all(
                ours is theirs or _wired(ours) == _wired(theirs)
                for ours, theirs in zip(self.features, other.features, strict=True)
            )
        ):
            self.__dict__["graph"] = other.graph

    @cached_property
    def _graphs(self) -> dict[str, LineageGraph]:
        return {}

    def dataflow(self, name: str) -> DataflowView:
        """Return a dataflow.

        Raises:
            NotFound: There is none of this name.
        """
        found = next((each for each in self.dataflows if each.name == name), None)
        if found is None:
            names = [each.name for each in self.dataflows]
            hint = did_you_mean(name, names) or f" It has: {', '.join(names) or 'none'}."
            raise NotFound(f"No dataflow '{name}' at this commit.{hint}")
        return found

    def graph_of(self, dataflow: str) -> LineageGraph:
        """Return who needs whom in one dataflow.

        Raises:
            NotFound: There is no dataflow of this name.
        """
        if dataflow not in self._graphs:
            self._graphs[dataflow] = self._graph_of(dataflow)
        return self._graphs[dataflow]

    @cached_property
    def _certain_needs(self) -> dict[str, CertainNeeds]:
        return {}

    def certain_needs(self, dataflow: str) -> CertainNeeds:
        """Return what features of one dataflow need in every configuration that its own one allows.

        Of a dataflow with partitions, that has the key that names them.

        Raises:
            NotFound: There is no dataflow of this name.
        """
        if dataflow not in self._certain_needs:
            graph = self.graph_of(dataflow)
            cut = self.declared.partitions.get(dataflow)
            supplied = {*self.dataflow(dataflow).config, *((cut.key,) if cut else ())}
            features = graph.nodes.keys() - graph.inputs
            needed = {key: _certainly_needed(self.variants[key]) for key in features}
            self._certain_needs[dataflow] = CertainNeeds(graph, needed, supplied)
        return self._certain_needs[dataflow]

    def _graph_of(self, dataflow: str) -> LineageGraph:
        found = self.dataflow(dataflow)
        modules = frozenset(found.modules)
        if len(self.dataflows) == 1 and all(each.module in modules for each in self.features):
            return self.graph
        inside = [each for each in self.features if each.module in modules]
        return _graph(inside, self.inputs, [found])

    @cached_property
    def edges(self) -> tuple[SnapshotEdge, ...]:
        """The edges of each dataflow, in the order of source, target and dataflow."""
        found = (
            SnapshotEdge(source, target, dataflow)
            for (source, target), dataflows in self.graph.edges.items()
            for dataflow in dataflows
        )
        return tuple(sorted(found))


def _certainly_needed(variants: Iterable[SnapshotFeature]) -> frozenset[str]:
    """Return the names that all variants of a feature need, those with defaults left out."""
    needs = (frozenset(need.name for need in each.dependencies if not need.optional) for each in variants)
    return frozenset.intersection(*needs)


def _graph(
    features: Iterable[SnapshotFeature], inputs: Iterable[SnapshotInput], dataflows: Iterable[DataflowView]
) -> LineageGraph:
    builder, need = GraphBuilder(), cache(Need)
    for declared in inputs:
        owner = ", ".join(declared.owners)
        builder.declare(declared.module, declared.name, type=declared.type, doc=declared.doc, owner=owner)
    for feature in features:
        builder.add(
            feature.module,
            feature.name,
            type=feature.type,
            doc=feature.doc,
            owner=", ".join(feature.owners),
            parts=[part.name for part in feature.parts],
            needs=[need(needed.name, needed.type) for needed in feature.dependencies],
        )
    for dataflow in dataflows:
        builder.wire(dataflow.name, frozenset(dataflow.modules))
    return builder.finish()


Place = tuple[str, int, int]
"""The path of a file, and the first and the last line of something in it."""

in_order: Final = attrgetter("module", "name", "variant")
"""What the features and inputs of a snapshot are sorted by."""


_wired = attrgetter("module", "name", "type", "doc", "owners", "parts", "dependencies")
"""What a graph is made of, besides inputs and dataflows."""
