"""What commits need that Headwater makes itself: a folder for what is not taken yet, and an author."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from headwater_catalog.removal import remove_folder
from headwater_catalog.storable import clean

__all__ = ["authorship", "draft_folder"]

_DRAFT: Final = "headwater-draft-"
_OLD_SECONDS: Final = 86_400
_NO_ADDRESS: Final = "none"


@contextmanager
def draft_folder(mirror: Path) -> Iterator[Path]:
    """Give a folder in a mirror for an index and for contents that are nobody's until they are taken."""
    for left in mirror.glob(f"{_DRAFT}*"):
        if left.stat().st_mtime < time.time() - _OLD_SECONDS:  # of a process that was killed
            remove_folder(left)
    place = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=mirror))
    try:
        yield place
    finally:
        remove_folder(place)


def authorship(who: str) -> dict[str, str]:
    """Return the variables by which git takes somebody for the author of a commit."""
    name = "".join(c for c in clean(who) if c.isprintable() and c not in "<>").strip() or "somebody"
    address = name if "@" in name and " " not in name else _NO_ADDRESS
    told = {"NAME": name, "EMAIL": address}
    return {f"GIT_{part}_{what}": text for part in ("AUTHOR", "COMMITTER") for what, text in told.items()}
