"""Adapters that come with the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter, sleep
from typing import Any, ClassVar

from headwater.instances import is_instance, misfit
from headwater.lifecycle.api import EdgeConnectionHook, NodeExecutionHook, NodeExecutionMethod
from headwater.lifecycle.base import BasePostNodeExecute, BasePreNodeExecute, InvalidLifecycleAdapter
from headwater.lifecycle.views import NodeType, NodeView
from headwater.modifiers.sentinels import ERROR_SENTINEL, INJECTION_ALLOWED, accept_error_sentinels
from headwater.types import ANY, NONE, UNION, Type

__all__ = [
    "INJECTION_ALLOWED",
    "SENTINEL_DEFAULT",
    "FunctionInputOutputTypeChecker",
    "GracefulErrorAdapter",
    "NoEdgeAndInputTypeChecking",
    "NodeFilter",
    "PDBDebugger",
    "PrintLn",
    "SlowDownYouMoveTooFast",
    "accept_error_sentinels",
    "should_run_node",
]

NodeFilter = Callable[[str, dict[str, Any]], bool] | list[str] | str | None
"""Which nodes: those that a function of name and tags accepts, those named, or all (None)."""

SENTINEL_DEFAULT = None
"""What `GracefulErrorAdapter` puts in the place of a failed value, unless it is told otherwise."""


def should_run_node(node_name: str, node_tags: dict[str, Any], node_filter: NodeFilter) -> bool:
    """Tell whether a filter accepts a node.

    Raises:
        InvalidLifecycleAdapter: The filter is none.
    """
    if node_filter is None:
        return True
    if isinstance(node_filter, str):
        return node_name == node_filter
    if isinstance(node_filter, (list, tuple, set, frozenset)):
        return node_name in node_filter
    if callable(node_filter):
        return node_filter(node_name, node_tags)
    raise InvalidLifecycleAdapter(
        f"{node_filter!r} cannot say which nodes are meant. Give a name, a list of names, or a function of a "
        "node's name and tags."
    )


def _unique_name(node_name: str, task_id: str | None) -> str:
    return node_name if task_id is None else f"{task_id}:{node_name}"


class PrintLn(NodeExecutionHook):
    """Prints each node before and after it is computed.

    Args:
        verbosity: 1 for names and times, 2 for inputs and results, too.
        print_fn: Takes each text, such as the method of a logger.
        node_filter: Which nodes.

    Raises:
        InvalidLifecycleAdapter: The verbosity is neither 1 nor 2.
    """

    def __init__(
        self,
        verbosity: int = 1,
        print_fn: Callable[[str], Any] = print,
        node_filter: NodeFilter = None,
    ) -> None:
        """Take what to print and where."""
        if verbosity not in (1, 2):
            raise InvalidLifecycleAdapter(f"PrintLn has no verbosity {verbosity!r}. Give 1 or 2.")
        self.verbosity = verbosity
        self.print_fn = print_fn
        self.node_filter = node_filter
        self._started: dict[str, float] = {}

    def run_before_node_execution(
        self,
        *,
        node_name: str,
        node_tags: dict[str, Any],
        node_kwargs: dict[str, Any],
        task_id: str | None,
        **future_kwargs: Any,
    ) -> None:
        """Print the name of the node."""
        if not should_run_node(node_name, node_tags, self.node_filter):
            return
        name = _unique_name(node_name, task_id)
        self._started[name] = perf_counter()
        message = f"Executing node: {name}."
        if self.verbosity == 2:
            message += f" Inputs: \n{_pretty(node_kwargs)}"
        self.print_fn(message)

    def run_after_node_execution(
        self,
        *,
        node_name: str,
        node_tags: dict[str, Any],
        result: Any,
        error: BaseException | None,
        success: bool,
        task_id: str | None,
        **future_kwargs: Any,
    ) -> None:
        """Print how the node ended, and the time it took."""
        if not should_run_node(node_name, node_tags, self.node_filter):
            return
        name = _unique_name(node_name, task_id)
        taken = _time(perf_counter() - self._started.pop(name))
        status = "Success" if success else "Failure"
        message = f"Finished debugging node: {name} in {taken}. Status: {status}."
        if self.verbosity == 2:
            message += f" Result: \n{_pretty(result)}\n" if success else f" Error: \n{_pretty(error)}"
        self.print_fn(message)


def _pretty(value: Any) -> str:
    from pprint import pformat

    return pformat(value)


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g}{unit}"
    return f"{seconds * 1e6:.3g}μs"


class PDBDebugger(NodeExecutionHook, NodeExecutionMethod):
    """Stops in the debugger before, in, or after the computation of nodes.

    Args:
        node_filter: Which nodes.
        before: Whether to stop before.
        during: Whether to step through the function.
        after: Whether to stop after.

    Attributes:
        CONTEXT: What is known of the node that is being stepped through.
    """

    CONTEXT: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, node_filter: NodeFilter, before: bool = False, during: bool = False, after: bool = False
    ) -> None:
        """Take which nodes, and when to stop."""
        self.node_filter = node_filter
        self.run_before = before
        self.run_during = during
        self.run_after = after

    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_tags: dict[str, Any],
        node_callable: Callable[..., Any],
        node_kwargs: dict[str, Any],
        **future_kwargs: Any,
    ) -> Any:
        """Compute the node, in the debugger where it is wanted."""
        if not (self.run_during and should_run_node(node_name, node_tags, self.node_filter)):
            return node_callable(**node_kwargs)
        import pdb

        context = {"node_name": node_name, "node_tags": node_tags, "node_callable": node_callable}
        type(self).CONTEXT = {**context, "node_kwargs": node_kwargs, **future_kwargs}
        print(f"Stepping through '{node_name}'; PDBDebugger.CONTEXT tells more of it.")
        return pdb.runcall(node_callable, **node_kwargs)

    def run_before_node_execution(
        self, *, node_name: str, node_tags: dict[str, Any], node_kwargs: dict[str, Any], **future_kwargs: Any
    ) -> None:
        """Stop before the node where it is wanted."""
        if self.run_before and should_run_node(node_name, node_tags, self.node_filter):
            import pdb

            print(f"Before '{node_name}': see node_kwargs, and future_kwargs for more.")
            pdb.set_trace()

    def run_after_node_execution(
        self, *, node_name: str, node_tags: dict[str, Any], result: Any, **future_kwargs: Any
    ) -> None:
        """Stop after the node where it is wanted."""
        if self.run_after and should_run_node(node_name, node_tags, self.node_filter):
            import pdb

            print(f"After '{node_name}': see result, and future_kwargs for more.")
            pdb.set_trace()


class SlowDownYouMoveTooFast(NodeExecutionHook):
    """Sleeps before each node, for a time drawn from a normal distribution; for trying things out.

    Args:
        sleep_time_mean: Mean of the time in seconds.
        sleep_time_std: Its standard deviation.
    """

    def __init__(self, sleep_time_mean: float, sleep_time_std: float) -> None:
        """Take the distribution."""
        self.sleep_time_mean = sleep_time_mean
        self.sleep_time_std = sleep_time_std

    def run_before_node_execution(self, **future_kwargs: Any) -> None:
        """Sleep."""
        import random

        # Nothing here is a secret; the time only has to vary.
        sleep(max(0.0, random.gauss(self.sleep_time_mean, self.sleep_time_std)))

    def run_after_node_execution(self, **future_kwargs: Any) -> None:
        """Do nothing."""


class FunctionInputOutputTypeChecker(BasePreNodeExecute, BasePostNodeExecute):
    """Refuses values that are not of the type which the annotation names, in every element.

    Args:
        check_input: Whether to look at what functions get.
        check_output: Whether to look at what they return.
    """

    def __init__(self, check_input: bool = True, check_output: bool = True) -> None:
        """Take what to look at."""
        self.check_input = check_input
        self.check_output = check_output

    def pre_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> None:
        """Look at what a function gets.

        Raises:
            TypeError: A value is of another type.
        """
        if not self.check_input or node_.node_role is NodeType.COLLECT:
            return
        for argument in node_.node.arguments:
            if argument.node in kwargs and not _fits(kwargs[argument.node], argument.type):
                raise TypeError(
                    f"{node_.node.where} needs '{argument.parameter}' to be {argument.type}, but "
                    f"'{argument.node}' is {misfit(kwargs[argument.node], argument.type)}. Correct the "
                    "value, or the annotation."
                )

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
        """Look at what a function returned.

        Raises:
            TypeError: It is of another type.
        """
        if not self.check_output or not success or node_.node_role is NodeType.EXPAND:
            return
        if not _fits(result, node_.node.type):
            raise TypeError(
                f"{node_.node.where} should return {node_.node.type}, but returned "
                f"{misfit(result, node_.node.type)}. Correct the function, or its annotation."
            )


def _fits(value: Any, wanted: Type) -> bool:
    if value is None:  # which `is_instance` takes for any type, as inputs do
        members = wanted.args if wanted.name == UNION else (wanted,)
        return any(member in (ANY, NONE) or member.name == "object" for member in members)
    return is_instance(value, wanted) is not False


class GracefulErrorAdapter(NodeExecutionMethod):
    """Goes on where a feature fails: it, and what reads it, get a sentinel in the value's place.

    Args:
        error_to_catch: Which errors.
        sentinel_value: What stands in the place of a value that failed. A value of its own is better than
            None, since what reads a real None is passed over, too.
        try_all_parallel: Whether a `Parallelizable` that fails keeps the items it made before, with a
            sentinel after them; else the sentinel is all it makes.
        allow_injection: Whether functions marked with `@accept_error_sentinels` are called with sentinels.
    """

    def __init__(
        self,
        error_to_catch: type[BaseException] | tuple[type[BaseException], ...],
        sentinel_value: Any = SENTINEL_DEFAULT,
        try_all_parallel: bool = True,
        allow_injection: bool = True,
    ) -> None:
        """Take which errors, and what stands in the place of failed values."""
        self.error_to_catch = error_to_catch
        self.sentinel_value = sentinel_value
        self.try_all_parallel = try_all_parallel
        self.allow_injection = allow_injection

    def run_to_execute_node(
        self,
        *,
        node_tags: dict[str, Any],
        node_callable: Callable[..., Any],
        node_kwargs: dict[str, Any],
        is_expand: bool,
        **future_kwargs: Any,
    ) -> Any:
        """Return the value of a node, or the sentinel."""
        accepts = self.allow_injection and node_tags.get(ERROR_SENTINEL) == INJECTION_ALLOWED
        if not accepts and any(map(self._is_sentinel, node_kwargs.values())):
            return [self.sentinel_value] if is_expand else self.sentinel_value
        if is_expand:
            return self._items(node_callable, node_kwargs)
        try:
            return node_callable(**node_kwargs)
        except self.error_to_catch:
            return self.sentinel_value

    def _is_sentinel(self, value: Any) -> bool:
        # A sentinel that was sent to another process comes back equal, but not the same.
        sentinel = self.sentinel_value
        if value is sentinel:
            return True
        return type(value) is type(sentinel) and _equal(value, sentinel)

    def _items(self, make: Callable[..., Any], kwargs: Mapping[str, Any]) -> list[Any]:
        items: list[Any] = []
        try:
            for item in make(**kwargs):
                items.append(item)
        except self.error_to_catch:
            return [*items, self.sentinel_value] if self.try_all_parallel else [self.sentinel_value]
        return items


def _equal(value: Any, other: Any) -> bool:
    try:
        return bool(value == other)
    except (TypeError, ValueError):  # tables and arrays have no single answer
        return False


class NoEdgeAndInputTypeChecking(EdgeConnectionHook):
    """Lets every edge and every input pass, whatever its type."""

    def check_edge_types_match(self, type_from: Any, type_to: Any, **kwargs: Any) -> bool:
        """Return True."""
        return True

    def validate_input(self, node_type: Any, input_value: Any, **kwargs: Any) -> bool:
        """Return True."""
        return True
