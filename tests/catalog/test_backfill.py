"""Partitions of a dataflow: which there are, which are stale, and that only those are computed."""

import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pandas as pd
import pytest
from click.testing import Result
from sqlalchemy import select

from headwater_catalog.backfill import due, request_partitions
from headwater_catalog.data_settings import DataSettings
from headwater_catalog.days import on_day
from headwater_catalog.errors import Conflict
from headwater_catalog.moments import moment_at
from headwater_catalog.partition_states import PartitionState, partition_states
from headwater_catalog.partitions import Partitions, of_partition
from headwater_catalog.read.project import read_project
from headwater_catalog.repositories import get_repository
from headwater_catalog.run_options import RunOptions
from headwater_catalog.scan import scan
from headwater_catalog.store.models import DatasetVersion, Run
from support.daily_shop import CODE, PROJECT, SALES, make_daily_shop
from support.git_repo import GitRepo
from support.run_catalog import Catalog


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    made = make_daily_shop(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _run(shop: Catalog, *args: str) -> Result:
    return shop.headwater("backfill", "daily", *args)


def _computed(shop: Catalog, *args: str) -> list[str]:
    found = _run(shop, "--json", *args)
    assert found.exit_code == 0, found.output
    return [each["day"] for each in json.loads(found.stdout)["computed"]]


def _states(shop: Catalog) -> dict[str, tuple[str, tuple[str, ...]]]:
    with shop.database.read() as session:
        moment = moment_at(session, shop.settings, get_repository(session, "shop"))
        return {each.day: (each.state, each.because) for each in partition_states(moment, "daily")}


def _change(shop: Catalog, repo: GitRepo, **files: str) -> None:
    repo.commit(
        "Change", files={name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    )
    scan(shop.database, shop.settings, "shop")


@pytest.mark.runs
def test_outputs_that_are_named_with_their_module_or_twice_leave_a_partition_fresh(
    shop: Catalog, git_repo: GitRepo
):
    _change(shop, git_repo, headwater_toml=PROJECT.replace('["spend"]', '["m:spend", "spend"]'))

    assert _computed(shop, "--limit", "1") == ["2026-01-01"]
    assert _states(shop)["2026-01-01"] == ("fresh", ())


def test_a_time_without_partitions_is_told(shop: Catalog):
    assert "No partition begins in that time." in _run(shop, "--from", "2027-01-01", "--dry-run").output
    turned = _run(shop, "--from", "2026-01-03", "--to", "2026-01-01")
    assert (turned.exit_code, "--from is after --to" in turned.output) == (2, True)


@pytest.mark.runs
def test_only_what_is_missing_or_stale_is_computed(shop: Catalog, git_repo: GitRepo):
    assert {state for state, _ in _states(shop).values()} == {"missing"}
    assert _computed(shop, "--limit", "2") == ["2026-01-01", "2026-01-02"]
    assert _computed(shop, "--dry-run") == []
    assert _computed(shop) == ["2026-01-03"]
    assert _computed(shop) == []

    _change(shop, git_repo, m_py=CODE.replace("return amount\n", "return amount + 1\n"))
    assert {state for state, _ in _states(shop).values()} == {"fresh"}

    git_repo.commit("More of a day", files={"data/2026-01-02.csv": SALES.format("2\n3")})
    scan(shop.database, shop.settings, "shop")
    assert _states(shop)["2026-01-02"] == ("stale", ("the file of source 'sales' is another",))
    assert _computed(shop) == ["2026-01-02"]

    _change(shop, git_repo, m_py=CODE.replace("amount * rate", "amount / rate"))
    assert _states(shop)["2026-01-01"] == ("stale", ("column 'spend' means something else",))
    assert _computed(shop, "--from", "2026-01-02", "--to", "2026-01-02") == ["2026-01-02"]
    assert [state for state, _ in _states(shop).values()] == ["stale", "fresh", "stale"]

    git_repo.commit("Another output", files={"headwater.toml": PROJECT.replace('["spend"]', '["apart"]')})
    scan(shop.database, shop.settings, "shop")
    assert "the outputs are others" in _states(shop)["2026-01-02"][1]


def _request(shop: Catalog, seen: dict[str, int | None]) -> list[tuple[str, int, bool]]:
    with shop.database.write() as session:
        head = moment_at(session, shop.settings, get_repository(session, "shop"))
        made = request_partitions(session, head, "daily", seen, "maya", 0)
        return [(each.day, each.run, each.is_new) for each in made]


def test_a_partition_that_is_underway_is_not_asked_for_again(shop: Catalog):
    (first,) = _request(shop, {"2026-01-01": None})
    again = _request(shop, {"2026-01-01": None, "2026-01-02": None})

    assert first[2] and again[0] == (first[0], first[1], False)
    assert again[1][2]
    with shop.database.read() as session:
        moment = moment_at(session, shop.settings, get_repository(session, "shop"))
        states = partition_states(moment, "daily")
    assert [each.underway for each in states] == [first[1], again[1][1], None]


@pytest.mark.runs
def test_what_another_backfill_has_saved_meanwhile_is_not_computed_again(shop: Catalog):
    assert _computed(shop, "--limit", "1") == ["2026-01-01"]

    assert _request(shop, {"2026-01-01": None}) == []


@pytest.mark.runs
def test_a_partition_whose_file_is_gone_is_missing(shop: Catalog):
    assert _computed(shop, "--limit", "1") == ["2026-01-01"]
    with shop.database.read() as session:
        path = session.scalars(select(DatasetVersion.path)).one()
    (shop.settings.home / path).unlink()

    assert _states(shop)["2026-01-01"] == ("missing", ("the file that was saved is gone",))
    assert _computed(shop, "--limit", "1") == ["2026-01-01"]


def test_many_partitions_are_told_apart_in_no_time():
    days = Partitions("day", "day", "1999-01-01")

    for day in days.days(None, None, "2026-01-01"):
        days.require({"day": day}, {})
    for day in ("1998-12-31", "2026-1-1", "20260101", "soon"):
        with pytest.raises(Conflict):
            days.require({"day": day}, {})


@pytest.mark.runs
def test_it_goes_on_after_a_partition_that_fails(shop: Catalog, git_repo: GitRepo):
    git_repo.delete("data/2026-01-02.csv")
    git_repo.commit("Lose a day")
    scan(shop.database, shop.settings, "shop")

    found = _run(shop, "--json")

    assert found.exit_code == 1
    computed = json.loads(found.stdout)["computed"]
    assert [each["state"] for each in computed] == ["succeeded", "failed", "succeeded"]
    assert "data/2026-01-02.csv" in computed[1]["error"]
    assert _computed(shop, "--from", "2026-01-02", "--all", "--limit", "1") == ["2026-01-03"]


def test_partitions_that_failed_the_last_time_do_not_keep_others_from_being_asked_for():
    states = [
        PartitionState("2026-01-01", "missing", failed=1),
        PartitionState("2026-01-02", "fresh", run=2),
        PartitionState("2026-01-03", "stale", run=3),
        PartitionState("2026-01-04", "missing", underway=4),
    ]

    assert [each.day for each in due(states)] == ["2026-01-03", "2026-01-01"]
    assert [each.day for each in due(states, everything=True)] == ["2026-01-02", "2026-01-03", "2026-01-01"]


@pytest.mark.runs
def test_each_run_is_computed_by_the_executor_that_is_named(shop: Catalog):
    assert _computed(shop, "--executor", "threads", "--limit", "1") == ["2026-01-01"]

    with shop.database.read() as session:
        assert session.scalars(select(Run.executor)).all() == ["threads"]
    refused = _run(shop, "--executor", "thread")
    assert refused.exit_code == 3
    assert "There is no executor 'thread'. Did you mean 'threads'?" in refused.output


def test_a_run_names_a_partition_that_there_is(shop: Catalog):
    for config in ({}, {"day": "2026-01-04"}, {"day": "2026-01-01' OR 1 = 1"}, {"day": 3}):
        with pytest.raises(Conflict, match="partition"):
            shop.request("spend", config=config)


def test_a_dataflow_without_partitions_is_refused(shop: Catalog, git_repo: GitRepo):
    git_repo.commit("No more", files={"headwater.toml": PROJECT.replace("partitions", "config", 1)})
    scan(shop.database, shop.settings, "shop")

    assert "Dataflow 'daily' has no partitions." in _run(shop).output


@pytest.mark.parametrize(
    ("given", "today", "expected"),
    [
        (("day", "2026-02-27", None), "2026-03-02", ["2026-02-27", "2026-02-28", "2026-03-01"]),
        (("week", "2026-01-05", None), "2026-01-20", ["2026-01-05", "2026-01-12"]),
        (("month", "2025-11-01", None), "2026-02-01", ["2025-11-01", "2025-12-01", "2026-01-01"]),
        (("day", "2026-01-01", "2026-01-02"), "2026-03-02", ["2026-01-01", "2026-01-02"]),
        (("day", "2026-01-01", None), "2025-12-31", []),
    ],
)
def test_partitions_that_are_over_are_there(given, today, expected):
    every, first, last = given

    assert list(Partitions("day", every, first, last).days(None, None, today)) == expected


def test_partitions_are_cut_to_what_is_asked_for_and_to_a_number():
    days = Partitions("day", "day", "2000-01-01")

    assert days.days("2026-01-30", "2026-02-01", "2000-01-01") == ("2026-01-30", "2026-01-31", "2026-02-01")
    with pytest.raises(Conflict, match="more than 10,000"):
        days.days(None, None, "2050-01-01")


def test_places_have_the_day_and_only_that():
    partitions = Partitions("day", "day", "2026-01-01")
    stored = {
        "a": {
            "path": "warehouse:query",
            "locations": {"": {"connection": "w", "query": "select '{day}' as d, '{other}' as o"}},
            "envs": [],
        }
    }

    found = of_partition(partitions, stored, {"day": "2026-01-02"})

    assert found["a"]["locations"][""]["query"] == "select '2026-01-02' as d, '{other}' as o"
    assert of_partition(None, stored, {"day": "2026-01-02"}) == stored
    with pytest.raises(Conflict):
        of_partition(partitions, stored, {"day": "x'; drop table t; --"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('from = "2026-01-01"', "needs a key and a first day"),
        ('key = "day"', "needs a key and a first day"),
        ('key = "day"\nfrom = "soon"', "partitions.from must be a day such as 2026-01-31"),
        ('key = "day"\nfrom = 2026-01-01\nevery = "weak"', "every is 'weak', which there is not. Did you mean 'week'?"),
        ('key = "day"\nfrom = 2026-01-02\nevery = "month"', "must be the first day of a month"),
        ('key = "day"\nfrom = 2026-01-02\nfor = 3', "'dataflows.daily.partitions.for' is unknown"),
    ],
)  # fmt: skip
def test_faults_of_declarations_are_told(text, told):
    project = read_project(
        None, dedent(f'[dataflows.daily]\nmodules = ["m"]\n[dataflows.daily.partitions]\n{text}').encode()
    )

    (diagnostic,) = project.diagnostics
    assert told in diagnostic.message


def test_days_are_compared_as_they_are_on_a_day(shop: Catalog):
    with on_day(datetime.date(2026, 1, 2).isoformat()):
        assert list(_states(shop)) == ["2026-01-01"]


def test_sink_in_which_each_partition_would_replace_another_is_refused(shop: Catalog, git_repo: GitRepo):
    sinks = '[dataflows.daily.sinks]\nall = { connection = "w", table = "marts.spend" }\n'
    _change(shop, git_repo, headwater_toml=PROJECT + sinks)

    found = _run(shop, "--sink", "all")

    assert found.exit_code == 3
    assert "Sink 'all' has one place for all partitions, w:marts.spend" in found.output
    assert "Write {day} into its path or url." in found.output


@pytest.mark.runs
def test_features_may_read_the_day_and_sinks_may_have_it(shop: Catalog, git_repo: GitRepo, tmp_path: Path):
    lake = tmp_path / "lake"
    lake.mkdir()
    sink = f'[dataflows.daily.sinks.out]\nurl = "file://{lake}/spend-{{day}}.parquet"\n'
    project = PROJECT.replace('["spend"]', '["spend", "of"]')
    git_repo.commit(
        "Read the day",
        files={
            "m.py": f"{CODE}\ndef of(spend: pd.Series, day: str) -> pd.Series:\n    return spend.map(lambda _: day)\n",
            "headwater.toml": project + sink,
        },
    )
    scan(shop.database, shop.settings, "shop")
    shop.settings = replace(shop.settings, data=DataSettings((f"file://{lake}/",), {}))

    run = shop.run(config={"day": "2026-01-03"}, save="parquet", options=RunOptions(sinks=("out",)))

    assert run.job.error is None
    table = pd.read_parquet(lake / "spend-2026-01-03.parquet")
    assert table.to_dict("list") == {"spend": [30], "of": ["2026-01-03"]}
