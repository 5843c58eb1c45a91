"""What can be told of a whole script before it is read statement by statement."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from headwater_catalog.convert.effects import Effects, effects_of
from headwater_catalog.convert.known import READS_DATA, TABLE_ONLY, TABLE_ONLY_BY, dotted, impurity
from headwater_catalog.convert.told_functions import (
    Beside,
    ToldFunction,
    functions_of,
    given_to,
    imported_functions,
    imports_of,
    in_full,
    sets_columns,
)
from headwater_catalog.convert.values import NO_LITERAL

__all__ = ["Outline", "outline_of"]

_LIKE_TABLES: Final = re.compile(r"(?i)(?:^|_)df(?:_|$|\d)|^df|df$|(?:^|_)(?:frame|dataframe)$")
_LIKE_SETTINGS: Final = re.compile(r"(?i)(?:^|_)(?:cfg|conf|config|options|opts|params|parameters|settings)$")
_OPENS: Final = "it opens a file"


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a script as a whole.

    Attributes:
        statements: What it does, in order, with what stands under `if __name__ == "__main__"` and in `main`.
        functions: Its functions by name, and those of modules beside it as it calls them.
        tables: Variables that are used as only tables are.
        roots: Variables that hold configurations, and what they are where that is written out.
        set_often: Variables that are set more than once.
        later: The line of the last reading of each variable.
        words: All names in the script.
        for_reading: Variables that say which data are read.
        main: The function whose statements are read as those of the script; empty where there is none.
        written: The texts of statements that the script does not have as such: what `main` is given.
    """

    statements: list[ast.stmt]
    functions: Mapping[str, ToldFunction]
    tables: frozenset[str]
    roots: Mapping[str, Any]
    set_often: frozenset[str]
    later: Mapping[str, int]
    words: frozenset[str] = field(default_factory=frozenset)
    for_reading: frozenset[str] = frozenset()
    main: str = ""
    written: Mapping[ast.stmt, str] = field(default_factory=dict)
    _places: dict[ast.stmt, tuple[list[ast.stmt], int]] = field(default_factory=dict)
    _effects: dict[ast.stmt, Effects] = field(default_factory=dict)

    def is_read_after(self, statement: ast.stmt, name: str) -> bool:
        """Tell whether what a statement makes of a variable is read by one behind it."""
        if self.later.get(name, 0) <= (statement.end_lineno or statement.lineno):
            return False
        if not self._places:
            bodies = [told.node.body for told in self.functions.values() if told.is_own]
            for body in [*bodies, self.statements]:
                self._places.update((each, (body, place)) for place, each in enumerate(body))
        if statement not in self._places:
            return True  # it stands in another one
        body, place = self._places[statement]
        for each in itertools.islice(body, place + 1, None):
            effects = self.effects(each)
            if name in effects.reads or name in effects.changes:
                return True
            if name in effects.sets and not isinstance(each, (ast.If, ast.While, ast.Try)):
                return False
        return False

    def effects(self, statement: ast.stmt) -> Effects:
        """Return what a statement does to variables."""
        if statement not in self._effects:
            self._effects[statement] = effects_of(statement)
        return self._effects[statement]

    def setting(self, node: ast.expr, held_by: Callable[[str], str]) -> tuple[str, str, Any] | None:
        """Return the variable, key and value of an entry of a configuration; None where it is none.

        Args:
            node: The expression.
            held_by: Gives the configuration that a variable stands for there; empty where it is none.
        """
        shape = _entry(node)
        root = held_by(shape[0]) if shape is not None else ""
        if shape is None or root not in self.roots:
            return None
        literal, key = self.roots[root], shape[1]
        if isinstance(node, ast.Name):
            return None if literal is NO_LITERAL or isinstance(literal, dict) else (root, root, literal)
        if isinstance(literal, dict):
            return None if isinstance(node, ast.Attribute) else (root, key, literal.get(key, NO_LITERAL))
        return (root, key, NO_LITERAL) if literal is NO_LITERAL else None


