"""Functions that work on the output of other functions of their module."""

import textwrap

import pytest

from headwater.build import build
from headwater.errors import BuildFailed, InvalidModifier
from headwater.function import functions_of, read_function
from headwater.modifiers import apply_to, mutate, pipe_output, step
from headwater.modifiers.expansion import expand
from headwater.modifiers.members import feature_function, feature_functions
from headwater.modifiers.mutations import with_mutations
from headwater.node import Role
from headwater.plan import make_plan

HEAD = """
    from headwater.modifiers import *

"""

BASE = f"""{HEAD}
    def a(x: int) -> int:
        "The a."
        return x

    @extract_fields({{"c": int, "d": int}})
    def pair(x: int) -> dict[str, int]:
        return {{"c": x, "d": x}}

    @config.when(size="large")
    def e__large(x: int) -> int:
        return x

"""


def value_of(module, name, config=None, **given):
    config = config or {}
    given |= config
    return make_plan(build(feature_functions(module), config), [name], given).execute(given)[name]


def made(module, config=None) -> set[str]:
    graph = build(feature_functions(module), config or {})
    return {node.name for node in graph if node.role is not Role.INPUT}


def test_output_of_each_target_goes_through_the_function(load) -> None:
    module = load(f"""{BASE}
    @mutate(a, e__large)
    def _double(x: int) -> int:
        return 2 * x
    """)

    assert made(module) == {"a.raw", "a.with_double", "a", "pair", "c", "d"}
    assert {"e.raw", "e.with_double", "e"} <= made(module, {"size": "large"})
    assert value_of(module, "a", x=3) == 6
    assert value_of(module, "e", {"size": "large"}, x=4) == 8


def test_functions_work_in_the_order_of_their_definition(load) -> None:
    module = load(f"""{BASE}
    @mutate(a)
    def zz(x: int) -> int:
        return x + 1

    @mutate(a)
    def _double(x: int) -> int:
        return 2 * x
    """)

    assert made(module) >= {"a.raw", "a.with_zz", "a.with_double", "a"}
    assert "zz" not in made(module)
    assert value_of(module, "a", x=3) == 8


def test_arguments_are_shared_unless_a_target_has_its_own(load) -> None:
    module = load(f"""{BASE}
    def b(x: int) -> int:
        return x

    @mutate(a, apply_to(b, by=source("rate")), by=value(10))
    def _times(x: int, by: int) -> int:
        return x * by
    """)

    assert value_of(module, "a", x=3) == 30
    assert value_of(module, "b", x=3, rate=2) == 6


def test_target_may_choose_outputs_a_condition_and_a_name(load) -> None:
    module = load(f"""{BASE}
    @mutate(apply_to(pair).on_output("c").named("twice").when(size="large"))
    def _double(x: int) -> int:
        return 2 * x
    """)

    assert made(module) == {"a", "pair", "c", "d"}
    assert made(module, {"size": "large"}) == {"a", "pair", "c", "d", "e", "c.raw", "c.twice"}
    assert value_of(module, "c", {"size": "large"}, x=3) == 6


def test_function_joins_the_chain_that_its_target_has(load) -> None:
    module = load(f"""{HEAD}
    def _plus(x: int) -> int:
        return x + 1

    @pipe_output(step(_plus))
    def a(x: int) -> int:
        return x

    @mutate(a)
    def _double(x: int) -> int:
        return 2 * x
    """)

    assert made(module) == {"a.raw", "a.with_plus", "a.with_double", "a"}
    assert value_of(module, "a", x=3) == 8


def test_function_joins_the_chain_of_the_output_that_it_chooses(load) -> None:
    module = load(f"""{HEAD}
    def _plus(x: int) -> int:
        return x + 1

    @pipe_output(step(_plus), on_output="c")
    @pipe_output(step(_plus), on_output="d")
    @extract_fields({{"c": int, "d": int, "e": int}})
    def parts(x: int) -> dict[str, int]:
        return {{"c": x, "d": x, "e": x}}

    @mutate(apply_to(parts).on_output("c"), apply_to(parts).on_output(["e"]))
    def _double(x: int) -> int:
        return 2 * x
    """)

    assert {name for name in made(module) if "double" in name} == {"c.with_double", "e.with_double"}


def test_several_mutations_of_one_function_all_count(load) -> None:
    module = load(
        f"""{BASE}
    @mutate(pair, by=3)
    @mutate(a, by=2)
    def _times(x: int, by: int) -> int:
        return x * by
    """.replace("mutate(pair,", 'mutate(apply_to(pair).on_output(["c"]),')
    )

    assert value_of(module, "a", x=1) == 2
    assert value_of(module, "c", x=1) == 3


