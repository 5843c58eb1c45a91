"""The driver: executing, asking, and what it says when it cannot."""

import gc
import pickle
import sys
import threading
import weakref

import numpy as np
import pandas as pd
import pytest

from headwater import Driver
from headwater.checks import Importance
from headwater.errors import CheckFailed, InvalidInput, MissingInput, UnknownNode
from headwater.lifecycle import GraphExecutionHook
from headwater.results import DictResult, SimplePythonGraphAdapter


class Told(GraphExecutionHook):
    """Keeps how executions end."""

    def __init__(self) -> None:
        self.ends: list[tuple[bool, type]] = []

    def run_before_graph_execution(self, **facts: object) -> None:
        pass

    def run_after_graph_execution(
        self, *, success: bool, error: BaseException | None, **facts: object
    ) -> None:
        self.ends.append((success, type(error)))


SPEND = """
    from headwater import tag

    @tag(owner="growth", team=["a", "b"])
    def spend(orders: int, rate: int = 2) -> int:
        '''Money spent.'''
        return orders * rate

    @tag(owner="finance")
    def margin(spend: int, cost: int) -> int:
        return spend - cost

    def report(margin: int) -> str:
        return f"margin {margin}"

    def failing(spend: int) -> int:
        return spend // 0
"""


@pytest.fixture
def module(load):
    return load(SPEND)


@pytest.fixture
def driver(module) -> Driver:
    return Driver({"cost": 1}, module, adapter=SimplePythonGraphAdapter(DictResult()))


def test_outputs_come_in_the_order_of_the_request(driver) -> None:
    result = driver.execute(["report", "orders", "spend", "report"], inputs={"orders": 3})

    assert list(result.items()) == [("report", "margin 5"), ("orders", 3), ("spend", 6)]


def test_outputs_may_be_functions_and_variables(driver, module) -> None:
    [variable] = [v for v in driver.list_available_variables() if v.name == "spend"]

    assert driver.execute([module.margin, variable], inputs={"orders": 3}) == {"margin": 5, "spend": 6}


def test_default_is_taken_unless_the_value_is_there(driver) -> None:
    assert driver.execute(["spend"], inputs={"orders": 3}) == {"spend": 6}
    assert driver.execute(["spend"], inputs={"orders": 3, "rate": 10}) == {"spend": 30}


def test_override_cuts_off_what_only_it_needs(driver) -> None:
    assert driver.execute(["report"], overrides={"spend": 100}) == {"report": "margin 99"}
    assert driver.execute(["spend"], overrides={"spend": "anything"}) == {"spend": "anything"}
    assert driver.execute(["margin"], overrides={"cost": 2}, inputs={"orders": 1}) == {"margin": 0}


def test_without_an_adapter_the_result_is_a_table(module) -> None:
    table = Driver({"cost": 1}, module).execute(["spend", "margin"], inputs={"orders": 3})

    pd.testing.assert_frame_equal(table, pd.DataFrame({"spend": [6], "margin": [5]}))


def message(driver: Driver, module, error: type[Exception], *args, **kwargs) -> str:
    with pytest.raises(error) as told:
        driver.execute(*args, **kwargs)
    assert type(told.value) is error
    with pytest.raises(error) as told_before:
        driver.validate_execution(*args, **kwargs)
    assert str(told_before.value) == str(told.value)
    return str(told.value).replace(module.__file__, "features.py")


def test_missing_input_tells_who_needs_it(driver, module) -> None:
    assert message(driver, module, MissingInput, ["report"], inputs={"rate": 1}) == (
        "An input is missing:\n"
        "- 'orders' (int), needed by features.py:4: 'spend'.\n"
        "Give them in inputs={...} or in the configuration."
    )


def test_missing_input_that_only_the_request_needs_is_told_so(load) -> None:
    driver = Driver({}, load("def first(x: int = 1) -> int:\n    return x\n"), adapter=DictResult())

    with pytest.raises(MissingInput, match=r"- 'x' \(int\), asked for itself\."):
        driver.execute(["first", "x"])


