"""What `headwater backfill` is asked, here and of a catalog that is served elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BackfillAsked"]


@dataclass(frozen=True, slots=True)
class BackfillAsked:
    """Partitions of a dataflow.

    Attributes:
        repo: The repository; None: the only one there is.
        dataflow: The dataflow.
        since: The first day of the first partition; None: from the beginning.
        until: The first day of the last partition; None: up to the last that is over.
        env: The environment whose sources and sinks count; None: the usual one.
        executor: What computes the nodes of each run.
        sinks: Sinks that each table goes to besides.
    """

    repo: str | None
    dataflow: str
    since: str | None
    until: str | None
    env: str | None
    executor: str
    sinks: tuple[str, ...]
