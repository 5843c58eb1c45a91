"""The builder: drivers put together step by step."""

import copy
import json

import pytest

from headwater.builder import Builder
from headwater.errors import InvalidInput, InvalidModifier
from headwater.executors import SynchronousLocalTaskExecutor
from headwater.materializers import from_, to
from headwater.results import DictResult

FEATURES = """
    def spend(orders: int, rate: int = 2) -> int:
        return orders * rate

    def margin(spend: int) -> int:
        return spend - 1
"""


def test_driver_gives_a_dictionary_unless_an_adapter_builds_something_else(load) -> None:
    module = load(FEATURES)

    assert Builder().with_modules(module).build().execute(["spend"], inputs={"orders": 3}) == {"spend": 6}
    with_config = Builder().with_modules(module).with_config({"rate": 5}).with_config({"orders": 2})
    assert with_config.build().execute(["margin"]) == {"margin": 9}
    legacy = Builder().with_modules(module).with_adapter(DictResult()).build()
    assert legacy.execute(["spend"], inputs={"orders": 3}) == {"spend": 6}


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda b: b.with_adapter(DictResult()).with_adapter(DictResult()), InvalidInput, "already has"),
        (lambda b: b.with_local_executor(SynchronousLocalTaskExecutor()), InvalidInput, "enable_dynamic"),
        (lambda b: b.enable_dynamic_execution(), InvalidInput, "allow_experimental_mode=True"),
        (lambda b: b.with_materializers("x"), InvalidModifier, "'x' is no materializer"),
        (lambda b: b.with_materializers([to.json]), InvalidModifier, "star"),
        (lambda b: b.with_cache().with_cache(), InvalidInput, "has a cache already"),
        (lambda b: b.with_modules("features").build(), InvalidInput, "'features' is no module"),
    ],
)
def test_wrong_use_is_told(tmp_path, monkeypatch, wrong, error, told) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(error, match=told):
        wrong(Builder())


@pytest.mark.parametrize("copied", [Builder.copy, copy.copy])
def test_copy_goes_another_way(load, copied) -> None:
    first = Builder().with_modules(load(FEATURES)).with_config({"orders": 1})
    second = first.copy().with_config({"orders": 10})

    assert first.build().execute(["spend"]) == {"spend": 2}
    assert second.build().execute(["spend"]) == {"spend": 20}


def test_materializers_belong_to_the_graph_or_to_one_call(load, tmp_path) -> None:
    module, source, target = load(FEATURES), tmp_path / "orders.json", tmp_path / "margin.json"
    source.write_text(json.dumps(4))
    loads = from_.json(target="orders", path=str(source))
    saves = to.json(id="saved", dependencies=["spend_table"], path=str(target))
    module.spend_table = load(
        "def spend_table(spend: int) -> dict:\n    return {'spend': spend}\n", "features"
    ).spend_table
    driver = Builder().with_modules(module).build()

    driver.validate_materialization(saves, inputs={"orders": 4})
    metadata, extra = driver.materialize(saves, additional_vars=["margin"], inputs={"orders": 4})

    assert json.loads(target.read_text()) == {"spend": 8}
    assert extra == {"margin": 7}
    assert metadata["saved"]["file_metadata"]["path"] == str(target)
    assert "saved" not in driver.graph
    assert "saved" in driver.visualize_materialization(saves, inputs={"orders": 4}).mermaid
    with pytest.raises(InvalidInput, match="Nothing is to be saved"):
        driver.materialize(loads)
    kept = Builder().with_modules(module).with_materializers(saves).build()
    assert kept.execute(["saved"], inputs={"orders": 1})["saved"]["file_metadata"]["path"] == str(target)
    assert json.loads(target.read_text()) == {"spend": 2}


def test_loader_takes_the_place_of_an_input(load, tmp_path) -> None:
    source = tmp_path / "orders.json"
    source.write_text(json.dumps({"n": 4}))
    module = load("def count(orders: dict) -> int:\n    return orders['n']\n")
    driver = Builder().with_modules(module).build()

    _, extra = driver.materialize(from_.json(target="orders", path=str(source)), additional_vars=["count"])

    assert extra == {"count": 4}


def test_dynamic_execution_can_choose_executors_only_one_way() -> None:
    builder = Builder().enable_dynamic_execution(allow_experimental_mode=True)
    builder.with_local_executor(SynchronousLocalTaskExecutor())

    with pytest.raises(InvalidInput, match="already has: local executor"):
        builder.with_execution_manager(object())
