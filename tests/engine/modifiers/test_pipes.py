"""Chains of steps: their nodes, their names, and when they are taken."""

import pickle

import pytest

from headwater.build import build
from headwater.errors import DefinitionError, InvalidModifier, MissingAnnotation, TypeMismatch
from headwater.function import functions_of, read_function
from headwater.modifiers import configuration, group, pipe_input, pipe_output, source, step
from headwater.modifiers.chains import MOST_WAYS
from headwater.modifiers.expansion import expand
from headwater.node import Role
from headwater.plan import make_plan
from headwater.types import Type

HEAD = """
    from headwater.modifiers import *

    def _plus(x: int) -> int:
        "One more."
        return x + 1

    def times(x: int, y: int, z: int = 10) -> int:
        return x * y * z

    def text(x: int) -> str:
        return str(x)

"""


@pytest.fixture
def graph(load):
    """Give a function that builds a graph of features that may use `_plus`, `times` and `text`."""

    def graph(source: str, config=None):
        functions = functions_of(load(HEAD + source))
        return build([f for f in functions if f.name not in ("times", "text")], config)

    return graph


def value_of(graph, name, **given):
    return make_plan(graph, [name], given).execute(given)[name]


def made(graph) -> dict[str, tuple[str, ...]]:
    return {node.name: node.dependencies for node in graph if node.role is not Role.INPUT}


def variants(graph, name) -> dict[str, tuple[str, ...]]:
    return {str(node.condition): node.dependencies for node in graph.variants(name)}


CHAIN = """
    @tag(owner="shop")
    @pipe_input(step(_plus), step(times, 2, z=value(1)), step(_plus), step(times, y=source("factor")))
    def spend(orders: int, rate: int) -> int:
        "Spend."
        return orders * rate
"""


def test_input_goes_through_a_node_for_each_step(graph) -> None:
    spend = graph(CHAIN, {})

    assert made(spend) == {
        "spend": ("spend.with_times_1", "rate"),
        "spend.with_plus": ("orders",),
        "spend.with_times": ("spend.with_plus",),
        "spend.with_plus_1": ("spend.with_times",),
        "spend.with_times_1": ("spend.with_plus_1", "factor", "z"),
    }
    assert value_of(spend, "spend", orders=1, factor=3, rate=2) == ((1 + 1) * 2 + 1) * 3 * 10 * 2
    assert value_of(spend, "spend", orders=1, factor=3, rate=2, z=1) == 5 * 3 * 2


def test_steps_are_parts_of_the_feature_with_the_doc_and_place_of_their_function(graph) -> None:
    plus = graph(CHAIN, {})["spend.with_plus"]

    assert (plus.role, plus.feature, plus.doc) == (Role.PART, "spend", "One more.")
    assert plus.function.name == "_plus"
    assert plus.tags == {"module": "features"}
    assert plus.type == Type("int")


def test_parameter_of_a_step_with_a_default_may_come_from_the_graph(graph) -> None:
    [optional] = [a for a in graph(CHAIN, {})["spend.with_times_1"].arguments if a.parameter == "z"]

    assert optional.is_optional
    assert optional.value == 10


@pytest.mark.parametrize(
    ("namespace", "named", "names"),
    [
        ("", "", ["spend.with_plus"]),
        ("", '.named("a")', ["spend.a"]),
        ("", '.named("a", namespace="own")', ["own.a"]),
        ("", '.named("a", namespace=None)', ["a"]),
        ("", '.namespaced("own")', ["own.with_plus"]),
        ("", '.namespaced("own").named("a")', ["own.a"]),
        ("", ".named(None)", ["spend.with_plus"]),
        (", namespace=None", '.named("a")', ["a"]),
        (", namespace=None", "", ["with_plus"]),
        (', namespace="all"', '.named("a")', ["all.a"]),
        (", namespace=...", '.named("a")', ["spend.a"]),
    ],
)
def test_name_of_a_step_can_be_chosen(graph, namespace, named, names) -> None:
    source = f"""
    @config.when(kind="a")
    @pipe_input(step(_plus){named}{namespace})
    def spend__a(orders: int) -> int: ...
    """

    assert [n.name for n in graph(source, {"kind": "a"}) if n.role is Role.PART] == names


def test_chosen_parameter_goes_through(graph) -> None:
    source = (
        '    @pipe_input(step(_plus), on_input="rate")\n    def spend(orders: int, rate: int) -> int: ...\n'
    )

    assert made(graph(source, {})) == {"spend": ("orders", "spend.with_plus"), "spend.with_plus": ("rate",)}


