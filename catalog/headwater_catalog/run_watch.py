"""What a worker does while the process of a run works: it passes progress on, and says when to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import OperationalError

from headwater_catalog import jobs
from headwater_catalog.jobs import LeasedJob
from headwater_catalog.reports import read_progress

if TYPE_CHECKING:
    from headwater_catalog.store.database import Database

__all__ = ["Watch"]

logger = logging.getLogger("headwater.runs")

_PROGRESS_SECONDS: Final = 1.0
_PATIENCE: Final = 0.1  # seconds


class Watch:
    """Passes progress on to the job while the runner works, and says when it must stop."""

    def __init__(
        self,
        database: Database,
        leased: LeasedJob,
        path: Path,
        stopping: Callable[[], str | None],
        tell: Callable[[Mapping[str, Any]], None] | None,
    ) -> None:
        self.database = database
        self.leased = leased
        self.path = path
        self.stopping = stopping
        self.tell = tell
        self.told: dict[str, Any] | None = None
        self.next = 0.0

    def __call__(self) -> str | None:
        """Return why the run must stop, or None."""
        if reason := self.stopping():
            return reason
        if time.monotonic() < self.next:
            return None
        self.next = time.monotonic() + _PROGRESS_SECONDS
        progress = read_progress(self.path)
        if progress is None or progress == self.told:
            return None
        try:
            # Whoever waits here does not see to it that the run keeps within its limits.
            with self.database.write(patience=_PATIENCE) as session:
                jobs.report(session, self.leased, progress)
        except jobs.LeaseLost as lost:
            return str(lost)
        except OperationalError:  # progress is worth less than the run, and is told again
            logger.info("The progress of job %s could not be written yet.", self.leased.id)
        else:
            self.told = progress
        if self.tell is not None:
            self.tell(progress)
        return None
