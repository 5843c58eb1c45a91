"""Results, records and gates of checks."""

import asyncio
import json
import logging
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headwater.checks import (
    Check,
    CheckOutcome,
    Gate,
    Importance,
    ValidationResult,
    failure_of,
    gate,
    require,
    unstopped,
)
from headwater.errors import CheckFailed, InvalidModifier
from headwater.validators import Range
from headwater.values import Reference, Unevaluated


class Even(Check):
    def __init__(self, importance: str = "warn") -> None:
        super().__init__(importance)

    def applies_to(self, datatype: Any) -> bool:
        return True

    def description(self) -> str:
        return "Even numbers."

    @classmethod
    def name(cls) -> str:
        return "even"

    def validate(self, dataset: Any) -> ValidationResult:
        return ValidationResult(
            dataset % 2 == 0, f"{dataset} is odd.", {"rest": np.int64(1), 1: pd.DataFrame()}
        )


def judged(checks: list[Check], value: Any) -> list[ValidationResult]:
    return [check.validate(value) for check in checks]


def test_gate_passes_the_raw_value_on_where_all_checks_hold() -> None:
    checks = [Even("fail"), Range((0, 10), "fail")]
    value = 4

    assert gate("x", checks)(value, *judged(checks, value)) is value


def test_gate_logs_what_warns_and_tells_all_that_fails_at_once(caplog: pytest.LogCaptureFixture) -> None:
    checks = [Even("fail"), Range((0, 1), "fail"), Even("warn")]

    with caplog.at_level(logging.WARNING), pytest.raises(CheckFailed) as told:
        gate("x", checks)(5, *judged(checks, 5))
    assert str(told.value) == (
        "'x' did not pass its checks. even: 5 is odd. "
        "range: 1 of 1 values do not fit; wanted: between 0 and 1."
    )
    assert [(one.node, one.validator, one.passed) for one in told.value.results] == [
        ("x", "even", False),
        ("x", "range", False),
    ]
    assert [record.getMessage() for record in caplog.records] == ["'x' did not pass a check. even: 5 is odd."]


def test_unstopped_gate_logs_and_passes_the_value_on(caplog: pytest.LogCaptureFixture) -> None:
    checks = [Even("fail")]
    stopping = gate("x", checks)

    with caplog.at_level(logging.WARNING):
        assert unstopped(stopping)(5, *judged(checks, 5)) == 5
    assert len(caplog.records) == 1
    with pytest.raises(CheckFailed):
        stopping(5, *judged(checks, 5))
    assert unstopped(len) is len


def test_gate_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(gate("x", [Range((0, 1), "fail")])))

    assert isinstance(again, Gate)
    with pytest.raises(CheckFailed):
        again(5, Range((0, 1)).validate(5))


def test_result_that_is_none_is_told() -> None:
    async def validate() -> ValidationResult:
        raise AssertionError

    with pytest.raises(TypeError, match=r"'even' on 'x' returned bool, not a ValidationResult\.$"):
        gate("x", [Even()])(4, True)
    with pytest.raises(TypeError, match=r"returned coroutine, .*needs the async driver"):
        gate("x", [Even()])(4, validate())
    assert asyncio.iscoroutinefunction(validate)


def test_outcome_of_a_check_of_ours_has_all_figures() -> None:
    check = Range((0, 1), "fail")

    outcome = CheckOutcome.of("x", check, check.validate(pd.Series([0.5, 2, None])), 0.25)
    assert outcome == CheckOutcome(
        node="x",
        validator="range",
        importance=Importance.FAIL,
        passed=False,
        message="2 of 3 values do not fit; wanted: between 0 and 1.",
        diagnostics={"threshold": [0, 1], "value": [0.5, 2.0], "offending": 2, "size": 3},
        value=[0.5, 2.0],
        threshold=[0, 1],
        offending=2,
        size=3,
        seconds=0.25,
    )


def test_outcome_of_a_check_of_ones_own_is_data_that_json_holds() -> None:
    check = Even()

    outcome = CheckOutcome.of("x", check, check.validate(np.int64(5)))
    assert (outcome.validator, outcome.passed, outcome.threshold) == ("even", False, None)
    assert json.loads(json.dumps(outcome.diagnostics)) == {"rest": 1, "1": "DataFrame (0 rows x 0 columns)"}


def test_gathered_failures_are_told_by_node() -> None:
    checks = [Even("fail"), Range((0, 1), "fail"), Even("warn")]
    found = [
        CheckOutcome.of(node, check, check.validate(value))
        for node, value in (("x", 5), ("y", 7))
        for check in checks
    ]

    failure = failure_of(found)
    assert failure is not None
    assert str(failure).splitlines() == [
        "'x' did not pass its checks. even: 5 is odd. range: 1 of 1 values do not fit; wanted: between 0 and 1.",
        "'y' did not pass its checks. even: 7 is odd. range: 1 of 1 values do not fit; wanted: between 0 and 1.",
    ]
    assert len(failure.results) == 4
    assert failure_of(found[2:3]) is None


def test_importance_is_warn_or_fail() -> None:
    with pytest.raises(InvalidModifier, match=r"importance='loud' is unknown\. Give 'warn' or 'fail'\."):
        Even("loud")


def test_check_without_its_methods_cannot_be_made() -> None:
    class Unfinished(Check):
        pass

    with pytest.raises(TypeError, match="validate"):
        Unfinished("warn")  # type: ignore[abstract]


@pytest.mark.parametrize("limit", [Reference("shop.LIMIT"), Unevaluated("f()", "it is a call")])
def test_limit_known_from_source_only_is_not_judged(limit: Any) -> None:
    require(False, "range", limit, "a range")
