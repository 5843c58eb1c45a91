"""The classes that people extend to take part in how graphs are built and executed.

Extend one or several, and give instances as adapters of a driver. Names and arguments are Hamilton's; each
method also gets what later versions add, so end its parameters with `**future_kwargs`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, final

from headwater.instances import is_instance
from headwater.lifecycle.base import (
    BaseDoBuildResult,
    BaseDoCheckEdgeTypesMatch,
    BaseDoNodeExecute,
    BaseDoValidateInput,
    BasePostGraphConstruct,
    BasePostGraphExecute,
    BasePostNodeExecute,
    BasePreGraphExecute,
    BasePreNodeExecute,
    BaseValidateGraph,
    BaseValidateNode,
)
from headwater.lifecycle.task_hooks import (
    TaskExecutionHook,
    TaskGroupingHook,
    TaskReturnHook,
    TaskSubmissionHook,
)
from headwater.lifecycle.views import NodeType, NodeView, execution_path
from headwater.types import Type

if TYPE_CHECKING:
    from headwater.graph import Graph
    from headwater.graph_types import HamiltonGraph, HamiltonNode

__all__ = [
    "EdgeConnectionHook",
    "GraphAdapter",
    "GraphConstructionHook",
    "GraphExecutionHook",
    "LegacyResultMixin",
    "LocalGraphAdapter",
    "NodeExecutionHook",
    "NodeExecutionMethod",
    "ResultBuilder",
    "StaticValidator",
    "TaskExecutionHook",
    "TaskGroupingHook",
    "TaskReturnHook",
    "TaskSubmissionHook",
    "as_the_engine",
]


class ResultBuilder(BaseDoBuildResult):
    """Builds the result of an execution from the values by name, in the order of the request."""

    @abstractmethod
    def build_result(self, **outputs: Any) -> Any:
        """Return the result."""

    @final
    def do_build_result(self, *, outputs: dict[str, Any]) -> Any:
        """Return what `build_result` makes of the outputs."""
        return self.build_result(**outputs)

    def input_types(self) -> list[Any]:
        """Return the types that the outputs may have."""
        return [Any]

    def output_type(self) -> Any:
        """Return the type of the result."""
        return Any


class LegacyResultMixin(ResultBuilder):
    """A result builder whose `build_result` is a static method."""

    @staticmethod
    def build_result(**outputs: Any) -> Any:
        """Return the result."""


class GraphAdapter(BaseDoNodeExecute, LegacyResultMixin, BaseDoValidateInput, BaseDoCheckEdgeTypesMatch, ABC):
    """An adapter of the old kind: it checks types, computes nodes and builds the result."""

    @staticmethod
    @abstractmethod
    def check_input_type(node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value."""

    @staticmethod
    @abstractmethod
    def check_node_type_equivalence(node_type: Any, input_type: Any) -> bool:
        """Tell whether a parameter of type `input_type` takes the value of a node of type `node_type`."""

    @abstractmethod
    def execute_node(self, node: NodeView, kwargs: dict[str, Any]) -> Any:
        """Return the value of a node, as `node.callable(**kwargs)` does."""

    @final
    def do_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> Any:
        """Compute a node with `execute_node`."""
        return self.execute_node(node_, kwargs)

    @final
    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Check an input with `check_input_type`."""
        return self.check_input_type(node_type, input_value)

    @final
    def do_check_edge_types_match(self, *, type_from: Any, type_to: Any) -> bool:
        """Check an edge with `check_node_type_equivalence`."""
        return self.check_node_type_equivalence(type_to, type_from)


def as_the_engine(method: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a method of an old adapter that does only what the engine does without it, so it is not called."""
    method.__does_as_the_engine__ = True  # type: ignore[attr-defined]
    return method


