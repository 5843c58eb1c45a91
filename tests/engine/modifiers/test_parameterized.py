"""Several features from one function."""

import pickle

import pytest

from headwater import Driver
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.modifiers import (
    inject,
    parameterize,
    parameterize_sources,
    parameterize_values,
    parametrized_input,
    value,
)
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
    message = r"features\.py:4: 'times' has no parameter 'order' to set in 'double'\. Did you mean 'orders'\?"
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


def test_output_name_is_no_parameter(load) -> None:
    module = load("""
        from headwater import parameterize, value

        @parameterize(double={"factor": value(2)})
        def times(factor: int, output_name: str) -> int:
            return factor
    """)
    with pytest.raises(InvalidModifier, match="'times' has a parameter 'output_name', which stands for"):
        expand(read_function(module.times))


GROUPS = """
    from collections.abc import Sequence
    from headwater.modifiers import *

    @parameterize(
        total={{"parts": group(source("a"), value(10), source("b"))}},
        named={{"parts": group(source("a")), "by_name": group(first=source("b"), second=value(3))}},
    )
    def times(parts: {list}, by_name: dict[str, int] | None = None, factor: int = 2) -> int:
        '''Of {{parts}}.'''
        return (sum(parts) + sum((by_name or {{}}).values())) * factor
"""


def test_group_reads_several_nodes_for_one_parameter(load) -> None:
    module = load(GROUPS.format(list="list[int]"))
    total, named = expand(read_function(module.times))

    assert total.dependencies == ("a", "b", "by_name", "factor")
    assert [(a.parameter, str(a.type), a.node) for a in total.arguments[:3]] == [
        ("parts[0]", "int", "a"),
        ("parts[1]", "int", None),
        ("parts[2]", "int", "b"),
    ]
    assert [a.parameter for a in named.arguments] == [
        "parts[0]",
        "by_name[first]",
        "by_name[second]",
        "factor",
    ]
    assert total.doc == "Of parts."
    result = Driver({}, module, adapter=DictResult()).execute(["total", "named"], inputs={"a": 1, "b": 2})
    assert result == {"total": 26, "named": 12}


@pytest.mark.parametrize("annotation", ["list[int] | None", "Sequence[int]"])
def test_group_is_taken_as_any_list_of_known_elements(load, annotation) -> None:
    total, _ = expand(read_function(load(GROUPS.format(list=annotation)).times))

    assert str(total.arguments[0].type) == "int"


@pytest.mark.parametrize(
    "annotation", ["list", "int", "dict[str, int]", "tuple[int, ...]", "list[int] | str"]
)
def test_group_needs_a_list_or_a_dictionary_that_says_of_what(load, annotation) -> None:
    module = load(GROUPS.format(list=annotation))

    with pytest.raises(InvalidModifier, match=r"'times' takes 'parts' as .*Annotate it as list\[T\]"):
        expand(read_function(module.times))


def test_sources_and_literals_have_short_forms(load) -> None:
    module = load("""
        from headwater.modifiers import *

        @parameterize_sources(double={"orders": "sales"})
        def twice(orders: int) -> int:
            '''Twice {orders}.'''
            return orders * 2

        @parameterize_values("factor", {("five", "By five."): 5, ("six", "By six."): 6})
        def times(factor: int) -> int:
            return factor
    """)
    nodes = [node for name in ("twice", "times") for node in expand(read_function(getattr(module, name)))]

    assert [(n.name, n.dependencies, n.doc) for n in nodes] == [
        ("double", ("sales",), "Twice sales."),
        ("five", (), "By five."),
        ("six", (), "By six."),
    ]


@pytest.mark.parametrize("wrong", [{}, None, "sales"])
def test_sources_of_nothing_are_refused(wrong) -> None:
    with pytest.raises(InvalidModifier, match="'double' must be a mapping from parameters to names of nodes"):
        parameterize_sources(double=wrong)


def test_keys_without_documentation_are_refused() -> None:
    with pytest.raises(InvalidModifier, match="@parameterize_values takes pairs of an output name and its"):
        parameterize_values("factor", {"five": 5})
    with pytest.raises(InvalidModifier, match="@parametrized_input takes pairs"):
        parametrized_input("factor", {"five": "sales"})


