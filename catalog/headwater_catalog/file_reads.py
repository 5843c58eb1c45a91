"""Which files a definition reads: those of the tree by path, where the text tells it, else a doubt."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from headwater.source_files import Definition
from headwater_catalog.read.modules import Module
from headwater_catalog.read.scope import Unknown

__all__ = ["FileReads", "Named"]

Named = Callable[[str, Module], "tuple[str, ...] | Unknown | None"]
"""Gives what a dotted name means: a unit of the tree, something outside, or None where it is Python's own."""

_METHODS: Final = frozenset({"open", "read_bytes", "read_text"})
_LISTING: Final = frozenset({"glob", "iglob", "iterdir", "listdir", "rglob", "scandir", "walk"})
_READING: Final = re.compile(r"(?:read|scan|open|get_data|load|loadtxt|genfromtxt|fromfile|memmap)(?:_\w+)?$")
_OPENING: Final = frozenset(
    ("duckdb.connect", "fileinput.input", "linecache.getline", "linecache.getlines", "numpy.memmap")
    + ("pandas.ExcelFile", "pandas.HDFStore", "pyarrow.OSFile", "pyarrow.dataset.dataset")
    + ("pyarrow.memory_map", "pyarrow.parquet.ParquetFile", "sqlite3.connect", "zipfile.ZipFile")
)
_FROM_STREAMS: Final = frozenset(
    ("json.load", "marshal.load", "pickle.load", "tomllib.load", "tomli.load", "yaml.load", "os.read")
)
"""What reads what others have opened."""

_LOADERS: Final = frozenset({"headwater.dataloader", "headwater.datasaver"})
"""Modifiers by which a function says that it reads or writes the world."""

_PATHS: Final = frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath", "str", "fspath"})
_SAME: Final = frozenset({"absolute", "abspath", "as_posix", "normpath", "realpath", "resolve"})
_ARGUMENTS: Final = frozenset(
    ("file", "filename", "filepath_or_buffer", "fname", "io", "path", "path_or_buf", "source")
)
_MOST_STEPS: Final = 30


@dataclass(frozen=True)
class FileReads:
    """Tells what files definitions read.

    Attributes:
        files: The names of the contents of all files of the tree, by path.
        modules: The modules of the tree by name.
        named: What dotted names mean.
        definition_of: Gives the statements that give a name of a module its value, where nothing else does.
    """

    files: Mapping[str, str]
    modules: Mapping[str, Module]
    named: Named
    definition_of: Callable[[str, str], Definition | None]

    def of(self, home: Module, definition: Definition) -> Iterator[tuple[str, tuple[str, ...] | Unknown]]:
        """Yield the files that a definition of a module reads, and doubts where the text does not tell."""
        # Whoever is declared to load has no doubts beyond what the declaration says of it.
        is_loader = any(self.meant(name, home) in _LOADERS for name in definition.names.needed)
        look = _Look(self, home, definition)
        for name, found in look.found():
            if not (is_loader and isinstance(found, Unknown)):
                yield name, found

    def meant(self, dotted: str, home: Module) -> str:
        """Return the full name of what is no code of the tree; empty for what is."""
        target = self.named(dotted, home)
        if target is None:
            return dotted
        return target[1] if isinstance(target, tuple) and target[0] == "outside" else ""

    @cached_property
    def folders(self) -> Collection[str]:
        """The folders of the tree; "" is the tree itself."""
        found = {""}
        for path in self.files:
            while (path := posixpath.dirname(path)) not in found:
                found.add(path)
        return found


