"""The record of one live function."""

import sys
import types

import pytest

from headwater.errors import DefinitionError
from headwater.function import Function, ParameterKind, functions_of, read_function
from headwater.modifiers import config, tag
from headwater.types import Type
from headwater.values import MISSING

FEATURES = '''
    from __future__ import annotations

    import functools
    from pathlib import Path
    from typing import List

    from headwater import config, tag


    def _helper(x: int) -> int:
        return x


    @config.when(region="UK")
    @tag(
        owner="growth",
    )
    def holidays__uk(week: int, scale: float = 1.5, *, names: List["str"]) -> "int | None":
        """Count holidays.

        In a week.
        """
        return week


    def bare(x, y: int):
        return x


    def _counted(fn):
        @functools.wraps(fn)
        def call(*args):
            return fn(*args)
        return call


    @_counted
    def wrapped(x: int) -> int:
        return x


    async def later(x: int) -> int:
        return x


    class NotAFunction:
        def method(self) -> int:
            return 1
'''


def by_name(module: types.ModuleType) -> dict[str, Function]:
    return {function.name: function for function in functions_of(module)}


def test_module_gives_its_public_functions_by_name(load) -> None:
    assert list(by_name(load(FEATURES))) == ["bare", "holidays__uk", "later", "wrapped"]


def test_record_says_all_that_the_code_says(load) -> None:
    module = load(FEATURES)
    function = by_name(module)["holidays__uk"]

    assert [(p.name, str(p.type), p.kind, p.default) for p in function.parameters] == [
        ("week", "int", ParameterKind.POSITIONAL_OR_KEYWORD, MISSING),
        ("scale", "float", ParameterKind.POSITIONAL_OR_KEYWORD, 1.5),
        ("names", "list[str]", ParameterKind.KEYWORD_ONLY, MISSING),
    ]
    assert function.returns == Type.of(int | None)
    assert function.doc == "Count holidays.\n\nIn a week."
    assert [type(modifier) for modifier in function.modifiers] == [tag, config]
    assert function.callable is module.holidays__uk
    assert (function.is_async, function.partial) == (False, ())
    assert by_name(module)["later"].is_async


def test_location_is_that_of_the_def_below_its_decorators(load) -> None:
    module = load(FEATURES)
    lines = [None, *module.__loader__.get_source("features").splitlines()]
    found = by_name(module)

    for name in ("bare", "holidays__uk", "wrapped"):
        assert f"def {name}(" in lines[found[name].location.line]
    assert lines[found["holidays__uk"].location.end_line] == "    return week"
    assert found["bare"].where == f"{module.__file__}:{found['bare'].location.line}: 'bare'"


def test_missing_annotations_are_kept_as_missing(load) -> None:
    bare = by_name(load(FEATURES))["bare"]

    assert [parameter.type for parameter in bare.parameters] == [None, Type("int")]
    assert bare.returns is None


def test_imported_functions_do_not_count_but_those_of_submodules_do(load, monkeypatch) -> None:
    package = types.ModuleType("shop")
    inner = load("def orders(x: int) -> int:\n    return x\n", "shop.inner")
    other = load("def visits(x: int) -> int:\n    return x\n", "elsewhere")
    package.orders, package.visits = inner.orders, other.visits
    monkeypatch.setitem(sys.modules, "shop", package)

    assert list(by_name(package)) == ["orders"]


def test_annotations_resolve_in_a_module_that_is_not_registered(load, monkeypatch) -> None:
    module = load(FEATURES)
    monkeypatch.delitem(sys.modules, "features")

    assert by_name(module)["holidays__uk"].returns == Type.of(int | None)


@pytest.mark.parametrize("annotation", ["'Unknown'", "list['Unknown']", "'int +'"])
def test_annotation_that_names_nothing_is_told_with_its_place(load, annotation) -> None:
    module = load(f"def spend(x: {annotation}) -> int:\n    return 1\n")

    with pytest.raises(
        DefinitionError, match=r"features\.py:1: 'spend' has an annotation that cannot"
    ) as told:
        read_function(module.spend)
    assert "Import the name where the module is loaded" in str(told.value)


@pytest.mark.parametrize("annotation", ["TYPES['x']", "1 / 0", "int[", "print.nowhere"])
def test_annotation_that_fails_in_any_way_is_told_with_its_place(load, annotation) -> None:
    module = load(f"TYPES = {{}}\n\ndef first() -> {annotation!r}:\n    return 1\n")

    with pytest.raises(DefinitionError, match=r"features\.py:3: 'first' has an annotation that cannot be"):
        list(functions_of(module))


def test_annotation_with_arguments_that_are_no_types_is_read(load) -> None:
    module = load("""
        class Column:
            __args__ = 5

        def first() -> Column():
            return 1
    """)

    assert [function.name for function in functions_of(module)] == ["first"]


def test_function_that_belongs_to_no_module_is_passed_over(load) -> None:
    module = load("def first() -> int:\n    return 1\n\ndef second() -> int:\n    return 2\n")
    module.second.__module__ = None

    assert [function.name for function in functions_of(module)] == ["first"]


def test_wrapper_of_something_that_has_no_code_is_read(load) -> None:
    module = load("""
        import functools

        base = functools.partial(pow, 2)

        def power(exp: int) -> int:
            return base(exp)

        power.__wrapped__ = base
        power.__signature__ = __import__("inspect").signature(lambda exp: None)
    """)

    (power,) = functions_of(module)
    assert [parameter.name for parameter in power.parameters] == ["exp"]
    assert str(power.location) == f"{module.__file__}:5"


def test_wrapper_of_itself_is_told_with_its_place(load) -> None:
    module = load("def first() -> int:\n    return 1\n\nfirst.__wrapped__ = first\n")

    with pytest.raises(DefinitionError, match=r"features\.py:1: 'first' has no signature that can be read"):
        list(functions_of(module))


def test_location_of_a_lambda_is_its_own_line(load) -> None:
    module = load("first = lambda x: x\n\n\ndef second() -> int:\n    return 1\n")

    assert read_function(module.first).location.line == 1
