"""Outputs that a query selects."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_catalog.errors import NotFound, QueryError
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository
from headwater_catalog.selection import select_outputs
from support.git_repo import GitRepo
from support.run_catalog import make_catalog, make_repository


@pytest.fixture
def moment(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Moment]:
    make_repository(git_repo)
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    with catalog.database.read() as session:
        yield moment_at(session, catalog.settings, get_repository(session, "shop"))
    catalog.database.dispose()


def test_a_query_selects_features_of_the_dataflow_by_name(moment: Moment):
    assert select_outputs(moment, "downstream:spend") == [
        "features.spend:scaled",
        "features.spend:spend_per_signup",
    ]
    assert select_outputs(moment, "module:features.*", "marketing") == [
        "features.holidays:holiday_count",
        "features.spend:scaled",
        "features.spend:spend_per_signup",
    ]


def test_a_query_never_selects_by_a_guess(moment: Moment):
    with pytest.raises(NotFound, match="No feature has the word 'signupp'"):
        select_outputs(moment, "signupp")
    with pytest.raises(NotFound, match="No feature of dataflow 'traps'"):
        select_outputs(moment, "name:scaled", "traps")
    with pytest.raises(QueryError):
        select_outputs(moment, "downstream:(")
    with pytest.raises(NotFound, match="No dataflow"):
        select_outputs(moment, "scaled", "nothing")
