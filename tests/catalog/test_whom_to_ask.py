"""Whom to ask is the same wherever it is told, and what a search for owners finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_catalog.classified_at import classify_at
from headwater_catalog.dead import dead_features
from headwater_catalog.deprecations import deprecations
from headwater_catalog.governance.duplicates import functions_of
from headwater_catalog.governance.inventory import inventory_of
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.reach_map import reach_from
from headwater_catalog.repositories import get_repository
from headwater_catalog.search import search
from support.git_repo import GitRepo
from support.scanned import Catalog

_CODE = """
from headwater import config, tag

@tag(pii="true", owner="")
def a(raw: int) -> int:
    return raw + 1

@config.when(region="uk")
def b__uk(a: int) -> int:
    return a + 2

@tag(owner=["", "crm"], deprecated="true")
@config.when(region="us")
def b__us(a: int) -> int:
    return a + 3

@config.when(region="uk")
def c__uk(b: int) -> int:
    return b + 4

@tag(owner="ads")
@config.when(region="us")
def c__us(b: int) -> int:
    return b + 5

def d(raw: int) -> int:
    return raw + 6
"""
_TOML = '[dataflows.all]\nmodules = ["shop"]\noutputs = ["d"]\n'
_OWNERS = {"crm": {"b"}, "ads": {"c"}, "": {"a"}}


@pytest.fixture
def head(catalog_url: str, tmp_path: Path, git_repo: GitRepo) -> Iterator[Moment]:
    git_repo.commit("Begin", files={"shop.py": _CODE, "headwater.toml": _TOML})
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    catalog.scan_on()
    with catalog.database.read() as session:
        yield moment_at(session, catalog.settings, get_repository(session, "repo"))
    catalog.database.dispose()


def test_numbers_by_owner_are_those_of_a_search(head: Moment):
    found = {
        owner: {
            hit.name for hit in search([head], f"{'owner:' + owner if owner else '-has:owner'} -name:d").hits
        }
        for owner in _OWNERS
    }
    counts = {owner: len(names) for owner, names in _OWNERS.items()}

    assert found == _OWNERS
    assert {**reach_from(head, "a").owners} == {"crm": 1, "ads": 1}
    assert {**inventory_of(head.snapshot, classify_at(head, "pii")).owners} == counts


def test_lists_name_the_owners_of_all_functions_of_a_feature(head: Moment):
    dead = dead_features(head, 1, "2026-06-30").found
    (deprecated,) = deprecations(head)
    functions = functions_of("repo", head.snapshot, None)

    assert {each.feature.name: each.owners for each in dead} == {"a": (), "b": ("crm",), "c": ("ads",)}
    assert (deprecated.owners, [user.owners for user in deprecated.users]) == (("crm",), [("ads",)])
    assert {each.name: each.owners for each in functions}["a"] == ()
