"""How the values of features differ between two commits: what is run, what is compared, and what goes wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.moments import moment_at
from headwater_catalog.personal import HIDDEN
from headwater_catalog.repositories import get_repository
from headwater_catalog.reproduce import CANNOT, DIFFERS, IDENTICAL, WITHIN, Verdict
from headwater_catalog.run_options import RunOptions
from headwater_catalog.scan import scan
from headwater_catalog.shown_values import shown_values
from headwater_catalog.store.models import ValueComparison
from headwater_catalog.value_comparison import (
    cancel_comparison,
    find_comparison,
    outcome_of,
    request_comparison,
    sweep_tables,
    values_apart,
)
from headwater_catalog.value_requests import pair_runs
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import SPEND, Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs

_SPEND = SPEND.replace("import check_output", "import check_output, tag")
_MORE = """
    def trembling(spend: pd.Series) -> pd.Series:
        return spend * 1.1

    def gone(spend: pd.Series) -> pd.Series:
        return spend

    @tag(pii="true")
    def person(spend: pd.Series) -> pd.Series:
        return "P" + spend.astype(str)

    @tag(pii="true")
    def oldest(spend: pd.Series) -> int:
        return 987654

    def broken_later(spend: pd.Series) -> pd.Series:
        return spend

    def customer(signups: pd.Series) -> pd.Series:
        return "c" + signups.astype(str)

    def country(signups: pd.Series) -> pd.Series:
        return signups.astype(str).where(signups > 100, "UK")
"""
_LATER = """
    def trembling(spend: pd.Series) -> pd.Series:
        return spend * 1.1 * (1 + 1e-13)

    @tag(pii="true")
    def person(spend: pd.Series) -> pd.Series:
        return "Q" + spend.astype(str)

    @tag(pii="true")
    def oldest(spend: pd.Series) -> int:
        return 987655

    def spend_in_cents(spend: pd.Series, signups: pd.Series) -> pd.Series:
        return 100 * spend + signups

    def broken_later(spend: pd.Series) -> pd.Series:
        raise RuntimeError("not any more")

    def customer(signups: pd.Series) -> pd.Series:
        return pd.Series(("c" + signups.astype(str)).to_numpy()[::-1], signups.index)

    def country(signups: pd.Series) -> pd.Series:
        return signups.astype(str).where(signups > 100, "UK")
"""
_WEEKLY = "week,spend,signups\n2026-01-12,20,4\n2026-01-05,10,1\n2026-01-19,7,7\n"


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Give a catalog of a repository whose features, names and data changed since the tag v1."""
    make_repository(git_repo)
    git_repo.write("features/spend.py", dedent(_SPEND + _MORE))
    git_repo.commit("Add more features")
    git_repo.git("tag", "v1")
    changed = _SPEND.replace("spend / signups", "spend / signups + (spend > 15)").replace(
        "scaled", "multiplied"
    )
    git_repo.write("features/spend.py", dedent(changed + _LATER))
    git_repo.write(
        "features/holidays.py", (git_repo.path / "features/holidays.py").read_text().replace("8", "9")
    )
    git_repo.write("data/weekly.csv", _WEEKLY)
    git_repo.commit("Change all of it")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _asked(
    shop: Catalog, *outputs: str, before: str = "v1", after: str | None = None, **given: Any
) -> tuple[int, int]:
    tolerance = given.pop("tolerance", 1e-9)
    chosen = given.pop("config", {}), given.pop("inputs", {}), given.pop("options", RunOptions())
    flow = given.pop("dataflow", "marketing")
    with shop.database.read() as session:
        repository = get_repository(session, "shop")
        moments = [moment_at(session, shop.settings, repository, at) for at in (before, after)]
        pair = pair_runs(moments[0], moments[1], flow, outputs, *chosen, **given)
    with shop.database.write() as session:
        repository = get_repository(session, "shop")
        made = request_comparison(
            session, shop.settings, repository, pair, "tester", 1_700_000_000, tolerance=tolerance
        )
        return made.before_id, made.run_id


def _comparison(shop: Catalog, numbers: tuple[int, int]) -> ValueComparison:
    with shop.database.read() as session:
        found = find_comparison(session, *numbers)
        assert found is not None
        return found


