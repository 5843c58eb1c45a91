"""A graph of one configuration in numbers: every node a slot, every argument the slot it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headwater.node import Node, Role
from headwater.values import MISSING

__all__ = ["DONE", "Fallback", "Wiring", "ordered", "wire"]


@dataclass(frozen=True, slots=True)
class Fallback:
    """An argument that takes an input where one is given, and else its default.

    Attributes:
        position: Which argument of the node.
        source: Slot of the input.
        default: Slot of the default.
    """

    position: int
    source: int
    default: int


@dataclass(frozen=True, slots=True)
class Wiring:
    """Slots of nodes, literals and defaults, and who reads which.

    Attributes:
        nodes: The nodes; the place of each is its slot.
        index: Slots by the names of the nodes.
        calls: What computes each node; None for inputs.
        reads: The slots of each node's arguments.
        blank: A list of all slots before an execution: literals and defaults stand behind the nodes.
        fallbacks: The optional arguments of a node that read inputs, by its slot.
        inputs: The slots of the inputs.
        order: The slots of the nodes, each after those that it reads; shorter than `nodes` where some
            need themselves.
    """

    nodes: Sequence[Node]
    index: dict[str, int]
    calls: list[Callable[..., Any] | None]
    reads: list[tuple[int, ...]]
    blank: list[Any]
    fallbacks: dict[int, tuple[Fallback, ...]]
    inputs: list[int]
    order: list[int]


def wire(nodes: Sequence[Node]) -> Wiring:
    """Give slots to the nodes of one configuration, which include an input for every name that is read."""
    index = {node.name: slot for slot, node in enumerate(nodes)}
    blank: list[Any] = [None] * len(nodes)
    reads: list[tuple[int, ...]] = []
    fallbacks: dict[int, tuple[Fallback, ...]] = {}
    for slot, node in enumerate(nodes):
        plain = [index[argument.node] for argument in node.arguments if argument.value is MISSING]  # type: ignore[index]
        if len(plain) == len(node.arguments):
            reads.append(tuple(plain))
            continue
        found, optional = _with_values(node, nodes, index, blank)
        reads.append(found)
        if optional:
            fallbacks[slot] = optional
    calls = [node.call for node in nodes]
    role = Role.INPUT  # a name of its own, since members of enumerations are slow to look up
    inputs = [slot for slot, node in enumerate(nodes) if node.role is role]
    size = len(nodes)
    state = bytearray(size) + bytes([DONE]) * (len(blank) - size)  # literals and defaults are there
    order = ordered(range(size), reads, state)
    return Wiring(nodes, index, calls, reads, blank, fallbacks, inputs, order)


def _with_values(
    node: Node, nodes: Sequence[Node], index: dict[str, int], blank: list[Any]
) -> tuple[tuple[int, ...], tuple[Fallback, ...]]:
    reads: list[int] = []
    optional: list[Fallback] = []
    for position, argument in enumerate(node.arguments):
        source = None if argument.node is None else index[argument.node]
        if source is None or (argument.is_optional and nodes[source].role is Role.INPUT):
            blank.append(argument.value)
            if source is not None:
                optional.append(Fallback(position, source, len(blank) - 1))
        reads.append(len(blank) - 1 if source is None else source)
    return tuple(reads), tuple(optional)


_NEW: Final = 0
_ENTERED: Final = 1
DONE: Final = 2


def ordered(starts: Iterable[int], reads: Sequence[tuple[int, ...]], state: bytearray) -> list[int]:
    """Return slots so that each comes after those it reads, without recursion; it ends at a circle.

    What a start needs comes before the next start, and what an argument needs before the next argument:
    features that share something that changes, such as a source of random numbers, find it as they would
    if they called each other.

    Args:
        starts: Where to start; what they read is included.
        reads: The slots that each slot reads.
        state: A mark for each slot, `DONE` for those that have a value from the start; it is changed.
    """
    order: list[int] = []
    add, done = order.append, DONE
    for start in starts:
        if state[start]:
            continue
        for read in reads[start]:
            if not state[read]:
                break
        else:  # the most frequent case by far, where much is asked for
            state[start] = done
            add(start)
            continue
        if not _descend(start, reads, state, order):
            break
    return order


def _descend(start: int, reads: Sequence[tuple[int, ...]], state: bytearray, order: list[int]) -> bool:
    """Add a slot to the order, and what it reads before it; return whether there is no circle."""
    pending = [start]
    while pending:
        slot = pending.pop()
        if slot < 0:  # all that it reads is done
            state[~slot] = DONE
            order.append(~slot)
        elif state[slot] == _NEW:
            state[slot] = _ENTERED
            pending.append(~slot)
            for read in reads[slot][::-1]:
                if state[read] == _NEW:
                    pending.append(read)
                elif state[read] == _ENTERED:
                    return False
    return True
