"""Values that runs compute once: taken by later runs where they would come out the same, and only there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import func, select

from headwater_catalog import jobs
from headwater_catalog.repositories import get_repository, remove_repository
from headwater_catalog.run_options import RunOptions
from headwater_catalog.scan import scan
from headwater_catalog.store.models import CommitDefinitions, KeptValue, Run
from headwater_catalog.value_files import NotKept, write_value
from headwater_catalog.value_store import folder_of, make_room
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

pytestmark = pytest.mark.runs

PROJECT = """
    [tool.headwater.dataflows.shop]
    modules = ["features.sales"]
    config = { rate = 2 }
    [tool.headwater.dataflows.shop.sources]
    orders = { path = "data/orders.csv", index = "day" }
    people = { path = "data/people.csv" }
"""
SALES = """
    import os, random
    import pandas as pd
    from headwater import cache, check_output, config, tag

    def net(gross: pd.Series, rate: int) -> pd.Series:
        return gross / rate

    def doubled(net: pd.Series) -> pd.Series:
        return net * FACTOR

    def mean_net(net: pd.Series) -> float:
        return net.mean()

    @check_output(range=(0, 5), importance="warn")
    def checked(doubled: pd.Series) -> pd.Series:
        return doubled - 1

    def of_checked(checked: pd.Series) -> pd.Series:
        return checked + 1

    def heads(age: pd.Series) -> int:
        return int((age > 0).sum())

    def crowd(people: pd.DataFrame) -> int:
        return len(people)

    @cache(behavior="recompute")
    def drawn(net: pd.Series) -> float:
        return random.random()

    def of_drawn(drawn: float) -> float:
        return drawn

    def opaque(net: pd.Series) -> float:
        return getattr(net, os.environ.get("METHOD", "sum"))() + globals()["FACTOR"]

    def odd(net: pd.Series) -> object:
        return object()

    FACTOR = 2
"""


def _write(repo: GitRepo, sales: str = SALES) -> None:
    repo.write("pyproject.toml", dedent(PROJECT))
    repo.write("features/sales.py", dedent(sales))
    repo.write("data/orders.csv", "day,gross\n1,10\n2,30\n")
    repo.write("data/people.csv", "age\n0\n31\n")


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    made = _made(sqlite_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def catalog_of_each(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    made = _made(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _made(url: str, repo: GitRepo, home: Path) -> Catalog:
    _write(repo)
    repo.commit("Begin")
    return make_catalog(url, repo, home)


def _computed(run: Run) -> set[str]:
    assert (run.job.state, run.job.error) == ("succeeded", None)
    return {node.name for node in run.nodes if node.kept_from is None}


def _kept(run: Run) -> dict[str, int]:
    return {node.name: node.kept_from for node in run.nodes if node.kept_from is not None}


def _values(run: Run) -> Any:
    return {name: run.preview[name] for name in ("table", "values")}


def _count(catalog: Catalog, model: type = KeptValue) -> int:
    with catalog.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_a_second_run_computes_nothing_and_says_who_did(catalog_of_each: Catalog):
    first = catalog_of_each.run("doubled", "mean_net", "heads")
    again = catalog_of_each.run("doubled", "mean_net", "heads")

    assert _computed(first) == {"net", "doubled", "mean_net", "heads"}
    assert (_computed(again), _kept(again)) == (
        set(),
        dict.fromkeys(("doubled", "mean_net", "heads"), first.id),
    )
    assert _values(again) == _values(first)
    assert {name: used["sha256"] for name, used in again.inputs.items()} == {
        name: used["sha256"] for name, used in first.inputs.items()
    }
    assert _count(catalog_of_each, CommitDefinitions) == 1


def test_what_is_made_of_a_source_as_a_whole_is_kept_until_the_source_changes(
    catalog: Catalog, git_repo: GitRepo
):
    first = catalog.run("crowd")
    again = catalog.run("crowd")
    _changed(catalog, git_repo, "data/orders.csv", "30", "40")
    other = catalog.run("crowd")
    _changed(catalog, git_repo, "data/people.csv", "31", "31\n5")
    changed = catalog.run("crowd")

    assert first.inputs["people"]["rows"] == 2 and list(first.inputs) == ["people"]
    assert _kept(again) == _kept(other) == {"crowd": first.id}
    assert _computed(changed) == {"crowd"}
    assert changed.preview["values"][0]["text"] == "3"


def test_another_run_takes_what_it_needs_and_computes_the_rest(catalog: Catalog):
    first = catalog.run("net")
    second = catalog.run("doubled", "net")

    assert (_computed(second), _kept(second)) == ({"doubled"}, {"net": first.id})


def _changed(catalog: Catalog, repo: GitRepo, path: str, *change: str) -> None:
    text = (repo.path / path).read_text()
    assert change[0] in text
    repo.write(path, text.replace(*change))
    repo.commit("Change")
    scan(catalog.database, catalog.settings, "shop")


_CHANGES = (
    ("features/sales.py", ("FACTOR = 2", "FACTOR = 3"), {"doubled"}),
    ("features/sales.py", ("gross / rate", "gross / (rate)"), set()),
    ("data/people.csv", ("31", "32"), {"heads"}),
    ("pyproject.toml", ("rate = 2", "rate = 1"), {"net", "doubled", "mean_net", "heads"}),
)
_MORE_CHANGES = (
    ("features/sales.py", ("net * FACTOR", "net * FACTOR * 1"), {"doubled"}),
    ("features/sales.py", ("gross / rate", "gross // rate"), {"net", "doubled", "mean_net"}),
    ("data/orders.csv", ("30", "40"), {"net", "doubled", "mean_net"}),
    ("pyproject.toml", ('index = "day"', 'format = "csv"'), {"net", "doubled", "mean_net"}),
)


@pytest.mark.parametrize(
    ("path", "change", "computed"),
    [*_CHANGES, *(pytest.param(*each, marks=pytest.mark.slow) for each in _MORE_CHANGES)],
)
def test_what_changed_is_computed_with_what_is_downstream_and_no_more(
    catalog: Catalog, git_repo: GitRepo, path: str, change: tuple[str, str], computed: set[str]
):
    catalog.run("doubled", "mean_net", "heads")
    _changed(catalog, git_repo, path, *change)
    second = catalog.run("doubled", "mean_net", "heads")
    honest = catalog.run("doubled", "mean_net", "heads", options=RunOptions(use_kept=False))

    assert _computed(second) == computed
    assert _computed(honest) == {"net", "doubled", "mean_net", "heads"}
    assert _values(second) == _values(honest)


def test_a_file_of_the_repository_that_code_reads_counts(catalog: Catalog, git_repo: GitRepo):
    rates = """
    from pathlib import Path
    RATES = Path(__file__).parent / "rates.txt"

    def factor() -> float:
        return float(RATES.read_text())

    def named(table_name: str) -> float:
        return float(open(table_name).read())
