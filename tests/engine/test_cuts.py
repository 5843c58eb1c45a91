"""The law of kept values: however a graph is cut, and whatever happened before, results are those of one execution."""

import datetime as dt
import importlib.util
import itertools
import os
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import Driver, keep
from headwater.fingerprints import fingerprint
from headwater.lifecycle import NodeExecutionHook
from headwater.results import DictResult

KINDS = {
    "int": ("int", "sum(map(_whole, ({reads}))) * {k} + {k}", ["pickle"]),
    "series": (
        "pd.Series",
        "pd.Series([float(sum(map(_whole, ({reads}))) + place) for place in range({k}, {k} + 3)])",
        ["parquet", "feather", "orc"],
    ),
    "frame": (
        "pd.DataFrame",
        'pd.DataFrame({{"a": [_whole(each) for each in ({reads})], "b": [str({k})] * {n}}})',
        ["feather", "parquet", "pickle"],
    ),
    "numbers": (
        "pd.DataFrame",
        'pd.DataFrame({{"a": [_whole(each) for each in ({reads})], "b": [0.5 + {k}] * {n}}})',
        ["csv", "excel"],
    ),
    "polars": (
        "pl.DataFrame",
        'pl.DataFrame({{"a": [_whole(each) for each in ({reads})], "b": [str({k})] * {n}}})',
        ["parquet", "feather", "ndjson"],
    ),
    "arrow": (
        "pa.Table",
        'pa.table({{"a": [_whole(each) for each in ({reads})], "b": [str({k})] * {n}}})',
        ["parquet", "feather", "orc"],
    ),
    "told": ("dict", '{{"a": [_whole(each) for each in ({reads})], "b": str({k})}}', ["json"]),
}
"""The types of nodes: how they are annotated, what computes one, and the formats that keep it as it is."""

ENDINGS = {"excel": "xlsx"}
HEAD = """
import pandas as pd
import polars as pl
import pyarrow as pa


def _whole(value) -> int:
    if isinstance(value, dict):
        return sum(value["a"]) + int(value["b"])
    if isinstance(value, (pl.DataFrame, pa.Table)):
        return int(sum(value["a"].to_pylist() if isinstance(value, pa.Table) else value["a"])) + len(value)
    if isinstance(value, pd.DataFrame):
        return int(value["a"].sum()) + len("".join(map(str, value["b"])))
    return int(value.sum()) if isinstance(value, pd.Series) else int(value)
"""
COUNTER = itertools.count()


