"""Every way of running a graph gives what naive evaluation gives, whatever is optional, given or configured."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import async_driver
from headwater.ad_hoc import module_from_source
from headwater.builder import Builder
from headwater.caching.stores.memory import InMemoryMetadataStore, InMemoryResultStore
from headwater.errors import MissingInput
from headwater.executors import MultiThreadingExecutor, SynchronousLocalTaskExecutor
from headwater.executors.fusing import GroupChainsAndSiblings
from headwater.executors.grouping import GroupNodesAllAsOne, GroupNodesByLevel, GroupNodesIndividually
from headwater.lifecycle import NodeExecutionHook, NodeExecutionMethod
from support.event_loop import run_apart

INPUTS = ("x", "y", "z")


@dataclass
class Case:
    """A random module and what is asked of it.

    Attributes:
        needs: For each function its parameters, and whether each is optional.
        coroutines: The functions that an async driver finds as coroutines.
        config: Values in the configuration, some of which replace functions.
        inputs: Values given as inputs.
        overrides: Values given in the place of nodes.
        outputs: The names asked for.
    """

    needs: dict[str, dict[str, bool]]
    coroutines: set[str]
    config: dict[str, str]
    inputs: dict[str, str]
    overrides: dict[str, str]
    outputs: list[str]

    def source(self, is_async: bool) -> str:
        """Return the module's text."""
        lines = []
        for name, parameters in self.needs.items():
            ordered = sorted(parameters, key=parameters.__getitem__)
            told = ", ".join(f"{p}: object" + f" = 'default {p}'" * parameters[p] for p in ordered)
            values = ", ".join(f"{p!r}: {p}" for p in ordered)
            if is_async and name in self.coroutines:
                lines += [f"async def {name}({told}) -> object:", "    await asyncio.sleep(0)"]
            else:
                lines += [f"def {name}({told}) -> object:"]
            lines += [f"    return {name!r}, {{{values}}}"]
        return "\n".join(["import asyncio", *lines])

    def expected(self) -> dict[str, Any] | None:
        """Return the outputs as the words say them; None where an input is missing."""
        try:
            return {name: self._value(name) for name in self.outputs}
        except LookupError:
            return None

    def _value(self, name: str) -> Any:
        supplied = {**self.config, **self.inputs, **self.overrides}
        if name in supplied:
            return supplied[name]
        found = {}
        for parameter, is_optional in self.needs[name].items():
            at_hand = parameter in supplied or parameter in self.needs
            found[parameter] = (
                f"default {parameter}" if is_optional and not at_hand else self._value(parameter)
            )
        return name, found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    needs: dict[str, dict[str, bool]] = {}
    for index in range(draw(st.integers(1, 8))):
        names = draw(st.lists(st.sampled_from([*INPUTS, *needs]), max_size=5, unique=True))
        needs[f"f{index}"] = {name: draw(st.booleans()) for name in names}
    config = _values(draw, "config", [*INPUTS, *needs])
    # What only a function needs that the configuration replaces is no input of the graph.
    known = {*config, *needs, *(p for name in needs if name not in config for p in needs[name])}
    inputs = _values(draw, "input", [name for name in INPUTS if name in known and name not in config])
    overrides = _values(draw, "override", sorted(known))
    outputs = draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=4, unique=True))
    return Case(needs, draw(st.sets(st.sampled_from([*needs]))), config, inputs, overrides, outputs)


def _values(draw: st.DrawFn, what: str, names: list[str]) -> dict[str, str]:
    chosen = draw(st.sets(st.sampled_from(names), max_size=3)) if names else set()
    return {name: f"{what} {name}" for name in chosen}


class Looking(NodeExecutionHook):
    """Looks on."""

    def run_before_node_execution(self, **facts: Any) -> None:
        pass

    def run_after_node_execution(self, **facts: Any) -> None:
        pass


class Calling(NodeExecutionMethod):
    """Calls the functions itself."""

    def run_to_execute_node(
        self, *, node_callable: Callable[..., Any], node_kwargs: dict[str, Any], **facts: Any
    ) -> Any:
        return node_callable(**node_kwargs)


def _plain(builder: Builder, case: Case) -> Iterator[Mapping[str, Any]]:
    driver = builder.build()
    for _ in range(2):
        yield driver.execute(case.outputs, case.overrides, inputs=case.inputs)


def _compiled(builder: Builder, case: Case) -> Iterator[Mapping[str, Any]]:
    driver = builder.build()
    driver.validate_execution(case.outputs, case.overrides, case.inputs)
    for plan in driver._plans.values():
        plan.compile()
    yield driver.execute(case.outputs, case.overrides, inputs=case.inputs)


def _recorded(builder: Builder, case: Case) -> Iterator[Mapping[str, Any]]:
    run = builder.build().run(case.outputs, case.overrides, case.inputs)
    assert run.error is None
    yield run.values


def _kept(builder: Builder, case: Case) -> Iterator[Mapping[str, Any]]:
    metadata, results = InMemoryMetadataStore(), InMemoryResultStore()
    yield from _plain(builder.with_cache(metadata_store=metadata, result_store=results), case)


def _in_tasks(executor: type, strategy: type) -> Callable[[Builder, Case], Iterator[Mapping[str, Any]]]:
    def run(builder: Builder, case: Case) -> Iterator[Mapping[str, Any]]:
        builder.enable_dynamic_execution(allow_experimental_mode=True)
        builder.with_grouping_strategy(strategy())
        runner = executor(2) if executor is MultiThreadingExecutor else executor()
        return _plain(builder.with_remote_executor(runner), case)

    return run


WAYS: dict[str, Callable[[Builder, Case], Iterator[Mapping[str, Any]]]] = {
    "loop": _plain,
    "code": _compiled,
    "record": _recorded,
    "cache": _kept,
    "hook": lambda builder, case: _plain(builder.with_adapters(Looking()), case),
    "method": lambda builder, case: _plain(builder.with_adapters(Calling()), case),
    "single tasks": _in_tasks(SynchronousLocalTaskExecutor, GroupNodesIndividually),
    "one task": _in_tasks(SynchronousLocalTaskExecutor, GroupNodesAllAsOne),
    "levels": _in_tasks(SynchronousLocalTaskExecutor, GroupNodesByLevel),
    "chains in threads": _in_tasks(MultiThreadingExecutor, GroupChainsAndSiblings),
}


@contextmanager
def module(case: Case, *, is_async: bool = False) -> Iterator[ModuleType]:
    made = module_from_source(case.source(is_async))
    try:
        yield made
    finally:
        del sys.modules[made.__name__]


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_every_way_gives_what_naive_evaluation_gives(way: str, case: Case) -> None:
    expected = case.expected()
    with module(case) as features:
        builder = Builder().with_modules(features).with_config(case.config)
        if expected is None:
            with pytest.raises(MissingInput):
                list(WAYS[way](builder, case))
            return
        for values in WAYS[way](builder, case):
            assert values == expected
            assert list(values) == case.outputs


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "coroutines"])
@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_the_async_driver_gives_what_naive_evaluation_gives(is_async: bool, case: Case) -> None:
    expected = case.expected()
    with module(case, is_async=is_async) as features:
        driver = async_driver.Builder().with_modules(features).with_config(case.config).build_without_init()
        execution = driver.execute(case.outputs, case.overrides, inputs=case.inputs)
        if expected is None:
            with pytest.raises(MissingInput):
                run_apart(execution)
        else:
            assert run_apart(execution) == expected
