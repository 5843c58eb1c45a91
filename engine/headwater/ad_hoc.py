"""Modules made on the spot from functions, for notebooks and tests."""

from __future__ import annotations

import itertools
import linecache
import sys
import types
from collections.abc import Callable
from types import ModuleType
from typing import Any

from headwater.errors import DefinitionError

__all__ = ["create_temporary_module", "module_from_source"]

_numbers = itertools.count(1)


def create_temporary_module(*functions: Callable[..., Any], module_name: str | None = None) -> ModuleType:
    """Return a new module that holds copies of functions, ready for a driver.

    Args:
        *functions: Feature functions.
        module_name: Name of the module; made up where it is not given.

    Raises:
        DefinitionError: The module name is taken, something is no function, two functions have one name,
            or a name begins with an underscore, which marks helpers.
    """
    name = _free_name(module_name)
    module = ModuleType(name)
    for function in functions:
        if not isinstance(function, types.FunctionType):
            raise DefinitionError(f"{function!r} is no function. Give functions defined with `def`.")
        if function.__name__.startswith("_"):
            raise DefinitionError(
                f"'{function.__name__}' begins with an underscore, which marks helpers. Rename it."
            )
        if hasattr(module, function.__name__):
            raise DefinitionError(f"Two functions are named '{function.__name__}'. Rename one.")
        setattr(module, function.__name__, _copy(function, name))
    sys.modules[name] = module
    return module


def module_from_source(source: str, module_name: str | None = None) -> ModuleType:
    """Return a new module that source text makes; messages and drawings find its lines.

    Args:
        source: The text of the module, which is executed.
        module_name: Name of the module; made up where it is not given.

    Raises:
        DefinitionError: The module name is taken.
        SyntaxError: The text is no Python.
    """
    name = _free_name(module_name)
    module = ModuleType(name)
    lines = source.splitlines(keepends=True)
    code = compile(source, name, "exec")
    linecache.cache[name] = (len(source), None, lines, name)
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)  # noqa: S102, as an import would
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _free_name(wanted: str | None) -> str:
    name = wanted or f"temporary_module_{next(_numbers)}"
    if name in sys.modules:
        raise DefinitionError(f"A module '{name}' is already loaded. Choose another module_name.")
    return name


def _copy(function: types.FunctionType, module: str) -> types.FunctionType:
    copy = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = dict(function.__annotations__)
    copy.__doc__ = function.__doc__
    copy.__dict__.update(function.__dict__)
    copy.__module__, copy.__qualname__ = module, function.__name__  # where pickling looks for it
    return copy
