"""Arrays and tables: what people see of them counts, and nothing else."""

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headwater.fingerprints import fingerprint

ARRAYS = [
    *(
        np.array([1, 2]),
        np.array([2, 1]),
        np.array([1, 2], "int32"),
        np.array([1, 2], ">i8"),
        np.array([1.0, 2.0]),
    ),
    *(
        np.array([[1, 2]]),
        np.array([[1], [2]]),
        np.array(1),
        np.int64(1),
        np.int32(1),
        np.float64(1),
        np.array([]),
    ),
    *(np.array([], "int64"), np.empty((0, 2)), np.empty((2, 0)), np.array([True, False]), np.bool_(True)),
    *(np.array(["a", "b"]), np.array(["a", "b"], "U2"), np.array(["a", "b"], object), np.array([b"a", b"b"])),
    *(np.array([0.0]), np.array([-0.0]), np.array([np.nan]), np.array([None]), np.array([np.nan], object)),
    *(np.array(["2026-01-01"], "datetime64[D]"), np.array(["2026-01-01"], "datetime64[ns]")),
    *(np.array([1], "timedelta64[D]"), np.array([1], "timedelta64[h]"), np.datetime64("2026-01-01")),
    *(
        np.array([(1, 2.0)], "i8,f8"),
        np.array([(1, 3.0)], "i8,f8"),
        np.array([(1, 2.0)], [("a", "i8"), ("b", "f8")]),
    ),
    *(np.array([[1, 2], [3, 4]]), np.array([[1, 3], [2, 4]]), np.str_("a"), np.dtype("i8"), np.dtype("i4")),
    *(np.array(["a"], np.dtypes.StringDType()), np.array([1j])),
]

STAMP = datetime(2026, 1, 1)
DAYS = pd.date_range("2026-01-01", periods=2, freq="D")


def series() -> list[Any]:
    plain = pd.Series([1, 2], name="a")
    columns = [
        *(
            plain,
            plain.rename("b"),
            plain.rename(None),
            plain.astype("int32"),
            plain.astype(float),
            plain.astype(str),
        ),
        *(
            plain.astype(object),
            plain.astype("Int64"),
            plain.astype("string[python]"),
            plain.astype("string[pyarrow]"),
        ),
        *(plain.astype("category"), plain.astype("category").cat.as_ordered(), plain.astype("float32")),
        *(plain.astype("category").cat.add_categories([3]), plain.astype("int64[pyarrow]"), plain.to_frame()),
        *(plain.set_axis(["x", "y"]), plain.set_axis([1, 0]), plain.set_axis(pd.Index([0, 1])), plain[::-1]),
        *(
            plain.set_axis(DAYS),
            plain.set_axis(pd.DatetimeIndex(list(DAYS))),
            plain.set_axis(DAYS.tz_localize("UTC")),
        ),
        *(plain.rename_axis("k"), pd.Index([1, 2], name="a"), pd.Index([1, 2]), pd.RangeIndex(1, 3)),
        *(pd.Series([1, None], dtype="Int64"), pd.Series([1, 0], dtype="Int64"), pd.Series([1, None])),
        *(
            pd.Series([True, None], dtype="boolean"),
            pd.Series([True, False]),
            pd.Series(["a", None]),
            pd.Series(["a", ""]),
        ),
        *(
            pd.Series(["a", np.nan], dtype=object),
            pd.Series(["a", None], dtype=object),
            pd.Series(["aa", "b"]),
        ),
        *(pd.Series(["a", "ab"]), pd.Series(["aab", ""]), pd.Series([[1], [2]]), pd.Series([[1, 2], []])),
        *(
            pd.Series(DAYS),
            pd.Series(DAYS.as_unit("ns")),
            pd.Series(DAYS.tz_localize("Europe/Berlin")),
            pd.Series(DAYS - DAYS[0]),
        ),
        *(pd.Series(DAYS.tz_localize("Europe/Berlin").tz_convert("UTC")), pd.Series(DAYS.to_period("D"))),
        *(
            pd.Series(DAYS.to_period("M")),
            pd.Series(pd.interval_range(0, 2)),
            pd.Series(pd.interval_range(0, 2, closed="left")),
        ),
        *(
            pd.Series([], dtype=float),
            pd.Series([], dtype=int),
            pd.DataFrame(),
            pd.DataFrame(index=[1]),
            pd.DataFrame(columns=["a"]),
        ),
    ]
    described = pd.Series([1, 2], name="a")
    described.attrs["unit"] = "EUR"
    return [*columns, described]


