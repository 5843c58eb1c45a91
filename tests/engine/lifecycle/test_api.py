"""What each kind of adapter is told and what it can do, written as people write them for Hamilton."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from headwater.build import build
from headwater.function import functions_of
from headwater.graph_types import HamiltonGraph, HamiltonNode
from headwater.lifecycle import (
    AdapterSet,
    EdgeConnectionHook,
    GraphAdapter,
    GraphConstructionHook,
    GraphExecutionHook,
    NodeExecutionHook,
    NodeExecutionMethod,
    ResultBuilder,
    StaticValidator,
    TaskExecutionHook,
    TaskGroupingHook,
    TaskReturnHook,
    TaskSubmissionHook,
    ValidationException,
)
from headwater.lifecycle.api import LocalGraphAdapter
from headwater.lifecycle.views import NodeView
from headwater.types import Type

SPEND = """
from headwater import parameterize, source, tag, value

@tag(owner="growth", kinds=["money", "weekly"])
def spend(clicks: int) -> float:
    return clicks * 0.5

@parameterize(double={"amount": source("spend"), "times": value(2)})
def scaled(amount: float, times: int, offset: int = 1) -> float:
    return amount * times + offset

def broken(spend: float) -> float:
    raise KeyError("no such week")
"""


class Recorder(NodeExecutionHook):
    def __init__(self, name: str = "hook", told: list[Any] | None = None) -> None:
        self.name = name
        self.told = [] if told is None else told

    def run_before_node_execution(self, **facts: Any) -> None:
        self.told.append((self.name, "before", facts))

    def run_after_node_execution(self, **facts: Any) -> None:
        self.told.append((self.name, "after", facts))


def test_node_hook_is_told_each_node_before_and_after(execute: Callable[..., Any]) -> None:
    hook = Recorder()

    assert execute(SPEND, ["spend"], hook, inputs={"clicks": 4}) == {"spend": 2.0}

    node = {
        "node_name": "spend",
        "node_tags": {"module": "features", "owner": "growth", "kinds": ["money", "weekly"]},
        "node_kwargs": {"clicks": 4},
        "node_return_type": float,
        "task_id": None,
        "run_id": "run-1",
    }
    assert hook.told == [
        ("hook", "before", {**node, "node_input_types": {"clicks": int}}),
        ("hook", "after", {**node, "result": 2.0, "error": None, "success": True}),
    ]


def test_keywords_are_the_nodes_that_are_read_without_literals_and_defaults(
    execute: Callable[..., Any],
) -> None:
    hook = Recorder()

    assert execute(SPEND, ["double"], hook, inputs={"clicks": 4}) == {"double": 5.0}

    _, _, before = hook.told[2]
    assert before["node_kwargs"] == {"spend": 2.0}
    assert before["node_input_types"] == {"spend": float, "offset": int}


def test_default_that_is_given_is_among_the_keywords(execute: Callable[..., Any]) -> None:
    hook = Recorder()

    execute(SPEND, ["double"], hook, inputs={"clicks": 4, "offset": 3})

    assert hook.told[2][2]["node_kwargs"] == {"spend": 2.0, "offset": 3}


def test_hooks_are_called_in_the_order_in_which_they_are_given(execute: Callable[..., Any]) -> None:
    told: list[Any] = []

    execute(SPEND, ["spend"], Recorder("first", told), Recorder("second", told), inputs={"clicks": 1})

    assert [(name, moment) for name, moment, _ in told] == [
        ("first", "before"),
        ("second", "before"),
        ("first", "after"),
        ("second", "after"),
    ]


def test_hook_is_told_of_a_failure_with_its_error(execute: Callable[..., Any]) -> None:
    hook = Recorder()

    with pytest.raises(KeyError, match="no such week"):
        execute(SPEND, ["broken"], hook, overrides={"spend": 1.0})

    _, moment, after = hook.told[-1]
    assert moment == "after"
    assert (after["success"], after["result"]) == (False, None)
    assert isinstance(after["error"], KeyError)


def test_hook_that_fails_before_a_node_keeps_it_from_being_computed(execute: Callable[..., Any]) -> None:
    class Refuses(Recorder):
        def run_before_node_execution(self, **facts: Any) -> None:
            raise PermissionError("not today")

    hook = Refuses()

    with pytest.raises(PermissionError):
        execute(SPEND, ["spend"], hook, inputs={"clicks": 1})

    assert hook.told == []


def test_execution_pays_nothing_where_no_adapter_looks_at_nodes() -> None:
    class AsDict(ResultBuilder):
        def build_result(self, **outputs: Any) -> Any:
            return outputs

    assert AdapterSet([]).around("run-1") is None
    assert AdapterSet([AsDict()]).around("run-1") is None
    assert AdapterSet([AsDict()]).tasks is None


class Traced(NodeExecutionMethod):
    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def run_to_execute_node(self, *, node_callable: Any, node_kwargs: dict[str, Any], **rest: Any) -> Any:
        self.calls.append({**rest, "callable": node_callable, "kwargs": node_kwargs})
        return node_callable(**node_kwargs)


def test_method_computes_nodes_from_keywords(execute: Callable[..., Any], load: Any) -> None:
    method = Traced()
    module = load(SPEND)

    assert execute(module, ["double"], method, inputs={"clicks": 4}) == {"double": 5.0}

    spend, double = method.calls
    assert spend["callable"] is module.spend
    assert (double["node_name"], double["kwargs"]) == ("double", {"spend": 2.0})
    assert double["callable"].__wrapped__ is module.scaled
    assert (double["is_expand"], double["is_collect"], double["task_id"]) == (False, False, None)


def test_method_that_drops_a_value_is_told_so(execute: Callable[..., Any]) -> None:
    class Forgets(NodeExecutionMethod):
        def run_to_execute_node(self, *, node_callable: Any, **rest: Any) -> Any:
            return node_callable()

    with pytest.raises(Exception, match="'double' cannot be computed without a value for 'spend'"):
        execute(SPEND, ["double"], Forgets(), overrides={"spend": 1.0})


def test_method_knows_where_a_fan_out_begins_and_ends(execute: Callable[..., Any]) -> None:
    method = Traced()
    fan = """
    from headwater.htypes import Collect, Parallelizable

    def week() -> Parallelizable[int]:
        return [1, 2]

    def total(week: Collect[int]) -> int:
        return sum(week)
    """

    execute(fan, ["total"], method)

    assert [(call["is_expand"], call["is_collect"]) for call in method.calls] == [
        (True, False),
        (False, True),
    ]


class GraphRecorder(GraphExecutionHook, GraphConstructionHook):
    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def run_before_graph_execution(self, **facts: Any) -> None:
        self.told.append(facts)

    def run_after_graph_execution(self, **facts: Any) -> None:
        self.told.append(facts)

    def run_after_graph_construction(self, **facts: Any) -> None:
        self.told.append(facts)


def test_graph_hooks_get_the_graph_and_the_nodes_that_will_be_computed(load: Any) -> None:
    module = load(SPEND)
    graph = build(functions_of(module), {})
    hook = GraphRecorder()
    adapters = AdapterSet([hook])

    adapters.call("post_graph_construct", graph=graph, modules=[module], config={"a": 1})
    asked = {"final_vars": ["double", "clicks"], "inputs": {"clicks": 1}}
    adapters.call("pre_graph_execute", run_id="r", graph=graph, overrides=None, **asked)
    adapters.call("pre_graph_execute", run_id="r", graph=graph, overrides={"spend": 1.0}, **asked)
    adapters.call(
        "post_graph_execute", run_id="r", graph=graph, success=True, error=None, results={"double": 1}
    )

    built, before, overridden, after = hook.told
    assert isinstance(built["graph"], HamiltonGraph)
    assert built["config"] == {"a": 1}
    assert before["execution_path"] == ["spend", "double"]
    assert {name: before[name] for name in ("final_vars", "inputs", "overrides", "run_id")} == {
        **asked,
        "overrides": None,
        "run_id": "r",
    }
    assert overridden["execution_path"] == ["double"]
    assert (after["success"], after["results"], after["run_id"]) == (True, {"double": 1}, "r")


def test_validators_tell_all_faults_at_once(load: Any) -> None:
    class Owned(StaticValidator):
        def run_to_validate_node(self, *, node: HamiltonNode, **rest: Any) -> tuple[bool, str | None]:
            return "owner" in node.tags or node.is_external_input, "it has no owner"

        def run_to_validate_graph(self, graph: HamiltonGraph, **rest: Any) -> tuple[bool, str | None]:
            return False, f"{len(graph.nodes)} nodes are too many"

    module = load(SPEND)
    graph = build(functions_of(module), {})

    with pytest.raises(ValidationException) as raised:
        AdapterSet([Owned()]).validate(graph, [module], {})
    assert "Node validation failed! 2 errors" in str(raised.value)
    assert "'broken': it has no owner" in str(raised.value)
    assert "'double': it has no owner" in str(raised.value)

    tagged = build((f for f in functions_of(module) if f.name == "spend"), {})
    with pytest.raises(
        ValidationException, match=r"Graph validation failed! 1 error .*\n  2 nodes are too many"
    ):
        AdapterSet([Owned()]).validate(tagged, [module], {})
    AdapterSet([StaticValidator()]).validate(graph, [module], {})


def test_edge_hook_allows_edges_and_decides_on_inputs() -> None:
    class Loose(EdgeConnectionHook):
        def check_edge_types_match(self, type_from: type, type_to: type, **rest: Any) -> bool:
            return (type_from, type_to) == (float, int)

        def validate_input(self, node_type: type, input_value: Any, **rest: Any) -> bool:
            return node_type is float and isinstance(input_value, int)

    adapters = AdapterSet([Loose()])

    # Hamilton passes what the parameter asks for as `type_from`.
    assert adapters.check_edge_types(Type.of(int), Type.of(float))
    assert not adapters.check_edge_types(Type.of(float), Type.of(int))
    assert adapters.validate_input(Type.of(float), 1) is True
    assert adapters.validate_input(Type.of(int), 1) is False
    assert adapters.validate_input(Type.of(int), None) is True
    assert not AdapterSet([]).check_edge_types(Type.of(int), Type.of(float))
    assert AdapterSet([]).validate_input(Type.of(int), "text") is None


def test_result_builder_builds_the_result() -> None:
    class Summed(ResultBuilder):
        def build_result(self, **outputs: Any) -> Any:
            return sum(outputs.values())

    adapters = AdapterSet([Summed()])

    assert adapters.has_result_builder
    assert adapters.build_result({"a": 1, "b": 2}) == 3
    assert not AdapterSet([]).has_result_builder
    assert AdapterSet([]).build_result({"a": 1}) == {"a": 1}


class Old(GraphAdapter):
    @staticmethod
    def check_input_type(node_type: type, input_value: Any) -> bool:
        return True

    @staticmethod
    def check_node_type_equivalence(node_type: type, input_type: type) -> bool:
        return (node_type, input_type) == (int, float)

    def execute_node(self, node: NodeView, kwargs: dict[str, Any]) -> Any:
        return node.callable(**kwargs) * 10

    def build_result(self, **outputs: Any) -> Any:
        return list(outputs.values())


def test_old_adapter_does_all_four_things(execute: Callable[..., Any]) -> None:
    adapters = AdapterSet([Old()])

    assert execute(SPEND, ["spend"], Old(), inputs={"clicks": 4}) == {"spend": 20.0}
    assert adapters.build_result({"a": 1}) == [1]
    assert adapters.validate_input(Type.of(int), "text") is True
    assert adapters.check_edge_types(Type.of(int), Type.of(float))
    assert not adapters.check_edge_types(Type.of(float), Type.of(int))


def test_old_adapter_that_leaves_all_to_the_engine_costs_nothing(execute: Callable[..., Any]) -> None:
    class Listed(LocalGraphAdapter):
        def build_result(self, **outputs: Any) -> Any:
            return list(outputs.values())

    class Logged(Listed):
        def execute_node(self, node: NodeView, kwargs: dict[str, Any]) -> Any:
            seen.append(node.name)
            return super().execute_node(node, kwargs)

    seen: list[str] = []
    plain = AdapterSet([Listed()])

    assert plain.around("run-1") is None
    assert plain.validate_input(Type.of(int), "text") is None
    assert not plain.check_edge_types(Type.of(int), Type.of(float))
    assert plain.build_result({"a": 1}) == [1]
    assert Listed.check_input_type(list[int], [1])
    assert not Listed.check_input_type(list[int], [1, "b"])
    assert Listed.check_node_type_equivalence(int, int)
    assert execute(SPEND, ["spend"], Logged(), inputs={"clicks": 4}) == {"spend": 2.0}
    assert seen == ["spend"]


class TaskRecorder(TaskSubmissionHook, TaskReturnHook, TaskExecutionHook, TaskGroupingHook):
    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def run_before_task_submission(self, **facts: Any) -> None:
        self.told.append(("submission", facts))

    def run_after_task_return(self, **facts: Any) -> None:
        self.told.append(("return", facts))

    def run_before_task_execution(self, **facts: Any) -> None:
        self.told.append(("before", facts))

    def run_after_task_execution(self, **facts: Any) -> None:
        self.told.append(("after", facts))

    def run_after_task_grouping(self, **facts: Any) -> None:
        self.told.append(("grouping", facts))

    def run_after_task_expansion(self, **facts: Any) -> None:
        self.told.append(("expansion", facts))


def test_task_hooks_are_told_of_tasks(load: Callable[..., ModuleType]) -> None:
    graph = build(functions_of(load(SPEND)), {})
    hook = TaskRecorder()
    tasks = AdapterSet([hook]).tasks
    assert tasks is not None

    about = {"run_id": "r", "task_id": "t", "nodes": [graph["spend"]]}
    about |= {"spawning_task_id": None, "purpose": "execute"}
    given = {"inputs": {"clicks": 1}, "overrides": {}}
    tasks.post_task_group(run_id="r", task_ids=["t"])
    tasks.post_task_expand(run_id="r", task_id="t", parameters={"t.0": 1})
    tasks.pre_task_submission(**about, **given)
    tasks.pre_task_execute(**about, **given)
    tasks.post_task_execute(**about, results={"spend": 1.0}, success=True, error=None)
    tasks.post_task_return(**about, result={"spend": 1.0}, success=True, error=None)

    moments = dict(hook.told)
    assert list(moments) == ["grouping", "expansion", "submission", "before", "after", "return"]
    assert moments["expansion"] == {"run_id": "r", "task_id": "t", "parameters": {"t.0": 1}}
    assert [node.name for node in moments["submission"]["nodes"]] == ["spend"]
    assert all(isinstance(node, HamiltonNode) for node in moments["before"]["nodes"])
    assert moments["before"]["inputs"] == {"clicks": 1}
    assert (moments["after"]["results"], moments["return"]["result"]) == ({"spend": 1.0}, {"spend": 1.0})