class LocalGraphAdapter(GraphAdapter):
    """An adapter of the old kind that leaves all to the engine; extend it to change a part."""

    @staticmethod
    @as_the_engine
    def check_input_type(node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value, as the engine would."""
        return is_instance(input_value, Type.of(node_type)) is not False

    @staticmethod
    @as_the_engine
    def check_node_type_equivalence(node_type: Any, input_type: Any) -> bool:
        """Tell whether two types are the same; the engine has accepted more before it asks."""
        return bool(node_type == input_type)

    @as_the_engine
    def execute_node(self, node: NodeView, kwargs: dict[str, Any]) -> Any:
        """Return the value of a node."""
        return node.callable(**kwargs)


class NodeExecutionHook(BasePreNodeExecute, BasePostNodeExecute, ABC):
    """Is told of each node before and after it is computed."""

    @abstractmethod
    def run_before_node_execution(
        self,
        *,
        node_name: str,
        node_tags: dict[str, Any],
        node_kwargs: dict[str, Any],
        node_return_type: Any,
        task_id: str | None,
        run_id: str,
        node_input_types: dict[str, Any],
        **future_kwargs: Any,
    ) -> None:
        """Take note of a node that will be computed.

        Args:
            node_name: Name of the node.
            node_tags: Its tags.
            node_kwargs: The values it reads, by the names of the nodes that made them.
            node_return_type: Type of its value.
            task_id: The task it belongs to; None where the graph is not cut into tasks.
            run_id: The execution it belongs to.
            node_input_types: The type asked of each value it reads.
            **future_kwargs: What later versions add.
        """

    @abstractmethod
    def run_after_node_execution(
        self,
        *,
        node_name: str,
        node_tags: dict[str, Any],
        node_kwargs: dict[str, Any],
        node_return_type: Any,
        result: Any,
        error: BaseException | None,
        success: bool,
        task_id: str | None,
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Take note of a node that was computed, or failed.

        Args:
            node_name: Name of the node.
            node_tags: Its tags.
            node_kwargs: The values it read, by the names of the nodes that made them.
            node_return_type: Type of its value.
            result: Its value; None where it failed.
            error: What was raised; None where it did not fail.
            success: Whether it did not fail.
            task_id: The task it belongs to; None where the graph is not cut into tasks.
            run_id: The execution it belongs to.
            **future_kwargs: What later versions add.
        """

    @final
    def pre_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> None:
        """Tell `run_before_node_execution`."""
        self.run_before_node_execution(
            node_name=node_.name,
            node_tags=node_.tags,
            node_kwargs=kwargs,
            node_return_type=node_.type,
            task_id=task_id,
            run_id=run_id,
            node_input_types=node_.plain_input_types,
        )

    @final
    def post_node_execute(
        self,
        *,
        run_id: str,
        node_: NodeView,
        kwargs: dict[str, Any],
        success: bool,
        error: BaseException | None,
        result: Any,
        task_id: str | None = None,
    ) -> None:
        """Tell `run_after_node_execution`."""
        self.run_after_node_execution(
            node_name=node_.name,
            node_tags=node_.tags,
            node_kwargs=kwargs,
            node_return_type=node_.type,
            result=result,
            error=error,
            success=success,
            task_id=task_id,
            run_id=run_id,
        )


class NodeExecutionMethod(BaseDoNodeExecute, ABC):
    """Computes nodes, in the engine's place."""

    @abstractmethod
    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_tags: dict[str, Any],
        node_callable: Callable[..., Any],
        node_kwargs: dict[str, Any],
        task_id: str | None,
        is_expand: bool,
        is_collect: bool,
        **future_kwargs: Any,
    ) -> Any:
        """Return the value of a node, as `node_callable(**node_kwargs)` does.

        Args:
            node_name: Name of the node.
            node_tags: Its tags.
            node_callable: Computes it from keyword arguments.
            node_kwargs: The values it reads, by the names of the nodes that made them.
            task_id: The task it belongs to; None where the graph is not cut into tasks.
            is_expand: Whether it returns a `Parallelizable`.
            is_collect: Whether it takes a `Collect`.
            **future_kwargs: What later versions add.
        """

    @final
    def do_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> Any:
        """Compute a node with `run_to_execute_node`."""
        role = node_.node_role
        return self.run_to_execute_node(
            node_name=node_.name,
            node_tags=node_.tags,
            node_callable=node_.callable,
            node_kwargs=kwargs,
            task_id=task_id,
            is_expand=role is NodeType.EXPAND,
            is_collect=role is NodeType.COLLECT,
        )