def frames() -> list[Any]:
    plain = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    twice = pd.DataFrame([[1, 2], [1, 2]], columns=["a", "a"])
    deep = plain.set_index(["a", "b"], append=True)
    return [
        *(
            plain,
            plain[["b", "a"]],
            plain.iloc[::-1],
            plain.rename(columns={"a": "c"}),
            twice,
            twice.iloc[:, ::-1] * 2,
        ),
        *(deep, deep.rename_axis(["x", "y", "z"]), deep.iloc[:1], plain.set_index("a"), plain.T),
        *(plain.assign(a=plain.a.astype(float)), plain.assign(b=["x", "z"]), plain.iloc[:1], plain.iloc[:0]),
        *(plain.set_flags(allows_duplicate_labels=False), plain.assign(c=None)),
    ]


MOMENTS = [
    *(
        pd.Timestamp("2026-01-01"),
        pd.Timestamp("2026-01-01", tz="UTC"),
        pd.Timestamp("2026-01-01", tz="Europe/Berlin"),
    ),
    *(
        pd.Timestamp("2026-01-01").as_unit("ns"),
        pd.Timestamp("2026-01-01 00:00:00.000000001"),
        pd.Timedelta(1, "D"),
    ),
    *(
        pd.Timedelta(1, "h"),
        pd.NaT,
        pd.NA,
        pd.Period("2026-01", "M"),
        pd.Period("2026-01-01", "D"),
        STAMP,
        STAMP.date(),
    ),
    *(pd.Interval(0, 1), pd.Interval(0, 1, closed="left"), np.datetime64("2026-01-01"), float("nan"), None),
]

POLARS = [
    *(
        pl.Series("a", [1, 2]),
        pl.Series("b", [1, 2]),
        pl.Series("a", [2, 1]),
        pl.Series("a", [1, 2], pl.Int32),
    ),
    *(
        pl.Series("a", [1.0, 2.0]),
        pl.Series("a", [1, None]),
        pl.Series("a", [1, 0]),
        pl.Series("a", ["1", "2"]),
    ),
    *(
        pl.Series("a", ["1", None]),
        pl.Series("a", ["1", ""]),
        pl.Series("a", [True, None]),
        pl.Series("a", [True, False]),
    ),
    *(
        pl.Series("a", [[1], [2]]),
        pl.Series("a", [[1, 2], []]),
        pl.Series("a", [{"x": 1}]),
        pl.Series("a", [{"y": 1}]),
    ),
    *(
        pl.Series("a", [STAMP]),
        pl.Series("a", [STAMP], pl.Datetime("ns")),
        pl.Series("a", [STAMP]).dt.replace_time_zone("UTC"),
    ),
    *(
        pl.Series("a", ["x"], pl.Categorical),
        pl.Series("a", ["x"], pl.Enum(["x"])),
        pl.Series("a", ["x"], pl.Enum(["x", "y"])),
    ),
    *(
        pl.Series("a", [1], pl.Datetime("ns")).reshape((1, 1)),
        pl.Series("a", [2], pl.Datetime("ns")).reshape((1, 1)),
    ),
    *(
        pl.Series("a", [1], pl.Int128),
        pl.Series("a", [b"x"]),
        pl.Series("a", [], pl.Int64),
        pl.Series("a", [], pl.String),
    ),
    *(
        pl.DataFrame({"a": [1], "b": [2]}),
        pl.DataFrame({"b": [2], "a": [1]}),
        pl.DataFrame({"a": [1]}),
        pl.DataFrame(),
    ),
]

ARROW = [
    *(
        pa.array([1, 2]),
        pa.array([1, None]),
        pa.array([1, 0]),
        pa.array([1, 2], pa.int32()),
        pa.array([1.0, 2.0]),
    ),
    *(
        pa.array(["a", "b"]),
        pa.array(["ab", ""]),
        pa.array(["a", "b"], pa.large_string()),
        pa.array(["a", None]),
    ),
    *(
        pa.array([True, None]),
        pa.array([True, False]),
        pa.array([STAMP]),
        pa.array([STAMP], pa.timestamp("ns")),
    ),
    *(
        pa.array([[1], [2]]),
        pa.array([[1, 2], []]),
        pa.array([{"x": 1}]),
        pa.array(["a", "b"]).dictionary_encode(),
    ),
    *(pa.array([1, 2], pa.time64("ns")), pa.array([1, 2], pa.date32()), pa.array([1, 2], pa.duration("s"))),
    *(
        pa.DictionaryArray.from_arrays([0, 1], ["a", "b", "c"]),
        pa.DictionaryArray.from_arrays([1, 0], ["b", "a"]),
    ),
    *(pa.table({"a": [1], "b": [2]}), pa.table({"b": [2], "a": [1]}), pa.table({"a": [1]}), pa.table({})),
    *(
        pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}),
        pa.record_batch({"a": [1]}),
        pa.array([], pa.int64()),
    ),
    *(pa.array([], pa.string()), pa.array([b"a"]), pa.array([None])),
]


