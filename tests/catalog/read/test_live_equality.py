"""What the reader finds in source text equals what the engine finds in the imported module."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from textwrap import dedent
from types import ModuleType

import pytest

import headwater.compat
from headwater.build import build, expand
from headwater.function import Function, functions_of
from headwater.node import Node
from headwater.values import describe
from headwater_catalog.read.link import LinkedModule
from support.node_facts import facts_of

CASES: dict[str, str] = {
    "plain functions": """
        import pandas as pd

        def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
            '''The cost per signup in relation to spend.

                Indented more.
            '''
            return spend / signups

        def no_doc(a: int) -> float: return a / 2

        def empty_doc(a: int) -> float:
            ""
            return a / 2

        def nothing(a: int) -> None:
            pass

        def _helper(x):
            return x
    """,
    "every kind of parameter and default": """
        LIMIT = 3
        def kinds(a: int, /, b: float, c: str = "x", *args: int, d: bool = LIMIT > 2, e: int, **rest: str) -> int:
            return 1
        def defaults(a: int = -1, b: tuple = (1, "a"), c: dict = {"k": [1.5, None]}, *, f: int = LIMIT * 2) -> int:
            return a
        def unannotated(a, b: int):
            return a
    """,
    "coroutines and generators": """
        import collections.abc as cabc
        from collections.abc import Iterator
        async def fetched(url: str) -> bytes:
            return b""
        async def pages(n: int) -> cabc.AsyncIterator[int]:
            yield n
        def rows(n: int) -> Iterator[int]:
            yield n
    """,
    "a body that is only documentation, below a decorator": """
        import typing as t
        from headwater import check_output, tag
        @tag(owner="Data")
        @check_output(
            values_in={"b", "a", "c"},
        )
        def kinds(raw: t.Set[int]) -> t.Set[str]:
            '''Nothing but words.'''
    """,
    "names of types": """
        import collections.abc as cabc
        import datetime as dt
        import decimal
        import typing as t
        from datetime import date
        from pathlib import Path
        from typing import Any, Annotated, Callable, Dict, List, Literal, Optional, Tuple, Union

        import numpy as np
        import pandas
        import pandas as pd
        import polars as pl
        from pandas import DataFrame
        from pandas.core.series import Series

        def a(x: List[int], y: Dict[str, float], z: list[list[str]]) -> Tuple[int, ...]: ...
        def b(x: Optional[pd.Series], y: Union[int, None, str], z: int | None) -> pd.DataFrame | None: ...
        def c(x: Callable[[int, str], bool], y: Callable[..., Any], z: cabc.Sequence[date]) -> Callable: ...
        def d(x: Literal["a", 1, True, None], y: Annotated[int, "unit", [1]]) -> t.Any: ...
        def e(x: np.ndarray, y: np.float64, z: pandas.core.frame.DataFrame) -> Series: ...
        def f(x: dt.datetime, y: decimal.Decimal, z: Path) -> DataFrame: ...
        def g(x: pl.Series, y: pl.DataFrame, z: pl.LazyFrame) -> pl.Expr: ...
        def h(x: List, y: Dict, z: t.Type[int], w: type) -> t.Iterable[t.Mapping[str, t.Sequence[int]]]: ...
        def i(x: tuple[()], y: "int", z: None) -> pd.Timestamp: ...
        def j(x: Union[int, Union[str, Optional[float]]], y: t.FrozenSet[str]) -> pd.Index: ...
    """,
    "annotations as strings": """
        from __future__ import annotations
        from typing import TYPE_CHECKING, Optional
        import pandas as pd
        def a(x: pd.Series, y: Optional[list[Money]], z: "pd.DataFrame") -> Money: ...
        class Money: ...
    """,
    "classes, aliases and type variables of the module": """
        from collections import namedtuple
        from enum import Enum
        from typing import Generic, NamedTuple, NewType, TypedDict, TypeVar, Union
        import pandas as pd
        Number = Union[int, float]
        Frame = pd.DataFrame
        T = TypeVar("T")
        UserId = NewType("UserId", int)
        Row = TypedDict("Row", {"a": int})
        Point = namedtuple("Point", "x y")
        class Money: ...
        class Box(Generic[T]): ...
        class Colour(Enum):
            RED = 1
        def a(x: Number, y: Frame, z: list[Number]) -> Money: ...
        def b(x: T, y: UserId, z: "Row") -> Box[int]: ...
        def c(x: Point, y: Colour) -> "list[Money]": ...
    """,
    "tags": """
        from headwater import tag
        OWNER = "Data-" + "Science"
        TAGS = {"team.lead": "Maya", "domain": "spend"}
        @tag(owner=OWNER, pii="False")
        @tag(**TAGS, owner="inner", uses=["a", "b"])
        def a(x: int) -> int: return x
        @tag(owner=f"{OWNER}-{1 + 1}")
        def b(x: int) -> int: return x
    """,
    "modifiers under other names": """
        import headwater
        import headwater as hw
        from headwater import modifiers
        from headwater import tag as t, config as c
        from headwater.modifiers import check_output as check
        @headwater.tag(a="1")
        @hw.tag(b="2")
        @modifiers.tag(c="3")
        @t(d="4")
        @check(range=(0, 1))
        @c.when(region="UK")
        def x__uk(y: float) -> float: return y
    """,
    "hamilton's own imports": """
        from hamilton import function_modifiers
        from hamilton.function_modifiers import extract_columns, tag
        import hamilton.function_modifiers as fm
        import pandas as pd
        @function_modifiers.config.when(region="UK")
        @tag(owner="a")
        def x__uk(y: int) -> int: return y
        @extract_columns("c", "d")
        def table(y: int) -> pd.DataFrame: ...
        @fm.parameterize(e={"y": fm.value(3)}, f={"y": fm.source("g")})
        def p(y: int) -> int: return y
    """,
    "import star": """
        from typing import *
        from headwater.modifiers import *
        @tag(a="b")
        def x(y: List[int]) -> Optional[float]: ...
    """,
    "configuration": """
        from headwater import config, hamilton_exclude
        REGIONS = ["UK", "US"]
        @config.when(region="UK", size=3)
        def holidays__uk(week: int) -> int: return 1
        @config.when_in(region=[*REGIONS[1:], "CA"])
        def holidays__us(week: int) -> int: return 2
        @config.when_not_in(region=REGIONS + ["CA"])
        def holidays__other(week: int) -> int: return 3
        @config.when_not(fast=True)
        @config.when(region="UK")
        def a__slow(week: int) -> int: return 1
        @config.when(name="renamed", fast=True)
        def b(week: int) -> int: return 1
        @hamilton_exclude
        def left_out(week: int) -> int: return 1
        @hamilton_exclude()
        def left_out_too(week): return 1
        def is_big(config: dict) -> bool: return config["size"] > 1
        @config(is_big)
        def c__big(week: int) -> int: return 1
    """,
    "checks": """
        import math
        import numpy as np
        import pandas as pd
        from headwater import check_output, tag
        LOW, HIGH = -5.0, 5.0
        NAMES = ("a", "b")
        @tag(owner="Data-Science", pii="False")
        @check_output(data_type=np.float64, range=(LOW, HIGH), allow_nans=False)
        def height(x: pd.Series) -> pd.Series: return x
        @check_output(values_in=[name.upper() for name in NAMES], importance="fail")
        def kind(x: pd.Series) -> pd.Series: return x
        @check_output(data_type=float, range=(0, math.pi))
        def angle(x: float) -> float: return x
        @check_output(range=(-math.inf, np.inf))
        def anything(x: float) -> float: return x
    """,
    "columns": """
        import pandas as pd
        import polars as pl
        from headwater import extract_columns, tag
        COLUMNS = ["c", "d"]
        @extract_columns("a", ("b", "The second."), *COLUMNS)
        @tag(owner="x")
        def table(x: int) -> pd.DataFrame:
            '''A table.'''
            return pd.DataFrame({"x": [x]})
        @extract_columns(*[f"lag_{n}" for n in range(3) if n != 1], fill_with=0)
        def lags(x: int) -> pl.DataFrame: ...
    """,
    "parameterize": """
        from headwater import parameterize, source, value, tag
        CHANNELS = {"search": 1, "social": 2}
        @parameterize(
            a={"x": source("spend"), "y": value(2)},
            b=({"x": source("signups")}, "Own documentation."),
        )
        def shared(x: int, y: int) -> int:
            '''Makes {output_name} of {x} and {y}.'''
            return x
        @tag(owner="z")
        @parameterize(**{f"{name}_cost": {"x": source(f"{name}_spend"), "y": value(rate)}
                         for name, rate in CHANNELS.items()})
        def costs(x: float, y: float) -> float: return x * y
    """,
    "modifiers kept in constants": """
        from headwater import config, source, parameterize, tag
        when_uk = config.when(region="UK")
        owned = tag(owner="growth")
        SPEND = source("spend")
        @when_uk
        @owned
        def a__uk(x: int) -> int: return x
        @parameterize(c={"x": SPEND})
        def d(x: int) -> int: return x
    """,
    "positions in the file": """
        from headwater import tag

        # A comment before.
        @tag(
            a="b",
        )

        # A comment between.
        def x(
            y: int,
        ) -> int:
            return y


        def z(y: int) -> int:
            def inner() -> int:
                return y
            return inner()
    """,
    "constants of classes": """
        from dataclasses import dataclass
        from typing import ClassVar, Final
        from headwater import check_output, config, parameterize, source, tag, value
        BASE = 3
        class Limits:
            '''What is allowed.'''
            LOW = BASE - 3
            HIGH: float = LOW + 10.5
            NAMES = ("a", "b")
            UPPER = [name.upper() for name in NAMES]
            TABLE: ClassVar[dict[str, float]] = {"a": LOW, "b": HIGH}
            BASE = 4
            def width(self) -> float:
                return self.HIGH - self.LOW
            @property
            def names(self) -> list[str]:
                return list(self.NAMES)
        class Narrow(Limits):
            HIGH = 5.0
            PREFIX = f"x_{Limits.NAMES[0]}"
        class Narrower(Narrow):
            pass
        @dataclass(frozen=True)
        class Settings:
            window: int = 7
            region: str = "UK"
        @tag(owner=Narrow.PREFIX, names=list(Limits.NAMES), upper=Limits.UPPER)
        @check_output(range=(Narrower.LOW, Narrower.HIGH), importance="fail")
        def a(x: float = Limits.TABLE["b"], y: int = Limits.BASE) -> float: return x
        @config.when(region=Settings.region)
        def b__uk(x: int = Settings.window) -> int: return x
        @parameterize(**{f"c_{name}": {"x": source(name), "y": value(high)} for name, high in Limits.TABLE.items()})
        def c(x: int, y: float) -> float: return x
    """,
    "members of enumerations": """
        import enum
        from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto, unique
        from headwater import check_output, config, extract_columns, parameterize, source, tag, value
        import pandas as pd
        OFFSET = 2
        class Color(Enum):
            RED = "red"
            GREEN = f"{RED}dish"
            ROUGE = "red"
            LIST = [1, (2, 3)]
        @unique
        class Level(IntEnum):
            LOW = OFFSET
            HIGH = auto()
            TOP = enum.auto()
        class Region(str, Enum):
            '''Where.'''
            UK = "UK"
            US = "US"
            def label(self) -> str:
                return self.value.lower()
        class Column(StrEnum):
            SPEND = auto()
            SIGNUPS = "sign_ups"
        class Access(Flag):
            READ = auto()
            WRITE = auto()
            BOTH = READ | WRITE
        class Bits(IntFlag):
            A = auto()
            B = 8
            C = auto()
        class Rate(float, Enum):
            FULL = 1.0
            HALF = 0.5
        @config.when(color=Color.RED, level=Level.LOW, region=Region.UK, column=Column.SPEND)
        def a__red(x: int = Level.HIGH, y: Color = Color["GREEN"], z: str = Region.US) -> int: return x
        @config.when_in(color=[Color.RED, Color.GREEN], region=list(Region), access=[Access.BOTH])
        def b__few(x: int = int(Level.TOP) + 1, y: int = Access.READ.value) -> int: return x
        @config.when_not(color=Color("red").name, region=Region("UK").value, both=Access.READ | Access.WRITE)
        def c__not(x: int = len(Color), y: int = Bits.C.value, z: int = Bits.A | Bits.C) -> int: return x
        @tag(owner=Column.SPEND.value, region=Region.UK, names=[c.name for c in Color], each=[str(c) for c in Color])
        @tag(text=f"{Color.RED} {Level.LOW} {Region.UK} {Column.SPEND} {Rate.HALF} {Access.BOTH}", column=Column.SPEND)
        @tag(shown=f"{Color.RED!r} {Region.UK!s:>12} {Level.LOW:03d} {Rate.HALF.value:.2f}", s=str(Level.LOW))
        @tag(keys=list(Color.__members__), regions=[Region.UK, Region.US])
        def d(x: int) -> int: return x
        @extract_columns(*Column)
        def e(x: int) -> pd.DataFrame: ...
        @extract_columns(*[c.value for c in Region])
        def f(x: int) -> pd.DataFrame: ...
        @check_output(values_in=[c.value for c in Color if c is not None], importance="fail")
        def g(x: int) -> str: return ""
        @check_output(values_in=[Level.LOW, Level.HIGH])
        def h(x: int = max(Level), y: float = Rate.HALF * 2) -> int: return x
        @parameterize(**{f"i_{c.lower()}": {"x": source(c), "y": value(n)} for n, c in enumerate(c.value for c in Column)})
        @tag(a="b")
        def i(x: int, y: int) -> int: return x
        @parameterize(j_red={"x": value(Color.RED), "y": value([Region.UK])}, j_low={"x": value(Level.LOW), "y": value(Region.UK)})
        def j(x: Color, y: str) -> int:
            '''Of {x} and {y}.'''
            return 1
        def k(x: tuple = (Color.RED, {Color.RED: Level.LOW}), y: bool = Color.RED == Color.ROUGE) -> int: return 1
    """,
    "enumerations that are text": """
        from enum import Enum
        from headwater import config, tag
        class Text(str, Enum):
            def __str__(self) -> str:
                return self.value
        class Region(Text):
            UK = "UK"
            US = "US"
        class Kind(str, Enum):
            A = "a"
            def __str__(self):
                '''Only the value.'''
                return str(self.value)
        class Name(Enum):
            ONE = 1
            def __str__(self):
                return self.name
        @config.when(region=Region.UK, kind=Kind.A, one=Name.ONE)
        def a__uk(x: str = f"{Region.UK}-{Kind.A}", y: str = str(Name.ONE)) -> int: return 1
        @config.when_in(region=[Region.UK, Region.US], kind=[*Kind])
        def b__uk(x: str = "-".join(Region)) -> int: return 1
    """,
}


def _assert_equal(live: Function, read: Function) -> None:
    """Both records say the same, field by field; only code itself and its last line may differ."""
    assert read.name == live.name
    assert (read.location.module, read.location.line) == (live.location.module, live.location.line)
    assert read.parameters == live.parameters
    # Members of enumerations are equal in all that is shown of them only.
    assert [(type(p.default).__name__, describe(p.default)) for p in read.parameters] == [
        (type(p.default).__name__, describe(p.default)) for p in live.parameters
    ]
    assert read.returns == live.returns
    assert read.doc == live.doc
    assert read.is_async == live.is_async
    assert [type(m) for m in read.modifiers] == [type(m) for m in live.modifiers]
    assert read.partial == ()
    if all(p.type for p in live.parameters) and live.returns and live.name != "kinds":
        assert [facts_of(node) for node in expand(read)] == [facts_of(node) for node in expand(live)]


def _assert_same_functions(module: ModuleType, linked: LinkedModule) -> None:
    live = {function.name: function for function in functions_of(module)}
    read = {function.name: function for function in linked.functions}

    assert linked.diagnostics == ()
    assert sorted(read) == sorted(live)
    for name in live:
        _assert_equal(live[name], read[name])


@pytest.fixture(autouse=True)
def _hamilton_is_answered() -> None:
    headwater.compat.activate()


@pytest.mark.parametrize("case", CASES)
def test_reading_gives_what_importing_gives(
    case: str, load: Callable[..., ModuleType], linked: Callable[..., LinkedModule]
) -> None:
    files = {"features_read.py": dedent(CASES[case])}

    module = load(files, "features_read")

    _assert_same_functions(module, linked(files, "features_read"))


TREE: Mapping[str, str] = {
    "shop_read/__init__.py": "from .money import Money\nfrom shop_read.deep import *\n",
    "shop_read/money.py": "class Money: ...\nclass Inner: ...\nRATE = 1.5\n",
    "shop_read/deep/__init__.py": "from .types import Deep\nLIMITS = (0, 10)\n",
    "shop_read/deep/types.py": "from ..money import RATE as FACTOR\nclass Deep: ...\nTOP = FACTOR * 4\n",
    "shop_read/limits.py": "from headwater import tag as owned_by\nfrom shop_read.deep.types import TOP\nNAMES = ['a', 'b']\n",
    "shop_read/features.py": dedent("""
        import shop_read.limits
        import shop_read.deep.types as types
        from headwater import check_output
        from shop_read import deep, Money, Deep
        from . import limits
        from .limits import NAMES as KNOWN, owned_by
        from .money import Inner
        from .. import shop_read as _whole if False else None
    """).replace("from .. import shop_read as _whole if False else None\n", "")
    + dedent("""
        @check_output(range=(deep.LIMITS[0], types.TOP), importance="fail")
        @owned_by(owner=limits.NAMES[0])
        def a(x: Money, y: Inner, z: types.Deep) -> float: return 1.0
        @limits.owned_by(names=shop_read.limits.NAMES)
        @check_output(values_in=KNOWN)
        def b(x: "deep.types.Deep", y: Deep) -> str: return "a"
    """),
}


def test_names_are_followed_through_the_modules_of_the_tree(
    load: Callable[..., ModuleType], linked: Callable[..., LinkedModule]
) -> None:
    module = load(TREE, "shop_read.features")

    result = linked(TREE, "shop_read.features")

    _assert_same_functions(module, result)
    assert {"shop_read", "shop_read.money", "shop_read.deep.types", "shop_read.limits"} <= set(result.uses)


def test_the_two_graphs_of_a_dataflow_are_equal(
    load: Callable[..., ModuleType], linked: Callable[..., LinkedModule]
) -> None:
    files = {"features_read.py": dedent(CASES["configuration"] + CASES["columns"])}
    config = {"region": "UK", "size": 3, "fast": True}
    module = load(files, "features_read")
    read = [f for f in linked(files, "features_read").functions if f.name != "c__big"]

    live_graph = build([f for f in functions_of(module) if f.name != "c__big"], config)
    read_graph = build(read, config)

    def strip(node: Node) -> Node:
        return replace(node, function=None, call=None)

    assert {n.name: facts_of(strip(n)) for n in read_graph.nodes} == {
        n.name: facts_of(strip(n)) for n in live_graph.nodes
    }


def test_not_a_number_is_known_from_outside(linked: Callable[..., LinkedModule]) -> None:
    source = "import numpy as np\ndef f(x: float = np.nan) -> float: ..."

    assert math.isnan(linked(source).functions[0].parameters[0].default)