def _compared(shop: Catalog, *outputs: str, **given: Any) -> tuple[Verdict, ValueComparison]:
    numbers = _asked(shop, *outputs, **given)
    Worker(shop.database, shop.settings).run(once=True)
    found = _comparison(shop, numbers)
    assert list((shop.settings.home / "compared").glob("*")) == []
    assert shop.leftovers() == []
    return outcome_of(found), found


@pytest.mark.runs(databases=True)
def test_what_differs_is_told_row_by_row_on_the_same_data(shop: Catalog):
    verdict, found = _compared(shop, "spend_per_signup", "holiday_count")
    told = verdict.details

    assert (verdict.word, verdict.reason) == (DIFFERS, "")
    assert (told["matched_by"], told["rows"], told["both"], told["differing"]) == (["week"], [3, 3], 3, 1)
    assert told["examples"] == [
        {"row": 0, "key": ["2026-01-12 00:00:00"], "cells": {"spend_per_signup": ["5.0", "6.0"]}}
    ]
    assert told["columns"][0]["largest_difference"] == 1.0
    spread = {each["name"]: each for each in told["distributions"]}["spend_per_signup"]
    assert (spread["then"]["max"], spread["now"]["max"]) == (10.0, 10.0)
    assert [sum(side) for side in spread["histogram"]["counts"]] == [3, 3]
    assert told["values"] == [
        {"name": "holiday_count", "then": "8", "now": "9", "difference": 1.0, "relative": 1 / 9}
        | {"verdict": DIFFERS}
    ]
    assert found.before.inputs["weekly"]["sha256"] == found.run.inputs["weekly"]["sha256"]
    assert found.before.inputs["weekly"]["commit"] == found.run.commit.sha


def test_each_may_read_the_data_of_its_own_commit(shop: Catalog):
    verdict, found = _compared(shop, "spend_per_signup", own_data=True)

    assert verdict.details["rows"] == [2, 3]
    assert verdict.details["only"] == [[], [["2026-01-19 00:00:00"]]]
    assert verdict.details["both"] == 2  # though the weeks stand in another order
    assert found.before.inputs["weekly"]["sha256"] != found.run.inputs["weekly"]["sha256"]


def test_what_is_near_enough_is_equal_within_the_tolerance(shop: Catalog):
    assert _compared(shop, "trembling")[0].word == WITHIN
    assert _compared(shop, "trembling", tolerance=0.0)[0].word == DIFFERS


def test_a_feature_that_means_the_same_is_computed_once(shop: Catalog):
    verdict, found = _compared(shop, "trembling", before="main", after="main")

    assert verdict.word == IDENTICAL
    assert shop.get(found.run_id).nodes[0].kept_from == found.before_id


def test_a_feature_that_was_renamed_is_compared_with_what_it_was(shop: Catalog):
    verdict, found = _compared(shop, "multiplied", "spend_in_cents", inputs={"factor": 3})

    assert (found.before.outputs, found.renamed) == (["scaled"], {"scaled": "multiplied"})
    assert (verdict.details["compared"], verdict.details["columns"]) == (["multiplied"], [])
    assert verdict.details["added"] == ["spend_in_cents"]


def test_the_sample_and_the_configuration_are_those_of_both(shop: Catalog):
    options = RunOptions(sample=1, executor="threads")
    verdict, found = _compared(
        shop, "spend_per_signup", "holiday_count", options=options, config={"region": "US"}
    )

    assert verdict.details["rows"] == [1, 1]
    assert verdict.details["values"][0]["verdict"] == IDENTICAL
    for run in (found.before, found.run):
        assert (run.sample, run.executor, run.config["region"]) == (1, "threads", "US")


def test_values_that_are_no_columns_are_compared_without_a_table(shop: Catalog):
    verdict, _ = _compared(shop, "holiday_count")

    assert verdict.word == DIFFERS
    assert "rows" not in verdict.details


