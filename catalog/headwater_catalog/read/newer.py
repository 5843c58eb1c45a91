"""Syntax newer than the host's Python: what can be said in older syntax is, line for line, and then read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from headwater_catalog.read.syntax import TOO_DEEP, Unreadable, parse, walk
from headwater_catalog.recent import Recent

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

__all__ = ["parse_newer", "parsed_lately"]

_LONGEST: Final = 50_000
"""Bytes above which a statement is not looked into; the parser needs long for some that are no Python."""

_MOST_NESTED: Final = 10
"""How many f-strings may stand in each other; every one is read again for the one around it."""

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_IMPORTS: Final = frozenset({"future_import_statement", "import_from_statement", "import_statement"})


def parse_newer(text: str) -> ast.Module:
    """Return the syntax tree of a text that may be for a newer Python.

    Type parameters are kept as Python 3.12 keeps them, in `type_params`; a `type` statement is read as a
    class, which gives its name to a type just so. An f-string is what it is in any Python.

    Raises:
        Unreadable: It cannot be read in older syntax either.
    """
    try:
        return parse(text)
    except Unreadable as error:
        try:
            older = None if len(text) > _LONGEST else _older(text)
            if older is not None:
                return older.parsed()
        except RecursionError as deep:
            raise Unreadable(0, TOO_DEEP) from deep
        raise error


_LATELY: Final[Recent[tuple[str, ast.Module]]] = Recent(lambda kept: len(kept[0]), 300_000)


def parsed_lately(text: str, read: Callable[[str], ast.Module] = parse_newer) -> ast.Module:
    """Return the tree of a text that several questions are asked of, one soon after the other.

    The tree is shared: nobody may change what it says.

    Raises:
        Unreadable: It cannot be read.
    """
    return _LATELY.get(text, lambda: (text, read(text)))[1]


@dataclass
class _Older:
    """A text on its way to older syntax.

    Attributes:
        source: Its bytes.
        edits: Where from, where to, and what to put there; they do not overlap.
        f_strings: The trees that belong in the places of some names.
        variables: Names of type variables by the line of the definition.
        prefix: What those names begin with; the text has it nowhere.
    """

    source: bytes
    prefix: str = "f_string_"
    edits: list[tuple[int, int, bytes]] = field(default_factory=list)
    f_strings: dict[str, ast.JoinedStr] = field(default_factory=dict)
    variables: dict[int, list[str]] = field(default_factory=dict)

    def parsed(self) -> ast.Module:
        tree = parse(_decoded(_edited(self.source, self.edits)))
        for node in walk(tree):
            if isinstance(node, _DEFINITIONS) and node.lineno in self.variables:
                vars(node)["type_params"] = [TypeVar(name) for name in self.variables[node.lineno]]
        return _Put(self.f_strings).visit(tree) if self.f_strings else tree

    def collect(self, root: Node) -> None:
        """Note everything below a node that older Pythons do not know."""
        stack = [root]
        while stack:
            node = stack.pop()
            match node.type:
                case "string" | "concatenated_string":
                    self._string(node)
                    continue
                case "type_parameter":
                    self._type_parameters(node)
                case "type_alias_statement":
                    self._type_alias(node)
                    continue
                case "except_clause":
                    self._except(node)
                case "ERROR":
                    self._lazy_import(node)
            stack.extend(node.children)

    def _type_parameters(self, node: Node) -> None:
        definition = node.parent
        if definition is None or definition.type not in ("class_definition", "function_definition"):
            return
        line = definition.start_point[0] + 1
        names = (_first_name(child) for child in node.named_children if child.type == "type")
        self.variables[line] = [name for name in names if name]
        self._replace(node, "")

    def _type_alias(self, node: Node) -> None:
        name = next((_first_name(child) for child in node.named_children), None)
        following = node.next_sibling
        # What follows behind a semicolon would become a part of the class.
        if name and (following is None or following.type != ";"):
            self._replace(node, f"class {name}", ": pass")

    def _except(self, node: Node) -> None:
        """Put the exceptions of `except A, B:` into parentheses."""
        if not any(child.type == "," for child in node.children):
            return
        colon = next((child for child in node.children if child.type == ":"), None)
        if colon is not None and node.named_children and node.named_children[0].end_byte <= colon.start_byte:
            start = node.named_children[0].start_byte
            self.edits += [(start, start, b"("), (colon.start_byte, colon.start_byte, b")")]

    def _lazy_import(self, node: Node) -> None:
        following = node.next_sibling
        if node.text == b"lazy" and following is not None and following.type in _IMPORTS:
            self.edits.append((node.start_byte, following.start_byte, b""))

    def _string(self, node: Node) -> None:
        """Put a name in the place of an f-string that older Pythons do not know."""
        if not _is_f_string(node) or _is_known(f"({_text(node)})"):
            return
        if _nesting(node) > _MOST_NESTED:
            raise Unreadable(node.start_point[0] + 1, TOO_DEEP)
        name = f"{self.prefix}{len(self.f_strings)}"
        self.f_strings[name] = ast.JoinedStr(list(_values_of(node)))
        lines = "\n" * (node.end_point[0] - node.start_point[0])
        self.edits.append((node.start_byte, node.end_byte, f"({name}{lines})".encode()))

    def _replace(self, node: Node, text: str, end: str = "") -> None:
        """Put a text in the place of a node, and as many line ends as that has."""
        lines = "\\\n" * (node.end_point[0] - node.start_point[0])
        self.edits.append((node.start_byte, node.end_byte, f"{text}{lines}{end}".encode()))


class TypeVar(ast.AST):
    """A type parameter of a definition, as Python 3.12 has it in its syntax trees."""

    _fields = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class _Put(ast.NodeTransformer):
    """Puts f-strings in the places of the names that stand for them."""

    def __init__(self, f_strings: dict[str, ast.JoinedStr]) -> None:
        self._f_strings = f_strings

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self._f_strings.get(node.id)
        if found is None:
            return node
        for inner in walk(found):
            if isinstance(inner, ast.expr):
                ast.copy_location(inner, node)
        return found


def _older(text: str) -> _Older | None:
    """Return a text with what is newer in it noted; None where nothing is, or too much."""
    older = _Older(text.encode("utf-8", "surrogatepass"))
    while older.prefix in text:
        older.prefix += "_"
    try:
        older.collect(_parser().parse(older.source).root_node)
    except Unreadable:  # what is in an f-string
        return None
    return older if older.edits else None


@cache
def _parser() -> Parser:
    # Only few files need it, and a scan is not to wait for it.
    import tree_sitter_python
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_python.language()))


def _edited(source: bytes, edits: Iterable[tuple[int, int, bytes]], start: int = 0) -> bytes:
    parts = []
    for begin, end, text in sorted(edits):
        parts += [source[start:begin], text]
        start = end
    return b"".join([*parts, source[start:]])


def _decoded(source: bytes) -> str:
    return source.decode("utf-8", "surrogatepass")


def _text(node: Node) -> str:
    return _decoded(node.text or b"")


def _first_name(node: Node) -> str | None:
    stack = [node]
    while stack:
        node = stack.pop()
        if node.type == "identifier":
            return _text(node)
        stack.extend(reversed(node.children))
    return None


def _is_known(expression: str) -> bool:
    try:
        parse(expression)
    except Unreadable:
        return False
    return True


# What is in an f-string


def _nesting(node: Node) -> int:
    """Return how many f-strings stand in each other."""
    deepest, stack = 0, [(node, 0)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        depth += node.type == "interpolation"
        stack += [(child, depth) for child in node.children]
    return deepest


def _is_f_string(node: Node) -> bool:
    if node.type == "concatenated_string":
        return any(_is_f_string(child) for child in node.children)
    return bool(node.children) and "f" in _text(node.children[0]).lower()


def _values_of(node: Node) -> Iterator[ast.expr]:
    """Yield the parts of a string, or of several that stand together, as the syntax tree has them."""
    if node.type == "concatenated_string":
        for child in node.children:
            if child.type == "string":
                yield from _values_of(child)
    elif _is_f_string(node):
        start, *_, end = node.children
        quoted = _text(start).lower().replace("f", "")
        holes = [child for child in node.children if child.type == "interpolation"]
        yield from _parts(node, start.end_byte, end.start_byte, holes, quoted)
    elif node.children:
        yield _only(parse(_text(node)))


def _parts(node: Node, start: int, end: int, holes: list[Node], quoted: str) -> Iterator[ast.expr]:
    """Yield the texts between the holes, and what is in the holes; `quoted` is how the string begins."""
    source, first = node.text or b"", node.start_byte
    for hole in [*holes, None]:
        text = _decoded(source[start - first : (hole.start_byte if hole else end) - first])
        if text:
            quotes = quoted.lstrip("rRbBuU")
            plain = text.replace("{{", "{").replace("}}", "}")
            yield _only(parse(f"{quoted}{plain}{quotes}"))
        if hole:
            yield from _hole(hole, quoted)
            start = hole.end_byte


def _hole(node: Node, quoted: str) -> Iterator[ast.expr]:
    """Yield what `{expression=!r:specification}` stands for."""
    by_type = {child.type: child for child in node.children}
    opening, closing = node.children[0], node.children[-1]
    ends = [by_type[kind] for kind in ("=", "type_conversion", "format_specifier") if kind in by_type]
    end = ends[0] if ends else closing
    source, first = node.text or b"", node.start_byte
    conversion = by_type.get("type_conversion")
    specification = by_type.get("format_specifier")
    kind = ord(_text(conversion)[-1]) if conversion else -1
    if "=" in by_type:
        after = (ends[1] if len(ends) > 1 else closing).start_byte
        yield ast.Constant(_decoded(source[opening.end_byte - first : after - first]))
        kind = kind if conversion or specification else ord("r")
    expression = _expression(node, opening.end_byte, end.start_byte)
    format_spec = None
    if specification is not None:
        holes = [child for child in specification.children if child.type == "format_expression"]
        begin, last = specification.start_byte + 1, specification.end_byte
        format_spec = ast.JoinedStr(list(_parts(specification, begin, last, holes, quoted)))
    yield ast.FormattedValue(expression, kind, format_spec)


def _expression(node: Node, start: int, end: int) -> ast.expr:
    """Return the expression between two places in a node, which may hold f-strings itself."""
    source, first = node.text or b"", node.start_byte
    text = _decoded(source[start - first : end - first])
    return _only(parse_newer(f"({text}\n)"))  # a comment may stand last


def _only(tree: ast.Module) -> ast.expr:
    """Return the expression that is all of a text."""
    statement = tree.body[0]
    if len(tree.body) > 1 or not isinstance(statement, ast.Expr):
        raise Unreadable(0, "This is no expression.")
    return statement.value
