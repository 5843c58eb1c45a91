"""Hands OpenLineage events on, to a file or an HTTP endpoint: beside the work, and never in its way."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from headwater.redirects import NoRedirects

__all__ = ["LineageEvents"]

logger = logging.getLogger("headwater.openlineage")

_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.5
_TIMEOUT: Final = 5
_MOST_WAITING: Final = 1000
_LAST_SECONDS: Final = 20  # that a worker waits at its end for what is not sent yet


class LineageEvents:
    """Sends events one after the other in a thread of its own.

    What cannot be sent is tried three times and then dropped, with a line in the log: no run fails by it.

    Args:
        target: A file, to which JSON lines are added, or the http or https address that takes events.
        key: Sent as a bearer token, where the endpoint wants one.
    """

    def __init__(self, target: str, key: str = "") -> None:
        self._target = target
        self._key = key
        self._opener = build_opener(NoRedirects)
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._send_all, name="openlineage", daemon=True)
        self._thread.start()

    def send(self, event: Mapping[str, Any]) -> None:
        """Let an event be sent soon."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            logger.warning("An OpenLineage event is dropped: %s wait already.", _MOST_WAITING)

    def close(self) -> None:
        """Wait for what is not sent yet, for some seconds."""
        try:
            self._waiting.put(None, timeout=_LAST_SECONDS)
        except queue.Full:
            return
        self._thread.join(_LAST_SECONDS)

    def _send_all(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._send(json.dumps(event, allow_nan=False).encode())
            except Exception as error:
                logger.warning("An OpenLineage event could not be sent: %s", error)

    def _send(self, body: bytes) -> None:
        if urlsplit(self._target).scheme not in ("http", "https"):
            _add_line(Path(self._target), body)
            return
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE_SECONDS * 2**attempt)
            try:
                self._post(body)
            except HTTPError as refused:
                refused.close()
                if refused.code < 500 or attempt == _TRIES - 1:
                    raise
            except OSError:
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(self._target, body, headers)  # noqa: S310  http or https, as was looked at
        with self._opener.open(request, timeout=_TIMEOUT):
            pass


def _add_line(path: Path, body: bytes) -> None:
    """Add a line as a whole: workers that share a file do not mix theirs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        os.write(file, body + b"\n")
    finally:
        os.close(file)
