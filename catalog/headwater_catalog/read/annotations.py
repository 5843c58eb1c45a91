"""Types that annotations in source text stand for, the same as the live objects would give."""

from __future__ import annotations

import ast
from typing import Final

from headwater.errors import DefinitionError
from headwater.types import NONE, Type, union
from headwater.values import Reference, Unevaluated, describe
from headwater_catalog.read.evaluate import Evaluator, source_text
from headwater_catalog.read.modules import Module
from headwater_catalog.read.operations import NotKnown
from headwater_catalog.read.scope import Scope, Unknown, Value

__all__ = ["Annotations"]

_MAX_STEPS: Final = 1_000
_MAX_DEPTH: Final = 50

_CLASS_MAKERS: Final = frozenset(
    {
        "collections.namedtuple",
        "dataclasses.make_dataclass",
        "enum.Enum",
        "enum.StrEnum",
        "typing.NamedTuple",
        "typing.NewType",
        "typing.TypedDict",
        "typing_extensions.TypedDict",
    }
)
"""Calls that make a class (or what acts as one) named by their first argument."""

_TYPE_VARIABLES: Final = frozenset({"typing.TypeVar", "typing_extensions.TypeVar"})

_LITERALS: Final = frozenset({"typing.Literal", "typing_extensions.Literal"})
_ANNOTATED: Final = frozenset(
    {
        "hamilton.htypes.column",
        "headwater.htypes.column",
        "typing.Annotated",
        "typing_extensions.Annotated",
    }
)


class Annotations:
    """Reads annotations of the modules of one source tree."""

    def __init__(self, scope: Scope, evaluator: Evaluator) -> None:
        self._scope = scope
        self._evaluator = evaluator
        self._steps = 0
        self._bare: dict[tuple[str, str], tuple[Type, str | None]] = {}

    def type(self, node: ast.expr, module: Module) -> tuple[Type, str | None]:
        """Return the type of an annotation in a module, and why it is only known as text, if so."""
        if not isinstance(node, ast.Name):
            return self._read(node, module)
        key = module.name, node.id  # most annotations of a module are a few names
        if key not in self._bare:
            self._bare[key] = self._read(node, module)
        return self._bare[key]

    def _read(self, node: ast.expr, module: Module) -> tuple[Type, str | None]:
        around, self._steps = self._steps, _MAX_STEPS  # a literal in a type may hold a type
        try:
            return self._type(node, module, 0), None
        except NotKnown as unknown:
            return Type(source_text(node)), unknown.reason
        except RecursionError:
            return Type(source_text(node)), "it is nested too deeply"
        finally:
            self._steps = around

    def _type(self, node: ast.expr, module: Module, depth: int) -> Type:
        self._steps -= 1
        if self._steps < 0 or depth > _MAX_DEPTH:
            raise NotKnown("the annotation is too long or defined by itself")
        match node:
            case ast.Constant(value=None):
                return NONE
            case ast.Constant(value=value) if value is ...:
                return Type("...")
            case ast.Constant(value=str(text)):
                return self._type(_parsed(text), module, depth + 1)
            case ast.Name(id=name) if name.startswith("~"):  # a type variable of the function's own
                return Type(name)
            case ast.Name() | ast.Attribute():
                return self._named(node, module, depth)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return union(self._type(left, module, depth + 1), self._type(right, module, depth + 1))
            case ast.List(elts=elements):
                return Type("[]", self._types(elements, module, depth))
            case ast.Subscript(value=value, slice=arguments):
                return self._generic(value, _elements(arguments), module, depth)
        raise NotKnown("it is not the name of a type")

    def _types(self, nodes: list[ast.expr], module: Module, depth: int) -> tuple[Type, ...]:
        return tuple(self._type(node, module, depth + 1) for node in nodes)

    def _named(self, node: ast.expr, module: Module, depth: int) -> Type:
        found = self.found(node, module)
        if isinstance(found, Reference):
            return NONE if found.name == "types.NoneType" else _plain(found.name)
        expression, home = found.expression, found.module
        if isinstance(expression, ast.Call):
            return self._made(found, expression)
        return self._type(expression, home, depth + 1)

    def _made(self, found: Value, call: ast.Call) -> Type:
        """Return the type that `T = TypeVar("T")` or `UserId = NewType("UserId", int)` makes."""
        maker = self.found(call.func, found.module)
        first = call.args[0] if call.args else None
        if isinstance(maker, Reference) and isinstance(first, ast.Constant) and first.value == found.name:
            if maker.name in _TYPE_VARIABLES:
                return Type(f"~{found.name}")
            if maker.name in _CLASS_MAKERS:
                return Type.named(self._scope.public_name(found.module, found.name))
        raise NotKnown(f"'{found.name}' is made by a call of '{source_text(call.func)}'")

    def _generic(self, base: ast.expr, arguments: list[ast.expr], module: Module, depth: int) -> Type:
        found = self.found(base, module)
        if not isinstance(found, Reference):
            raise NotKnown(f"'{found.name}' is an alias that takes types")
        if found.name in _LITERALS:
            return Type("typing.Literal", tuple(self._literal(node, module) for node in arguments))
        if found.name in _ANNOTATED and arguments:
            return Type.named("typing.Annotated", self._type(arguments[0], module, depth + 1))
        return Type.named(found.name, *self._types(arguments, module, depth))

    def _literal(self, node: ast.expr, module: Module) -> Type:
        try:
            value = self._evaluator.evaluate(node, module)
        except DefinitionError as error:
            raise NotKnown(str(error)) from error
        if isinstance(value, (Unevaluated, Reference)):
            raise NotKnown(f"'{describe(value)}' is no literal")
        return Type(repr(value))

    def found(self, node: ast.expr, module: Module) -> Value | Reference:
        """Return what a name means, dots in it followed.

        Raises:
            NotKnown: It is no name, or the text does not settle it.
        """
        found = self._scope.dotted(node, module)
        if found is None:
            raise NotKnown(f"'{source_text(node)}' is not the name of a type")
        if isinstance(found, Unknown):
            raise NotKnown(found.reason)
        return found


def _plain(name: str) -> Type:
    # Without arguments these two are no unions yet.
    return Type(name) if name in ("typing.Optional", "typing.Union") else Type.named(name)


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotKnown(f"'{text[:200]}' is no expression") from error
