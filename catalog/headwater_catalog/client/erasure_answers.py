"""What the REST API answers about erasures."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["Erasure", "ErasureItem"]


class ErasureCount(TypedDict):
    """How many items of an erasure are alike."""

    kind: str
    standing: str
    state: str
    count: int


class Erasure(TypedDict):
    """That what was made from some columns is to be erased, and how far that is."""

    erasure: int
    repository: str
    columns: list[str]
    reference: str
    state: str
    day: str
    requested_by: str
    requested_at: str
    planned_at: str | None
    digest: str | None
    counts_as: dict[str, Any]
    not_looked_at: list[str]
    begun_by: str | None
    begun_at: str | None
    standings: list[str]
    erased_at: str | None
    closed_by: str | None
    closed_at: str | None
    job: int | None
    counts: list[ErasureCount]


class ErasureItem(TypedDict):
    """One thing that holds something made from the columns, and what became of it."""

    item: int
    repository: str
    kind: str
    name: str
    standing: str
    because: str
    columns: list[str]
    run: int | None
    commit: str | None
    place: str
    bytes: int | None
    state: str
    note: str
    settled_by: str | None
    settled_at: str | None
