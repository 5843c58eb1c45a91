"""Policies that ask for the history are judged in a catalog's reviews, also of commits beside the main line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headwater_catalog.change_histories import histories_of
from headwater_catalog.checked_changes import check_change
from headwater_catalog.governance.changed import History
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository, open_mirror
from headwater_catalog.reviewed_changes import reviewed
from headwater_catalog.rules import Policy
from support.git_repo import GitRepo
from support.scanned import Catalog

_DAY = "2026-06-30"
_POLICY = Policy(name="of-ada", query="author:ada", message="Ada wrote it.")
_BO, _CY = "Bo Example <bo@example.com>", "Cy Example <cy@example.com>"
_ONE = "def one(raw: int) -> int:\n    return raw\n"
_TWO = "\n\ndef two(one: int) -> int:\n    return one\n"
_FLOW = '[dataflows.all]\nmodules = ["shop", "tax"]\n'


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Scan `main`, from which `side` parted: there Bo has changed what Ada wrote, and Cy has added something."""
    git_repo.commit("Begin", files={"headwater.toml": _FLOW, "shop.py": _ONE + _TWO})
    git_repo.branch("side")
    git_repo.commit("Change", files={"shop.py": _ONE.replace("return raw", "return -raw") + _TWO}, author=_BO)
    git_repo.commit("Add", files={"tax.py": "def net(two: int) -> int:\n    return two\n"}, author=_CY)
    git_repo.checkout("main")
    git_repo.commit("Go on", files={"tax.py": "def gross(one: int) -> int:\n    return one\n"})
    made = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    made.settings = replace(made.settings, policies=(_POLICY,))
    made.scan()
    yield made
    made.database.dispose()


def _moment(catalog: Catalog, session, at: str) -> Moment:
    return moment_at(session, catalog.settings, get_repository(session, "repo"), at)


def test_the_past_of_a_branch_goes_on_from_where_it_left_the_main_line(catalog: Catalog):
    with catalog.database.read() as session:
        before, after = (_moment(catalog, session, at) for at in ("main~1", "side"))
        with open_mirror(catalog.settings, after.repository) as source:
            then, now = histories_of(source, before, after, [_POLICY])
    assert then.pasts is not None
    assert now.pasts is not None

    assert now.instant == after.commit.authored_at
    assert {key: past.authors[-1] for key, past in now.pasts.items()} == {
        "shop:one": "bo@example.com",
        "shop:two": "ada@example.com",
        "tax:net": "cy@example.com",
    }
    assert now.pasts["shop:two"] == then.pasts["shop:two"]
    assert now.pasts["shop:one"].added == then.pasts["shop:one"].added
    assert now.pasts["shop:one"].changed > then.pasts["shop:one"].changed
    assert now.pasts["tax:net"].added == now.pasts["tax:net"].changed == after.commit.authored_at


def test_a_review_judges_what_asks_for_the_history(catalog: Catalog):
    with catalog.database.read() as session:
        moments = {at: _moment(catalog, session, at) for at in ("main~1", "main", "side")}
        branch = reviewed(moments["main~1"], moments["side"], _DAY)
        first = reviewed(None, moments["main~1"], _DAY)
        main = reviewed(moments["main~1"], moments["main"], _DAY)

    def keys(found: list[dict[str, object]]) -> list[object]:
        return [
            each["key"] for each in found if each["key"]
        ]  # at first `tax` is not there, which is told, too

    assert [each["unknown"] for each in (branch, first, main)] == [[], [], []]
    assert (keys(branch["findings"]), keys(branch["known"]), keys(branch["cleared"])) == (
        [],
        ["shop:two"],
        ["shop:one"],
    )
    assert keys(first["findings"]) == ["shop:one", "shop:two"]
    assert (keys(main["findings"]), keys(main["known"])) == (["tax:gross"], ["shop:one", "shop:two"])


def test_ages_count_from_the_commit_that_is_judged(catalog: Catalog):
    young = replace(_POLICY, name="young", query="changed:<1d")
    with catalog.database.read() as session:
        before, after = (_moment(catalog, session, at) for at in ("main~1", "side"))
        found = reviewed(before, after, _DAY, [young])

    assert [each["key"] for each in found["findings"] if each["rule"] == "young"] == ["tax:net"]


def test_the_page_of_a_commit_judges_it_too(catalog: Catalog):
    with catalog.database.read() as session:
        before, after = (_moment(catalog, session, at) for at in ("main~1", "side"))
        found = check_change(before, after, _DAY)

    assert found.unknown == ()
    assert [each.key for each in found.cleared] == ["shop:one"]


def test_where_no_policy_asks_nothing_is_looked_up(catalog: Catalog):
    with catalog.database.read() as session:
        after = _moment(catalog, session, "side")
        with open_mirror(catalog.settings, after.repository) as source:
            found = histories_of(source, None, after, [Policy(name="owned", query="-has:owner")])

    assert found == (History(), History())
