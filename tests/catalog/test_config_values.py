"""The values that a form offers for keys of the configuration."""

from headwater.conditions import Condition, Operator, Test
from headwater_catalog.config_values import known_values


def test_the_values_are_those_that_conditions_compare_with():
    conditions = [
        Condition((Test("region", Operator.IS, "UK"), Test("deep", Operator.IS_NOT, True))),
        Condition(
            (Test("region", Operator.IN, ("US", "New Zealand")), Test("size", Operator.NOT_IN, [1, 2.5]))
        ),
    ]

    assert known_values(map(str, conditions)) == {
        "deep": (True,),
        "region": ("New Zealand", "UK", "US"),
        "size": (1, 2.5),
    }


def test_what_only_running_code_knows_is_left_out():
    assert known_values(["region = LARGEST", "lambda config: True", ""]) == {"region": ()}
