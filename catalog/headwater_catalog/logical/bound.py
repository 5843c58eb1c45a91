"""The tables of a snapshot: which inputs bind to their columns, what fills them, and what is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import did_you_mean
from headwater_catalog.errors import NotFound
from headwater_catalog.lineage_graph import LineageGraph, LineageNode
from headwater_catalog.locations import Location, Whereabouts
from headwater_catalog.logical.code_sql import CodeSql, sql_in
from headwater_catalog.logical.known_tables import KnownTables, LogicalTable
from headwater_catalog.logical.sql_lineage import QueryLineage, query_lineage
from headwater_catalog.source_specs import is_frame
from headwater_catalog.table_specs import TABLE_PREFIX, column_key, is_shared, table_of

if TYPE_CHECKING:
    from headwater_catalog.snapshot import Snapshot, SnapshotFeature
    from headwater_catalog.views import DataflowView

__all__ = ["NO_TABLES", "TableUse", "TablesHere", "Unclear", "tables_of"]

_MOST_WORK: Final = (
    8_000_000  # steps to read the queries of a repository: thousands, unless they are made to last
)
_PER_EDGE: Final = 16
"""Steps that a column counts for in what reads it: few lines may read all of many columns again and again."""


@dataclass(frozen=True, slots=True, order=True)
class TableUse:
    """A source or sink of a dataflow that is a table, or SQL in the code of a feature.

    Attributes:
        table: Key of the table.
        is_filled: Whether the table is filled, and not read.
        dataflow: The dataflow; of SQL in code empty.
        name: The source or sink; of SQL in code the feature's key.
    """

    table: str
    is_filled: bool
    dataflow: str
    name: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """What cannot be told for sure.

    Attributes:
        text: What, where, and what to do.
        keys: Keys of the tables, columns, inputs and features that it is about.
    """

    text: str
    keys: frozenset[str]


@dataclass(frozen=True)
class TablesHere:
    """The tables that a repository at one moment reads, fills or declares.

    Attributes:
        tables: They, by key.
        uses: What reads and fills them, in order.
        edges: Dataflows in which an edge between columns, inputs and features holds, by (source, target).
        unclear: What cannot be told for sure.
    """

    tables: Mapping[str, LogicalTable] = field(default_factory=dict)
    uses: tuple[TableUse, ...] = ()
    edges: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    unclear: tuple[Unclear, ...] = ()

    def extend(self, graph: LineageGraph, dataflow: str | None = None) -> LineageGraph:
        """Return a graph with the tables and columns that it reads and fills.

        Args:
            graph: Who needs whom.
            dataflow: The dataflow that the graph is of; None where it is of all.
        """
        drawn = [table for table in self.tables.values() if table.name or is_shared(table.key)]
        if not drawn:
            return graph
        wanted = {
            ends: flows if dataflow is None else (dataflow,)
            for ends, flows in self.edges.items()
            if dataflow is None or dataflow in flows
        }
        keys = {key for ends in wanted for key in ends if key not in graph.nodes}
        if dataflow is None:
            keys.update(key for table in drawn for key in (table.key, *table.column_keys))
        used: dict[tuple[str, str], set[str]] = defaultdict(set)
        for (source, target), flows in wanted.items():
            for key in (source, target):
                if key in keys and table_of(key) != key:
                    used[table_of(key), key].update(flows)
        within = {(table_of(key), key): () for key in keys if table_of(key) != key}
        edges = {
            **graph.edges,
            **wanted,
            **{ends: tuple(sorted(used.get(ends, ()))) for ends in within},
        }
        nodes = {
            node.key: node for key in {table_of(key) for key in keys} for node in self.tables[key].nodes()
        }
        shown = {key: nodes[key] for key in sorted(nodes) if key in keys or table_of(key) == key}
        return LineageGraph({**graph.nodes, **shown}, edges, graph.resolved)

    def shared(self, *, is_filled: bool) -> frozenset[str]:
        """Return the tables that are read, or those that are filled, and that others may mean as well."""
        return frozenset(
            use.table for use in self.uses if use.is_filled is is_filled and is_shared(use.table)
        )

    def uses_of(self, key: str) -> tuple[TableUse, ...]:
        """Return what reads and fills a table."""
        return tuple(use for use in self.uses if use.table == key)

    def get(self, key: str) -> LogicalTable:
        """Return the table of a key, or of what the project or its place calls it.

        Raises:
            NotFound: There is none; tells the nearest.
        """
        names = {table.name: table for table in self.tables.values() if table.name}
        places = (key, f"{TABLE_PREFIX}{key}", f"{TABLE_PREFIX}./{key}")
        for found in (*map(self.tables.get, places), names.get(key)):
            if found is not None:
                return found
        hint = did_you_mean(key, [*self.tables, *names])
        raise NotFound(f"No table '{key}' is read, filled or declared here.{hint}")

    def told_of(self, keys: Collection[str]) -> tuple[str, ...]:
        """Return what is unclear about some nodes."""
        return tuple(each.text for each in self.unclear if not each.keys.isdisjoint(keys))


NO_TABLES: Final = TablesHere()
"""Those of a repository that has none."""


def tables_of(snapshot: Snapshot) -> TablesHere:
    """Return the tables that a snapshot reads, fills or declares."""
    return _Binder(snapshot).bind()


@dataclass(frozen=True, slots=True)
class _Supplied:
    """What a source certainly has, and what it may have.

    Attributes:
        name: The source.
        known: What its columns are made of, by their names; where these are so in any case in small letters.
        open: Tables that may have any other column.
        is_open: Whether it may have columns that are not known.
        any_case: Whether it is of a database, so that letters of any case name one column.
    """

    name: str
    known: Mapping[str, frozenset[str]]
    open: tuple[str, ...] = ()
    is_open: bool = False
    any_case: bool = False

    def of(self, column: str) -> frozenset[str] | None:
        """Return what a column is made of; None where it is not known to be there."""
        return self.known.get(column.casefold() if self.any_case else column)


class _Binder:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known = KnownTables(snapshot.declared.tables.values())
        self._uses: set[TableUse] = set()
        self._edges: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._unclear: dict[Unclear, None] = {}
        self._left = _MOST_WORK

    def bind(self) -> TablesHere:
        for flow in self._snapshot.dataflows:
            self._sinks(flow)
        for flow in self._snapshot.dataflows:
            self._sources(flow)
        for feature in self._snapshot.features:
            for found in sql_in(feature.source, self._snapshot.constants.get(feature.module)):
                self._code(feature, found)
        return TablesHere(
            tables=self._known.tables(),
            uses=tuple(sorted(self._uses)),
            edges={ends: tuple(sorted(flows)) for ends, flows in sorted(self._edges.items())},
            unclear=tuple(self._unclear),
        )

    # What dataflows fill

    def _sinks(self, flow: DataflowView) -> None:
        for name, stored in flow.sinks.items():
            key = self._known.at(Whereabouts.from_dict(stored).at(None))
            self._uses.add(TableUse(key, True, flow.name, name))
            if not flow.outputs:
                told = f"Dataflow '{flow.name}' declares no outputs: what it saves to '{name}' each run says."
                self._tell(f"{told} Add outputs.", key)
            graph = self._snapshot.graph_of(flow.name)
            made = [node for node in graph.nodes.values() if node.module]
            for output in dict.fromkeys(flow.outputs):
                module, _, bare = output.rpartition(":")  # as runs take them
                filling = [
                    node
                    for node in made
                    if bare in (node.name, *node.parts) and (not module or module == node.module)
                ]
                for node in filling:
                    self._filled(flow, node, bare, key)
                if not filling:
                    hint = did_you_mean(output, [node.name for node in made])
                    told = f"Output '{output}' of dataflow '{flow.name}' is made by no feature of it, so it"
                    self._tell(f"{told} cannot be run.{hint}", key)

    def _filled(self, flow: DataflowView, node: LineageNode, output: str, key: str) -> None:
        is_whole = is_frame(node.type)
        if is_whole is not False:  # a table is saved with its own columns, which nothing here tells
            self._edges[node.key, key].add(flow.name)
        if not is_whole:
            self._edges[node.key, self._known.column(key, output)].add(flow.name)
        if is_whole is None:
            self._tell_unread(f"Output '{output}' of dataflow '{flow.name}' may be all of a table", node, key)

    # What dataflows read

    def _sources(self, flow: DataflowView) -> None:
        supplied = [self._supplied(flow, name, stored) for name, stored in flow.sources.items()]
        if not any(each.known or each.open for each in supplied):
            return
        partitions = self._snapshot.declared.partitions.get(flow.name)
        given = {*flow.config, *flow.upstream, *((partitions.key,) if partitions else ())}
        for node in self._snapshot.graph_of(flow.name).nodes.values():
            if node.is_input and node.name not in given:
                self._bind(flow, node, supplied)

    def _supplied(self, flow: DataflowView, name: str, stored: Mapping[str, Any]) -> _Supplied:
        place = Whereabouts.from_dict(stored).at(None)
        told = {
            column: frozenset[str]() for column in (stored.get("index"), *stored.get("dates", ())) if column
        }
        if place.query:
            return self._queried(flow, name, place)
        if place.path and not self._known.is_declared(place):
            # It is listed, and lineage ends at the inputs: only a file that is read tells its columns.
            self._uses.add(TableUse(self._known.at(place), False, flow.name, name))
            return _Supplied(name, told, (), True)
        key = self._known.at(place)
        self._uses.add(TableUse(key, False, flow.name, name))
        declared = self._known.declared_columns(key)
        any_case = bool(place.connection)
        columns = [(each.casefold() if any_case else each, each) for each in declared or told]
        if declared:
            known = {each: frozenset({column_key(key, column)}) for each, column in columns}
            return _Supplied(name, known, any_case=any_case)
        known = {each: frozenset({self._known.column(key, column)}) for each, column in columns}
        return _Supplied(name, known, (key,), True, any_case)

    def _queried(self, flow: DataflowView, name: str, place: Location) -> _Supplied:
        partitions = self._snapshot.declared.partitions.get(flow.name)
        query = place.query.replace(f"{{{partitions.key}}}", partitions.first) if partitions else place.query
        found = self._read(query, place.connection)
        keys = {table: self._known.named(place.connection, table) for table in found.tables}
        self._uses.update(TableUse(key, False, flow.name, name) for key in keys.values())
        for told in found.told:
            self._tell(f"The query of source '{name}' of dataflow '{flow.name}': {told}.", *keys.values())
        known = {
            column.casefold(): frozenset(
                self._known.column(keys[table], each) for table, each in origins if table in keys
            )
            for column, origins in found.columns.items()
        }
        open_tables = tuple(keys[table] for table in found.open if table in keys)
        return _Supplied(name, known, open_tables, bool(found.open or not found.columns), any_case=True)

    def _bind(self, flow: DataflowView, node: LineageNode, supplied: Sequence[_Supplied]) -> None:
        name, target = node.name, node.key
        sure = [each for each in supplied if each.of(name) is not None]
        for each in sure:
            for source in each.of(name) or ():
                self._edges[source, target].add(flow.name)
        if len(sure) > 1:
            several = " and ".join(f"'{each.name}'" for each in sure)
            told = f"Input '{name}' of dataflow '{flow.name}' is a column of the sources {several}"
            self._tell(f"{told}: a run refuses that. Leave it out of all but one.", target)
        if sure:
            return
        whole = next((each for each in supplied if each.name == name), None)
        is_whole = is_frame(node.type) if whole is not None else False
        if whole is not None and is_whole is not False:
            for source in (*whole.open, *chain.from_iterable(whole.known.values())):
                self._edges[source, target].add(flow.name)
        if is_whole:
            return
        if is_whole is None:
            self._tell_unread(f"Input '{name}' of dataflow '{flow.name}' may be all of source '{name}'", node)
        possible = [each for each in supplied if each.is_open]
        tables = list(dict.fromkeys(table for each in possible for table in each.open))
        for table in tables:
            self._edges[self._known.column(table, name), target].add(flow.name)
        if len(tables) > 1 or (tables and len(possible) > 1):
            several = " or ".join(f"'{each.name}'" for each in possible)
            told = f"Input '{name}' of dataflow '{flow.name}' may come from {several}"
            self._tell(f"{told}. Declare the columns of their tables under [tables].", target, *tables)

    # What code reads and fills by itself

    def _code(self, feature: SnapshotFeature, found: CodeSql) -> None:
        where = f"{feature.path}:{feature.line + found.line - 1}"
        if not found.text:
            verb = "writes to a table" if found.is_written else "reads SQL"
            told = f"{where}: '{feature.name}' {verb} whose text stands elsewhere"
            do = "Write it into the function, or into a constant of its module that is set once"
            self._tell(f"{told}, so that it is open which table that is. {do}.", feature.key)
        elif found.is_written or not found.is_query:
            key = self._known.named_in_code(found.connection, found.text)
            self._uses.add(TableUse(key, found.is_written, "", feature.key))
            read = [key] if found.is_written else self._whole(feature, key, where)
            for each in read:
                ends = (feature.key, key) if found.is_written else (each, feature.key)
                self._edges[ends].update(feature.dataflows)
        else:
            self._code_query(feature, found, where)

    def _whole(self, feature: SnapshotFeature, key: str, where: str) -> Sequence[str]:
        """Return the columns that code has which reads a table as a whole; it where they are not known."""
        declared = self._known.declared_columns(key)
        if declared and self._left < 0:
            told = f"{where}: which columns '{feature.name}' reads is not told"
            self._tell(f"{told}: the columns that this repository reads are too many.", feature.key, key)
            return [key]
        self._left -= _PER_EDGE * len(declared)
        return [column_key(key, column) for column in declared] or [key]

    def _code_query(self, feature: SnapshotFeature, found: CodeSql, where: str) -> None:
        read = self._read(found.text, None)
        tables = [table for table in read.tables if table.casefold() not in found.own]
        keys = {table: self._known.named_in_code(found.connection, table) for table in tables}
        self._uses.update(TableUse(key, False, "", feature.key) for key in keys.values())
        for told in read.told if keys or not read.tables else ():
            self._tell(f"{where}: the query of '{feature.name}': {told}.", feature.key, *keys.values())
        columns = {column for origins in read.columns.values() for column in origins if column[0] in keys}
        self._left -= _PER_EDGE * len(columns)
        for table, column in sorted(columns):
            ends = self._known.column(keys[table], column), feature.key
            self._edges[ends].update(feature.dataflows)
        for table in keys.keys() & set(read.open):
            self._edges[keys[table], feature.key].update(feature.dataflows)

    def _read(self, query: str, connection: str | None) -> QueryLineage:
        """Return the lineage of a query, unless those before it have taken too long."""
        if self._left < 0:
            return QueryLineage(told=("the queries of this repository take too long to be read",))
        found = query_lineage(query, self._known.columns_in(connection))
        self._left -= found.work
        return found

    def _tell_unread(self, told: str, node: LineageNode, *keys: str) -> None:
        why = f"only running the code tells whether its type '{node.type}' is a table"
        self._tell(f"{told}: {why}. Write the type itself, such as pandas.DataFrame.", node.key, *keys)

    def _tell(self, text: str, *keys: str) -> None:
        self._unclear[Unclear(text, frozenset(keys))] = None
