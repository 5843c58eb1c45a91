"""Values of expressions in source text, found without running it."""

from __future__ import annotations

import ast
import enum
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from headwater.errors import DefinitionError
from headwater.modifiers import UNPACKED
from headwater.modifiers.steps import Step
from headwater.types import Type
from headwater.values import Reference, Unevaluated
from headwater_catalog.read import calls, enums, operations
from headwater_catalog.read.ancestry import Ancestor, Ancestries, Ancestry
from headwater_catalog.read.calls import Generic, Take
from headwater_catalog.read.modules import Module
from headwater_catalog.read.operations import NotKnown, settled
from headwater_catalog.read.scope import Scope, Unknown, Value, public_modifier
from headwater_catalog.read.syntax import walk

__all__ = ["MAX_DEPTH", "MAX_STEPS", "Evaluator", "source_text"]

MAX_DEPTH: Final = 50
"""How deep expressions may be nested, constants they name included."""

MAX_STEPS: Final = 100_000
"""Steps that one expression may take; looking at a value counts its elements."""

_MOST_LOOPS: Final = 10

# Long evaluations share one limit, since a file may hold thousands of them; short ones are always granted.
_FREE_STEPS: Final = 100
_ALL_STEPS: Final = 2 * MAX_STEPS

_OUTSIDE: Final = {
    f"{module}.{name}": getattr(math, name)
    for module in ("math", "numpy")
    for name in ("e", "inf", "nan", "pi")
} | {"math.tau": math.tau}
"""Values outside the source tree that everyone knows."""

_CODE: Final = frozenset(
    ("collections", "datetime", "decimal", "functools", "itertools", "math", "numbers", "numpy")
    + ("operator", "pandas", "polars", "pyarrow", "statistics")
)
"""Packages whose names in lower case are classes and functions, too."""

_TYPE_STEPS: Final = 100  # that reading a type with arguments counts for

TypeOf = Callable[[ast.expr, Module], tuple[Type, str | None]]
"""Reads a type, and says why it is only known as text, if so."""


class _Exhausted(Exception):
    """The expression takes more steps or is deeper than is allowed."""


