"""The answers of the REST API about datasets and files of them."""

from __future__ import annotations

from typing import Any, TypedDict

from headwater_catalog.client.answers import Commit

__all__ = [
    "Audit",
    "ColumnNow",
    "Dataset",
    "Look",
    "Reproduction",
    "Standing",
    "Stretch",
    "Version",
    "VersionRow",
]


class VersionRow(TypedDict):
    """A dataset version in a list; `columns` is how many."""

    repository: str
    dataset: str
    run: int
    version: str | None
    commit: str
    format: str
    rows: int
    columns: Any
    fingerprint: str | None
    sha256: str
    created_at: str


class Dataset(VersionRow):
    """A dataset by its newest version, with its stale columns; None where nobody knows."""

    stale: list[str] | None


class Stretch(TypedDict):
    """A stretch of the main line of which some commits made a difference: those after one, up to another."""

    after: Commit
    until: Commit


class ColumnNow(TypedDict):
    """How a column of a dataset stands at main."""

    name: str
    state: str
    feature: str | None
    now: str | None
    classes: list[str]
    because: list[str]
    upstream: list[str]
    commits: list[Commit]
    stretches: list[Stretch]
    beside: bool


class Standing(TypedDict):
    """How the columns of a dataset version stand at main; `reason` says why that is not known."""

    commit: str | None
    reason: str
    columns: list[ColumnNow]


class Look(TypedDict):
    """What the values of a column look like, and the share of those looked at that do."""

    column: str
    kind: str
    share: float
    looked_at: int


class Version(VersionRow):
    """All of a dataset version; `columns` are its columns."""

    stamp: dict[str, Any] | None
    standing: Standing | None
    kept_inputs: dict[str, bool]
    looks: list[Look] | None


class Reproduction(TypedDict):
    """How a dataset version was made again; the verdict is empty while it is not known."""

    run: int
    state: str
    verdict: str
    reason: str
    tolerance: float
    details: dict[str, Any]


class Audit(TypedDict):
    """All that is known of a file."""

    file: str
    format: str
    origin: str
    store: str
    differences: list[str]
    damage: str
    kept_inputs: dict[str, bool]
    erased: dict[str, Any] | None
    version: VersionRow | None
    others: list[VersionRow]
    stamp: dict[str, Any] | None
    fingerprint: dict[str, Any] | None
    columns: list[dict[str, Any]] | None
    standing: Standing | None
    definitions: dict[str, list[dict[str, Any]]]
    verified: dict[str, Any] | None
