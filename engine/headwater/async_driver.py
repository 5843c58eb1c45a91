"""The driver for graphs whose feature functions may be coroutines."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from inspect import isawaitable
from types import ModuleType
from typing import Any, NoReturn, Self

from headwater import builder, driver
from headwater.asynchronous import execute_plan
from headwater.errors import InvalidInput, NodeFailed
from headwater.graph_types import HamiltonNode
from headwater.inspection import listed
from headwater.lifecycle.api import ResultBuilder
from headwater.lifecycle.base import BasePostGraphConstructAsync
from headwater.results import DictResult, PandasDataFrameResult

__all__ = ["AsyncDriver", "AsyncGraphAdapter", "Builder"]

Wanted = str | Callable[..., Any] | HamiltonNode


class AsyncGraphAdapter(ResultBuilder):
    """Builds the result of an `AsyncDriver`; the awaiting is done by the driver itself."""

    def __init__(self, result_builder: Any = None, async_lifecycle_adapters: Any = None) -> None:
        """Take a result builder; by default the result is a pandas table."""
        self.result_builder = result_builder or PandasDataFrameResult()

    def build_result(self, **outputs: Any) -> Any:
        """Return what the result builder makes."""
        return self.result_builder.build_result(**outputs)


class AsyncDriver(driver.Driver):
    """A graph of feature functions, coroutines among them, executed in an event loop.

    Coroutines that do not need each other run side by side; plain functions are called in the loop.

    Args:
        config: Chooses variants and supplies values; a key that names a node replaces it.
        *modules: Modules of feature functions.
        result_builder: Builds the result; by default a pandas table.
        adapters: Hooks of both kinds, plain and asynchronous, and the other adapters of a driver.
        allow_module_overrides: Whether a later module may make a node again, and win.

    Raises:
        DefinitionError: A function is wrong, or the graph is; all faults are told at once.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *modules: ModuleType,
        result_builder: Any = None,
        adapters: Sequence[Any] | None = None,
        allow_module_overrides: bool = False,
    ) -> None:
        """Build the graph."""
        everything = [*(adapters or ()), *([] if result_builder is None else [result_builder])]
        super().__init__(config, *modules, adapter=everything, allow_module_overrides=allow_module_overrides)
        self.initialized = False

    async def ainit(self) -> Self:
        """Let adapters set themselves up in the event loop; once is enough."""
        if self.initialized:
            return self
        for adapter in self.adapter.adapters:
            if isinstance(adapter, BasePostGraphConstructAsync):
                await adapter.post_graph_construct(
                    graph=self.graph, modules=list(self.graph_modules), config=dict(self.config)
                )
        await self.adapter.ainit()
        self.initialized = True
        return self

    async def execute(
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute outputs and build the result.

        Args:
            final_vars: What to compute: names, feature functions or variables.
            overrides: Values that take the place of nodes; what only those need is not computed.
            display_graph: Must be False; see `visualize_execution`.
            inputs: Values of the graph's inputs; those that can be awaited are awaited.

        Raises:
            UnknownNode: An output or override is no node of the graph.
            MissingInput: An input that is needed was not given.
            InvalidInput: An input is unknown or given twice, or it or a configuration value is of the wrong
                type.
            CheckFailed: A check of importance "fail" did not hold.
            Exception: What a feature function raised, with a note that says where.
        """
        return self._result(await self.raw_execute(final_vars, overrides, display_graph, inputs))

    async def raw_execute(  # type: ignore[override]
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Compute outputs and return them by name; arguments and errors are those of `execute`."""
        if display_graph:
            raise InvalidInput("An async driver draws nothing while it executes. Use visualize_execution().")
        final_vars = listed(final_vars)
        inputs, overrides = await _awaited(inputs or {}), await _awaited(overrides or {})
        run_id = str(uuid.uuid4())
        await self.adapter.acall(
            "pre_graph_execute",
            run_id=run_id,
            graph=self.graph,
            final_vars=[self._output_name(wanted) for wanted in final_vars],
            inputs=inputs,
            overrides=overrides,
        )
        results: dict[str, Any] | None = None
        failure: BaseException | None = None
        try:
            results = await self._computed(final_vars, overrides, inputs, run_id)
        except BaseException as error:
            failure = error
            raise
        finally:
            await self.adapter.acall(
                "post_graph_execute",
                run_id=run_id,
                graph=self.graph,
                success=failure is None,
                error=failure,
                results=results,
            )
            failure = None  # as in the plain driver
        return results

    async def _computed(
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any],
        inputs: Mapping[str, Any],
        run_id: str,
    ) -> dict[str, Any]:
        graph = self._asked(self.graph, final_vars, inputs)
        plan, given = self._prepare(graph, final_vars, overrides, inputs)
        try:
            return await execute_plan(plan, given, self.adapter.around_async(run_id))
        except NodeFailed as failure:
            cause = driver.cause_of(failure)
        try:
            raise cause
        finally:
            del cause  # as in the plain driver

    def run(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: the record of a run is kept by the plain driver only.

        Raises:
            InvalidInput: Always.
        """
        raise InvalidInput("An async driver keeps no record of a run. Await execute(...) instead.")

    def materialize(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: loaders and savers are called by the plain driver only.

        Raises:
            InvalidInput: Always.
        """
        raise InvalidInput("An async driver has no materialize(). Load and save around execute(...).")


async def _awaited(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with those awaited that can be, side by side."""
    waiting = {name: value for name, value in values.items() if isawaitable(value)}
    if not waiting:
        return dict(values)
    found = await asyncio.gather(*waiting.values())
    return {**values, **dict(zip(waiting, found, strict=True))}


class Builder(builder.Builder):
    """Puts an async driver together; its `execute` gives a dictionary unless an adapter builds another."""

    def build_without_init(self) -> AsyncDriver:
        """Return the driver; await its `ainit()` before it is used with adapters."""
        has_builder = any(hasattr(adapter, "do_build_result") for adapter in self.adapters)
        return AsyncDriver(
            self.config,
            *self.modules,
            adapters=self.adapters,
            result_builder=None if has_builder else DictResult(),
            allow_module_overrides=self._allow_module_overrides,
        )

    async def build(self) -> AsyncDriver:  # type: ignore[override]
        """Return the driver, ready for use.

        Raises:
            DefinitionError: A function is wrong, or the graph is; all faults are told at once.
        """
        return await self.build_without_init().ainit()

    def enable_dynamic_execution(self, *, allow_experimental_mode: bool = False) -> NoReturn:
        """Refuse: coroutines run side by side as they are.

        Raises:
            InvalidInput: Always.
        """
        _refuse("enable_dynamic_execution")

    def with_materializers(self, *materializers: Any) -> NoReturn:
        """Refuse: loaders and savers are called by the plain driver only.

        Raises:
            InvalidInput: Always.
        """
        _refuse("with_materializers")

    def with_adapter(self, adapter: Any) -> NoReturn:
        """Refuse: `with_adapters` takes every adapter.

        Raises:
            InvalidInput: Always.
        """
        _refuse("with_adapter", " Use with_adapters().")


def _refuse(method: str, instead: str = "") -> NoReturn:
    raise InvalidInput(f"The builder of an async driver has no {method}().{instead}")