@dataclass(frozen=True, slots=True)
class _Inside:
    """The body of a class around an expression.

    Attributes:
        names: The names that it binds, with the places of their statements.
        place: That of the expression.
        value: Gives what a name stands for there.
    """

    names: Mapping[str, int]
    place: int
    value: Callable[[str], Any]

    def has(self, name: str) -> bool:
        """Tell whether a name means what the body has set above."""
        return self.names.get(name, self.place) < self.place


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where an expression stands.

    Attributes:
        module: Its module.
        lag: How many lines too far up it says that it stands.
        names: The variables of comprehensions around it.
        depth: How deep it is inside others.
        inside: The body of a class around it; what is inside a comprehension there does not see it.
    """

    module: Module
    lag: int = 0
    names: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0
    inside: _Inside | None = None


class Evaluator:
    """Evaluates expressions of the modules of one source tree.

    Literals, constants of modules and classes of the tree, members of enumerations, arithmetic,
    comprehensions, f-strings and a few pure built-ins have values; functions, classes and modules become a
    `Reference`; modifiers and `source()` and `value()` become the engine's objects. Everything else, and
    whatever takes too many steps or grows too large, is `Unevaluated` with the reason.

    Args:
        scope: Follows names.
        type_of: Reads types that have arguments.
        take: Gives the functions and modules that modifiers are given.
    """

    def __init__(self, scope: Scope, type_of: TypeOf, take: Take) -> None:
        self._scope = scope
        self._type_of = type_of
        self._take = take
        self._ancestries = Ancestries(scope)
        self._constants: dict[tuple[str, str], Any] = {}
        self._enumerations: dict[tuple[str, str], type[enum.Enum] | str] = {}
        self._steps = 0
        self._left = _ALL_STEPS

    def evaluate(self, node: ast.expr, module: Module, lag: int = 0) -> Any:
        """Return the value of an expression that stands in a module, so many lines below where it says.

        Raises:
            DefinitionError: It makes a modifier, or a part of one, with wrong arguments.
        """
        around = self._steps  # of the expression whose functions or types this one belongs to, if any
        granted = self._steps = max(_FREE_STEPS, min(MAX_STEPS, self._left))
        try:
            return self._item(node, _Frame(module, lag))
        except _Exhausted as error:
            return _unevaluated(node, str(error), lag)
        except RecursionError:
            return _unevaluated(node, "it is nested too deeply", lag)
        finally:
            self._left -= max(0, granted - self._steps - _FREE_STEPS)
            self._steps = around

    def _item(self, node: ast.expr, frame: _Frame, is_function: bool = False) -> Any:
        """Return the value of an expression, or the expression where its value is not known.

        Args:
            node: The expression.
            frame: Where it stands.
            is_function: Whether only a function or a module can stand there, so that any name is one.
        """
        try:
            value = self._visit(node, frame)
            if isinstance(value, Generic):
                return replace(value, text=source_text(node), line=node.lineno + frame.lag)
            return value if is_function or self._is_meant(value) else settled(value)
        except NotKnown as unknown:
            return _unevaluated(node, unknown.reason, frame.lag)

    def _is_meant(self, value: Any) -> bool:
        """Tell whether a value is what the code means: a name is, where it names a class or a function."""
        if not isinstance(value, Reference) or "." not in value.name or public_modifier(value.name):
            return True
        home, _, name = value.name.rpartition(".")
        known = home.partition(".")[0] in _CODE
        if not known and (self._scope.module(home) or self._scope.module(value.name)):
            return True
        # In code that cannot be looked into, only custom tells classes and functions from values.
        return not name.isupper() and (known or name[0].isupper())

    def _visit(self, node: ast.expr, frame: _Frame) -> Any:
        self._spend(1)
        if frame.depth > MAX_DEPTH:
            raise _Exhausted(f"it is nested more than {MAX_DEPTH} deep")
        inner = _Frame(frame.module, frame.lag, frame.names, frame.depth + 1, frame.inside)
        match node:
            case ast.Constant(value=value):
                return operations.bounded(value)
            case ast.Name(id=name):
                return self._name(name, inner)
            case ast.Attribute():
                return self._attribute(node, inner)
            case ast.Call():
                return self._call(node, inner)
            case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
                return operations.bounded(self._display(node, inner))
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return operations.bounded(self._comprehension(node, inner))
            case ast.JoinedStr(values=values):
                return operations.bounded("".join(self._piece(value, inner) for value in values))
        return self._operation(node, inner)

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise _Exhausted(f"evaluating it takes more than {MAX_STEPS:,} steps")

    def _operation(self, node: ast.expr, frame: _Frame) -> Any:
        match node:
            case ast.UnaryOp(op=op, operand=operand):
                return operations.unary(type(op), self._settled(operand, frame))
            case ast.BinOp(left=left, op=op, right=right):
                one, other = self._visit(left, frame), self._visit(right, frame)
                if isinstance(op, ast.BitOr) and (self._is_type(one) or self._is_type(other)):
                    return self._generic(node, frame)
                return self._binary(type(op), one, other)
            case ast.BoolOp(op=op, values=values):
                return self._choice(isinstance(op, ast.Or), values, frame)
            case ast.Compare():
                return self._compare(node, frame)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._visit(body if self._settled(test, frame) else orelse, frame)
            case ast.Subscript(value=value, slice=key):
                owner = self._visit(value, frame)
                if (members := self._enumeration(owner, frame)) is not None:
                    return operations.part(members.__members__, self._settled(key, frame))
                if self._is_type(owner):
                    return self._generic(node, frame)
                return self._subscript(owner, key, frame)
            case ast.Lambda():
                raise NotKnown("it is a lambda")
        raise NotKnown("this kind of expression is not evaluated")

    def _is_type(self, value: Any) -> bool:
        return isinstance(value, Generic) or (isinstance(value, Reference) and self._is_meant(value))

    def _generic(self, node: ast.expr, frame: _Frame) -> Generic:
        self._spend(_TYPE_STEPS)
        if frame.names and any(isinstance(n, ast.Name) and n.id in frame.names for n in walk(node)):
            raise NotKnown("it is a type made of what a comprehension goes through")
        if frame.inside and any(isinstance(n, ast.Name) and frame.inside.has(n.id) for n in walk(node)):
            raise NotKnown("it is a type made of what a class has")
        type_, reason = self._type_of(node, frame.module)
        if reason:
            raise NotKnown(f"as a type, {reason}")
        return Generic(source_text(node), "it is a type, not a value", node.lineno + frame.lag, type=type_)

    def _settled(self, node: ast.expr, frame: _Frame) -> Any:
        value = settled(self._visit(node, frame))
        self._spend(operations.size(value))
        return value

    # Names

    def _name(self, name: str, frame: _Frame) -> Any:
        if name in frame.names:
            return frame.names[name]
        if frame.inside is not None and frame.inside.has(name):
            return frame.inside.value(name)
        return self._found(self._scope.name(name, frame.module), frame)

    def _attribute(self, node: ast.Attribute, frame: _Frame) -> Any:
        owner = self._visit(node.value, frame)
        if isinstance(owner, enum.Enum):
            return enums.attribute(owner, node.attr)
        if not isinstance(owner, Reference):
            raise NotKnown("it is an attribute of a value")
        if (ancestry := self._ancestries.of(owner)) is not None:
            return self._of_class(ancestry, node.attr, frame)
        return self._found(self._scope.attribute(owner, node.attr), frame)

    def _found(self, found: Value | Reference | Unknown, frame: _Frame) -> Any:
        if isinstance(found, Unknown):
            raise NotKnown(found.reason)
        if isinstance(found, Value):
            return self._constant(found, frame)
        if found.name in _OUTSIDE:
            return _OUTSIDE[found.name]
        return found

    def _constant(self, constant: Value, frame: _Frame, inside: _Inside | None = None) -> Any:
        key = (constant.module.name, constant.name)
        if key not in self._constants:
            self._constants[key] = Unevaluated(constant.name, "it is defined by itself")
            try:
                inner = _Frame(constant.module, constant.lag, depth=frame.depth, inside=inside)
                self._constants[key] = self._item(constant.expression, inner)
            except (_Exhausted, DefinitionError):
                del self._constants[key]
                raise
        value = self._constants[key]
        if isinstance(value, Unevaluated) and not isinstance(value, Generic):
            raise NotKnown(f"{constant.name} = {value.text}: {value.reason}")
        return value

    # Classes

    def _of_class(self, ancestry: Ancestry, name: str, frame: _Frame) -> Any:
        """Return an attribute of a class."""
        if not ancestry.is_enumeration:
            return self._class_constant(ancestry.holder(name), name, frame)
        members = self._members(ancestry, frame).__members__
        return dict(members) if name == "__members__" else operations.part(members, name)

    def _class_constant(self, of: Ancestor, name: str, frame: _Frame) -> Any:
        if name not in of.raw.constants:
            raise NotKnown(f"'{name}' is set in a class in another way")
        value = Value(of.site.module, f"{of.site.name}.{name}", of.raw.constants[name], of.bound.lag)
        inside = _Inside(of.raw.names, of.raw.names[name], lambda own: self._class_constant(of, own, frame))
        return self._constant(value, frame, inside)

    def _enumeration(self, value: Any, frame: _Frame) -> type[enum.Enum] | None:
        """Return the enumeration that a value is; None where it is something else."""
        try:
            ancestry = self._ancestries.of(value) if isinstance(value, Reference) else None
        except NotKnown:
            return None
        is_known = ancestry is not None and ancestry.is_enumeration
        return self._members(ancestry, frame) if ancestry is not None and is_known else None

    def _members(self, ancestry: Ancestry, frame: _Frame) -> type[enum.Enum]:
        own = ancestry.classes[0]
        key = own.site.module.name, own.site.name
        if key not in self._enumerations:
            self._enumerations[key] = f"'{own.site.name}' is defined by itself"
            try:
                values = self._values(own, ancestry.kind(), frame)
                self._enumerations[key] = enums.made(*key, ancestry.kind(), values)
            except NotKnown as unknown:
                self._enumerations[key] = f"what '{own.site.name}' is made of is not known: {unknown.reason}"
            except (_Exhausted, DefinitionError):
                del self._enumerations[key]
                raise
        found = self._enumerations[key]
        if isinstance(found, str):
            raise NotKnown(found)
        return found

    def _values(self, of: Ancestor, kind: enums.Kind, frame: _Frame) -> dict[str, Any]:
        """Return the values of the members of an enumeration."""
        if len(of.raw.constants) > enums.MOST_MEMBERS:
            raise NotKnown(f"it has more than {enums.MOST_MEMBERS:,} members")
        values: dict[str, Any] = {}
        for name, expression in of.raw.constants.items():
            inside = _Inside(of.raw.names, of.raw.names[name], lambda own: operations.part(values, own))
            inner = _Frame(of.site.module, of.bound.lag, depth=frame.depth, inside=inside)
            if self._is_automatic(expression, inner):
                values[name] = enums.next_value(kind, name, list(values.values()))
            else:
                values[name] = self._settled(expression, inner)
        return values

    def _is_automatic(self, node: ast.expr, frame: _Frame) -> bool:
        if not isinstance(node, ast.Call) or node.args or node.keywords:
            return False
        return self._scope.dotted(node.func, frame.module) == Reference("enum.auto")

    def _opened(self, value: Any, frame: _Frame) -> Any:
        """Return the members in the place of an enumeration, since going through it gives them."""
        members = self._enumeration(value, frame)
        return value if members is None else list(members)

    # Calls

    def _call(self, node: ast.Call, frame: _Frame) -> Any:
        if isinstance(node.func, ast.Attribute):
            owner = self._visit(node.func.value, frame)
            if not isinstance(owner, Reference):
                args, kwargs = self._arguments(node, frame)
                if isinstance(owner, Step):
                    return calls.step_method(owner, node.func.attr, args, kwargs)
                opened = [self._opened(arg, frame) for arg in (*args, *kwargs.values())]
                return operations.method(owner, node.func.attr, opened)
        called = self._visit(node.func, frame)
        name = called.name if isinstance(called, Reference) else ""
        public = public_modifier(name)
        if public is not None:
            return calls.made(public, *self._arguments(node, frame, public), self._take)
        if operations.is_builtin(name):
            args, kwargs = self._arguments(node, frame)
            return operations.builtin(name, [self._opened(arg, frame) for arg in args], kwargs)
        if (members := self._enumeration(called, frame)) is not None:
            return operations.member(members, *self._arguments(node, frame))
        raise NotKnown(f"it is made by a call of '{source_text(node.func)}'")

    def _arguments(
        self, node: ast.Call, frame: _Frame, modifier: str = ""
    ) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                args += self._spread(arg, frame)
            else:
                args.append(self._item(arg, frame, calls.takes_function(modifier, len(args))))
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self._item(keyword.value, frame, calls.takes_function(modifier, keyword.arg))
            if keyword.arg is not None:
                kwargs[keyword.arg] = value
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                kwargs.update(value)
            else:
                kwargs[UNPACKED] = _unevaluated(keyword.value, _why(value), frame.lag)
        return args, kwargs

    def _spread(self, starred: ast.Starred, frame: _Frame) -> list[Any]:
        """Return the elements of `*values`, or one that stands for all where they are not known."""
        try:
            return self._elements(starred.value, frame)
        except NotKnown as unknown:
            return [_unevaluated(starred, unknown.reason, frame.lag)]

    def _elements(self, node: ast.expr, frame: _Frame) -> list[Any]:
        return _iterated(self._opened(self._visit(node, frame), frame))

    # Displays and comprehensions

    def _display(self, node: ast.Tuple | ast.List | ast.Set | ast.Dict, frame: _Frame) -> Any:
        if isinstance(node, ast.Dict):
            return self._dict(node, frame)
        items: list[Any] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                items += self._elements(element.value, frame)
            else:
                items.append(self._item(element, frame))
            if len(items) > operations.MAX_SIZE:
                raise NotKnown(f"it is larger than {operations.MAX_SIZE:,} elements")
        if isinstance(node, ast.Set):
            return operations.builtin("set", [settled(items)], {})
        return tuple(items) if isinstance(node, ast.Tuple) else items

    def _dict(self, node: ast.Dict, frame: _Frame) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                made[_key(self._settled(key, frame))] = self._item(value, frame)
                continue
            unpacked = self._visit(value, frame)
            if not isinstance(unpacked, dict):
                raise NotKnown(f"'**{source_text(value)}' is no dictionary")
            made.update(unpacked)
        return made

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: _Frame
    ) -> Any:
        if len(node.generators) > _MOST_LOOPS:
            raise NotKnown(f"it has more than {_MOST_LOOPS} loops")
        frames = self._frames(node.generators, frame)
        if isinstance(node, ast.DictComp):
            return {_key(self._settled(node.key, f)): self._item(node.value, f) for f in _few(frames)}
        items = [self._item(node.elt, inner) for inner in _few(frames)]
        return operations.builtin("set", [settled(items)], {}) if isinstance(node, ast.SetComp) else items

    def _frames(self, generators: list[ast.comprehension], frame: _Frame) -> Iterator[_Frame]:
        if not generators:
            yield frame
            return
        first, *rest = generators
        for item in self._elements(first.iter, frame):
            inner = _Frame(
                frame.module, frame.lag, {**frame.names, **_unpacked(first.target, item)}, frame.depth
            )
            if all(self._settled(test, inner) for test in first.ifs):
                yield from self._frames(rest, inner)

    # Operators

    def _binary(self, kind: type[ast.operator], left: Any, right: Any) -> Any:
        joins = kind is ast.Add and type(left) is type(right) and isinstance(left, (list, tuple))
        merges = kind is ast.BitOr and isinstance(left, dict) and isinstance(right, dict)
        if not joins and not merges:  # those leave unknown elements as they are
            settled((left, right))
        return operations.binary(kind, left, right)

    def _choice(self, wanted: bool, values: list[ast.expr], frame: _Frame) -> Any:
        value: Any = None
        for node in values:
            value = self._settled(node, frame)
            if bool(value) is wanted:
                break
        return value

    def _compare(self, node: ast.Compare, frame: _Frame) -> bool:
        left = self._settled(node.left, frame)
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._settled(comparator, frame)
            if not operations.compare(type(operator), left, right):
                return False
            left = right
        return True

    def _subscript(self, value: Any, key: ast.expr, frame: _Frame) -> Any:
        if not isinstance(value, (list, tuple, dict, str, range)):
            settled(value)
            raise NotKnown("it is a part of what is not known")
        index: Any
        if isinstance(key, ast.Slice):
            parts = (key.lower, key.upper, key.step)
            index = slice(*(self._settled(part, frame) if part else None for part in parts))
        else:
            index = _key(self._settled(key, frame))
        found = operations.part(value, index)
        if isinstance(found, Unevaluated):
            raise NotKnown(found.reason)
        return found

    def _piece(self, node: ast.expr, frame: _Frame) -> str:
        if isinstance(node, ast.FormattedValue):
            spec = self._visit(node.format_spec, frame) if node.format_spec else ""
            return operations.formatted(self._settled(node.value, frame), node.conversion, spec)
        text = self._visit(node, frame)
        return str(text)


def source_text(node: ast.AST) -> str:
    """Return the text of an expression in one line, cut where it is long."""
    try:
        text = ast.unparse(node)
    except RecursionError:
        return "…"
    return text if len(text) <= 500 else f"{text[:500]}…"


def _unevaluated(node: ast.expr, reason: str, lag: int) -> Unevaluated:
    return Unevaluated(source_text(node), reason, node.lineno + lag)


def _why(value: Any) -> str:
    return value.reason if isinstance(value, Unevaluated) else "it is no dictionary with names as keys"


def _key(value: Any) -> Any:
    try:
        hash(value)
    except TypeError as error:
        raise NotKnown(f"it cannot be a key: {error}") from error
    return value


def _iterated(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple, dict, str, range)):
        return list(value)
    made: list[Any] = operations.builtin("list", [value], {})
    return made


def _few(frames: Iterator[_Frame]) -> Iterator[_Frame]:
    yield from itertools.islice(frames, operations.MAX_SIZE)
    if next(frames, None) is not None:
        raise NotKnown(f"it is larger than {operations.MAX_SIZE:,} elements")


def _unpacked(target: ast.expr, item: Any) -> dict[str, Any]:
    if isinstance(target, ast.Name):
        return {target.id: item}
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    if not isinstance(item, (list, tuple)) or len(parts) != len(item):
        raise NotKnown(f"'{source_text(target)}' cannot be unpacked")
    names: dict[str, Any] = {}
    for part, value in zip(parts, item, strict=True):
        names |= _unpacked(part, value)
    return names
