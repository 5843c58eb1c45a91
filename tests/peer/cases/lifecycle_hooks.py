"""What adapters are told, in which order, and what they may change."""

import pandas as pd
from hamilton import base, driver, lifecycle
from hamilton.function_modifiers import check_output, tag
from hamilton.lifecycle import default
from scenario import Scenario


@tag(owner="growth")
def doubled(start: int) -> int:
    """Twice."""
    return start * 2


def shifted(doubled: int, by: int = 3) -> int:
    return doubled + by


@check_output(range=(0, 10))
def final(shifted: int) -> int:
    return shifted


def broken(doubled: int) -> int:
    raise ValueError(f"cannot take {doubled}")


def after_broken(broken: int, doubled: int) -> int:
    return broken + doubled


def misnamed(doubled: int) -> str:
    return doubled


def _driver(module, *adapters):
    return driver.Builder().with_modules(module).with_adapters(*adapters).build()


class _Seen:
    def __init__(self):
        self.events = []


class _NodeHook(_Seen, lifecycle.NodeExecutionHook):
    def run_before_node_execution(self, **told):
        self.events.append(("before", self._shown(told)))

    def run_after_node_execution(self, **told):
        self.events.append(("after", self._shown(told)))

    def _shown(self, told):
        shown = {key: value for key, value in told.items() if key != "run_id"}
        if "error" in shown:
            shown["error"] = type(shown["error"]).__name__
        return {**shown, "has run_id": bool(told.get("run_id"))}


class _GraphHook(_Seen, lifecycle.GraphExecutionHook):
    def run_before_graph_execution(
        self, *, graph, final_vars, inputs, overrides, execution_path, run_id, **rest
    ):
        names = sorted(node.name for node in graph.nodes)
        self.events.append(
            ("before", names, final_vars, inputs, overrides, sorted(execution_path), bool(run_id))
        )

    def run_after_graph_execution(self, *, graph, success, error, results, run_id, **rest):
        self.events.append(("after", success, isinstance(error, ValueError), results, bool(run_id)))


def _ask_node_hook(module):
    hook = _NodeHook()
    _driver(module, hook).execute(["shifted"], inputs={"start": 1})
    return hook.events


def _ask_node_hook_with_check(module):
    hook = _NodeHook()
    _driver(module, hook).execute(["final"], inputs={"start": 1, "by": 5})
    return [(when, told["node_name"], told["node_tags"]) for when, told in hook.events]


def _ask_node_hook_on_failure(module):
    hook = _NodeHook()
    try:
        _driver(module, hook).execute(["after_broken"], inputs={"start": 1})
    except ValueError as error:
        hook.events.append(str(error))
    return hook.events


def _ask_node_hook_with_overrides(module):
    hook = _NodeHook()
    _driver(module, hook).execute(["shifted"], overrides={"doubled": 5})
    return [(when, told["node_name"]) for when, told in hook.events]


def _ask_graph_hook(module):
    hook = _GraphHook()
    _driver(module, hook).execute(["shifted", "start"], inputs={"start": 1})
    return hook.events


def _ask_graph_hook_with_overrides(module):
    hook = _GraphHook()
    _driver(module, hook).execute(["shifted"], inputs={"start": 1}, overrides={"doubled": 5})
    return hook.events


def _ask_graph_hook_on_failure(module):
    hook = _GraphHook()
    try:
        _driver(module, hook).execute(["broken"], inputs={"start": 1})
    except ValueError:
        hook.events.append("raised")
    return hook.events


def _ask_graph_hook_on_missing_input(module):
    hook = _GraphHook()
    try:
        _driver(module, hook).execute(["shifted"])
    except ValueError:
        hook.events.append("raised")
    return hook.events


def _ask_hook_that_raises(module):
    class Raising(lifecycle.NodeExecutionHook):
        def run_before_node_execution(self, **told):
            raise RuntimeError("in a hook")

        def run_after_node_execution(self, **told):
            pass

    return _driver(module, Raising()).execute(["doubled"], inputs={"start": 1})


def _ask_graph_construction_hook(module):
    seen = []

    class Hook(lifecycle.GraphConstructionHook):
        def run_after_graph_construction(self, *, graph, config, **rest):
            seen.append((sorted(node.name for node in graph.nodes), dict(config)))

    driver.Builder().with_modules(module).with_adapters(Hook()).with_config({"by": 1}).build()
    return seen


def _ask_execution_method(module):
    class Method(lifecycle.NodeExecutionMethod):
        def run_to_execute_node(
            self, *, node_name, node_callable, node_kwargs, is_expand, is_collect, **rest
        ):
            value = node_callable(**node_kwargs)
            return value + 100 if node_name == "doubled" else value

    return _driver(module, Method()).execute(["shifted"], inputs={"start": 1})


def _ask_two_execution_methods(module):
    class Method(lifecycle.NodeExecutionMethod):
        def run_to_execute_node(self, *, node_callable, node_kwargs, **rest):
            return node_callable(**node_kwargs)

    return _driver(module, Method(), Method())


def _ask_edge_hook_allows(module):
    from hamilton import ad_hoc_utils

    def number() -> int:
        return 1

    def reader(number: float) -> float:
        return number / 2

    def taker(given: float) -> float:
        return given

    class Loose(lifecycle.EdgeConnectionHook):
        def check_edge_types_match(self, type_from, type_to, **rest):
            return type_from is int and type_to is float

        def validate_input(self, node_type, input_value, **rest):
            return isinstance(input_value, int)

    made = ad_hoc_utils.create_temporary_module(number, reader, taker, module_name="hooks_edges")
    return _driver(made, Loose()).execute(["reader", "taker"], inputs={"given": 3})


