"""Sub-graphs: their nodes, what is given to them, and their configuration."""

import pickle

import pytest

from headwater.build import build
from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, TypeMismatch
from headwater.function import functions_of, read_function
from headwater.modifiers import configuration, group, source, subdag, value
from headwater.modifiers.expansion import expand
from headwater.node import Role
from headwater.plan import make_plan
from headwater.types import Type

SHOP = """
    from headwater.modifiers import config

    def _helper(x: int) -> int:
        return x

    def orders(path: str, limit: int = 10) -> int:
        "Orders of a file."
        return len(path) * limit

    @config.when(region="UK")
    def spend__uk(orders: int, region: str) -> int:
        return orders

    @config.when_not(region="UK")
    def spend__other(orders: int, rate: int) -> int:
        return orders * rate
"""

HEAD = """
    import shop
    from headwater.modifiers import *

"""


@pytest.fixture
def graph(load):
    """Give a function that builds a graph of features that may load the module `shop`."""
    load(SHOP, "shop")

    def graph(source: str, config=None):
        return build(functions_of(load(HEAD + source)), config)

    return graph


def value_of(graph, name, **given):
    return make_plan(graph, [name], given).execute(given)[name]


def condition_of(graph, name) -> list[str]:
    return [str(node.condition) for node in graph.variants(name)]


UK = """
    @tag(owner="shop")
    @subdag(shop, inputs={"path": source("file"), "rate": value(3)}, config={"region": "UK"}, external_inputs=["extra"])
    def uk(spend: int, rate: int, extra: int) -> int:
        "Spend in the UK."
        return spend + rate + extra
"""


def test_nodes_are_under_the_name_of_the_function(graph) -> None:
    uk = graph(UK, {"region": "FR"})

    assert {n.name: n.dependencies for n in uk if n.role is not Role.INPUT} == {
        "uk.orders": ("uk.path", "limit"),
        "uk.spend": ("uk.orders", "uk.region"),
        "uk.path": ("file",),
        "uk.rate": (),
        "uk.region": (),
        "uk": ("uk.spend", "uk.rate", "extra"),
    }
    assert {n.name for n in uk.inputs} == {"extra", "file", "limit", "region"}
    assert value_of(uk, "uk", file="abc", extra=100) == 3 * 10 + 3 + 100
    assert value_of(uk, "uk", file="abc", extra=0, limit=2) == 9


def test_nodes_of_the_sub_graph_are_parts_of_the_feature(graph) -> None:
    uk = graph(UK, {})
    parts = {n.name: n for n in uk if n.role is Role.PART}

    assert {n.feature for n in uk if n.role is not Role.INPUT} == {"uk"}
    assert all(part.tags["hamilton.non_final_node"] is True for part in parts.values())
    assert parts["uk.spend"].tags["module"] == "shop"
    assert parts["uk.spend"].tags["hamilton.config"] == "region"
    assert parts["uk.orders"].doc == "Orders of a file."
    assert parts["uk.orders"].function.name == "orders"
    assert [n.name for n in uk if "owner" in n.tags] == ["uk"]


def test_types_of_what_is_given_follow_from_readers_and_literals(graph) -> None:
    uk = graph(UK, {})

    assert {name: str(uk[name].type) for name in ("uk.path", "uk.rate", "uk.region")} == {
        "uk.path": "str",
        "uk.rate": "int",
        "uk.region": "str",
    }


def test_input_has_the_narrowest_type_that_its_readers_ask_for(graph) -> None:
    narrow = """
        def one(x: int) -> int: ...

        def two(x: int | None) -> int: ...

        @subdag(one, two, inputs={"x": source("given")})
        def both(one: int, two: int) -> int: ...
    """

    assert graph(narrow.replace("\n    ", "\n"), {})["both.x"].type == Type("int")


def test_literal_of_the_wrong_type_is_a_mismatch(graph) -> None:
    with pytest.raises(TypeMismatch, match=r"'uk\.orders' needs path: str, but .*'uk\.path' returns int"):
        graph('    @subdag(shop, inputs={"path": value(3)})\n    def uk(orders: int) -> int: ...\n', {})


def test_input_that_nothing_reads_makes_no_node(graph) -> None:
    uk = graph('    @subdag(shop, inputs={"unused": source("a")})\n    def uk(orders: int) -> int: ...\n', {})

    assert "uk.unused" not in uk
    assert "a" not in uk


def test_input_may_be_read_by_the_function_alone(graph) -> None:
    uk = graph(
        '    @subdag(shop, inputs={"fee": source("tax")})\n    def uk(fee: int) -> int:\n        return fee\n',
        {},
    )

    assert value_of(uk, "uk", tax=4) == 4


