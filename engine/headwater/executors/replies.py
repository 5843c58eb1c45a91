"""A task where another process runs it: what becomes of it, and its inputs and outcome as bytes."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from headwater.executors.base import TaskFutureWrappingPythonFuture
from headwater.executors.failures import Failure
from headwater.executors.portable import unsendable
from headwater.executors.tasks import TaskImplementation, TaskState, execute_task
from headwater.node import Node
from headwater.plan import Around, call_it

__all__ = ["Answer", "outcome_of", "packed_inputs", "record_of", "refused", "reply_of"]

_Packed = TypeVar("_Packed")

_dumps = partial(pickle.dumps, protocol=pickle.HIGHEST_PROTOCOL)


def packed_inputs(task: TaskImplementation, dumps: Callable[[Any], bytes] = _dumps) -> bytes:
    """Return the inputs of a task as bytes.

    Args:
        task: The task.
        dumps: What pickles them.

    Raises:
        NodeFailed: An input cannot be pickled.
    """
    return _packed(task, task.dynamic_inputs, dumps)


def outcome_of(
    task: TaskImplementation,
    around: Around | None,
    pack: Callable[[TaskImplementation, dict[str, Any]], _Packed],
    attempts: int = 1,
) -> _Packed | Failure:
    """Run a task in a worker, and return its outputs, packed, or why there are none.

    Args:
        task: The task, with its inputs.
        around: What to call in the place of each node's call.
        pack: Makes what can travel of the outputs.
        attempts: How often to begin it, in all, where a function raises.
    """
    try:
        for _ in range(attempts - 1):
            with suppress(Exception):
                return pack(task, execute_task(task, around))
        return pack(task, execute_task(task, around))
    except Exception as error:
        return Failure.of(error)


def record_of(around: Around | None) -> Any:
    """Return what was noted since this was asked last; None where nothing is noted.

    In a worker it is asked first before anything runs: what was noted at home came along with the code.
    """
    take_record = getattr(around, "take_record", None)
    return None if take_record is None else take_record()


def reply_of(
    task: TaskImplementation,
    watched: Callable[[Around | None], Around] | None = None,
    *,
    is_measured: bool = False,
    dumps: Callable[[Any], bytes] = _dumps,
) -> bytes:
    """Run a task, and return its outputs or its failure, and what was noted meanwhile.

    Args:
        task: The task, with its inputs.
        watched: Returns what to call in the place of each node's call, around what the task says.
        is_measured: Whether the reply has what each node took, for a strategy that learns it.
        dumps: What pickles the outputs.
    """
    noting = task.around()
    record_of(noting)
    seconds: dict[str, float] = {}
    around = noting if watched is None else watched(noting)
    pack = partial(_packed, dumps=dumps)
    reply = outcome_of(task, _measured(around, seconds) if is_measured else around, pack)
    return pickle.dumps((reply, record_of(noting), seconds))


def _measured(around: Around | None, seconds: dict[str, float]) -> Around:
    compute = call_it if around is None else around

    def measuring(node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        began = time.perf_counter()
        value = compute(node, call, arguments)
        seconds[node.name] = time.perf_counter() - began
        return value

    return measuring


def refused(error: Exception) -> bytes:
    """Return the reply of a process that could not begin."""
    return pickle.dumps((Failure.of(error), None, {}))


class Answer(TaskFutureWrappingPythonFuture):
    """A task that another process has taken, behind the future of its reply.

    Attributes:
        task: The task.
        seconds: What its nodes took, once it is done and where that was measured.
    """

    def __init__(self, future: Any, task: TaskImplementation) -> None:
        """Take both."""
        super().__init__(future)
        self.task = task
        self.seconds: Mapping[str, float] = {}
        self._reply: Mapping[str, Any] | BaseException | None = None

    def get_state(self) -> TaskState:
        """Return how far the task has come."""
        if not self.future.done():
            return TaskState.RUNNING
        failed = isinstance(self._opened(), BaseException)
        return TaskState.FAILED if failed else TaskState.SUCCESSFUL

    def get_result(self) -> Any:
        """Return the outputs, None while the task is running, or raise what ended it."""
        if not self.future.done():
            return None
        reply = self._opened()
        if isinstance(reply, BaseException):
            raise reply
        return reply

    def failure_of(self, error: BaseException) -> BaseException:
        """Return what to tell of an error that is not the task's own."""
        return error

    def _opened(self) -> Mapping[str, Any] | BaseException:
        if self._reply is None:
            try:
                self._reply, self.seconds = _opened(self.task, self.future.result())
            except BaseException as error:
                self._reply = self.failure_of(error)
        assert self._reply is not None  # it was set in every branch
        return self._reply


def _opened(
    task: TaskImplementation, reply: bytes
) -> tuple[Mapping[str, Any] | BaseException, Mapping[str, float]]:
    """Return the outputs of a task or what ended it, with what nodes took, and hand on what was noted."""
    outcome, record, seconds = pickle.loads(reply)  # noqa: S301, it comes from our own worker
    if record is not None:
        task.around().give_record(record)  # type: ignore[union-attr]
    if isinstance(outcome, Failure):
        return outcome.revive(), seconds
    return pickle.loads(outcome), seconds  # noqa: S301, as above


def _packed(task: TaskImplementation, values: Mapping[str, Any], dumps: Callable[[Any], bytes]) -> bytes:
    try:
        return dumps(values)
    except Exception as error:
        raise unsendable(task, values, error, dumps) from error
