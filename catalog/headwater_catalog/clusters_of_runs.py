"""A cluster as the process of a run gets it, and what is told where it does not answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headwater.errors import HeadwaterError

__all__ = ["SECONDS", "ClusterOfRun", "not_reached"]

SECONDS: Final = 20
"""How long a cluster may take to answer."""


@dataclass(frozen=True, slots=True)
class ClusterOfRun:
    """A cluster that computes a run. All of it is JSON.

    Attributes:
        name: What an administrator calls it.
        kind: What it is a cluster of.
        place: Its host and port.
        execution: By what it knows the run.
        java: The folder of Java, where that is needed.
    """

    name: str
    kind: str
    place: str
    execution: str
    java: str = ""


def not_reached(name: str, error: Exception) -> HeadwaterError:
    """Return the error of a cluster that does not answer, without its address, which the cause may name."""
    return HeadwaterError(
        f"The cluster '{name}' was not reached within {SECONDS} seconds ({type(error).__name__}). Is it "
        "running, is the address in the setting HEADWATER_CLUSTERS right, and does the machine of the worker "
        "reach it?"
    )
