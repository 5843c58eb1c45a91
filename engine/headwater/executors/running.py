"""Tasks on their way through executors: started when they are ready, waited for, ended whatever happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from functools import partial
from queue import Empty, SimpleQueue
from time import sleep
from typing import Any

from headwater.errors import NodeFailed, add_note
from headwater.executors.base import TaskExecutor, TaskFuture
from headwater.executors.dataflow import DataFlow, Ready
from headwater.executors.managers import ExecutionManager
from headwater.executors.taskplan import TaskPlan
from headwater.executors.tasks import RunContext, TaskImplementation, TaskState

__all__ = ["run_tasks"]

_Submitted = tuple[Ready, TaskFuture]

_SHORTEST, _LONGEST = 0.0005, 0.05
"""Seconds between two questions to futures that cannot call back."""


def run_tasks(
    plan: TaskPlan, given: Mapping[str, Any], manager: ExecutionManager, context: RunContext
) -> dict[str, Any]:
    """Run the tasks of a plan, and return the outputs by name.

    Whatever happens, the executors are finalized before this returns.

    Args:
        plan: The tasks.
        given: Values from outside; names that the plan does not need are passed over.
        manager: Says which executor gets which task.
        context: What all tasks share.

    Raises:
        NodeFailed: A feature function raised, or a value could not travel; the exception is the cause.
        CheckFailed: A check of importance "fail" did not hold.
    """
    manager.init()
    try:
        for executor in manager.executors:
            # Executors that extend a class of their own may have only what Hamilton asks for.
            if hasattr(executor, "prepare"):
                executor.prepare(plan.specs, context)
        return _Execution(plan, manager, context).run(given)
    except BaseException:
        for executor in manager.executors:
            if hasattr(executor, "cancel"):
                executor.cancel()
        raise
    finally:
        manager.finalize()


class _Execution:
    """One execution of a task plan."""

    def __init__(self, plan: TaskPlan, manager: ExecutionManager, context: RunContext) -> None:
        self.plan = plan
        self.manager = manager
        self.context = context
        self.flow = DataFlow(plan, context)
        self.lanes: dict[int, tuple[TaskExecutor, deque[Ready]]] = {}
        self.running = _Running()

    def run(self, given: Mapping[str, Any]) -> dict[str, Any]:
        hooks = self.context.hooks
        if hooks is not None:
            task_ids = [spec.base_id for spec in self.plan.specs]
            hooks.post_task_group(run_id=self.context.run_id, task_ids=task_ids)
        self._enqueue(self.flow.begin(given))
        while self._submit():
            finished = self.running.next_finished()
            if finished is not None:
                self._settle(*finished)
        return {name: self.flow.values[name] for name in self.plan.outputs}

    def _enqueue(self, ready: Iterable[Ready]) -> None:
        """Put tasks before those that wait already: what was begun is ended first, and its values let go."""
        for one in reversed(list(ready)):
            executor = self.manager.get_executor_for_task(one.task)
            _, tasks = self.lanes.setdefault(id(executor), (executor, deque()))
            tasks.appendleft(one)

    def _submit(self) -> bool:
        """Give the executors what they can take, and tell whether anything is running or waiting."""
        waiting = False
        for executor, tasks in self.lanes.values():
            while tasks and executor.can_submit_task():
                self._start(executor, tasks.popleft())
            waiting = waiting or bool(tasks)
        return waiting or bool(self.running)

    def _start(self, executor: TaskExecutor, ready: Ready) -> None:
        task, hooks = ready.task, self.context.hooks
        if hooks is not None:
            hooks.pre_task_submission(inputs=task.dynamic_inputs, overrides=task.overrides, **task.facts())
        try:
            future = executor.submit_task(task)
        except Exception as error:
            raise _located(error, task, self.plan) from error.__cause__
        self.running.add(ready, future)

    def _settle(self, ready: Ready, future: TaskFuture) -> None:
        try:
            results = future.get_result()
        except Exception as error:
            self._tell_return(ready.task, None, error)
            raise _located(error, ready.task, self.plan) from error.__cause__
        self._enqueue(self.flow.complete(ready, results))
        self._tell_return(ready.task, results, None)

    def _tell_return(self, task: TaskImplementation, result: Any, error: Exception | None) -> None:
        if self.context.hooks is not None:
            told = error if error is None else error.__cause__ or error
            self.context.hooks.post_task_return(
                result=result, success=error is None, error=told, **task.facts()
            )


class _Running:
    """The tasks that executors have taken."""

    def __init__(self) -> None:
        self._count = 0
        self._asked: deque[_Submitted] = deque()
        self._done: SimpleQueue[_Submitted] = SimpleQueue()

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, ready: Ready, future: TaskFuture) -> None:
        """Wait for one more."""
        self._count += 1
        call_back = getattr(future, "add_done_callback", None)
        if call_back is None:
            self._asked.append((ready, future))
        else:
            call_back(partial(self._tell, (ready, future)))

    def _tell(self, submitted: _Submitted, _: object) -> None:
        self._done.put(submitted)

    def next_finished(self) -> _Submitted | None:
        """Wait for a task to end, and return it; None after a moment where none is running."""
        if not self._count:
            sleep(_LONGEST)
            return None
        pause = _SHORTEST
        while True:
            found = self._told(None) or self._first_asked()
            if found is None:
                found = self._told(pause if self._asked else float("inf"))
                pause = min(2 * pause, _LONGEST)
            if found is not None:
                self._count -= 1
                return found

    def _told(self, seconds: float | None) -> _Submitted | None:
        """Return a task whose future called back, at once or within some time."""
        try:
            if seconds is None:
                return self._done.get_nowait()
            return self._done.get(timeout=None if seconds == float("inf") else seconds)
        except Empty:
            return None

    def _first_asked(self) -> _Submitted | None:
        """Return a task whose future says that it is done; those of this thread run when they are asked."""
        for _ in range(len(self._asked)):
            submitted = self._asked.popleft()
            if TaskState.is_terminal(submitted[1].get_state()):
                return submitted
            self._asked.append(submitted)
        return None


def _located(error: Exception, task: TaskImplementation, plan: TaskPlan) -> Exception:
    """Return an error that also says in which task it was raised, and for whose sake that was run."""
    where = f"It was raised in the task '{task.task_id}'."
    if not isinstance(error, NodeFailed):
        add_note(error, where)
        return error
    lines = [str(error)]
    if task.task_id != error.node:
        lines.append(where)
    chain = plan.chain(error.node)
    if len(chain) > 1:
        lines.append(f"It was needed for '{chain[0]}': {' ← '.join(chain)}.")
    return NodeFailed("\n".join(dict.fromkeys(lines)), error.node)
