"""Values that one run hands on to another, as files, in the process that executes features.

Where a value can be kept so that it is read back the same without running anything, it is; all others are
pickled. What is read here runs with the same rights as the feature code that made it.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import InvalidInput, NodeFailed
from headwater.node import Role
from headwater_catalog.value_files import NotKept, read_value, write_value

if TYPE_CHECKING:
    from headwater.graph import Graph

__all__ = ["HANDED", "cut", "hand_value", "read_handed"]

HANDED: Final = "handed"
"""The folder in which a runner leaves what it hands on, each value by the number of its output."""

_PICKLED: Final = b"PICKLED\n"


def hand_value(name: str, value: Any, path: Path) -> None:
    """Write the value of a node into a new file.

    Raises:
        NodeFailed: It is of a kind that no file can hold, such as a generator or an open connection.
    """
    try:
        write_value(value, path)
    except NotKept:
        try:
            with path.open("wb") as stream:
                stream.write(_PICKLED)
                pickle.dump(value, stream, protocol=5)
        except Exception as error:  # values are of classes of others, and may raise whatever is asked of them
            path.unlink(missing_ok=True)
            raise NodeFailed(
                f"'{name}' cannot be handed on to another run, since a {type(value).__name__} cannot be "
                f"written to a file: {type(error).__name__}: {error}. Compute it in the same run as all "
                "that read it.",
                name,
            ) from error


def read_handed(name: str, path: Path) -> Any:
    """Return a value that was handed on.

    Raises:
        InvalidInput: The file cannot be read here.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(len(_PICKLED)) == _PICKLED:
                return pickle.load(stream)  # noqa: S301 see the head of this module
        return read_value(path)
    except Exception as error:  # also what classes of others raise as they are made again
        raise InvalidInput(
            f"The value of '{name}' that was handed on cannot be read here: {type(error).__name__}: {error}. "
            "Both runs need the same versions of Python and of packages."
        ) from error


def cut(graph: Graph, outputs: Iterable[str], given: Collection[str]) -> tuple[int, set[str]]:
    """Return how many nodes have to be computed for outputs, where some values are given, and which inputs.

    Raises:
        InvalidInput: A given value is of no node of the graph.
    """
    for name in given:
        if name not in graph:
            raise InvalidInput(f"There is no '{name}' in this configuration whose value could be taken.")
    seen = set(outputs)
    pending, count, inputs = deque(seen), 0, set()
    while pending:
        name = pending.popleft()
        if name in given:
            continue
        if graph[name].role is Role.INPUT:
            inputs.add(name)
            continue
        count += 1
        for needed in graph[name].dependencies:
            if needed in graph and needed not in seen:
                seen.add(needed)
                pending.append(needed)
    return count, inputs
