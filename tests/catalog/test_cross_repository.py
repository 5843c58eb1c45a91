"""Lineage goes on where a source of one repository is declared to be a feature of another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from headwater_catalog.cross_repository import Across, across
from headwater_catalog.inputs import Supply, supplies
from headwater_catalog.lineage import LineageEdge, LineageNode
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from support.demo_catalog import settings_in
from support.git_repo import GitRepo

pytestmark = pytest.mark.runs


class Shops:
    """A catalog of several repositories, each with one module `m` and one dataflow `flow`."""

    def __init__(self, folder: Path, database: Database, settings: Settings) -> None:
        self._folder = folder
        self.database = database
        self.settings = settings

    def add(self, name: str, code: str, sources: str = "", tag: str | None = None) -> GitRepo:
        known = (self._folder / name).exists()
        repo = GitRepo(self._folder / name)
        repo.write("m.py", code)
        repo.write(
            "headwater.toml", f'[dataflows.flow]\nmodules = ["m"]\n[dataflows.flow.sources]\n{sources}\n'
        )
        repo.commit("Work")
        if tag:
            repo.tag(tag)
        if not known:
            with self.database.write() as session:
                add_repository(session, name, str(repo.path), 0)
        scan(self.database, self.settings, name)
        return repo

    def across(self, session: Session, name: str, at: str | None = None) -> Across:
        return across(moment_at(session, self.settings, get_repository(session, name), at))


@pytest.fixture
def shops(tmp_path: Path, database: Database, catalog_url: str) -> Iterator[Shops]:
    yield Shops(tmp_path, database, settings_in(tmp_path / "home", catalog_url))


COSTS = "def cost(raw: float) -> float:\n    return raw\n"
SPEND = "def spend(cost: float, rate: float) -> float:\n    return cost\n"
REPORT = "def report(spend: float) -> float:\n    return spend\n"


def test_lineage_goes_on_both_ways_in_other_repositories(shops):
    shops.add("costs", COSTS)
    shops.add("spend", SPEND, 'cost = { feature = "costs:m:cost" }')
    shops.add("report", REPORT, 'spend = { feature = "spend:spend:x", at = "nowhere" }')
    shops.add("report", REPORT, 'spend = { feature = "spend:m:spend" }')

    with shops.database.read() as session:
        middle, last = shops.across(session, "spend"), shops.across(session, "report")

    assert middle.unresolved == last.unresolved == ()
    assert dict(middle.graph.upstream("spend:m:spend").items()) == {
        "spend:input:cost": 1,
        "spend:input:rate": 1,
        "costs:m:cost": 2,
        "costs:input:raw": 3,
    }
    assert list(middle.graph.downstream("spend:m:spend")) == ["report:input:spend", "report:m:report"]
    assert last.graph.path("costs:input:raw", "report:m:report")[-1] == "report:m:report"
    assert LineageEdge("costs:m:cost", "spend:input:cost", ("flow",)) in middle.graph.edges_among(
        ["costs:m:cost", "spend:input:cost"]
    )


def test_a_source_may_name_the_commit_that_it_is_of(shops):
    shops.add("costs", COSTS, tag="v1")
    shops.add("costs", COSTS.replace("raw", "other"))
    shops.add("spend", SPEND, 'cost = { feature = "costs:m:cost", at = "v1" }')

    with shops.database.read() as session:
        found = shops.across(session, "spend")
        from_head, from_tag = shops.across(session, "costs"), shops.across(session, "costs", "v1")

    (pinned,) = (key for key in found.graph.parents("spend:input:cost"))
    assert pinned.startswith("costs@") and pinned.endswith(":m:cost")
    assert "raw" in found.graph.parents(pinned)[0]
    assert len(from_head.graph.downstream("costs:m:cost")) == 0
    assert list(from_tag.graph.downstream(f"{from_tag.label}:m:cost")) == [
        "spend:input:cost",
        "spend:m:spend",
    ]


def test_repositories_may_draw_from_each_other(shops):
    shops.add("hen", "def hen(egg: int) -> int:\n    return egg\n", 'egg = { feature = "egg:m:egg" }')
    shops.add("egg", "def egg(hen: int) -> int:\n    return hen\n", 'hen = { feature = "hen:m:hen" }')

    with shops.database.read() as session:
        found = shops.across(session, "hen")

    assert list(found.graph.upstream("hen:m:hen")) == ["hen:input:egg", "egg:m:egg", "egg:input:hen"]
    assert list(found.graph.downstream("hen:m:hen")) == ["egg:input:hen", "egg:m:egg", "hen:input:egg"]


def test_what_leads_nowhere_is_told_and_stays_an_input(shops):
    shops.add("costs", COSTS)
    sources = (
        'cost = { feature = "cots:m:cost" }',
        'cost = { feature = "costs:m:coost" }',
        'cost = { feature = "costs:m:cost", at = "v9" }',
        'cst = { feature = "costs:m:cost" }',
    )
    told = []
    for source in sources:
        shops.add("spend", SPEND, source)
        with shops.database.read() as session:
            found = shops.across(session, "spend")
        assert found.graph["spend:input:cost"].is_input
        assert found.graph.parents("spend:input:cost") == ()
        told += found.unresolved

    assert [text.partition(" leads nowhere. ")[0] for text in told] == [
        *["spend: source 'cost' of dataflow 'flow'"] * 3,
        "spend: source 'cst' of dataflow 'flow'",
    ]
    assert "No repository 'cots' in the catalog. Did you mean 'costs'?" in told[0]
    assert "No feature 'm:coost' in repository 'costs'" in told[1]
    assert "No commit, branch or tag 'v9'" in told[2]
    assert "No feature there reads an input 'cst'. Did you mean 'cost'?" in told[3]


def test_an_input_tells_which_feature_it_is_declared_to_be(shops):
    shops.add("spend", SPEND, 'cost = { feature = "costs:m:cost", at = "v1" }\nrates = "rates.csv"')

    with shops.database.read() as session:
        flows = moment_at(session, shops.settings, get_repository(session, "spend")).snapshot.dataflows

    assert supplies(LineageNode("input:cost", "cost", "", ""), flows, {}) == (
        Supply("flow", False, ("rates.csv",), "costs:m:cost", "v1"),
    )
    assert supplies(LineageNode("input:rate", "rate", "", ""), flows, {}) == (
        Supply("flow", False, ("rates.csv",)),
    )


_OUT = '[dataflows.flow.sinks]\nout = { connection = "warehouse", table = "marts.costs" }\n'


def _filling(shops: Shops) -> None:
    repo = shops.add("costs", COSTS)
    flow = '[dataflows.flow]\nmodules = ["m"]\noutputs = ["cost"]\n'
    repo.commit("Fill", files={"headwater.toml": f"{flow}{_OUT}"})
    scan(shops.database, shops.settings, "costs")


_READ = 'costs = { connection = "warehouse", table = "marts.costs" }'


def test_lineage_goes_on_through_tables_that_one_fills_and_another_reads(shops):
    _filling(shops)
    shops.add("spend", SPEND, f'{_READ}\nrate = "rate.csv"\n')
    shops.add("other", REPORT, 'x = { connection = "warehouse", table = "other" }')

    with shops.database.read() as session:
        up, down = shops.across(session, "spend"), shops.across(session, "costs")

    column = "table:warehouse:marts.costs#cost"
    assert up.unresolved == ()
    assert up.graph.path("costs:m:cost", "spend:m:spend") == (
        *("costs:m:cost", column, "spend:input:cost", "spend:m:spend"),
    )
    assert down.graph.path("costs:input:raw", "spend:m:spend")[-1] == "spend:m:spend"
    assert not any(key.startswith("other:") for key in (*up.graph.nodes, *down.graph.nodes))


@pytest.mark.parametrize(
    "asked",
    [
        "pd.read_sql('select cost from marts.costs', warehouse)",
        "warehouse.execute('select cost from marts.costs').df()",
        "warehouse.query('select cost from marts.costs').to_dataframe()",
        "pd.read_gbq('select cost from marts.costs', 'warehouse')",
    ],
)
def test_sql_in_the_code_of_another_repository_reads_the_table(shops, asked):
    _filling(shops)
    code = f"import pandas as pd\n\ndef spent(warehouse: object) -> pd.DataFrame:\n    return {asked}\n"
    shops.add("code", code)

    with shops.database.read() as session:
        found = shops.across(session, "costs")

    assert "code:m:spent" in found.graph.downstream("costs:m:cost")


def test_files_of_two_repositories_are_two_tables(shops):
    table = "w = { path = 'w.csv' }\n[tables.w]\npath = 'w.csv'\ncolumns = ['cost']"
    shops.add("one", SPEND, table)
    shops.add("two", SPEND, table)

    with shops.database.read() as session:
        found = shops.across(session, "one")

    assert found.graph.parents("one:input:cost") == ("one:table:./w.csv#cost",)
    assert not any(key.startswith("two:") for key in found.graph.nodes)
