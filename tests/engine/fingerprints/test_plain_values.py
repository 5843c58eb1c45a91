"""Values of Python itself: equal fingerprints for equal values, and for no others."""

import itertools
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.fingerprints import encoder, fingerprint, register

NAN = struct.unpack(">d", bytes.fromhex("7ff8000000000000"))[0]
OTHER_NAN = struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0]

DIFFERENT = [
    *(None, ..., NotImplemented, True, False, 0, 1, -1, 2**64, -(2**64), 10**5000),
    *(0.0, -0.0, 1.0, float("inf"), NAN, OTHER_NAN, 0j, 1j, complex(0.0, -0.0), 1 + 0j),
    *("", "1", "True", "None", "a:b", "ab", "\ud800", "é", "e\u0301"),
    *(b"", b"1", bytearray(b""), bytearray(b"1")),
    *([], (), set(), frozenset(), {}, deque(), deque(maxlen=3), OrderedDict(), Counter()),
    *([1], (1,), {1}, frozenset([1]), [1, 2], [2, 1], [[1], 2], [1, [2]], [[1, 2]], ["1", "2"], ["12"]),
    *([None], [[]], [()], [{}], {None}, {()}, {True: 1}, {1: True}, {1: 1}, {"1": 1}, {1: "1"}),
    *({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": {"b": 1}}, {"a": ("b", 1)}, MappingProxyType({"a": 1})),
    *(defaultdict(list), defaultdict(dict), defaultdict(None), defaultdict(list, a=[])),
    *(range(3), range(0, 3, 2), range(0), slice(3), slice(0, 3), slice(0, 3, 1)),
    *(Decimal(1), Decimal("1.0"), Decimal("-0"), Decimal("NaN"), Fraction(1, 2), Fraction(1)),
    *(date(2026, 1, 2), datetime(2026, 1, 2), time(), time(fold=1), timedelta(1), timedelta(seconds=1)),
    *(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=ZoneInfo("UTC"))),
    *(datetime(2026, 1, 2, tzinfo=timezone(timedelta(0), "GMT")), datetime(2026, 1, 2, fold=1)),
    *(UTC, ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), UUID(int=1)),
    *(PurePosixPath("a"), PureWindowsPath("a"), PurePosixPath("a/b")),
]


def test_values_that_can_be_told_apart_have_different_fingerprints() -> None:
    found = [fingerprint(value) for value in DIFFERENT]
    alike = [
        (DIFFERENT[a], DIFFERENT[b])
        for a, b in itertools.combinations(range(len(found)), 2)
        if found[a] == found[b]
    ]

    assert None not in found
    assert alike == []


def test_equal_values_have_equal_fingerprints() -> None:
    assert fingerprint({"a": [1, (2.5, {"b"})]}) == fingerprint({"a": [1, (2.5, {"b"})]})
    assert fingerprint({3, 1, 2}) == fingerprint({2, 3, 1})
    assert fingerprint({"\x00" * 8, "x", "y"}) == fingerprint({"y", "x", "\x00" * 8})


def test_fingerprint_is_the_same_in_every_process_and_release() -> None:
    assert fingerprint({"spend": [1, 2.5, None], "week": ("a", {1})}) == (
        "fb8ec2c51d0786d58808cc4eecc8abdd69b8659b"
    )


def scalars() -> st.SearchStrategy[Any]:
    floats = st.floats(allow_nan=False) | st.sampled_from([NAN, OTHER_NAN, 0.0, -0.0, 1.0])
    numbers = st.integers() | st.sampled_from([0, 1]) | floats | st.booleans()
    texts = st.text(max_size=3) | st.binary(max_size=3) | st.sampled_from(["1", b"1", ":", "[", "#"])
    return st.none() | numbers | texts


def hashables() -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars(), lambda inner: st.tuples(inner) | st.frozensets(inner, max_size=3), max_leaves=4
    )


def nested() -> st.SearchStrategy[Any]:
    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        lists = st.lists(inner, max_size=3)
        return (
            lists
            | lists.map(tuple)
            | st.dictionaries(hashables(), inner, max_size=3)
            | st.sets(hashables(), max_size=3)
        )

    return st.recursive(scalars(), grown, max_leaves=12)


def same(a: Any, b: Any) -> bool:
    """Say whether nothing can tell two values apart; slow, and written without a look at the encoder."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (set, frozenset)):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    return bool(a == b)


def changes(value: Any) -> list[Any]:
    """Return values that are near to one: its parts, it inside something, and it with a part changed."""
    found: list[Any] = [
        [value],
        (value,),
        [value, value],
        {"a": value},
        [value, None],
        str(value),
        repr(value),
    ]
    if isinstance(value, (list, tuple)):
        found += [*value, list(value), tuple(value), value[::-1], value[1:]]
        if value and isinstance(value[0], (list, tuple)):
            found.append([*value[0], *value[1:]])
    if isinstance(value, dict):
        found += [dict(reversed(value.items())), list(value.items()), list(value)]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found += [-value, bool(value)] + ([int(value)] if abs(value) < 1e300 else [])
    return found


@settings(max_examples=400, derandomize=True, deadline=None)
@given(nested(), nested())
def test_fingerprints_are_equal_exactly_where_values_are(a: Any, b: Any) -> None:
    for other in (a, b, *changes(a)):
        assert (fingerprint(a) == fingerprint(other)) is same(a, other)


@pytest.mark.parametrize(
    "parts",
    [
        st.text(max_size=2),
        st.integers(-(2**63), 2**63 - 1),
        st.integers(),
        st.floats(),
        st.integers() | st.booleans(),
    ],
)
@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.data())
def test_long_lists_of_alike_values_are_told_apart_by_every_one(
    parts: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    a = data.draw(st.lists(parts, min_size=8, max_size=12))
    b = [*a[:-1], data.draw(parts)]

    for other in (
        b,
        a[1:],
        [*a, a[0]],
        [*map(str, a)],
        tuple(a),
        ["".join(map(str, a[:2])), *a[2:]],
        a[::-1],
    ):
        assert (fingerprint(a) == fingerprint(other)) is same(a, other)


class Model:
    def __init__(self, size: int) -> None:
        self.size = size


class Numbers(list[int]):
    pass


def looped() -> list[Any]:
    found: list[Any] = [1]
    found.append({"self": found})
    return found


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    "unknown",
    [
        Model(1),
        Model,
        Numbers([1]),
        object(),
        len,
        lambda: 1,
        iter([1]),
        looped(),
        deep(),
        defaultdict(Model),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_known_has_no_fingerprint_however_deep_it_lies(unknown: Any) -> None:
    assert fingerprint(unknown) is None
    assert fingerprint({"a": [(1, {"b": unknown})]}) is None


def test_values_that_are_used_twice_are_no_loop() -> None:
    shared = [1]

    assert fingerprint([shared, shared]) == fingerprint([[1], [1]])


def test_own_classes_can_be_made_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_registered", {})

    @register(Model)
    def told(model: Model) -> str | None:
        return str(model.size) if model.size else None

    class Special(Model):
        pass

    assert fingerprint([Model(1)]) == fingerprint([Model(1)]) is not None
    assert len({fingerprint(v) for v in (Model(1), Model(2), Special(1), "1", 1)}) == 5
    assert fingerprint(Model(0)) is None
    assert told(Model(3)) == "3"
