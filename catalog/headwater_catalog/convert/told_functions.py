"""The functions that a script can call: its own, and those of modules beside it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from headwater_catalog.convert.effects import changed_parameters, effects_of
from headwater_catalog.convert.known import ONLY_TOLD, TABLE_METHODS, dotted, impurity

__all__ = [
    "Beside",
    "ToldFunction",
    "functions_of",
    "given_to",
    "imported_functions",
    "imports_of",
    "in_full",
    "sets_columns",
]

Beside = Callable[[str], ast.Module | None]
"""Gives the syntax tree of a module beside a script, by its name."""


_LONGEST: Final = 200
_NOT_PLAIN: Final = (
    *(ast.AsyncFunctionDef, ast.Await, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Try, ast.While, ast.With),
    *(ast.Yield, ast.YieldFrom),
)


@dataclass(frozen=True, slots=True)
class ToldFunction:
    """A function of the script.

    Attributes:
        node: Its definition.
        impure: Why its value depends on more than its parameters; empty where it does not.
        changes: The parameters that it changes in place.
        reads: The names of the script that it reads.
        alters: Those of them whose values it changes in place.
        own: The names that it has of its own.
        is_own: Whether it stands in the script itself, not in a module beside it.
    """

    node: ast.FunctionDef
    impure: str
    changes: frozenset[str]
    reads: frozenset[str]
    alters: frozenset[str]
    own: frozenset[str] = frozenset()
    is_own: bool = True

    def given_to_changed(self, call: ast.Call) -> Iterator[ast.expr]:
        """Yield what a call gives to the parameters that are changed."""
        names = [each.arg for each in [*self.node.args.posonlyargs, *self.node.args.args]]
        for name, argument in zip(names, call.args, strict=False):
            if name in self.changes:
                yield argument
        yield from (each.value for each in call.keywords if each.arg in self.changes)


def given_to(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr | None] | None:
    """Return what a call gives to each parameter of a function, or its default.

    Returns:
        None for a parameter that gets nothing; nothing at all where the text does not tell which gets what.
    """
    arguments = function.args
    if arguments.vararg or arguments.kwarg:
        return None
    parameters = [*arguments.posonlyargs, *arguments.args]
    found: dict[str, ast.expr | None] = {each.arg: None for each in [*parameters, *arguments.kwonlyargs]}
    defaults = arguments.defaults
    for each, default in zip(parameters[len(parameters) - len(defaults) :], defaults, strict=True):
        found[each.arg] = default
    for each, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found[each.arg] = given
    if len(call.args) > len(parameters) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    taken = {each.arg for each in parameters[: len(call.args)]}
    found.update(zip((each.arg for each in parameters), call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg not in found or keyword.arg in taken:
            return None
        found[keyword.arg] = keyword.value
    return found


def functions_of(tree: ast.Module) -> dict[str, ToldFunction]:
    """Return the functions that a module defines, by name."""
    definitions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    imports = imports_of(tree)
    impure: dict[str, str] = {}
    own: dict[str, set[str]] = {}
    reads: dict[str, set[str]] = {}
    alters: dict[str, set[str]] = {}
    for name, node in definitions.items():
        body = ast.Module(body=node.body, type_ignores=[])
        calls = [each for each in ast.walk(body) if isinstance(each, ast.Call)]
        reasons = (impurity(call, in_full(dotted(call.func), imports)) for call in calls)
        impure[name] = next((why for why in reasons if why and why not in ONLY_TOLD), "")
        if any(isinstance(each, (ast.Global, ast.Yield, ast.YieldFrom)) for each in ast.walk(body)):
            impure[name] = impure[name] or "it sets names of the script, or gives several values"
        arguments = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        effects = effects_of(body)
        common = {each for part in ast.walk(body) if isinstance(part, ast.Global) for each in part.names}
        own[name] = (arguments | set(effects.sets)) - common
        reads[name] = {*effects.reads, *effects.changes, *common} - own[name]
        alters[name] = set(effects.changes) - own[name]
    for _ in definitions:  # what a function does that they call, they do
        for name in definitions:
            for called in reads[name] & set(definitions):
                impure[name] = impure[name] or impure[called]
                reads[name] = reads[name] | reads[called]
                alters[name] = alters[name] | alters[called]
    return {
        name: ToldFunction(
            node,
            impure[name],
            frozenset(changed_parameters(node)),
            frozenset(reads[name]),
            frozenset(alters[name]),
            frozenset(own[name]),
        )
        for name, node in definitions.items()
    }


def sets_columns(function: ast.FunctionDef) -> bool:
    """Tell whether a function does to tables what a script does, from its first line to its last."""
    arguments = function.args
    if function.decorator_list or arguments.vararg or arguments.kwarg or len(function.body) > _LONGEST:
        return False
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    if any(isinstance(node, _NOT_PLAIN) for node in nodes) or returns not in ([], [function.body[-1]]):
        return False
    return any(_is_of_tables(node) for node in nodes)


def _is_of_tables(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Store)
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and isinstance(node, ast.Call) and getattr(node.func, "attr", "") in TABLE_METHODS


def imports_of(tree: ast.Module) -> dict[str, str]:
    """Return the modules that a module imports as such, by what it calls them."""
    return {
        alias.asname or alias.name: alias.name
        for node in tree.body
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def imported_functions(tree: ast.Module, beside: Beside) -> dict[str, ToldFunction]:
    """Return the functions of modules beside a script, by the names under which it can call them."""
    found: dict[str, ToldFunction] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                wanted = {alias.name: alias.asname or alias.name for alias in names}
            case ast.Import(names=[ast.alias(name=module, asname=name)]):
                wanted = {"*": f"{name or module}."}
            case _:
                continue
        other = beside(module)
        for name, told in functions_of(other).items() if other is not None else ():
            told = replace(told, reads=frozenset(), is_own=False)
            if name in wanted:
                found[wanted[name]] = told
            elif "*" in wanted:
                found[wanted["*"].removeprefix("*") + name] = told
    return found


def in_full(name: str, imports: Mapping[str, str]) -> str:
    """Return a dotted name with the module in it as that calls itself."""
    root, _, rest = name.partition(".")
    return imports.get(root, root) + (f".{rest}" if rest else "")
