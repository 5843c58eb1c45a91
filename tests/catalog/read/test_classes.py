"""Constants of classes and members of enumerations: known where the text settles them, and else never guessed."""

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from headwater.values import Unevaluated, describe, unevaluated_in
from headwater_catalog.read.link import link
from headwater_catalog.read.modules import modules_of
from headwater_catalog.read.parse import Content, read_blob


def evaluated(text: str, expression: str, **others: str) -> Any:
    files = {"spend.py": f"{dedent(text)}\ndef f(x: int = {expression}) -> int: ...\n"}
    return default(files | {f"{name}.py": dedent(other) for name, other in others.items()}, "spend")


def default(files: Mapping[str, str], name: str) -> Any:
    modules, _ = modules_of({path: Content(text.encode()) for path, text in files.items()})
    return link(modules[name], modules.get).functions[0].parameters[0].default


@pytest.mark.parametrize(
    "change",
    [
        "Const.X = [2]",
        "Const.X.append(2)",
        "Const.X[0] = 2",
        "Const.X += [2]",
        "Const.X: list = [2]",
        "Const.Y, Const.X = 1, [2]",
        "(Const.X, y) = [2], 1",
        "Const.X[\n0\n] = 2",
        "(Const\n.X\n.append(2))",
        "del Const.X",
        "def _f(): Const.X.clear()",
        "def _f(): setattr(Const, 'X', 2)",
        "type.__setattr__(Const, 'X', 2)",
        "Alias = Const\nAlias.X = 3",
        "Derived.X.append(3)\nclass Derived(Const): ...",
        "class Const:\n    X = 2",
        "class Const:\n    def method(self): ...",
    ],
)
def test_a_class_that_code_changes_has_no_constants(change: str) -> None:
    assert isinstance(evaluated(f"class Const:\n    X = [1]\n{change}\n", "Const.X"), Unevaluated)


@pytest.mark.parametrize(
    "use",
    [
        "y = Const.X[0]",
        "y = {Const.X: 1}\ny[Const.X] = 2",
        "def _f(a=Const.X, b=1): return a == Const.X",
        "z = [Const.X]\nz.append(Const.X)",
        "def _f(): y = getattr(Const, 'X')",
    ],
)
def test_a_class_that_is_only_used_keeps_its_constants(use: str) -> None:
    assert evaluated(f"class Const:\n    X = 1\n{use}\n", "Const.X") == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("X = 1\n    X = 2", "not looked into"),
        ("X = 1\n    if X: X = 2", "more than set names"),
        ("X = 1\n    X += 1", "more than set names"),
        ("X, Y = 1, 2", "not looked into"),
        ("X = 1\n    def X(self): ...", "not looked into"),
        ("X = open('f')", "call of 'open'"),
        ("X = [1]\n    @classmethod\n    def more(cls): cls.X.append(2)", "changed by the class itself"),
        ("X = [1]\n    def more(self): self.X += [2]", "changed by the class itself"),
        ("X = 1\n    def more(self): type(self).X = 2", "changed by the class itself"),
        ("X = 1\n    @classmethod\n    def more(cls): setattr(cls, 'X', 2)", "changed by the class itself"),
        ("Y = 1\n    X = [Y for y in (1,)]", "'Y' is not defined"),
        ("X = Y\n    Y = 1", "'Y' is not defined"),
        ("X: int", "not looked into"),
    ],
)
def test_constants_that_the_body_does_not_settle_say_why(body: str, reason: str) -> None:
    found = evaluated(f"class Const:\n    {body}\n", "Const.X")

    assert [unknown for unknown in unevaluated_in(found) if reason in unknown.reason]


@pytest.mark.parametrize(
    "head",
    [
        "@register\nclass Const:",
        "@dataclass(slots=True)\nclass Const:",
        "class Const(metaclass=Meta):",
        "class Const(BaseSettings):",
        "class Const(NamedTuple):",
        "class Const(Const):",
        "class Const(Hooked):",
        "class Const(**options):",
    ],
)
def test_a_class_that_something_may_change_in_the_making_has_no_constants(head: str) -> None:
    before = """
        from dataclasses import dataclass
        from typing import NamedTuple
        from pydantic import BaseSettings
        from elsewhere import register
        class Meta(type): ...
        class Hooked(object):
            def __init_subclass__(cls): cls.X = 3
    """

    assert isinstance(evaluated(f"{dedent(before)}{head}\n    X = 1\n", "Const.X"), Unevaluated)


