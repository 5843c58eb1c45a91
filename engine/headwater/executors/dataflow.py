"""How values go from task to task in one execution, and which tasks they make ready."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.executors.fanout import Scope
from headwater.executors.held import gathered
from headwater.executors.taskplan import Route, TaskPlan
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec

__all__ = ["DataFlow", "Ready"]


@dataclass(slots=True)
class Ready:
    """A task that has its inputs, and where its values belong.

    Attributes:
        task: The task.
        block: Where it belongs.
        handed_on: Those of its outputs that were handed on before it was done.
    """

    task: TaskImplementation
    block: _Block
    handed_on: Collection[str] = ()


class DataFlow:
    """The values of one execution on their way.

    A value is handed to the tasks that read it, and kept nowhere else: it is let go when the last of them
    is done.

    Attributes:
        values: The outputs that are there.
    """

    def __init__(self, plan: TaskPlan, context: RunContext) -> None:
        """Take the plan; nothing is ready before `begin`."""
        self.plan = plan
        self.context = context
        self.values: dict[str, Any] = {}
        self._root = self._block(())
        self._ready: list[Ready] = []
        self._gathered = {
            scope: [name for name, route in routes.items() if route.gathered]
            for scope, routes in plan.routes.items()
        }

    def begin(self, given: Mapping[str, Any]) -> list[Ready]:
        """Return the tasks that need nothing but what is given."""
        root = self._root
        for place in [place for place, waiting in root.waiting.items() if not waiting.missing]:
            self._release(root, place)
        for name in self.plan.given:
            # What is given in the place of a fan-out may be a generator, which can be gone through once.
            value = list(given[name]) if name in self.plan.nodes else given[name]
            self._deliver(root, name, value)
        return self._taken()

    def waiting(self) -> list[TaskSpec]:
        """Return the tasks outside of fan-outs that wait for inputs."""
        return [self.plan.specs[place] for place in self._root.waiting]

    def at_hand(self) -> dict[str, Any]:
        """Return the inputs that were handed to those tasks so far."""
        waiting = self._root.waiting.values()
        return {name: value for each in waiting for name, value in each.inputs.items()}

    def promise(self, submitted: Ready, promised: Mapping[str, Any]) -> list[Ready]:
        """Hand on what stands for values of a task that runs, and return the tasks that are ready now."""
        spec = submitted.task.spec
        may = [name for name in spec.outputs_to_compute if name in promised and name not in spec.expanders]
        submitted.handed_on = [name for name in may if name not in self.plan.given]
        for name in submitted.handed_on:
            self._deliver(submitted.block, name, promised[name])
        return self._taken()

    def complete(self, done: Ready, results: Mapping[str, Any]) -> list[Ready]:
        """Hand on the values of a task, and return the tasks that are ready now."""
        spec = done.task.spec
        for name in spec.outputs_to_compute:
            if name not in self.plan.given and name not in done.handed_on:
                self._deliver(done.block, name, results[name])
            if name in spec.expanders:
                self._expand(done, name, results[name])
        return self._taken()

    def _taken(self) -> list[Ready]:
        ready, self._ready = self._ready, []
        return ready

    def _block(self, scope: Scope) -> _Block:
        specs = self.plan.specs
        waiting = {place: _Waiting(len(specs[place].reads)) for place in self.plan.scopes.get(scope, ())}
        return _Block(scope, self.plan.routes.get(scope, {}), waiting)

    def _deliver(self, block: _Block, name: str, value: Any) -> None:
        """Hand a value that is at hand in a block to everything that reads it."""
        route = block.routes.get(name)
        if route is None:
            return
        for place in route.here:
            waiting = block.waiting[place]
            waiting.inputs[name] = value
            waiting.missing -= 1
            if not waiting.missing:
                self._release(block, place)
        for fan_out in route.below:
            children = block.children.get(fan_out)
            if children is None:
                block.later.setdefault(fan_out, []).append((name, value))
            else:
                for child in children:
                    self._deliver(child, name, value)
        if route.gathered:
            self._gather(block, name, value)
        if route.is_output:
            self.values[name] = value

    def _release(self, block: _Block, place: int) -> None:
        inputs = block.waiting.pop(place).inputs
        group = None if block.parent is None else str(block.place)
        spec = self.plan.specs[place]
        task = TaskImplementation(spec, self.context, block.spawned_by, group, inputs)
        self._ready.append(Ready(task, block))

    def _gather(self, block: _Block, name: str, value: Any) -> None:
        assert block.parent is not None  # nothing outside of a fan-out is gathered
        key = (block.scope[-1], name)
        gathering = block.parent.gathering[key]
        gathering.values[block.place] = value
        gathering.missing -= 1
        if not gathering.missing:
            del block.parent.gathering[key]
            self._deliver(block.parent, name, gathered(gathering.values))

    def _expand(self, done: Ready, fan_out: str, elements: Iterable[Any]) -> None:
        """Make a block for each element of a fan-out."""
        elements = list(elements)
        parent, scope = done.block, (*done.block.scope, fan_out)
        if self.context.hooks is not None:
            self.context.hooks.post_task_expand(
                run_id=self.context.run_id,
                task_id=done.task.task_id,
                parameters={str(place): element for place, element in enumerate(elements)},
            )
        for name in self._gathered.get(scope, ()):
            parent.gathering[fan_out, name] = _Gathering(len(elements), [None] * len(elements))
        children = [self._child(done, scope, place) for place in range(len(elements))]
        parent.children[fan_out] = children
        later = parent.later.pop(fan_out, [])
        for child, element in zip(children, elements, strict=True):
            self._deliver(child, fan_out, element)
            for name, value in later:
                self._deliver(child, name, value)
        if not elements:
            for name in self._gathered.get(scope, ()):
                self._deliver(parent, name, parent.gathering.pop((fan_out, name)).values)

    def _child(self, done: Ready, scope: Scope, place: int) -> _Block:
        child = self._block(scope)
        child.parent, child.place, child.spawned_by = done.block, place, done.task.task_id
        return child


@dataclass(slots=True)
class _Block:
    """What is waiting in one element of a fan-out, or outside of all fan-outs.

    Attributes:
        scope: The fan-outs around it, outermost first.
        routes: Where values go that are at hand here.
        waiting: The tasks that have not all their inputs, by their places in the plan.
        parent: Where the innermost fan-out began; None outside of all.
        place: Which element of it this is.
        spawned_by: The task that made the element.
        children: The blocks of each fan-out that began here.
        later: For each fan-out that is to begin here, the values that will be read in it.
        gathering: The values gathered so far, by fan-out and name.
    """

    scope: Scope
    routes: Mapping[str, Route]
    waiting: dict[int, _Waiting]
    parent: _Block | None = None
    place: int = 0
    spawned_by: str | None = None
    children: dict[str, list[_Block]] = field(default_factory=dict)
    later: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    gathering: dict[tuple[str, str], _Gathering] = field(default_factory=dict)


@dataclass(slots=True)
class _Waiting:
    """The inputs that a task has so far, and how many are missing."""

    missing: int
    inputs: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Gathering:
    """The values of a node for all elements of a fan-out, and how many are missing."""

    missing: int
    values: list[Any]
