"""One class for each moment at which an adapter is called: what hooks, methods and validators are made of.

A *hook* (`pre_...`, `post_...`) is told that something happens; any number of adapters may have the same.
A *method* (`do_...`) does something in the engine's place; one adapter may have each.
A *validator* (`validate_...`) says whether something may stand. Users extend the classes of
`headwater.lifecycle.api`, which are made of these; names and arguments are Hamilton's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headwater.errors import DefinitionError

if TYPE_CHECKING:
    from headwater.graph import Graph
    from headwater.lifecycle.views import NodeView

__all__ = [
    "BaseDoBuildResult",
    "BaseDoCheckEdgeTypesMatch",
    "BaseDoNodeExecute",
    "BaseDoNodeExecuteAsync",
    "BaseDoRemoteExecute",
    "BaseDoValidateInput",
    "BasePostGraphConstruct",
    "BasePostGraphConstructAsync",
    "BasePostGraphExecute",
    "BasePostGraphExecuteAsync",
    "BasePostNodeExecute",
    "BasePostNodeExecuteAsync",
    "BasePostTaskExecute",
    "BasePostTaskExecuteAsync",
    "BasePostTaskExpand",
    "BasePostTaskGroup",
    "BasePostTaskReturn",
    "BasePreDoAnythingHook",
    "BasePreGraphExecute",
    "BasePreGraphExecuteAsync",
    "BasePreNodeExecute",
    "BasePreNodeExecuteAsync",
    "BasePreTaskExecute",
    "BasePreTaskExecuteAsync",
    "BasePreTaskSubmission",
    "BaseValidateGraph",
    "BaseValidateNode",
    "InvalidLifecycleAdapter",
    "LifecycleAdapter",
    "ValidationException",
]


class InvalidLifecycleAdapter(DefinitionError):
    """Adapters that cannot work, alone or together."""


class ValidationException(DefinitionError):
    """A validator does not let the graph, or one of its nodes, stand."""


class BasePreDoAnythingHook(ABC):
    """Is called before a driver is built."""

    @abstractmethod
    def pre_do_anything(self) -> None:
        """Do something before a driver is built."""


class BaseDoCheckEdgeTypesMatch(ABC):
    """Allows edges that the engine would refuse for their types."""

    @abstractmethod
    def do_check_edge_types_match(self, *, type_from: Any, type_to: Any) -> bool:
        """Tell whether a parameter of type `type_from` takes a value of type `type_to`."""


class BaseDoValidateInput(ABC):
    """Decides which values an input takes, in the engine's place."""

    @abstractmethod
    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value; None is always taken."""


class BaseValidateNode(ABC):
    """Says whether a node may stand."""

    @abstractmethod
    def validate_node(self, *, created_node: NodeView) -> tuple[bool, Any]:
        """Return whether the node may stand, and what is wrong if not."""


class BaseValidateGraph(ABC):
    """Says whether a graph may stand."""

    @abstractmethod
    def validate_graph(
        self, *, graph: Graph, modules: Sequence[ModuleType], config: dict[str, Any]
    ) -> tuple[bool, Any]:
        """Return whether the graph may stand, and what is wrong if not."""


class BasePostGraphConstruct(ABC):
    """Is told of each graph that is built."""

    @abstractmethod
    def post_graph_construct(
        self, *, graph: Graph, modules: Sequence[ModuleType], config: dict[str, Any]
    ) -> None:
        """Take note of a graph that was built."""


class BasePostGraphConstructAsync(ABC):
    """Is told of each graph that is built, in an event loop."""

    @abstractmethod
    async def post_graph_construct(
        self, *, graph: Graph, modules: Sequence[ModuleType], config: dict[str, Any]
    ) -> None:
        """Take note of a graph that was built."""


class BasePreGraphExecute(ABC):
    """Is told of each execution before it begins."""

    @abstractmethod
    def pre_graph_execute(
        self,
        *,
        run_id: str,
        graph: Graph,
        final_vars: list[str],
        inputs: dict[str, Any] | None,
        overrides: dict[str, Any] | None,
    ) -> None:
        """Take note of what will be computed, and from what."""


class BasePreGraphExecuteAsync(ABC):
    """Is told of each execution before it begins, in an event loop."""

    @abstractmethod
    async def pre_graph_execute(
        self,
        *,
        run_id: str,
        graph: Graph,
        final_vars: list[str],
        inputs: dict[str, Any] | None,
        overrides: dict[str, Any] | None,
    ) -> None:
        """Take note of what will be computed, and from what."""


class BasePostGraphExecute(ABC):
    """Is told of each execution after it ended, well or not."""

    @abstractmethod
    def post_graph_execute(
        self, *, run_id: str, graph: Graph, success: bool, error: BaseException | None, results: Any
    ) -> None:
        """Take note of how an execution ended."""


class BasePostGraphExecuteAsync(ABC):
    """Is told of each execution after it ended, well or not, in an event loop."""

    @abstractmethod
    async def post_graph_execute(
        self, *, run_id: str, graph: Graph, success: bool, error: BaseException | None, results: Any
    ) -> None:
        """Take note of how an execution ended."""


class BasePostTaskGroup(ABC):
    """Is told of the tasks into which a graph is cut, again where the rest of it is cut anew."""

    @abstractmethod
    def post_task_group(self, *, run_id: str, task_ids: list[str]) -> None:
        """Take note of the tasks."""


class BasePostTaskExpand(ABC):
    """Is told of the tasks that a `Parallelizable` makes."""

    @abstractmethod
    def post_task_expand(self, *, run_id: str, task_id: str, parameters: dict[str, Any]) -> None:
        """Take note of the tasks that one task makes, with the parameters of each."""


class BasePreTaskSubmission(ABC):
    """Is told of each task before an executor gets it."""

    @abstractmethod
    def pre_task_submission(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[Any],
        inputs: dict[str, Any],
        overrides: dict[str, Any],
        spawning_task_id: str | None,
        purpose: Any,
    ) -> None:
        """Take note of a task, in the process of the driver."""


class BasePreTaskExecute(ABC):
    """Is told of each task before its first node."""

    @abstractmethod
    def pre_task_execute(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[Any],
        inputs: dict[str, Any],
        overrides: dict[str, Any],
        spawning_task_id: str | None,
        purpose: Any,
    ) -> None:
        """Take note of a task, where it is executed."""


class BasePreTaskExecuteAsync(ABC):
    """Is told of each task before its first node, in an event loop."""

    @abstractmethod
    async def pre_task_execute(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[Any],
        inputs: dict[str, Any],
        overrides: dict[str, Any],
        spawning_task_id: str | None,
        purpose: Any,
    ) -> None:
        """Take note of a task, where it is executed."""


class BasePreNodeExecute(ABC):
    """Is told of each node before it is computed."""

    @abstractmethod
    def pre_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> None:
        """Take note of a node and of the values it will get."""


class BasePreNodeExecuteAsync(ABC):
    """Is told of each node before it is computed, in an event loop."""

    @abstractmethod
    async def pre_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> None:
        """Take note of a node and of the values it will get."""


class BaseDoNodeExecute(ABC):
    """Computes nodes, in the engine's place."""

    @abstractmethod
    def do_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> Any:
        """Return the value of a node."""