"""
    _write(git_repo, SALES + rates)
    git_repo.commit("Rates", files={"features/rates.txt": "4"})
    scan(catalog.database, catalog.settings, "shop")
    asked = {"inputs": {"table_name": "features/rates.txt"}}
    first = catalog.run("factor", "named", **asked)
    git_repo.commit("Other rates", files={"features/rates.txt": "9"})
    scan(catalog.database, catalog.settings, "shop")
    second, third = catalog.run("factor", "named", **asked), catalog.run("factor", "named", **asked)

    texts = [[value["text"] for value in run.preview["values"]] for run in (first, second)]
    assert texts == [["4.0", "4.0"], ["9.0", "9.0"]]
    assert (_computed(second), _computed(third)) == ({"factor", "named"}, {"named"})


def test_what_cannot_be_told_or_kept_is_computed_each_time(catalog: Catalog):
    asked = ("drawn", "of_drawn", "opaque", "odd")
    first = catalog.run(*asked)
    again = catalog.run(*asked)

    assert _computed(first) == {"net", *asked}
    assert (_computed(again), _kept(again)) == (set(asked), {"net": first.id})


def test_outcomes_of_checks_are_told_of_every_run(catalog: Catalog):
    first = catalog.run("checked", "of_checked")
    again = catalog.run("checked", "of_checked")

    assert [(check.node, check.passed) for check in first.checks] == [("checked", False)]
    assert [(check.node, check.passed) for check in again.checks] == [("checked", False)]
    assert _computed(again) == {"checked", "checked_range_validator"}
    assert _kept(again) == {"checked_raw": first.id, "of_checked": first.id}


def test_configuration_and_literals_count(catalog: Catalog):
    catalog.run("mean_net")
    assert _computed(catalog.run("mean_net", config={"rate": 5})) == {"net", "mean_net"}
    assert _computed(catalog.run("mean_net", config={"rate": 5})) == set()


def test_the_order_of_the_keys_of_literals_and_of_configured_tables_counts(
    catalog: Catalog, git_repo: GitRepo
):
    first = """
    def first_given(mapping: dict) -> str:
        return next(iter(mapping))

    def first_set(table: dict) -> str:
        return next(iter(table))
