"""The graph that a question about lineage is asked of: a dataflow, a repository, or others with it."""

from __future__ import annotations

from dataclasses import dataclass

from headwater_catalog.cross_repository import across
from headwater_catalog.errors import Conflict
from headwater_catalog.features import find_key
from headwater_catalog.lineage import INPUT_PREFIX, LineageGraph
from headwater_catalog.logical.bound import NO_TABLES, TablesHere
from headwater_catalog.moments import Moment
from headwater_catalog.table_specs import TABLE_PREFIX, is_shared

__all__ = ["AskedGraph", "asked_graph"]


@dataclass(frozen=True, slots=True)
class AskedGraph:
    """The graph, and how its nodes are named.

    Attributes:
        moment: The repository that is asked about.
        graph: The graph.
        prefix: What stands before the keys of that repository; nothing where there are no others.
        unresolved: Declared sources of other repositories that lead nowhere, each with the reason.
        tables: The tables of the repository, with what is unclear about them.
    """

    moment: Moment
    graph: LineageGraph
    prefix: str = ""
    unresolved: tuple[str, ...] = ()
    tables: TablesHere = NO_TABLES

    def unclear(self, near: LineageGraph) -> tuple[str, ...]:
        """Return what cannot be told for sure of where nodes of a piece of the graph come from."""
        return self.tables.told_of(
            {key if is_shared(key) else key.removeprefix(self.prefix) for key in near.nodes}
        )

    def key(self, text: str) -> str:
        """Return the key of the feature or the input that a text names.

        Raises:
            NotFound: It names none in this graph.
            AmbiguousName: It names several.
        """
        if text.startswith(TABLE_PREFIX):
            return self.graph[text if is_shared(text) else self.prefix + text].key
        is_elsewhere = text.count(":") > 1 and not text.startswith(f"{self.moment.repository.name}:")
        if self.prefix and (is_elsewhere or text in self.graph.nodes):
            return self.graph[text].key
        key = text if text.startswith(INPUT_PREFIX) else ":".join(find_key(self.moment, text))
        return self.graph[self.prefix + key].key


def asked_graph(moment: Moment, dataflow: str | None = None, *, is_across: bool = False) -> AskedGraph:
    """Return the graph of a dataflow, of a repository, or of those, too, that sources lead to or come from.

    Raises:
        NotFound: There is no such dataflow.
        Conflict: A dataflow is one of this repository, so nothing goes on from it in others.
    """
    if not is_across:
        return AskedGraph(moment, moment.lineage(dataflow), tables=moment.snapshot.tables)
    if dataflow is not None:
        raise Conflict("A dataflow is one of this repository, and `across` goes on in others. Give one.")
    whole = across(moment)
    return AskedGraph(moment, whole.graph, f"{whole.label}:", whole.unresolved, moment.snapshot.tables)
