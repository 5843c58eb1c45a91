"""What is called in the place of a node's call while adapters are attached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from headwater.lifecycle.views import NodeView
from headwater.listing import Listed
from headwater.node import Node

if TYPE_CHECKING:
    from headwater.lifecycle.adapters import AdapterSet

__all__ = ["Around", "AroundAsync"]


class Around:
    """Computes nodes with the hooks of adapters around them, or with the method of an adapter.

    Args:
        adapters: The adapters.
        run_id: The execution.
        task_id: The task; None where the graph is not cut into tasks.
    """

    def __init__(self, adapters: AdapterSet, run_id: str, task_id: str | None = None) -> None:
        """Collect what is called for each node."""
        self.adapters = adapters
        self.run_id = run_id
        self.task_id = task_id
        self._before = adapters.hooks("pre_node_execute")
        self._after = adapters.hooks("post_node_execute")
        self._execute = adapters.method("do_node_execute")
        self._remote = adapters.method("do_remote_execute")

    def __reduce__(self) -> tuple[Any, ...]:
        return Around, (self.adapters, self.run_id, self.task_id)

    def __call__(self, node: Node, call: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Return the value of a node that would be computed by `call(*args)`."""
        view = self.adapters.view(node)
        kwargs = view.keywords(args)
        if self._remote is None:
            return self._computed(view, kwargs, call, args)
        local = partial(self.from_keywords, view)
        return self._remote(node=view, execute_lifecycle_for_node=local, **kwargs)

    def from_keywords(self, view: NodeView, /, **kwargs: Any) -> Any:
        """Return the value of a node from the values that it reads."""
        assert view.node.call is not None
        return self._computed(view, kwargs, view.node.call, view.positional(kwargs))

    def _computed(
        self, view: NodeView, kwargs: dict[str, Any], call: Callable[..., Any], args: Sequence[Any]
    ) -> Any:
        for hook in self._before:
            hook(run_id=self.run_id, node_=view, kwargs=kwargs, task_id=self.task_id)
        try:
            if self._execute is None:
                result = call(*args)
            else:
                result = self._execute(run_id=self.run_id, node_=view, kwargs=kwargs, task_id=self.task_id)
                if isinstance(view.node.call, Listed):
                    result = list(result)
        except BaseException as error:
            self._tell(view, kwargs, False, error, None)
            raise
        self._tell(view, kwargs, True, None, result)
        return result

    def _tell(
        self, view: NodeView, kwargs: dict[str, Any], success: bool, error: BaseException | None, result: Any
    ) -> None:
        for hook in self._after:
            hook(
                run_id=self.run_id,
                node_=view,
                kwargs=kwargs,
                success=success,
                error=error,
                result=result,
                task_id=self.task_id,
            )


class AroundAsync:
    """Computes nodes in an event loop, with the hooks of both kinds around them; arguments as `Around`."""

    def __init__(self, adapters: AdapterSet, run_id: str, task_id: str | None = None) -> None:
        """Collect what is called for each node."""
        self.adapters = adapters
        self._facts = {"run_id": run_id, "task_id": task_id}
        self._execute = adapters.method("do_node_execute", either=True)

    async def __call__(self, node: Node, call: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Return the value of a node that would be computed by `call(*args)`, awaited where it must be."""
        view = self.adapters.view(node)
        facts = {**self._facts, "node_": view, "kwargs": view.keywords(args)}
        await self.adapters.acall("pre_node_execute", **facts)
        try:
            result = call(*args) if self._execute is None else self._execute(**facts)
            # A method that computes nodes may hand on the coroutine of the feature function.
            while hasattr(result, "__await__"):
                result = await result
        except BaseException as error:
            await self.adapters.acall("post_node_execute", **facts, success=False, error=error, result=None)
            raise
        await self.adapters.acall("post_node_execute", **facts, success=True, error=None, result=result)
        return result
