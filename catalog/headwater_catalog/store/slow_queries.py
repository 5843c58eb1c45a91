"""The slowest queries that this process has made lately."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, event

__all__ = ["SLOW_SECONDS", "SlowQueries", "SlowQuery"]

SLOW_SECONDS: Final = 0.25
"""How long a query takes at least that is kept; most take a hundredth of it."""
_KEPT: Final = 100
_BEGAN: Final = "headwater_began"


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """A query that took long: its text without values, which may be secret, and when and how long it ran."""

    statement: str
    seconds: float
    at: int


class SlowQueries:
    """Remembers queries of an engine that took long, the latest hundred."""

    def __init__(self, engine: Engine) -> None:
        self._found: deque[SlowQuery] = deque(maxlen=_KEPT)
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)

    def slowest(self, limit: int = 10) -> list[SlowQuery]:
        """Return the slowest of them, the slowest first."""
        return sorted(self._found, key=lambda query: -query.seconds)[:limit]

    def _begin(
        self, _connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _m: Any
    ) -> None:
        setattr(context, _BEGAN, time.perf_counter())

    def _end(
        self, _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _m: Any
    ) -> None:
        seconds = time.perf_counter() - getattr(context, _BEGAN)
        if seconds >= SLOW_SECONDS:
            self._found.append(SlowQuery(statement, seconds, int(time.time())))
