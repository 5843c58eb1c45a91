"""What git says when it fails, and what to do about it."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["reason_of"]

_LONGEST: Final = 2000  # characters of what git or the other side says

_ADVICE: Final = (
    (
        "dubious ownership",
        "It belongs to another user, and git does not read such folders. "
        "Run Headwater as its owner, or follow it through ssh or https.",
    ),
    (
        r"promisor remote|lazy fetching disabled",
        "It is a partial clone, which lacks contents. Follow what it was cloned from, or clone it whole.",
    ),
    (
        "not our ref",
        "It has branches or tags that mean nothing. Find them there with: git fsck. Then delete them.",
    ),
)


def reason_of(said: str) -> str:
    """Return why git failed, from what it wrote on its standard error stream, and what to do where known."""
    for pattern, advice in _ADVICE:
        if re.search(pattern, said):
            return advice
    said = said.strip()
    return said if len(said) <= _LONGEST else f"…{said[-_LONGEST:]}"
