"""What a served catalog answers about partitions."""

from __future__ import annotations

from typing import TypedDict

__all__ = ["Backfill", "Partition", "RequestedPartition"]


class Partition(TypedDict):
    """A partition of a dataflow, and how its dataset stands."""

    day: str
    state: str
    run: int | None
    because: list[str]
    unknown: list[str]
    underway: int | None
    failed: int | None


class RequestedPartition(TypedDict):
    """A partition that is computed."""

    day: str
    run: int
    is_new: bool


class Backfill(TypedDict):
    """What a backfill has asked for."""

    requested: list[RequestedPartition]
    left: int
