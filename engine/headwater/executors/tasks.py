"""What executors are given: groups of nodes as tasks, and what every task says about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from headwater.executors.needs import NO_NEEDS, Needs
from headwater.node import Node
from headwater.plan import Around, Plan, call_it
from headwater.record import record
from headwater.types import COLLECT, PARALLELIZABLE, Type

__all__ = [
    "GraphState",
    "NodeGroup",
    "NodeGroupPurpose",
    "RunContext",
    "TaskHooks",
    "TaskImplementation",
    "TaskSpec",
    "TaskState",
    "base_execute_task",
    "execute_task",
    "is_collected",
    "is_expander",
]


class TaskState(Enum):
    """How far a task has come."""

    QUEUED = "queued"
    UNINITIALIZED = "uninitialized"
    INITIALIZED = "initialized"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"

    @staticmethod
    def is_terminal(task_state: TaskState) -> bool:
        """Tell whether a task will not change its state any more."""
        return task_state in (TaskState.SUCCESSFUL, TaskState.FAILED)


GraphState = TaskState


class NodeGroupPurpose(Enum):
    """What a group of nodes is for, which decides where it runs."""

    EXPAND_UNORDERED = "expand_unordered"
    """Makes the elements of a fan-out."""
    GATHER = "gather"
    """Collects what the calls of a fan-out made."""
    EXECUTE_BLOCK = "execute_block"
    """Is run elsewhere where there is an executor for that: once, or for each element of a fan-out."""
    EXECUTE_SINGLE = "execute_single"
    """Is a node by itself, outside of every fan-out."""

    def is_expander(self) -> bool:
        """Tell whether such a group makes the elements of a fan-out."""
        return self is NodeGroupPurpose.EXPAND_UNORDERED

    def is_gatherer(self) -> bool:
        """Tell whether such a group collects."""
        return self is NodeGroupPurpose.GATHER


def is_expander(node: Node) -> bool:
    """Tell whether each element of a node's value goes to calls of its own."""
    return node.type.name == PARALLELIZABLE


def is_collected(type_: Type) -> bool:
    """Tell whether a parameter of a type gathers what the calls of a fan-out made."""
    return type_.name == COLLECT


@dataclass(eq=False)
class NodeGroup:
    """Nodes that run together, as a grouping strategy proposes them.

    Attributes:
        base_id: Name of the group, one of its own.
        spawning_task_base_id: Name of the group whose fan-out repeats this one; worked out where None.
        nodes: The nodes.
        purpose: What the group is for.
    """

    base_id: str
    spawning_task_base_id: str | None
    nodes: list[Node]
    purpose: NodeGroupPurpose


@record
class TaskSpec:
    """A task before it has inputs; a task in a fan-out is run from it for every element.

    Attributes:
        base_id: Its name among the tasks of a plan.
        spawning_task_base_id: The task whose fan-out repeats it; None outside of every fan-out.
        nodes: Its nodes.
        purpose: What it is for.
        outputs_to_compute: The nodes whose values it hands on.
        base_dependencies: The tasks whose values it needs.
        plan: How the outputs are computed from the inputs.
        scope: The fan-outs around it, outermost first.
        reads: The names of its inputs.
        expanders: Those of its outputs whose elements are fanned out.
        needs: What it needs from an executor.
    """

    base_id: str
    spawning_task_base_id: str | None
    nodes: tuple[Node, ...]
    purpose: NodeGroupPurpose
    outputs_to_compute: tuple[str, ...]
    base_dependencies: tuple[str, ...]
    plan: Plan
    scope: tuple[str, ...]
    reads: tuple[str, ...]
    expanders: tuple[str, ...] = ()
    needs: Needs = NO_NEEDS


