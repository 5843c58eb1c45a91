"""Coverage, documentation that is older than logic, and where logic came from, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json

if TYPE_CHECKING:
    from headwater_catalog.commit_refs import CommitRef
    from headwater_catalog.upkeep.coverage import Covered
    from headwater_catalog.upkeep.origins import Drift, Origin

__all__ = ["covered_json", "drift_json", "origin_json", "point_json", "section_json"]


def covered_json(covered: Covered) -> dict[str, Any]:
    """Return how many features have what as JSON has it."""
    return covered._asdict()


def section_json(name: str, covered: Covered) -> dict[str, Any]:
    """Return the coverage of a section of a repository as JSON has it."""
    return {"name": name, **covered_json(covered)}


def point_json(commit: CommitRef, covered: Covered) -> dict[str, Any]:
    """Return the coverage from a commit on as JSON has it."""
    return {"commit": commit_json(commit), **covered_json(covered)}


def drift_json(repository: str, drift: Drift) -> dict[str, Any]:
    """Return a feature whose documentation is older than its logic as JSON has it."""
    return {
        "repository": repository,
        "key": drift.key,
        "variant": drift.variant,
        "documented": commit_json(drift.documented),
        "since": commit_json(drift.since),
        "latest": commit_json(drift.latest),
        "changes": len(drift.changes),
    }


def origin_json(repository: str, origin: Origin) -> dict[str, Any]:
    """Return where the logic of a feature came from as JSON has it."""
    return {
        "repository": repository,
        "key": origin.key,
        "variant": origin.variant,
        "commit": commit_json(origin.commit),
        "merge": commit_json(origin.merge),
        "is_signed": origin.is_signed,
        "reviewers": None if origin.reviewers is None else list(origin.reviewers),
        "lacks": list(origin.lacks),
    }
