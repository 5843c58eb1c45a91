"""Versions of what nodes call: what changes them, and what cannot be told."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from headwater.build import build
from headwater.caching.code import CodeVersions
from headwater.function import functions_of
from headwater.node import Argument, Node
from headwater.types import Type

Load = Callable[..., ModuleType]


def node_of(load: Load, source: str, name: str = "spend", config: dict[str, Any] | None = None) -> Node:
    return build(functions_of(load(source)), config or {})[name]


def version(node: Node) -> str | None:
    return CodeVersions().of(node)


SPEND = """
import pandas as pd

def spend(clicks: pd.Series) -> pd.Series:
    return clicks * 2
"""


def test_version_is_worked_out_once_for_a_node(load: Load) -> None:
    codes, node = CodeVersions(), node_of(load, SPEND)

    assert codes.of(node) == codes.of(node) == version(node) is not None
    assert codes.of(replace(node, name="other")) is not None


def test_version_of_a_package_that_is_used_counts(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    before = version(node_of(load, SPEND))
    monkeypatch.setattr(pd, "__version__", "99.0")

    assert version(node_of(load, SPEND)) != before


def test_version_of_a_package_that_is_not_used_does_not_count(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "def spend(clicks: int) -> int:\n    return clicks\n"
    before = version(node_of(load, source))
    monkeypatch.setattr(pd, "__version__", "99.0")

    assert version(node_of(load, source)) == before


def test_literals_count(load: Load) -> None:
    source = """
    from headwater import parameterize, value

    @parameterize(spend={"rate": value(RATE)})
    def scaled(clicks: int, rate: object) -> object:
        return rate
    """
    rates = ("1", "1.0", "True", "'1'", "[1]", "(1,)", "{'a': 1}", "None")

    found = [version(node_of(load, source.replace("RATE", rate))) for rate in rates]

    assert None not in found
    assert len(set(found)) == len(rates)


class Times:
    """A call that says all of itself in its attributes, if the engine knew it."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, clicks: int) -> int:
        return clicks * self.factor


CALLS = """
from functools import partial
import pandas as pd
from headwater.types import Type
from test_calls import Times

def scaled(clicks: int, factor: int = 1) -> int:
    return clicks * factor

told = [
    scaled,
    partial(scaled, factor=2),
    partial(scaled, 2),
    partial(scaled, factor=[1, {"a": (2, scaled)}]),
    partial(scaled, factor=pd.DataFrame),
    partial(scaled, factor=Type.named("int")),
    partial(scaled, factor=Type.named("str")),
    partial(scaled, factor="2"),
    partial(scaled, factor=pd),
    partial(scaled, factor=len),
    partial(scaled, factor=[].append),
    len,
]
opaque = [partial(scaled, factor=Times(2)), Times(2), partial(scaled, factor=object())]
"""


def test_calls_that_modifiers_make_are_told_by_all_they_hold(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "test_calls", sys.modules[__name__])
    calls, node = load(CALLS, "calls"), node_of(load, SPEND)

    told = [version(replace(node, call=call)) for call in (node.call, *calls.told)]
    opaque = [version(replace(node, call=call)) for call in calls.opaque]

    assert None not in told
    assert len(set(told)) == len(told)
    assert set(opaque) == {None}


def test_node_without_a_call_has_no_version(load: Load) -> None:
    node = node_of(load, SPEND)

    assert version(replace(node, call=None)) is None
    assert version(replace(node, function=None)) is None


def test_literal_that_cannot_be_told_makes_the_node_opaque(load: Load) -> None:
    node = node_of(load, SPEND)
    literal = Argument("rate", Type.named("int"), None, object())

    assert version(replace(node, arguments=(*node.arguments, literal))) is None


def test_file_that_changed_since_it_was_loaded_says_nothing_of_the_code(load: Load, tmp_path: Path) -> None:
    node = node_of(load, SPEND)
    before = version(node)
    path = tmp_path / "features.py"
    path.write_text(path.read_text().replace("* 2", "* 3"))
    assert before is not None
    assert version(node) is None

    path.write_text(path.read_text().replace("* 3", "* 2"))
    assert version(node) == before


def test_file_of_a_helper_that_changed_since_it_was_loaded_makes_the_node_opaque(
    load: Load, tmp_path: Path
) -> None:
    helpers = (
        "RATE = 2\n\nclass Scale:\n    def of(self, amount: int) -> int:\n        return amount * RATE\n"
    )
    load(helpers, "helpers")
    node = node_of(
        load, "from helpers import Scale\n\ndef spend(clicks: int) -> int:\n    return Scale().of(clicks)\n"
    )
    before = version(node)
    (tmp_path / "helpers.py").write_text(helpers.replace("amount * RATE", "amount + RATE"))

    assert before is not None
    assert version(node) is None