class BaseDoNodeExecuteAsync(ABC):
    """Computes nodes, in the engine's place, in an event loop."""

    @abstractmethod
    async def do_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> Any:
        """Return the value of a node."""


class BaseDoRemoteExecute(ABC):
    """Computes nodes elsewhere, with their hooks."""

    @abstractmethod
    def do_remote_execute(
        self, *, node: NodeView, execute_lifecycle_for_node: Callable[..., Any], **kwargs: Any
    ) -> Any:
        """Return the value of a node, or something that stands for it.

        Args:
            node: The node.
            execute_lifecycle_for_node: Computes the node, with the hooks around it, from `kwargs`.
            **kwargs: The values that the node reads, by the names of the nodes that made them.
        """


class BasePostNodeExecute(ABC):
    """Is told of each node after it was computed, well or not."""

    @abstractmethod
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
        """Take note of how a node ended."""


class BasePostNodeExecuteAsync(ABC):
    """Is told of each node after it was computed, well or not, in an event loop."""

    @abstractmethod
    async def post_node_execute(
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
        """Take note of how a node ended."""


class BasePostTaskExecute(ABC):
    """Is told of each task after its last node."""

    @abstractmethod
    def post_task_execute(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[Any],
        results: dict[str, Any] | None,
        success: bool,
        error: BaseException | None,
        spawning_task_id: str | None,
        purpose: Any,
    ) -> None:
        """Take note of how a task ended, where it was executed."""


class BasePostTaskExecuteAsync(ABC):
    """Is told of each task after its last node, in an event loop."""

    @abstractmethod
    async def post_task_execute(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[Any],
        results: dict[str, Any] | None,
        success: bool,
        error: BaseException | None,
        spawning_task_id: str | None,
        purpose: Any,
    ) -> None:
        """Take note of how a task ended, where it was executed."""


class BasePostTaskReturn(ABC):
    """Is told of each task that an executor gives back."""

    @abstractmethod
    def post_task_return(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[Any],
        result: Any,
        success: bool,
        error: BaseException | None,
        spawning_task_id: str | None,
        purpose: Any,
    ) -> None:
        """Take note of how a task ended, in the process of the driver."""


class BaseDoBuildResult(ABC):
    """Builds the result of an execution."""

    @abstractmethod
    def do_build_result(self, *, outputs: dict[str, Any]) -> Any:
        """Return the result made of the outputs by name."""


LifecycleAdapter = (
    BasePreDoAnythingHook
    | BaseDoCheckEdgeTypesMatch
    | BaseDoValidateInput
    | BaseValidateNode
    | BaseValidateGraph
    | BasePostGraphConstruct
    | BasePostGraphConstructAsync
    | BasePreGraphExecute
    | BasePreGraphExecuteAsync
    | BasePostTaskGroup
    | BasePostTaskExpand
    | BasePreTaskSubmission
    | BasePreTaskExecute
    | BasePreTaskExecuteAsync
    | BasePreNodeExecute
    | BasePreNodeExecuteAsync
    | BaseDoNodeExecute
    | BaseDoNodeExecuteAsync
    | BaseDoRemoteExecute
    | BasePostNodeExecute
    | BasePostNodeExecuteAsync
    | BasePostTaskExecute
    | BasePostTaskExecuteAsync
    | BasePostTaskReturn
    | BasePostGraphExecute
    | BasePostGraphExecuteAsync
    | BaseDoBuildResult
)
"""Anything that may be given as an adapter."""
