"""Commits as others mention them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater_catalog.store.models import Commit

__all__ = ["CommitRef"]


@dataclass(frozen=True, slots=True)
class CommitRef:
    """What a page says of a commit in passing."""

    sha: str
    author: str
    authored_at: int
    subject: str
    position: int | None

    @classmethod
    def of(cls, commit: Commit) -> CommitRef:
        """Return the reference to a stored commit."""
        return cls(commit.sha, commit.author_name, commit.authored_at, commit.subject, commit.position)