class Computed(NodeExecutionHook):
    """Notes which nodes are computed, and lets one of them fail."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.failing = ""

    def run_before_node_execution(self, *, node_name: str, **future_kwargs: Any) -> None:
        self.counted[node_name] += 1
        if node_name == self.failing:
            raise ArithmeticError

    def run_after_node_execution(self, **future_kwargs: Any) -> None:
        """Note nothing."""


Body = tuple[str, list[str], int]
"""What a node is made of: its kind, the nodes it reads, and a number in its code."""


@st.composite
def graphs(draw: Any) -> dict[str, Body]:
    """Draw the nodes of a graph."""
    nodes: dict[str, Body] = {}
    for number in range(draw(st.integers(1, 8))):
        reads = draw(st.lists(st.sampled_from(["x", "y", *nodes]), min_size=1, max_size=3, unique=True))
        nodes[f"n{number}"] = (draw(st.sampled_from(sorted(KINDS))), reads, draw(st.integers(1, 3)))
    return nodes


def source(nodes: dict[str, Body]) -> str:
    """Return the code of a graph."""
    text = HEAD
    for name, (kind, reads, k) in nodes.items():
        type_, body, _ = KINDS[kind]
        types = {each: "int" if each in "xy" else KINDS[nodes[each][0]][0] for each in reads}
        value = body.format(reads=", ".join(reads) + ",", k=k, n=len(reads))
        parameters = ", ".join(f"{each}: {of}" for each, of in types.items())
        text += f"\n\ndef {name}({parameters}) -> {type_}:\n    return {value}\n"
    return text


def imported(text: str, folder: Path, name: str) -> ModuleType:
    path = folder / str(next(COUNTER)) / f"{name}.py"
    path.parent.mkdir()
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@st.composite
def cuts(draw: Any, nodes: dict[str, Body], folder: Path) -> list[Any]:
    """Draw where values are kept: each by itself, or some columns of the same length as one table."""
    chosen = draw(st.lists(st.sampled_from(sorted(nodes)), unique=True))
    columns = [name for name in chosen if nodes[name][0] == "series"]
    places = []
    if len(columns) > 1 and draw(st.booleans()):
        places = [keep.parquet(nodes=columns, path=str(folder / "columns"))]
        chosen = [name for name in chosen if name not in columns]
    for name in chosen:
        format_ = draw(st.sampled_from(KINDS[nodes[name][0]][2]))
        place = folder / f"{name}.{ENDINGS.get(format_, format_)}"
        # The writer of workbooks adds the index, if it is not told otherwise.
        index = {"index": False} if format_ == "excel" else {}
        places.append(getattr(keep, format_)(nodes=[name], path=str(place), **index))
    return places


@settings(max_examples=50)
@given(nodes=graphs(), data=st.data())
def test_results_are_the_same_however_the_graph_was_cut(tmp_path_factory, nodes, data) -> None:
    folder = tmp_path_factory.mktemp("cut")
    module_name = f"random_graph_{os.getpid()}_{next(COUNTER)}"
    computed = Computed()

    for _ in range(data.draw(st.integers(1, 5))):
        if data.draw(st.booleans()):  # somebody changes the code
            name = data.draw(st.sampled_from(sorted(nodes)))
            nodes = {**nodes, name: (*nodes[name][:2], data.draw(st.integers(1, 3)))}
        driver = Driver({}, imported(source(nodes), folder, module_name), adapter=[DictResult(), computed])
        inputs = {"x": data.draw(st.integers(0, 1)), "y": data.draw(st.integers(0, 1))}
        whole = [name for name, (kind, *_) in nodes.items() if kind == "int"]
        overrides = (
            data.draw(st.dictionaries(st.sampled_from(whole), st.integers(0, 1), max_size=1)) if whole else {}
        )
        places = data.draw(cuts(nodes, folder))
        wanted = data.draw(st.lists(st.sampled_from(sorted(nodes)), min_size=1, unique=True))
        given = {
            "inputs": {name: value for name, value in inputs.items() if name in driver.graph},
            "overrides": overrides,
        }
        expected = driver.execute(wanted, **given)
        computed.failing = data.draw(st.sampled_from(["", *nodes]))
        with suppress(ArithmeticError):
            driver.materialize(*places, additional_vars=wanted, **given)
        computed.failing = ""
        _, found = driver.materialize(*places, additional_vars=wanted, **given)

        assert {name: fingerprint(value) for name, value in found.items()} == {
            name: fingerprint(value) for name, value in expected.items()
        }
        computed.counted.clear()
        driver.materialize(*places, additional_vars=wanted, **given)
        assert not {name for place in places for name in place.dependencies} & computed.counted.keys()

    sys.modules.pop(module_name)


CELLS = {
    "int": st.integers(-2, 2),
    "float": st.sampled_from([0.5, -1.0, float("nan"), float("inf")]),
    "text": st.sampled_from(["", "1", "NA", "true", "2026-01-02", "a,b", "é", None]),
    "flag": st.booleans(),
    "day": st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 9)),
    "time": st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2026, 1, 1)),
    "mixed": st.sampled_from([1, "1", 1.5, None]),
}
TYPES = [None, "Int64", "category", "string", "float32", "datetime64[ns]"]


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    """Draw a table, whose columns have any types, and whose rows perhaps names of their own."""
    size = draw(st.integers(0, 3))
    table = pd.DataFrame(index=range(size))
    for name in draw(st.lists(st.sampled_from(["a", "b", "date", "1"]), min_size=1, unique=True)):
        kind = draw(st.sampled_from(sorted(CELLS)))
        column = pd.Series(draw(st.lists(CELLS[kind], min_size=size, max_size=size)))
        type_ = draw(st.sampled_from(TYPES))
        with suppress(ValueError, TypeError, OverflowError, RuntimeWarning):
            column = column if type_ is None else column.astype(type_)
        table[name] = column
    if draw(st.booleans()):
        table.index = draw(
            st.sampled_from([pd.Index(range(5, 5 + size), name="id"), pd.Index(list("xyz")[:size])])
        )
    return table


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")  # of pandas, for odd types
@settings(max_examples=80)
@given(
    table=tables(),
    library=st.sampled_from(["pandas", "polars", "arrow"]),
    format_=st.sampled_from(["csv", "json", "ndjson", "excel", "orc", "feather", "parquet", "pickle"]),
)
def test_what_a_format_does_not_keep_is_told_and_all_else_comes_back(
    tmp_path_factory, table, library, format_
) -> None:
    try:
        given = {
            "pandas": lambda: table,
            "polars": lambda: pl.from_pandas(table),
            "arrow": lambda: pa.Table.from_pandas(table),
        }[library]()
    except (pa.ArrowException, TypeError):
        return  # no table of that library
    type_ = {"pandas": "pd.DataFrame", "polars": "pl.DataFrame", "arrow": "pa.Table"}[library]
    folder, name = tmp_path_factory.mktemp("kept"), f"handing_on_{library}"
    text = f"{HEAD}\n\ndef kept(table: {type_}) -> {type_}:\n    return table\n"
    computed = Computed()
    driver = Driver({}, imported(text, folder, name), adapter=[DictResult(), computed])
    place = folder / f"t.{ENDINGS.get(format_, format_)}"
    index = {"index": False} if (format_, library) == ("excel", "pandas") else {}
    try:
        cut = getattr(keep, format_)(nodes=["kept"], path=str(place), **index)
        found = [
            driver.materialize(cut, additional_vars=["kept"], inputs={"table": given})[1]["kept"]
            for _ in range(2)
        ]
    except Exception:  # that it does not come back, or whatever a library says of what it cannot write
        assert not Path(f"{place}.kept.json").exists()
        return

    assert fingerprint(found[0]) == fingerprint(found[1]) == fingerprint(given)
    assert computed.counted == {"kept": 1, "kept.kept": 1}