def test_names_in_a_class_mean_what_it_has_set_above_and_else_the_modules() -> None:
    text = """
        A = 1
        B = 2
        class Const:
            X = (A, B)
            B = 20
            Y = (A, B, [B + n for n in (A,)], [n for n in range(B, 22)])
    """

    assert evaluated(text, "Const.X") == (1, 2)
    assert evaluated(text, "Const.Y") == (1, 20, [3], [20, 21])


def test_a_constant_that_several_bases_have_is_not_guessed() -> None:
    text = """
        class A:
            X = 1
        class B(A):
            Z = 1
        class C(A):
            X = 2
        class D(B, C): ...
        class E(A, Z): ...
    """

    assert isinstance(evaluated(text, "D.X"), Unevaluated)
    assert isinstance(evaluated(text, "E.X"), Unevaluated)


def test_constants_are_followed_through_modules() -> None:
    found = evaluated(
        "import settings\nfrom settings import Color as Shade",
        "(settings.Limits.HIGH, Shade.RED.value, [s.name for s in Shade])",
        settings="""
            from enum import Enum
            import base
            class Limits(base.Low):
                HIGH = base.Low.LOW + 1
            class Color(Enum):
                RED = Limits.HIGH
                BLUE = base.Low.LOW
        """,
        base="class Low:\n    LOW = 3\n",
    )

    assert found == (4, 4, ["RED", "BLUE"])


@pytest.mark.parametrize(
    "body",
    [
        "RED = open('f')\n    BLUE = 2",
        "RED = 1\n    def __new__(cls, value): ...",
        "RED = 1\n    def __init__(self, value): ...",
        "RED = 1\n    def _generate_next_value_(name, *rest): return name",
        "RED = 1\n    def __repr__(self): return 'red'",
        "RED = 1\n    def __eq__(self, other): return True",
        "RED = 1\n    def __str__(self): return self.value.lower()",
        "RED = 1\n    @property\n    def value(self): return 2",
        "RED = 1\n    _ignore_ = ['BLUE']",
        "RED = 1\n    BLUE = lambda: 1",
        "RED = 1\n    @member\n    def BLUE(self): ...",
        "RED = 1\n    class Inner: ...",
        "RED = 5\n    BLUE = 1\n    GREEN = auto()",
        "RED = 'a'\n    BLUE = auto()",
        "RED = 1\n    RED = 2",
        "RED = (auto(), 1)",
        "RED = nonmember(1)",
        "RED = f\n    def f(self): ...",
        "mro = 1\n    RED = 2",
    ],
)
def test_an_enumeration_with_ways_of_its_own_is_not_guessed(body: str) -> None:
    text = f"from enum import *\nclass Color(Enum):\n    {body}\n"

    assert isinstance(evaluated(text, "Color.RED.value"), Unevaluated)
    assert isinstance(evaluated(text, "Color.RED"), Unevaluated)
    assert isinstance(evaluated(text, "list(Color)"), Unevaluated)


@pytest.mark.parametrize(
    "head",
    [
        "class Color(str, int, Enum)",
        "class Color(bytes, Enum)",
        "class Color(Enum, metaclass=M)",
        "class Color(Flag, boundary=KEEP)",
        "class Color(Other, Enum)",
        "class Color(Full)",
        "@dataclass\nclass Color(Enum)",
        "@global_enum\nclass Color(Enum)",
        "class Color(str, Enum)",
        "class Color(StrEnum)",
        "class Color(float, Enum)",
    ],
)
def test_an_enumeration_of_an_unusual_kind_is_not_guessed(head: str) -> None:
    text = f"""
from dataclasses import dataclass
from enum import *
from elsewhere import Other
class Full(Enum):
    BLUE = 1
{head}:
    RED = 1
"""

    assert isinstance(evaluated(text, "Color.RED"), Unevaluated)


@pytest.mark.parametrize(
    "expression", ["Color.BLUE", "Color['BLUE']", "Color(7)", "Color.RED.label", "Color(1, 2)", "1 in Color"]
)
def test_what_an_enumeration_does_not_have_says_why(expression: str) -> None:
    found = evaluated("from enum import Enum\nclass Color(Enum):\n    RED = 1\n", expression)

    assert isinstance(found, Unevaluated)
    assert found.reason