def test_unknown_output_and_override_find_the_nearest(driver, module) -> None:
    assert message(driver, module, UnknownNode, ["margn"]) == (
        "No node 'margn' in this graph. Did you mean 'margin'?"
    )
    assert message(driver, module, UnknownNode, ["report"], overrides={"spent": 1}) == (
        "No node 'spent' in this graph to override. Did you mean 'spend'?"
    )


def test_unknown_input_lists_the_known_ones(driver, module) -> None:
    assert message(driver, module, InvalidInput, ["spend"], inputs={"order": 1}) == (
        "No feature needs an input 'order'. Did you mean 'orders'? "
        "The inputs of this graph are: cost, orders, rate."
    )


def test_input_that_only_the_request_names_is_handed_back(driver) -> None:
    inputs = {"orders": 1, "week": "2026-11"}

    assert driver.execute(["week", "spend"], inputs=inputs) == {"week": "2026-11", "spend": 2}
    assert driver.run(["week"], inputs=inputs).values == {"week": "2026-11"}
    assert driver.materialize(additional_vars=["week"], inputs=inputs)[1] == {"week": "2026-11"}
    assert '"week"' in driver.export_execution(["week"], inputs=inputs)
    assert "week" in driver.visualize_execution(["week"], inputs=inputs).mermaid


def test_driver_can_be_pickled(driver) -> None:
    there = pickle.loads(pickle.dumps(driver))

    assert there.graph_modules == driver.graph_modules
    assert there.execute(["spend"], inputs={"orders": 3}) == driver.execute(["spend"], inputs={"orders": 3})


def test_input_named_like_a_node_is_refused(driver, module) -> None:
    assert message(driver, module, InvalidInput, ["margin"], inputs={"spend": 1}) == (
        "'spend' is given as an input, but features.py:4: 'spend' computes it. "
        "Pass it in overrides={...} to use your value instead."
    )


def test_input_that_is_configured_is_refused(driver, module) -> None:
    assert message(driver, module, InvalidInput, ["margin"], inputs={"cost": 1, "orders": 1}) == (
        "'cost' is given twice: in the configuration and in inputs. Give it once."
    )


def test_input_of_another_type_is_refused(driver, module) -> None:
    assert message(driver, module, InvalidInput, ["spend"], inputs={"orders": "three"}) == (
        "Input 'orders' must be int, as features.py:4: 'spend' asks for it, but is str."
    )


@pytest.mark.parametrize(("value", "index"), [(["a", 2], 0), ([1, 2, "c"], 2)])
def test_every_element_of_an_input_is_judged(load, value, index) -> None:
    module = load("def total(parts: list[int]) -> int:\n    return sum(parts)\n")

    assert message(Driver({}, module), module, InvalidInput, ["total"], inputs={"parts": value}) == (
        "Input 'parts' must be list[int], as features.py:1: 'total' asks for it, but is "
        f"list ({len(value)} items), where item {index} is str."
    )


def test_configuration_of_another_type_is_refused_where_it_is_used(module) -> None:
    driver = Driver({"cost": "much"}, module)

    assert message(driver, module, InvalidInput, ["margin"], inputs={"orders": 1}) == (
        "Configuration key 'cost' must be int, as features.py:9: 'margin' asks for it, but is str."
    )
    driver.validate_execution(["spend"], inputs={"orders": 1})


def test_exception_of_a_function_keeps_its_type_and_gains_a_note(driver, module) -> None:
    with pytest.raises(ZeroDivisionError) as told:
        driver.execute(["failing"], inputs={"orders": 3})

    assert [note.replace(module.__file__, "features.py") for note in told.value.__notes__] == [
        "features.py:15: 'failing' failed with ZeroDivisionError: integer division or modulo by zero\n"
        "It received spend: int."
    ]


CHECKED = """
    from headwater import check_output

    @check_output(range=(0, 1), allow_none=False, importance="{importance}")
    def share(x: float) -> float:
        return x
"""


def test_failed_check_ends_the_execution(load) -> None:
    driver = Driver({}, load(CHECKED.format(importance="fail")))

    with pytest.raises(CheckFailed) as told:
        driver.execute(["share"], inputs={"x": 2.0})
    assert str(told.value) == (
        "'share' did not pass its checks. range: 1 of 1 values do not fit; wanted: between 0 and 1."
    )
    assert [result.diagnostics["offending"] for result in told.value.results] == [1]


