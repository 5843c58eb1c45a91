"""From functions to a graph: naming, wiring, and every fault told with its place and its cure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.build import build, expand
from headwater.conditions import Operator, Test
from headwater.errors import (
    BuildFailed,
    Cycle,
    DefinitionError,
    DuplicateNode,
    InvalidModifier,
    MissingAnnotation,
    TypeMismatch,
)
from headwater.function import Function, Location, Parameter, functions_of
from headwater.modifiers import config
from headwater.node import Role
from headwater.types import ANY, Type
from headwater.values import Reference, Unevaluated


def fault(load, source: str, error: type[DefinitionError], settings: dict | None = None) -> str:
    """Return the message of the only fault of a module, its path cut to the file's name."""
    module = load(source)
    with pytest.raises(DefinitionError) as told:
        build(functions_of(module), {} if settings is None else settings)
    assert type(told.value) is error
    return str(told.value).replace(module.__file__, "features.py")


def test_missing_return_type_is_told(load) -> None:
    assert fault(load, "def spend(x: int):\n    return x\n", MissingAnnotation) == (
        "features.py:1: 'spend' does not say what it returns. Add a return type: def spend(...) -> pd.Series:"
    )


def test_missing_parameter_type_is_told(load) -> None:
    assert fault(load, "def spend(orders) -> int:\n    return 1\n", MissingAnnotation) == (
        "features.py:1: 'spend' needs a type for parameter 'orders'. Annotate it: orders: pd.Series"
    )


@pytest.mark.parametrize(
    ("parameters", "kind", "name"),
    [
        ("x: int, /", "positional only", "x"),
        ("*xs: int", "variadic positional", "xs"),
        ("**xs: int", "variadic keyword", "xs"),
    ],
)
def test_parameter_that_cannot_name_a_node_is_refused(load, parameters, kind, name) -> None:
    assert fault(load, f"def spend({parameters}) -> int:\n    return 1\n", DefinitionError) == (
        f"features.py:1: 'spend' has a {kind} parameter '{name}', which cannot name a node. "
        "Give each column it needs a plain parameter of its own."
    )


def test_keyword_only_parameters_receive_their_values(load) -> None:
    module = load(
        "def spend(orders: int, *, price: int, rate: int = 3) -> int:\n    return orders * price * rate\n"
    )
    node = build(functions_of(module), {})["spend"]

    assert node.dependencies == ("orders", "price", "rate")
    assert node.call(2, 5, 7) == 70


def test_name_made_in_two_places_tells_both(load) -> None:
    first = load("def spend(x: int) -> int:\n    return 1\n", "first")
    second = load("\n# moved\ndef spend(x: int) -> int:\n    return 2\n", "second")
    functions = [*functions_of(first), *functions_of(second)]

    with pytest.raises(DuplicateNode) as told:
        build(functions, {})
    assert str(told.value) == (
        f"'spend' is made twice: by 'spend' ({first.__file__}:1) and by 'spend' ({second.__file__}:2). "
        "Rename one, or tell them apart with @config.when."
    )
    assert build(functions, {}, allow_overrides=True)["spend"].call(1) == 2


def test_override_is_only_for_another_module(load) -> None:
    source = "def spend(x: int) -> int:\n    return 1\n\nspent = spend\n"
    module = load(source)

    with pytest.raises(DuplicateNode):
        build(functions_of(module), {}, allow_overrides=True)


def test_type_mismatch_tells_both_places_and_types(load) -> None:
    source = """
        def signups(week: int) -> str:
            return "many"

        def ratio(signups: float) -> float:
            return 1 / signups
    """
    assert fault(load, source, TypeMismatch) == (
        "features.py:4: 'ratio' needs signups: float, but features.py:1: 'signups' returns str. "
        "Change one of the annotations."
    )


def test_input_asked_for_as_two_types_tells_both_readers(load) -> None:
    source = """
        def spend(week: int) -> int:
            return week

        def label(week: str) -> str:
            return week
    """
    message = fault(load, source, TypeMismatch)

    assert message == (
        "features.py:1: 'spend' needs input week: int, but features.py:4: 'label' needs it as str. "
        "Change one of the annotations."
    )


