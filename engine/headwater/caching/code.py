"""Versions of the code of nodes: of functions with all they reach, and of what modifiers made of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from headwater.caching.loaded import LoadedModules
from headwater.errors import DefinitionError
from headwater.fingerprints import fingerprint
from headwater.function import Function, read_function
from headwater.node import Node
from headwater.versions import Versions

__all__ = ["CodeVersions"]

_SCHEME = "1"
"""Changes when the engine computes something in another way from the same code."""


class _Opaque(Exception):
    """Some of what a node calls cannot be told."""


class CodeVersions:
    """Versions of the nodes of one graph, each worked out once.

    A version is a hash of the function's code and all that it reaches in its project, of what modifiers made
    of it, of the literals it gets, and of the versions of Python and of the packages that its module uses.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._functions = Versions()
        self._loaded = LoadedModules()
        self._found: dict[str, tuple[Node, str | None]] = {}
        self._packages: dict[str, str] = {}

    def of(self, node: Node) -> str | None:
        """Return the version of a node; None where some of what it calls cannot be told."""
        found = self._found.get(node.name)
        if found is None or found[0] is not node:
            found = self._found[node.name] = (node, self._version(node))
        return found[1]

    def _version(self, node: Node) -> str | None:
        if node.function is None or node.call is None:
            return None
        try:
            parts = [_SCHEME, self._function(node.function), *self._made(node), *self._literals(node)]
        except (_Opaque, RecursionError):
            return None
        parts.append(self._packages_of(node.function.location.module))
        return blake2b("\0".join(parts).encode(), digest_size=20).hexdigest()

    def _function(self, function: Function) -> str:
        version = self._functions.of(function)
        if version is None or not self._loaded.are_current(function.location.module):
            raise _Opaque
        return version

    def _made(self, node: Node) -> Iterator[str]:
        assert node.function is not None
        if node.call is not node.function.callable:
            yield from self._told(node.call)

    def _literals(self, node: Node) -> Iterator[str]:
        for place, argument in enumerate(node.arguments):
            if argument.node is None:
                yield f"{place}:"
                yield from self._told(argument.value)

    def _told(self, value: Any) -> Iterator[str]:
        """Yield what tells one thing that a call holds from another."""
        plain = fingerprint(value)
        if plain is not None:
            yield plain
        elif isinstance(value, (FunctionType, Function)):
            yield from self._told_function(value)
        elif isinstance(value, type):
            yield f"{value.__module__}.{value.__qualname__}"
        elif isinstance(value, BuiltinFunctionType):
            yield from self._told_parts(value.__qualname__, (value.__self__,))
        elif isinstance(value, ModuleType):
            yield value.__name__
        elif isinstance(value, MethodType):
            yield from self._told_parts("method", (value.__func__, value.__self__))
        elif isinstance(value, partial):
            yield from self._told_parts("partial", (value.func, value.args, value.keywords))
        elif isinstance(value, (list, tuple)):
            yield from self._told_parts(type(value).__name__, value)
        elif isinstance(value, Mapping):
            yield from self._told_parts("mapping", [part for item in value.items() for part in item])
        else:
            yield from self._told_object(value)

    def _told_function(self, value: FunctionType | Function) -> Iterator[str]:
        live = value.callable if isinstance(value, Function) else value
        if live is not None and _is_ours(live):
            yield f"{live.__module__}.{live.__qualname__}"
            return
        try:
            yield self._function(value if isinstance(value, Function) else read_function(value))
        except DefinitionError:
            raise _Opaque from None

    def _told_object(self, value: Any) -> Iterator[str]:
        # The engine's own objects say all of themselves in their attributes; those of others may not.
        kind = type(value)
        if not _is_ours(kind):
            raise _Opaque
        names = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
        names += getattr(value, "__dict__", ())
        parts = [part for name in dict.fromkeys(names) for part in (name, getattr(value, name, None))]
        yield from self._told_parts(f"{kind.__module__}.{kind.__qualname__}", parts)

    def _told_parts(self, kind: str, parts: Any) -> Iterator[str]:
        yield f"{kind}[{len(parts)}"
        for part in parts:
            yield from self._told(part)

    def _packages_of(self, module: str) -> str:
        """Return the versions of Python and of the packages whose names a module uses."""
        if module not in self._packages:
            names = vars(sys.modules[module]).values() if module in sys.modules else ()
            packages = sorted({_package_of(value) for value in names} - {""})
            versions = [f"{name}=={getattr(sys.modules.get(name), '__version__', '')}" for name in packages]
            self._packages[module] = " ".join(
                [f"python=={sys.version_info[0]}.{sys.version_info[1]}", *versions]
            )
        return self._packages[module]


def _is_ours(live: Any) -> bool:
    return str(live.__module__).partition(".")[0] == "headwater"


def _package_of(value: Any) -> str:
    """Return the package of others that a value of a module comes from; an empty text where it is none."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if not isinstance(home, str):
        return ""
    package = home.partition(".")[0]
    is_versioned = isinstance(getattr(sys.modules.get(package), "__version__", None), str)
    return package if is_versioned and package not in sys.stdlib_module_names else ""
