"""Caches where graphs are cut into tasks, and in event loops."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headwater import async_driver
from headwater.builder import Builder
from headwater.caching import HamiltonCacheAdapter
from headwater.executors import MultiProcessingExecutor, MultiThreadingExecutor, SynchronousLocalTaskExecutor
from support.event_loop import run_apart

FAN = """
from pathlib import Path
from headwater.htypes import Collect, Parallelizable

def told(name: str) -> None:
    with Path(__file__).with_suffix(".told").open("a") as file:
        file.write(f"{name} ")

def base(weeks: int) -> int:
    told("base")
    return weeks

def week(base: int) -> Parallelizable[int]:
    yield from range(base)

def spend(week: int, rate: int) -> int:
    told(f"spend{week}")
    return week * rate

def signups(spend: int) -> int:
    told(f"signups{spend}")
    return spend + 1

def total(signups: Collect[int]) -> int:
    told("total")
    return sum(signups)

def doubled(total: int, rate: int) -> int:
    told("doubled")
    return total * rate
"""


@pytest.mark.parametrize(
    "executor",
    [SynchronousLocalTaskExecutor, lambda: MultiThreadingExecutor(2), lambda: MultiProcessingExecutor(2)],
    ids=["here", "threads", "processes"],
)
def test_each_element_of_a_fan_out_is_kept_for_itself(
    load: Callable[..., ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    executor: Callable[[], Any],
) -> None:
    monkeypatch.syspath_prepend(tmp_path)  # new processes import the module
    module = load(FAN)
    told = tmp_path / "features.told"

    def run(weeks: int) -> tuple[int, set[str], Any]:
        dr = (
            Builder()
            .with_modules(module)
            .with_cache(path=tmp_path / "cache")
            .enable_dynamic_execution(allow_experimental_mode=True)
            .with_local_executor(SynchronousLocalTaskExecutor())
            .with_remote_executor(executor())
            .build()
        )
        told.write_text("")
        found = dr.execute(["doubled"], inputs={"weeks": weeks, "rate": 10})["doubled"]
        return found, set(told.read_text().split()), dr.cache

    everything = {"base", "spend0", "spend1", "signups0", "signups10", "total", "doubled"}
    assert run(2)[:2] == (120, everything)
    assert run(2)[:2] == (120, set())
    # A fan-out of another size is not the same code and data, but its elements are.
    found, again, cache = run(3)
    assert (found, again >= {"base", "spend2", "signups20", "total", "doubled"}) == (330, True)
    assert cache.data_versions[cache.last_run_id]["rate"] == cache.version_data(10)
    assert cache.data_versions[cache.last_run_id]["total"] == cache.version_data(33)


def test_behaviors_hold_in_other_processes(
    load: Callable[..., ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = load(FAN)
    told = tmp_path / "features.told"

    for _ in range(2):
        told.write_text("")
        dr = (
            Builder()
            .with_modules(module)
            .with_cache(path=tmp_path / "cache", recompute=["spend"])
            .enable_dynamic_execution(allow_experimental_mode=True)
            .with_remote_executor(MultiProcessingExecutor(1))
            .build()
        )
        assert dr.execute(["total"], inputs={"weeks": 2, "rate": 10}) == {"total": 12}

    assert set(told.read_text().split()) == {"spend0", "spend1"}


def test_plain_features_of_an_event_loop_are_kept(load: Callable[..., ModuleType], tmp_path: Path) -> None:
    source = (
        FAN.partition("def base")[0]
        + """
def spend(rate: int) -> int:
    told("spend")
    return rate * 2

async def fetched(spend: int) -> int:
    told("fetched")
    return spend + 1

def total(fetched: int) -> int:
    told("total")
    return fetched * 2
"""
    )
    module = load(source)

    async def run() -> Any:
        cache = HamiltonCacheAdapter(path=tmp_path / "cache")
        dr = await async_driver.Builder().with_modules(module).with_adapters(cache).build()
        return await dr.execute(["total"], inputs={"rate": 1})

    assert [run_apart(run()), run_apart(run())] == [{"total": 6}, {"total": 6}]
    assert (tmp_path / "features.told").read_text().split() == ["spend", "fetched", "total", "fetched"]