@pytest.mark.parametrize("order", [("int", "bool"), ("bool", "int")])
def test_input_is_of_the_narrowest_type_that_is_asked_for(load, order) -> None:
    module = load(
        f"def a(x: {order[0]}) -> int:\n    return x\n\ndef b(x: {order[1]}) -> int:\n    return x\n"
    )

    assert build(functions_of(module), {})["x"].type == Type("bool")


def test_cycle_is_told_whole(load) -> None:
    source = """
        def orders(margin: int) -> int:
            return margin

        def spend(orders: int) -> int:
            return orders

        def margin(spend: int, week: int) -> int:
            return spend
    """
    module = load(source)
    with pytest.raises(Cycle) as told:
        build(functions_of(module), {})

    assert told.value.nodes[0] == told.value.nodes[-1]
    assert set(told.value.nodes) == {"orders", "spend", "margin"}
    assert str(told.value).replace(module.__file__, "features.py") == (
        "These nodes need themselves: margin → orders → spend → margin (features.py:1: 'orders', "
        "features.py:4: 'spend', features.py:7: 'margin'). "
        "Break the circle: one of them must not need the next."
    )


def test_function_that_needs_itself_is_a_cycle(load) -> None:
    assert "spend → spend" in fault(load, "def spend(spend: int) -> int:\n    return 1\n", Cycle)


def test_all_faults_are_told_at_once(load) -> None:
    source = """
        from headwater import extract_columns

        def bare(x):
            return x

        def orders(week: int) -> str:
            return ""

        def spend(orders: int, gain: int) -> int:
            return orders

        def gain(spend: int) -> int:
            return spend

        @extract_columns("a")
        def table(week: int) -> int:
            return 1
    """
    module = load(source)
    with pytest.raises(BuildFailed) as told:
        build(functions_of(module), {})

    assert [type(fault) for fault in told.value.faults] == [
        MissingAnnotation,
        InvalidModifier,
        TypeMismatch,
        Cycle,
    ]
    assert str(told.value).startswith("4 faults in the feature functions:\n- MissingAnnotation: ")


def test_two_expanding_modifiers_are_refused(load) -> None:
    source = """
        from headwater import parameterize, value

        @parameterize(first={"x": value(1)})
        @parameterize(second={"x": value(2)})
        def base(x: int) -> int:
            return x
    """
    assert fault(load, source, InvalidModifier) == (
        "features.py:5: 'base' has @parameterize and @parameterize, but only one modifier can say which "
        "nodes a function makes. Put all outputs into one of them."
    )


def test_configuration_key_takes_the_place_of_a_node(load) -> None:
    source = """
        def spend(orders: int) -> int:
            return orders

        def margin(spend: int) -> int:
            return spend
    """
    graph = build(functions_of(load(source)), {"spend": 5, "unused": "x"})

    assert graph["spend"].role is Role.INPUT
    assert graph["spend"].type == Type("int")
    assert graph["unused"].type == ANY
    assert "orders" not in graph


def test_suffix_counts_only_under_config(load) -> None:
    source = """
        from headwater import config

        def spend__raw(week: int) -> int:
            return 1

        @config.when(region="UK")
        def holidays__bank__uk(spend__raw: int) -> int:
            return 2
    """
    graph = build(functions_of(load(source)), {"region": "UK"})

    assert [n.name for n in graph if n.role is Role.FEATURE] == ["holidays__bank", "spend__raw"]
    assert graph["holidays__bank"].tags["hamilton.config"] == "region"


