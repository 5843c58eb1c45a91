"""The name of the rules by which fingerprints of tables are made, for those who make none themselves."""

from __future__ import annotations

from typing import Final

__all__ = ["SCHEME"]

SCHEME: Final = "headwater-content-1"
"""A change to the rules must change the name, so that fingerprints never mix."""
