"""A set of adapters, sorted once by the moments at which they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headwater.graph import Graph
from headwater.lifecycle import base
from headwater.lifecycle.around import Around, AroundAsync
from headwater.lifecycle.base import InvalidLifecycleAdapter, ValidationException
from headwater.lifecycle.views import NodeView
from headwater.node import Node
from headwater.types import Type

if TYPE_CHECKING:
    from headwater.executors.graph import TaskBasedGraphExecutor

__all__ = ["AdapterSet", "TaskHooks"]

Call = Callable[..., Any]

_HOOKS: Mapping[str, type] = {
    "pre_do_anything": base.BasePreDoAnythingHook,
    "post_graph_construct": base.BasePostGraphConstruct,
    "pre_graph_execute": base.BasePreGraphExecute,
    "post_graph_execute": base.BasePostGraphExecute,
    "post_task_group": base.BasePostTaskGroup,
    "post_task_expand": base.BasePostTaskExpand,
    "pre_task_submission": base.BasePreTaskSubmission,
    "pre_task_execute": base.BasePreTaskExecute,
    "pre_node_execute": base.BasePreNodeExecute,
    "post_node_execute": base.BasePostNodeExecute,
    "post_task_execute": base.BasePostTaskExecute,
    "post_task_return": base.BasePostTaskReturn,
}
_ASYNC_HOOKS: Mapping[str, type] = {
    "post_graph_construct": base.BasePostGraphConstructAsync,
    "pre_graph_execute": base.BasePreGraphExecuteAsync,
    "post_graph_execute": base.BasePostGraphExecuteAsync,
    "pre_task_execute": base.BasePreTaskExecuteAsync,
    "pre_node_execute": base.BasePreNodeExecuteAsync,
    "post_node_execute": base.BasePostNodeExecuteAsync,
    "post_task_execute": base.BasePostTaskExecuteAsync,
}
_METHODS: Mapping[str, type] = {
    "do_check_edge_types_match": base.BaseDoCheckEdgeTypesMatch,
    "do_validate_input": base.BaseDoValidateInput,
    "do_node_execute": base.BaseDoNodeExecute,
    "do_remote_execute": base.BaseDoRemoteExecute,
    "do_build_result": base.BaseDoBuildResult,
}
_ASYNC_METHODS: Mapping[str, type] = {"do_node_execute": base.BaseDoNodeExecuteAsync}
_VALIDATORS: Mapping[str, type] = {
    "validate_node": base.BaseValidateNode,
    "validate_graph": base.BaseValidateGraph,
}
_TASK_HOOKS = tuple(name for name in _HOOKS if "_task_" in name)


class AdapterSet:
    """The adapters of a driver.

    Args:
        adapters: Instances of the classes of `headwater.lifecycle`; one that is given twice counts once.

    Raises:
        InvalidLifecycleAdapter: One is no adapter, or two would do the same thing in the engine's place.
    """

    def __init__(self, adapters: Iterable[Any] = ()) -> None:
        """Sort the adapters."""
        self.adapters = tuple({id(adapter): adapter for adapter in adapters}.values())
        for adapter in self.adapters:
            _require_adapter(adapter)
        self._hooks = self._sorted(_HOOKS)
        self._async_hooks = self._sorted(_ASYNC_HOOKS)
        self._methods = self._only(_METHODS)
        self._async_methods = self._only(_ASYNC_METHODS)
        self._validators = self._sorted(_VALIDATORS)
        self._views: dict[str, NodeView] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return AdapterSet, (self.adapters,)

    def _sorted(self, moments: Mapping[str, type]) -> dict[str, tuple[Call, ...]]:
        found = {}
        for name, of in moments.items():
            calls = tuple(getattr(adapter, name) for adapter in self.adapters if isinstance(adapter, of))
            if calls:
                found[name] = calls
        return found

    def _only(self, moments: Mapping[str, type]) -> dict[str, Call]:
        found = {}
        for name, of in moments.items():
            able = [adapter for adapter in self.adapters if isinstance(adapter, of)]
            if len(able) > 1:
                names = " and ".join(type(adapter).__name__ for adapter in able)
                raise InvalidLifecycleAdapter(
                    f"{names} cannot be adapters of one driver, since each has '{name}', which only one can "
                    "have. Give one of them."
                )
            if able and not _does_as_the_engine(able[0], name):
                found[name] = getattr(able[0], name)
        return found

    def hooks(self, name: str) -> tuple[Call, ...]:
        """Return the hooks of a moment, in the order of the adapters."""
        return self._hooks.get(name, ())

    def method(self, name: str, *, either: bool = False) -> Call | None:
        """Return what one adapter does in the engine's place; `either` finds asynchronous ones, too."""
        found = self._methods.get(name)
        return self._async_methods.get(name) if found is None and either else found

    def call(self, name: str, **facts: Any) -> None:
        """Call the hooks of a moment."""
        for hook in self._hooks.get(name, ()):
            hook(**facts)

    async def acall(self, name: str, **facts: Any) -> None:
        """Call the hooks of a moment: the plain ones, then the asynchronous ones together."""
        self.call(name, **facts)
        hooks = self._async_hooks.get(name)
        if hooks is not None:
            import asyncio

            await asyncio.gather(*(hook(**facts) for hook in hooks))

    async def ainit(self) -> None:
        """Let each adapter that has an `ainit` set itself up in the event loop."""
        for adapter in self.adapters:
            if hasattr(adapter, "ainit"):
                await adapter.ainit()

    def view(self, node: Node) -> NodeView:
        """Return how adapters see a node."""
        view = self._views.get(node.name)
        if view is None or view.node is not node:
            view = self._views[node.name] = NodeView(node)
        return view

    def around(self, run_id: str, task_id: str | None = None) -> Around | None:
        """Return what to call in the place of each node's call; None where that is the call itself."""
        if self._touches_nodes(self._hooks, self._methods):
            return Around(self, run_id, task_id)
        return None

    def around_async(self, run_id: str, task_id: str | None = None) -> AroundAsync | None:
        """Return what to await in the place of each node's call; None where that is the call itself."""
        if self._touches_nodes(self._hooks, self._methods, self._async_hooks, self._async_methods):
            return AroundAsync(self, run_id, task_id)
        return None

    @staticmethod
    def _touches_nodes(*tables: Mapping[str, Any]) -> bool:
        moments = ("pre_node_execute", "post_node_execute", "do_node_execute", "do_remote_execute")
        return any(moment in table for table in tables for moment in moments)

    @property
    def tasks(self) -> TaskHooks | None:
        """The hooks of tasks; None where there are none."""
        return TaskHooks(self) if any(name in self._hooks for name in _TASK_HOOKS) else None

    def check_edge_types(self, type_from: Type, type_to: Type) -> bool:
        """Tell whether an adapter allows an edge that the engine would refuse.

        Args:
            type_from: What the node makes.
            type_to: What the parameter asks for.
        """
        check = self._methods.get("do_check_edge_types_match")
        if check is None:
            return False
        # Adapters get the two the other way round: code written for Hamilton relies on what it passes.
        return bool(check(type_from=_live(type_to), type_to=_live(type_from)))

    def validate_input(self, node_type: Type, value: Any) -> bool | None:
        """Tell whether an adapter lets an input take a value; None where the engine decides."""
        check = self._methods.get("do_validate_input")
        if check is None:
            return None
        return value is None or bool(check(node_type=_live(node_type), input_value=value))

    def validate(self, graph: Graph, modules: Sequence[ModuleType], config: Mapping[str, Any]) -> None:
        """Ask the validators whether the nodes and the graph may stand.

        Raises:
            ValidationException: They may not; all reasons are told at once.
        """
        if not self._validators:
            return
        nodes = sorted(graph.nodes, key=lambda node: node.name)
        faults = [
            f"{node.where}: {fault}"
            for node in nodes
            for fault in self._faults("validate_node", created_node=self.view(node))
        ]
        if faults:
            _refuse("Node validation failed", faults)
        faults = self._faults("validate_graph", graph=graph, modules=list(modules), config=dict(config))
        if faults:
            _refuse("Graph validation failed", faults)

    def _faults(self, name: str, **facts: Any) -> list[str]:
        verdicts = [validator(**facts) for validator in self._validators.get(name, ())]
        return [str(fault) for stands, fault in verdicts if not stands]

    def graph_executor(self) -> TaskBasedGraphExecutor | None:
        """Return what the first adapter that runs graphs elsewhere executes them with; None without one."""
        makers = [adapter.graph_executor for adapter in self.adapters if hasattr(adapter, "graph_executor")]
        return next((made for make in makers if (made := make()) is not None), None)

    @property
    def has_result_builder(self) -> bool:
        """Whether an adapter builds the result."""
        return "do_build_result" in self._methods

    def build_result(self, outputs: Mapping[str, Any]) -> Any:
        """Return the result that an adapter makes of the outputs; the outputs where none does."""
        build = self._methods.get("do_build_result")
        return dict(outputs) if build is None else build(outputs=dict(outputs))