def test_chains_are_applied_from_the_outermost_to_the_innermost(graph) -> None:
    source = """
    @pipe_input(step(_plus))
    @pipe_input(step(times, 2))
    def spend(orders: int) -> int:
        return orders
    """

    assert value_of(graph(source, {}), "spend", orders=1) == 40


def test_earlier_name_still_works(graph) -> None:
    with pytest.warns(DeprecationWarning, match="@pipe is a name of old. Use @pipe_input"):
        spend = graph(
            "    @pipe(step(_plus))\n    def spend(orders: int) -> int:\n        return orders\n", {}
        )

    assert value_of(spend, "spend", orders=1) == 2


def test_steps_that_do_not_fit_together_are_a_mismatch(graph) -> None:
    source = "    @pipe_input(step(text), step(_plus))\n    def spend(orders: int) -> int: ...\n"

    with pytest.raises(
        TypeMismatch, match=r"'spend\.with_plus' needs x: int, but .*'spend\.with_text' returns str"
    ):
        graph(source, {})


OUT = """
    @tag(owner="shop")
    @pipe_output(step(_plus), step(text).when(kind="text"))
    def spend(orders: int) -> int:
        "Spend."
        return orders
"""


def test_output_goes_through_a_node_for_each_step(graph) -> None:
    plain, as_text = graph(OUT, {}), graph(OUT, {"kind": "text"})

    assert made(plain) == {
        "spend.raw": ("orders",),
        "spend.with_plus": ("spend.raw",),
        "spend": ("spend.with_plus",),
    }
    assert made(as_text)["spend"] == ("spend.with_text",)
    assert value_of(plain, "spend", orders=1) == 2
    assert value_of(as_text, "spend", orders=1) == "2"


def test_node_at_the_end_has_the_type_of_the_last_step_and_else_what_the_function_says(graph) -> None:
    spend = graph(OUT, {"kind": "text"})

    assert spend["spend"].type == Type("str")
    assert (spend["spend"].doc, spend["spend"].tags) == ("Spend.", {"module": "features", "owner": "shop"})
    assert spend["spend"].role is Role.FEATURE
    assert (spend["spend.raw"].type, spend["spend.raw"].role) == (Type("int"), Role.PART)
    assert "owner" not in spend["spend.raw"].tags


def test_chain_without_a_step_that_is_taken_leaves_the_node_as_it_is(graph) -> None:
    source = '    @pipe_output(step(_plus).when(kind="a"))\n    def spend(orders: int) -> int: ...\n'

    assert made(graph(source, {})) == {"spend": ("orders",)}


FIELDS = """
    @pipe_output({steps})
    @extract_fields({{"a": int, "b": int}})
    def pair(x: int) -> dict[str, int]:
        return {{"a": x, "b": -x}}
"""


@pytest.mark.parametrize(
    ("steps", "parts"),
    [
        ("step(_plus)", ["a.raw", "a.with_plus", "b.raw", "b.with_plus"]),
        ('step(_plus), on_output="a"', ["a.raw", "a.with_plus"]),
        ('step(_plus), on_output=["b"]', ["b.raw", "b.with_plus"]),
        (
            'step(_plus), step(times, 2).on_output("b")',
            ["a.raw", "a.with_plus", "b.raw", "b.with_plus", "b.with_times"],
        ),
        ('step(times, 2).on_output(["a"]), namespace="ns", on_output=None', ["a.raw", "ns.with_times"]),
        ("step(_plus).on_output(None).on_output(...), on_output='a'", ["a.raw", "a.with_plus"]),
    ],
)
def test_outputs_can_be_chosen(graph, steps, parts) -> None:
    pair = graph(FIELDS.format(steps=steps), {})

    assert sorted(n.name for n in pair if n.role is Role.PART) == parts


@pytest.mark.parametrize(
    ("config", "value"),
    [({}, 2), ({"a": 1}, 3), ({"b": 1}, 11), ({"a": 1, "b": 2}, 21), ({"c": 3}, 1), ({"d": 4}, 3)],
)
def test_steps_are_taken_as_the_configuration_says(graph, config, value) -> None:
    source = """
    @pipe_input(
        step(times, 2, 1).when(a=1), step(times, 10, 1).when_in(b=[1, 2]), step(_plus).when_not(c=3),
        step(_plus).when_not_in(d=[None]),
    )
    def spend(orders: int) -> int:
        return orders
    """

    assert value_of(graph(source, config), "spend", orders=1, **config) == value