def test_warned_check_is_logged_and_the_value_passed_on(load, caplog) -> None:
    driver = Driver({}, load(CHECKED.format(importance="warn")), adapter=DictResult())

    assert driver.execute(["share"], inputs={"x": 2.0}) == {"share": 2.0}
    assert "'share' did not pass a check. range: 1 of 1" in caplog.text


def test_run_keeps_the_record(load) -> None:
    driver = Driver({}, load(CHECKED.format(importance="warn")))
    told = []

    run = driver.run(["share"], inputs={"x": 2.0}, on_node=told.append)

    assert (run.values, run.error) == ({"share": 2.0}, None)
    assert [node.name for node in run.nodes] == [
        "share_raw",
        "share_range_validator",
        "share_allow_none_validator",
        "share",
    ]
    assert told == run.nodes
    assert [(check.node, check.validator, check.importance, check.passed) for check in run.checks] == [
        ("share", "range", Importance.WARN, False),
        ("share", "allow_none", Importance.WARN, True),
    ]


def test_failed_run_keeps_what_it_recorded(driver, load) -> None:
    run = driver.run(["failing", "margin"], inputs={"orders": 3})

    assert isinstance(run.error.__cause__, ZeroDivisionError)
    assert [node.name for node in run.nodes] == ["spend"]
    assert run.values == {}

    run = Driver({}, load(CHECKED.format(importance="fail"), "checked")).run(["share"], inputs={"x": 2.0})
    assert isinstance(run.error, CheckFailed)
    assert [check.passed for check in run.checks] == [False, True]


def test_variables_are_filtered_by_tags(driver) -> None:
    def names(**tags) -> list[str]:
        return [variable.name for variable in driver.list_available_variables(tag_filter=tags)]

    assert names(owner="growth") == ["spend"]
    assert names(owner=["growth", "finance"]) == ["margin", "spend"]
    assert names(owner=None) == ["margin", "spend"]
    assert names(owner="growth", team="b") == ["spend"]
    assert names(owner="growth", team="c") == []
    assert len(names()) == 7


@pytest.mark.parametrize("wanted", [3, True, []])
def test_tag_filter_that_nothing_could_match_is_refused(driver, wanted: object) -> None:
    with pytest.raises(InvalidInput, match=r"the tag 'owner' cannot be asked for .* Give a text"):
        driver.list_available_variables(tag_filter={"owner": wanted})


def test_variable_describes_its_node(driver) -> None:
    variables = {variable.name: variable for variable in driver.list_available_variables()}

    spend = variables["spend"]
    assert (spend.type, spend.documentation, spend.is_external_input) == (int, "Money spent.", False)
    assert spend.tags == {"module": "features", "owner": "growth", "team": ["a", "b"]}
    assert [function.__name__ for function in spend.originating_functions] == ["spend"]
    assert variables["orders"].is_external_input
    asked = variables["orders"].originating_functions
    assert [function.__name__ for function in asked] == ["spend"]  # the first that asks for it


def test_lineage_comes_in_the_order_of_computation(driver) -> None:
    def names(variables) -> list[str]:
        return [variable.name for variable in variables]

    upstream = names(driver.what_is_upstream_of("margin"))
    assert set(upstream) == {"orders", "rate", "cost", "spend", "margin"}
    assert upstream.index("orders") < upstream.index("spend") < upstream.index("margin")
    assert set(names(driver.what_is_downstream_of("spend"))) == {"spend", "margin", "report", "failing"}
    assert names(driver.what_is_the_path_between("orders", "report")) == [
        "orders",
        "spend",
        "margin",
        "report",
    ]
    assert driver.what_is_the_path_between("report", "orders") == []
    with pytest.raises(UnknownNode):
        driver.what_is_upstream_of("nothing")


def test_driver_holds_no_inputs_once_it_is_done(load) -> None:
    class Table:
        """A value that can be watched."""

    driver = Driver({}, load("def first(table: object) -> int:\n    return 1\n"), adapter=DictResult())
    tables = [Table() for _ in range(5)]
    watched = [weakref.ref(table) for table in tables]
    while tables:
        driver.execute(["first"], inputs={"table": tables.pop()})

    gc.collect()
    assert [reference() for reference in watched] == [None] * 5


