"""Fields of dictionaries and elements of tuples as features."""

import pickle

import pytest

from headwater import Driver
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.modifiers import extract_fields, unpack_fields
from headwater.node import Node
from headwater.results import DictResult

SOURCE = """
    import typing
    import typing_extensions
    from typing import Annotated, Any, NotRequired, Optional, TypedDict
    from headwater.modifiers import *

    class Row(TypedDict):
        spend: float
        name: NotRequired[str]

    class Later(typing_extensions.TypedDict, total=False):
        spend: float
        name: "str"

    {decorator}
    def row(raw: dict) -> {returns}:
        '''One row.'''
        return raw
"""


def nodes(load, decorator: str, returns: str = "dict") -> list[Node]:
    return expand(read_function(load(SOURCE.format(decorator=decorator, returns=returns)).row))


def types(load, decorator: str, returns: str = "dict") -> dict[str, str]:
    return {node.name: str(node.type) for node in nodes(load, decorator, returns)[1:]}


def test_each_field_is_a_feature_beside_its_dictionary(load) -> None:
    made = nodes(load, '@tag(owner="a")\n    @extract_fields({"spend": float, "name": str})')

    assert [(n.name, str(n.type), n.dependencies, n.feature, n.doc, n.tags.get("owner")) for n in made] == [
        ("row", "dict", ("raw",), "row", "One row.", None),
        ("spend", "float", ("row",), "spend", "One row.", "a"),
        ("name", "str", ("row",), "name", "One row.", "a"),
    ]
    assert made[1].call({"spend": 2.0}) == 2.0


@pytest.mark.parametrize(
    ("arguments", "returns", "found"),
    [
        ('["a", "b"]', "dict[str, int]", {"a": "int", "b": "int"}),
        ('"a", "b"', "typing.Dict[str, int]", {"a": "int", "b": "int"}),
        ('["a"], "b"', "typing.Mapping[str, int]", {"a": "int", "b": "int"}),
        ('{"a": list[int], "b": Optional[int], "c": Any}', "dict", {"a": "list[int]", "b": "int | None", "c": "typing.Any"}),
        ('{"a": int}', "Annotated[dict, 1]", {"a": "int"}),
        ("", "Row", {"spend": "float", "name": "str"}),
        ("", "Later", {"spend": "float", "name": "str"}),
        ('"name"', "Row", {"name": "str"}),
        ('{"spend": float}', "Row", {"spend": "float"}),
    ],
)  # fmt: skip
def test_types_come_from_where_they_are_said(load, arguments, returns, found) -> None:
    assert types(load, f"@extract_fields({arguments})", returns) == found


@pytest.mark.parametrize(
    ("arguments", "returns", "said"),
    [
        ("", "dict", "'row' returns dict, which does not say what fields there are"),
        ('["a"]', "dict", "'row' returns dict, which does not say what fields there are"),
        ("", "dict[str, int]", "which does not say what fields there are"),
        ('{"a": int}', "int", "'row' returns int, from which @extract_fields cannot take fields"),
        ('["a"]', "Optional[dict[str, int]]", "cannot take fields"),
        ('"spent"', "Row", "has no field 'spent' for @extract_fields to take. Did you mean 'spend'"),
        ('{"spend": str}', "Row", "whose field 'spend' is float, but @extract_fields takes it as str"),
        ('{"a": int, "row": int}', "dict", "apart into 'row', which is the name of what it is a part of"),
    ],
)
def test_fields_that_cannot_be_are_told(load, arguments, returns, said) -> None:
    with pytest.raises(InvalidModifier, match=said):
        nodes(load, f"@extract_fields({arguments})", returns)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (({},), "names no field"),
        (([],), "names no field"),
        (({1: int},), "takes names of fields, not 1"),
        (({"a": "int"},), "the type of 'a' is 'int'. Give a type"),
        (({"a": 3},), "the type of 'a' is 3. Give a type"),
        (({"a": int}, "b"), "not both: put 'b' into the dictionary"),
        ((("a", "b"),), r"not \('a', 'b'\). Put a star"),
    ],
)
def test_fields_have_a_name_and_a_type(arguments, said) -> None:
    with pytest.raises(InvalidModifier, match=rf"@extract_fields.*{said}"):
        extract_fields(*arguments)