SIDE = """
    @pipe_input(step(_plus).when(a=1), step(times, 2), step(text).when(b=1))
    def spend(orders: int | str) -> str: ...
"""


def test_all_ways_through_a_chain_stand_side_by_side(graph) -> None:
    spend = graph(SIDE)

    assert variants(spend, "spend.with_plus") == {"a = 1": ("orders",)}
    assert variants(spend, "spend.with_times") == {
        "a = 1": ("spend.with_plus", "z"),
        "a != 1": ("orders", "z"),
    }
    assert variants(spend, "spend.with_text") == {"b = 1": ("spend.with_times",)}
    assert variants(spend, "spend") == {"b = 1": ("spend.with_text",), "b != 1": ("spend.with_times",)}


def test_each_way_is_the_graph_of_a_configuration_that_takes_it(graph) -> None:
    every = graph(SIDE)

    for config in ({}, {"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {"a": 2, "b": 2}):
        chosen = {node.name: node.dependencies for node in every if node.condition.holds(config)}

        assert {name: chosen[name] for name in made(graph(SIDE, config))} == made(graph(SIDE, config))


def test_names_that_depend_on_earlier_steps_are_told_apart(graph) -> None:
    source = """
    @config.when(k=1)
    @pipe_output(step(_plus).when(a=1), step(_plus), step(times, 2), step(_plus).when(a=2).named("last"))
    def spend(orders: int) -> int: ...
    """
    spend = graph(source)

    assert variants(spend, "spend.with_plus") == {
        "k = 1 and a = 1": ("spend.raw",),
        "k = 1 and a != 1": ("spend.raw",),
    }
    assert variants(spend, "spend.with_plus_1") == {"k = 1 and a = 1": ("spend.with_plus",)}
    assert variants(spend, "spend.with_times") == {
        "k = 1 and a = 1": ("spend.with_plus_1", "z"),
        "k = 1 and a != 1": ("spend.with_plus", "z"),
    }
    assert variants(spend, "spend") == {
        "k = 1 and a = 2": ("spend.last",),
        "k = 1 and a != 2": ("spend.with_times",),
    }
    assert variants(spend, "spend.raw") == {"k = 1": ("orders",)}


def test_output_is_raw_only_where_a_step_is_taken(graph) -> None:
    source = "    @pipe_output(step(_plus).when(a=1, b=1), step(times, 2).when(c=1))\n    def spend(orders: int) -> int: ...\n"
    spend = graph(source)

    assert variants(spend, "spend.raw") == {
        "a = 1 and b = 1": ("orders",),
        "a != 1 and c = 1": ("orders",),
        "a = 1 and b != 1 and c = 1": ("orders",),
    }
    assert variants(spend, "spend")["a != 1 and c != 1"] == ("orders",)
    for config in ({}, {"a": 1, "b": 1}, {"c": 1}, {"a": 1, "c": 1}):
        chosen = [node.name for node in spend if node.role is not Role.INPUT and node.condition.holds(config)]

        assert sorted(chosen) == sorted(made(graph(source, config)))


def test_ways_that_no_configuration_can_take_are_left_out(graph) -> None:
    source = """
    @config.when(a=1)
    @pipe_input(step(_plus).when(a=1), step(times, 2).when(a=2), step(text).when(b=1).when(b=2))
    def spend(orders: int) -> str: ...
    """

    assert {node.name: str(node.condition) for node in graph(source) if node.role is not Role.INPUT} == {
        "spend": "a = 1",
        "spend.with_plus": "a = 1",
    }


def test_more_ways_than_can_be_told_apart_are_shown_as_one(graph) -> None:
    steps = ", ".join(f"step(_plus).when(k{index}=1)" for index in range(MOST_WAYS))
    source = f"    @pipe_input({steps})\n    def spend(orders: int) -> int: ...\n"

    every = [node for node in graph(source) if node.role is not Role.INPUT]

    assert len(every) == MOST_WAYS + 1
    assert all("more than 64 ways" in node.partial[0] for node in every if node.role is Role.PART)
    assert str(every[-1].condition) == f"k{MOST_WAYS - 1} = 1"
    assert len(made(graph(source, {"k3": 1, "k4": 1}))) == 3


def test_what_nodes_call_can_be_pickled(graph) -> None:
    for features in (CHAIN, OUT):
        calls = [node.call for node in graph(features, {})]

        assert pickle.loads(pickle.dumps(calls)) == calls


def add(x: int, y: int, *, z: int = 0) -> int:
    return x + y + z


def nothing() -> int: ...


def untyped(x) -> int: ...


def without_result(x: int): ...


def variadic(x: int, *y: int) -> int: ...


def positional(x: int, /) -> int: ...


def by_keyword(*, x: int) -> int: ...


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((add,), {}, "parameter 'y' is not given"),
        ((add, 1, 2), {}, "takes 1 further arguments by position, and is given 2"),
        ((add, 1), {"y": 2}, "parameter 'y' is given twice"),
        ((add, 1), {"x": 2}, "parameter 'x' takes what goes through"),
        ((add, 1), {"zz": 2}, r"no parameter 'zz'\. Did you mean 'z'\? It takes: x, y, z"),
        ((add, group(source("a"))), {}, r"parameter 'y' cannot take a group\(\)"),
        ((add, configuration("a")), {}, r"parameter 'y' cannot take a configuration\(\)"),
        ((nothing,), {}, "has no parameter that takes what goes through"),
        ((by_keyword,), {}, "has no parameter that takes what goes through"),
        ((variadic,), {}, "variadic positional parameter 'y', so it can be no step"),
        ((positional,), {}, "positional only parameter 'x', so it can be no step"),
        (("add",), {}, r"step\(\) takes a function, not 'add'"),
        ((3,), {}, r"step\(\) takes a function, not 3"),
    ],
)
def test_step_that_cannot_be_called_is_refused_where_it_is_written(args, kwargs, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        step(*args, **kwargs)


@pytest.mark.parametrize(
    ("fn", "message"),
    [(untyped, "needs a type for parameter 'x'"), (without_result, "needs a type for what it returns")],
)
def test_step_without_types_is_refused(fn, message) -> None:
    with pytest.raises(MissingAnnotation, match=message):
        step(fn)


def test_step_that_is_no_function_of_ones_own_is_refused() -> None:
    with pytest.raises(DefinitionError, match="is no function"):
        step(len)


@pytest.mark.parametrize("modifier", [pipe_input, pipe_output])
@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((add,), {}, "takes steps, not <function add"),
        ((), {"collapse": True}, "does not take collapse=True"),
        ((), {"_chain": True}, "does not take _chain=True"),
        ((step(add, 1).namespaced("a"),), {"namespace": "b"}, "both the chain and its step 'add' say"),
    ],
)
def test_chain_that_means_nothing_is_refused(modifier, args, kwargs, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        modifier(*args, **kwargs)


def test_choices_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InvalidModifier, match=r"on_input=\['x'\] is no parameter"):
        pipe_input(step(add, 1), on_input=["x"])
    with pytest.raises(InvalidModifier, match=r"on_output=\.\.\. cannot be used"):
        pipe_output(step(add, 1), on_output=...)
    with pytest.raises(InvalidModifier, match="both the chain and one of its steps say which outputs"):
        pipe_output(step(add, 1).on_output("a"), on_output="a")
    with pytest.raises(InvalidModifier, match="takes the name of a node, not 3"):
        step(add, 1).named(3)
    with pytest.raises(InvalidModifier, match="must be compared with a list of values"):
        step(add, 1).when_in(a=3)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            '@pipe_input(step(_plus), on_input="order")\n    def spend(orders: int) -> int: ...',
            "Did you mean 'orders'",
        ),
        (
            "@pipe_input(step(_plus))\n    def spend() -> int: ...",
            "has no parameter for @pipe_input to work on",
        ),
        (
            "@pipe_input(step(_plus))\n    @subdag(times)\n    def spend(times: int) -> int: ...",
            "another modifier already says where it comes from",
        ),
        (FIELDS.format(steps='step(_plus).on_output("c")').strip(), "has no output 'c' for a step"),
        (FIELDS.format(steps='step(_plus), on_output="c"').strip(), "makes no node 'c'"),
    ],
)
def test_what_the_function_does_not_have_is_refused(graph, source, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        graph(f"    {source}\n", {})


def test_asynchronous_function_is_piped_like_any_other(load) -> None:
    module = load(HEAD + "    @pipe_output(step(_plus))\n    async def spend(orders: int) -> int: ...\n")

    assert [node.name for node in expand(read_function(module.spend))] == [
        "spend.raw",
        "spend.with_plus",
        "spend",
    ]