class _Look:
    """Looks for reads of files in one definition."""

    def __init__(self, reads: FileReads, home: Module, definition: Definition) -> None:
        self._reads, self._home, self._definition = reads, home, definition
        self._paths = _Paths(reads)

    def found(self) -> Iterator[tuple[str, tuple[str, ...] | Unknown]]:
        if not self._may_read():
            return
        nodes = [node for root in self._definition.nodes for node in ast.walk(root)]
        readers = [(node, name) for node in nodes if (name := self._reader(node))]
        if readers:
            own = frozenset(_bound(nodes, self._definition))
            calls = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
            for node, name in readers:
                yield from self._read(node, name, calls.get(id(node)), own)
        if any(isinstance(node, ast.Name) and node.id == "__file__" for node in nodes):
            for root in self._definition.nodes:
                yield from self._beside(root)

    def _may_read(self) -> bool:
        """Tell whether anything is mentioned that may read files: of most definitions that is soon told."""
        definition = self._definition
        if "__file__" in definition.attributes or any(map(_is_method, definition.attributes)):
            return True
        return any(_opens(self._reads.meant(dotted, self._home)) for dotted in definition.names.needed)

    def _reader(self, node: ast.AST) -> str:
        """Return the name of what reads files, if a node is that; else nothing."""
        if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
            return ""
        dotted, last = _dotted(node), node.attr if isinstance(node, ast.Attribute) else node.id
        if dotted and dotted in self._definition.names.needed:
            target = self._reads.named(dotted, self._home)
            if target is None or (isinstance(target, tuple) and target[0] == "outside"):
                meant = self._reads.meant(dotted, self._home)
                return dotted if _opens(meant) else ""
            if isinstance(target, tuple) and target[0] == "code" and target[2] in ("", last):
                return ""  # a function of the tree, which is looked at for itself
        if not isinstance(node, ast.Attribute):
            return ""
        return f".{last}" if _is_method(last) else ""

    def _read(
        self, node: ast.AST, name: str, call: ast.Call | None, own: frozenset[str]
    ) -> Iterator[tuple[str, tuple[str, ...] | Unknown]]:
        path: ast.expr | None = None
        last = name.rpartition(".")[2]
        if call is not None and last not in _LISTING:
            if name.startswith(".") and last in _METHODS and isinstance(node, ast.Attribute):
                path = node.value
            else:
                given = [each.value for each in call.keywords if each.arg in _ARGUMENTS]
                path = next(iter((*call.args, *given)), None)
            if _is_in_memory(path) or (last == "open" and _only_writes(call, name.startswith("."))):
                return
        where = self._paths.of(path, self._home, own) if path is not None else None
        yield (where or name), self._target(where, f"'{name}' reads a file that the text does not name")

    def _beside(self, node: ast.AST) -> Iterator[tuple[str, tuple[str, ...] | Unknown]]:
        """Yield the files that are named by where they are from the module, whatever reads them."""
        if isinstance(node, ast.expr) and _mentions_file(node):
            where = self._paths.of(node, self._home, frozenset())
            if where is not None:
                if where != self._home.path and where not in self._reads.folders:
                    yield where, self._target(where, "")
                return
        for child in ast.iter_child_nodes(node):
            yield from self._beside(child)

    def _target(self, where: str | None, doubt: str) -> tuple[str, ...] | Unknown:
        if where is None:
            return Unknown(doubt)
        if where not in self._reads.files:
            return Unknown(f"'{where}' is read, which is no file of the repository")
        return "file", where


