"""Deprecated features: since when, who needs them, and who came to need them since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_catalog.datasets import record_version
from headwater_catalog.deprecations import Deprecation, deprecations
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import get_repository, resolve_at
from headwater_catalog.runs import request_run
from support.git_repo import GitRepo
from support.scanned import Catalog

_HEAD = "from headwater import tag\n\n\n"
_OLD = "@tag(deprecated={!r})\ndef old(raw: float) -> float:\n    return raw * 2\n\n\n"
_FRESH = "def old(raw: float) -> float:\n    return raw * 2\n\n\n"
_USER = "@tag(owner='{0}-team')\ndef {0}(old: float) -> float:\n    return old + {1}\n\n\n"


@pytest.fixture
def catalog(catalog_url: str, tmp_path: Path, git_repo: GitRepo) -> Iterator[Catalog]:
    git_repo.commit(
        "Begin",
        files={"shop.py": _HEAD + _FRESH + _USER.format("first", 1), "headwater.toml": _flows("shop")},
    )
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield catalog
    catalog.database.dispose()


def _flows(*modules: str) -> str:
    return f"[dataflows.all]\nmodules = {list(modules)}\n"


def _found(catalog: Catalog, name: str = "repo") -> tuple[Deprecation, ...]:
    catalog.scan_on(name)
    with catalog.database.read() as session:
        return deprecations(moment_at(session, catalog.settings, get_repository(session, name)))


def test_users_that_came_since_are_told_apart_also_where_features_moved(catalog: Catalog, git_repo: GitRepo):
    assert _found(catalog) == ()
    shop = _HEAD + _OLD.format("true") + _USER.format("first", 1)
    since = git_repo.commit("Deprecate", files={"shop.py": shop})
    git_repo.commit("Use", files={"shop.py": shop + _USER.format("second", 2)})
    moved = {
        "shop.py": _HEAD,
        "store.py": shop + _USER.format("second", 2),
        "headwater.toml": _flows("shop", "store"),
    }
    git_repo.commit("Move", files=moved)
    (found,) = _found(catalog)

    assert (found.repository, found.key, found.said, found.since.sha) == ("repo", "store:old", "", since)
    assert [(user.key, user.is_new) for user in found.users] == [
        ("store:second", True),
        ("store:first", False),
    ]
    assert [user.key for user in found.new_users] == ["store:second"]
    assert found.asked == ("second-team", "first-team")


def test_a_tag_that_was_taken_back_begins_anew_and_false_is_none(catalog: Catalog, git_repo: GitRepo):
    users = _USER.format("first", 1)
    for value in ("since 2024", None, "false"):
        old = _FRESH if value is None else _OLD.format(value)
        git_repo.commit("Next", files={"shop.py": _HEAD + old + users})
    assert _found(catalog) == ()

    begun = git_repo.commit("Again", files={"shop.py": _HEAD + _OLD.format("use new") + users})
    git_repo.commit("Say it otherwise", files={"shop.py": _HEAD + _OLD.format("use newer") + users})
    (found,) = _found(catalog)
    assert (found.said, found.since.sha, found.new_users) == ("use newer", begun, ())


def test_repositories_that_draw_from_it_are_told(catalog: Catalog, tmp_path: Path, git_repo: GitRepo):
    git_repo.commit("Deprecate", files={"shop.py": _HEAD + _OLD.format("true")})
    other = GitRepo(tmp_path / "other")
    sources = f"{_flows('uses')}[dataflows.all.sources]\nold = {{ feature = 'repo:shop:old' }}\n"
    other.commit("Begin", files={"uses.py": _HEAD + _USER.format("first", 1), "headwater.toml": sources})
    catalog.add("other", other.path)
    assert _found(catalog, "other") == ()
    (found,) = _found(catalog)

    assert (found.users, found.repositories, found.datasets) == ((), ("other",), ())


def test_datasets_that_hold_it_are_told(catalog: Catalog, git_repo: GitRepo):
    files = {"shop.py": _HEAD + _OLD.format("true"), "headwater.toml": _flows("shop")}
    sha = git_repo.commit("Deprecate", files=files)
    catalog.scan_on()
    with catalog.database.write() as session:
        repository = get_repository(session, "repo")
        commit = resolve_at(session, catalog.settings, repository, sha)
        asked = (repository, commit, "all", ["old"], {}, {}, None, "ada", 0)
        run = request_run(session, catalog.settings, *asked)
        columns = [{"name": "old", "type": "float", "features": ["shop:old"]}]
        told = {"path": "datasets/x.csv", "format": "csv", "sha256": "0" * 64, "rows": 1, "now": 0}
        record_version(session, run, "weekly", columns=columns, **told)
    (found,) = _found(catalog)

    assert (found.key, found.datasets) == ("shop:old", ("weekly",))
