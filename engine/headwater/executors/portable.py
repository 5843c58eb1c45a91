"""Tasks as bytes for processes that start afresh, and whether those will find the feature modules."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Iterable
from typing import Any

from headwater.errors import HeadwaterError
from headwater.executors.tasks import TaskSpec
from headwater.function import Function

__all__ = ["dumps", "find_lost_module"]


def dumps(what: Any) -> bytes:
    """Pickle tasks, with functions by the names of their modules and without what only a build needs.

    Raises:
        HeadwaterError: Something in it cannot be pickled.
    """
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(what)
    except Exception as error:
        raise HeadwaterError(
            f"The feature code cannot be sent to another process: {error}. Define functions and classes at "
            "the top of a module, let adapters be picklable, or run the tasks in threads "
            "(MultiThreadingExecutor)."
        ) from error
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Leaves out modifiers, which may hold anything and have done their work."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Function):
            known = (obj.name, obj.location, obj.parameters, obj.returns, obj.doc, (), obj.callable)
            return Function, (*known, obj.is_async)
        return NotImplemented


def find_lost_module(specs: Iterable[TaskSpec]) -> str | None:
    """Return the name of a feature module that a fresh process could not import; None where there is none."""
    functions = [node.function for spec in specs for node in spec.nodes]
    modules = dict.fromkeys(function.location.module for function in functions if function is not None)
    return next((name for name in modules if not _is_found_anew(name)), None)


def _is_found_anew(name: str) -> bool:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if name == "__main__":
        return file is not None
    package = sys.modules.get(name.rpartition(".")[0])
    path = getattr(package, "__path__", None)
    # Not importlib.util.find_spec, which asks the loaded module instead of looking for it.
    specs = (finder.find_spec(name, path) for finder in sys.meta_path)
    found = next((spec for spec in specs if spec is not None), None)
    return file is not None and found is not None and found.origin == file