class _Paths:
    """Works out paths that are put together from constants, relative to the tree."""

    def __init__(self, reads: FileReads) -> None:
        self._reads = reads

    def of(self, node: ast.expr, home: Module, own: Collection[str]) -> str | None:
        """Return the path that an expression is, where nothing but the text decides; "" is the tree."""
        found = self._raw(node, home, own, _MOST_STEPS)
        if found is None or found.startswith("/"):
            return None
        plain = posixpath.normpath(found) if found else "."
        return None if plain.startswith("..") else "" if plain == "." else plain

    def _raw(self, node: ast.expr, home: Module, own: Collection[str], steps: int) -> str | None:
        if steps <= 0:
            return None

        def raw(inner: ast.expr) -> str | None:
            return self._raw(inner, home, own, steps - 1)

        match node:
            case ast.Constant(value=str(text)):
                return text if _stands_there(node, text) else None
            case ast.Name(id="__file__"):
                return home.path
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return _joined([raw(left), raw(right)])
            case ast.Attribute(value=inner, attr="parent"):
                return _parent(raw(inner))
            case ast.Subscript(
                value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(n))
            ) if 0 <= n < _MOST_STEPS:
                path = raw(inner)
                for _ in range(n + 1):
                    path = _parent(path)
                return path
            case ast.Call(func=func, args=args, keywords=[]):
                return self._called(func, args, home, raw)
            case ast.Name() | ast.Attribute():
                return self._constant(node, home, own, steps)
        return None

    def _called(
        self, func: ast.expr, args: list[ast.expr], home: Module, raw: Callable[[ast.expr], str | None]
    ) -> str | None:
        dotted = _dotted(func) or ""
        last = func.attr if isinstance(func, ast.Attribute) else dotted
        if last in _PATHS or (last == "join" and self._reads.meant(dotted, home).endswith("path.join")):
            return _joined([raw(each) for each in args])
        if last == "dirname" and len(args) == 1:
            return _parent(raw(args[0]))
        if last in _SAME and len(args) == 1:
            return raw(args[0])
        if last == "files" and len(args) == 1 and isinstance(args[0], ast.Constant):
            module = self._reads.modules.get(str(args[0].value))
            return posixpath.dirname(module.path) if module is not None else None
        if isinstance(func, ast.Attribute):
            if last in _SAME and not args:
                return raw(func.value)
            if last == "joinpath":
                return _joined([raw(func.value), *map(raw, args)])
            if last == "with_name" and len(args) == 1:
                return _joined([_parent(raw(func.value)), raw(args[0])])
        return None

    def _constant(
        self, node: ast.Name | ast.Attribute, home: Module, own: Collection[str], steps: int
    ) -> str | None:
        dotted = _dotted(node)
        if dotted is None or dotted.partition(".")[0] in own:
            return None
        target = self._reads.named(dotted, home)
        if not isinstance(target, tuple) or target[0] != "code" or not target[2]:
            return None
        if isinstance(node, ast.Attribute) and target[2] != node.attr:
            return None  # an attribute of a constant
        definition = self._reads.definition_of(target[1], target[2])
        match definition.nodes if definition is not None else []:
            case [ast.Assign(targets=[ast.Name()], value=value)] | [ast.AnnAssign(value=ast.expr() as value)]:
                return self._raw(value, self._reads.modules[target[1]], (), steps - 1)
        return None


def _is_method(name: str) -> bool:
    """Tell whether methods of a name read files, whatever they are methods of."""
    return name in _METHODS or name in _LISTING or name.startswith(("read_", "scan_"))


def _opens(meant: str) -> bool:
    last = meant.rpartition(".")[2]
    if meant in _OPENING or (last in _LISTING and "." in meant):
        return True
    if meant in _FROM_STREAMS or meant.startswith("headwater.") or not _READING.fullmatch(last):
        return False
    # Data sets that packages come with are named `load_...`; of functions that load, few take no path.
    return meant == "open" or ("." in meant and not last.startswith("load_"))


def _bound(nodes: list[ast.AST], definition: Definition) -> Iterator[str]:
    """Yield the names that a definition has for itself, so that they mean nothing of the module."""
    for node in nodes:
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id


def _dotted(node: ast.AST) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else None


def _stands_there(node: ast.Constant, text: str) -> bool:
    """Tell whether a text stands in the code word for word, where `mentions` looks for the names of files."""
    if not text.isprintable() or set(text) & set("'\"\\") or node.lineno != node.end_lineno:
        return False
    length = (node.end_col_offset or 0) - node.col_offset
    return length - len(text.encode("utf-8", "surrogatepass")) in (2, 3)  # quotes, and perhaps one letter


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return posixpath.join(*known) if known and len(known) == len(parts) else None


def _parent(path: str | None) -> str | None:
    return posixpath.dirname(posixpath.normpath(path)) if path else None


def _is_in_memory(path: ast.expr | None) -> bool:
    """Tell whether what is read is a text or bytes that are at hand."""
    named = _dotted(path.func) if isinstance(path, ast.Call) else None
    return named is not None and named.rpartition(".")[2] in ("StringIO", "BytesIO")


def _only_writes(call: ast.Call, is_method: bool) -> bool:
    given = [each.value for each in call.keywords if each.arg == "mode"]
    mode = next(iter((*call.args[0 if is_method else 1 :], *given)), None)
    text = mode.value if isinstance(mode, ast.Constant) and isinstance(mode.value, str) else "r"
    return not {"r", "+"}.intersection(text)


def _mentions_file(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "__file__" for each in ast.walk(node))
