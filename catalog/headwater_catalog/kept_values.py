"""Values of earlier runs in place of computing, in the process that executes features."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.node import Role
from headwater_catalog.value_files import NotKept, read_value, write_value

if TYPE_CHECKING:
    from headwater.graph import Graph
    from headwater.node import Node
    from headwater_catalog.value_keys import ValueKeys

__all__ = ["KeptValues", "place_of"]


class KeptValues:
    """Takes values that are kept, and writes those that are new.

    Args:
        graph: The graph that is executed.
        keys: What its values follow from.
        known: Folder of the values that are kept.
        new: Folder for new ones, which who started this process then takes over.
        most: How many bytes new ones may have in all.

    Attributes:
        taken: The key of each value that was taken, by node.
        computed: How many nodes have to be computed, once values were taken.
        inputs: The names of the inputs that these need.
    """

    def __init__(self, graph: Graph, keys: ValueKeys, known: Path, new: Path, most: int) -> None:
        self.taken: dict[str, str] = {}
        self.computed = 0
        self.inputs: set[str] = set()
        self._graph = graph
        self._keys = keys
        self._known = known
        self._new = new
        self._left = most
        with contextlib.suppress(OSError):
            new.mkdir()

    def take(self, outputs: Iterable[str]) -> dict[str, Any]:
        """Return the values that stand in place of nodes; what only those need is not looked at."""
        found: dict[str, Any] = {}
        seen = set(outputs)
        pending = list(seen)
        while pending:
            name = pending.pop()
            node = self._graph[name]
            if node.role is Role.INPUT:
                self.inputs.add(name)
                continue
            with contextlib.suppress(NotKept, OSError):
                found[name] = self._take(name)
                continue
            self.computed += 1
            for needed in node.dependencies:
                if needed in self._graph and needed not in seen:
                    seen.add(needed)
                    pending.append(needed)
        return found

    def _take(self, name: str) -> Any:
        if not self._keys.may_be_taken(name) or (key := self._keys.key(name)) is None:
            raise NotKept(f"'{name}' is computed each time.")
        value = read_value(place_of(self._known, key))
        self.taken[name] = key
        return value

    def keep(self, node: Node, value: Any) -> None:
        """Write a value that was computed, if it can be kept and there is room; else do nothing."""
        if self._left <= 0 or not self._keys.may_be_taken(node.name):
            return
        key = self._keys.key(node.name)
        if key is None:
            return
        path = self._new / f"{key}.value"
        with contextlib.suppress(NotKept, OSError):
            write_value(value, path)
            self._left -= path.stat().st_size
            if self._left < 0:
                path.unlink()


def place_of(folder: Path, key: str) -> Path:
    """Return where the value of a key is kept: in a folder of few among many."""
    return folder / key[:2] / f"{key}.value"