def _ask_edge_hook_refuses_input(module):
    class Strict(lifecycle.EdgeConnectionHook):
        def check_edge_types_match(self, type_from, type_to, **rest):
            return False

        def validate_input(self, node_type, input_value, **rest):
            return False

    return _driver(module, Strict()).execute(["doubled"], inputs={"start": "text"})


def _ask_no_type_checking(module):
    return _driver(module, default.NoEdgeAndInputTypeChecking()).execute(
        ["doubled"], inputs={"start": "text"}
    )


def _ask_static_validator_of_nodes(module):
    class Owned(lifecycle.StaticValidator):
        def run_to_validate_node(self, *, node, **rest):
            owned = node.is_external_input or "owner" in node.tags
            return owned, None if owned else "needs an owner"

    return _driver(module, Owned())


def _ask_static_validator_that_passes(module):
    class Fine(lifecycle.StaticValidator):
        def run_to_validate_node(self, *, node, **rest):
            return True, None

    return _driver(module, Fine()).execute(["doubled"], inputs={"start": 1})


def _ask_static_validator_of_the_graph(module):
    class Small(lifecycle.StaticValidator):
        def run_to_validate_graph(self, graph, **rest):
            return len(list(graph.nodes)) < 3, "too large"

    return _driver(module, Small())


def _ask_result_builder(module):
    class Total(lifecycle.ResultBuilder):
        def build_result(self, **outputs):
            return sum(outputs.values())

    return _driver(module, Total()).execute(["doubled", "shifted"], inputs={"start": 1})


def _ask_legacy_adapter(module):
    class Doubling(base.HamiltonGraphAdapter):
        @staticmethod
        def check_input_type(node_type, input_value):
            return True

        @staticmethod
        def check_node_type_equivalence(node_type, input_type):
            return True

        def execute_node(self, node, kwargs):
            return node.callable(**kwargs) * 2

        def build_result(self, **outputs):
            return sorted(outputs.items())

    return driver.Driver({}, module, adapter=Doubling()).execute(["shifted"], inputs={"start": 1})


def _ask_type_checker(module):
    checker = default.FunctionInputOutputTypeChecker()
    return _driver(module, checker).execute(["doubled", "shifted"], inputs={"start": 1})


def _ask_type_checker_on_wrong_output(module):
    return _driver(module, default.FunctionInputOutputTypeChecker()).execute(
        ["misnamed"], inputs={"start": 1}
    )


def _ask_type_checker_of_inputs_alone(module):
    checker = default.FunctionInputOutputTypeChecker(check_output=False)
    return _driver(module, checker).execute(["misnamed"], inputs={"start": 1})


def _ask_graceful_errors(module):
    adapter = default.GracefulErrorAdapter(error_to_catch=ValueError, sentinel_value=None)
    return _driver(module, adapter).execute(["after_broken", "shifted"], inputs={"start": 1})


def _ask_graceful_errors_of_other_kind(module):
    adapter = default.GracefulErrorAdapter(error_to_catch=KeyError, sentinel_value=None)
    return _driver(module, adapter).execute(["after_broken"], inputs={"start": 1})


def _ask_graceful_errors_accepted(module):
    from hamilton import ad_hoc_utils

    def good() -> int:
        return 1

    def bad() -> int:
        raise ValueError("no")

    @default.accept_error_sentinels
    def gathered(good: int, bad: int) -> list:
        return [good, bad]

    def lost(good: int, bad: int) -> list:
        return [good, bad]

    made = ad_hoc_utils.create_temporary_module(good, bad, gathered, lost, module_name="hooks_graceful")
    adapter = default.GracefulErrorAdapter(error_to_catch=Exception, sentinel_value="none")
    return _driver(made, adapter).execute(["gathered", "lost"])


def _ask_print_lines(module):
    lines = []
    adapter = default.PrintLn(verbosity=2, print_fn=lambda text: lines.append(text))
    _driver(module, adapter).execute(["doubled"], inputs={"start": 1})
    return len(lines)


def _ask_print_lines_filtered(module):
    lines = []
    adapter = default.PrintLn(verbosity=1, print_fn=lambda text: lines.append(text), node_filter="doubled")
    _driver(module, adapter).execute(["shifted"], inputs={"start": 1})
    return len(lines)


def _ask_print_lines_bad_verbosity(module):
    return default.PrintLn(verbosity=5)


def _ask_slow_down(module):
    adapter = default.SlowDownYouMoveTooFast(0.001, 0.0001)
    return _driver(module, adapter).execute(["doubled"], inputs={"start": 1})


def _ask_cache_adapter(module):
    seen = []
    adapter = default.CacheAdapter(cache_vars=["doubled"], cache_path="./kept")
    results = [_driver(module, adapter).execute(["shifted"], inputs={"start": 1}) for _ in range(2)]
    return results, seen


def _ask_hooks_keep_frames(module):
    from hamilton import ad_hoc_utils

    def table() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    hook = _NodeHook()
    made = ad_hoc_utils.create_temporary_module(table, module_name="hooks_frames")
    _driver(made, hook).execute(["table"])
    return hook.events


SCENARIOS = {
    "hook": Scenario(
        outputs=["final"],
        inputs={"start": 1},
        driver=lambda config, *modules: _driver(modules[0], _NodeHook()),
    )
}
