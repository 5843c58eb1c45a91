"""The builder: a driver put together step by step."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Self

from headwater.driver import Driver, Variable
from headwater.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Builder", "Driver", "Variable"]


class Builder:
    """Puts a driver together; its `execute` gives a dictionary unless an adapter builds another result."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.config: dict[str, Any] = {}
        self.modules: list[ModuleType] = []
        self.adapters: list[Any] = []
        self.materializers: list[Any] = []
        self.legacy_graph_adapter: Any = None
        self.v2_executor = False
        self.execution_manager: Any = None
        self.local_executor: Any = None
        self.remote_executor: Any = None
        self.grouping_strategy: Any = None
        self._allow_module_overrides = False

    def with_config(self, config: Mapping[str, Any]) -> Self:
        """Add configuration; later keys win."""
        self.config.update(config)
        return self

    def with_modules(self, *modules: ModuleType) -> Self:
        """Add modules of feature functions."""
        self.modules += modules
        return self

    def with_adapter(self, adapter: Any) -> Self:
        """Set the adapter of the old kind.

        Raises:
            InvalidInput: It was set already.
        """
        self._require_unset("legacy_graph_adapter", "adapter of the old kind")
        self.legacy_graph_adapter = adapter
        return self

    def with_adapters(self, *adapters: Any) -> Self:
        """Add adapters: hooks, methods, validators, result builders.

        Raises:
            InvalidInput: A second cache is given.
        """
        self.adapters += adapters
        self._caches()
        return self

    def with_materializers(self, *materializers: Any) -> Self:
        """Add loaders and savers, made by `from_` and `to`; their nodes can be asked for by name.

        Raises:
            InvalidModifier: Something else is given.
        """
        from headwater.materializers import saved_names

        saved_names(materializers)
        self.materializers += materializers
        return self

    def with_cache(
        self,
        path: str | Path = ".hamilton_cache",
        metadata_store: Any = None,
        result_store: Any = None,
        default: Literal[True] | Sequence[str] | None = None,
        recompute: Literal[True] | Sequence[str] | None = None,
        ignore: Literal[True] | Sequence[str] | None = None,
        disable: Literal[True] | Sequence[str] | None = None,
        default_behavior: str = "default",
        default_loader_behavior: str | None = None,
        default_saver_behavior: str | None = None,
        log_to_file: bool = False,
    ) -> Self:
        """Keep values between executions, see `headwater.caching`.

        Raises:
            InvalidInput: There is a cache already.
        """
        from headwater.caching.adapter import HamiltonCacheAdapter

        return self.with_adapters(
            HamiltonCacheAdapter(
                path=path,
                metadata_store=metadata_store,
                result_store=result_store,
                default=default,
                recompute=recompute,
                ignore=ignore,
                disable=disable,
                default_behavior=default_behavior,
                default_loader_behavior=default_loader_behavior,
                default_saver_behavior=default_saver_behavior,
                log_to_file=log_to_file,
            )
        )

    @property
    def cache(self) -> Any:
        """The cache; None where there is none."""
        return next(iter(self._caches()), None)

    def _caches(self) -> list[Any]:
        import sys

        # A cache can only be there once its module was imported.
        caching = sys.modules.get("headwater.caching.adapter")
        if caching is None:
            return []
        found = [a for a in self.adapters if isinstance(a, caching.HamiltonCacheAdapter)]
        if len(found) > 1:
            raise InvalidInput("The builder has a cache already. Use with_cache() once.")
        return found

    def enable_dynamic_execution(self, *, allow_experimental_mode: bool = False) -> Self:
        """Cut the graph into tasks for executors, and allow `Parallelizable` and `Collect`.

        Raises:
            InvalidInput: `allow_experimental_mode` is not True; code written for Hamilton says so.
        """
        if not allow_experimental_mode:
            raise InvalidInput(
                "Say that tasks are wanted: enable_dynamic_execution(allow_experimental_mode=True)."
            )
        self.v2_executor = True
        return self

    def with_execution_manager(self, execution_manager: Any) -> Self:
        """Choose which executor runs which task.

        Raises:
            InvalidInput: Dynamic execution is not enabled, or executors were chosen otherwise.
        """
        self._require_dynamic("an execution manager")
        self._require_unset("execution_manager", "execution manager")
        self._require_unset("local_executor", "local executor")
        self._require_unset("remote_executor", "remote executor")
        self.execution_manager = execution_manager
        return self

    def with_remote_executor(self, remote_executor: Any) -> Self:
        """Choose the executor of the tasks between `Parallelizable` and `Collect`.

        Raises:
            InvalidInput: Dynamic execution is not enabled, or executors were chosen otherwise.
        """
        self._require_dynamic("a remote executor")
        self._require_unset("remote_executor", "remote executor")
        self._require_unset("execution_manager", "execution manager")
        self.remote_executor = remote_executor
        return self

    def with_local_executor(self, local_executor: Any) -> Self:
        """Choose the executor of all other tasks.

        Raises:
            InvalidInput: Dynamic execution is not enabled, or executors were chosen otherwise.
        """
        self._require_dynamic("a local executor")
        self._require_unset("local_executor", "local executor")
        self._require_unset("execution_manager", "execution manager")
        self.local_executor = local_executor
        return self

    def with_grouping_strategy(self, grouping_strategy: Any) -> Self:
        """Choose how nodes are grouped into tasks.

        Raises:
            InvalidInput: Dynamic execution is not enabled, or a strategy was chosen before.
        """
        self._require_dynamic("a grouping strategy")
        self._require_unset("grouping_strategy", "grouping strategy")
        self.grouping_strategy = grouping_strategy
        return self

    def allow_module_overrides(self) -> Self:
        """Let a later module make a node again, and win."""
        self._allow_module_overrides = True
        return self

    def build(self) -> Driver:
        """Return the driver.

        Raises:
            DefinitionError: A function is wrong, or the graph is; all faults are told at once.
        """
        legacy = [] if self.legacy_graph_adapter is None else [self.legacy_graph_adapter]
        return Driver(
            self.config,
            *self.modules,
            adapter=[*self.adapters, *legacy],
            allow_module_overrides=self._allow_module_overrides,
            _materializers=self.materializers,
            _graph_executor=self._executor() if self._has_tasks() else None,
            _use_legacy_adapter=False,
        )

    def _has_tasks(self) -> bool:
        """Tell whether executors were chosen here, and not by an adapter that brings its own."""
        chosen = (self.execution_manager, self.local_executor, self.remote_executor, self.grouping_strategy)
        adapters = (*self.adapters, self.legacy_graph_adapter)
        is_brought = any(hasattr(adapter, "task_executor") for adapter in adapters)
        return self.v2_executor and not (is_brought and all(one is None for one in chosen))

    def _executor(self) -> Any:
        from headwater.executors.graph import TaskBasedGraphExecutor
        from headwater.executors.grouping import GroupByRepeatableBlocks
        from headwater.executors.local import MultiThreadingExecutor, SynchronousLocalTaskExecutor
        from headwater.executors.managers import DefaultExecutionManager

        manager = self.execution_manager or DefaultExecutionManager(
            local_executor=self.local_executor or SynchronousLocalTaskExecutor(),
            remote_executor=self.remote_executor or MultiThreadingExecutor(max_tasks=10),
        )
        return TaskBasedGraphExecutor(manager, self.grouping_strategy or GroupByRepeatableBlocks())

    def copy(self) -> Self:
        """Return a builder in the same state, which may go another way."""
        return copy.copy(self)

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        vars(made).update(vars(self))
        made.config = dict(self.config)
        made.modules = list(self.modules)
        made.adapters = list(self.adapters)
        made.materializers = list(self.materializers)
        return made

    def _require_dynamic(self, wanted: str) -> None:
        if not self.v2_executor:
            raise InvalidInput(
                f"To set {wanted}, call enable_dynamic_execution(allow_experimental_mode=True) first."
            )

    def _require_unset(self, field: str, called: str) -> None:
        if getattr(self, field) is not None:
            raise InvalidInput(f"The builder already has: {called}. Give one only.")
