"""What is told of a batch whose worker died: the node that it was at, as exactly as that is known."""

from __future__ import annotations

import time
from collections.abc import Sequence

from headwater.executors.answers import Answer, unmet
from headwater.executors.tasks import TaskImplementation
from headwater.executors.watching import limits_of
from headwater.executors.worker_notes import Note
from headwater.node import Node

__all__ = ["fail", "overdue", "place_of", "when", "where"]


def place_of(
    note: Note | None, tasks: Sequence[TaskImplementation]
) -> tuple[TaskImplementation, Node | None]:
    """Return the task that a worker was at, and the node if it is known.

    Args:
        note: How far the worker came; None where that is not known.
        tasks: The tasks of its batch.
    """
    task = tasks[note.element if note is not None else 0]
    if note is not None and note.node:
        return task, task.nodes[note.node - 1]
    return task, task.nodes[0] if len(task.nodes) == 1 else None


def where(node: Node | None, task: TaskImplementation) -> str:
    """Return a node in words, or all of its task."""
    if node is not None:
        return node.where
    return f"the task '{task.task_id}' ({', '.join(repr(one.name) for one in task.nodes)})"


def when(node: Node | None, task: TaskImplementation) -> str:
    """Say what was computed."""
    if node is None:
        return f"while it ran {where(node, task)}"
    count = len(task.nodes)
    if count == 1:
        return f"while it computed {node.where}"
    number = [one.name for one in task.nodes].index(node.name) + 1
    return f"while it computed {node.where}, number {number} of {count} nodes of the task '{task.task_id}'"


def overdue(note: Note | None, node: Node | None, task: TaskImplementation) -> str:
    """Return in words that a worker was ended for a node that took too long; empty where it was not."""
    if note is None or node is None or not 0 < note.deadline <= time.time():
        return ""
    limit = limits_of(task)[node.name]
    return (
        f"was ended {when(node, task)}, which took longer than the {limit:g} s that it may (the tag "
        "resources.seconds), in native code that could not be interrupted."
    )


def fail(answers: Sequence[tuple[int, Answer]], error: BaseException, number: int) -> None:
    """Settle the answers of a batch that is lost: one with the error, the others as not run.

    Args:
        answers: The answers, with the places of their elements in the batch.
        error: What ended the batch.
        number: The place of the element that it was at.
    """
    told = number if any(place == number for place, _ in answers) else min(place for place, _ in answers)
    for place, answer in answers:
        answer.settle(error if place == told else unmet(answer.task))
