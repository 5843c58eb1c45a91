"""The order of one execution, worked out once: which calls, on which slots, and when values are let go."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from headwater.errors import CheckFailed, MissingInput, NodeFailed, UnknownNode, did_you_mean, in_words
from headwater.graph import Graph
from headwater.node import Node
from headwater.shapes import summary
from headwater.wiring import DONE, Wiring, ordered

if TYPE_CHECKING:
    from headwater.generated import Code

__all__ = ["Around", "Plan", "call_it", "keep_plan", "make_plan"]

Around = Callable[[Node, Callable[..., Any], Sequence[Any]], Any]
"""Computes a node in place of `call(*args)`: for hooks, records, caches."""


def call_it(node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Compute a node and do nothing else: the simplest `Around`."""
    return call(*arguments)


_RUNS_BEFORE = 3
"""Compiling takes as long as some 20 runs, which a plan that is asked a third time will most likely see."""

_WORTH_COMPILING = 20e-6
"""Seconds a node: where the features themselves take longer, generated code would save nothing."""


_PLANS_KEPT = 64
"""Of one driver, which may be asked for other outputs each time."""


class Plan:
    """A flat sequence of calls over the slots of a graph.

    The first run is a loop over slots. A plan that is run again is written out as code, one line a call,
    unless its features take so long that the loop does not matter.

    Attributes:
        wiring: The graph in slots.
        order: Slots of the nodes that are computed, in order.
        reads: Slots that each node reads, by slot, with inputs that are not given replaced by defaults.
        frees: Slots whose values are let go after a node, by the slot of that node.
        given: Names and slots of the values that come from outside.
        outputs: Requested names in the order of the request.
        slots: Slots of the requested names.
    """

    def __init__(
        self,
        wiring: Wiring,
        order: Sequence[int],
        reads: Sequence[tuple[int, ...]],
        frees: Mapping[int, Sequence[int]],
        given: Sequence[tuple[str, int]],
        outputs: Sequence[str],
        slots: Sequence[int],
    ) -> None:
        """Hold what `make_plan` has worked out."""
        self.wiring = wiring
        self.order = order
        self.reads = reads
        self.frees = frees
        self.given = given
        self.outputs = outputs
        self.slots = slots
        self._runs = 0
        self._seconds = 0.0
        self._code: Code | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Code is written anew where it is wanted.
        return {**vars(self), "_code": None}

    @property
    def nodes(self) -> list[Node]:
        """The nodes that are computed, in order."""
        return [self.wiring.nodes[slot] for slot in self.order]

    def execute(self, given: Mapping[str, Any], around: Around | None = None) -> dict[str, Any]:
        """Compute the outputs.

        Args:
            given: Values from outside; names that the plan does not need are passed over.
            around: Called to compute each node, in place of its call.

        Raises:
            NodeFailed: A feature function raised; the exception is the cause.
            CheckFailed: A check of importance "fail" did not hold.
        """
        if around is None and self._compiled() is not None:
            assert self._code is not None
            return self._code.execute(given)
        values = self.wiring.blank.copy()
        for name, slot in self.given:
            values[slot] = given[name]
        if around is not None:
            self._run_around(values, around)
        else:
            start = perf_counter()
            self._run(values)
            self._seconds = perf_counter() - start
        return dict(zip(self.outputs, map(values.__getitem__, self.slots), strict=True))

    def _compiled(self) -> Code | None:
        self._runs += 1
        if self._runs == _RUNS_BEFORE and self._seconds < _WORTH_COMPILING * len(self.order):
            self.compile()
        return self._code

    def compile(self) -> None:
        """Write the plan out as code, for the runs that follow."""
        from headwater.generated import Code

        self._code = Code(self)

    def _run(self, values: list[Any]) -> None:
        calls, reads, frees = self.wiring.calls, self.reads, self.frees
        slot = -1
        try:
            for slot in self.order:
                read = reads[slot]
                size = len(read)
                # Unpacking one to three arguments is twice as fast as the general call.
                if size == 2:
                    a, b = read
                    values[slot] = calls[slot](values[a], values[b])  # type: ignore[misc]
                elif size == 1:
                    values[slot] = calls[slot](values[read[0]])  # type: ignore[misc]
                elif size == 3:
                    a, b, c = read
                    values[slot] = calls[slot](values[a], values[b], values[c])  # type: ignore[misc]
                else:
                    values[slot] = calls[slot](*[values[i] for i in read])  # type: ignore[misc]
                if frees and slot in frees:
                    for done in frees[slot]:
                        values[done] = None
        except CheckFailed:
            raise
        except Exception as error:
            raise self.failure(slot, [values[i] for i in reads[slot]], error) from error

    def _run_around(self, values: list[Any], around: Around) -> None:
        nodes, calls, reads = self.wiring.nodes, self.wiring.calls, self.reads
        for slot in self.order:
            call = calls[slot]
            assert call is not None  # only nodes of live code are planned
            received = [values[i] for i in reads[slot]]
            try:
                values[slot] = around(nodes[slot], call, received)
            except CheckFailed:
                raise
            except Exception as error:
                raise self.failure(slot, received, error) from error
            del received
            for done in self.frees.get(slot, ()):
                values[done] = None

    def failure(self, slot: int, received: Sequence[Any], error: Exception) -> NodeFailed:
        """Return the error that tells where a call failed, on what, and for whose sake it was made."""
        node = self.wiring.nodes[slot]
        shown = [
            f"{argument.parameter}: {summary(value)}"
            for argument, value in zip(node.arguments, received, strict=True)
        ]
        lines = [f"{node.where} failed with {in_words(error)}"]
        if shown:
            lines.append(f"It received {', '.join(shown)}.")
        chain = self._chain(slot)
        if len(chain) > 1:
            lines.append(f"It was needed for '{chain[0]}': {' ← '.join(chain)}.")
        return NodeFailed("\n".join(lines), node.name)

    def _chain(self, slot: int) -> list[str]:
        """Return the names from a requested output down to the node of a slot."""
        readers = {read: reader for reader in reversed(self.order) for read in self.reads[reader]}
        outputs = set(self.slots)
        chain = [slot]
        while chain[-1] not in outputs:
            chain.append(readers[chain[-1]])
        return [self.wiring.nodes[each].name for each in reversed(chain)]


