"""The answers of the REST API about governance, as it gives them."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["PushedBranch", "Review", "Suggestion", "TagPatch"]


class Suggestion(TypedDict):
    """What looks classified, and says nothing of it."""

    key: str
    classification: str
    value: str
    reasons: list[str]
    path: str
    line: int
    owners: list[str]
    reaches: int


class TagPatch(TypedDict):
    """A patch that adds tags, in Base64, and why it lacks some."""

    at: str
    patch: str
    added: list[str]
    left_out: dict[str, str]


class PushedBranch(TypedDict):
    """A branch of such a patch that was pushed."""

    branch: str
    commit: str
    on: str
    added: list[str]
    left_out: dict[str, str]


class Review(TypedDict):
    """What a reviewer of a change must know."""

    repository: str
    before: str | None
    after: str
    day: str
    features: int
    policies: int
    problems: int
    findings: list[dict[str, Any]]
    known: list[dict[str, Any]]
    cleared: list[dict[str, Any]]
    excepted: list[dict[str, Any]]
    unknown: list[dict[str, Any]]
    taint: list[dict[str, Any]]
    counts: dict[str, int]
    changed: list[dict[str, Any]]
    dataflows: list[dict[str, Any]]
    reached: list[dict[str, Any]]
    modules: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    datasets: list[dict[str, Any]] | None
    owners: list[dict[str, Any]]
    rules: list[dict[str, Any]]
