"""A cluster as the process of a run gets it, and what is told where it does not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater.errors import HeadwaterError

__all__ = ["SECONDS", "ClusterOfRun", "not_reached", "require_answer", "without_workers"]

SECONDS: Final = 20
"""How long a cluster may take to answer."""
_PAUSE: Final = 0.2  # seconds until it is asked again


@dataclass(frozen=True, slots=True)
class ClusterOfRun:
    """A cluster that computes a run. All of it is JSON.

    Attributes:
        name: What an administrator calls it.
        kind: What it is a cluster of.
        place: Its host and port.
        execution: By what it knows the run.
        java: The folder of Java, where that is needed.
        environment: What the process of the run has in its environment, secrets of the cluster among it.
    """

    name: str
    kind: str
    place: str
    execution: str
    java: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def discreet(self, text: str) -> str:
        """Return a text without the token by which a cluster of Ray knows who may use it."""
        token = self.environment.get("RAY_AUTH_TOKEN")
        return text.replace(token, "...") if token else text


def require_answer(cluster: ClusterOfRun) -> str:
    """Return the address of this machine from which it reaches a cluster, and so is reached.

    A cluster that is just starting refuses connections, or has no name yet: it is asked again.

    Raises:
        HeadwaterError: The cluster is not reached.
    """
    host, _, port = cluster.place.rpartition(":")
    deadline = time.monotonic() + SECONDS
    while True:
        left = max(deadline - time.monotonic(), _PAUSE)
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=left) as connection:
                return str(connection.getsockname()[0])
        except OSError as error:
            if time.monotonic() + _PAUSE > deadline:
                raise not_reached(cluster.name, error) from None
        time.sleep(_PAUSE)


def not_reached(name: str, error: Exception) -> HeadwaterError:
    """Return the error of a cluster that does not answer, without its address, which the cause may name."""
    return HeadwaterError(
        f"The cluster '{name}' was not reached within {SECONDS} seconds ({type(error).__name__}). Is it "
        "running, is the address in the setting HEADWATER_CLUSTERS right, and does the machine of the worker "
        "reach it?"
    )


def without_workers(name: str) -> HeadwaterError:
    """Return the error of a cluster on which nothing computes."""
    return HeadwaterError(f"The cluster '{name}' has no workers. Start some, and run again.")