def test_missing_field_is_told_with_those_that_are_there(load) -> None:
    module = load(SOURCE.format(decorator='@extract_fields({"spend": float})', returns="dict"))
    driver = Driver({}, module, adapter=DictResult())

    with pytest.raises(KeyError, match=r"'row' has no field 'spend'; it has 'spent'. Did you mean 'spent'"):
        driver.execute(["spend"], inputs={"raw": {"spent": 1}})


def test_missing_field_is_filled_and_the_input_left_alone(load) -> None:
    module = load(SOURCE.format(decorator='@extract_fields({"spend": float}, fill_with=0)', returns="dict"))
    raw = {"name": "x"}
    result = Driver({}, module, adapter=DictResult()).execute(["spend", "row"], inputs={"raw": raw})

    assert result == {"spend": 0, "row": {"name": "x", "spend": 0}}
    assert raw == {"name": "x"}


def test_parts_of_parts_are_features_too(load) -> None:
    module = load("""
        import pandas as pd
        from headwater.modifiers import *

        @extract_columns("spend")
        @extract_fields({"table": pd.DataFrame})
        def loaded() -> dict:
            return {"table": pd.DataFrame({"spend": [1, 2]})}
    """)

    assert [(n.name, n.dependencies) for n in expand(read_function(module.loaded))] == [
        ("loaded", ()),
        ("table", ("loaded",)),
        ("spend", ("table",)),
    ]
    assert list(Driver({}, module, adapter=DictResult()).execute(["spend"])["spend"]) == [1, 2]


def test_only_one_node_is_taken_apart(load) -> None:
    message = "'row' makes 'a', 'b' for @extract_columns to take apart, but it can take only one apart"
    with pytest.raises(InvalidModifier, match=message):
        nodes(load, '@extract_columns("x")\n    @extract_fields("a", "b")', "dict[str, int]")


@pytest.mark.parametrize(
    ("returns", "found"),
    [
        ("tuple[int, str]", {"a": "int", "b": "str"}),
        ("typing.Tuple[int, str, float]", {"a": "int", "b": "str"}),
        ("tuple[int, ...]", {"a": "int", "b": "int"}),
        ("Annotated[tuple[int, None], 1]", {"a": "int", "b": "None"}),
    ],
)
def test_elements_of_a_tuple_are_features(load, returns, found) -> None:
    assert types(load, '@unpack_fields("a", "b")', returns) == found
    assert [n.call((7, 8, 9)) for n in nodes(load, '@unpack_fields("a", "b")', returns)[1:]] == [7, 8]


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        ("tuple[int, int, ...]", r"tuple\[int, int, \.\.\.\], which is no type"),
        ("tuple[..., int, int]", "which is no type"),
        ("tuple", "has 0 elements of known type, and @unpack_fields names 2: a, b"),
        ("tuple[int]", "has 1 elements of known type"),
        ("list[int]", "which @unpack_fields cannot take apart"),
        ("Optional[tuple[int, int]]", "which @unpack_fields cannot take apart"),
    ],
)
def test_tuple_that_does_not_say_what_it_holds_is_told(load, returns, said) -> None:
    with pytest.raises(InvalidModifier, match=said):
        nodes(load, '@unpack_fields("a", "b")', returns)


def test_two_elements_have_two_names(load) -> None:
    with pytest.raises(InvalidModifier, match="'row' would be taken apart into 'a', which is named twice"):
        nodes(load, '@unpack_fields("a", "a")', "tuple[int, int]")


@pytest.mark.parametrize("names", [(), (["a", "b"],), (3,)])
def test_elements_have_names(names) -> None:
    with pytest.raises(InvalidModifier, match=r"@unpack_fields"):
        unpack_fields(*names)


def test_tuple_that_is_too_short_is_told_when_run(load) -> None:
    made = nodes(load, '@unpack_fields("a", "b")', "tuple[int, ...]")

    with pytest.raises(IndexError, match=r"'row' made 1 elements, and 'b' is number 2"):
        made[2].call((7,))


def test_calls_that_take_parts_can_be_pickled(load) -> None:
    made = nodes(load, '@extract_fields({"spend": float}, fill_with=0)')

    assert pickle.loads(pickle.dumps(made[0].call))({"name": "x"}) == {"name": "x", "spend": 0}
    assert pickle.loads(pickle.dumps(made[1].call))({"spend": 3}) == 3
