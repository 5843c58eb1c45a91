"""The adapters that come with the engine."""

import pdb
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from headwater.builder import Builder
from headwater.lifecycle import InvalidLifecycleAdapter, PrintLnHook
from headwater.lifecycle.default import (
    FunctionInputOutputTypeChecker,
    GracefulErrorAdapter,
    NoEdgeAndInputTypeChecking,
    PDBDebugger,
    PrintLn,
    SlowDownYouMoveTooFast,
    should_run_node,
)

FAILING = """
from headwater import tag
from headwater.lifecycle import accept_error_sentinels

def fine() -> int:
    return 1

@tag(owner="growth")
def failing(fine: int) -> int:
    raise ValueError("no data")

def beyond(failing: int) -> int:
    return failing + 1

@accept_error_sentinels
def report(failing: int, fine: int) -> str:
    return f"{failing}, {fine}"
"""


def test_print_ln_tells_each_node_and_its_time(execute: Callable[..., Any]) -> None:
    printed: list[str] = []

    execute(FAILING, ["fine"], PrintLn(print_fn=printed.append))

    assert printed[0] == "Executing node: fine."
    assert re.fullmatch(r"Finished debugging node: fine in [\d.]+(μs|ms|s)\. Status: Success\.", printed[1])
    assert PrintLnHook is PrintLn


def test_print_ln_tells_inputs_results_and_errors_when_asked(execute: Callable[..., Any]) -> None:
    printed: list[str] = []
    adapter = PrintLn(verbosity=2, print_fn=printed.append, node_filter=["failing"])

    with pytest.raises(ValueError, match="no data"):
        execute(FAILING, ["beyond"], adapter)

    before, after = printed
    assert before == "Executing node: failing. Inputs: \n{'fine': 1}"
    assert after.endswith("Status: Failure. Error: \nValueError('no data')")


def test_print_ln_has_two_verbosities() -> None:
    with pytest.raises(InvalidLifecycleAdapter, match=r"no verbosity 3\. Give 1 or 2"):
        PrintLn(verbosity=3)


@pytest.mark.parametrize(
    ("node_filter", "accepted"),
    [
        (None, True),
        ("spend", True),
        ("signups", False),
        (["spend", "signups"], True),
        ({"signups"}, False),
        (lambda name, tags: tags["owner"] == "growth", True),
    ],
)
def test_filter_accepts_nodes_by_name_and_tags(node_filter: Any, accepted: bool) -> None:
    assert should_run_node("spend", {"owner": "growth"}, node_filter) is accepted


def test_filter_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidLifecycleAdapter, match="42 cannot say which nodes are meant"):
        should_run_node("spend", {}, 42)  # type: ignore[arg-type]


