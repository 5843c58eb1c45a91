"""Two tables compared: which rows belong together, what differs in them, and how their values are spread."""

import datetime
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headwater_catalog.confined_tables import compare_files
from headwater_catalog.table_process import ANSWER, TASK, perform


def _written(folder: Path, then: Any, now: Any) -> list[tuple[Path, str]]:
    files: list[tuple[Path, str]] = []
    for name, columns in (("then", then), ("now", now)):
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        with pa.ipc.new_file(str(folder / name), table.schema) as writer:
            writer.write_table(table, max_chunksize=65_536)
        files.append((folder / name, "arrow"))
    return files


def _compared(folder: Path, then: Any, now: Any, **asked: Any) -> dict[str, Any]:
    """Do here what a process of its own does otherwise, whose start takes longer than any of these tables."""
    files = [[str(path), format] for path, format in _written(folder, then, now)]
    usual = {"schema": None, "tolerance": 1e-9, "renamed": {}, "keys": [[], []], "by": [], "spread": False}
    task = {"task": "compare", "then": files[0], "now": files[1], **usual, **asked}
    (folder / TASK).write_text(json.dumps(task))
    perform(folder)
    return json.loads((folder / ANSWER).read_text())


def _counts(found: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["name"]: (each["unequal"], each["beyond_tolerance"]) for each in found["columns"]}


def test_rows_are_matched_by_their_index_whatever_their_order(tmp_path: Path):
    then = {"id": ["a", "b", "c", "d"], "x": [1.0, 2.0, 3.0, 4.0]}
    now = {"id": ["e", "d", "b", "a"], "x": [9.0, 4.0, 2.5, 1.0]}
    found = _compared(tmp_path, then, now, keys=(["id"], ["id"]))

    assert (found["matched_by"], found["matching"], found["both"]) == (["id"], "", 3)
    assert found["only"] == [[["c"]], [["e"]]]
    assert _counts(found) == {"x": (1, 1)}
    assert found["differing"] == 1
    assert found["examples"] == [{"row": 1, "key": ["b"], "cells": {"x": ["2.0", "2.5"]}}]
    assert found["columns"][0]["largest_difference"] == 0.5
    assert found["columns"][0]["largest_relative"] == pytest.approx(0.2)


def test_a_process_of_its_own_says_the_same(tmp_path: Path):
    then, now = {"id": ["a", "b"], "x": [1.0, 2.0]}, {"key": ["b", "c"], "x": [2.5, 1.0]}
    asked: dict[str, Any] = {"renamed": {"id": "key"}, "keys": (["key"], ["key"]), "spread": True}
    files = _written(tmp_path, then, now)
    confined = compare_files(tmp_path, files[0], files[1], None, 1e-9, **asked)

    assert confined == _compared(tmp_path, then, now, **asked)
    assert confined["both"] == 1


def test_an_index_of_several_levels_matches_rows_too(tmp_path: Path):
    day = datetime.date(2026, 1, 1)
    then = {"day": [day, day], "shop": ["n", "s"], "x": [1, 2]}
    now = {"day": [day, day], "shop": ["s", "n"], "x": [2, 5]}
    found = _compared(tmp_path, then, now, keys=(["day", "shop"], ["day", "shop"]))

    assert found["examples"] == [{"row": 1, "key": ["2026-01-01", "n"], "cells": {"x": ["1", "5"]}}]


@pytest.mark.parametrize(
    ("then", "now", "keys", "reason"),
    [
        ({"x": [1]}, {"x": [1]}, ([], []), "the rows have no index"),
        ({"i": [1, 1]}, {"i": [1, 1]}, (["i"], ["i"]), "does not tell the rows of the first table apart"),
        ({"i": [1, 2]}, {"i": [1, None]}, (["i"], ["i"]), "does not tell the rows of the second table apart"),
        ({"i": [1]}, {"i": ["1"]}, (["i"], ["i"]), "the index 'i' is of another type in each of them"),
        ({"i": [1]}, {"j": [1]}, (["i"], ["j"]), "has the index 'i', and the second 'j'"),
        ({"i": [1]}, {"x": [1]}, (["i"], []), "has the index 'i', and the second none"),
        ({"i": [[1], [2]]}, {"i": [[1], [2]]}, (["i"], ["i"]), "does not tell the rows"),
    ],
)
def test_rows_that_nothing_names_are_matched_by_position(
    tmp_path: Path, then: Any, now: Any, keys: Any, reason: str
):
    found = _compared(tmp_path, then, now, keys=keys)

    assert found["matched_by"] == []
    assert reason in found["matching"]


def test_by_position_the_last_rows_of_the_longer_table_are_left_over(tmp_path: Path):
    found = _compared(tmp_path, {"x": [1, 2]}, {"x": [1, 3, 4]})

    assert (found["rows"], found["both"], found["only"]) == ([2, 3], 2, [[], []])
    assert found["examples"] == [{"row": 1, "key": [], "cells": {"x": ["2", "3"]}}]


