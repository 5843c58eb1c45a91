"""Which variables a statement reads, sets and changes in place, whatever it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from headwater_catalog.convert.groups import named_in
from headwater_catalog.convert.known import MUTATORS, dotted

__all__ = ["Effects", "changed_parameters", "changes_in_place", "defined_with", "effects_of", "is_in_place"]


@dataclass(slots=True)
class Effects:
    """What a statement does to variables.

    Attributes:
        reads: Names that it reads, in their order.
        sets: Names that it gives a new value.
        changes: Names whose values it changes in place.
    """

    reads: dict[str, None] = field(default_factory=dict)
    sets: dict[str, None] = field(default_factory=dict)
    changes: dict[str, None] = field(default_factory=dict)


def effects_of(statement: ast.AST) -> Effects:
    """Return what a statement does to variables; names of inner functions and comprehensions are left out."""
    found = Effects()
    _collect(statement, found, frozenset(), frozenset())
    return found


def _collect(node: ast.AST, found: Effects, own: frozenset[str], set_here: frozenset[str]) -> None:
    """Note what a part of a statement does.

    Args:
        node: The part.
        found: What is found.
        own: Names that stand for something of an inner function or comprehension.
        set_here: Names that the statement surely has set before.
    """
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            _definition(node, found)
            return
        case ast.For(target=target, iter=values) | ast.AsyncFor(target=target, iter=values):
            _collect(values, found, own, set_here)
            _collect(target, found, own, set_here)
            _stored(node, found, own)
            _changed_items(node, found, own | set_here)
            _sequence(node.body, found, own, set_here | _names(target))
            _sequence(node.orelse, found, own, set_here)
            return
        case ast.Lambda(args=arguments):
            own = own | {each.arg for each in ast.walk(arguments) if isinstance(each, ast.arg)}
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for generator in node.generators:
                own = own | _names(generator.target)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                found.sets[alias.asname or alias.name.partition(".")[0]] = None
        case ast.ExceptHandler(name=str(name)):
            found.sets[name] = None
        case ast.Name(id=name) if name not in own:
            if not isinstance(node.ctx, ast.Load):
                found.sets[name] = None
            elif name not in set_here:
                found.reads[name] = None
        case ast.AugAssign(target=ast.Name(id=name)) if name not in set_here:
            found.reads[name] = None
        case ast.Call():
            if is_in_place(node) and (name := _root(node.func)) and name not in own | set_here:
                found.changes[name] = None
    _stored(node, found, own | set_here)
    for _, part in ast.iter_fields(node):
        if isinstance(part, list) and part and isinstance(part[0], ast.stmt):
            _sequence(part, found, own, set_here)
        else:
            for each in part if isinstance(part, list) else [part]:
                if isinstance(each, ast.AST):
                    _collect(each, found, own, set_here)


def _changed_items(loop: ast.For | ast.AsyncFor, found: Effects, own: frozenset[str]) -> None:
    """Note what a loop goes over as changed, where its body changes its items in place."""
    inner = Effects()
    _sequence(loop.body, inner, own, frozenset())
    if not any(name in inner.changes for name in _names(loop.target)):
        return
    for name in _gone_over(loop.iter):
        if name not in own:
            found.changes[name] = None


def _gone_over(node: ast.expr) -> list[str]:
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="items" | "values"), args=[]):
            return named_in(owner) or []
        case ast.Call(func=ast.Name(id="enumerate" | "reversed" | "zip"), args=owners):
            return [name for owner in owners for name in _gone_over(owner)]
    return named_in(node) or []


def _sequence(
    statements: list[ast.stmt], found: Effects, own: frozenset[str], set_here: frozenset[str]
) -> None:
    for statement in statements:
        _collect(statement, found, own, set_here)
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                set_here = set_here | (_names(target) if not isinstance(target, ast.Subscript) else set())


def _definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, found: Effects) -> None:
    found.sets[node.name] = None
    inner = effects_of(ast.Module(body=node.body, type_ignores=[]))
    arguments = set() if isinstance(node, ast.ClassDef) else _parameters(node)
    for each in [*inner.reads, *inner.changes]:
        if each not in inner.sets and each not in arguments:
            found.reads[each] = None
    for part in defined_with(node):
        found.reads.update(effects_of(part).reads)


def defined_with(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.expr]:
    """Return what is evaluated where a function or class is defined, such as decorators and defaults."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases]
    annotated = [each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg)]
    given = [*node.args.defaults, *node.args.kw_defaults, *annotated, node.returns]
    return [*node.decorator_list, *(part for part in given if part is not None)]


def _stored(node: ast.AST, found: Effects, own: frozenset[str]) -> None:
    for target in _stores(node):
        if (name := _root(target)) and name not in own:
            found.changes[name] = None


def _names(target: ast.AST) -> frozenset[str]:
    """Return the names that a target gives values, not those that it changes something of."""
    nodes = ast.walk(target)
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load))


def _stores(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the parts of a target that change something instead of giving a name a value."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            pass
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            targets = [target]
    stack = list(targets)
    while stack:
        target = stack.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            stack += target.elts
        elif isinstance(target, ast.Starred):
            stack.append(target.value)
        elif isinstance(target, (ast.Subscript, ast.Attribute)):
            yield target


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_in_place(call: ast.Call) -> bool:
    """Tell whether a call surely is one that changes what it is called on."""
    if not isinstance(call.func, ast.Attribute):
        return False
    asked = any(
        keyword.arg == "inplace" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.keywords
    )
    return asked or (call.func.attr in MUTATORS and not dotted(call.func).startswith(("np.", "pd.")))


def changes_in_place(node: ast.AST, name: str) -> bool:
    """Tell whether a part of a statement, and no part of that, changes the value of a variable in place."""
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        return _root(node) == name
    return isinstance(node, ast.Call) and is_in_place(node) and _root(node.func) == name


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}


def changed_parameters(function: ast.FunctionDef) -> set[str]:
    """Return the parameters whose values a function changes in place, before it gives them another one."""
    names = _parameters(function)
    changed: set[str] = set()
    renewed: set[str] = set()
    for statement in function.body:
        found = effects_of(statement)
        changed |= (set(found.changes) & names) - renewed
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            renewed |= set(found.sets)
    return changed
