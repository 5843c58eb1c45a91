"""Conditions on the configuration."""

from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.conditions import ALWAYS, EVERY, Condition, Configuration, Operator, Test
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


@given(_condition, _condition, st.dictionaries(st.sampled_from(["region", "size"]), _value))
def test_narrowed_condition_holds_where_both_do(
    first: Condition, second: Condition, config: dict[str, Any]
) -> None:
    both = first.narrowed(second)

    assert (both is not None and both.holds(config)) is (first.holds(config) and second.holds(config))


@given(_condition, st.dictionaries(st.sampled_from(["region", "size"]), _value))
def test_of_a_condition_and_what_denies_it_exactly_one_holds(
    condition: Condition, config: dict[str, Any]
) -> None:
    assert sum(each.holds(config) for each in (condition, *condition.denied)) == 1


def test_narrowed_condition_says_nothing_that_follows_from_the_rest() -> None:
    assert UK.narrowed(UK) == UK
    assert UK.narrowed(EUROPE) == UK
    assert NOT_UK.narrowed(US) == US
    assert UK.narrowed(US) is None
    assert str(PREDICATE.narrowed(UK)).endswith('and region = "UK"')
    assert UNKNOWN.narrowed(UK) == UNKNOWN.and_(*UK.tests)
    assert [str(each) for each in UK.and_(*LARGE.tests).denied] == [
        'region != "UK"',
        'region = "UK" and size != "large"',
    ]


def test_configuration_may_leave_only_some_keys_open() -> None:
    whole = Configuration({"region": "UK", "size": "large"})
    opened = whole.opened({"region"})

    assert whole.opened(()) is whole
    assert UK.under(opened) == UK
    assert [LARGE.under(opened), UK.under(opened.over({"region": "UK"}))] == [ALWAYS, ALWAYS]
    assert opened.decides("other")
    assert not opened.opened({"size"}).decides("size")
    assert not EVERY.opened({"region"}).decides("size")


def test_keys_that_a_configuration_is_cut_down_to_are_all_that_count() -> None:
    whole = Configuration({"region": "UK", "size": "large"})

    assert dict(whole.only({"region"})) == {"region": "UK"}
    assert LARGE.under(whole.only({"region"})) is None
    assert UK.under(EVERY.only({"region"})) == UK
    assert LARGE.under(EVERY.only({"region"})) is None
    assert LARGE.under(EVERY.only({"region", "size"}).only({"region"})) is None


def test_member_of_an_enumeration_that_is_a_text_reads_as_what_it_is_compared_with() -> None:
    class Region(str, Enum):  # noqa: UP042 - its own text is its name
        UK = "UK"

    condition = Condition((Test("region", Operator.IS, Region.UK), Test("a", Operator.IN, [Region.UK])))

    assert str(condition) == 'region = "UK" and a in ("UK")'
    assert condition.holds({"region": "UK", "a": "UK"})
