"""The law of kept values: however a graph is cut, and whatever happened before, results are those of one execution."""

import importlib.util
import itertools
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import Driver, keep
from headwater.fingerprints import fingerprint
from headwater.lifecycle import NodeExecutionHook
from headwater.results import DictResult

KINDS = {
    "int": ("int", "sum(map(_whole, ({reads}))) * {k} + {k}", "pickle"),
    "series": (
        "pd.Series",
        "pd.Series([float(_whole(each) + place) for place, each in enumerate(({reads}))])",
        "parquet",
    ),
    "frame": (
        "pd.DataFrame",
        'pd.DataFrame({{"a": [_whole(each) for each in ({reads})], "b": [str({k})] * {n}}})',
        "feather",
    ),
}
HEAD = """
import os

import pandas as pd


def _whole(value) -> int:
    if isinstance(value, pd.DataFrame):
        return int(value["a"].sum()) + len("".join(value["b"]))
    return int(value.sum()) if isinstance(value, pd.Series) else int(value)


whole = _whole
"""
COUNTER = itertools.count()


class Computed(NodeExecutionHook):
    """Notes which nodes are computed."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def run_before_node_execution(self, *, node_name: str, **future_kwargs: Any) -> None:
        self.names.add(node_name)

    def run_after_node_execution(self, **future_kwargs: Any) -> None:
        """Note nothing."""


@st.composite
def graphs(draw: Any) -> tuple[str, list[tuple[str, str]]]:
    """Draw the source of a graph, and its nodes with the kind of each."""
    nodes: list[tuple[str, str]] = [("x", "int"), ("y", "int")]
    text = HEAD
    for number in range(draw(st.integers(1, 8))):
        reads = draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique=True))
        kind = draw(st.sampled_from(sorted(KINDS)))
        type_, body, _ = KINDS[kind]
        names = ", ".join(name for name, _ in reads) + ","
        parameters = ", ".join(f"{name}: {'int' if name in 'xy' else KINDS[of][0]}" for name, of in reads)
        value = body.format(reads=names, k=draw(st.integers(1, 3)), n=len(reads))
        text += (
            f"\n\ndef n{number}({parameters}) -> {type_}:\n"
            f"    if os.environ.get('FAILS') == 'n{number}':\n        raise ArithmeticError\n    return {value}\n"
        )
        nodes.append((f"n{number}", kind))
    return text, nodes[2:]


def imported(text: str, folder: Path) -> ModuleType:
    name = f"random_graph_{os.getpid()}_{next(COUNTER)}"
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@settings(max_examples=60)
@given(drawn=graphs(), data=st.data())
def test_results_are_the_same_however_the_graph_was_cut(tmp_path_factory, drawn, data) -> None:
    text, nodes = drawn
    folder = tmp_path_factory.mktemp("cut")
    module = imported(text, folder)
    computed = Computed()
    driver = Driver({}, module, adapter=[DictResult(), computed])
    names = [name for name, _ in nodes]

    def cut() -> list[Any]:
        chosen = data.draw(st.lists(st.sampled_from(nodes), unique=True))
        return [
            getattr(keep, KINDS[kind][2])(nodes=[name], path=str(folder / f"{name}.{kind}"))
            for name, kind in chosen
        ]

    for _ in range(data.draw(st.integers(1, 5))):
        inputs = {"x": data.draw(st.integers(0, 1)), "y": data.draw(st.integers(0, 1))}
        places, wanted = cut(), data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        expected = driver.execute(
            wanted, inputs={name: value for name, value in inputs.items() if name in driver.graph}
        )
        used = {name: value for name, value in inputs.items() if name in driver.graph}
        os.environ["FAILS"] = data.draw(st.sampled_from(["", *names]))
        try:
            _, found = driver.materialize(*places, additional_vars=wanted, inputs=used)
        except ArithmeticError:
            del os.environ["FAILS"]
            _, found = driver.materialize(*places, additional_vars=wanted, inputs=used)
        finally:
            os.environ.pop("FAILS", None)

        assert {name: fingerprint(value) for name, value in found.items()} == {
            name: fingerprint(value) for name, value in expected.items()
        }
        computed.names.clear()
        driver.materialize(*places, additional_vars=wanted, inputs=used)
        assert not {name for place in places for name in place.dependencies} & computed.names

    sys.modules.pop(module.__name__)
