"""Tasks and values as bytes for other processes, and whether those will find the feature modules."""

from __future__ import annotations

import importlib
import io
import pickle
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors.tasks import TaskImplementation, TaskSpec
from headwater.function import Function
from headwater.shapes import summary

__all__ = [
    "can_be_pickled",
    "dumps",
    "dumps_value",
    "feature_modules",
    "find_lost_module",
    "find_lost_modules",
    "unsendable",
]


def dumps(what: Any, by_value: Collection[str] = (), cloudpickle: str = "cloudpickle") -> bytes:
    """Pickle tasks, with functions by the names of their modules and without what only a build needs.

    Args:
        what: Tasks and what belongs to them.
        by_value: The modules whose functions and classes travel whole; cloudpickle does that.
        cloudpickle: Where that is: some engines bring a copy of their own.

    Raises:
        HeadwaterError: Something in it cannot be pickled.
    """
    buffer = io.BytesIO()
    try:
        if by_value:
            _dump_by_value(what, buffer, by_value, importlib.import_module(cloudpickle))
        else:
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
        return _without_modifiers(obj)


def _without_modifiers(obj: Any) -> Any:
    if isinstance(obj, Function):
        known = (obj.name, obj.location, obj.parameters, obj.returns, obj.doc, (), obj.callable)
        return Function, (*known, obj.is_async)
    return NotImplemented


def _dump_by_value(what: Any, buffer: io.BytesIO, names: Collection[str], cloudpickle: Any) -> None:
    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # the package says nothing of types
        def reducer_override(self, obj: Any) -> Any:
            found = _without_modifiers(obj)
            return super().reducer_override(obj) if found is NotImplemented else found

    registered = cloudpickle.list_registry_pickle_by_value()
    modules = [sys.modules[name] for name in names if name not in registered and name != "__main__"]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(what)
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def dumps_value(value: Any, cloudpickle: str = "cloudpickle") -> bytes:
    """Pickle a value; what pickle cannot, and what is of a script or a notebook, by cloudpickle.

    Args:
        value: The value.
        cloudpickle: Where that is; see `dumps`.

    Raises:
        Exception: Neither can.
    """
    try:
        found = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if b"__main__" not in found:
            return found
    except Exception:  # noqa: S110, the other one tells what hinders both
        pass
    pickled: bytes = importlib.import_module(cloudpickle).dumps(value, pickle.HIGHEST_PROTOCOL)
    return pickled


def find_lost_modules(specs: Iterable[TaskSpec]) -> list[str]:
    """Return the names of the feature modules that a fresh process could not import."""
    return [name for name in feature_modules(specs) if not _is_found_anew(name)]


def find_lost_module(specs: Iterable[TaskSpec]) -> str | None:
    """Return the name of a feature module that a fresh process could not import; None where there is none."""
    return next((name for name in feature_modules(specs) if not _is_found_anew(name)), None)


def feature_modules(specs: Iterable[TaskSpec]) -> list[str]:
    """Return the names of the modules whose functions are nodes of tasks."""
    functions = [node.function for spec in specs for node in spec.nodes]
    return list(dict.fromkeys(function.location.module for function in functions if function is not None))


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


def unsendable(
    task: TaskImplementation,
    values: Mapping[str, Any],
    error: Exception,
    dumps: Callable[[Any], object] = pickle.dumps,
) -> NodeFailed:
    """Return an error that names the value which cannot be sent, and the node that makes or reads it.

    Args:
        task: The task that reads or makes the values.
        values: The values by name, of which one cannot be sent.
        error: What was raised for it.
        dumps: What pickles them.
    """
    unsent = (name for name, value in values.items() if not can_be_pickled(value, dumps))
    name = next(unsent, next(iter(values)))
    makers = {node.name: node for node in task.nodes if node.name not in task.dynamic_inputs}
    if name in makers:
        node, does = makers[name], "returns"
    else:
        node = next((node for node in task.nodes if name in node.dependencies), task.nodes[0])
        does = f"reads '{name}',"
    return NodeFailed(
        f"{node.where} {does} a value of type {summary(values[name])}, which cannot be sent to another "
        f"process: {error}. Use a value that can be pickled, or run the tasks in threads "
        "(MultiThreadingExecutor).",
        node.name,
    )


def can_be_pickled(value: Any, dumps: Callable[[Any], object]) -> bool:
    """Tell whether a value can be pickled."""
    try:
        dumps(value)
    except Exception:
        return False
    return True
