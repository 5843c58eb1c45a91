"""Relays: a dataflow executed in several runs gives what one run gives, or says why it cannot."""

import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from headwater_catalog import datasets
from headwater_catalog.data_settings import DataSettings
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.relays import Relay, sweep
from headwater_catalog.repositories import get_repository, remove_repository
from headwater_catalog.run_options import RunOptions
from headwater_catalog.scan import scan
from headwater_catalog.store.models import Run
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

PROJECT = """
    [tool.headwater.dataflows.shop]
    modules = ["features.shop"]
    outputs = ["ratio", "label", "centred"]
    [tool.headwater.dataflows.shop.sources]
    weekly = { path = "data/weekly.csv", index = "week", dates = ["week"] }
    [tool.headwater.dataflows.shop.sinks]
    between = { url = "file://%s/" }
    report = { url = "file://%s/report.parquet" }
"""

SHOP = """
    import pandas as pd

    def ratio(spend: pd.Series, signups: pd.Series) -> pd.Series:
        return spend / signups

    def summary(ratio: pd.Series) -> dict:
        return {"mean": ratio.mean(), "names": ("low", "high")}

    def centred(ratio: pd.Series, summary: dict) -> pd.Series:
        return ratio - summary["mean"]

    def label(centred: pd.Series, summary: dict) -> pd.Series:
        low, high = summary["names"]
        return (centred > 0).map({True: high, False: low}).astype("category")

    def stream(ratio: pd.Series) -> object:
        return (each for each in ratio)
"""

WEEKLY = "week,spend,signups\n2026-01-05,10,3\n2026-01-12,20,7\n2026-01-19,1,9\n"


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    made = make_shop(sqlite_catalog_url, git_repo, tmp_path)
    yield made
    made.database.dispose()


def make_shop(url: str, repo: GitRepo, folder: Path) -> Catalog:
    out = folder / "out"
    out.mkdir()
    repo.write("pyproject.toml", dedent(PROJECT) % (out, out))
    repo.write("features/shop.py", dedent(SHOP))
    repo.write("data/weekly.csv", WEEKLY)
    repo.commit("Add the shop")
    return make_catalog(url, repo, folder / "home")


def relayed(
    catalog: Catalog, *outputs: str, take: tuple[str, ...] = (), key: str = "one", **more: Any
) -> Run:
    through = more.pop("through", "")
    relay = Relay(key, through, take, hand_on=more.pop("hand_on", not more.get("save")))
    return catalog.run(*outputs, dataflow="shop", options=RunOptions(relay=relay), **more)


def saved(catalog: Catalog, run: Run) -> bytes:
    version = catalog.version(run)
    assert version is not None, run.job.error
    return datasets.file_of(catalog.settings, version).read_bytes()