def test_debugger_stops_where_it_is_wanted(
    execute: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stops: list[str] = []
    monkeypatch.setattr(pdb, "set_trace", lambda: stops.append("trace"))
    monkeypatch.setattr(pdb, "runcall", lambda call, **kwargs: stops.append("call") or call(**kwargs))

    found = execute(FAILING, ["fine"], PDBDebugger("fine", before=True, during=True, after=True))
    execute(FAILING, ["fine"], PDBDebugger("other", before=True, during=True, after=True))

    assert found == {"fine": 1}
    assert stops == ["trace", "call", "trace"]
    assert PDBDebugger.CONTEXT["node_name"] == "fine"
    assert "Stepping through 'fine'" in capsys.readouterr().out


def test_slowing_down_sleeps_before_each_node(execute: Callable[..., Any]) -> None:
    assert execute(FAILING, ["fine"], SlowDownYouMoveTooFast(-1, 0)) == {"fine": 1}


WRONG = """
def names() -> list[str]:
    return ["a", 2]

def size(names: list[str]) -> int:
    return len(names)

def nothing() -> int:
    return None

def maybe() -> int | None:
    return None
"""


def test_checker_looks_at_every_element_that_is_returned(execute: Callable[..., Any]) -> None:
    checker = FunctionInputOutputTypeChecker()

    with pytest.raises(
        TypeError, match=r"'names' should return list\[str\], but returned list .* item 1 is int"
    ):
        execute(WRONG, ["names"], checker)
    with pytest.raises(TypeError, match="'nothing' should return int, but returned NoneType"):
        execute(WRONG, ["nothing"], checker)
    assert execute(WRONG, ["maybe"], checker) == {"maybe": None}
    assert execute(WRONG, ["nothing"], FunctionInputOutputTypeChecker(check_output=False)) == {
        "nothing": None
    }


def test_checker_looks_at_every_element_that_is_received(execute: Callable[..., Any]) -> None:
    wrong = {"overrides": {"names": ["a", 2]}}

    with pytest.raises(TypeError, match=r"'size' needs 'names' to be list\[str\], but 'names' is list"):
        execute(WRONG, ["size"], FunctionInputOutputTypeChecker(), **wrong)
    assert execute(WRONG, ["size"], FunctionInputOutputTypeChecker(check_input=False), **wrong) == {"size": 2}


def test_checker_does_not_hide_the_error_of_a_function(execute: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="no data"):
        execute(FAILING, ["failing"], FunctionInputOutputTypeChecker())


def test_checker_leaves_fan_outs_to_their_elements(execute: Callable[..., Any]) -> None:
    fan = """
    from headwater.htypes import Collect, Parallelizable

    def week() -> Parallelizable[int]:
        return [1, 2]

    def total(week: Collect[int]) -> int:
        return sum(week)
    """

    assert execute(fan, ["total"], FunctionInputOutputTypeChecker()) == {"total": 3}


def test_graceful_adapter_passes_over_what_reads_a_failure(execute: Callable[..., Any]) -> None:
    adapter = GracefulErrorAdapter(error_to_catch=ValueError, sentinel_value="failed")

    found = execute(FAILING, ["fine", "failing", "beyond", "report"], adapter)

    assert found == {"fine": 1, "failing": "failed", "beyond": "failed", "report": "failed, 1"}


def test_graceful_adapter_may_keep_sentinels_from_those_who_accept_them(execute: Callable[..., Any]) -> None:
    adapter = GracefulErrorAdapter(error_to_catch=ValueError, sentinel_value=-1, allow_injection=False)

    assert execute(FAILING, ["report"], adapter) == {"report": -1}


def test_graceful_adapter_catches_only_what_it_is_told(execute: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="no data"):
        execute(FAILING, ["failing"], GracefulErrorAdapter(error_to_catch=KeyError))


FAILING_FAN_OUT = """
from headwater.htypes import Collect, Parallelizable

def week() -> Parallelizable[int]:
    yield 1
    yield 2
    raise ValueError("no third week")

def weeks(week: Collect[int]) -> list:
    return list(week)
"""


@pytest.mark.parametrize(("try_all", "weeks"), [(True, [1, 2, "failed"]), (False, ["failed"])])
def test_graceful_adapter_keeps_the_items_before_a_failure(
    execute: Callable[..., Any], load: Callable[..., ModuleType], try_all: bool, weeks: list[Any]
) -> None:
    adapter = GracefulErrorAdapter(ValueError, sentinel_value="failed", try_all_parallel=try_all)
    builder = Builder().enable_dynamic_execution(allow_experimental_mode=True).with_adapters(adapter)
    dynamic = builder.with_modules(load(FAILING_FAN_OUT)).build()

    assert execute(FAILING_FAN_OUT, ["weeks"], adapter) == {"weeks": weeks}
    assert dynamic.execute(["weeks"]) == {"weeks": weeks}


def test_sentinel_is_told_from_tables_without_asking_them(execute: Callable[..., Any]) -> None:
    import pandas as pd

    adapter = GracefulErrorAdapter(ValueError, sentinel_value=pd.Series([0]))

    found = execute(FAILING, ["beyond"], adapter, overrides={"failing": pd.Series([1])})

    assert found["beyond"].tolist() == [2]


def test_permissive_adapter_lets_everything_pass() -> None:
    adapter = NoEdgeAndInputTypeChecking()

    assert adapter.check_edge_types_match(int, str)
    assert adapter.validate_input(int, "text")