"""
    _write(git_repo, SALES + first)
    git_repo.commit("First")
    scan(catalog.database, catalog.settings, "shop")

    def told(*keys: str) -> list[str]:
        mapping = {key: number for number, key in enumerate(keys)}
        run = catalog.run("first_given", "first_set", inputs={"mapping": mapping}, config={"table": mapping})
        return [value["text"] for value in run.preview["values"]]

    assert [told("a", "b"), told("b", "a")] == [["a", "a"], ["b", "b"]]


def test_a_file_that_is_no_value_is_computed_anew_and_made_good(catalog: Catalog):
    catalog.run("net", "mean_net")
    repository = folder_of(catalog.settings, 1)
    for file in repository.rglob("*.value"):
        file.write_bytes(file.read_bytes()[:12])
    assert _computed(catalog.run("net", "mean_net")) == {"net", "mean_net"}
    assert _computed(catalog.run("net", "mean_net")) == set()
    for file in repository.rglob("*.value"):
        file.unlink()
    assert _computed(catalog.run("net", "mean_net")) == {"net", "mean_net"}


def test_values_take_no_more_room_than_they_may(catalog_of_each: Catalog):
    catalog_of_each.run("net")
    catalog_of_each.run("heads")
    files = list(folder_of(catalog_of_each.settings, 1).rglob("*.value"))
    sizes = {file: file.stat().st_size for file in files}
    assert _count(catalog_of_each) == len(files) == 2

    assert make_room(catalog_of_each.database, catalog_of_each.settings, sum(sizes.values())) == 0
    assert make_room(catalog_of_each.database, catalog_of_each.settings, sum(sizes.values()) - 1) == 1
    assert _computed(catalog_of_each.run("heads")) | _computed(catalog_of_each.run("net")) != set()
    assert make_room(catalog_of_each.database, catalog_of_each.settings, 0) == 2
    assert list(folder_of(catalog_of_each.settings, 1).rglob("*.value")) == []
    catalog_of_each.settings = replace(catalog_of_each.settings, values_limit=0)
    assert _computed(catalog_of_each.run("net")) == _computed(catalog_of_each.run("net")) == {"net"}


@pytest.mark.runs(databases=True)
def test_runs_side_by_side_keep_whole_values(catalog_of_each: Catalog):
    asked = [catalog_of_each.request("doubled", "mean_net", "heads") for _ in range(4)]

    def perform(job: int) -> None:
        assert Worker(catalog_of_each.database, catalog_of_each.settings).perform_next(job)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(perform, [job for _, job in asked]))
    told = [catalog_of_each.get(run) for run, _ in asked]
    assert {run.job.state for run in told} == {"succeeded"}
    assert [_values(run) for run in told] == [_values(told[0])] * 4
    assert _computed(catalog_of_each.run("doubled", "mean_net", "heads")) == set()


def test_a_table_that_allows_no_label_twice_is_not_kept_as_one_that_does(tmp_path: Path):
    frame = pd.DataFrame({"x": [1, 2]})
    write_value(frame, tmp_path / "kept")
    for strict in (
        frame.set_flags(allows_duplicate_labels=False),
        frame.x.set_flags(allows_duplicate_labels=False),
    ):
        with pytest.raises(NotKept, match="no label twice"):
            write_value(strict, tmp_path / "strict")


def test_a_feature_that_changes_what_it_is_given_leaves_no_wrong_values(catalog: Catalog, git_repo: GitRepo):
    changing = """
    def table(gross: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"gross": gross})

    def a_changing(table: pd.DataFrame) -> float:
        table["more"] = 1
        return float(table["more"].sum())

    def b_columns(table: pd.DataFrame, a_changing: float) -> int:
        return table.shape[1]

    class Box:
        content = 1

    def box() -> Box:
        return Box()

    def a_filling(box: Box) -> int:
        box.content = 2
        return 1

    def b_content(box: Box, a_filling: int) -> int:
        return box.content

    def alone(odd: object) -> int:
        return 3
"""
    _write(git_repo, SALES + changing)
    git_repo.commit("Change in place")
    scan(catalog.database, catalog.settings, "shop")
    first = catalog.run("mean_net", "a_filling", "b_content", "alone")
    assert set(_kept(catalog.run("mean_net", "b_content", "alone"))) == {"mean_net", "alone"}
    assert "b_content" in _computed(first)
    catalog.run("table", "b_columns")
    again = catalog.run("table", "b_columns")

    assert "b_columns" in _computed(again) and set(_kept(again)) == {"table"}


HOSTILE = """
    import os
    from pathlib import Path

    VALUES = Path.home() / "values"

    def lays_a_link() -> int:
        VALUES.rename(VALUES.with_name("mine"))
        VALUES.symlink_to({victim!r})
        return 1

    def lays_much() -> int:
        (VALUES / f"{{'ab' * 20}}.value").symlink_to({secret!r})
        (VALUES / f"{{'cd' * 20}}.value").mkdir()
        (VALUES / "..value").write_text("x")
        (VALUES / "one").write_text("x")
        (VALUES / f"{{'12' * 20}}.value").hardlink_to(VALUES / "one")
        (VALUES / f"{{'ef' * 20}}.value").write_text("x")
        return 1

    def puts_itself_in_place() -> int:
        for key in {keys!r}.split():
            (VALUES / f"{{key}}.value").write_text('["int", "666"]')
        if {ends!r} == "never":
            Path.home().joinpath("progress.json").write_text('{{"done": 1, "total": 2, "node": "x"}}')
            while True:
                pass
        return 1