def test_many_rows_are_matched_across_blocks(tmp_path: Path):
    count = 150_000
    ids = [f"customer {number:06}" for number in range(count)]
    then = pa.table({"id": ids, "x": [float(number) for number in range(count)]})
    now = pa.table({"id": ids[::-1], "x": [float(number) for number in range(count)][::-1]})
    found = _compared(tmp_path, then, now.slice(10), keys=(["id"], ["id"]))

    assert (found["both"], found["columns"], found["differing"]) == (count - 10, [], 0)
    assert found["only"][0][0] == ["customer 149990"]
    assert len(found["only"][0]) == 10


def test_only_the_first_rows_that_differ_are_kept_and_all_are_counted(tmp_path: Path):
    found = _compared(tmp_path, {"x": list(range(500))}, {"x": list(range(1, 501))})

    assert (len(found["examples"]), found["differing"]) == (50, 500)


def test_whole_numbers_and_fractions_are_compared_as_numbers(tmp_path: Path):
    found = _compared(tmp_path, {"x": [1, 2, 3]}, {"x": [1.0, 2.5, None]})

    assert _counts(found) == {"x": (2, 2)}
    assert found["columns"][0]["types"] == ["int64", "double"]
    assert found["columns"][0]["comparable"] is True


def test_what_cannot_be_compared_says_so(tmp_path: Path):
    found = _compared(tmp_path, {"x": [1], "y": [2]}, {"x": ["1"], "y": [2]})

    assert [(each["name"], each["comparable"]) for each in found["columns"]] == [("x", False)]
    assert found["compared"] == ["x", "y"]
    assert found["differing"] == 0


def test_a_renamed_column_is_compared_under_its_new_name(tmp_path: Path):
    found = _compared(tmp_path, {"old": [1, 2]}, {"new": [1, 3]}, renamed={"old": "new"})

    assert (found["added"], found["removed"]) == ([], [])
    assert _counts(found) == {"new": (1, 1)}


def test_instants_of_different_units_are_the_same_instants(tmp_path: Path):
    at = [datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 2)]
    then = pa.table({"t": pa.array(at, pa.timestamp("s"))})
    now = pa.table({"t": pa.array([at[0], at[1].replace(microsecond=7)], pa.timestamp("us"))})

    assert _counts(_compared(tmp_path, then, now)) == {"t": (1, 1)}


_LISTS = pa.list_(pa.float64())
_PAIRS = pa.struct([("a", pa.float64()), ("b", pa.string())])
_MAPS = pa.map_(pa.string(), pa.float64())


def _pair(kind: pa.DataType, then: Any, now: Any, other: pa.DataType | None = None) -> list[pa.Table]:
    return [pa.table({"x": pa.array([each], t)}) for each, t in ((then, kind), (now, other or kind))]


@pytest.mark.parametrize(
    ("tables", "unequal", "beyond"),
    [
        (_pair(_LISTS, [1.0, math.nan], [1.0, math.nan]), 0, 0),
        (_pair(_LISTS, [1.0, None], [1.0, math.nan]), 0, 0),
        (_pair(_LISTS, [1.0], [1.0 + 1e-12]), 1, 0),
        (_pair(_LISTS, [1.0, 2.0], [1.0, 2.1]), 1, 1),
        (_pair(_LISTS, [1.0], [1.0, 1.0]), 1, 1),
        (_pair(_LISTS, None, []), 1, 1),
        (_pair(_LISTS, None, None), 0, 0),
        (_pair(pa.list_(pa.float64(), 2), [1.0, math.nan], [1.0, math.nan]), 0, 0),
        (_pair(pa.list_(_LISTS), [[math.nan], []], [[math.nan], []]), 0, 0),
        (_pair(pa.list_(_LISTS), [[1.0], []], [[1.0 + 1e-12], []]), 1, 0),
        (_pair(_PAIRS, {"a": math.nan, "b": "x"}, {"a": math.nan, "b": "x"}), 0, 0),
        (_pair(_PAIRS, {"a": 1.0, "b": "x"}, {"a": 1.0 + 1e-12, "b": "x"}), 1, 0),
        (_pair(_PAIRS, {"a": 1.0, "b": "x"}, {"a": 1.0, "b": "y"}), 1, 1),
        (_pair(_PAIRS, None, {"a": None, "b": None}), 1, 1),
        (_pair(_MAPS, [("k", math.nan)], [("k", math.nan)]), 0, 0),
        (_pair(_MAPS, [("k", 1.0)], [("l", 1.0)]), 1, 1),
        (_pair(pa.list_(pa.timestamp("us")), [5], [5000], pa.list_(pa.timestamp("ns"))), 0, 0),
        (_pair(pa.list_(pa.timestamp("us")), [5], [5001], pa.list_(pa.timestamp("ns"))), 1, 1),
        (_pair(pa.timestamp("ns"), 5001, 5, pa.timestamp("us")), 1, 1),
        (_pair(pa.timestamp("s"), 10**12, 10**15, pa.timestamp("ms")), 0, 0),
        (_pair(pa.time64("ns"), 5001, 5, pa.time64("us")), 1, 1),
        (_pair(pa.time64("ns"), 5000, 5, pa.time64("us")), 0, 0),
        (_pair(pa.duration("ns"), 5001, 5, pa.duration("us")), 1, 1),
        (_pair(pa.date32(), 2, 2 * 86_400_000, pa.date64()), 0, 0),
        (_pair(pa.list_(pa.large_string()), ["a"], ["a"], pa.list_(pa.string())), 0, 0),
    ],
)
def test_what_is_in_cells_is_compared_with_nan_as_missing_and_times_in_nanoseconds(
    tmp_path: Path, tables: list[pa.Table], unequal: int, beyond: int
):
    found = _compared(tmp_path, *tables)

    assert _counts(found) == ({"x": (unequal, beyond)} if unequal else {})


