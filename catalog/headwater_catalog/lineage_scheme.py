"""By what lineage hashes are made, apart from what makes them: to compare two names nobody need load that."""

from __future__ import annotations

from typing import Final

__all__ = ["MADE_BY", "READER_VERSION", "SCHEME"]

SCHEME: Final = "headwater-lineage-2"
"""Name of what the hashes are made of; a change to that must change the name, so that hashes never mix."""

READER_VERSION: Final = "11"
"""Changes when the same source is read differently; catalogs then read their history anew."""

MADE_BY: Final = f"{SCHEME} {READER_VERSION}"
"""What the hashes are made by: those that were made by something else must not be compared with them."""
