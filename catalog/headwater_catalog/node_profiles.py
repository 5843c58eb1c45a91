"""Statistics of what the nodes of a run made, in the process that executes features."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["NodeProfiles"]

_MOST_SECONDS: Final = 30.0  # that a run spends on it
_MOST_COLUMNS: Final = 1_000  # of all nodes of a run
_MOST_OF_ONE: Final = 30  # columns of one table


class NodeProfiles:
    """Describes values until its time or its room is used up, and says of the others why it does not.

    Attributes:
        found: What is known of each node, by its name; of a node that is computed several times the first.
    """

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self._seconds = _MOST_SECONDS
        self._columns = _MOST_COLUMNS

    def describe(self, name: str, value: Any) -> None:
        """Note the statistics of the value of a node."""
        if name in self.found:
            return
        if self._seconds <= 0 or self._columns <= 0:
            self.found[name] = _nothing(
                f"The profiles of a run take {_MOST_SECONDS:g} seconds and have {_MOST_COLUMNS:,} columns at "
                "most, and those of other nodes took them."
            )
            return
        # Imported late, so that feature code meets the packages it asks for as they are.
        from headwater.profiles import profile

        begun = time.monotonic()
        told = profile(value).as_dict()
        self._seconds -= time.monotonic() - begun
        shown = told["columns"][: min(_MOST_OF_ONE, self._columns)]
        self._columns -= len(shown)
        self.found[name] = {
            "reason": None,
            "rows": told["rows"],
            "bytes": told["bytes"],
            "sample": told["sample"],
            "columns": [
                {"name": each["name"], "type": each["dtype"], "bytes": each["bytes"], "stats": each}
                for each in shown
            ],
            "columns_left_out": len(told["columns"]) - len(shown) + told["columns_left_out"],
        }

    def note_missing(self, names: Iterable[str]) -> None:
        """Note that nodes were computed whose values were not seen here."""
        for name in names:
            self.found.setdefault(name, _nothing("It was computed in another process."))


def _nothing(reason: str) -> dict[str, Any]:
    return {
        "reason": reason,
        **dict.fromkeys(("rows", "bytes", "sample")),
        "columns": [],
        "columns_left_out": 0,
    }
