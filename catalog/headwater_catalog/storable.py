"""Texts and rows as both databases hold them. It imports nothing that reads code: most commands need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater_catalog.git_log import CommitInfo

__all__ = ["LONGEST_NAME", "clean", "commit_row"]

LONGEST_NAME: Final = 250
"""Characters of a name that the store's indexes hold on both databases."""


def clean(text: str) -> str:
    """Return a text that both databases can store: no NUL, and nothing that is not Unicode."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def commit_row(
    repository_id: int, position: int | None, commit: CommitInfo, *, is_signed: bool | None = None
) -> dict[str, Any]:
    """Return what is stored of a commit; beside the main line it has no position."""
    return {
        "repository_id": repository_id,
        "sha": commit.sha,
        "position": position,
        "parents": list(commit.parents),
        "author_name": clean(commit.author_name),
        "author_email": clean(commit.author_email),
        "authored_at": commit.authored_at,
        "committed_at": commit.committed_at,
        "subject": clean(commit.subject),
        "body": clean(commit.body),
        "is_signed": is_signed,
    }
