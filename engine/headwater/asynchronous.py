"""A plan in an event loop: plain functions called one after the other, coroutines side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from inspect import iscoroutine
from types import CoroutineType
from typing import Any, NamedTuple

from headwater.errors import CheckFailed
from headwater.plan import Around, Plan

__all__ = ["execute_plan"]


async def execute_plan(plan: Plan, given: Mapping[str, Any], around: Around | None = None) -> dict[str, Any]:
    """Compute the outputs of a plan; a value that can be awaited is awaited before anything reads it.

    Whatever waits for nothing runs at once, in the order of the plan and without a task of its own. When
    something fails, or the caller is cancelled, what is still running is cancelled and waited for.

    Args:
        plan: The plan.
        given: Values from outside; names that the plan does not need are passed over.
        around: Called to compute each node, in place of its call; what it returns is awaited, if it can be.

    Raises:
        NodeFailed: A feature function raised; the exception is the cause.
        CheckFailed: A check of importance "fail" did not hold.
    """
    execution = _Execution(plan, given, around)
    try:
        return await execution.run()
    finally:
        await execution.abandon()


class _Begun(NamedTuple):
    """A node whose value is awaited, and what it was computed from."""

    slot: int
    value: Awaitable[Any]
    received: list[Any]


class _Execution:
    """One execution of a plan in an event loop."""

    def __init__(self, plan: Plan, given: Mapping[str, Any], around: Around | None) -> None:
        self.plan = plan
        self.around = around
        self.values: list[Any] = plan.wiring.blank.copy()
        for name, slot in plan.given:
            self.values[slot] = given[name]
        self._unread = _counted(plan)
        # Slots without a value: it is awaited, or that of a node before it is.
        self._open: set[int] = set()
        self._missing: dict[int, int] = {}
        self._readers: dict[int, list[int]] = {}
        self._begun: list[_Begun] = []
        self._tasks: dict[asyncio.Task[None], Awaitable[Any]] = {}
        self._running = 0
        self._failure: BaseException | None = None
        self._wake: asyncio.Future[None] | None = None
        self._plain: set[type] = set()

    async def run(self) -> dict[str, Any]:
        reads, unready = self.plan.reads, self._open
        for slot in self.plan.order:
            if unready and not unready.isdisjoint(reads[slot]):
                self._hold(slot)
            else:
                self._compute(slot)
        while len(self._begun) == 1:
            await self._await(self._begun.pop())
        if self._begun:
            await self._await_side_by_side()
        plan = self.plan
        return dict(zip(plan.outputs, map(self.values.__getitem__, plan.slots), strict=True))

    def _hold(self, slot: int) -> None:
        """Leave a node until the values that it reads are there."""
        unready, readers = self._open, self._readers
        awaited = [read for read in self.plan.reads[slot] if read in unready]
        self._missing[slot] = len(awaited)
        for read in awaited:
            if read in readers:
                readers[read].append(slot)
            else:
                readers[read] = [slot]
        unready.add(slot)

    def _compute(self, slot: int) -> None:
        """Call a node's function, and keep its value or note that it is awaited."""
        plan, values, unread = self.plan, self.values, self._unread
        read = plan.reads[slot]
        received = [values[source] for source in read]
        call = plan.wiring.calls[slot]
        assert call is not None  # only nodes of live code are planned
        try:
            if self.around is None:
                value = call(*received)
            else:
                value = self.around(plan.wiring.nodes[slot], call, received)
        except CheckFailed:
            raise
        except Exception as error:
            raise plan.failure(slot, received, error) from error
        for source in read:
            unread[source] -= 1
            if not unread[source]:
                values[source] = None
        kind = type(value)
        if kind is CoroutineType or (kind not in self._plain and self._is_awaitable(kind)):
            self._open.add(slot)
            self._begun.append(_Begun(slot, value, received))
        else:
            values[slot] = value

    def _is_awaitable(self, kind: type) -> bool:
        # The class is asked, not the value: tables look for a column of that name.
        if hasattr(kind, "__await__"):
            return True
        self._plain.add(kind)
        return False

    async def _await(self, begun: _Begun) -> None:
        """Await a value, and compute what waited for it."""
        value = begun.value
        try:
            # A future that a function hands out may belong to others, too: it is not cancelled with us.
            shared = value.__class__ is not CoroutineType and asyncio.isfuture(value)
            result = await (asyncio.shield(value) if shared else value)
        except CheckFailed:
            raise
        except Exception as error:
            raise self.plan.failure(begun.slot, begun.received, error) from error
        self._arrive(begun.slot, result)

    async def _await_side_by_side(self) -> None:
        """Give every awaited value a task, and wait until the last one has ended or one has failed."""
        self._wake = asyncio.get_running_loop().create_future()
        self._spread()
        await self._wake
        if self._failure is not None:
            raise self._failure

    def _spread(self) -> None:
        for begun in self._begun:
            self._tasks[asyncio.create_task(self._carry(begun))] = begun.value
        self._running += len(self._begun)
        self._begun.clear()

    async def _carry(self, begun: _Begun) -> None:
        """Await a value, and go on with one of those that it made ready: tasks are as many as run at once."""
        try:
            await self._await(begun)
            while self._begun:
                begun = self._begun.pop()
                self._spread()
                await self._await(begun)
        except (Exception, asyncio.CancelledError) as error:
            self._failure = self._failure or error
            self._end()
        self._running -= 1
        if not self._running:
            self._end()

    def _end(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _arrive(self, slot: int, value: Any) -> None:
        """Keep an awaited value, and compute what waited for it alone, and so on."""
        missing, unready = self._missing, self._open
        self.values[slot] = value
        unready.discard(slot)
        ready = [slot]
        while ready:
            for reader in self._readers.pop(ready.pop(), ()):
                missing[reader] -= 1
                if not missing[reader]:
                    unready.discard(reader)
                    self._compute(reader)
                    if reader not in unready:
                        ready.append(reader)

    async def abandon(self) -> None:
        """Stop what is still running, and wait until it has stopped; after a success there is nothing."""
        for begun in self._begun:
            if iscoroutine(begun.value):
                begun.value.close()
        self._begun.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
        for task, value in self._tasks.items():
            # A task that is cancelled before its first step has not looked at what it carries.
            if task.cancelled() and iscoroutine(value):
                value.close()


def _counted(plan: Plan) -> list[int]:
    """Return how often each slot will be read; an output is read once more, at the end."""
    unread = [0] * len(plan.wiring.blank)
    for slot in plan.order:
        for source in plan.reads[slot]:
            unread[source] += 1
    for slot in plan.slots:
        unread[slot] += 1
    return unread
