"""Statistics of what the nodes of a run made, in the process that executes features."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater.node import Node

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
        self._spent = 0.0  # since the record was taken last

    def begin(self, node: Node, arguments: Sequence[Any]) -> None:
        """Do nothing: what a node is given was described where it was made."""

    def end(self, node: Node, value: Any) -> None:
        """Note the statistics of the value of a node."""
        self.describe(node.name, value)

    def take_record(self) -> tuple[dict[str, dict[str, Any]], float]:
        """Return what was found in the process of a task, and the seconds it took; begin anew."""
        taken = self.found, self._spent
        self.found, self._spent = {}, 0.0
        return taken

    def give_record(self, record: tuple[dict[str, dict[str, Any]], float]) -> None:
        """Add what was found in the process of a task, as far as there is room for all processes."""
        found, spent = record
        self._seconds -= spent
        for name, told in found.items():
            if name not in self.found:
                self.found[name] = self._fitting(told)

    def describe(self, name: str, value: Any) -> None:
        """Note the statistics of the value of a node."""
        if name in self.found:
            return
        if self._seconds <= 0 or self._columns <= 0:
            self.found[name] = _no_room()
            return
        # Imported late, so that feature code meets the packages it asks for as they are.
        from headwater.profiles import profile

        begun = time.monotonic()
        told = profile(value).as_dict()
        spent = time.monotonic() - begun
        self._seconds -= spent
        self._spent += spent
        shown = told["columns"][:_MOST_OF_ONE]
        described = {
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
        self.found[name] = self._fitting(described)

    def _fitting(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return what is known of a node with no more columns than there is room for."""
        columns = told["columns"]
        if columns and self._columns <= 0:
            return _no_room()
        shown = columns[: self._columns]
        self._columns -= len(shown)
        left_out = told["columns_left_out"] + len(columns) - len(shown)
        return {**told, "columns": shown, "columns_left_out": left_out}

    def note_missing(self, names: Iterable[str]) -> None:
        """Note that nodes were computed whose values were not seen here."""
        for name in names:
            self.found.setdefault(name, _nothing("It was computed in another process."))


def _no_room() -> dict[str, Any]:
    return _nothing(
        f"The profiles of a run take {_MOST_SECONDS:g} seconds and have {_MOST_COLUMNS:,} columns at "
        "most, and those of other nodes took them."
    )


def _nothing(reason: str) -> dict[str, Any]:
    return {
        "reason": reason,
        **dict.fromkeys(("rows", "bytes", "sample")),
        "columns": [],
        "columns_left_out": 0,
    }