@pytest.mark.parametrize(
    "values",
    [ARRAYS, series(), frames(), MOMENTS, POLARS, ARROW],
    ids=["numpy", "series", "frames", "moments", "polars", "arrow"],
)
def test_what_looks_different_has_a_different_fingerprint(values: list[Any]) -> None:
    found = [fingerprint(value) for value in values]
    pairs = itertools.combinations(range(len(found)), 2)

    assert [values[i] for i, print_ in enumerate(found) if print_ is None] == []
    assert [(values[a], values[b]) for a, b in pairs if found[a] == found[b]] == []


def test_layout_in_memory_does_not_count() -> None:
    square = np.arange(12.0).reshape(3, 4)
    whole = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    grown = pd.DataFrame({"a": [1.0, 2.0]})
    grown["b"] = [3.0, 4.0]
    text = pa.chunked_array([["a"], ["b", None]])

    assert fingerprint(square) == fingerprint(np.asfortranarray(square)) == fingerprint(square[::-1][::-1])
    assert fingerprint(np.arange(10)[::2]) == fingerprint(np.array([0, 2, 4, 6, 8]))
    assert (
        fingerprint(whole)
        == fingerprint(grown)
        == fingerprint(pd.concat([whole]))
        == fingerprint(whole.copy())
    )
    assert fingerprint(text) == fingerprint(pa.array(["x", "a", "b", None])[1:])
    assert fingerprint(pl.Series("a", ["x", "a"])[1:]) == fingerprint(pl.Series("a", ["a"]))
    assert fingerprint(pl.concat([pl.Series("a", [1]), pl.Series("a", [2])])) == fingerprint(
        pl.Series("a", [1, 2])
    )


def test_what_stands_where_a_value_is_missing_does_not_count() -> None:
    one = pd.Series([1, 2], dtype="Int64")
    other = pd.Series([1, 3], dtype="Int64")
    one[1] = other[1] = pd.NA

    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(pl.Series([1, 2]).set(pl.Series([False, True]), None)) == fingerprint(
        pl.Series([1, None])
    )


def test_bytes_between_the_fields_of_a_record_do_not_count() -> None:
    padded = np.dtype([("a", "i1"), ("b", "i8")], align=True)
    one = np.frombuffer(bytes(16), padded)
    other = np.frombuffer(bytes(1) + b"\xff" * 7 + bytes(8), padded)

    assert fingerprint(one) == fingerprint(other)


class Labelled(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ma.array([1]),
        lambda: np.longdouble(1),
        lambda: np.array([object()]),
        lambda: np.random.default_rng(1),
        lambda: pd.Series([object()]),
        lambda: Labelled({"a": [1]}),
        lambda: pd.Series([1, 0], dtype="Sparse[int]"),
        lambda: pl.DataFrame({"a": [1]}).lazy(),
        lambda: pl.Series([object()]),
        lambda: pl.Series([["x"]], dtype=pl.List(pl.Categorical)),
        lambda: pa.array([["x"]], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        lambda: pa.int64(),
    ],
)
def test_what_is_not_known_of_a_package_has_no_fingerprint(make: Callable[[], Any]) -> None:
    assert fingerprint(make()) is None


DTYPES = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes()
    | hnp.floating_dtypes(sizes=(32, 64))
    | hnp.datetime64_dtypes()
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.data())
def test_arrays_are_equal_exactly_where_their_bytes_and_types_are(data: st.DataObject) -> None:
    arrays = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    a, b = data.draw(arrays), data.draw(arrays)

    equal = (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    assert (fingerprint(a) == fingerprint(b)) is equal
    assert fingerprint(a) == fingerprint(a.copy(order="F"))


CELLS = st.none() | st.sampled_from(["", "a", "b", "ab"])


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(CELLS, max_size=4), st.lists(CELLS, max_size=4))
@pytest.mark.parametrize(
    "make",
    [
        lambda cells: pd.Series(cells, dtype="string[pyarrow]"),
        lambda cells: pd.Series(cells, dtype="string[python]"),
        lambda cells: pl.Series(cells, dtype=pl.String),
        lambda cells: pa.array(cells, pa.string()),
    ],
)
def test_texts_are_equal_exactly_where_their_cells_are(
    make: Callable[[Any], Any], a: list[str | None], b: list[str | None]
) -> None:
    assert (fingerprint(make(a)) == fingerprint(make(b))) is (a == b)


def test_time_zone_counts_by_its_name() -> None:
    berlin = datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    paris = datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Paris"))

    assert berlin == paris
    assert fingerprint(pd.Timestamp(berlin)) != fingerprint(pd.Timestamp(paris))
