"""Modifiers that the configuration tells."""

import pytest

from headwater import Driver
from headwater.build import build, expand
from headwater.conditions import Configuration
from headwater.errors import BuildFailed, InvalidModifier
from headwater.function import Function, Location, functions_of, read_function
from headwater.modifiers import ResolveAt, resolve, resolve_from_config, tag
from headwater.results import DictResult
from headwater.types import Type
from headwater.values import Reference, Unevaluated

MODE = {"hamilton.enable_power_user_mode": True}
SOURCE = """
    from headwater.modifiers import *

    @tag(owner="a")
    @resolve(
        when=ResolveAt.CONFIG_AVAILABLE,
        decorate_with=lambda regions, suffix="_orders": parameterize_sources(
            **{region: {"orders": region + suffix} for region in regions}
        ),
    )
    def spend(orders: int) -> int:
        return orders * 2
"""


def test_configuration_decides_the_modifier(load) -> None:
    driver = Driver({**MODE, "regions": ["uk", "fr"]}, load(SOURCE), adapter=DictResult())

    assert driver.execute(["uk", "fr"], inputs={"uk_orders": 1, "fr_orders": 2}) == {"uk": 2, "fr": 4}


def test_optional_configuration_wins_over_its_default(load) -> None:
    nodes = expand(read_function(load(SOURCE).spend), {**MODE, "regions": ["uk"], "suffix": "_sales"})

    assert [(n.name, n.dependencies, n.tags["owner"]) for n in nodes] == [("uk", ("uk_sales",), "a")]


def test_modifier_is_not_known_without_the_configuration(load) -> None:
    function = read_function(load(SOURCE).spend)
    why = "which modifier it has is told by configuration 'regions', 'suffix'"

    for config in (None, Configuration({"regions": ["uk"]}, is_open=True)):
        assert [(n.name, n.partial) for n in expand(function, config)] == [("spend", (why,))]
    known = Configuration({**MODE, "regions": ["uk"], "suffix": ""}, is_open=True)
    assert [(n.name, n.partial) for n in expand(function, known)] == [("uk", ())]


@pytest.mark.parametrize("mode", [{}, {"hamilton.enable_power_user_mode": False}])
def test_code_decides_only_where_it_is_allowed(load, mode) -> None:
    with pytest.raises(
        InvalidModifier, match=r"Allow that with the configuration hamilton.enable_power_user_mode=True"
    ):
        expand(read_function(load(SOURCE).spend), {"regions": ["uk"], **mode})


def test_missing_configuration_is_told_with_the_nearest(load) -> None:
    with pytest.raises(
        InvalidModifier, match=r"decided by configuration 'regions', which is not given. .*'region'"
    ):
        expand(read_function(load(SOURCE).spend), {**MODE, "region": ["uk"]})


@pytest.mark.parametrize(
    ("decide", "said"),
    [
        ("lambda a: None", "decorate_with returned None. Return a modifier"),
        ("lambda a: a.nothing", "could not be decided from configuration 'a': AttributeError"),
        ("lambda a: tag(**{'1': 'x'})", "'1' is no tag key"),
    ],
)
def test_decision_that_fails_is_a_fault_of_the_build(load, decide, said) -> None:
    module = load(f"""
        from headwater.modifiers import *

        @resolve_from_config(decorate_with={decide})
        def spend(orders: int) -> int:
            return orders

        @tag(target_="nothing")
        def other() -> int:
            return 1
    """)
    with pytest.raises(BuildFailed, match=said) as told:
        build(functions_of(module), {**MODE, "a": 1})
    assert len(told.value.faults) == 2


def test_decision_may_be_about_variants_or_another_decision(load) -> None:
    module = load("""
        from headwater.modifiers import *

        @resolve_from_config(decorate_with=lambda key: config.when(**{key: 1}))
        def spend__uk(orders: int) -> int:
            return orders

        @resolve_from_config(decorate_with=lambda: resolve_from_config(decorate_with=lambda key: tag(owner=key)))
        def other() -> int:
            return 1
    """)

    assert [n.name for n in expand(read_function(module.spend__uk), {**MODE, "key": "a", "a": 1})] == [
        "spend"
    ]
    assert expand(read_function(module.spend__uk), {**MODE, "key": "a"}) == []
    assert expand(read_function(module.other), {**MODE, "key": "a"})[0].tags["owner"] == "a"


def test_only_plain_parameters_name_configuration() -> None:
    for decide in (lambda **keys: tag(), lambda *keys: tag(), lambda key, /: tag()):
        with pytest.raises(InvalidModifier, match=r"which names no configuration key"):
            resolve_from_config(decorate_with=decide)
    with pytest.raises(InvalidModifier, match=r"decorate_with=3 is no function"):
        resolve_from_config(decorate_with=3)
    with pytest.raises(InvalidModifier, match=r"when='now' is unknown. Give ResolveAt.CONFIG_AVAILABLE"):
        resolve(when="now", decorate_with=lambda: tag())


@pytest.mark.parametrize("config", [None, {}, {"regions": []}])
def test_decision_of_code_that_was_only_read_is_not_known(config) -> None:
    place = Location("features", "features.py", 1, 1)
    moment = Reference("hamilton.function_modifiers.ResolveAt.CONFIG_AVAILABLE")
    decide = Function("decide", place, (), None)
    why = "which modifier it has is only known by running 'decide'"

    for decorate_with in (decide, Reference("decide")):
        modifier = resolve(when=moment, decorate_with=decorate_with)
        [node] = expand(Function("spend", place, (), Type("int"), modifiers=(modifier,)), config)
        assert node.partial == (why,)
    unknown = resolve(
        when=ResolveAt.CONFIG_AVAILABLE, decorate_with=Unevaluated("lambda: x", "it is a lambda")
    )
    assert unknown.decide(Configuration({}), decide) == ((), ())
