"""Drivers that the code of a file constructs, and the modules and configuration it gives them."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from headwater_catalog.read.names import Definition, Dotted, Names, names_of, own_nodes
from headwater_catalog.read.newer import parsed_lately
from headwater_catalog.read.pieces import Piece
from headwater_catalog.read.signs import KINDS, LIBRARIES, lines_with
from headwater_catalog.read.syntax import Unreadable

__all__ = ["RawDriver", "drivers_in"]

_MOST: Final = 200
"""Drivers of one file, and modules of one driver."""

_Call = ast.Call


@dataclass(frozen=True, slots=True)
class RawDriver:
    """A driver as it stands in the source.

    Attributes:
        line: Where it is constructed.
        function: The function around it, with the class around that; empty at the top level.
        modules: The modules it is given, as they are imported.
        unknown: The text of what may be further modules.
        config: Expressions of its configuration, in which names of the file are replaced by what they stand
            for; later ones go before earlier ones.
    """

    line: int
    function: str
    modules: tuple[Dotted, ...]
    unknown: tuple[str, ...]
    config: tuple[ast.expr, ...]


def drivers_in(pieces: Sequence[Piece]) -> tuple[RawDriver, ...]:
    """Return the drivers that the code of a file constructs anywhere, in the order of the text.

    Only pieces that may have to do with drivers are looked into; of the others the names count that they set.
    """
    if not (any(piece.signs for piece in pieces) and any(p.imports_library for p in pieces)):
        return ()
    aliases = frozenset[str]().union(*(piece.aliases for piece in pieces if piece.aliases))
    looked_into = [p for p in pieces if p.signs or (aliases and any(a in p.text for a in aliases))]
    found: list[_Construction] = []
    with suppress(RecursionError):
        names = names_of(pieces)
        builders: _Builders = {}
        finders = [_Finder(piece, aliases) for piece in looked_into]
        for finder in finders:
            found += finder.top(names, builders)
        for finder in finders:  # functions run when all of the file has
            found += finder.definitions(names, builders)
    made = (construction.driver() for construction in sorted(found, key=lambda each: each.line))
    return tuple(driver for driver in made if driver.modules or driver.unknown)[:_MOST]


def _body_of(piece: Piece) -> list[ast.stmt]:
    try:
        return [*piece.body] or parsed_lately(piece.text).body
    except Unreadable:
        return []  # the diagnostics of the file tell


@dataclass(slots=True)
class _Construction:
    """A driver, or what builds one, with all that it is given."""

    line: int
    function: str
    modules: list[Dotted] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    config: list[ast.expr] = field(default_factory=list)

    def take_modules(self, given: Iterable[ast.expr], names: Names) -> None:
        """Add the modules among some arguments."""
        for expression in given:
            for item in names.modules(expression):
                if isinstance(item, Dotted):
                    self.modules.append(item)
                else:
                    self.unknown.append(item)

    def take_config(self, given: ast.expr, names: Names) -> None:
        """Add a configuration."""
        self.config.append(names.inlined(given))

    def copy(self, line: int, function: str) -> _Construction:
        """Return one more that is given all this one has so far."""
        return _Construction(line, function, [*self.modules], [*self.unknown], [*self.config])

    def driver(self) -> RawDriver:
        """Return what is known in the end."""
        modules = tuple(dict.fromkeys(self.modules))[:_MOST]
        unknown = tuple(dict.fromkeys(self.unknown))[:_MOST]
        return RawDriver(self.line, self.function, modules, unknown, tuple(self.config))


_Builders = dict[str, _Construction]
"""Builders by the text of the variable that holds them."""


class _Finder:
    """Goes through the code of one piece of a file, scope by scope."""

    def __init__(self, piece: Piece, aliases: frozenset[str]) -> None:
        self._done: set[int] = set()
        self._called = KINDS | aliases
        is_whole = not any(isinstance(statement.node, Definition) for statement in piece.statements)
        # Of definitions a piece keeps no bodies.
        self._body = [s.node for s in piece.statements] if is_whole else _body_of(piece)
        self._offset = piece.offset
        # Definitions with none of these lines are not looked into: they are most of a long file.
        self._lines = sorted((*piece.signs, *lines_with(aliases, piece.text)) if aliases else piece.signs)
        self._inner: list[Definition] = []

    def top(self, names: Names, builders: _Builders) -> Iterator[_Construction]:
        """Yield the constructions in the piece itself; `names` and `builders` are those of the file."""
        return self._own(self._body, names, builders, "", self._inner)

    def definitions(self, names: Names, builders: _Builders) -> Iterator[_Construction]:
        """Yield the constructions in the functions and classes of the piece."""
        return self._inside(self._inner, names, builders, "")

    def _own(
        self, body: list[ast.stmt], names: Names, builders: _Builders, function: str, inner: list[Definition]
    ) -> Iterator[_Construction]:
        """Yield the constructions in a body; collect the functions and classes in it that may have more."""
        # Until a builder is known, only lines with a sign can do anything.
        for node in own_nodes(body, lambda statement: not builders and not self._has_signs(statement)):
            if isinstance(node, Definition):
                if self._has_signs(node):
                    inner.append(node)
            else:
                yield from self._node(node, names, builders, function)

    def _inside(
        self, definitions: Iterable[Definition], names: Names, builders: _Builders, function: str
    ) -> Iterator[_Construction]:
        for definition in definitions:
            name = f"{function}.{definition.name}" if function else definition.name
            own, known, inner = names.inside(definition), {**builders}, list[Definition]()
            yield from self._own(definition.body, own, known, name, inner)
            yield from self._inside(inner, own, known, name)

    def _has_signs(self, statement: ast.stmt) -> bool:
        first = bisect.bisect_left(self._lines, statement.lineno)
        return first < len(self._lines) and self._lines[first] <= (statement.end_lineno or 0)

    def _node(
        self, node: ast.AST, names: Names, builders: _Builders, function: str
    ) -> Iterator[_Construction]:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            value = node.value.value if isinstance(node.value, ast.Await) else node.value
            if not isinstance(value, _Call):
                return
            known, is_new = self._call(value, names, builders, function)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if known is not None:
                builders.update({ast.unparse(target): known for target in targets})
        elif isinstance(node, _Call) and id(node) not in self._done:
            known, is_new = self._call(node, names, builders, function)
        else:
            return
        if known is not None and is_new:
            yield known

    def _call(
        self, call: _Call, names: Names, builders: _Builders, function: str
    ) -> tuple[_Construction | None, bool]:
        """Return what a call constructs or works on, and whether that is new."""
        chain, root = _chain(call)
        kind = self._kind(root, names) if isinstance(root, _Call) else ""
        if isinstance(root, _Call) and kind:
            self._done.update(map(id, (root, *chain)))
            made = _Construction(root.lineno + self._offset, function)
            if kind == "Builder":
                return self._chained(made, chain, names), True
            _give(made, root, names)
            return made, True
        if not builders or not chain or not isinstance(root, (ast.Name, ast.Attribute)):
            return None, False
        known = builders.get(ast.unparse(root))
        if known is None:
            return None, False
        self._done.update(map(id, chain))
        is_copy = any(_method(link) == "copy" for link in chain)
        known = known.copy(call.lineno + self._offset, function) if is_copy else known
        return self._chained(known, chain, names), is_copy

    def _kind(self, call: _Call, names: Names) -> str:
        """Return which public class of the library a call makes an object of; empty for any other call."""
        function = call.func
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        dotted = names.dotted(function) if called in self._called else None
        if dotted is None or dotted.level:
            return ""
        library, kind = dotted.name.partition(".")[0], dotted.name.rpartition(".")[2]
        return kind if library in LIBRARIES and kind in KINDS else ""

    def _chained(self, made: _Construction, chain: list[_Call], names: Names) -> _Construction:
        for link in chain:
            if _method(link) == "with_modules":
                made.take_modules(link.args, names)
            elif _method(link) == "with_config" and link.args:
                made.take_config(link.args[0], names)
        return made


def _chain(call: _Call) -> tuple[list[_Call], ast.expr]:
    """Return the calls of `root.a().b()` in their order, and the root, which may be a call of its own."""
    links: list[_Call] = []
    node: ast.expr = call
    while isinstance(node, _Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in KINDS:
            break
        links.append(node)
        node = node.func.value
    return links[::-1], node


def _method(link: _Call) -> str:
    return link.func.attr if isinstance(link.func, ast.Attribute) else ""


def _give(made: _Construction, call: _Call, names: Names) -> None:
    """Give a driver what its call does: `Driver(config, *modules)`."""
    config = next((keyword.value for keyword in call.keywords if keyword.arg == "config"), None)
    modules = call.args
    if config is None and modules and not isinstance(modules[0], ast.Starred):
        config, *modules = modules
    if config is not None:
        made.take_config(config, names)
    made.take_modules(modules, names)
