"""What looks classified, patches and branches that say it, and what values look like, as plain data."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_catalog.governance.suggestions import Suggestion
    from headwater_catalog.governance.tag_patch import TagPatch
    from headwater_catalog.pushed_branches import PushedBranch

__all__ = ["branch_json", "looks_json", "patch_json", "suggestion_json"]


def suggestion_json(suggestion: Suggestion) -> dict[str, Any]:
    """Return a suggestion as JSON has it."""
    return asdict(suggestion)


def patch_json(at: str, patch: TagPatch) -> dict[str, Any]:
    """Return a patch as JSON has it; files may be of any encoding, so that the patch is Base64.

    Args:
        at: Full name of the commit that it is for.
        patch: The patch.
    """
    content = base64.b64encode(patch.diff).decode("ascii")
    return {"at": at, "patch": content, "added": list(patch.added), "left_out": dict(patch.left_out)}


def branch_json(branch: PushedBranch) -> dict[str, Any]:
    """Return a branch that was pushed as JSON has it."""
    return {
        "branch": branch.name,
        "commit": branch.sha,
        "on": branch.on,
        "added": list(branch.added),
        "left_out": dict(branch.left_out),
    }


def looks_json(looks: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Return what values look like as JSON has it; None where nobody has looked at them."""
    return None if looks is None else [dict(each) for each in looks]
