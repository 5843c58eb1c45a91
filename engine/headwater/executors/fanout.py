"""Which nodes a fan-out repeats: from `Parallelizable` results down to `Collect` parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from headwater.errors import BuildFailed, DefinitionError
from headwater.executors.tasks import is_collected, is_expander
from headwater.graph import Graph
from headwater.node import Argument, Node, Role
from headwater.record import record

__all__ = ["FanOuts", "Read", "Scope", "check_fan_outs", "find_dynamic"]

Scope = tuple[str, ...]
"""The fan-outs around a node, outermost first, by the names of the nodes that make their elements."""


@record
class Read:
    """What a node reads.

    Attributes:
        name: The node that is read.
        scope: Where the value is at hand: a value of a fan-out for each of its elements, a gathered one
            where the fan-out began.
        gathers: The fan-out whose values are gathered; None where one value is read.
        crosses: Whether the value comes from a node of another scope, so that no task can hold both.
    """

    name: str
    scope: Scope
    gathers: str | None = None
    crosses: bool = False


class FanOuts:
    """The scope of every node, and what each node reads.

    Args:
        nodes: Nodes, each after those that it reads.
        given: Names whose values come from outside; where nodes that are not among `nodes` are read, their
            values count as given, too.

    Attributes:
        scopes: The scope of each node, by name.
        reads: What each node reads, by name.

    Raises:
        DefinitionError: A node cannot be in any scope; several such faults are told at once.
    """

    def __init__(self, nodes: Iterable[Node], given: Collection[str] = ()) -> None:
        """Work out the scopes."""
        self.scopes: dict[str, Scope] = {}
        self.reads: dict[str, tuple[Read, ...]] = {}
        self._plain: dict[str, Read] = {}
        self._expanders: set[str] = set()
        self._given = given
        faults: list[DefinitionError] = []
        for node in nodes:
            self._add(node, faults)
        if faults:
            raise faults[0] if len(faults) == 1 else BuildFailed(faults)

    def gathered(self, node: Node) -> str | None:
        """Return the first fan-out that a node gathers from."""
        return next((read.gathers for read in self.reads[node.name] if read.gathers is not None), None)

    def _add(self, node: Node, faults: list[DefinitionError]) -> None:
        name, reads = node.name, {}
        if name not in self._given:
            for argument in node.arguments:
                if argument.node is not None:
                    reads[argument.node] = self._read(node, argument, argument.node, faults)
        scope: Scope = ()
        for read in reads.values():
            if len(read.scope) > len(scope):
                scope = read.scope
        if scope:
            faults += _misplaced(node, reads.values(), scope)
            reads = {source: _located(read, scope) for source, read in reads.items()}
        self.scopes[name] = scope
        self.reads[name] = tuple(reads.values())
        if is_expander(node):
            self._expanders.add(name)
            self._plain[name] = Read(name, (*scope, name), crosses=True)
        else:
            self._plain[name] = Read(name, scope)

    def _read(self, node: Node, argument: Argument, name: str, faults: list[DefinitionError]) -> Read:
        if not is_collected(argument.type):
            found = self._plain.get(name)
            if found is None:
                found = self._plain[name] = Read(name, ())
            return found
        scope = self.scopes.get(name, ())
        if name in self._expanders:
            return Read(name, scope, gathers=name, crosses=True)
        if scope:
            return Read(name, scope[:-1], gathers=scope[-1], crosses=True)
        if name in self.scopes and name not in self._given:
            faults.append(_nothing_to_collect(node, argument))
        return Read(name, ())


def _located(read: Read, scope: Scope) -> Read:
    return Read(read.name, read.scope, read.gathers, read.crosses or read.scope != scope)


def _nothing_to_collect(node: Node, argument: Argument) -> DefinitionError:
    return DefinitionError(
        f"{node.where} collects '{argument.node}', which has one value: nothing that it needs returns "
        f"Parallelizable[...]. Annotate it {argument.parameter}: {', '.join(map(str, argument.type.args))}."
    )


def _misplaced(node: Node, reads: Iterable[Read], scope: Scope) -> Iterator[DefinitionError]:
    for read in reads:
        if read.scope != scope[: len(read.scope)]:
            yield DefinitionError(
                f"{node.where} reads elements of two fan-outs, '{scope[-1]}' and '{read.scope[-1]}' (by "
                f"'{read.name}'), and nothing says which belong together. Collect one of them first, or let "
                "one function return all pairs as Parallelizable[...]."
            )
        elif read.gathers in scope:
            yield DefinitionError(
                f"{node.where} collects '{read.name}' from the fan-out '{read.gathers}' and is itself called "
                "for each element of it. Collect in a function of its own, and read that."
            )


def check_fan_outs(graph: Graph) -> None:
    """Check the fan-outs of a whole graph, before anything is asked of it.

    Raises:
        DefinitionError: A node collects what is no fan-out, or reads from two; all faults are told at once.
    """
    wiring = graph.wiring
    made = [wiring.nodes[slot] for slot in wiring.order]
    FanOuts([node for node in made if node.role is not Role.INPUT])


def find_dynamic(nodes: Iterable[Node]) -> Node | None:
    """Return the first node that needs dynamic execution: one that fans out or collects."""
    for node in nodes:
        if is_expander(node) or any(is_collected(argument.type) for argument in node.arguments):
            return node
    return None
