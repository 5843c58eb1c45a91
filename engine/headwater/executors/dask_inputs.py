"""Inputs that Dask has yet to compute: its tables, arrays, bags, delayed calls and futures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headwater.errors import add_note
from headwater.executors.dask_graph import Kept, Source
from headwater.executors.held import Held
from headwater.materialize.packages import needed

if TYPE_CHECKING:
    from headwater.executors.dask_tasks import DaskExecutor

__all__ = ["DaskInputs", "future_of", "is_of_dask"]

_PURPOSE = "Reading what Dask has made"


def is_of_dask(value: Any) -> bool:
    """Tell whether Dask has yet to compute a value, or something in a list or a dictionary."""
    dask = needed("dask", _PURPOSE)
    if dask.is_dask_collection(value) or isinstance(value, needed("distributed", _PURPOSE).Future):
        return True
    return type(value) in (list, tuple, dict) and bool(dask.base.unpack_collections(value)[0])


class _Input(Source):
    """What an input comes to."""

    def __init__(self, name: str, future: Any) -> None:
        """Take the name of the input, and who keeps its value."""
        super().__init__(future.key)
        self.name = name
        self.future = future


class DaskInputs:
    """The inputs of an execution that Dask computes, each once, for tasks that read their values."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[int, tuple[Any, Held]] = {}  # with the values, since others could have their ids

    def held(self, executor: DaskExecutor, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return inputs with those held that Dask computes from now on.

        Args:
            executor: Whose cluster computes them.
            inputs: The inputs of a task by name.
        """
        found = dict(inputs)
        for name, value in inputs.items():
            if id(value) not in self._known and is_of_dask(value):
                source = _Input(name, future_of(executor.client, value))
                self._known[id(value)] = value, Held(executor, Kept(source, ()))
            if id(value) in self._known:
                found[name] = self._known[id(value)][1]
        return found

    def failure(self) -> BaseException | None:
        """Return what was raised where an input was computed; None where nothing was."""
        for _, held in self._known.values():
            source: _Input = held.reference.source
            if source.future.status == "error":
                error: BaseException = source.future.exception()
                add_note(error, f"Dask raised it where it computed what is given as '{source.name}'.")
                return error
        return None


def future_of(client: Any, value: Any) -> Any:
    """Let Dask compute a value that `is_of_dask`, and return the future of it."""
    dask = needed("dask", _PURPOSE)
    if dask.is_dask_collection(value):
        return client.compute(value)
    # A future stays what it is.
    return client.compute(dask.delayed(value)) if type(value) in (list, tuple, dict) else value