def outline_of(tree: ast.Module, beside: Beside = lambda _: None) -> Outline:
    """Look through a script.

    Args:
        tree: The script.
        beside: Gives the syntax tree of a module that stands beside it; None where there is none.
    """
    statements, main, written = _statements(tree)
    own = functions_of(tree)
    functions = {**imported_functions(tree, beside), **own}
    sets = Counter(
        name for statement in statements for node in ast.walk(statement) for name in _set_names(node)
    )
    module = ast.Module(body=statements, type_ignores=[])
    later: dict[str, int] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            later[node.id] = max(later.get(node.id, 0), node.lineno)
    return Outline(
        statements,
        functions,
        _tables(module),
        _roots(statements, {name: told for name, told in own.items() if name != main}, sets),
        frozenset(name for name, count in sets.items() if count > 1),
        later,
        frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)),
        _for_reading(statements, imports_of(tree)),
        main,
        written,
    )


def _for_reading(statements: Sequence[ast.stmt], imports: Mapping[str, str]) -> frozenset[str]:
    """Return the variables that a call which brings data in is given, and those that these are made of."""
    found: set[str] = set()
    made_of: dict[str, set[str]] = {}
    for node in (node for statement in statements for node in ast.walk(statement)):
        match node:
            case ast.Call(func=function, args=arguments) if impurity(
                node, in_full(dotted(function), imports)
            ) in (READS_DATA, _OPENS):
                given = [*arguments, *(keyword.value for keyword in node.keywords)]
                found |= {name for each in given for name in _names_in(each)}
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                made_of.setdefault(name, set()).update(_names_in(value))
    stack = list(found)
    while stack:
        new = made_of.pop(stack.pop(), set()) - found
        found |= new
        stack += new
    return frozenset(found)


def _names_in(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _set_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id


def _statements(tree: ast.Module) -> tuple[list[ast.stmt], str, dict[ast.stmt, str]]:
    """Return what a script does, the function whose statements are among it, and texts of what is made up."""
    found: list[ast.stmt] = []
    for statement in tree.body:
        match statement:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__")), body=body, orelse=[]):
                found += body
            case _:
                found.append(statement)
    mains = {each.name: each for each in found if isinstance(each, ast.FunctionDef)}
    for place, statement in enumerate(found):
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if name in mains:
                target = ""
            case ast.Assign(
                targets=[ast.Name(id=target)], value=ast.Call(func=ast.Name(id=name)) as call
            ) if name in mains:
                pass
            case _:
                continue
        inner = _body_of(mains[name], call, target, imports_of(tree))
        if inner is not None and sum(1 for n in ast.walk(tree) if _is_call_of(n, name)) == 1:
            kept = [each for each in found[:place] if each is not mains[name]]
            return [*kept, *inner[0], *found[place + 1 :]], name, inner[1]
    return found, "", {}


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _body_of(
    function: ast.FunctionDef, call: ast.Call, target: str, imports: Mapping[str, str]
) -> tuple[list[ast.stmt], dict[ast.stmt, str]] | None:
    """Return what a function does, where it can stand in the place of its call, and texts of what is made up.

    That is one without parameters, or one that brings data in, which none in the place of its call may.
    """
    given = given_to(function, call)
    if function.decorator_list or given is None or any(value is None for value in given.values()):
        return None
    body = list(function.body)
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    last = body[-1].value if body and isinstance(body[-1], ast.Return) else None
    if body and isinstance(body[-1], ast.Return):
        del body[-1]
    inner = [node for statement in body for node in ast.walk(statement)]
    returns = sum(isinstance(node, (ast.Return, ast.Global, ast.Yield)) for node in inner)
    nested = sum(
        isinstance(node, ast.Return)
        for each in inner
        if isinstance(each, ast.FunctionDef)
        for node in ast.walk(each)
    )
    calls = [node for node in inner if isinstance(node, ast.Call)]
    brings = any(impurity(each, in_full(dotted(each.func), imports)) == READS_DATA for each in calls)
    if not body or returns > nested or not (brings or not (given or target)):
        return None
    written: dict[ast.stmt, str] = {}
    first = [_made_up(name, value, written) for name, value in given.items() if not _is_name(value, name)]
    if target:
        if last is None:
            return None
        body += [] if _is_name(last, target) else [_made_up(target, last, written)]
    return [*first, *body], written


def _is_name(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _made_up(name: str, value: ast.expr | None, written: dict[ast.stmt, str]) -> ast.stmt:
    """Return an assignment that the script does not have, and note its text."""
    assert value is not None
    made = ast.Assign([ast.copy_location(ast.Name(name, ast.Store()), value)], value)
    written[ast.copy_location(made, value)] = f"{name} = {ast.unparse(value)}"
    return made


def _tables(module: ast.Module) -> frozenset[str]:
    found: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(module):
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str()), ctx=ast.Store()):
                found.add(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in TABLE_ONLY:
                found.add(name)
            case ast.Name(id=name) if _LIKE_TABLES.search(name):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() | ast.DictComp() | ast.Constant()):
                others.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="dict"))):
                others.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute(attr="Series"))):
                others.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                method in TABLE_ONLY_BY and _names_columns(node)
            ):
                found.add(name)
    return frozenset(found - others)


