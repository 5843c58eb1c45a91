"""Several features from one function."""

import pytest

from headwater import Driver, parameterize, source, value
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.results import DictResult

SPEND = """
    from headwater import parameterize, source, tag, value

    @tag(owner="growth")
    @parameterize(
        double={"orders": source("sales"), "factor": value(2)},
        triple=({"factor": value(3)}, "Three times."),
        again={"orders": source("double")},
    )
    def times(orders: int, factor: int = 10) -> int:
        '''Make {output_name} of {orders}, {factor} and {other}.'''
        return orders * factor
"""


def test_each_output_is_a_feature_with_parameters_of_its_own(load) -> None:
    module = load(SPEND)
    nodes = {node.name: node for node in expand(read_function(module.times))}

    assert {name: (node.dependencies, node.feature) for name, node in nodes.items()} == {
        "double": (("sales",), "double"),
        "triple": (("orders",), "triple"),
        "again": (("double", "factor"), "again"),
    }
    assert nodes["double"].doc == "Make double of sales, 2 and other."
    assert nodes["triple"].doc == "Three times."
    # Tags go to the final nodes, and `double` is read by `again`.
    assert [name for name, node in nodes.items() if "owner" in node.tags] == ["triple", "again"]
    result = Driver({}, module, adapter=DictResult()).execute(
        ["double", "triple", "again"], inputs={"sales": 1, "orders": 100}
    )
    assert result == {"double": 2, "triple": 300, "again": 20}


def test_no_output_is_no_feature(load) -> None:
    module = load(
        "from headwater import parameterize\n\n@parameterize()\ndef spend(x: int) -> int:\n    return x\n"
    )

    assert expand(read_function(module.spend)) == []


def test_unknown_parameter_is_told_with_the_nearest(load) -> None:
    module = load("""
        from headwater import parameterize, value

        @parameterize(double={"order": value(1)})
        def times(orders: int) -> int:
            return orders
    """)
    message = r"features\.py:4: 'times' has no parameter 'order' for @parameterize to set in 'double'\. Did you mean 'orders'\?"
    with pytest.raises(InvalidModifier, match=message):
        expand(read_function(module.times))


def test_raw_value_is_told_what_it_could_be() -> None:
    with pytest.raises(InvalidModifier) as told:
        parameterize(double={"factor": 2})
    assert str(told.value) == (
        "@parameterize: 'double' maps 'factor' to 2. Say where it comes from: "
        'source("node") for another node, value(2) for a literal.'
    )


def test_output_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(InvalidModifier, match="'double' must be a mapping from parameters"):
        parameterize(double=value(2))


def test_source_is_a_name() -> None:
    with pytest.raises(InvalidModifier, match=r'takes the name of a node, not 3: source\("spend"\)'):
        source(3)


def test_documentation_that_cannot_be_filled_is_told(load) -> None:
    module = load("""
        from headwater import parameterize, value

        @parameterize(double={"factor": value(2)})
        def times(factor: int) -> int:
            '''Return {0}.'''
            return factor
    """)
    with pytest.raises(InvalidModifier, match="the documentation of 'double' cannot be filled in"):
        expand(read_function(module.times))
