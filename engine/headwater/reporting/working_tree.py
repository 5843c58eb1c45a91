"""The git commit that a script runs at, and what its working tree has beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

__all__ = ["working_tree"]

_SECONDS: Final = 20
_LONGEST: Final = 300_000  # characters of a patch that are sent


def working_tree(folder: Path) -> dict[str, Any]:
    """Return the commit and branch of a checkout, the patch of its changes, and names of unknown files.

    Args:
        folder: A folder inside of it.

    Returns:
        Empty where there is no git, no checkout, or no commit yet.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    top = _git(folder, "rev-parse", "--show-toplevel")
    if commit is None or top is None:
        return {}
    root = Path(top.strip())
    # Settings of the repository could run programs, or colour what is to be read.
    patch = _git(root, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "HEAD") or ""
    unknown = _git(root, "ls-files", "--others", "--exclude-standard") or ""
    branch = (_git(folder, "rev-parse", "--abbrev-ref", "HEAD") or "").strip()
    return {
        "commit": commit.strip(),
        "branch": None if branch == "HEAD" else branch,
        "patch": patch[:_LONGEST],
        "is_patch_whole": len(patch) <= _LONGEST,
        "unknown_files": unknown.splitlines()[:200],
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
