"""Values of earlier runs in place of computing, in the process that executes features."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.fingerprints import fingerprint
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
        written: The node of each value that was written, by key.
        computed: How many nodes have to be computed, once values were taken.
        inputs: The names of the inputs that these need.
    """

    def __init__(self, graph: Graph, keys: ValueKeys, known: Path, new: Path, most: int) -> None:
        self.taken: dict[str, str] = {}
        self.written: dict[str, str] = {}
        self.computed = 0
        self.inputs: set[str] = set()
        self._graph = graph
        self._keys = keys
        self._known = known
        self._new = new
        self._left = most
        self._readers = Counter(each for node in graph for each in node.dependencies)
        self._written: list[Path] = []
        self._given: dict[str, _Given] = {}
        self._is_changed = False
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

    def look_at(self, node: Node, arguments: Sequence[Any]) -> None:
        """Note what a node is given, to find out whether it leaves that as it is."""
        if not self._is_changed:
            told = tuple(map(_fingerprint, arguments))
            self._given[node.name] = _Given(arguments, told, len(self._written))

    def keep(self, node: Node, value: Any) -> None:
        """Write a value that was computed, if it can be kept and there is room; else do nothing.

        A feature may change what it is given in place. Whoever reads that later has another value of it than
        its key says, so from then on nothing is kept, and neither is what was computed at the same time.
        """
        if not self._leaves_as_it_is(node):
            return
        if self._left <= 0 or not self._keys.may_be_taken(node.name):
            return
        key = self._keys.key(node.name)
        if key is None:
            return
        path = self._new / f"{key}.value"
        with contextlib.suppress(NotKept, OSError):
            write_value(value, path)
            self._written.append(path)
            self.written[key] = node.name
            self._left -= path.stat().st_size
            if self._left < 0:
                path.unlink()

    def _leaves_as_it_is(self, node: Node) -> bool:
        """Tell whether a node has left alone what it was given, and others before it, as far as known."""
        given = self._given.pop(node.name, None)
        if self._is_changed or given is None:
            return False
        if tuple(map(_fingerprint, given.arguments)) != given.told:
            self._is_changed = True
            for path in self._written[given.written :]:
                path.unlink(missing_ok=True)
            return False
        if None not in given.told:
            return True
        # Nobody can tell whether somebody else has changed that.
        return all(self._readers[each] < 2 for each in node.dependencies)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a node was given, what that was before, and how many values had been written by then."""

    arguments: Sequence[Any]
    told: tuple[str | None, ...]
    written: int


def _fingerprint(value: Any) -> str | None:
    try:
        return fingerprint(value)
    except Exception:  # values are of classes of others, and may raise whatever is asked of them
        return None


def place_of(folder: Path, key: str) -> Path:
    """Return where the value of a key is kept: in a folder of few among many."""
    return folder / key[:2] / f"{key}.value"
