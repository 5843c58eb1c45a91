"""Classes as they stand in the source, before any name in them is followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.normal_form import digest
from headwater_catalog.read.changes import before_changes, changed_by, may_change, set_by_name
from headwater_catalog.read.syntax import is_literal, walk

__all__ = ["RawClass", "raw_class"]

_ATTRIBUTE = re.compile(r"\.\s*(\w+)")

Method = tuple[tuple[str, ...], str]
"""The names of the decorators of a function in a class, and of the attribute that is all it returns."""


class RawClass(NamedTuple):
    """What a top-level class says that others can take from it.

    Attributes:
        name: Its name.
        bases: Its base classes.
        decorators: Its decorators.
        annotations: The types of annotated names.
        names: All names that its body binds, with the place of their statement in the body.
        constants: The values of names that the body sets once, in its order.
        methods: The functions in it by name: what their decorators are called, empty where that is no name,
            and the attribute that they return where they do nothing else.
        doubt: Why no name in it can be relied on, as a clause; empty where they can.
        open_lines: Lines of constants that may be known in part only: those parts say where they stand.
        source: Its lines without the bodies of its functions.
        digest: The hash of those and of what else counts.
    """

    name: str
    bases: tuple[ast.expr, ...]
    decorators: tuple[ast.expr, ...]
    annotations: Mapping[str, ast.expr]
    names: Mapping[str, int]
    constants: Mapping[str, ast.expr]
    methods: Mapping[str, Method]
    doubt: str
    open_lines: tuple[int, ...]
    source: str
    digest: str

    @property
    def is_annotated_only(self) -> bool:
        """Tell whether its body does nothing but annotate names, as that of a `TypedDict` does."""
        return not self.names and not self.doubt


def raw_class(definition: ast.ClassDef, lines: Sequence[str]) -> RawClass | None:
    """Return what a class says; None where that is nothing which others could take.

    Args:
        definition: Its tree.
        lines: Those that its positions count.
    """
    body = _Body("is made with options of its class" if _has_options(definition) else "")
    for place, statement in enumerate(definition.body):
        body.add(statement, place)
    if not definition.bases and not body.constants:
        return None
    text = "\n".join(lines[definition.lineno - 1 : definition.end_lineno]) if body.constants else ""
    if _may_change(body.constants, text) and _changes_itself(definition, body.constants):
        body.doubt = "may be changed by the class itself"
    source = _source(definition, body.kept, lines)
    return RawClass(
        name=definition.name,
        bases=tuple(definition.bases),
        decorators=tuple(definition.decorator_list),
        annotations=body.annotations,
        names=body.names,
        constants=body.constants,
        methods=body.methods,
        doubt=body.doubt,
        open_lines=tuple(value.lineno for value in body.constants.values() if not is_literal(value)),
        source=source,
        digest=digest([source, repr((list(body.names), body.methods, body.doubt))]),
    )


def _has_options(definition: ast.ClassDef) -> bool:
    # `total=False` belongs to typed fields; `metaclass=` may make anything of a class.
    return any(keyword.arg != "total" for keyword in definition.keywords)


@dataclass
class _Body:
    """What the body of a class sets."""

    doubt: str
    annotations: dict[str, ast.expr] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    kept: list[ast.stmt] = field(default_factory=list)

    def add(self, statement: ast.stmt, place: int) -> None:
        """Note one statement."""
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                self.annotations[name] = annotation
                if value is not None:
                    self._bind(name, place, value)
                self.kept.append(statement)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._bind(name, place, value)
                self.kept.append(statement)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._bind(name, place)
                self.methods[name] = tuple(map(_name, statement.decorator_list)), _returned(statement)
            case ast.ClassDef(name=name):
                self._bind(name, place)
            case _:
                self.doubt = "stands in a class that does more than set names"

    def _bind(self, name: str, place: int, value: ast.expr | None = None) -> None:
        if name in self.names:  # what is set more than once is nothing for sure
            self.constants.pop(name, None)
            self.methods.pop(name, None)
        elif value is not None:
            self.constants[name] = value
        self.names.setdefault(name, place)


def _name(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Attribute):
        return decorator.attr
    return decorator.id if isinstance(decorator, ast.Name) else ""


def _returned(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the name of the attribute that is all a function returns, as it is or as text."""
    is_doc = isinstance(function.body[0], ast.Expr) and isinstance(function.body[0].value, ast.Constant)
    match function.body[1:] if is_doc else function.body:
        case [ast.Return(value=ast.Attribute(value=ast.Name(id="self"), attr=name))]:
            return name
        case [
            ast.Return(
                value=ast.Call(
                    func=ast.Name(id="str"),
                    args=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                    keywords=[],
                )
            )
        ]:
            return name
    return ""


def _may_change(constants: Mapping[str, ast.expr], text: str) -> bool:
    """Tell whether that is to be looked into; mostly the text of a class alone rules it out."""
    if not constants or not may_change(text):
        return False
    attributes = (name for part in before_changes(text) for name in _ATTRIBUTE.findall(part))
    return "setattr" in text or "delattr" in text or any(name in constants for name in attributes)


def _changes_itself(definition: ast.ClassDef, constants: Mapping[str, ast.expr]) -> bool:
    """Tell whether the code of a class may set its constants anew, or change them in place."""
    return any(name in constants or not name for node in walk(definition) for name in _reached(node))


def _reached(node: ast.AST) -> Iterator[str]:
    """Yield the attributes through which a node changes something; an empty one stands for any."""
    if isinstance(node, ast.Call) and (owner := set_by_name(node)) is not None:
        if not _is_self(owner):
            yield ""
        return
    # To set an attribute of `self` leaves that of the class alone, but a list that grows is the same one.
    sets = isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and not _is_self(node.value)
    target = node if sets else node.target if isinstance(node, ast.AugAssign) else changed_by(node)
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        if isinstance(target, ast.Attribute):
            yield target.attr
        target = target.value


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _source(definition: ast.ClassDef, kept: Sequence[ast.stmt], lines: Sequence[str]) -> str:
    """Return the lines that say what a class is: its head and what it sets."""
    first = min([definition.lineno, *(decorator.lineno for decorator in definition.decorator_list)])
    parts = [*definition.bases, *(keyword.value for keyword in definition.keywords)]
    head = first, max(definition.body[0].lineno - 1, *(part.end_lineno or 0 for part in parts), first)
    spans = [head, *((statement.lineno, statement.end_lineno) for statement in kept)]
    return "\n".join(line for start, end in spans for line in lines[start - 1 : end])