def make_plan(graph: Graph, outputs: Iterable[str], given: Iterable[str]) -> Plan:
    """Work out how to compute outputs from values that are given.

    Args:
        graph: The graph of one configuration.
        outputs: Names wanted; repeated ones count once.
        given: Names whose values come from outside: configuration, inputs and overrides. A given node
            is not computed, nor is what only it needs.

    Raises:
        UnknownNode: No node has one of the names.
        MissingInput: Inputs that are needed were not given.
    """
    wiring = graph.wiring
    index = wiring.index
    asked = dict.fromkeys(outputs)
    wanted = list(asked)
    try:
        slots = [index[name] for name in wanted]
    except KeyError:
        unknown = next(name for name in wanted if name not in index)
        raise UnknownNode(unknown, graph.names) from None
    supplied = {index[name]: name for name in given if name in index}
    reads = _with_defaults(wiring, supplied)
    nodes = len(wiring.nodes)
    state = bytearray(nodes) + bytes([DONE]) * (len(wiring.blank) - nodes)  # literals and defaults are there
    for slot in supplied:
        state[slot] = DONE
    order = ordered(slots, reads, state)
    missing = [slot for slot in wiring.inputs if state[slot] == DONE and slot not in supplied]
    if missing:
        raise _missing_input(graph, missing, order, set(supplied.values()))
    unread = _unread(supplied, slots, order, reads)
    here = [(name, slot) for slot, name in supplied.items() if slot not in unread]
    there = len(order) + sum(name in asked for name in supplied.values())
    # Where all that is there is asked for, nothing is let go.
    frees = {} if there == len(wanted) else _frees(order, slots, reads, nodes)
    return Plan(wiring, order, reads, frees, here, wanted, slots)


def keep_plan(plans: dict[Hashable, Any], key: Hashable, plan: Any) -> None:
    """Keep a plan under a key for the next time, and let go of the oldest where there are many."""
    if len(plans) >= _PLANS_KEPT:
        oldest, *_ = plans  # in one step, since another thread may be here at the same time
        plans.pop(oldest, None)
    plans[key] = plan


def _with_defaults(wiring: Wiring, supplied: Mapping[int, str]) -> Sequence[tuple[int, ...]]:
    """Return the slots that are read, where inputs that are not supplied give way to defaults."""
    if not wiring.fallbacks:
        return wiring.reads
    reads = list(wiring.reads)
    for slot, fallbacks in wiring.fallbacks.items():
        changed = list(reads[slot])
        for fallback in fallbacks:
            if fallback.source not in supplied:
                changed[fallback.position] = fallback.default
        reads[slot] = tuple(changed)
    return reads


def _unread(
    supplied: Iterable[int], wanted: Iterable[int], order: Iterable[int], reads: Sequence[tuple[int, ...]]
) -> set[int]:
    """Return the supplied slots that are neither wanted nor read by what is computed."""
    unread = set(supplied).difference(wanted)
    for slot in order:
        if not unread:
            break
        unread.difference_update(reads[slot])
    return unread


def _frees(
    order: Sequence[int], wanted: Iterable[int], reads: Sequence[tuple[int, ...]], nodes: int
) -> dict[int, list[int]]:
    """Return the slots that are let go after each slot.

    Going from the last node to the first, the first reader that is met is the last one to run.
    """
    kept = set(wanted)
    frees: dict[int, list[int]] = {}
    for slot in reversed(order):
        for read in reads[slot]:
            if read not in kept and read < nodes:  # literals and defaults are never let go
                kept.add(read)
                if slot in frees:
                    frees[slot].append(read)
                else:
                    frees[slot] = [read]
    return frees


def _missing_input(graph: Graph, slots: Sequence[int], order: Sequence[int], given: set[str]) -> MissingInput:
    nodes = graph.wiring.nodes
    missing = [nodes[slot].name for slot in slots]
    computed = {nodes[slot].name for slot in order}
    lines = [f"{len(missing)} inputs are missing:" if len(missing) > 1 else "An input is missing:"]
    for name in missing:
        readers = [
            reader for reader in graph.readers[name] if reader in computed and _needs(graph[reader], name)
        ]
        places = ", ".join(graph[reader].where for reader in readers[:3])
        asked = f" needed by {places}" if readers else " asked for itself"
        lines.append(f"- '{name}' ({graph[name].type}),{asked}.{did_you_mean(name, given)}")
    lines.append("Give them in inputs={...} or in the configuration.")
    return MissingInput("\n".join(lines), missing)


def _needs(node: Node, name: str) -> bool:
    return any(argument.node == name and not argument.is_optional for argument in node.arguments)