def test_namespace_and_final_name_may_be_chosen(graph) -> None:
    named = """
    @subdag(shop, inputs={"path": value("ab")}, namespace="inner", final_node_name="end")
    def uk(orders: int) -> int:
        return orders
    """
    end = graph(named, {})

    assert {n.name for n in end if n.role is not Role.INPUT} == {
        "inner.orders",
        "inner.spend",
        "inner.path",
        "end",
    }
    assert {n.feature for n in end if n.role is not Role.INPUT} == {"end"}
    assert value_of(end, "end") == 20


def test_variant_suffix_is_no_part_of_the_namespace(graph) -> None:
    variant = """
    @config.when(kind="a")
    @subdag(shop.orders, inputs={"path": value("ab")})
    def uk__a(orders: int) -> int:
        return orders
    """

    assert {n.name for n in graph(variant, {"kind": "a"})} == {"uk", "uk.orders", "uk.path", "limit", "kind"}


def test_function_with_mutations_is_loaded_with_them(graph) -> None:
    mutated = """
    def a(x: int) -> int:
        return x

    @subdag(a)
    def sub(a: int) -> int:
        return a

    @mutate(a)
    def _double(x: int) -> int:
        return 2 * x
    """

    assert value_of(graph(mutated, {}), "sub", x=4) == 8


CONFIGURED = """
    @subdag(shop, inputs={"path": value("ab"), "rate": value(5)}, config={"region": configuration("area")})
    def sub(spend: int, region: str) -> str:
        return f"{spend} {region}"
"""


def test_configuration_of_the_sub_graph_wins_over_the_one_around(graph) -> None:
    uk = graph(UK, {"region": "FR"})

    assert uk["uk.spend"].function.name == "spend__uk"
    assert value_of(uk, "uk.region") == "UK"


def test_key_of_the_configuration_around_can_be_taken(graph) -> None:
    uk, fr = (graph(CONFIGURED, {"area": area, "region": "??"}) for area in ("UK", "FR"))

    assert uk["sub.region"].dependencies == ("area",)
    assert value_of(uk, "sub", area="UK") == "20 UK"
    assert value_of(fr, "sub", area="FR") == "100 FR"


def test_missing_key_of_the_configuration_around_is_told(graph) -> None:
    with pytest.raises(InvalidModifier, match=r"'sub' needs configuration key 'area'.*Did you mean 'aria'\?"):
        graph(CONFIGURED, {"aria": 1})


def test_key_may_refer_to_another_one_of_the_sub_graph(graph) -> None:
    chained = CONFIGURED.replace('configuration("area")', 'configuration("a"), "a": value("UK")')

    assert value_of(graph(chained, {}), "sub") == "20 UK"


def test_sub_graph_that_sees_the_configuration_around_follows_it(graph) -> None:
    seen = '    @subdag(shop, inputs={"path": value("ab")})\n    def sub(spend: int) -> int: ...\n'

    assert graph(seen, {"region": "UK"})["sub.spend"].function.name == "spend__uk"
    assert graph(seen, {})["sub.spend"].function.name == "spend__other"


def test_variants_stay_side_by_side_under_the_conditions_of_the_graph_around(graph) -> None:
    seen = '    @subdag(shop, inputs={"path": value("ab")})\n    def sub(spend: int) -> int: ...\n'

    assert condition_of(graph(seen), "sub.spend") == ['region != "UK"', 'region = "UK"']
    assert condition_of(graph(UK), "uk.spend") == [""]
    assert condition_of(graph(CONFIGURED), "sub.spend") == ['area != "UK"', 'area = "UK"']
    assert graph(CONFIGURED)["sub.region"].dependencies == ("area",)


def test_conditions_are_renamed_through_every_level(graph) -> None:
    nested = f"""{CONFIGURED}
    @config.when(kind="a")
    @subdag(sub, config={{"area": configuration("country")}})
    def outer(sub: str) -> str:
        return sub
    """

    assert condition_of(graph(nested), "outer.sub.spend") == [
        'kind = "a" and country != "UK"',
        'kind = "a" and country = "UK"',
    ]
    assert (
        value_of(graph(nested, {"kind": "a", "country": "UK", "area": "FR"}), "outer", country="UK")
        == "20 UK"
    )


def test_part_of_a_configuration_decides_what_it_can(load) -> None:
    load(SHOP, "shop")
    sub = read_function(load(HEAD + CONFIGURED).sub)

    def spends(known):
        nodes = expand(sub, Configuration(known, is_open=True))
        return [str(node.condition) for node in nodes if node.name == "sub.spend"]

    assert spends({"area": "UK"}) == [""]
    assert spends({"region": "UK"}) == ['area != "UK"', 'area = "UK"']


def test_condition_in_a_graph_of_one_configuration_is_that_of_the_graph_around(graph) -> None:
    assert condition_of(graph(UK, {"region": "FR"}), "uk.spend") == [""]
    assert condition_of(graph(CONFIGURED, {"area": "UK"}), "sub.spend") == ['area = "UK"']