def test_exception_that_is_raised_again_has_one_note(load) -> None:
    module = load("WRONG = ValueError()\n\ndef first() -> int:\n    raise WRONG\n")
    driver = Driver({}, module, adapter=DictResult())
    for _ in range(5):
        with pytest.raises(ValueError):
            driver.execute(["first"])

    assert len(module.WRONG.__notes__) == 1


@pytest.mark.parametrize("hooks", [(), (Told,)], ids=["plain", "watched"])
def test_failure_lets_values_go_without_the_garbage_collector(load, hooks) -> None:
    module = load("""
        import weakref

        held = []

        class Value:
            pass

        def first() -> object:
            value = Value()
            held.append(weakref.ref(value))
            return value

        def second(first: object) -> int:
            raise ValueError
    """)
    driver = Driver({}, module, adapter=[DictResult(), *(hook() for hook in hooks)])
    gc.disable()
    try:
        for _ in range(5):
            with pytest.raises(ValueError):
                driver.execute(["second"])
            assert module.held.pop()() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("hooks", [(), (Told,)], ids=["plain", "watched"])
def test_what_is_asked_for_may_be_any_collection_but_a_text(load, hooks) -> None:
    module = load("def first() -> int:\n    return 1\n\ndef second() -> int:\n    return 2\n")
    driver = Driver({}, module, adapter=[DictResult(), *(hook() for hook in hooks)])
    names = ["first", "second"]

    for _ in range(2):
        for wanted in (names, tuple(names), dict.fromkeys(names), np.array(names), pd.Index(names)):
            assert driver.execute(wanted) == {"first": 1, "second": 2}
        assert driver.execute(iter(names)) == {"first": 1, "second": 2}
        assert driver.run(iter(names)).values == {"first": 1, "second": 2}
        with pytest.raises(InvalidInput, match=r"Write \['first'\], not 'first'"):
            driver.execute("first")
    assert '"second"' in driver.export_execution(iter(names))


def test_method_that_stands_on_a_result_builder_itself_is_called(load) -> None:
    builder = DictResult()
    builder.do_build_result = lambda *, outputs: sorted(outputs)
    driver = Driver({}, load("def first() -> int:\n    return 1\n"), adapter=builder)

    assert driver.execute(["first"]) == ["first"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_hooks_are_told_that_a_stop_from_outside_is_no_success(load, error) -> None:
    told = Told()
    driver = Driver({}, load(f"def first() -> int:\n    raise {error.__name__}\n"), adapter=told)

    with pytest.raises(error):
        driver.execute(["first"])
    assert told.ends == [(False, error)]


def test_override_of_the_configuration_does_not_hide_its_fault_for_later(load) -> None:
    driver = Driver({"x": "text"}, load("def first(x: int) -> int:\n    return x\n"), adapter=DictResult())

    assert driver.execute(["first"], overrides={"x": 1}) == {"first": 1}
    with pytest.raises(InvalidInput, match="Configuration key 'x' must be int"):
        driver.execute(["first"])


def test_threads_share_a_driver(load) -> None:
    module = load("\n".join(f"def f{i}(x: int) -> int: return x * {i}" for i in range(100)))
    driver = Driver({}, module, adapter=DictResult())
    wrong: list[object] = []

    def work(x: int) -> None:
        try:
            for step in range(400):
                i = (7 * step + x) % 100
                found = driver.execute([f"f{i}"], inputs={"x": x})
                if found != {f"f{i}": x * i}:
                    wrong.append(found)
        except Exception as error:
            wrong.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(x,)) for x in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_feature_may_execute_the_driver_that_executes_it(load) -> None:
    module = load("""
        drivers = []

        def factorial(n: int) -> int:
            return n * drivers[0].execute(["factorial"], inputs={"n": n - 1})["factorial"] if n else 1
    """)
    module.drivers.append(Driver({}, module, adapter=DictResult()))

    for _ in range(4):
        assert module.drivers[0].execute(["factorial"], inputs={"n": 10}) == {"factorial": 3_628_800}
