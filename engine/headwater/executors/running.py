"""Tasks on their way through executors: started when they are ready, waited for, ended whatever happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from queue import Empty, SimpleQueue
from time import sleep
from typing import Any

from headwater.errors import HeadwaterError, NodeFailed, add_note
from headwater.executors.base import TaskExecutor, TaskFuture
from headwater.executors.dataflow import DataFlow, Ready
from headwater.executors.failures import Unmet
from headwater.executors.held import Held, fetched, held_in
from headwater.executors.managers import ExecutionManager
from headwater.executors.needs import NO_NEEDS, needs_of
from headwater.executors.regrouping import Regrouping
from headwater.executors.taskplan import TaskPlan
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec, TaskState
from headwater.node import Node

__all__ = ["run_tasks"]

_Submitted = tuple[Ready, TaskFuture]

_SHORTEST, _LONGEST = 0.0005, 0.05
"""Seconds between two questions to futures that cannot call back."""


def run_tasks(
    plan: TaskPlan,
    given: Mapping[str, Any],
    manager: ExecutionManager,
    context: RunContext,
    on_seconds: Callable[[Mapping[str, float]], object] | None = None,
    regrouping: Regrouping | None = None,
) -> dict[str, Any]:
    """Run the tasks of a plan, and return the outputs by name.

    Whatever happens, the executors are finalized before this returns.

    Args:
        plan: The tasks.
        given: Values from outside; names that the plan does not need are passed over.
        manager: Says which executor gets which task.
        context: What all tasks share.
        on_seconds: Told what nodes took, by name, where executors measure it.
        regrouping: Cuts the rest anew by what nodes took, where nothing is repeated by a fan-out and no
            executor takes tasks before their inputs are there.

    Raises:
        HeadwaterError: A node needs what no machine of its executor has.
        NodeFailed: A feature function raised, or a value could not travel; the exception is the cause.
        CheckFailed: A check of importance "fail" did not hold.
    """
    manager.init()
    try:
        return _Execution(plan, manager, context, on_seconds, regrouping).run(given)
    except BaseException:
        for executor in manager.executors:
            if hasattr(executor, "cancel"):
                executor.cancel()
        raise
    finally:
        manager.finalize()


class _Execution:
    """One execution of a task plan."""

    def __init__(
        self,
        plan: TaskPlan,
        manager: ExecutionManager,
        context: RunContext,
        on_seconds: Callable[[Mapping[str, float]], object] | None,
        regrouping: Regrouping | None,
    ) -> None:
        self.plan = plan
        self.outputs = plan.outputs
        # Of what was cut before: the outputs that are there, and the tasks that are done.
        self.values: dict[str, Any] = {}
        self.done: list[str] = []
        self.manager = manager
        self.context = context
        self.on_seconds = on_seconds
        fans_out = len(plan.scopes) > 1 or any(spec.expanders for spec in plan.specs)
        is_ahead = any(getattr(executor, "accepts_pending", False) for executor in manager.executors)
        self.regrouping = None if fans_out or is_ahead else regrouping
        self.flow = DataFlow(plan, context)
        self.lanes: dict[int, tuple[TaskExecutor, deque[Ready]]] = {}
        self.running = _Running()
        self.early = _Early()
        self.unmet: Unmet | None = None

    def run(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._begin(given)
        while self._submit():
            finished = self.running.next_finished()
            if finished is not None:
                self._settle(*finished)
        if self.unmet is not None:
            raise self.unmet
        values = {**self.values, **self.flow.values}
        return dict(zip(self.outputs, fetched(values[name] for name in self.outputs), strict=True))

    def _begin(self, given: Mapping[str, Any]) -> None:
        """Tell everybody of the tasks, and begin with those that need nothing but what is given."""
        for executor in self.manager.executors:
            # Executors that extend a class of their own may have only what Hamilton asks for.
            if hasattr(executor, "prepare"):
                executor.prepare(self.plan.specs, self.context)
        hooks = self.context.hooks
        if hooks is not None:
            task_ids = [*self.done, *(spec.base_id for spec in self.plan.specs)]
            hooks.post_task_group(run_id=self.context.run_id, task_ids=task_ids)
        self._require_what_is_needed()
        self._enqueue(self.flow.begin(self._with_held(given)))

    def _left(self) -> list[TaskSpec]:
        """Return the tasks outside of fan-outs that have not begun."""
        ready = [one.task.spec for _, tasks in self.lanes.values() for one in tasks]
        return [*ready, *self.flow.waiting()]

    def _cut_rest(self, regrouping: Regrouping) -> None:
        """Cut what is left into tasks anew, while nothing runs."""
        dropped = {spec.base_id for spec in self._left()}
        self.done += [spec.base_id for spec in self.plan.specs if spec.base_id not in dropped]
        given = self.flow.at_hand()
        for _, tasks in self.lanes.values():
            for ready in tasks:
                given.update(ready.task.dynamic_inputs)
            tasks.clear()
        self.values.update(self.flow.values)
        left = [name for name in self.plan.outputs if name not in self.values]
        self.plan = regrouping.plan(left, given)
        self.flow = DataFlow(self.plan, self.context)
        self._begin(given)

    def _home(self, place: int) -> TaskExecutor:
        """Return the executor that the tasks of a spec will go to."""
        task = TaskImplementation(self.plan.specs[place], self.context)
        return self.manager.get_executor_for_task(task)

    def _require_what_is_needed(self) -> None:
        """Refuse what a cluster would wait for without an end."""
        for place, spec in enumerate(self.plan.specs):
            if spec.needs == NO_NEEDS:
                continue
            executor = self._home(place)
            lacking = executor.lacks(spec.needs) if hasattr(executor, "lacks") else ""
            if lacking:
                asking = next((node for node in spec.nodes if _asks(executor, node)), spec.nodes[0])
                raise HeadwaterError(
                    f"{asking.where} needs {lacking}, which no worker of the {type(executor).__name__} has. "
                    "Ask for less with its tags, or add such a worker."
                )

    def _with_held(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return values from outside, held where several tasks of one executor read them."""
        holding = [one for one in self.manager.executors if getattr(one, "accepts_pending", False)]
        if not holding:
            return given
        several: dict[int, list[str]] = {}
        for name in self.plan.given:
            routes = [found[name] for found in self.plan.routes.values() if name in found]
            homes = [self._home(place) for route in routes for place in route.here]
            if (
                name not in self.plan.nodes
                and name not in self.plan.outputs
                and (len(homes) > 1 or any(route.below for route in routes))
                and len({id(home) for home in homes}) == 1
            ):
                several.setdefault(id(homes[0]), []).append(name)
        held = dict(given)
        for executor in holding:
            names = several.get(id(executor), [])
            held.update(zip(names, executor.hold([given[name] for name in names]), strict=True))
        return held

    def _enqueue(self, ready: Iterable[Ready]) -> None:
        """Put tasks before those that wait already: what was begun is ended first, and its values let go."""
        for one in reversed(list(ready)):
            executor = self.manager.get_executor_for_task(one.task)
            if self.early.keeps(one, executor):
                continue
            _, tasks = self.lanes.setdefault(id(executor), (executor, deque()))
            tasks.appendleft(one)

    def _submit(self) -> bool:
        """Give the executors what they can take, and tell whether anything is running or waiting."""
        if self.regrouping is not None and self.regrouping.is_due(self._left):
            if self.running:
                return True
            self._cut_rest(self.regrouping)
        waiting = False
        for executor, tasks in list(self.lanes.values()):
            if getattr(executor, "accepts_pending", False):
                if tasks:
                    self._submit_all(executor, tasks)
                continue
            while tasks and executor.can_submit_task():
                ready = tasks.popleft()
                self._announce(executor, ready.task)
                try:
                    future = executor.submit_task(ready.task)
                except Exception as error:
                    raise _located(error, ready.task, self.plan) from error.__cause__
                self.running.add(ready, future)
            waiting = waiting or bool(tasks)
        return waiting or bool(self.running)

    def _submit_all(self, executor: TaskExecutor, tasks: deque[Ready]) -> None:
        """Give an executor all tasks that are ready, then those that read what it promises for these."""
        while tasks:
            several = list(tasks)
            tasks.clear()
            for ready in several:
                self._announce(executor, ready.task)
            try:
                futures = executor.submit_tasks([ready.task for ready in several])
            except Exception as error:
                raise _located(error, several[0].task, self.plan) from error.__cause__
            for ready, future in zip(several, futures, strict=True):
                self.running.add(ready, future)
                promised = future.promised() if hasattr(future, "promised") else {}
                if promised:
                    self._enqueue(self.flow.promise(ready, promised))
        executor.flush()

    def _announce(self, executor: TaskExecutor, task: TaskImplementation) -> None:
        """Bring home what another executor holds of a task's inputs, and tell hooks of the task."""
        inputs, hooks = task.dynamic_inputs, self.context.hooks
        try:
            task.dynamic_inputs = dict(zip(inputs, fetched(inputs.values(), executor), strict=True))
        except Exception as error:
            raise _located(error, task, self.plan) from error.__cause__
        if hooks is not None:
            hooks.pre_task_submission(inputs=task.dynamic_inputs, overrides=task.overrides, **task.facts())

    def _settle(self, ready: Ready, future: TaskFuture) -> None:
        try:
            results = future.get_result()
        except Unmet as error:
            # The failure that it follows from is on its way, perhaps from another machine.
            self.unmet = error
            return
        except Exception as error:
            self._tell_return(ready.task, None, error)
            raise _located(error, ready.task, self.plan) from error.__cause__
        if self.on_seconds is not None and getattr(future, "seconds", None):
            self.on_seconds(future.seconds)  # type: ignore[attr-defined]
        if self.regrouping is not None:
            self.regrouping.learn(getattr(future, "seconds", None) or {})
        self._enqueue(self.flow.complete(ready, results))
        if hasattr(future, "promised"):
            self._enqueue(self.early.freed(future.promised().values()))
        self._tell_return(ready.task, results, None)

    def _tell_return(self, task: TaskImplementation, result: Any, error: Exception | None) -> None:
        if self.context.hooks is not None:
            told = error if error is None else error.__cause__ or error
            self.context.hooks.post_task_return(
                result=result, success=error is None, error=told, **task.facts()
            )


class _Early:
    """Tasks that must wait for values which another executor has only promised."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[Ready]] = {}

    def keeps(self, ready: Ready, executor: TaskExecutor) -> bool:
        """Keep a task until the first of such values is there; tell whether there is one."""
        for value in ready.task.dynamic_inputs.values():
            for held in held_in(value):
                if held.is_pending and held.executor is not executor:
                    self._waiting.setdefault(id(held), []).append(ready)
                    return True
        return False

    def freed(self, there: Iterable[Held]) -> list[Ready]:
        """Return the tasks that waited for one of some values, which are there now."""
        ready: list[Ready] = []
        for held in there:
            held.is_pending = False
            ready += self._waiting.pop(id(held), ())
        return ready


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


def _asks(executor: Any, node: Node) -> bool:
    return bool(executor.lacks(needs_of([node])))


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
