"""Versions of functions: hashes of their code and of everything of their own project that it reaches."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from headwater.free_names import FreeNames
from headwater.function import Function
from headwater.normal_form import digest
from headwater.source_files import Definition, SourceFile, source_file

__all__ = ["Versions", "version_of"]


def version_of(function: Function) -> str | None:
    """Return the version of one function; see `Versions`."""
    return Versions().of(function)


class _Opaque(Exception):
    """Something that is reached cannot be told by its source or its value."""


class _Part(NamedTuple):
    """One thing that code reaches: where it stands, its hash, and what it reaches in turn."""

    module: str
    name: str
    digest: str
    needs: tuple[_Part | _Pending, ...]


class _Pending(NamedTuple):
    """A thing that is reached, to be looked at: the names of its module, its name there, and its value.

    What only an annotation names need not be known.
    """

    names: Mapping[str, Any]
    name: str
    value: Any
    is_needed: bool = True

    @property
    def key(self) -> tuple[int, str, int]:
        """What tells it from others in one session."""
        return id(self.names), self.name, id(self.value)


class Versions:
    """Versions of functions, worked out together so that what they share is looked at once.

    A version is the hash of a function's code and of the helpers, classes and constants that it reaches in
    its own project: in its top-level package, and in modules that are imported from the same folder.
    Docstrings, comments, layout, tags and the function's own name do not count. Constants count by their
    values where these are plain, else by the statements that make them. Packages of others count by name.

    The object is for one look at a graph; code that is loaded anew later needs another one.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[int, str, int], _Part | None] = {}
        self._files: dict[str, SourceFile | None] = {}
        self._versions: dict[int, str | None] = {}
        self._kept: list[Any] = []  # ids stay theirs as long as the objects live
        self._folders: dict[str, Path | None] = {}

    def of(self, function: Function) -> str | None:
        """Return the version of a function; None where some of what it reaches cannot be told."""
        live = function.callable
        if not isinstance(live, FunctionType):
            return None
        if id(live) not in self._versions:
            self._kept.append(live)
            try:
                self._versions[id(live)] = self._closed(live)
            except _Opaque:
                self._versions[id(live)] = None
        return self._versions[id(live)]

    def source_of(self, function: Function) -> str | None:
        """Return the source of a live function with its decorators; None where there is none."""
        live = function.callable
        found = self._definition(_unwrapped(live)) if isinstance(live, FunctionType) else None
        return found[0].text(found[1]) if found else None

    def _closed(self, live: FunctionType) -> str:
        root = self._function(live)
        found: dict[tuple[str, str, str], None] = {}
        pending = list(root.needs)
        while pending:
            item = pending.pop()
            part = item if isinstance(item, _Part) else self._part(item)
            if part is None:
                continue
            key = ("" if part.module == root.module else part.module, part.name, part.digest)
            if key not in found:
                found[key] = None
                pending += part.needs
        return digest([root.digest, *(text for key in sorted(found) for text in key)])

    def _part(self, pending: _Pending) -> _Part | None:
        if pending.key not in self._parts:
            self._kept.append(pending)
            try:
                self._parts[pending.key] = self._read(pending)
            except _Opaque:
                self._parts[pending.key] = None
        part = self._parts[pending.key]
        if part is None and pending.is_needed:
            raise _Opaque
        return part

    def _read(self, pending: _Pending) -> _Part:
        names, name, value, _ = pending
        module = str(names.get("__name__", ""))
        if isinstance(value, ModuleType):
            return self._module(value, names, name)
        plain = _plain_form(value)
        if plain is not None:
            return _Part(module, name, digest(plain), ())
        if isinstance(value, (FunctionType, type)) and not hasattr(value, "__wrapped__"):
            part = self._defined(value, names)
            if part is not None:
                return part
        return self._stated(pending, module)

    def _defined(self, value: FunctionType | type, names: Mapping[str, Any]) -> _Part | None:
        """Return a function or class of the project by its definition; None where it has none in a file."""
        if not self._is_own(value.__module__ or "", names):
            return None
        if isinstance(value, FunctionType):
            return self._function(value)
        home = sys.modules.get(value.__module__)
        definition = self._class(value, vars(home)) if home else None
        if home is None or definition is None:
            return None
        needs = self._needs(definition.names, vars(home), {})
        return _Part(value.__module__, value.__qualname__, definition.digest, needs)

    def _stated(self, pending: _Pending, module: str) -> _Part:
        """Return what a module's name stands for, by the statements that bind it."""
        names, name, value, _ = pending
        file = self._file_of(names)
        definition = file.bindings.get(name) if file else None
        if definition is not None:
            return _Part(module, name, definition.digest, self._needs(definition.names, names, {}))
        imported = file.imports.get(name) if file else None
        if imported is not None:
            return _Part(module, name, "", tuple(self._imported(imported, names)))
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(wrapped, FunctionType):
            return self._function(wrapped)
        home, known_as = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if home and known_as and not self._is_own(home, names):
            return _Part(home, known_as, "", ())
        raise _Opaque

    def _function(self, live: FunctionType) -> _Part:
        live = _unwrapped(live)
        found = self._definition(live)
        if found is None:
            raise _Opaque
        definition, names = found[1], live.__globals__
        needs = self._needs(definition.names, names, _cells(live))
        return _Part(str(names.get("__name__", "")), live.__qualname__, definition.digest, needs)

    def _definition(self, live: FunctionType) -> tuple[SourceFile, Definition] | None:
        code = live.__code__
        file = self._file(code.co_filename, live.__globals__)
        definition = file.function(code.co_name, code.co_firstlineno) if file else None
        return (file, definition) if file and definition else None

    def _class(self, class_: type, names: Mapping[str, Any]) -> Definition | None:
        # The cells of a notebook share one module; the methods know in which of them their class stands.
        methods = [found for found in vars(class_).values() if isinstance(found, FunctionType)]
        paths = [names.get("__file__"), *(method.__code__.co_filename for method in methods)]
        files = (self._file(str(path), names) for path in dict.fromkeys(paths) if path)
        found = (file.class_(class_.__qualname__) for file in files if file)
        return next(filter(None, found), None)

    def _module(self, module: ModuleType, names: Mapping[str, Any], name: str) -> _Part:
        """Return a module as a whole, where it is not one of its attributes that is read."""
        if not self._is_own(module.__name__, names):
            return _Part(str(names.get("__name__", "")), name, digest([module.__name__]), ())
        file = self._file_of(vars(module))
        if file is None:
            raise _Opaque
        needs = self._needs(file.whole.names, vars(module), {})
        return _Part(module.__name__, "", file.whole.digest, needs)

    def _needs(
        self, found: FreeNames, names: Mapping[str, Any], cells: Mapping[str, Any]
    ) -> tuple[_Part | _Pending, ...]:
        needs = [part for name in sorted(found.needed) for part in self._named(name, names, cells, True)]
        needs += [part for name in sorted(found.hinted) for part in self._named(name, names, cells, False)]
        for imported in sorted(found.imports, key=str):
            needs += self._imported(imported, names)
        return tuple(needs)

    def _named(
        self, dotted: str, names: Mapping[str, Any], cells: Mapping[str, Any], is_needed: bool
    ) -> Iterator[_Part | _Pending]:
        """Yield what a dotted name means, followed through modules of the project."""
        name, *attributes = dotted.split(".")
        if name in cells:
            # A name of an enclosing function has no statement of its own that could stand for it.
            yield _Pending({"__name__": names.get("__name__")}, name, cells[name])
            return
        if _is_special(name) or (name not in names and hasattr(builtins, name)):
            return
        if name not in names:
            if is_needed:
                raise _Opaque
            return
        value = names[name]
        while isinstance(value, ModuleType) and attributes and self._is_own(value.__name__, names):
            if attributes[0] not in vars(value):
                break
            names, name = vars(value), attributes.pop(0)
            value = names[name]
        yield _Pending(names, name, value, is_needed)

    def _imported(
        self, imported: tuple[int, str, str | None], names: Mapping[str, Any]
    ) -> Iterator[_Part | _Pending]:
        dots, module, name = imported
        if dots:
            package = str(names.get("__package__") or "").rsplit(".", dots - 1)[0]
            module = f"{package}.{module}" if module else package
        if not self._is_own(module, names):
            yield _Part("", "", digest([module, name or ""]), ())
            return
        found = sys.modules.get(module)
        if name is not None and found is not None and name not in vars(found):
            module, name, found = f"{module}.{name}", None, sys.modules.get(f"{module}.{name}")
        if found is None:
            raise _Opaque  # it is loaded only when the function runs
        if name is None:
            yield _Pending(names, module, found)
        else:
            yield _Pending(vars(found), name, vars(found)[name])

    def _is_own(self, module: str, names: Mapping[str, Any]) -> bool:
        """Tell whether a module belongs to the project of the module whose names are given."""
        top, home = module.partition(".")[0], str(names.get("__name__", "")).partition(".")[0]
        if top == home:
            return True
        folder = self._folder(top)
        return folder is not None and folder == self._folder(home)

    def _folder(self, top: str) -> Path | None:
        """Return the folder that a top-level module is imported from; None for installed ones."""
        if top not in self._folders:
            file = getattr(sys.modules.get(top), "__file__", None)
            if file is None or top in sys.stdlib_module_names:
                self._folders[top] = None
            else:
                path = Path(file).absolute()
                folder = path.parents[1] if hasattr(sys.modules[top], "__path__") else path.parent
                self._folders[top] = None if folder.name in ("site-packages", "dist-packages") else folder
        return self._folders[top]

    def _file_of(self, names: Mapping[str, Any]) -> SourceFile | None:
        path = names.get("__file__")
        return self._file(str(path), names) if path else None

    def _file(self, path: str, names: Mapping[str, Any]) -> SourceFile | None:
        if path not in self._files:
            self._files[path] = source_file(path, dict(names))
        return self._files[path]