@pytest.mark.parametrize(
    ("then", "now", "verdict"),
    [
        (("int", "8"), ("int", "8"), IDENTICAL),
        (("int", str(10**30)), ("int", str(10**30 + 1)), DIFFERS),
        (("int", "9" * 400), ("int", "1" + "0" * 400), DIFFERS),
        (("float", "1.0"), ("int", "1"), IDENTICAL),
        (("float64", "1e-05"), ("float64", "1.0000000001e-05"), WITHIN),
        (("float", "nan"), ("float", "nan"), IDENTICAL),
        (("float", "nan"), ("float", "1.0"), DIFFERS),
        (("float", "inf"), ("float", "1.0"), DIFFERS),
        (("str", "a"), ("str", "b"), DIFFERS),
        (("Model", "<Model object at 0x7f01>"), ("Model", "<Model object at 0x7fff>"), IDENTICAL),
        (("str", "a"), None, DIFFERS),
    ],
)
def test_values_are_compared_by_what_they_are(then: Any, now: Any, verdict: str):
    sides = [
        [] if side is None else [{"name": "x", "type": side[0], "text": side[1]}] for side in (then, now)
    ]

    assert [each["verdict"] for each in values_apart(sides[0], sides[1], {}, 1e-9)] == [verdict]


def test_a_run_that_fails_is_the_reason(shop: Catalog):
    verdict, found = _compared(shop, "broken_later")

    assert (verdict.word, verdict.details) == (CANNOT, {})
    assert f"run {found.run_id} failed: " in verdict.reason and "not any more" in verdict.reason


def test_the_second_run_is_spared_where_the_first_fails(shop: Catalog):
    verdict, found = _compared(shop, "broken_later", before="main", after="v1")

    assert f"run {found.before_id} failed" in verdict.reason
    assert found.run.job.state == "failed"
    assert f"Run {found.before_id}, with which this one was to be compared, failed" in (
        found.run.job.error or ""
    )
    assert found.run.environment == {}  # nothing was executed


@pytest.mark.runs(databases=True)
def test_the_second_run_waits_for_the_first(shop: Catalog):
    numbers = _asked(shop, "trembling")
    found = _comparison(shop, numbers)
    worker = Worker(shop.database, shop.settings)

    assert not worker.perform_next(found.run.job_id)
    assert worker.perform_next(found.before.job_id)
    assert len(list((shop.settings.home / "compared").iterdir())) == 1
    assert worker.perform_next(found.run.job_id)
    assert list((shop.settings.home / "compared").iterdir()) == []


@pytest.mark.runs(databases=True)
def test_what_is_cancelled_leaves_nothing_behind(shop: Catalog):
    numbers = _asked(shop, "trembling")
    Worker(shop.database, shop.settings).perform_next(_comparison(shop, numbers).before.job_id)
    with shop.database.write() as session:
        made = find_comparison(session, *numbers)
        assert made is not None
        cancel_comparison(session, made, "vera")
    with shop.database.read() as session:
        sweep_tables(session, shop.settings)
    found = _comparison(shop, numbers)

    assert (found.before.job.state, found.run.job.state) == ("succeeded", "cancelled")
    assert outcome_of(found).reason == f"run {found.run_id} cancelled: Cancelled by vera."
    assert list((shop.settings.home / "compared").iterdir()) == []
    with shop.database.write() as session, pytest.raises(Conflict, match="have ended already"):
        cancel_comparison(session, found, "vera")


def test_a_branch_is_compared_with_where_it_left_main(shop: Catalog, git_repo: GitRepo):
    git_repo.git("checkout", "-q", "-b", "idea")
    spend = (git_repo.path / "features/spend.py").read_text()
    git_repo.write("features/spend.py", spend.replace("spend * 1.1 * (1 + 1e-13)", "spend * 1.2"))
    git_repo.commit("Try another factor")
    git_repo.git("checkout", "-q", "main")
    scan(shop.database, shop.settings, "shop")
    verdict, found = _compared(shop, "trembling", before="main", after="idea")

    assert (verdict.word, verdict.details["differing"]) == (DIFFERS, 3)
    assert verdict.details["columns"][0]["largest_relative"] == pytest.approx(0.1 / 1.2)
    assert (found.before.commit.position, found.run.commit.position) == (2, None)


def test_personal_columns_and_their_cells_are_hidden_from_whoever_may_not_see_them(shop: Catalog):
    _, found = _compared(shop, "person", "oldest", "trembling", tolerance=0.0)
    whole, shown = shown_values(found, True), shown_values(found, False)

    assert (whole.is_masked, shown.is_masked) == (False, True)
    assert shown.details["columns"][0] == {"name": "person", "masked": True}
    assert shown.details["distributions"][0] == {"name": "person", "masked": True}
    assert {name for row in shown.details["examples"] for name in row["cells"]} == {"trembling"}
    for secret in ("P10", "Q10", "987654", "987655"):
        assert secret in json.dumps(dict(whole.details))
        assert secret not in json.dumps(dict(shown.details))
    assert shown.details["values"][0]["then"] == HIDDEN


