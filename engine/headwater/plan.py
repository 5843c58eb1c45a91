"""The order of one execution, worked out once: which calls, on which slots, and when values are let go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from headwater.errors import CheckFailed, MissingInput, NodeFailed, UnknownNode, did_you_mean
from headwater.graph import Graph, topological
from headwater.node import Node, Role
from headwater.shapes import summary
from headwater.values import MISSING

__all__ = ["Plan", "Step", "make_plan"]


@dataclass(frozen=True, slots=True)
class Step:
    """One call: what to call, the slots of its arguments, the slot of its value, slots free afterwards."""

    node: Node
    call: Callable[..., Any]
    reads: tuple[int, ...]
    writes: int
    frees: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A flat sequence of calls over numbered slots.

    Attributes:
        steps: The calls in order.
        given: Slot of each value that comes from outside, by name.
        constants: Slot and value of each literal and default.
        outputs: Slot of each requested value, by name, in the order of the request.
        size: How many slots there are.
    """

    steps: tuple[Step, ...]
    given: Mapping[str, int]
    constants: tuple[tuple[int, Any], ...]
    outputs: Mapping[str, int]
    size: int

    def execute(
        self, given: Mapping[str, Any], after: Callable[[Node, float, Any], None] | None = None
    ) -> dict[str, Any]:
        """Compute the outputs.

        Args:
            given: Values from outside; names that the plan does not need are passed over.
            after: Told each node once it is computed, with the seconds it took and its value.

        Raises:
            NodeFailed: A feature function raised; the exception is the cause.
            CheckFailed: A check of importance "fail" did not hold.
        """
        values: list[Any] = [None] * self.size
        for name, slot in self.given.items():
            values[slot] = given[name]
        for slot, constant in self.constants:
            values[slot] = constant
        if after is None:
            self._run(values)
        else:
            self._run_told(values, after)
        return {name: values[slot] for name, slot in self.outputs.items()}

    def _run(self, values: list[Any]) -> None:
        step = None
        try:
            for step in self.steps:
                values[step.writes] = step.call(*[values[slot] for slot in step.reads])
                for slot in step.frees:
                    values[slot] = None
        except CheckFailed:
            raise
        except Exception as error:
            raise self._failed(step, values, error) from error

    def _run_told(self, values: list[Any], after: Callable[[Node, float, Any], None]) -> None:
        for step in self.steps:
            start = perf_counter()
            try:
                value = step.call(*[values[slot] for slot in step.reads])
            except CheckFailed:
                raise
            except Exception as error:
                raise self._failed(step, values, error) from error
            values[step.writes] = value
            after(step.node, perf_counter() - start, value)
            for slot in step.frees:
                values[slot] = None

    def _failed(self, step: Step | None, values: list[Any], error: Exception) -> NodeFailed:
        assert step is not None  # an empty plan calls nothing that could raise
        received = [
            f"{argument.parameter}: {summary(values[slot])}"
            for argument, slot in zip(step.node.arguments, step.reads, strict=True)
        ]
        lines = [f"{step.node.where} failed with {type(error).__name__}: {error}"]
        if received:
            lines.append(f"It received {', '.join(received)}.")
        chain = self._chain(step.writes)
        if len(chain) > 1:
            lines.append(f"It was needed for '{chain[0]}': {' ← '.join(chain)}.")
        return NodeFailed("\n".join(lines), step.node.name)

    def _chain(self, slot: int) -> list[str]:
        """Return the names from a requested output down to the node of a slot."""
        readers = {read: step for step in reversed(self.steps) for read in step.reads}
        names = {step.writes: step.node.name for step in self.steps}
        outputs = set(self.outputs.values())
        chain = [names[slot]]
        while slot not in outputs:
            slot = readers[slot].writes
            chain.append(names[slot])
        return chain[::-1]


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
    wanted = list(dict.fromkeys(outputs))
    supplied = set(given)
    for name in wanted:
        if name not in graph and name not in supplied:
            raise UnknownNode(name, graph.names)
    return _Planner(graph, supplied).plan(wanted)


class _Planner:
    """Gives slots to names while it lays out one plan."""

    def __init__(self, graph: Graph, given: set[str]) -> None:
        self.graph = graph
        self.given = given
        self.slots: dict[str, int] = {}
        self.constants: list[tuple[int, Any]] = []
        self.size = 0

    def plan(self, wanted: list[str]) -> Plan:
        order, _ = topological(wanted, self._needs)
        self._require(order, wanted)
        given = {name: self._slot(name) for name in order if name in self.given}
        nodes = [self.graph[name] for name in order if name not in self.given]
        calls = [(node, self._reads(node), self._slot(node.name)) for node in nodes]
        outputs = {name: self.slots[name] for name in wanted}
        return Plan(
            steps=tuple(_steps(calls, set(outputs.values()) | {slot for slot, _ in self.constants})),
            given=given,
            constants=tuple(self.constants),
            outputs=outputs,
            size=self.size,
        )

    def _needs(self, name: str) -> Iterable[str]:
        if name in self.given or name not in self.graph:
            return ()
        return [
            argument.node
            for argument in self.graph[name].arguments
            if argument.node is not None and (argument.value is MISSING or self._available(argument.node))
        ]

    def _available(self, name: str) -> bool:
        return name in self.given or (name in self.graph and self.graph[name].role is not Role.INPUT)

    def _slot(self, name: str) -> int:
        if name not in self.slots:
            self.slots[name] = self._new_slot()
        return self.slots[name]

    def _new_slot(self) -> int:
        self.size += 1
        return self.size - 1

    def _reads(self, node: Node) -> tuple[int, ...]:
        slots = []
        for argument in node.arguments:
            if argument.node is not None and (argument.value is MISSING or self._available(argument.node)):
                slots.append(self._slot(argument.node))
            else:
                slots.append(self._new_slot())
                self.constants.append((slots[-1], argument.value))
        return tuple(slots)

    def _require(self, order: list[str], wanted: list[str]) -> None:
        missing = [name for name in order if name not in self.given and self.graph[name].role is Role.INPUT]
        if not missing:
            return
        lines = [f"{len(missing)} inputs are missing:" if len(missing) > 1 else "An input is missing:"]
        for name in missing:
            readers = [self.graph[reader].where for reader in self.graph.readers[name] if reader in order]
            asked = f" needed by {', '.join(readers[:3])}" if readers else " asked for itself"
            lines.append(
                f"- '{name}' ({self.graph[name].type}),{asked}.{did_you_mean(name, self.given - set(wanted))}"
            )
        lines.append("Give them in inputs={...} or in the configuration.")
        raise MissingInput("\n".join(lines), missing)


def _steps(calls: list[tuple[Node, tuple[int, ...], int]], kept: set[int]) -> list[Step]:
    """Make the steps, each freeing the slots that nobody reads after it."""
    last: dict[int, int] = {}
    for index, (_, reads, _) in enumerate(calls):
        for slot in reads:
            last[slot] = index
    frees: dict[int, list[int]] = {}
    for slot, index in last.items():
        if slot not in kept:
            frees.setdefault(index, []).append(slot)
    steps = []
    for index, (node, reads, writes) in enumerate(calls):
        assert node.call is not None  # graphs that are executed come from live modules
        steps.append(Step(node, node.call, reads, writes, tuple(frees.get(index, ()))))
    return steps
