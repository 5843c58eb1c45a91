"""Values of earlier runs in place of computing, in the process that executes features."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.fingerprints import fingerprint
from headwater.node import Role
from headwater_catalog.value_files import NotKept, read_value, write_value

if TYPE_CHECKING:
    from headwater.graph import Graph
    from headwater.node import Node
    from headwater_catalog.value_keys import ValueKeys

__all__ = ["DistantKeeper", "KeptValues", "ValueKeeper", "Written", "place_of"]

_TOKEN: Final = uuid.uuid4().hex
_MOST_OF_TASK: Final = 64 * 1024 * 1024
"""Bytes of values that come home with a task on another machine: those that are asked for come once more."""


class KeptValues:
    """Takes values that are kept.

    Args:
        graph: The graph that is executed.
        keys: What its values follow from.
        known: Folder of the values that are kept.
        new: Folder for new ones, which who started this process then takes over.
        most: How many bytes new ones may have in all.

    Attributes:
        taken: The key of each value that was taken, by node.
        computed: The nodes that have to be computed, once values were taken.
        inputs: The names of the inputs that these need.
    """

    def __init__(self, graph: Graph, keys: ValueKeys, known: Path, new: Path, most: int) -> None:
        self.taken: dict[str, str] = {}
        self.computed: list[str] = []
        self.inputs: set[str] = set()
        self._graph = graph
        self._keys = keys
        self._known = known
        self._new = new
        self._most = most

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
            self.computed.append(name)
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

    def keeper(self, *, is_elsewhere: bool = False) -> ValueKeeper:
        """Return what keeps the values that have to be computed, once others were taken.

        Args:
            is_elsewhere: Whether they are computed where the folder for new ones is not.
        """
        keys = {name: self._keys.key(name) for name in self.computed if self._keys.may_be_taken(name)}
        readers = Counter(each for node in self._graph for each in node.dependencies)
        known = {name: key for name, key in keys.items() if key is not None}
        if is_elsewhere:
            return DistantKeeper(known, readers, self._new, self._most)
        return ValueKeeper(known, readers, self._new, self._most)


class ValueKeeper:
    """Writes values that are new where they are computed, also in the processes of tasks.

    Args:
        keys: The keys of the values, by node; others are not kept.
        readers: How many nodes read each node.
        new: Folder for the values.
        most: How many bytes they may have in all.

    Attributes:
        written: The node of each value that was written, by key.
    """

    def __init__(self, keys: Mapping[str, str], readers: Mapping[str, int], new: Path, most: int) -> None:
        self.written: dict[str, str] = {}
        self._keys = keys
        self._readers = readers
        self._new = new
        self._left = most
        self._files: list[Path] = []
        self._given: dict[str, _Given] = {}
        self._is_changed = False
        with contextlib.suppress(OSError):
            new.mkdir()

    def begin(self, node: Node, arguments: Sequence[Any]) -> None:
        """Note what a node is given, to find out whether it leaves that as it is."""
        if not self._is_changed:
            told = tuple(map(_fingerprint, arguments))
            self._given[node.name] = _Given(arguments, told, len(self._files))

    def end(self, node: Node, value: Any) -> None:
        """Write a value that was computed, if it can be kept and there is room; else do nothing.

        A feature may change what it is given in place. Whoever reads that later has another value of it than
        its key says, so from then on nothing is kept, and neither is what was computed at the same time.
        """
        if not self._leaves_as_it_is(node):
            return
        key = self._keys.get(node.name)
        if self._left <= 0 or key is None:
            return
        path = self._file(key)
        with contextlib.suppress(NotKept, OSError):
            write_value(value, path)
            self._files.append(path)
            self.written[key] = node.name
            self._left -= path.stat().st_size
            if self._left < 0:
                path.unlink()

    def take_record(self) -> Written:
        """Return what was written in the process of a task; begin anew, since the next has its own values."""
        taken = Written(self.written, self._is_changed)
        self.written, self._files, self._given, self._is_changed = {}, [], {}, False
        return taken

    def give_record(self, record: Written) -> None:
        """Add what was written in the process of a task, as far as there is room for all processes.

        What a task hands on, once something was changed in place there, is not what its key says; what is
        made of that comes later than this record.
        """
        for key, name in record.written.items():
            path = self._file(key)
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                if self._is_changed or size > self._left:
                    path.unlink()
                    continue
                self._left -= size
                self.written[key] = name
        self._is_changed = self._is_changed or record.is_changed

    def _file(self, key: str) -> Path:
        return self._new / f"{key}.value"

    def _leaves_as_it_is(self, node: Node) -> bool:
        """Tell whether a node has left alone what it was given, and others before it, as far as known."""
        given = self._given.pop(node.name, None)
        if self._is_changed or given is None:
            return False
        if tuple(map(_fingerprint, given.arguments)) != given.told:
            self._is_changed = True
            for path in self._files[given.written :]:
                path.unlink(missing_ok=True)
            return False
        if None not in given.told:
            return True
        # Nobody can tell whether somebody else has changed that.
        return all(self._readers.get(each, 0) < 2 for each in node.dependencies)


class DistantKeeper(ValueKeeper):
    """Writes values that are computed on other machines: their files come home with the record of a task.

    A worker keeps nothing whose packages are others than those here, by which the keys of values are told.
    Records of tasks come in any order, so once something was changed in place, nothing of the run is kept.
    """

    def __init__(self, keys: Mapping[str, str], readers: Mapping[str, int], new: Path, most: int) -> None:
        super().__init__(keys, readers, new, most)
        self._surroundings = _surroundings()
        self._process = _process()
        self._most = most

    def begin(self, node: Node, arguments: Sequence[Any]) -> None:
        """Note what a node is given; where that is not the process of the run, move to a folder there."""
        if self._process != _process():
            self._process = _process()
            self._new = Path(tempfile.gettempdir(), f"headwater-values-{uuid.uuid4().hex}")
            self._left = self._most = _MOST_OF_TASK if self._surroundings == _surroundings() else 0
        super().begin(node, arguments)

    def take_record(self) -> Written:
        """Return what was written, with the files; begin anew: in the process of a task."""
        if self._process != _process():  # it has computed nothing yet
            return super().take_record()
        files: dict[str, bytes] = {}
        for path in self._files:
            with contextlib.suppress(OSError):
                files[path.stem] = path.read_bytes()
        shutil.rmtree(self._new, ignore_errors=True)
        taken = super().take_record()
        self._left = self._most
        return Written(taken.written, taken.is_changed, files)

    def give_record(self, record: Written) -> None:
        """Write the files of a task here, as far as there is room for them."""
        self._is_changed = self._is_changed or record.is_changed
        if self._is_changed:
            for key in self.written:
                self._file(key).unlink(missing_ok=True)
            self.written.clear()
            return
        for key, content in record.files.items():
            name = record.written.get(key)
            if name is None or self._keys.get(name) != key or len(content) > self._left:
                continue
            with contextlib.suppress(OSError):
                self._file(key).write_bytes(content)
                self._left -= len(content)
                self.written[key] = name

    def _file(self, key: str) -> Path:
        self._new.mkdir(mode=0o700, exist_ok=True)
        return super()._file(key)


def _process() -> tuple[str, int]:
    """Return what tells this process from others, also from those of other machines."""
    return _TOKEN, os.getpid()


@cache
def _surroundings() -> tuple[str, ...]:
    from headwater_catalog.value_keys import installed

    return installed()


@dataclass(frozen=True, slots=True)
class Written:
    """What was written in the process of a task, and whether a feature changed there what it was given.

    Files by their keys come along where this process does not have them.
    """

    written: Mapping[str, str]
    is_changed: bool
    files: Mapping[str, bytes] = field(default_factory=dict)


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
