"""What Ray tells when a worker, a machine or a value is lost, in words that name the node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors.losses import overdue, place_of, when, where
from headwater.executors.ray_clusters import import_ray, is_elsewhere
from headwater.executors.ray_workers import left_note
from headwater.executors.tasks import TaskImplementation
from headwater.executors.worker_notes import Note
from headwater.node import Node

__all__ = ["find_note", "is_inherited", "lost_value", "lost_work", "without_machine"]

_SECONDS = 10.0
"""How long other machines may take to say whether a worker that died there left a note."""


def is_inherited(error: BaseException) -> bool:
    """Tell whether a task failed since a value that it reads could not be had, as Ray tells it."""
    exceptions = import_ray().exceptions
    return isinstance(error, exceptions.RayTaskError) and isinstance(
        getattr(error, "cause", None), exceptions.RayError
    )


def find_note(name: str) -> Note | None:
    """Return the note that a worker left that died; None where there is none any more."""
    data = None if is_elsewhere() else left_note(name)
    return _asked_elsewhere(name) if data is None else Note(data)


def _asked_elsewhere(name: str) -> Note | None:
    ray = import_ray()
    on_machine = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    here = None if is_elsewhere() else ray.get_runtime_context().get_node_id()
    others = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeID"] != here]
    ask = ray.remote(left_note)
    asked = []
    for node_id in others:
        there = {"scheduling_strategy": on_machine(node_id, soft=False)}
        asked.append(ask.options(num_cpus=0, max_retries=0, **there).remote(name))
    answered, _ = ray.wait(asked, num_returns=len(asked), timeout=_SECONDS) if asked else ([], [])
    for answer in answered:
        try:
            data = ray.get(answer)
        except ray.exceptions.RayError:  # that machine is gone, too
            continue
        if data is not None:
            return Note(data)
    return None


def lost_work(error: BaseException, tasks: Sequence[TaskImplementation], note: Note | None) -> Exception:
    """Return an error for tasks that were sent together and of which Ray has nothing but an error.

    Args:
        error: What Ray raised.
        tasks: The tasks, as they were to be run one after the other.
        note: How far the worker came; None where that is not known.
    """
    exceptions = import_ray().exceptions
    cause = getattr(error, "cause", None) if isinstance(error, exceptions.RayTaskError) else error
    task, node = place_of(note, tasks)
    if isinstance(cause, exceptions.OutOfMemoryError):
        needs = task.spec.needs.memory
        asked = "asked for no memory" if needs is None else f"asked for {needs / 1e6:,.0f} MB"
        text = (
            f"Ray ended a worker for want of memory {when(node, task)}. {_first_line(cause)} The task "
            f"{asked}: with more by the tag resources.memory fewer run at once; or take a larger machine."
        )
    elif isinstance(cause, exceptions.ObjectLostError):
        text = (
            f"A value that {where(node, task)} reads was lost with the machine that had it, and Ray could "
            f"not make it again: {_first_line(cause)} Let it try more often (the tag resources.attempts)."
        )
    elif isinstance(cause, exceptions.NodeDiedError):
        text = f"A machine of the Ray cluster was lost {when(node, task)}: {_first_line(cause)}"
    elif isinstance(cause, exceptions.WorkerCrashedError):
        text = _crashed(node, task, note)
    elif isinstance(cause, exceptions.RuntimeEnvSetupError):
        text = f"Ray could not make the runtime_env that {where(node, task)} asks for: {_first_line(cause)}"
    else:
        text = f"Ray could not run {where(node, task)}: {_first_line(error)}"
    failed = NodeFailed(text, (node or task.nodes[0]).name)
    failed.__cause__ = error
    return failed


def _crashed(node: Node | None, task: TaskImplementation, note: Note | None) -> str:
    if late := overdue(note, node, task):
        return f"A worker of Ray {late}"
    tries = task.spec.needs.attempts
    again = "each time that Ray began it" if tries is None else f"in each of {tries} attempts"
    return (
        f"A worker of Ray died {when(node, task)}{'' if tries == 1 else f', {again}'}. It was killed, "
        "perhaps for want of memory, or crashed in native code. Run the tasks in this process "
        "(SynchronousLocalTaskExecutor) to see which, or give it more memory (the tag resources.memory)."
    )


def lost_value(error: BaseException, node: str, where: str) -> Exception:
    """Return an error for a value that Ray has lost."""
    failed = NodeFailed(
        f"The value of {where} was lost with the machine that had it, and Ray could not make it again: "
        f"{_first_line(error)} Let it try more often (the tag resources.attempts).",
        node,
    )
    failed.__cause__ = error
    return failed


def without_machine(missing: str, task: TaskImplementation) -> HeadwaterError:
    """Return an error for a task that waits for a machine which is gone."""
    return HeadwaterError(
        f"No machine of the Ray cluster has {missing} any more, which the task '{task.task_id}' "
        f"({', '.join(repr(node.name) for node in task.nodes)}) waits for. Was one lost?"
    )


def _first_line(error: Any) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
