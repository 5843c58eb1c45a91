"""Features that another function computes."""

import pickle

import pytest

from headwater import Driver
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import Function, Location, Parameter, read_function
from headwater.modifiers import does
from headwater.results import DictResult
from headwater.types import Type
from headwater.values import Reference
from support.event_loop import run_apart

SOURCE = """
    from headwater.modifiers import *

    def _total(**columns: int) -> int:
        return sum(columns.values())

    def _less(a: int, b: int = 5) -> int:
        return a - b

    def _position(a: int, /) -> int:
        return a

    async def _later(a: int) -> int:
        return a

    {decorator}
    {definition}
"""
INT = Type("int")


def expanded(load, decorator: str, definition: str):
    return expand(read_function(load(SOURCE.format(decorator=decorator, definition=definition)).spend))


@pytest.mark.parametrize(
    ("decorator", "definition", "value"),
    [
        ("@does(_total)", "def spend(a: int, b: int = 3) -> int:\n        '''Doc.'''", 13),
        ("@does(_less)", "def spend(a: int) -> int: pass", 5),
        ("@does(_less, a='b', b='a')", "def spend(a: int, b: int = 7) -> int: ...", -3),
        (
            "@does(lambda a, **rest: a + len(rest))",
            "def spend(a: int, *, b: int = 3) -> int:\n        pass",
            11,
        ),
        ("@does(dict)", "def spend(a: int) -> dict: ...", {"a": 10}),
    ],
)
def test_other_function_gets_the_parameters_by_name(load, decorator, definition, value) -> None:
    module = load(SOURCE.format(decorator=decorator, definition=definition))

    assert Driver({}, module, adapter=DictResult()).execute(["spend"], inputs={"a": 10}) == {"spend": value}


def test_node_is_that_of_the_decorated_function(load) -> None:
    [node] = expanded(
        load, "@does(_less, b='c')", "def spend(a: int, c: int = 3) -> float:\n        '''Doc.'''"
    )

    assert (node.name, node.type, node.dependencies, node.doc) == ("spend", Type("float"), ("a", "c"), "Doc.")
    assert pickle.loads(pickle.dumps(node.call))(10, 4) == 6


def test_coroutine_may_stand_for_the_value(load) -> None:
    [node] = expanded(load, "@does(_later)", "async def spend(a: int) -> int:\n        '''Doc.'''")

    assert run_apart(node.call(3)) == 3


def test_does_goes_with_outputs_and_columns(load) -> None:
    outputs = '@parameterize(x={"a": value(2)}, y={"a": source("z")})\n    @does(_total)'

    assert [
        (n.name, n.dependencies, n.call(4)) for n in expanded(load, outputs, "def spend(a: int) -> int: ...")
    ] == [
        ("x", (), 4),
        ("y", ("z",), 4),
    ]


@pytest.mark.parametrize(
    "definition",
    [
        "def spend(a: int) -> int: return 1",
        "def spend(a: int) -> int: return a",
        "def spend(a: int) -> str: return 'doc'",
        "def spend(a: int) -> int:\n        '''Doc.'''\n        raise NotImplementedError",
    ],
)
def test_body_that_would_never_run_is_told(load, definition) -> None:
    with pytest.raises(InvalidModifier, match=r"'spend' has a body, which @does would never run"):
        expanded(load, "@does(_total)", definition)


@pytest.mark.parametrize(
    ("decorator", "definition", "said"),
    [
        (
            "@does(_less)",
            "def spend(c: int) -> int: ...",
            "'c' to '_less', which does not take 'c' and also needs 'a'",
        ),
        ("@does(_less)", "def spend() -> int: ...", "gives nothing to '_less', which also needs 'a'"),
        (
            "@does(_less, a='d')",
            "def spend(c: int) -> int: ...",
            "has no parameter 'd' for @does to give as 'a'",
        ),
        ("@does(_less, a='c', b='c')", "def spend(c: int) -> int: ...", "gives 'c' twice, as 'a' and as 'b'"),
        ("@does(_less, a='b')", "def spend(a: int, b: int) -> int: ...", "which takes only once 'a'"),
        ("@does(_position)", "def spend(a: int) -> int: ...", "does not take 'a' and also needs 'a'"),
    ],
)
def test_parameters_that_do_not_fit_are_told(load, decorator, definition, said) -> None:
    with pytest.raises(InvalidModifier, match=said):
        expanded(load, decorator, definition)


def test_something_must_be_called() -> None:
    with pytest.raises(InvalidModifier, match=r"@does takes a function, not 3"):
        does(3)


def test_function_that_was_only_read_is_checked_as_a_live_one() -> None:
    place = Location("features", "features.py", 1, 1)
    less = Function("_less", place, (Parameter("a", INT), Parameter("b", INT, default=5)), INT)

    def made(parameter: str, replacing: object):
        spend = Function("spend", place, (Parameter(parameter, INT),), INT, modifiers=(does(replacing),))
        return expand(spend)

    [node] = made("a", less)
    assert (node.dependencies, node.call, node.partial) == (("a",), None, ())
    with pytest.raises(InvalidModifier, match=r"'c' to '_less', which does not take 'c'"):
        made("c", less)
    assert made("c", Reference("shop.less"))[0].partial == ()
