"""Executions with a record: times, checks, profiles, and failures gathered."""

import pytest

from headwater.builder import Builder
from headwater.errors import CheckFailed, NodeFailed
from headwater.lifecycle import NodeExecutionHook

FEATURES = """
    from headwater import Collect, Parallelizable, check_output

    @check_output(range=(0, 1), importance="fail")
    def share(x: float) -> float:
        return x

    @check_output(range=(0, 1), importance="fail")
    @check_output(data_type=float)
    def other(x: float) -> float:
        return x / 2

    def both(share: float, other: float) -> float:
        return share + other
"""


def test_record_has_every_node_and_what_every_check_found(load) -> None:
    driver = Builder().with_modules(load(FEATURES)).build()
    told: list[str] = []

    run = driver.run(["both"], inputs={"x": 0.5}, on_node=lambda node: told.append(node.name))

    assert run.values == {"both": 0.75}
    assert run.error is None
    assert told == [node.name for node in run.nodes]
    assert sorted(told) == [
        "both", "other", "other_data_type_validator", "other_range_validator", "other_raw",
        "share", "share_range_validator", "share_raw",
    ]  # fmt: skip
    assert [(c.node, c.validator, c.passed, c.threshold) for c in run.checks if c.node == "share"] == [
        ("share", "range", True, [0, 1])
    ]
    assert all(node.seconds >= 0 and node.profile is None for node in run.nodes)


def test_failing_check_ends_a_run_unless_failures_are_gathered(load) -> None:
    driver = Builder().with_modules(load(FEATURES)).build()

    stopped = driver.run(["both"], inputs={"x": 4.0})
    gathered = driver.run(["both"], inputs={"x": 4.0}, gather=True)

    assert isinstance(stopped.error, CheckFailed)
    assert "both" not in [node.name for node in stopped.nodes]
    assert isinstance(gathered.error, CheckFailed)
    assert "'share' did not pass" in str(gathered.error)
    assert "'other' did not pass" in str(gathered.error)
    assert "both" in [node.name for node in gathered.nodes]
    assert gathered.values == {}


def test_profiles_are_taken_when_asked_for(load) -> None:
    driver = Builder().with_modules(load(FEATURES)).build()

    run = driver.run(["both"], inputs={"x": 0.5}, profile=True)

    profiles = {node.name: node.profile for node in run.nodes}
    assert profiles["share"].as_dict()["columns"][0]["mean"] == 0.5
    assert profiles["share_range_validator"] is None


def test_failed_run_keeps_what_was_recorded_and_tells_the_node(load) -> None:
    driver = Builder().with_modules(load("""
        def first(x: int) -> int:
            return x

        def second(first: int) -> float:
            return 1 / first
    """)).build()  # fmt: skip

    run = driver.run(["second"], inputs={"x": 0})

    assert [node.name for node in run.nodes] == ["first"]
    assert isinstance(run.error, NodeFailed)
    assert run.error.node == "second"
    assert isinstance(run.error.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("executor", ["MultiThreadingExecutor", "MultiProcessingExecutor"])
def test_record_has_the_nodes_of_tasks_wherever_they_ran(load, monkeypatch, tmp_path, executor) -> None:
    from headwater import executors

    monkeypatch.syspath_prepend(tmp_path)  # a process that is started afresh imports the module itself

    module = load("""
        from headwater import Collect, Parallelizable

        def item(n: int) -> Parallelizable[int]:
            yield from range(n)

        def doubled(item: int) -> int:
            return item * 2

        def total(doubled: Collect[int]) -> int:
            return sum(doubled)
    """)
    driver = (
        Builder()
        .with_modules(module)
        .enable_dynamic_execution(allow_experimental_mode=True)
        .with_remote_executor(getattr(executors, executor)(max_tasks=2))
        .build()
    )

    run = driver.run(["total"], inputs={"n": 3})

    assert run.error is None
    assert run.values == {"total": 6}
    assert sorted(node.name for node in run.nodes) == ["doubled"] * 3 + ["item", "total"]


def test_hooks_are_told_of_a_recorded_run_too(load) -> None:
    class Told(NodeExecutionHook):
        def __init__(self) -> None:
            self.ids: set[str] = set()
            self.names: list[str] = []

        def run_before_node_execution(self, *, run_id: str, **facts: object) -> None:
            self.ids.add(run_id)

        def run_after_node_execution(self, *, node_name: str, **facts: object) -> None:
            self.names.append(node_name)

    hook = Told()
    driver = Builder().with_modules(load(FEATURES)).with_adapters(hook).build()

    driver.run(["share"], inputs={"x": 0.5})
    driver.execute(["share"], inputs={"x": 0.5})

    assert hook.names == ["share_raw", "share_range_validator", "share"] * 2
    assert len(hook.ids) == 2
    assert "" not in hook.ids