def test_a_member_is_the_same_wherever_it_is_read() -> None:
    files = {"colors.py": "from enum import Enum\nclass Color(Enum):\n    RED = 1\n"}
    files |= {
        f"{name}.py": "from colors import Color\ndef f(x: int = Color.RED) -> int: ..." for name in "ab"
    }
    one, other = (default(files, name) for name in "ab")

    assert one == other
    assert describe(one) == "<Color.RED: 1>"


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("class C:\n" + "".join(f"    A{n}=1\n" for n in range(60_000)), "C.A59999"),
        ("class C(Enum):\n" + "".join(f"    A{n}=auto()\n" for n in range(30_000)), "C.A29999"),
        (
            "class C0:\n    X = 1\n" + "".join(f"class C{n + 1}(C{n}): ...\n" for n in range(3_000)),
            "C3000.X",
        ),
        ("class A(B):\n    X = 1\nclass B(A):\n    X = 1\n", "A.X"),
        ("class A:\n    X = B.X\nclass B:\n    X = A.X\n", "A.X"),
        ("class A(Enum):\n    X = B.X.value\nclass B(Enum):\n    X = A.X.value\n", "A.X"),
        ("class A(Enum):\n    X = 'a' * 10**9\n", "A.X"),
        ("class A(IntFlag):\n    X = 1 << 9_999\n", "[A(n) for n in range(9999) for m in range(9999)]"),
        (f"class A:\n    X = {'(' * 60}1{',)' * 60}\n", "A.X"),
    ],
    ids=["constants", "auto", "bases", "circle", "values", "members", "text", "flags", "deep"],
)
def test_hostile_classes_end(text: str, expression: str) -> None:
    found = evaluated(f"from enum import *\n{text}", expression)

    assert isinstance(found, Unevaluated) or found == 1


def test_the_meaning_of_a_module_covers_the_constants_of_its_classes_and_nothing_else_of_them() -> None:
    text = "class C:\n    '''Doc.'''\n    X = 1\n    Y = [open('f')]\n    def f(self):\n        return 1\n"
    meaning = read_blob(text.encode()).meaning

    assert read_blob(text.replace("X = 1", "X = 2").encode()).meaning != meaning
    assert read_blob(text.replace("class C:", "@d\nclass C:").encode()).meaning != meaning
    assert read_blob(text.replace("def f", "def __init_subclass__").encode()).meaning != meaning
    assert read_blob(f"{text}C.X = 3\n".encode()).meaning != meaning
    assert read_blob(f"\n{text}".encode()).meaning != meaning  # what is not known says where it stands
    assert read_blob(text.replace("return 1", "return 2").encode()).meaning == meaning
    assert read_blob(text.replace("Doc.", "Text.").encode()).meaning == meaning


_VALUES = st.sampled_from(
    ["1", "2", "True", "'a'", "'b'", "1.0", "(1, 2)", "[1]", "None", "auto()", "A", "A | B"]
)
_HEADS = st.sampled_from(
    ["Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "str, Enum", "int, Enum", "float, Enum", "object"]
)
_ASKED = (
    *("list(C)", "len(C)", "[c.name for c in C]", "[c.value for c in C]", "C.A", "C.B.name", "C.B.value"),
    *("C['A']", "C(1)", "C('a')", "f'{C.A}'", "str(C.B)", "f'{C.B!r:>9}'", "C.A == C.B", "C.A == 1"),
    *("C.A | C.B", "max(C)", "C.B + 1", "sorted(C)", "{C.A: 1, C.B: 2}", "list(C.__members__)", "int(C.A)"),
    *("'-'.join(C)", "bool(C.A)", "C.A and C.B", "C.A < C.B", "list(zip(C, 'ab'))", "[*C, *C]", "C.A.B"),
)


@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=_HEADS, values=st.lists(_VALUES, min_size=2, max_size=4), asked=st.sampled_from(_ASKED))
def test_what_is_known_of_a_class_is_what_running_it_gives(head: str, values: list[str], asked: str) -> None:
    members = "".join(f"    {name} = {value}\n" for name, value in zip("ABDE", values, strict=False))
    text = f"from enum import *\nclass C({head}):\n{members}"
    found = evaluated(text, asked)
    if any(unevaluated_in(found)):
        return
    names: dict[str, Any] = {"__name__": "spend"}
    exec(text, names)

    assert repr(found) == repr(eval(asked, names))
