"""Conditions on the configuration."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.conditions import ALWAYS, Condition, Operator, Test
from headwater.values import Unevaluated

UK = Condition((Test("region", Operator.IS, "UK"),))
US = Condition((Test("region", Operator.IS, "US"),))
NOT_UK = Condition((Test("region", Operator.IS_NOT, "UK"),))
EUROPE = Condition((Test("region", Operator.IN, ("UK", "FR")),))
ELSEWHERE = Condition((Test("region", Operator.NOT_IN, ("UK", "FR")),))
LARGE = Condition((Test("size", Operator.IS, "large"),))
PREDICATE = Condition((Test("", Operator.HOLDS, lambda config: "size" in config),))
UNKNOWN = Condition((Test("region", Operator.IS, Unevaluated("REGION", "'REGION' is made by a call")),))


@pytest.mark.parametrize(
    ("condition", "config", "holds"),
    [
        (ALWAYS, {}, True),
        (UK, {"region": "UK"}, True),
        (UK, {"region": "US"}, False),
        (UK, {}, False),
        (NOT_UK, {}, True),
        (EUROPE, {"region": "FR"}, True),
        (EUROPE, {}, False),
        (ELSEWHERE, {}, True),
        (ELSEWHERE, {"region": "UK"}, False),
        (PREDICATE, {"size": 1}, True),
        (UK.and_(*LARGE.tests), {"region": "UK"}, False),
        (UK.and_(*LARGE.tests), {"region": "UK", "size": "large"}, True),
    ],
)
def test_condition_holds_where_every_test_passes(
    condition: Condition, config: dict[str, Any], holds: bool
) -> None:
    assert condition.holds(config) is holds


def test_condition_reads_as_a_sentence() -> None:
    assert str(UK.and_(*LARGE.tests)) == 'region = "UK" and size = "large"'
    assert str(EUROPE) == 'region in ("UK", "FR")'
    assert str(ELSEWHERE) == 'region not in ("UK", "FR")'
    assert str(UNKNOWN) == "region = REGION"
    assert UK.and_(*LARGE.tests).keys == ("region", "size")
    assert [value.text for value in UNKNOWN.unevaluated] == ["REGION"]


@pytest.mark.parametrize(
    ("first", "second", "may_meet"),
    [
        (ALWAYS, UK, True),
        (UK, UK, True),
        (UK, US, False),
        (UK, NOT_UK, False),
        (US, NOT_UK, True),
        (UK, EUROPE, True),
        (US, EUROPE, False),
        (EUROPE, ELSEWHERE, False),
        (US, ELSEWHERE, True),
        (NOT_UK, ELSEWHERE, True),
        (UK, LARGE, True),
        (UK.and_(*LARGE.tests), US, False),
        (PREDICATE, ALWAYS, True),
        (PREDICATE, UK, False),
        (UNKNOWN, UK, False),
    ],
)
def test_conditions_meet_where_a_configuration_is_known_to_fulfil_both(
    first: Condition, second: Condition, may_meet: bool
) -> None:
    assert first.may_meet(second) is may_meet
    assert second.may_meet(first) is may_meet


_value = st.sampled_from(["UK", "US", "FR", None])
_values = st.lists(_value, max_size=3).map(tuple)
_test = st.one_of(
    st.builds(
        Test, st.sampled_from(["region", "size"]), st.sampled_from([Operator.IS, Operator.IS_NOT]), _value
    ),
    st.builds(
        Test, st.sampled_from(["region", "size"]), st.sampled_from([Operator.IN, Operator.NOT_IN]), _values
    ),
)
_condition = st.lists(_test, max_size=3).map(lambda tests: Condition(tuple(tests)))


@given(_condition, _condition, st.dictionaries(st.sampled_from(["region", "size"]), _value))
def test_conditions_that_hold_together_may_meet(
    first: Condition, second: Condition, config: dict[str, Any]
) -> None:
    if first.holds(config) and second.holds(config):
        assert first.may_meet(second)
