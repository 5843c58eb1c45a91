from collections.abc import Callable
from typing import Any

import pytest

from headwater.modifiers import source, value
from headwater.values import Reference, Unevaluated, unevaluated_in
from headwater_catalog.read.link import LinkedModule

Linked = Callable[..., LinkedModule]

PRELUDE = """
import math
import numpy as np
import settings
from headwater import source, value
from elsewhere import LIMITS, limit
A = 3
NAMES = ["a", "b"]
TABLE = {"x": (1, 2), "y": open("f")}
ITSELF = OTHER
OTHER = ITSELF
class Local: ...
class DAG: ...
def _local(): ...
"""


def evaluated(linked: Linked, expression: str) -> Any:
    module = linked(f"{PRELUDE}def f(x: int = {expression}) -> int: ...\n")
    return module.functions[0].parameters[0].default


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("-A + 2 ** 3 // 2", 1),
        ("(1, 'a', b'c', None, ..., 1.5, 2j)", (1, "a", b"c", None, ..., 1.5, 2j)),
        ("[*NAMES, 'c'] + ['d']", ["a", "b", "c", "d"]),
        ("{**{'k': A}, 'l': NAMES[0]}", {"k": 3, "l": "a"}),
        ("{'k': 1} | {'l': 2}", {"k": 1, "l": 2}),
        ("{1, 2, A}", {1, 2, 3}),
        ("f'{A:03d}-{NAMES[1]!r}'", "003-'b'"),
        ("[f'{n}{i}' for i, n in enumerate(NAMES) if i > 0]", ["b1"]),
        ("{n: len(n) for n in NAMES}", {"a": 1, "b": 1}),
        ("[(x, y) for x in range(2) for y in range(x)]", [(1, 0)]),
        ("tuple(n.upper() for n in NAMES)", ("A", "B")),
        ("sorted({'b', 'a'})", ["a", "b"]),
        ("list(TABLE['x']) if A > 2 > 1 else 0", [1, 2]),
        ("not A or 'else'", "else"),
        ("A in (1, 2, 3) and None is None", True),
        ("'-'.join(reversed(NAMES))", "b-a"),
        ("dict(zip(NAMES, range(2)), c=3)", {"a": 0, "b": 1, "c": 3}),
        ("NAMES[::-1]", ["b", "a"]),
        ("np.float64", Reference("numpy.float64")),
        ("[float, Local, DAG]", [Reference("float"), Reference("spend.Local"), Reference("spend.DAG")]),
        ("math.pi > 3", True),
        ("settings.Limit", Reference("settings.Limit")),
        ("source('s')", source("s")),
        ("value([A])", value([3])),
    ],
)
def test_expressions_have_their_values(linked: Linked, expression: str, expected: Any) -> None:
    assert evaluated(linked, expression) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("open('f')", "call of 'open'"),
        ("__import__('os').system('true')", "'__import__' is not defined"),
        ("LIMITS", "'elsewhere.LIMITS' is known by its name only"),
        ("settings.limit", "'settings.limit' is known by its name only"),
        ("np.PI", "'numpy.PI' is known by its name only"),
        ("missing", "'missing' is not defined in spend"),
        ("ITSELF", "defined by itself"),
        ("TABLE['y']", "call of 'open'"),
        ("TABLE['z']", "no such part"),
        ("1 / 0", "computing it fails"),
        ("lambda: 1", "lambda"),
        ("(y := 3)", "not evaluated"),
        ("[x for x in {1, 2}]", "order of a set"),
        ("{[]: 1}", "cannot be a key"),
        ("'%s' % A", "not evaluated"),
        ("A.real", "attribute of a value"),
        ("limit(3)", "call of 'limit'"),
        ("'a' * 10**9", "larger than"),
        ("[0] * 10**9", "larger than"),
        ("list(range(10**9))", "larger than"),
        ("9 ** 9 ** 9", "too large"),
        ("1 << 10**9", "too large"),
        ("f'{1:1000000000}'", "too large"),
        ("[x for a in range(9999) for b in range(9999) for x in (a,)]", "larger than"),
        ("[x for a in range(9999) for b in range(9999) for x in (a,) if x < 0]", "steps"),
        ("(" * 60 + "1" + ",)" * 60, "nested more than"),
        ("[x " + "for x in (1,) " * 800 + "]", "more than 10 loops"),
        ("source(3)", "source() takes the name of a node"),
    ],
)
def test_what_is_not_known_says_why(linked: Linked, expression: str, reason: str) -> None:
    found = evaluated(linked, expression)

    assert isinstance(found, Unevaluated)
    assert reason in found.reason
    assert found.line == PRELUDE.count("\n") + 1


def test_an_unknown_element_leaves_the_others_known(linked: Linked) -> None:
    found = evaluated(linked, "{'a': 1, 'b': [2, open('f')]}")

    assert found["a"] == 1
    assert found["b"][0] == 2
    assert str(found["b"][1]) == "open('f')"


def test_growing_by_doubling_ends(linked: Linked) -> None:
    doubled = "\n".join(["X0 = [0] * 100", *(f"X{n} = [X{n - 1}, X{n - 1}]" for n in range(1, 20))])

    found = linked(f"{doubled}\ndef f(x: int = X19) -> int: ...").functions[0].parameters[0].default

    unknown = list(unevaluated_in(found))
    assert 0 < len(unknown) < 10_000
    assert "larger than" in unknown[0].reason


def test_many_hostile_expressions_share_one_limit(linked: Linked) -> None:
    slow = "[x for a in range(9999) for b in range(9999) for x in (a,) if x < 0]"
    source = "".join(f"def f{n}(x: int = {slow}) -> int: ...\n" for n in range(200))

    functions = linked(source).functions

    assert all(isinstance(f.parameters[0].default, Unevaluated) for f in functions)
