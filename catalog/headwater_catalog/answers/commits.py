"""Commits as plain data, and what they did to features."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_catalog.commit_refs import CommitRef
    from headwater_catalog.history import HistoryEntry
    from headwater_catalog.store.models import Commit

__all__ = [
    "change_counts",
    "commit_json",
    "entry_json",
    "instant_json",
    "perhaps_instant_json",
    "stored_commit_json",
]

_CLASSES = ("added", "removed", "moved", "logic", "signature", "tags", "docs", "formatting")


def instant_json(instant: int) -> str:
    """Return an instant as JSON has it."""
    return datetime.fromtimestamp(instant, UTC).isoformat()


def perhaps_instant_json(instant: int | None) -> str | None:
    """Return an instant as JSON has it; None stays None."""
    return None if instant is None else instant_json(instant)


def commit_json(commit: CommitRef | None) -> dict[str, Any] | None:
    """Return a commit as JSON has it; None stays None."""
    if commit is None:
        return None
    return {
        "sha": commit.sha,
        "author": commit.author,
        "authored_at": instant_json(commit.authored_at),
        "subject": commit.subject,
        "position": commit.position,
    }


def stored_commit_json(commit: Commit, base: CommitRef | None) -> dict[str, Any]:
    """Return all that a commit says of itself.

    Args:
        commit: The commit.
        base: Beside the main line, the last commit there that it builds on.
    """
    return {
        "sha": commit.sha,
        "author": commit.author_name,
        "authored_at": instant_json(commit.authored_at),
        "subject": commit.subject,
        "position": commit.position,
        "committed_at": instant_json(commit.committed_at),
        "body": commit.body,
        "parents": list(commit.parents),
        "is_signed": commit.is_signed,
        "base": commit_json(base),
    }


def entry_json(entry: HistoryEntry, with_diff: bool = False) -> dict[str, Any]:
    """Return what one commit did to one variant of a feature."""
    found: dict[str, Any] = {
        "commit": commit_json(entry.commit),
        "introduced": commit_json(entry.introduced),
        "key": entry.key,
        "variant": entry.variant,
        "change": str(entry.change),
        "classes": list(entry.classes),
        "origin": entry.origin,
    }
    return {**found, "diff": list(entry.diff())} if with_diff else found


def change_counts(entries: Iterable[HistoryEntry]) -> dict[str, int]:
    """Return how many features changed in each class that there is among some entries."""
    keys: dict[str, set[str]] = {}
    for entry in entries:
        for name in (str(entry.change), *entry.classes):
            keys.setdefault(name, set()).add(entry.key)
    return {name: len(keys[name]) for name in _CLASSES if name in keys}