MANY = """
    @parameterized_subdag(
        shop,
        inputs={"path": value("ab"), "rate": value(2)},
        external_inputs=["extra"],
        uk={"config": {"region": "UK"}},
        fr={"inputs": {"path": source("file")}, "config": {"region": "FR"}},
        es={"config": {"region": "ES"}, "external_inputs": ["extra", "spend"]},
    )
    def report(spend: int, extra: int) -> int:
        return spend + extra
"""


def test_each_parameterization_is_a_sub_graph_of_its_name(graph) -> None:
    many = graph(MANY, {})

    assert [n.name for n in many if n.role is Role.FEATURE] == ["uk", "fr", "es"]
    assert value_of(many, "uk", extra=1) == 21
    assert value_of(many, "fr", extra=1, file="abc") == 61
    assert value_of(many, "es", extra=1, spend=9) == 10
    assert many["fr.path"].feature == "fr"


def test_no_parameterization_makes_no_nodes(graph) -> None:
    assert not list(graph("    @parameterized_subdag(shop)\n    def report(spend: int) -> int: ...\n", {}))


def test_declared_input_of_a_loaded_function_comes_from_the_graph_around(graph) -> None:
    declared = """
    @external_input(owner="crm")
    def email() -> str:
        "As typed."

    def domain(email: str) -> str:
        return email

    @subdag(email, domain)
    def sub(domain: str) -> str:
        return domain
    """
    sub = graph(declared, {})

    assert sub["sub.domain"].dependencies == ("email",)
    assert sub["email"].tags["owner"] == "crm"


def test_what_nodes_call_can_be_pickled(graph) -> None:
    calls = [node.call for node in graph(UK, {})]

    assert pickle.loads(pickle.dumps(calls)) == calls


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "@subdag is given no functions"),
        (("shop",), {}, "@subdag cannot load 'shop'. Give modules, or functions"),
        ((len,), {}, "cannot load <built-in function len>"),
        ((sum,), {"inputs": {"a": 3}}, "cannot load"),
    ],
)
def test_what_cannot_be_loaded_is_refused(args, kwargs, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        subdag(*args, **kwargs)


def any_function(x: int) -> int:
    return x


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"inputs": {"a": 3}}, r"input 'a' is 3\. Say where it comes from"),
        ({"inputs": {"a": group(source("b"))}}, "input 'a' is group"),
        ({"inputs": ["a"]}, "inputs must be a mapping"),
        ({"config": ["a"]}, "config must be a mapping"),
        ({"config": {"a": source("b")}}, "config key 'a' is .* cannot depend on the value of a node"),
        ({"inputs": {"a": value(1)}, "config": {"a": 1}}, "'a' is both an input and a configuration key"),
        ({"namespace": 3}, "namespace=3 is no name"),
        ({"final_node_name": ""}, "final_node_name='' is no name"),
        ({"external_inputs": [3]}, r"external_inputs=\[3\] must be a list"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(kwargs, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        subdag(any_function, **kwargs)


def test_key_must_be_a_text() -> None:
    with pytest.raises(InvalidModifier, match="takes a configuration key, not 3"):
        configuration(3)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("3", "'uk' must be a dictionary with any of 'inputs', 'config', 'external_inputs', not 3"),
        ('{"input": {}}', r"'uk' has the key 'input'; .* Did you mean 'inputs'\?"),
    ],
)
def test_parameterization_that_means_nothing_is_refused(graph, own, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        graph(f"    @parameterized_subdag(shop, uk={own})\n    def report(spend: int) -> int: ...\n", {})


def test_external_input_that_is_no_parameter_is_refused(graph) -> None:
    with pytest.raises(InvalidModifier, match=r"no parameter 'spent' .* Did you mean 'spend'\?"):
        graph(
            '    @subdag(shop, external_inputs=["spent"])\n    def uk(spend: int, orders: int) -> int: ...\n',
            {},
        )


@pytest.mark.parametrize("given", ['inputs={"orders": source("a")}', 'config={"orders": 3}'])
def test_what_the_sub_graph_makes_itself_cannot_be_given_to_it(graph, given) -> None:
    with pytest.raises(
        InvalidModifier, match=r"gives its sub-graph 'orders', which .*shop\.py:6: 'orders' makes"
    ):
        graph(f"    @subdag(shop, {given})\n    def uk(spend: int) -> int: ...\n", {})


def test_two_modifiers_that_say_what_a_function_computes_are_refused(graph) -> None:
    with pytest.raises(InvalidModifier, match="@subdag and @subdag, but only one modifier can say what"):
        graph("    @subdag(shop)\n    @subdag(shop)\n    def uk(spend: int) -> int: ...\n", {})
