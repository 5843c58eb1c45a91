"""Whether the files of loaded code are still those that it was loaded from.

Versions are read from files. Where a file was changed after it was loaded, they would be those of code that
does not run, and values would be kept under the name of code that did not make them.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["LoadedModules"]


class LoadedModules:
    """Answers for modules and for those of the same project that they use; each is looked at once."""

    def __init__(self) -> None:
        """Start with none."""
        self._current: dict[str, bool] = {}
        self._used: dict[str, tuple[str, ...]] = {}

    def are_current(self, name: str) -> bool:
        """Tell whether a module, and all of its project that it uses, is as its files are now."""
        seen = {name}
        pending = [name]
        while pending:
            found = pending.pop()
            module = sys.modules.get(found)
            if module is None:
                continue  # functions without a module have no version either
            if not self._is_current(module):
                return False
            for used in self._modules_used(module):
                if used not in seen:
                    seen.add(used)
                    pending.append(used)
        return True

    def _is_current(self, module: ModuleType) -> bool:
        name = module.__name__
        if name not in self._current:
            self._current[name] = _is_as_written(module)
        return self._current[name]

    def _modules_used(self, module: ModuleType) -> tuple[str, ...]:
        name = module.__name__
        if name not in self._used:
            homes = {_home(value) for value in list(vars(module).values())}
            self._used[name] = tuple(home for home in homes if home and _is_near(home, module))
        return self._used[name]


def _home(value: Any) -> str:
    return value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", None) or "")


def _is_near(home: str, module: ModuleType) -> bool:
    """Tell whether a module is of the same package as another, or a file in the same folder."""
    name = module.__name__
    if home.partition(".")[0] == name.partition(".")[0]:
        return True
    folder, other = _folder(sys.modules.get(home)), _folder(module)
    return folder is not None and folder == other


def _folder(module: ModuleType | None) -> str | None:
    path = getattr(module, "__file__", None)
    return path.replace("\\", "/").rpartition("/")[0] if isinstance(path, str) else None


def _codes_of(module: ModuleType) -> Iterator[CodeType]:
    """Yield the code of each function and method that a module defines in its file."""
    path = getattr(module, "__file__", None)
    for value in list(vars(module).values()):
        parts = list(vars(value).values()) if isinstance(value, type) else [value]
        for part in parts:
            live = inspect.unwrap(part) if isinstance(part, FunctionType) else part
            if isinstance(live, FunctionType) and live.__code__.co_filename == path:
                yield live.__code__


def _is_as_written(module: ModuleType) -> bool:
    codes = set(_codes_of(module))
    if not codes:
        return True
    path = str(module.__file__)
    linecache.checkcache(path)
    return codes <= _codes_in("".join(linecache.getlines(path)), path)


@lru_cache(maxsize=256)
def _codes_in(source: str, path: str) -> frozenset[CodeType]:
    """Return all code that Python makes of a source text."""
    try:
        pending = [compile(source, path, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return frozenset()
    found: set[CodeType] = set()
    while pending:
        code = pending.pop()
        found.add(code)
        pending += [part for part in code.co_consts if isinstance(part, CodeType)]
    return frozenset(found)
