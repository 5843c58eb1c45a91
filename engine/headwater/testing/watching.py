"""Looking on while a test runs: which features it reaches."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import unwrap
from types import CodeType, FrameType
from typing import Any

from headwater.function import Function
from headwater.node import Node
from headwater.plan import Plan
from headwater.testing.reach import key_of

__all__ = ["Watch"]


class Watch:
    """Looks on and says which features were reached.

    Executions of any driver tell the nodes that they compute. A test may also call a function itself,
    without a driver; then all the features that it makes are reached.
    """

    def __init__(self, features: Mapping[str, Function]) -> None:
        """Watch for the features that `features_of` has found."""
        self._made: dict[CodeType, set[str]] = {}
        for feature, function in features.items():
            code = _code_of(function)
            if code is not None:
                self._made.setdefault(code, set()).add(feature)
        self._computed: set[str] = set()
        self._by_drivers: set[CodeType | None] = set()
        self._called: set[CodeType] = set()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Look on, in this thread and in those that are started meanwhile."""
        with _told_of_executions(self._executed), _told_of_calls(self._made, self._called.add):
            yield

    def take(self) -> set[str]:
        """Return the features reached since this was last asked."""
        found = set(self._computed)
        for code in self._called - self._by_drivers:
            found |= self._made[code]
        self._computed.clear()
        self._by_drivers.clear()
        self._called.clear()
        return found

    def _executed(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if node.function is not None:
                self._computed.add(key_of(node.function, node.feature))
                self._by_drivers.add(_code_of(node.function))


def _code_of(function: Function) -> CodeType | None:
    return None if function.callable is None else getattr(unwrap(function.callable), "__code__", None)


@contextmanager
def _told_of_executions(tell: Callable[[Sequence[Node]], None]) -> Iterator[None]:
    # Plans are where all drivers meet. They have no place to look on from, so that a run pays nothing.
    execute = Plan.execute

    def told(plan: Plan, *args: Any, **kwargs: Any) -> dict[str, Any]:
        tell(plan.nodes)
        return execute(plan, *args, **kwargs)

    setattr(Plan, "execute", told)  # noqa: B010 - mypy lets nobody replace a method otherwise
    try:
        yield
    finally:
        setattr(Plan, "execute", execute)  # noqa: B010


@contextmanager
def _told_of_calls(codes: Mapping[CodeType, object], tell: Callable[[CodeType], None]) -> Iterator[None]:
    def called(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code in codes:
            tell(frame.f_code)

    before, before_in_threads = sys.getprofile(), threading.getprofile()
    sys.setprofile(called)
    threading.setprofile(called)
    try:
        yield
    finally:
        sys.setprofile(before)
        threading.setprofile(before_in_threads)
