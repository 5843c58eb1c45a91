"""Which names code reads from outside itself."""

import ast
import dataclasses
import inspect
import symtable
import typing
import unittest.mock
from types import ModuleType

import pytest

from headwater.free_names import free_names


def read(source: str):
    return free_names(ast.parse(source))


def test_names_are_told_with_their_attributes():
    assert read("def f(a=LIMIT): return helpers.scale.deep(a) + a.x").needed == {
        "LIMIT",
        "helpers.scale.deep",
    }


def test_names_of_annotations_are_told_apart_also_where_they_are_text():
    found = read("def f(a: 'pd.Series', b: list[Row]) -> Other:\n    c: Mine = LIMIT\n    return c")

    assert found.needed == {"LIMIT"}
    assert found.hinted == {"pd.Series", "list", "Row", "Other", "Mine"}


def test_imports_inside_code_are_told():
    found = read("def f():\n    import a.b as c\n    from ..d import e as g, h\n    return c, g, h")

    assert found.needed == frozenset()
    assert found.imports == {(0, "a.b", None), (2, "d", "e"), (2, "d", "h")}


def test_a_method_does_not_see_the_names_of_its_class():
    assert read("class A:\n    x = 1\n    y = x\n    def m(self): return x").needed == {"x"}


def test_the_first_iterable_of_a_comprehension_is_read_outside_of_it():
    assert read("def f(): return [x for x in x if y]").needed == {"x", "y"}


def _tables(table: symtable.SymbolTable):
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _globals(table: symtable.SymbolTable) -> set[str]:
    symbols = [symbol for inner in _tables(table) for symbol in inner.get_symbols()]
    return {symbol.get_name() for symbol in symbols if symbol.is_global() and symbol.is_referenced()}


def _outside(function: ast.FunctionDef) -> set[str]:
    """Return the names in what is evaluated where a function is defined."""
    outside = [*function.decorator_list, function.args, *filter(None, [function.returns])]
    return {name.id for part in outside for name in ast.walk(part) if isinstance(name, ast.Name)}


@pytest.mark.parametrize("module", [ast, dataclasses, inspect, typing, unittest.mock])
def test_python_itself_finds_the_same_names(module: ModuleType):
    source = inspect.getsource(module)
    tables = symtable.symtable(source, "module", "exec").get_children()
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    # From Python 3.12 on, a table of its own for type parameters may stand around that of a function.
    for table in [table for table in tables if table.get_type() not in ("class", "function")]:
        tables += table.get_children()
    by_name = {table.get_name(): table for table in tables if table.get_type() == "function"}
    compared = 0
    for name, function in functions.items():
        found = free_names(function)
        roots = {dotted.partition(".")[0] for dotted in found.needed | found.hinted}
        # Where `super` is named, Python asks for the class around, too, though there is none here.
        wanted = _globals(by_name[name]) - {name, "__class__"}
        assert wanted <= roots, name
        assert roots - wanted <= _outside(function), name
        compared += 1

    assert compared