LEGACY = """
    from headwater.modifiers import *

    @parametrized("factor", {("five", "By five."): 5})
    def times(factor: int) -> int:
        return factor

    @parametrized_input("orders", {"sales": ("double", "Twice."), "returns": ("half", "Half.")})
    def twice(orders: int) -> int:
        return orders

    @parameterized_inputs(again={"orders": "sales"})
    def thrice(orders: int) -> int:
        return orders
"""


def test_names_of_old_work_and_warn(load) -> None:
    with pytest.warns(DeprecationWarning) as warned:
        module = load(LEGACY)

    assert [str(one.message) for one in warned] == [
        "@parametrized is a name of old. Use @parameterize_values.",
        "@parametrized_input is a name of old. Use @parameterize_sources.",
        "@parameterized_inputs is a name of old. Use @parameterize_sources.",
    ]
    nodes = [n for name in ("times", "twice", "thrice") for n in expand(read_function(getattr(module, name)))]
    assert [(n.name, n.dependencies, n.doc) for n in nodes] == [
        ("five", (), "By five."),
        ("double", ("sales",), "Twice."),
        ("half", ("returns",), "Half."),
        ("again", ("sales",), ""),
    ]


INJECTED = """
    from headwater.modifiers import *

    {above}
    @inject(factor=value(3), orders=group(source("sales"), source("returns")))
    def times(orders: list[int], factor: int, {more}) -> int:
        '''Of {{factor}} as {{output_name}}.'''
        return sum(orders) * factor + rest
"""


def test_injected_parameters_come_from_elsewhere(load) -> None:
    module = load(INJECTED.format(above="", more="rest: int = 1"))
    [node] = expand(read_function(module.times))

    assert (node.name, node.dependencies, node.doc) == (
        "times",
        ("sales", "returns", "rest"),
        "Of 3 as times.",
    )
    result = Driver({}, module, adapter=DictResult()).execute(["times"], inputs={"sales": 1, "returns": 2})
    assert result == {"times": 10}


def test_injection_goes_with_other_injections_and_with_outputs(load) -> None:
    outputs = '@parameterize(one={"rest": value(1)}, two={"rest": source("other")})'
    module = load(
        INJECTED.format(above=f"{outputs}\n    @inject(more=value(0))", more="rest: int, more: int")
    )

    assert {node.name: node.dependencies for node in expand(read_function(module.times))} == {
        "one": ("sales", "returns"),
        "two": ("sales", "returns", "other"),
    }


@pytest.mark.parametrize("above", ["@inject(factor=value(4))", '@parameterize(one={"factor": value(4)})'])
def test_parameter_is_set_in_one_place(load, above) -> None:
    module = load(INJECTED.format(above=above, more="rest: int"))

    with pytest.raises(InvalidModifier, match="'times' has its parameter 'factor' set by another modifier"):
        expand(read_function(module.times))


def test_two_lists_of_outputs_are_refused(load) -> None:
    above = '@parameterize(one={"rest": value(1)})\n    @parameterize(two={"rest": value(2)})'
    module = load(INJECTED.format(above=above, more="rest: int"))

    with pytest.raises(InvalidModifier, match="Put all outputs into one of them"):
        expand(read_function(module.times))


def test_injection_of_an_unknown_parameter_is_told(load) -> None:
    module = load(INJECTED.format(above="@inject(facto=value(4))", more="rest: int"))

    with pytest.raises(
        InvalidModifier, match=r"'times' has no parameter 'facto' to set\. Did you mean 'factor'"
    ):
        expand(read_function(module.times))
    with pytest.raises(InvalidModifier, match=r"@inject maps 'factor' to 3\. Say where it comes from"):
        inject(factor=3)


def test_calls_with_grouped_values_can_be_pickled(load) -> None:
    [node] = expand(read_function(load(INJECTED.format(above="", more="rest: int = 1")).times))

    assert pickle.loads(pickle.dumps(node.call))(1, 2, 3, 1) == 10