def _is_special(name: str) -> bool:
    # Python gives such names; values like that of `__file__` say where the code is, not what it does.
    return name.startswith("__") and name.endswith("__")


def _unwrapped(live: FunctionType) -> FunctionType:
    while isinstance(inner := live.__dict__.get("__wrapped__"), FunctionType):
        live = inner
    return live


def _cells(live: FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(live.__code__.co_freevars, live.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # a cell that is filled later; reading it would fail as well
            raise _Opaque from None
    return found


_SCALARS = (int, float, complex, str, bytes, bool, type(None), type(...), range)


def _plain_form(value: Any) -> list[str] | None:
    """Return the tokens of a value made of Python's own scalars and collections; None for any other."""
    kind = type(value)
    if kind in _SCALARS:
        return [f"{kind.__name__}:{hex(value) if kind is int else value if kind is str else repr(value)}"]
    try:
        if kind in (list, tuple):
            return _nested(kind.__name__, map(_plain_form, value))
        if kind in (set, frozenset):
            forms = [_plain_form(item) for item in value]
            return _nested(kind.__name__, None if None in forms else sorted(filter(None, forms)))
        if kind is dict:
            pairs = value.items()
            return _nested("dict", (_nested("", map(_plain_form, pair)) for pair in pairs))
    except RecursionError:  # it holds itself
        return None
    return None


def _nested(kind: str, forms: Iterable[list[str] | None] | None) -> list[str] | None:
    if forms is None:
        return None
    tokens = [f"{kind}["]
    for form in forms:
        if form is None:
            return None
        tokens += form
    tokens.append("]")
    return tokens
