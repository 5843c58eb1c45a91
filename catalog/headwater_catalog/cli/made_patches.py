"""Patches of accepted suggestions, wherever they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater_catalog.governance.tag_patch import TagPatch

__all__ = ["MadePatch"]


@dataclass(frozen=True, slots=True)
class MadePatch:
    """A patch for people: what git takes, what it tags, and why it lacks others."""

    diff: bytes
    added: Sequence[str]
    left_out: Mapping[str, str]

    @classmethod
    def of(cls, patch: TagPatch) -> MadePatch:
        """Return what people get of a patch."""
        return cls(patch.diff, patch.added, patch.left_out)