class TaskHooks(Protocol):
    """What adapters want to be told of tasks; see `headwater.lifecycle`."""

    def post_task_group(self, *, run_id: str, task_ids: list[str]) -> None:
        """Tell the tasks into which the nodes were grouped."""

    def post_task_expand(self, *, run_id: str, task_id: str, parameters: dict[str, Any]) -> None:
        """Tell the elements of a fan-out."""

    def pre_task_submission(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell of a task that is about to be given to an executor."""

    def pre_task_execute(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell, where the task runs, that it begins."""

    def post_task_execute(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell, where the task runs, that it ended."""

    def post_task_return(self, *, nodes: Iterable[Node], **facts: Any) -> None:
        """Tell of a task that an executor gave back."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all tasks of one execution share.

    Attributes:
        run_id: Name of the execution.
        around: For the id of a task, what is called in the place of each node's call; None for nothing. It
            goes with the tasks to other processes. What it notes there comes back if it has two methods:
            `take_record()` returns it there, and `give_record(record)` gets it here.
        hooks: What is told of the tasks.
    """

    run_id: str = ""
    around: Callable[[str], Around | None] | None = None
    hooks: TaskHooks | None = None


@dataclass(eq=False, slots=True)
class TaskImplementation:
    """A task with its inputs, ready to be run.

    Attributes:
        spec: What is to be done.
        context: What the tasks of the execution share.
        spawning_task_id: The task whose fan-out it belongs to; None outside of every fan-out.
        group_id: Which element of the fan-out it has, counted from 0, as text.
        dynamic_inputs: Its inputs by name.
        task_id: Its name in the execution.
    """

    spec: TaskSpec
    context: RunContext
    spawning_task_id: str | None = None
    group_id: str | None = None
    dynamic_inputs: dict[str, Any] = field(default_factory=dict)
    task_id: str = field(init=False)

    def __post_init__(self) -> None:
        base_id = self.spec.base_id
        spawned = self.spawning_task_id
        self.task_id = base_id if spawned is None else f"{spawned}.{self.group_id}.{base_id}"

    @property
    def base_id(self) -> str:
        """The name of the task, equal for all elements of a fan-out."""
        return self.spec.base_id

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes."""
        return self.spec.nodes

    @property
    def purpose(self) -> NodeGroupPurpose:
        """What it is for."""
        return self.spec.purpose

    @property
    def outputs_to_compute(self) -> tuple[str, ...]:
        """The nodes whose values it hands on."""
        return self.spec.outputs_to_compute

    @property
    def run_id(self) -> str:
        """Name of the execution."""
        return self.context.run_id

    @property
    def overrides(self) -> dict[str, Any]:
        """The values that were given for nodes of the task, in the place of computing them."""
        given = self.dynamic_inputs
        return {node.name: given[node.name] for node in self.spec.nodes if node.name in given}

    def around(self) -> Around | None:
        """Return what is called in the place of each node's call; None where that is the call itself."""
        return None if self.context.around is None else self.context.around(self.task_id)

    def facts(self) -> dict[str, Any]:
        """Return what hooks are told of the task."""
        return {
            "run_id": self.context.run_id,
            "task_id": self.task_id,
            "nodes": self.spec.nodes,
            "spawning_task_id": self.spawning_task_id,
            "purpose": self.spec.purpose,
        }


_WORTH_COMPILING = 30
"""Nodes: compiling the plan of a smaller task takes longer than its few runs, and saves little of what
they cost."""


def base_execute_task(task: TaskImplementation) -> dict[str, Any]:
    """Run a task where this is called, and return its outputs by name.

    This is what an executor calls, in whichever thread, process or machine it does so.

    Raises:
        NodeFailed: A feature function raised; the exception is the cause.
        CheckFailed: A check of importance "fail" did not hold.
    """
    return execute_task(task, task.around())


def execute_task(task: TaskImplementation, around: Around | None) -> dict[str, Any]:
    """Run a task with something called in the place of each node's call; see `base_execute_task`."""
    hooks, spec = task.context.hooks, task.spec
    if around is None and len(spec.nodes) < _WORTH_COMPILING:
        around = call_it
    if hooks is None:
        return spec.plan.execute(task.dynamic_inputs, around)
    facts = task.facts()
    hooks.pre_task_execute(inputs=task.dynamic_inputs, overrides=task.overrides, **facts)
    results: dict[str, Any] | None = None
    failure: BaseException | None = None
    try:
        results = spec.plan.execute(task.dynamic_inputs, around)
    except BaseException as error:
        failure = error.__cause__ or error
        raise
    finally:
        hooks.post_task_execute(results=results, success=failure is None, error=failure, **facts)
    return results