def test_decorating_notes_the_modifier_and_changes_nothing(load) -> None:
    module = load(f"{BASE}    @mutate(a)\n    def _double(x: int) -> int:\n        return 2 * x\n")

    assert module._double(3) == 6
    assert read_function(module.a).modifiers == ()
    assert expand(read_function(module._double)) == []


def test_running_a_definition_again_does_not_double_it(load) -> None:
    source = f"{BASE}    @mutate(a)\n    def _double(x: int) -> int:\n        return 2 * x\n"
    module = load(source)
    again = load(source)
    module.__dict__["_double"] = again._double

    assert value_of(module, "a", x=3) == 6


TWICE = f"""{BASE}
    @mutate(a)
    def bigger(x: int) -> int:
        return x + 1

    @mutate(a)
    def double(x: int) -> int:
        return 2 * x

    @mutate(a)
    def bigger(x: int) -> int:
        return x + 10
"""


def test_definitions_of_one_name_all_work(load) -> None:
    module = load(TWICE)

    assert value_of(module, "a", x=3) == 18
    assert made(module) >= {"a.raw", "a.with_bigger", "a.with_double", "a.with_bigger_1"}


def test_definitions_of_one_name_may_work_on_several_targets(load) -> None:
    module = load(TWICE.replace("@mutate(a)", "@mutate(a)\n    @mutate(apply_to(pair).on_output('c'))"))

    assert value_of(module, "a", x=3) == 18
    assert value_of(module, "c", x=4) == 20


def test_file_that_runs_again_does_not_double_its_definitions(load) -> None:
    module = load(TWICE)
    source = textwrap.dedent(TWICE)

    exec(compile(source, module.__file__, "exec"), module.__dict__)
    assert value_of(module, "a", x=3) == 18

    # Lines were put in at the top, so that no definition is where it was.
    exec(compile("\n" * 40 + source, module.__file__, "exec"), module.__dict__)
    assert value_of(module, "a", x=3) == 18


def test_fault_in_an_earlier_definition_of_one_name_is_told(load) -> None:
    faulty = TWICE.replace("@mutate(a)", '@mutate(apply_to(a).on_output("z"))', 1)

    with pytest.raises(InvalidModifier, match="'z'"):
        build(feature_functions(load(faulty)))


def test_applying_mutations_again_changes_nothing_more(load) -> None:
    module = load(f"{BASE}    @mutate(a)\n    def _double(x: int) -> int:\n        return 2 * x\n")
    functions = feature_functions(module)

    assert with_mutations(functions) == functions
    assert [f.name for f in functions] == ["a", "e__large", "pair"]
    assert with_mutations(list(functions_of(module))) == list(functions_of(module))


def test_single_function_is_read_with_what_its_module_does_to_it(load) -> None:
    module = load(f"{BASE}    @mutate(a, pair)\n    def _double(x: int) -> int:\n        return 2 * x\n")

    assert [type(modifier) for modifier in feature_function(module.a).modifiers] == [pipe_output]
    assert feature_function(module.e__large).modifiers == read_function(module.e__large).modifiers


def test_private_target_is_no_fault(load) -> None:
    module = load(f"""{HEAD}
    def _a(x: int) -> int:
        return x

    @mutate(_a)
    def _double(x: int) -> int:
        return 2 * x

    @subdag(_a)
    def sub(_a: int) -> int:
        return _a
    """)

    assert value_of(module, "sub", x=2) == 4


def test_target_that_is_gone_is_told_with_all_other_faults(load) -> None:
    module = load(f"""{BASE}
    def lost(x: int) -> int: ...

    @mutate(lost)
    def _double(x: int) -> int: ...

    del lost

    def untyped(x) -> int: ...
    """)

    with pytest.raises(BuildFailed) as failed:
        build(feature_functions(module), {})
    assert "'_double' is to work on the output of 'lost', which is no feature function of features" in str(
        failed.value
    )
    assert "needs a type for parameter 'x'" in str(failed.value)


def test_wrong_use_is_told_where_it_is_written(load) -> None:
    def double(x: int) -> int:
        return 2 * x

    def total(x: int, y: int) -> int:
        return x + y

    other = load(f"{HEAD}    def a(x: int) -> int: ...\n", "other")
    with pytest.raises(
        InvalidModifier, match=r"test_mutations and cannot work on the output of 'a' in other"
    ):
        mutate(other.a)(double)
    with pytest.raises(InvalidModifier, match="parameter 'y' is not given"):
        mutate(double)(total)
    with pytest.raises(InvalidModifier, match="not the step of 'double'"):
        mutate(step(double))


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (("a",), {}, "works on the output of functions, not on 'a'"),
        ((), {"collapse": True}, "@mutate does not take collapse=True"),
        ((), {"_chain": True}, "@mutate does not take _chain=True"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(args, kwargs, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        mutate(*args, **kwargs)
    with pytest.raises(InvalidModifier, match="works on the output of functions"):
        apply_to("a")