class GraphExecutionHook(BasePreGraphExecute, BasePostGraphExecute, ABC):
    """Is told of each execution before and after."""

    @abstractmethod
    def run_before_graph_execution(
        self,
        *,
        graph: HamiltonGraph,
        final_vars: list[str],
        inputs: dict[str, Any] | None,
        overrides: dict[str, Any] | None,
        execution_path: Collection[str],
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Take note of an execution that begins.

        Args:
            graph: The graph.
            final_vars: Names of the outputs.
            inputs: Values of inputs, by name.
            overrides: Values that take the place of nodes, by name.
            execution_path: Names of the nodes that will be computed, in order.
            run_id: The execution.
            **future_kwargs: What later versions add.
        """

    @abstractmethod
    def run_after_graph_execution(
        self,
        *,
        graph: HamiltonGraph,
        success: bool,
        error: BaseException | None,
        results: Any,
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Take note of an execution that ended.

        Args:
            graph: The graph.
            success: Whether it did not fail.
            error: What was raised; None where it did not fail.
            results: The result; None where it failed.
            run_id: The execution.
            **future_kwargs: What later versions add.
        """

    @final
    def pre_graph_execute(
        self,
        *,
        run_id: str,
        graph: Graph,
        final_vars: list[str],
        inputs: dict[str, Any] | None,
        overrides: dict[str, Any] | None,
    ) -> None:
        """Tell `run_before_graph_execution`."""
        self.run_before_graph_execution(
            graph=_shown(graph),
            final_vars=final_vars,
            inputs=inputs,
            overrides=overrides,
            execution_path=execution_path(graph, final_vars, overrides),
            run_id=run_id,
        )

    @final
    def post_graph_execute(
        self, *, run_id: str, graph: Graph, success: bool, error: BaseException | None, results: Any
    ) -> None:
        """Tell `run_after_graph_execution`."""
        self.run_after_graph_execution(
            graph=_shown(graph), success=success, error=error, results=results, run_id=run_id
        )


class GraphConstructionHook(BasePostGraphConstruct, ABC):
    """Is told of each graph that is built."""

    @abstractmethod
    def run_after_graph_construction(
        self, *, graph: HamiltonGraph, config: dict[str, Any], **future_kwargs: Any
    ) -> None:
        """Take note of a graph and of the configuration it was built with."""

    @final
    def post_graph_construct(
        self, *, graph: Graph, modules: Sequence[ModuleType], config: dict[str, Any]
    ) -> None:
        """Tell `run_after_graph_construction`."""
        self.run_after_graph_construction(graph=_shown(graph), config=config)


class StaticValidator(BaseValidateGraph, BaseValidateNode):
    """Says whether a graph and its nodes may stand; extend one method or both."""

    def run_to_validate_node(self, *, node: HamiltonNode, **future_kwargs: Any) -> tuple[bool, str | None]:
        """Return whether a node may stand, and what is wrong if not."""
        return True, None

    def run_to_validate_graph(self, graph: HamiltonGraph, **future_kwargs: Any) -> tuple[bool, str | None]:
        """Return whether a graph may stand, and what is wrong if not."""
        return True, None

    @final
    def validate_node(self, *, created_node: NodeView) -> tuple[bool, Any]:
        """Ask `run_to_validate_node`."""
        from headwater.graph_types import HamiltonNode

        return self.run_to_validate_node(node=HamiltonNode.of(created_node.node))

    @final
    def validate_graph(
        self, *, graph: Graph, modules: Sequence[ModuleType], config: dict[str, Any]
    ) -> tuple[bool, Any]:
        """Ask `run_to_validate_graph`."""
        return self.run_to_validate_graph(graph=_shown(graph))


class EdgeConnectionHook(BaseDoCheckEdgeTypesMatch, BaseDoValidateInput, ABC):
    """Allows edges that the engine would refuse for their types, and decides which values inputs take."""

    @abstractmethod
    def check_edge_types_match(self, type_from: Any, type_to: Any, **kwargs: Any) -> bool:
        """Tell whether a parameter of type `type_from` takes a value of type `type_to`.

        The names read the other way round; what is passed is what Hamilton passes. The method is only
        asked about edges that the engine would refuse.
        """

    @abstractmethod
    def validate_input(self, node_type: Any, input_value: Any, **kwargs: Any) -> bool:
        """Tell whether an input of a type takes a value."""

    @final
    def do_check_edge_types_match(self, *, type_from: Any, type_to: Any) -> bool:
        """Ask `check_edge_types_match`."""
        return self.check_edge_types_match(type_from, type_to)

    @final
    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Ask `validate_input`."""
        return self.validate_input(node_type=node_type, input_value=input_value)


def _shown(graph: Graph) -> HamiltonGraph:
    from headwater.graph_types import HamiltonGraph

    return HamiltonGraph.of(graph)
