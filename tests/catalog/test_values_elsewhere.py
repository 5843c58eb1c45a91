"""Values that are computed in the processes of tasks: kept, described, and not kept where they changed in place."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from headwater.builder import Builder
from headwater.driver import Driver
from headwater.executors import MultiProcessingExecutor
from headwater.executors.grouping import GroupNodesIndividually
from headwater_catalog.kept_values import KeptValues, ValueKeeper, Written
from headwater_catalog.node_profiles import NodeProfiles
from headwater_catalog.printed_lines import PrintedLines
from headwater_catalog.value_files import read_value
from headwater_catalog.value_keys import ValueKeys, installed

FEATURES = """
    import os, sys
    import pandas as pd

    def table(rows: int) -> pd.DataFrame:
        return pd.DataFrame({"gross": range(rows)})

    def worker() -> int:
        return os.getpid()

    def net(table: pd.DataFrame) -> pd.Series:
        return table["gross"] / 2

    def total(net: pd.Series) -> float:
        return net.sum()

    def changing(table: pd.DataFrame) -> int:
        table["more"] = 1
        return len(table)

    def loud() -> int:
        print("aloud")
        print("as an error", file=sys.stderr)
        return 1

    def of_changing(changing: int) -> int:
        return changing
"""


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Give a module that worker processes can import, too."""
    path = tmp_path / "code" / "computed_elsewhere.py"
    path.parent.mkdir()
    path.write_text(dedent(FEATURES))
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    yield module


@pytest.fixture
def driver(features: ModuleType) -> Driver:
    builder = Builder().with_modules(features).enable_dynamic_execution(allow_experimental_mode=True)
    builder.with_grouping_strategy(GroupNodesIndividually())
    return builder.with_remote_executor(MultiProcessingExecutor(max_tasks=2)).build()


def _keeper(
    driver: Driver, folder: Path, outputs: list[str], most: int = 1_000_000, *, is_elsewhere: bool = False
) -> ValueKeeper:
    digests = {"computed_elsewhere": {node.name: node.name for node in driver.graph.nodes}}
    keys = ValueKeys(driver.graph, digests, {}, {"rows": "4"}, (), "")
    kept = KeptValues(driver.graph, keys, folder / "known", folder / "new", most)
    assert kept.take(outputs) == {}
    return kept.keeper(is_elsewhere=is_elsewhere)


def test_values_and_statistics_come_back_from_the_processes_that_computed_them(
    driver: Driver, tmp_path: Path
):
    outputs = ["worker", "total"]
    keeper, profiles = _keeper(driver, tmp_path, outputs), NodeProfiles()

    run = driver.run(outputs, inputs={"rows": 4}, watchers=[profiles, keeper])

    assert run.error is None
    assert run.values["total"] == 3.0
    assert run.values["worker"] not in (None, os.getpid())
    assert set(keeper.written.values()) == {"table", "worker", "net", "total"}
    values = {name: read_value(tmp_path / "new" / f"{key}.value") for key, name in keeper.written.items()}
    assert (values["total"], values["worker"]) == (3.0, run.values["worker"])
    assert list(values["net"]) == [0.0, 0.5, 1.0, 1.5]
    assert profiles.found["table"]["rows"] == 4
    assert {name for name, told in profiles.found.items() if told["reason"] is None} >= {
        "table",
        "net",
        "total",
    }


def test_what_follows_from_a_value_that_changed_in_place_is_not_kept(driver: Driver, tmp_path: Path):
    keeper = _keeper(driver, tmp_path, ["of_changing"])

    run = driver.run(["of_changing"], inputs={"rows": 4}, watchers=[keeper])

    assert run.values == {"of_changing": 4}
    assert set(keeper.written.values()) == {"table"}
    assert {file.stem for file in (tmp_path / "new").iterdir()} == set(keeper.written)


def test_values_come_home_from_where_the_folder_is_not(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "there"))  # of worker processes
    keeper = _keeper(driver, tmp_path, ["total"], is_elsewhere=True)
    stray = _keeper(driver, tmp_path / "stray", ["total"], is_elsewhere=True)
    vars(stray)["_surroundings"] = ("another Python",)

    run = driver.run(["total"], inputs={"rows": 4}, watchers=[keeper])
    driver.run(["total"], inputs={"rows": 4}, watchers=[stray])

    assert run.error is None
    assert set(keeper.written.values()) == {"table", "net", "total"}
    values = {name: read_value(tmp_path / "new" / f"{key}.value") for key, name in keeper.written.items()}
    assert list(values["net"]) == [0.0, 0.5, 1.0, 1.5]
    assert stray.written == {}
    assert not list((tmp_path / "there").glob("headwater-*"))


def test_nothing_comes_home_of_a_run_that_changed_something_in_place(driver: Driver, tmp_path: Path):
    keeper = _keeper(driver, tmp_path, ["of_changing", "total"], is_elsewhere=True)

    assert driver.run(["of_changing", "total"], inputs={"rows": 4}, watchers=[keeper]).error is None
    assert keeper.written == {}
    assert list((tmp_path / "new").iterdir()) == []


def test_what_comes_home_must_have_the_key_of_its_node(driver: Driver, tmp_path: Path):
    keeper = _keeper(driver, tmp_path, ["total"], is_elsewhere=True)
    first, second = list(vars(keeper)["_keys"].items())[:2]
    forged = Written({first[1]: second[0], "../x": first[0]}, False, {first[1]: b"1", "../x": b"2"})
    keeper.give_record(forged)

    assert keeper.written == {}
    assert not (tmp_path / "x.value").exists()


def test_prints_come_home(driver: Driver, capsys: pytest.CaptureFixture[str]):
    run = driver.run(["loud"], watchers=[PrintedLines()])

    assert run.values == {"loud": 1}
    assert capsys.readouterr().out == "aloud\nas an error\n"


def test_values_of_all_processes_have_one_room(driver: Driver, tmp_path: Path):
    keeper = _keeper(driver, tmp_path, ["total", "worker"], most=1)

    assert driver.run(["total", "worker"], inputs={"rows": 4}, watchers=[keeper]).error is None
    assert keeper.written == {}
    assert list((tmp_path / "new").iterdir()) == []


def test_profiles_of_all_processes_have_one_room():
    here, there = NodeProfiles(), NodeProfiles()
    wide = {"reason": None, "rows": 1, "bytes": 1, "sample": None, "columns_left_out": 0}
    columns = [{"name": str(number), "type": "int64", "bytes": 8, "stats": {}} for number in range(30)]
    for process in range(2):
        found = {f"node_{process}_{number}": {**wide, "columns": columns} for number in range(20)}
        here.give_record((found, 20.0))

    assert sum(len(each["columns"]) for each in here.found.values()) == 1_000
    assert "at most" in here.found["node_1_19"]["reason"]
    here.describe("late", 1)
    assert "at most" in here.found["late"]["reason"]
    assert there.take_record() == ({}, 0.0)


def test_what_a_package_brings_for_itself_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "cluster-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    before = installed()
    (tmp_path / "cluster" / "brought" / "tool-2.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "cluster" / "brought")

    assert "cluster-1.0" in before and installed() == before