def test_all_variants_stand_side_by_side_under_their_conditions(load) -> None:
    source = """
        from headwater import config

        @config.when(region="UK")
        def holidays__uk(week: int) -> int:
            return 1

        @config.when(region="US")
        def holidays__us(week: str) -> str:
            return 2

        @config.when(region="UK")
        def rest__uk(holidays: int) -> int:
            return 1

        @config.when(region="US")
        def rest__us(holidays: str) -> str:
            return 1
    """
    graph = build(functions_of(load(source)))

    assert [str(node.condition) for node in graph.variants("rest")] == ['region = "UK"', 'region = "US"']
    assert [node.name for node in graph.inputs] == ["week"]


def test_variants_that_may_meet_must_fit(load) -> None:
    source = """
        from headwater import config

        @config.when(region="UK")
        def holidays__uk(week: int) -> int:
            return 1

        @config.when_not(region="US")
        def rest(holidays: str) -> str:
            return ""
    """
    module = load(source)
    with pytest.raises(TypeMismatch):
        build(functions_of(module))


def test_predicate_that_is_known_by_name_cannot_be_chosen() -> None:
    function = Function(
        "holidays",
        Location("features", "features.py", 3, 4),
        (),
        ANY,
        modifiers=(config(Reference("settings.is_uk")),),
    )

    assert [str(node.condition) for node in expand(function)] == ["settings.is_uk"]
    with pytest.raises(DefinitionError, match=r"'settings\.is_uk' is not known without running code"):
        expand(function, {"region": "UK"})


def test_condition_that_is_known_as_text_cannot_be_chosen() -> None:
    unknown = Unevaluated("REGION", "'REGION' is made by a call")
    function = Function(
        "holidays__uk",
        Location("features", "features.py", 3, 4),
        (),
        ANY,
        modifiers=(config.when(region=unknown),),
    )

    assert [str(node.condition) for node in expand(function)] == ["region = REGION"]
    with pytest.raises(DefinitionError, match="exists when region = REGION, and 'REGION' is not known"):
        expand(function, {"region": "UK"})


REGIONS = ["UK", "US", "FR"]
_tests = st.lists(
    st.one_of(
        st.builds(
            Test,
            st.sampled_from(["region", "size"]),
            st.sampled_from([Operator.IS, Operator.IS_NOT]),
            st.sampled_from(REGIONS),
        ),
        st.builds(
            Test,
            st.sampled_from(["region", "size"]),
            st.sampled_from([Operator.IN, Operator.NOT_IN]),
            st.lists(st.sampled_from(REGIONS), max_size=2).map(tuple),
        ),
    ),
    max_size=2,
)

_MAKERS = {
    Operator.IS: config.when,
    Operator.IS_NOT: config.when_not,
    Operator.IN: config.when_in,
    Operator.NOT_IN: config.when_not_in,
}


@given(
    st.lists(_tests, min_size=1, max_size=6),
    st.dictionaries(st.sampled_from(["region", "size"]), st.sampled_from(REGIONS)),
)
def test_all_variants_filtered_by_a_configuration_are_what_it_builds(
    functions: list[list[Test]], settings: dict[str, str]
) -> None:
    made = [
        Function(
            f"f{index // 2}__v{index}",
            Location("features", "features.py", index + 1, index + 1),
            (Parameter(f"f{index // 2 - 1}" if index > 1 else "x", ANY),),
            ANY,
            modifiers=(*(_MAKERS[test.operator](**{test.key: test.value}) for test in tests), config.when()),
        )
        for index, tests in enumerate(functions)
    ]
    chosen = [node for node in build(made).nodes if node.condition.holds(settings)]
    features = [node for node in chosen if node.role is not Role.INPUT and node.name not in settings]
    try:
        graph = build(made, settings)
    except DefinitionError:
        assert len({node.name for node in features}) < len(features)
        return

    assert [node for node in graph.nodes if node.role is not Role.INPUT] == features


def test_function_that_is_met_twice_is_told_as_such(load) -> None:
    module = load("def first() -> int:\n    return 1\n\nagain = first\n")

    with pytest.raises(DuplicateNode, match="It is one function: give its module once"):
        build(functions_of(module), {})
    del module.again
    with pytest.raises(DuplicateNode, match="It is one function: give its module once"):
        build([*functions_of(module), *functions_of(module)], {})
