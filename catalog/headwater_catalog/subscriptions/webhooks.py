"""Webhooks: signed requests to an address that somebody chose, which lead nowhere else.

The signature is HMAC-SHA256 over the time and the body: `v1=` and the hexadecimal digest of
`<timestamp>.<body>`, in the header Headwater-Signature.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import secrets
import socket
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from importlib.metadata import version
from typing import Final

from headwater_catalog.errors import Conflict
from headwater_catalog.subscriptions.public_addresses import NotPublic, connection_to, read_target
from headwater_catalog.subscriptions.undelivered import Ended, NotDelivered

__all__ = ["host_of", "new_secret", "send_webhook", "signature"]

_SILENCE_SECONDS: Final = 10.0  # that the other side may be silent
_MOST_SECONDS: Final = 20.0  # that it may take in all, however little it says at a time
_SLOW: Final = "it takes too long"
_MOST_READ: Final = 65_536  # bytes of its answer, of which nothing is needed


def new_secret() -> str:
    """Return a secret to sign with."""
    return "hws_" + secrets.token_hex(24)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return what proves that a body was sent at a time by somebody who knows the secret."""
    told = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"v1={told}"


def send_webhook(
    target: str, secret: str, key: str, body: bytes, now: int, allowed: Sequence[str] = ()
) -> str:
    """Send a body to an address, and return in short what the other side said.

    Args:
        target: The address.
        secret: By which it is signed.
        key: Names what is sent, the same however often that is.
        body: JSON.
        now: The present instant.
        allowed: Hosts and networks that may be reached although they are private.

    Raises:
        NotDelivered: It was not taken.
        Ended: It will never be.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Headwater/{version('headwater')}",
        "Headwater-Delivery": key,
        "Headwater-Timestamp": str(now),
        "Headwater-Signature": signature(secret, now, body),
        "Connection": "close",
    }
    with _Clock() as clock:
        try:
            parts = read_target(target, allowed)
            connection = connection_to(parts, _SILENCE_SECONDS, allowed, clock.hold)
        except (Conflict, NotPublic) as refused:
            raise Ended(str(refused)) from None
        except (OSError, UnicodeError) as error:
            raise NotDelivered(f"No connection to '{host_of(target)}': {_reason(error)}.") from error
        with closing(connection):
            try:
                path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
                connection.request("POST", path, body, headers)
                with connection.getresponse() as answer:
                    status = answer.status
                    answer.read(_MOST_READ)
            except (OSError, http.client.HTTPException) as error:
                reason = _SLOW if clock.is_over else _reason(error)
                raise NotDelivered(f"'{host_of(target)}' did not answer as it should: {reason}.") from error
        if clock.is_over:  # what was cut off looks whole where its length is not told
            raise NotDelivered(f"'{host_of(target)}' did not answer as it should: {_SLOW}.")
    return _judged(status)


def host_of(target: str) -> str:
    """Return the host of an address, which alone is told: what is behind it may be a secret."""
    return target.partition("://")[2].partition("/")[0].partition("?")[0][:200]


class _Clock:
    """Ends a connection after a while: each wait has its limit, and who answers a byte at a time has this."""

    def __init__(self) -> None:
        self.is_over = False
        self._timer: threading.Timer | None = None

    def hold(self, stream: socket.socket) -> None:
        """Begin to count."""
        self._timer = threading.Timer(_MOST_SECONDS, self._shut, (stream,))
        self._timer.daemon = True
        self._timer.start()

    def _shut(self, stream: socket.socket) -> None:
        self.is_over = True
        with suppress(OSError):
            # Below TLS, which would wait for the other side to say good-bye.
            socket.socket.shutdown(stream, socket.SHUT_RDWR)

    def __enter__(self) -> _Clock:
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _judged(status: int) -> str:
    if 200 <= status < 300:
        return f"answered {status}"
    if status == http.HTTPStatus.GONE:
        raise Ended("It answered 410: nobody wants this there any more.")
    if 300 <= status < 400:
        raise NotDelivered(f"It answered {status}, which leads elsewhere: a webhook goes nowhere else.")
    raise NotDelivered(f"It answered {status}.")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return _SLOW
    if isinstance(error, socket.gaierror):
        return "nothing has this name"
    told = getattr(error, "strerror", None)
    return f"{type(error).__name__}{f' ({told})' if told else ''}"