class TaskHooks:
    """The hooks of tasks, called with the facts that the methods of `headwater.lifecycle.base` name."""

    def __init__(self, adapters: AdapterSet) -> None:
        """Take the adapters."""
        self._adapters = adapters

    def post_task_group(self, *, run_id: str, task_ids: list[str]) -> None:
        """Tell the tasks into which a graph was cut."""
        self._adapters.call("post_task_group", run_id=run_id, task_ids=task_ids)

    def post_task_expand(self, *, run_id: str, task_id: str, parameters: dict[str, Any]) -> None:
        """Tell the tasks that one task made."""
        self._adapters.call("post_task_expand", run_id=run_id, task_id=task_id, parameters=parameters)

    def pre_task_submission(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell of a task before an executor gets it."""
        self._call("pre_task_submission", nodes, facts)

    def pre_task_execute(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell of a task before its first node."""
        self._call("pre_task_execute", nodes, facts)

    def post_task_execute(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell of a task after its last node."""
        self._call("post_task_execute", nodes, facts)

    def post_task_return(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell of a task that an executor gave back."""
        self._call("post_task_return", nodes, facts)

    def _call(self, name: str, nodes: Iterable[Node], facts: Mapping[str, Any]) -> None:
        if self._adapters.hooks(name):
            self._adapters.call(name, nodes=[self._adapters.view(node) for node in nodes], **facts)


_KINDS = (*_HOOKS.values(), *_ASYNC_HOOKS.values(), *_METHODS.values(), *_ASYNC_METHODS.values())
_KINDS += tuple(_VALIDATORS.values())


def _require_adapter(adapter: Any) -> None:
    if isinstance(adapter, _KINDS):
        return
    if isinstance(adapter, type) and issubclass(adapter, _KINDS):
        raise InvalidLifecycleAdapter(
            f"{adapter.__name__} is a class. Give an instance: {adapter.__name__}(...)."
        )
    raise InvalidLifecycleAdapter(
        f"{adapter!r} is no adapter: it extends no class of headwater.lifecycle. Extend the one that is "
        "called at the moment you want, such as NodeExecutionHook or ResultBuilder."
    )


def _does_as_the_engine(adapter: Any, name: str) -> bool:
    """Tell whether a method only does what the engine does without it, so that it need not be called."""
    own = getattr(adapter, _OVERRIDDEN.get(name, ""), None)
    return getattr(own, "__does_as_the_engine__", False)


_OVERRIDDEN = {
    "do_node_execute": "execute_node",
    "do_validate_input": "check_input_type",
    "do_check_edge_types_match": "check_node_type_equivalence",
}
"""The methods of old adapters that a method of `GraphAdapter` passes on to."""


def _live(type_: Type) -> Any:
    from headwater.live_types import live_type

    return live_type(type_)


def _refuse(head: str, faults: Sequence[str]) -> None:
    counted = f"{len(faults)} errors" if len(faults) > 1 else "1 error"
    raise ValidationException(f"{head}! {counted} encountered:\n  " + "\n  ".join(faults))