"""


def _add_hostile(catalog: Catalog, repo: GitRepo, **places: str) -> None:
    told = dict.fromkeys(("victim", "secret", "keys", "ends"), "") | places
    repo.write("features/sales.py", dedent(SALES) + dedent(HOSTILE).format(**told))
    repo.commit("Mean harm")
    scan(catalog.database, catalog.settings, "shop")


def _files(catalog: Catalog) -> list[Path]:
    return sorted((catalog.settings.home / "values").rglob("*.value"))


def test_a_folder_of_another_repository_is_not_taken_over(
    catalog: Catalog, git_repo: GitRepo, tmp_path: Path
):
    victim = catalog.settings.home / "values" / "7" / "ab"
    victim.mkdir(parents=True)
    theirs = victim / f"{'ab' * 20}.value"
    theirs.write_text("secret")
    _add_hostile(catalog, git_repo, victim=str(victim))
    catalog.run("lays_a_link", "net")

    assert theirs.read_text() == "secret"
    assert _files(catalog) == [theirs]
    assert _count(catalog) == 0


def test_only_whole_files_are_taken_over(catalog: Catalog, git_repo: GitRepo, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    _add_hostile(catalog, git_repo, secret=str(secret))
    run = catalog.run("lays_much", options=RunOptions())

    assert (run.job.state, run.job.error) == ("succeeded", None)
    assert f"{'ef' * 20}.value" in {file.name for file in _files(catalog)}
    assert not {f"{key * 20}.value" for key in ("ab", "cd", "12")} & {file.name for file in _files(catalog)}
    assert all(file.is_file() and not file.is_symlink() for file in _files(catalog))
    assert _count(catalog) == len(_files(catalog))


def test_what_is_kept_is_not_replaced_and_keeps_its_run(catalog_of_each: Catalog, git_repo: GitRepo):
    first = catalog_of_each.run("mean_net", "heads")
    before = {file: file.read_bytes() for file in _files(catalog_of_each)}
    keys = " ".join(file.stem for file in before)
    _add_hostile(catalog_of_each, git_repo, keys=keys)
    catalog_of_each.run("puts_itself_in_place", options=RunOptions())
    again = catalog_of_each.run("mean_net", "heads")

    assert {file: file.read_bytes() for file in before} == before
    assert _kept(again) == {"mean_net": first.id, "heads": first.id}
    assert _values(again) == _values(first)


def test_a_cancelled_run_leaves_no_values(catalog_of_each: Catalog, git_repo: GitRepo):
    _add_hostile(catalog_of_each, git_repo, keys="ab" * 20, ends="never")
    run_id, job_id = catalog_of_each.request("puts_itself_in_place", "mean_net")

    def cancel(_: object) -> None:
        with catalog_of_each.database.write() as session:
            jobs.cancel(session, job_id, "ana")

    Worker(catalog_of_each.database, catalog_of_each.settings, tell=cancel).perform_next(job_id)

    assert catalog_of_each.get(run_id).job.state == "cancelled"
    assert _files(catalog_of_each) == [] and _count(catalog_of_each) == 0


def test_files_that_no_run_is_known_to_have_made_are_swept(catalog: Catalog):
    catalog.run("net")
    (known,) = _files(catalog)
    stray = known.with_name(f"{known.name[:2]}{'0' * 38}.value")
    stray.write_text("x")
    Worker(catalog.database, catalog.settings).run(once=True)

    assert _files(catalog) == [known]


@pytest.mark.runs(databases=True)
def test_a_repository_that_goes_takes_its_values_along(catalog_of_each: Catalog):
    catalog_of_each.run("net")
    with catalog_of_each.database.write() as session:
        remove_repository(session, catalog_of_each.settings, get_repository(session, "shop"))

    assert _count(catalog_of_each) == 0
    assert not folder_of(catalog_of_each.settings, 1).exists()