@pytest.mark.runs
def test_several_runs_make_the_dataset_of_one_bit_for_bit(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    catalog = make_shop(catalog_url, git_repo, tmp_path)
    first = relayed(catalog, "ratio", "summary")
    second = relayed(catalog, "centred", take=("ratio", "summary"))
    last = relayed(
        catalog, "ratio", "label", "centred", take=("ratio", "summary", "centred"), save="csv", hand_on=False
    )
    whole = catalog.run(dataflow="shop", save="csv")

    assert [run.job.error for run in (first, second, last, whole)] == [None] * 4
    assert saved(catalog, last) == saved(catalog, whole)
    computed = [{n.name for n in run.nodes if n.kept_from is None} for run in (first, second, last)]
    assert computed == [{"ratio", "summary"}, {"centred"}, {"label"}]
    catalog.database.dispose()


def test_a_run_tells_which_run_has_handed_values_on_and_what_they_were_made_of(catalog: Catalog):
    first = relayed(catalog, "ratio", "summary")
    last = relayed(catalog, "centred", take=("ratio", "summary"), save="parquet", hand_on=False)

    assert {n.name: n.kept_from for n in last.nodes} == {
        "centred": None,
        "ratio": first.id,
        "summary": first.id,
    }
    assert last.inputs["weekly"]["sha256"] == first.inputs["weekly"]["sha256"]
    assert "rows" in first.inputs["weekly"] and "rows" not in last.inputs["weekly"]


def test_what_is_made_in_a_relay_can_be_made_again(catalog: Catalog):
    relayed(catalog, "ratio", "summary")
    relayed(catalog, "centred", take=("ratio", "summary"), save="parquet", hand_on=False)
    shutil.rmtree(catalog.settings.home / "relays")

    again = catalog.headwater("reproduce", "shop", "--json")

    assert json.loads(again.stdout)["verdict"] == "identical", again.output


def test_values_go_through_a_sink_that_is_a_folder(catalog: Catalog, tmp_path: Path):
    data = DataSettings(locations=(f"file://{tmp_path}/out/",))
    catalog.settings = replace(catalog.settings, data=data)
    relayed(catalog, "ratio", through="between", key="7")
    last = relayed(catalog, "summary", take=("ratio",), through="between", key="7")

    assert last.job.error is None
    assert (tmp_path / "out" / "7" / "shop" / "ratio.json").is_file()
    assert not (catalog.settings.home / "relays").exists()


def test_a_sink_that_the_server_does_not_allow_is_refused(catalog: Catalog, tmp_path: Path):
    run = relayed(catalog, "ratio", through="between")

    assert run.job.state == "failed"
    assert "does not allow" in (run.job.error or "")
    assert list((tmp_path / "out").iterdir()) == []


def test_nothing_handed_on_is_told_with_the_node_and_the_place(catalog: Catalog):
    run = relayed(catalog, "summary", take=("ratio",))

    assert run.job.state == "failed"
    assert "Nothing was handed on of 'ratio'" in (run.job.error or "")


def test_dataflows_of_one_execution_do_not_take_each_other_s_values(catalog: Catalog, git_repo: GitRepo):
    project = (git_repo.path / "pyproject.toml").read_text()
    other = project.replace("dataflows.shop", "dataflows.'an/other'")
    git_repo.write("pyproject.toml", f"{project}\n{other}")
    git_repo.commit("Add another dataflow of the same features")
    scan(catalog.database, catalog.settings, "shop")
    first = relayed(catalog, "ratio")
    relay = RunOptions(relay=Relay("one", hand_on=True))
    second = catalog.run("ratio", dataflow="an/other", options=relay)
    last = relayed(catalog, "summary", take=("ratio",))

    assert [run.job.error for run in (first, second, last)] == [None] * 3
    assert {n.name: n.kept_from for n in last.nodes}["ratio"] == first.id


def test_values_of_another_configuration_or_commit_are_refused(catalog: Catalog, git_repo: GitRepo):
    relayed(catalog, "ratio")
    git_repo.write("features/more.py", "x = 1\n")
    git_repo.commit("Add a file")
    scan(catalog.database, catalog.settings, "shop")
    run = relayed(catalog, "summary", take=("ratio",))

    assert "at another commit" in (run.job.error or "")


def test_a_source_that_has_changed_between_two_runs_is_refused(catalog: Catalog):
    def mine(content: str) -> dict[str, Any]:
        return {"weekly": catalog.send(content.encode())}

    relayed(catalog, "ratio", inputs=mine(WEEKLY))
    run = relayed(catalog, "summary", take=("ratio",), inputs=mine(WEEKLY.replace("10", "11")))

    assert run.job.state == "failed"
    assert "with other inputs" in (run.job.error or "")


def test_a_damaged_value_is_refused(catalog: Catalog):
    relayed(catalog, "ratio")
    (value,) = (catalog.settings.home / "relays").glob("*/one/shop/ratio.*.value")
    value.write_bytes(value.read_bytes() + b" ")
    run = relayed(catalog, "summary", take=("ratio",))

    assert "is damaged" in (run.job.error or "")


def test_what_somebody_else_puts_into_the_sink_is_not_taken(catalog: Catalog, tmp_path: Path):
    data = DataSettings(locations=(f"file://{tmp_path}/out/",))
    catalog.settings = replace(catalog.settings, data=data)
    relayed(catalog, "ratio", through="between")
    told = tmp_path / "out" / "one" / "shop" / "ratio.json"
    honest = json.loads(told.read_text())
    value = b"PICKLED\n" + pickle.dumps({"mean": 7})
    sha256 = hashlib.sha256(value).hexdigest()
    told.with_name(f"ratio.{sha256[:16]}.value").write_bytes(value)
    runs = []
    for forged in ({"sha256": sha256}, {"sources": {}}, {"run": 99}):
        told.write_text(json.dumps({**honest, **forged}))
        runs.append(relayed(catalog, "summary", take=("ratio",), through="between"))

    assert [run.job.state for run in runs] == ["failed"] * 3
    assert all("catalog knows nothing" in (run.job.error or "") for run in runs)


def test_a_value_that_no_file_can_hold_fails_with_its_name(catalog: Catalog):
    run = relayed(catalog, "stream")

    assert run.job.state == "failed"
    assert "'stream' cannot be handed on" in (run.job.error or "")


def test_a_run_that_is_made_again_replaces_what_it_handed_on(catalog: Catalog):
    relayed(catalog, "ratio")
    again = relayed(catalog, "ratio")
    last = relayed(catalog, "summary", take=("ratio",))

    assert {n.name: n.kept_from for n in last.nodes}["ratio"] == again.id


@pytest.mark.parametrize(
    ("relay", "error", "words"),
    [
        ({"key": "../up"}, Conflict, "is no key"),
        ({"key": "a..b"}, Conflict, "is no key"),
        ({"key": "a", "hand_on": False}, Conflict, "takes something or hands something on"),
        ({"key": "a", "take": ("rato",)}, NotFound, "has no 'rato'"),
        ({"key": "a", "through": "nowhere"}, NotFound, "has no sink 'nowhere'"),
        ({"key": "a", "through": "report"}, Conflict, "is no folder"),
    ],
)
def test_what_a_relay_cannot_be_is_told(
    catalog: Catalog, relay: dict[str, Any], error: type[Exception], words: str
):
    with pytest.raises(error, match=words):
        options = RunOptions(relay=Relay(**{"hand_on": True, **relay}))
        catalog.request("ratio", dataflow="shop", options=options)


def test_a_repository_that_goes_takes_its_relays_with_it(catalog: Catalog):
    relayed(catalog, "ratio")
    before = list((catalog.settings.home / "relays").iterdir())
    with catalog.database.write() as session:
        remove_repository(session, catalog.settings, get_repository(session, "shop"))

    assert len(before) == 1
    assert list((catalog.settings.home / "relays").iterdir()) == []


def test_old_relays_are_removed_from_the_home(catalog: Catalog):
    relayed(catalog, "ratio")
    relayed(catalog, "ratio", key="old")
    (old,) = (catalog.settings.home / "relays").glob("*/old")
    for each in (*old.rglob("*"), old):
        os.utime(each, (1_600_000_000, 1_600_000_000))
    sweep(catalog.settings)

    assert [path.name for path in (catalog.settings.home / "relays").glob("*/*")] == ["one"]


def test_the_command_takes_and_hands_on(catalog: Catalog):
    first = catalog.headwater("run", "ratio", "summary", "--dataflow", "shop", "--relay", "r1", "--hand-on")
    words = ["run", "ratio", "centred", "--dataflow", "shop", "--relay", "r1", "--take", "ratio"]
    last = catalog.headwater(*words, "--take", "summary", "--keep", "csv", "--json")

    assert first.exit_code == 0, first.output
    assert last.exit_code == 0, last.output
    told = json.loads(last.stdout)
    assert told["dataset"]["format"] == "csv"
    assert [n["name"] for n in told["nodes"] if n["kept_from"] is None] == ["centred"]
    assert catalog.headwater("run", "ratio", "--take", "x").exit_code == 2
