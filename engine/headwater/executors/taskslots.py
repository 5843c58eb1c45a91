"""The plan of one task, over slots of its own: those of the whole graph may be many more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headwater.node import Node
from headwater.plan import Plan
from headwater.wiring import Wiring

__all__ = ["plan_task"]


def plan_task(nodes: Sequence[Node], inputs: Sequence[Node], outputs: Iterable[str]) -> Plan:
    """Return the plan that computes some nodes from the values of others.

    It is what `make_plan` makes of a graph of these nodes alone, without the graph: tasks are many.

    Args:
        nodes: The nodes to compute, each after those that it reads.
        inputs: The nodes whose values are given.
        outputs: The names whose values are wanted.
    """
    everything = [*nodes, *inputs]
    index = {node.name: slot for slot, node in enumerate(everything)}
    blank: list[Any] = [None] * len(index)
    reads = [_slots(node, index, blank) for node in nodes]
    given = [(node.name, index[node.name]) for node in inputs]
    wanted = list(outputs)
    kept = [index[name] for name in wanted]
    order = list(range(len(nodes)))
    wiring = Wiring(
        nodes=everything,
        index=index,
        calls=[*(node.call for node in nodes), *(None for _ in inputs)],
        reads=reads,
        blank=blank,
        fallbacks={},
        inputs=[slot for _, slot in given],
        order=order,
    )
    return Plan(wiring, order, reads, _frees(reads, kept, len(index)), given, wanted, kept)


def _slots(node: Node, index: Mapping[str, int], blank: list[Any]) -> tuple[int, ...]:
    """Return the slots of a node's arguments; a literal gets a new one."""
    slots = []
    for argument in node.arguments:
        if argument.node is None:
            slots.append(len(blank))
            blank.append(argument.value)
        else:
            slots.append(index[argument.node])
    return tuple(slots)


def _frees(reads: Sequence[Sequence[int]], kept: Iterable[int], size: int) -> dict[int, list[int]]:
    """Return the slots that nobody reads any more after a node, by the slot of that node; literals stay."""
    frees: dict[int, list[int]] = {}
    if len(reads) > 1:  # what a single node reads is let go with the task
        seen = set(kept)
        for slot in range(len(reads) - 1, -1, -1):
            for read in reads[slot]:
                if read < size and read not in seen:
                    seen.add(read)
                    frees.setdefault(slot, []).append(read)
    return frees