def _names_columns(call: ast.Call) -> bool:
    given = [*call.args[:1], *(each.value for each in call.keywords if each.arg in ("by", "subset"))]
    parts = [part for each in given for part in (each.elts if isinstance(each, ast.List) else [each])]
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def _entry(node: ast.expr) -> tuple[str, str] | None:
    match node:
        case ast.Name(id=name):
            return name, name
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
            return name, key
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=name), attr="get"),
            args=[ast.Constant(value=str(key)), *rest],
            keywords=[],
        ) if all(isinstance(each, ast.Constant) for each in rest):
            return name, key
        case ast.Attribute(value=ast.Name(id=name), attr=key):
            return name, key
    return None


def _roots(
    statements: Iterable[ast.stmt], functions: Mapping[str, ToldFunction], sets: Mapping[str, int]
) -> dict[str, Any]:
    """Return the variables of which configurations are made: set once, tested by an `if`, or named so."""
    tested = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.If):
                tested |= {shape[0] for part in _tested(node.test) if (shape := _entry(part)) is not None}
    others = [told for told in functions.values() if not told.is_own or not sets_columns(told.node)]
    in_functions = {name for told in functions.values() for name in told.reads}
    in_helpers = {name for told in others for name in told.reads}
    changed = {name for statement in statements for name in effects_of(statement).changes}
    found: dict[str, Any] = {}
    for statement in _with_opened(statements):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case _:
                continue
        literal = _literal(value)
        is_many = isinstance(literal, dict) or isinstance(value, ast.Call)
        if sets[name] > 1 or name in changed or name in (in_helpers if is_many else in_functions):
            continue
        is_settings = isinstance(literal, (dict, str, int, float, bool)) or isinstance(value, ast.Call)
        if (name in tested and is_settings) or (isinstance(literal, dict) and _LIKE_SETTINGS.search(name)):
            is_read = isinstance(value, ast.Call) and _reads_settings(value)
            if literal is not NO_LITERAL or is_read:
                found[name] = literal
    return found


def _with_opened(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, and those that stand in `with open(...) as file`."""
    for statement in statements:
        yield from statement.body if isinstance(statement, ast.With) else [statement]


def _reads_settings(call: ast.Call) -> bool:
    name = dotted(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    return name.rpartition(".")[2] in ("load", "loads", "parse_args", "safe_load", "load_config")


def _tested(test: ast.expr) -> Iterator[ast.expr]:
    match test:
        case ast.Compare(left=left):
            yield left
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case _:
            yield test


def _literal(value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return NO_LITERAL
