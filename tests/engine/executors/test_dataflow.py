"""Values on their way between tasks: whole, in order, and let go when nobody reads them any more."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.executors import DefaultExecutionManager, SynchronousLocalTaskExecutor
from headwater.executors.fanout import FanOuts
from headwater.executors.fusing import GroupByCost, GroupChainsAndSiblings
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupNodesAllAsOne, GroupNodesByLevel, GroupNodesIndividually
from headwater.function import Argument
from headwater.graph import Graph
from headwater.node import Node
from headwater.types import COLLECT, PARALLELIZABLE, Type


class Block:
    """A value that counts how many of its kind are alive, now and at most."""

    alive = 0
    most = 0

    def __init__(self) -> None:
        Block.alive += 1
        Block.most = max(Block.most, Block.alive)
        weakref.finalize(self, Block.forget)

    @classmethod
    def forget(cls) -> None:
        cls.alive -= 1


def _reset() -> None:
    gc.collect()
    Block.alive = Block.most = 0


def test_values_of_a_chain_are_let_go_as_it_goes_on(tasks, monkeypatch):
    _reset()
    source = "\n".join(f"def f{i}(f{i - 1}: object) -> object: return make()" for i in range(1, 60))
    graph = tasks.graph("make = None\n" + source)
    monkeypatch.setitem(graph["f1"].call.__globals__, "make", Block)

    tasks.executor().execute(graph, ["f59"], {"f0": None})

    assert Block.most <= 3
    assert Block.alive == 0


def test_a_fan_out_ends_what_it_began_before_it_begins_more(tasks, monkeypatch):
    _reset()
    graph = tasks.graph("""
        make = None

        def number() -> Parallelizable[int]:
            yield from range(50)

        def large(number: int) -> object:
            return make()

        def small(large: object) -> int:
            return 1

        def total(small: Collect[int]) -> int:
            return sum(small)
    """)
    monkeypatch.setitem(graph["large"].call.__globals__, "make", Block)
    tasks.grouping = GroupNodesIndividually()

    assert tasks.executor().execute(graph, ["total"], {}) == {"total": 50}
    assert Block.most <= 3


def test_a_generator_that_is_given_is_gone_through_once(tasks):
    source = """
        def number() -> Parallelizable[int]:
            yield 0

        def square(number: int) -> int:
            return number * number
    """
    assert tasks.run(source, "number", "square", number=iter([2, 3])) == {"number": [2, 3], "square": [4, 9]}


INT = Type("int")
FAN_OUT = Type(PARALLELIZABLE, (INT,))
GATHERED = Type(COLLECT, (INT,))


def _combined(*values: Any) -> Any:
    return values


def _spread(*values: Any) -> Iterator[Any]:
    for place in range(len(values) + 1):
        yield (place, *values)


class Reference:
    """Computes a graph with fan-outs by the words of their definition, one value at a time and by recursion."""

    def __init__(self, graph: Graph, fan_outs: FanOuts) -> None:
        self.graph, self.fan_outs = graph, fan_outs

    def output(self, name: str) -> Any:
        return self._for_all(name, self.fan_outs.scopes[name], {})

    def _for_all(self, name: str, rest: tuple[str, ...], elements: dict[str, Any]) -> Any:
        if not rest:
            return self._value(name, elements)
        return [
            self._for_all(name, rest[1:], {**elements, rest[0]: element})
            for element in self._value(rest[0], elements)
        ]

    def _value(self, name: str, elements: dict[str, Any]) -> Any:
        node = self.graph[name]
        value = node.call(*(self._argument(argument, elements) for argument in node.arguments))
        return list(value) if node.type is FAN_OUT else value

    def _argument(self, argument: Argument, elements: dict[str, Any]) -> Any:
        name = argument.node
        is_fan_out = self.graph[name].type is FAN_OUT
        if argument.type is not GATHERED:
            return elements[name] if is_fan_out else self._value(name, elements)
        return self._value(name, elements) if is_fan_out else self._gathered(name, elements)

    def _gathered(self, name: str, elements: dict[str, Any]) -> list[Any]:
        inner = self.fan_outs.scopes[name][-1]
        return [self._value(name, {**elements, inner: one}) for one in self._value(inner, elements)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Return a graph of nodes that fan out, gather or do neither, in any order that has a meaning."""
    nodes: list[Node] = []
    for number in range(draw(st.integers(2, 10))):
        fans_out = draw(st.booleans())
        arguments: list[Argument] = []
        sources = (
            st.lists(st.integers(0, len(nodes) - 1), min_size=1, max_size=3, unique=True)
            if nodes
            else st.just([])
        )
        for place in draw(sources):
            source = nodes[place]
            type_ = draw(st.sampled_from([INT, GATHERED]))
            more = [*arguments, Argument(source.name, type_, source.name)]
            if _has_meaning([*nodes, _node(number, fans_out, more)]):
                arguments = more
        nodes.append(_node(number, fans_out, arguments))
    return Graph(nodes)


def _node(number: int, fans_out: bool, arguments: list[Argument]) -> Node:
    call = _spread if fans_out else _combined
    return Node(f"n{number}", FAN_OUT if fans_out else INT, tuple(arguments), f"n{number}", call=call)


def _has_meaning(nodes: list[Node]) -> bool:
    try:
        fan_outs = FanOuts(nodes)
    except ValueError:
        return False
    return max(map(len, fan_outs.scopes.values())) <= 3


STRATEGIES = (
    None,
    GroupNodesIndividually(),
    GroupNodesAllAsOne(),
    GroupNodesByLevel(),
    GroupChainsAndSiblings(2),
    GroupByCost(2, 0.1),
)


@settings(max_examples=120, deadline=None)
@given(graphs(), st.sampled_from(STRATEGIES), st.data())
def test_any_graph_of_fan_outs_gives_what_their_definition_says(graph, strategy, data):
    fan_outs = FanOuts(graph.nodes)
    outputs = data.draw(st.lists(st.sampled_from(graph.names), min_size=1, unique=True))
    manager = DefaultExecutionManager(None, SynchronousLocalTaskExecutor())

    values = TaskBasedGraphExecutor(manager, strategy).execute(graph, outputs, {})

    assert values == {name: Reference(graph, fan_outs).output(name) for name in outputs}