def test_lists_of_many_rows_are_compared_each_by_itself(tmp_path: Path):
    then = [None if n % 7 == 0 else [float(n)] * (n % 3) for n in range(70_000)]
    now = [[-1.0] if n == 69_998 else each for n, each in enumerate(then)]
    tables = [pa.table({"x": pa.array(each, _LISTS)}) for each in (then, now)]
    found = _compared(tmp_path, *tables)

    assert _counts(found) == {"x": (1, 1)}
    assert found["examples"][0]["row"] == 69_998


def test_histograms_have_common_edges(tmp_path: Path):
    found = _compared(tmp_path, {"x": [0.0, 1.0, None]}, {"x": [float("nan"), 1.0, 24.0]}, spread=True)
    (told,) = found["distributions"]
    edges, counts = told["histogram"]["edges"], told["histogram"]["counts"]

    assert (edges[0], edges[-1], len(edges)) == (0.0, 24.0, 25)
    assert [sum(side) for side in counts] == [2, 2]
    assert counts[0][:2] == [1, 1] and counts[1][-1] == 1
    assert (told["then"]["nulls"], told["now"]["nulls"]) == (1, 1)
    assert (told["then"]["mean"], told["now"]["max"]) == (0.5, 24.0)


def test_instants_have_histograms_and_texts_their_most_frequent_values(tmp_path: Path):
    day = datetime.date(2026, 1, 1)
    then = {"day": [day, day], "word": ["a", "a"], "id": ["p", "q"], "yes": [True, True]}
    now = {
        "day": [day, day + datetime.timedelta(7)],
        "word": ["a", "b"],
        "id": ["q", "p"],
        "yes": [True, None],
    }
    found = _compared(tmp_path, then, now, spread=True)
    told = {each["name"]: each for each in found["distributions"]}

    assert told["day"]["histogram"]["edges"][0] == "2026-01-01T00:00:00"
    assert told["word"]["frequent"] == [
        {"value": "a", "then": 2, "now": 1},
        {"value": "b", "then": 0, "now": 1},
    ]
    assert told["yes"]["frequent"] == [{"value": "True", "then": 2, "now": 1}]
    assert told["id"]["frequent"] == []  # all are different, which says nothing
    assert told["word"]["histogram"] is None


def test_columns_of_one_table_only_are_described_alone(tmp_path: Path):
    found = _compared(tmp_path, {"x": [1], "gone": [1]}, {"x": [1], "new": ["a"]}, spread=True)
    told = {each["name"]: (each["then"] is None, each["now"] is None) for each in found["distributions"]}

    assert (found["added"], found["removed"]) == (["new"], ["gone"])
    assert told == {"x": (False, False), "new": (True, False), "gone": (False, True)}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([], pa.float64()),
        pa.array([None, None]),
        pa.array([float("inf"), float("-inf")]),
        pa.array([1e308, -1e308]),
        pa.array([[1], None]),
        pa.array([{"a": 1}, None]),
        pa.array([b"\xff", b""]),
        pa.array([2**63 - 1, -(2**63)]),
        pa.array([datetime.timedelta(1), None]),
        pa.array([datetime.time(1), None]),
        pa.array([datetime.datetime(1, 1, 1), datetime.datetime(9999, 1, 1)], pa.timestamp("us", "UTC")),
        pa.array(["a", "a"]).dictionary_encode(),
    ],
    ids=str,
)
def test_a_table_is_the_same_as_itself_whatever_it_holds(tmp_path: Path, column: pa.Array):
    table = pa.table({"x": column})
    found = _compared(tmp_path, table, table, spread=True)

    assert (found["columns"], found["differing"], found["both"]) == ([], 0, len(column))
    assert found["distributions"][0]["name"] == "x"
