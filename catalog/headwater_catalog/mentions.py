"""Which functions of two source trees may reach something that differs, as the names in them tell."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.modules import Module
from headwater_catalog.read.pieces import Piece, Pieces, Statement
from headwater_catalog.read.untouched import names_around

__all__ = ["Differing", "Sources", "differing", "may_name"]

_WORD: Final = re.compile(r"\w+")
_FILE_NAME: Final = re.compile(r"[^\s'\"/\\]+")
_FEW: Final = 50  # names of files that are looked for one by one
_IMPORTING: Final = re.compile("import_module|importlib")
_PUT_TOGETHER: Final = re.compile(r"\\[^\n]|['\"]\s+[a-zA-Z]{0,2}['\"]|\w['\"]{2}\w")
"""Where a text may stand for another: an escape, or strings side by side, which are one."""


def _plain(text: str) -> str:
    # Python takes names for equal that are written in several ways.
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_plain(text)))


@dataclass(frozen=True)
class _Said:
    """A statement of a module, as one of its names has it.

    Attributes:
        text: What it says; statements of equal texts say the same.
        module: Of an import from a module, where that is.
        function: What it says if it is a function.
    """

    text: str
    module: str = ""
    function: RawFunction | None = None

    def mentions(self, names: Collection[str], whole: Collection[str]) -> bool:
        """Tell whether it may mean something else where some names do, or all that some modules hold."""
        if self.module and not _words(self.module).isdisjoint(whole):
            return True
        found = self._words.intersection(names)
        if self.function is None or not found:
            return bool(found)
        if _PUT_TOGETHER.search(self.text):
            return True
        # Inside a function its parameters are its own.
        own = found.intersection(parameter.name for parameter in self.function.parameters)
        return len(own) < len(found) or any(
            not _words(text).isdisjoint(own) for text in names_around(self.function)
        )

    @cached_property
    def _words(self) -> frozenset[str]:
        return _words(self.text)


@dataclass(slots=True)
class _Names:
    """The top-level names of one file, each with the statements that may have to do with it, in order."""

    said: dict[str, list[_Said]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    def add(self, statement: Statement, piece: Piece) -> None:
        """Note what a statement says.

        Raises:
            RecursionError: It is nested too deep to be looked through.
        """
        function, node = statement.function, statement.node
        if function is not None:
            self._note(_Said(function.source, function=function), function.name)
        elif isinstance(node, ast.ClassDef):
            self._note(_Said(piece.text), node.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._note(_Said(f"import {alias.name} as {alias.asname}", alias.name), name)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(source)
                else:
                    self._note(_Said(f"{source}:{alias.name}", source), alias.asname or alias.name)
        else:
            said = _Said(ast.unparse(node))
            self._note(said, *_words(said.text))

    def _note(self, said: _Said, *names: str) -> None:
        for name in names:
            self.said.setdefault(name, []).append(said)


@dataclass(frozen=True)
class Sources:
    """The files of a source tree, as far as their names go.

    Attributes:
        modules: Its modules by name.
        text_of: Gives the text of a module; that of one which cannot be decoded is empty.
        pieces: Reads texts; whoever has read these trees knows most of it.
        files: The names of the contents of all files by path, those that are no modules included.
    """

    modules: Mapping[str, Module] = field(default_factory=dict)
    text_of: Callable[[Module], str] = lambda module: ""
    pieces: Pieces = field(default_factory=Pieces)
    files: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {}

    @cached_property
    def _names(self) -> dict[str, _Names | None]:
        return {}

    def text(self, name: str) -> str:
        """Return the text of a module; it is empty where there is none."""
        if name not in self._texts:
            module = self.modules.get(name)
            self._texts[name] = _plain(self.text_of(module)) if module else ""
        return self._texts[name]

    def names(self, name: str) -> _Names | None:
        """Return the names of a module; None where they cannot all be told."""
        if name not in self._names:
            self._names[name] = _names_of(self.text_of(self.modules[name]), self.pieces)
        return self._names[name]

    def files_said(self, name: str, file_names: AbstractSet[str]) -> AbstractSet[str]:
        """Return which names of files, each the last part of a path, stand in a module as they are."""
        text = self.text(name)
        if len(file_names) <= _FEW:
            return {each for each in file_names if each in text}
        found = set(_FILE_NAME.findall(text))
        return {each for each in file_names if each in found or (" " in each and each in text)}

    def mention(self, word: str) -> bool:
        """Tell whether a word may stand in any module."""
        return any(word in self.text(name) for name in self.modules)


def may_name(text: str, keys: Iterable[str]) -> bool:
    """Tell whether a text may have any of some keys as a name or a string."""
    text = _plain(text)
    return any(key in text for key in keys) or _PUT_TOGETHER.search(text) is not None


def _names_of(text: str, pieces: Pieces) -> _Names | None:
    found = _Names()
    try:
        for piece in pieces.read(text):
            if piece.fault or piece.names:
                return None
            for statement in piece.statements:
                found.add(statement, piece)
    except RecursionError:
        return None
    return found if text else None  # which may be that of a file that cannot be decoded


class Differing:
    """The names of modules which may mean something else in one of two source trees."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}
        self._whole: set[str] = set()

    def __contains__(self, place: tuple[str, str]) -> bool:
        """Tell whether a name of a module, given after its module, may mean something else."""
        module, name = place
        return module in self._whole or name in self._names.get(module, ())

    @property
    def modules(self) -> Iterable[str]:
        """The modules that are not the same, or reach something that is not."""
        return self._names

    def add(self, module: str, names: Iterable[str] | None) -> bool:
        """Note names of a module, or all of them; return whether that says anything new."""
        is_new = module not in self._names
        known = self._names.setdefault(module, set())
        if names is None:
            is_new |= module not in self._whole
            self._whole.add(module)
            return is_new
        size = len(known)
        known.update(names)
        return is_new or len(known) > size

    def is_whole(self, module: str) -> bool:
        """Tell whether anything in a module may mean something else."""
        return module in self._whole

    def of(self, module: str) -> set[str]:
        """Return the names of a module."""
        return self._names[module]


