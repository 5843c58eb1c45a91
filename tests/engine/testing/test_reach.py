"""Which tests reach which features: by drivers, by calls, in threads; kept, merged and written."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from headwater import Driver
from headwater.plan import Plan
from headwater.testing import Reach, features_of
from headwater.testing.watching import Watch

Load = Callable[..., ModuleType]

SOURCE = """
    from headwater.modifiers import check_output, config, extract_fields, parameterize, value

    def a(n: int) -> int:
        return n + 1

    @check_output(range=(0, 10))
    def b(a: int) -> int:
        return a * 2

    @parameterize(low={"n": value(1)}, high={"n": value(9)})
    def level(n: int) -> int:
        return n

    @extract_fields({"left": int, "right": int})
    def pair(a: int) -> dict:
        return {"left": a, "right": a}

    @config.when(mode="x")
    def rate__x() -> int:
        return 1
"""


@pytest.fixture
def shop(load: Load) -> ModuleType:
    return load(SOURCE, "shop")


def reached(shop: ModuleType, work: Callable[[], object]) -> list[str]:
    watch = Watch(features_of(shop))
    with watch.on():
        work()
    return sorted(watch.take())


def test_features_are_those_of_every_configuration(shop: ModuleType) -> None:
    assert sorted(features_of(shop)) == [
        "shop:a",
        "shop:b",
        "shop:high",
        "shop:left",
        "shop:low",
        "shop:pair",
        "shop:rate",
        "shop:right",
    ]


def test_execution_reaches_what_it_computes(shop: ModuleType) -> None:
    driver = Driver({}, shop)

    assert reached(shop, lambda: driver.execute(["b"], inputs={"n": 1})) == ["shop:a", "shop:b"]
    assert reached(shop, lambda: driver.execute(["b"], overrides={"a": 1})) == ["shop:b"]


def test_execution_reaches_only_the_outputs_it_computes(shop: ModuleType) -> None:
    driver = Driver({}, shop)

    assert reached(shop, lambda: driver.execute(["low"])) == ["shop:low"]
    assert reached(shop, lambda: driver.execute(["left"], overrides={"a": 1})) == ["shop:left", "shop:pair"]


def test_call_of_a_function_reaches_all_its_features(shop: ModuleType) -> None:
    assert reached(shop, lambda: shop.level(1)) == ["shop:high", "shop:low"]
    assert reached(shop, lambda: shop.rate__x()) == ["shop:rate"]


def test_call_in_a_thread_reaches(shop: ModuleType) -> None:
    def work() -> None:
        thread = threading.Thread(target=shop.a, args=(1,))
        thread.start()
        thread.join()

    assert reached(shop, work) == ["shop:a"]


def test_nothing_is_left_behind(shop: ModuleType) -> None:
    execute = Plan.execute
    watch = Watch(features_of(shop))
    with watch.on():
        assert Plan.execute is not execute
    shop.a(1)

    assert Plan.execute is execute
    assert watch.take() == set()


def test_reach_is_merged_and_written(tmp_path: Path) -> None:
    reach = Reach(["shop:a", "shop:b", "shop:c"])
    reach.add("test_1", ["shop:a", "other:z"])
    other = Reach(["shop:a", "shop:b"])
    other.add("test_2", ["shop:a", "shop:b"])
    reach.merge(other)
    reach.write(tmp_path / "reach.json")

    read = Reach.read(tmp_path / "reach.json")
    assert read.as_dict() == {"shop:a": ["test_1", "test_2"], "shop:b": ["test_2"], "shop:c": []}
    assert read.untested == ["shop:c"]
