"""Telling beside the work: a thread of a worker that looks every few seconds whom to tell."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from headwater_catalog.subscriptions.delivering import deliver_due
from headwater_catalog.subscriptions.telling import forget_old, tell_changes

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["Teller", "tell_once"]

logger = logging.getLogger("headwater.subscriptions")

_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 10.0
_FORGETTING_SECONDS: Final = 3600.0
_LAST_SECONDS: Final = 20.0  # that a worker waits at its end for what is being sent


def tell_once(database: Database, settings: Settings, stopping: Callable[[], bool] = lambda: False) -> None:
    """Tell all that is due, and try each delivery once; `stopping` ends it in between."""
    tell_changes(database, settings, int(time.time()))
    deliver_due(database, settings, stopping=stopping)


class Teller:
    """Tells in a thread of its own, so that neither waits for the other: jobs, and servers that are slow.

    Args:
        database: The catalog.
        settings: How mails and webhooks are sent.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._ended = threading.Event()
        self._forgot = -_FORGETTING_SECONDS
        self._thread = threading.Thread(target=self._tell, name="subscriptions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let it end, and wait for what is being sent, for some seconds."""
        self._ended.set()
        self._thread.join(_LAST_SECONDS)

    def _tell(self) -> None:
        wait = 0.0
        while not self._ended.wait(wait):
            wait = _SECONDS
            try:
                tell_once(self._database, self._settings, self._ended.is_set)
                if time.monotonic() > self._forgot + _FORGETTING_SECONDS:
                    self._forgot = time.monotonic()
                    forget_old(self._database, int(time.time()))
            except DBAPIError:
                logger.warning("The database does not answer; nobody is told for now.", exc_info=True)
                wait = _RETRY_SECONDS
            except Exception:
                logger.exception("Telling met a fault of Headwater.")
                wait = _RETRY_SECONDS