def differing(before: Sources, after: Sources) -> Differing:
    """Return what may mean something else in two source trees.

    A definition can only reach what its text mentions, be it through other names. So what mentions nothing
    that differs means the same, without a look into it; of what does mention something only a look can tell.
    """
    found = Differing()
    for name in before.modules.keys() | after.modules.keys():
        old, new = before.modules.get(name), after.modules.get(name)
        if old is new or old == new:
            continue
        is_there = old is not None and new is not None and old.path == new.path
        found.add(name, _changed(before.names(name), after.names(name)) if is_there else None)
    _add_readers(found, before, after)
    _Spreading(found, before, after).spread()
    return found


def _add_readers(found: Differing, before: Sources, after: Sources) -> None:
    """Note the names that mention files which are not the same, and so may read them."""
    paths = before.files.keys() | after.files.keys()
    changed = {path for path in paths if before.files.get(path) != after.files.get(path)}
    file_names = {_plain(path.rpartition("/")[2]) for path in changed}
    for side in (before, after) if file_names else ():
        for module in side.modules:
            if said := side.files_said(module, file_names):
                names = side.names(module)
                found.add(module, _saying(names, said) if names is not None else None)


def _saying(names: _Names, said: Collection[str]) -> set[str] | None:
    """Return the names whose statements say one of some texts; None where none of them does."""
    found = {
        name
        for name, each in names.said.items()
        if any(text in _plain(one.text) for one in each for text in said)
    }
    return found or None


def _changed(before: _Names | None, after: _Names | None) -> set[str] | None:
    if before is None or after is None or before.stars != after.stars:
        return None
    names = before.said.keys() | after.said.keys()
    return {name for name in names if _texts(before, name) != _texts(after, name)}


def _texts(names: _Names, name: str) -> list[str]:
    return [said.text for said in names.said.get(name, ())]


class _Spreading:
    """Finds what mentions something that differs, until nothing more does."""

    def __init__(self, found: Differing, before: Sources, after: Sources) -> None:
        self._found, self._sides = found, (before, after)
        self._modules = sorted(before.modules.keys() | after.modules.keys())
        self._visible: dict[str, set[str]] = {}
        self._whole: dict[str, set[str]] = {}
        # What works on the output of functions of its module is not mentioned by them.
        self._is_mutating = any(side.mention("mutate") for side in self._sides)

    def spread(self) -> None:
        if self._is_mutating:
            for module in list(self._found.modules):
                self._found.add(module, None)
        pending = dict.fromkeys(self._found.modules)
        while pending:
            source, _ = pending.popitem()
            last = _plain(source.rpartition(".")[2])
            for module in self._modules:
                if (module == source or self._may_import(module, source, last)) and self._reach(
                    module, source, last
                ):
                    pending[module] = None

    def _may_import(self, module: str, source: str, last: str) -> bool:
        # What a package holds is imported by dots alone from inside it.
        return module.startswith(f"{source}.") or any(
            last in (text := side.text(module)) or _IMPORTING.search(text) is not None for side in self._sides
        )

    def _reach(self, module: str, source: str, last: str) -> bool:
        """Note what of a module may reach what differs in another; return whether that says anything new."""
        found, is_whole = self._found, self._found.is_whole(source)
        names = found.of(source) | {last}  # by its own name a module is reached as a whole, also from inside
        visible = self._visible.setdefault(module, set())
        whole = self._whole.setdefault(module, set())
        if names <= visible and (not is_whole or last in whole):
            return False
        visible |= names
        whole |= {last} if is_whole else set()
        if found.is_whole(module):
            return False
        if is_whole and module.startswith(f"{source}."):
            return found.add(module, None)
        here = [side.names(module) for side in self._sides if module in side.modules]
        if any(each is None or (each.stars and is_whole) for each in here):
            return found.add(module, None)
        sides = [each for each in here if each is not None]
        new = {name for each in sides for name in _mentioning(each, visible, whole)}
        if any(each.stars for each in sides):
            new |= names
        return bool(new) and found.add(module, None if self._is_mutating else new)


def _mentioning(names: _Names, visible: Collection[str], whole: Collection[str]) -> Iterator[str]:
    for name, statements in names.said.items():
        if any(said.mentions(visible, whole) for said in statements):
            yield name