@pytest.mark.parametrize(
    ("outputs", "given", "error", "message"),
    [
        (
            ("spend_in_cents",),
            {},
            NotFound,
            "has nothing to compare with, under this name or another: There is",
        ),
        (("gone",), {}, NotFound, "There is no 'gone'"),
        (("trembling",), {"config": {"reigon": 1}}, NotFound, "Did you mean 'region'"),
        (("multiplied",), {"inputs": {"facto": 1}}, NotFound, "Did you mean 'factor'"),
        (("trembling",), {"tolerance": 2.0}, Conflict, "A tolerance is a number from 0 up to 1"),
        (("trembling",), {"options": RunOptions(sinks=("lake",))}, Conflict, "goes to no sink"),
        (("trembling",), {"options": RunOptions(saver="pickle")}, Conflict, "is not saved"),
        (("trembling",), {"before": "v9"}, NotFound, "v9"),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_runs(
    shop: Catalog, outputs: tuple[str, ...], given: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        _asked(shop, *outputs, **given)
    with shop.database.read() as session:
        assert session.query(ValueComparison).count() == 0


# The command


def test_the_command_tells_what_differs(shop: Catalog):
    told = shop.headwater("values", "spend_per_signup", "v1..main")

    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [
        "differs (runs 1 and 2)",
        "  3 rows in both, matched by week",
        "  spend_per_signup: 2 equal, 1 differ, by 1 at most (16.67%)",
        "  mean of spend_per_signup: 5.33333 before, 5.66667 after",
        "  1 row with other values; the first:",
        "    2026-01-12 00:00:00: spend_per_signup 5.0 → 6.0",
    ]


def test_the_command_takes_a_name_of_before_and_prints_all_as_json(shop: Catalog):
    told = shop.headwater(
        "values", "scaled", "v1..main", "--input", "factor=3", "--own-data", "--sample", "2", "--json"
    )
    found = json.loads(told.stdout)

    assert told.exit_code == 0, told.output
    assert (found["before"]["outputs"], found["after"]["outputs"]) == (["scaled"], ["multiplied"])
    assert found["values"]["renamed"] == {"scaled": "multiplied"}
    assert [each["name"] for each in found["inputs"]] == ["weekly"]
    assert found["values"]["details"]["both"] == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("broken_later", "v1..main"), 1, "cannot, because run 2 failed: "),
        (("nothing", "v1..main"), 3, "There is no"),
        (("spend_in_cents", "v1..main"), 3, "has nothing to compare with"),
        (("trembling", "v1..nowhere"), 3, "nowhere"),
        (("trembling", "main~1~1"), 3, "is a first commit"),
        (("trembling", "v1..main", "--tolerance", "x"), 2, "x"),
    ],
)
def test_the_command_says_what_cannot_be(shop: Catalog, words: tuple[str, ...], code: int, message: str):
    told = shop.headwater("values", *words)

    assert (told.exit_code, message in told.output) == (code, True), told.output


@pytest.mark.slow
def test_rows_are_matched_by_columns_that_somebody_chose(shop: Catalog):
    told = shop.headwater("values", "trembling", "v1..main", "--key", "customer", "--json")
    found = json.loads(told.stdout)

    assert found["after"]["outputs"] == ["trembling", "customer"]
    details = found["values"]["details"]
    assert (details["matched_by"], details["matching"], details["both"]) == (["customer"], "", 3)
    assert details["compared"] == ["week", "trembling"]
    differing = {row["key"][0]: row["cells"]["trembling"] for row in details["examples"]}
    assert differing.keys() == {"c4", "c7"}
    assert [round(float(cell), 9) for cell in differing["c4"]] == [22.0, 7.7]

    for keys, reason in (
        (("country",), "rows cannot be matched by 'country': 'country' does not tell the rows of the first"),
        (("week", "custmer"), "the first table lacks 'custmer'"),
    ):
        words = [word for key in keys for word in ("--key", key)]
        refused = shop.headwater("values", "trembling", "v1..main", *words)
        assert (refused.exit_code, refused.stdout.split(",")[0]) == (1, "cannot"), refused.output
        assert reason in refused.stdout
