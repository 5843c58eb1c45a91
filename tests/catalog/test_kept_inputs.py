"""Inputs that no commit has: kept by content for what is made again, up to a limit, and never of others."""

import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import select

from headwater_catalog.data_settings import DataSettings
from headwater_catalog.datasets import file_sha256
from headwater_catalog.errors import NotFound
from headwater_catalog.input_places import kept_inputs_of
from headwater_catalog.kept_inputs import FOLDER, input_file, is_kept, keep_brought, make_room, note_sent
from headwater_catalog.repositories import add_repository
from headwater_catalog.reproduce import (
    CANNOT,
    IDENTICAL,
    Verdict,
    get_reproduction,
    request_reproduction,
    verdict_of,
)
from headwater_catalog.run_options import RunOptions
from headwater_catalog.store.models import DatasetVersion, KeptInput, Run
from headwater_catalog.uploads import Upload
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs

PROJECT = """
    [tool.headwater]
    environments = ["dev", "prod", "away"]
    [tool.headwater.dataflows.marketing]
    modules = ["features.spend"]
    outputs = ["scaled"]
    [tool.headwater.dataflows.marketing.sources.weekly]
    path = "data/weekly.csv"
    index = "week"
    dates = ["week"]
    in.prod = {{ connection = "warehouse", table = "weekly" }}
    in.away = {{ url = "file://{0}/allowed/weekly.csv" }}
    [tool.headwater.dataflows.marketing.sources.others]
    path = "data/others.csv"
    in.prod = {{ connection = "warehouse", table = "others" }}
    in.away = {{ url = "file://{0}/allowed/others.csv" }}
"""
CSV = "week,spend,signups\n2026-02-02,5,1\n2026-02-09,6,2\n"
DAY = 86_400


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Give a catalog with sources in a database and in a folder, by environment."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "weekly.csv").write_text(CSV)
    (allowed / "others.csv").write_text("rate\n1\n")
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        connection.execute("create table weekly (week, spend, signups)")
        connection.execute("insert into weekly values ('2026-02-02', 5, 1), ('2026-02-09', 6, 2)")
        connection.execute("create table others (rate)")
    connection.close()
    make_repository(git_repo)
    git_repo.write("pyproject.toml", dedent(PROJECT.format(tmp_path)))
    git_repo.write("data/others.csv", "rate\n1\n")
    git_repo.commit("Read from elsewhere")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    data = DataSettings((f"file://{allowed}/",), {"warehouse": f"sqlite:///{tmp_path}/warehouse.db"})
    made.settings = replace(made.settings, data=data)
    yield made
    made.database.dispose()


def _saved(shop: Catalog, env: str | None = None, **given: Any) -> DatasetVersion:
    run = shop.run("scaled", save="parquet", options=RunOptions(env=env), **given)
    version = shop.version(run)
    assert version is not None, run.job.error
    return version


def _ask_again(shop: Catalog, version: DatasetVersion) -> tuple[int, int]:
    with shop.database.write() as session:
        known = session.get_one(DatasetVersion, version.id)
        run = request_reproduction(session, shop.settings, known, "auditor", int(time.time()))
        return run.id, run.job_id


def _again(shop: Catalog, version: DatasetVersion) -> Verdict:
    number, job = _ask_again(shop, version)
    assert Worker(shop.database, shop.settings).perform_next(job)
    with shop.database.read() as session:
        made = get_reproduction(session, number)
        assert made is not None
        return verdict_of(made)


def _sha(version: DatasetVersion) -> str:
    assert version.stamp is not None
    found: str = version.stamp["inputs"]["weekly"]["sha256"]
    return found


def _age(shop: Catalog, sha256: str, days: int) -> None:
    """Let a file have been used so many days ago."""
    then = int(time.time()) - days * DAY
    with shop.database.write() as session:
        session.scalars(select(KeptInput).where(KeptInput.sha256 == sha256)).one().used_at = then


def _kept(shop: Catalog) -> set[str]:
    return {file.name for file in (shop.settings.home / FOLDER).glob("*")}


def _lose(tmp_path: Path) -> None:
    """Let the places that the sources were brought from be no more."""
    (tmp_path / "warehouse.db").unlink()
    for file in (tmp_path / "allowed").iterdir():
        file.unlink()


@pytest.mark.parametrize("env", ["prod", "away"])
def test_data_from_elsewhere_is_kept_and_made_again_from_when_its_place_is_gone(
    shop: Catalog, tmp_path: Path, env: str
):
    version = _saved(shop, env)
    _lose(tmp_path)
    found = _again(shop, version)

    assert (found.word, found.reason) == (IDENTICAL, "")
    assert _kept(shop) == {_sha(version)}  # and not what nothing needed
    assert kept_inputs_of(shop.settings, version) == {"weekly": True}
    assert shop.leftovers() == []


def test_what_is_brought_for_a_run_that_saves_nothing_is_not_kept(shop: Catalog):
    assert shop.run("scaled", options=RunOptions(env="away")).job.error is None
    assert _kept(shop) == set()


def test_files_of_the_commit_are_not_kept_beside_it(shop: Catalog):
    version = _saved(shop)

    assert _kept(shop) == set()
    assert kept_inputs_of(shop.settings, version) == {}
    assert _again(shop, version).word == IDENTICAL


def test_what_is_no_longer_kept_is_brought_anew_where_it_is_still_the_same(shop: Catalog, tmp_path: Path):
    version = _saved(shop, "away")
    input_file(shop.settings, _sha(version)).unlink()

    assert kept_inputs_of(shop.settings, version) == {"weekly": False}
    assert _again(shop, version).word == IDENTICAL
    (tmp_path / "allowed" / "weekly.csv").write_text(CSV.replace("5", "7"))
    other = _again(shop, version)
    assert other.word == CANNOT
    assert other.reason.startswith("the data of source 'weekly' (file://")
    assert f"{len(CSV)} bytes) is not kept, and what is there now is something else" in other.reason
    assert "HEADWATER_INPUTS_LIMIT" in other.reason
    _lose(tmp_path)
    gone = _again(shop, version)
    assert (
        gone.word == CANNOT and "is not kept, and it cannot be brought anew: Source 'weekly'" in gone.reason
    )


def test_what_was_written_over_is_told(shop: Catalog):
    version = _saved(shop, "away")
    input_file(shop.settings, _sha(version)).write_text(CSV.replace("5", "7"))
    found = _again(shop, version)

    assert found.word == CANNOT and "not the one that it was made of" in found.reason


def test_what_is_larger_than_the_limit_is_not_kept(shop: Catalog):
    shop.settings = replace(shop.settings, inputs_limit=len(CSV) - 1)
    version = _saved(shop, "away")

    assert _kept(shop) == set() and kept_inputs_of(shop.settings, version) == {"weekly": False}


@pytest.mark.runs(databases=True)
def test_what_was_not_used_for_longest_goes_first_and_inputs_of_datasets_last(shop: Catalog, tmp_path: Path):
    mine = shop.send(CSV.replace("5", "8").encode())
    assert shop.run("scaled", inputs={"weekly": mine}).job.error is None
    old = _saved(shop, "away")
    (tmp_path / "allowed" / "weekly.csv").write_text(CSV.replace("5", "7"))
    new = _saved(shop, "away")
    _age(shop, _sha(old), 30)
    assert _kept(shop) == {mine.sha256, _sha(old), _sha(new)}

    for room, left in ((2, {_sha(old), _sha(new)}), (1, {_sha(new)}), (0, set())):
        shop.settings = replace(shop.settings, inputs_limit=room * len(CSV))
        assert make_room(shop.database, shop.settings) == 1
        assert _kept(shop) == left


def test_using_an_input_again_makes_it_stay(shop: Catalog, tmp_path: Path):
    old = _saved(shop, "away")
    (tmp_path / "allowed" / "weekly.csv").write_text(CSV.replace("5", "7"))
    new = _saved(shop, "away")
    _age(shop, _sha(old), 30)
    _age(shop, _sha(new), 20)
    assert _again(shop, old).word == IDENTICAL
    shop.settings = replace(shop.settings, inputs_limit=len(CSV))
    make_room(shop.database, shop.settings)

    assert _kept(shop) == {_sha(old)}


@pytest.mark.runs(databases=True)
def test_what_a_waiting_run_needs_never_goes(shop: Catalog):
    version = _saved(shop, "away")
    _ask_again(shop, version)
    mine = shop.send(CSV.replace("5", "8").encode())
    number, job = shop.request("scaled", inputs={"weekly": mine})
    for sha256 in (_sha(version), mine.sha256):
        _age(shop, sha256, 900)
    shop.settings = replace(shop.settings, inputs_limit=0)
    assert make_room(shop.database, shop.settings) == 0
    assert _kept(shop) == {_sha(version), mine.sha256}

    assert Worker(shop.database, shop.settings).perform_next(job)  # which makes room when the run has ended
    assert shop.get(number).job.error is None
    assert _kept(shop) == {_sha(version)}


def test_files_that_no_run_needs_are_removed_after_a_day(shop: Catalog):
    long_ago = int(time.time()) - 2 * DAY
    needed, old, new = (
        shop.send(f"{CSV}2026-01-19,{n},1\n".encode(), now=at)
        for n, at in enumerate((long_ago, long_ago, None))
    )
    shop.request("scaled", inputs={"weekly": needed})
    stray = shop.settings.home / FOLDER / "draft-x"
    stray.touch()
    os.utime(stray, (long_ago, long_ago))

    assert make_room(shop.database, shop.settings) == 2
    assert _kept(shop) == {needed.sha256, new.sha256}
    with pytest.raises(NotFound, match="Send the file again"):
        shop.request("scaled", inputs={"weekly": old})


@pytest.mark.parametrize("sha256", ["0" * 64, "../secret-key", "", "A" * 64])
def test_a_file_that_is_not_there_is_told(shop: Catalog, sha256: str):
    with pytest.raises(NotFound, match="Send the file again"):
        shop.request("scaled", inputs={"weekly": Upload(sha256, "a.csv")})


def test_the_hash_of_a_file_of_another_repository_gives_nobody_the_file(
    shop: Catalog, git_repo: GitRepo, tmp_path: Path
):
    version = _saved(shop, "away")
    secret = tmp_path / "secret.csv"
    secret.write_text(CSV.replace("5", "9"))
    theirs = Upload(file_sha256(secret), "mine.csv")
    with shop.database.write() as session:
        other = add_repository(session, "other", f"{git_repo.path}/.git", 1_700_000_000)
        session.flush()
        keep_brought(session, shop.settings, other.id, {theirs.sha256: secret}, int(time.time()))
    assert is_kept(shop.settings, theirs.sha256)

    with pytest.raises(NotFound, match="There is no upload"):
        shop.request("scaled", inputs={"weekly": theirs})
    shop.request("scaled", inputs={"weekly": Upload(_sha(version), "again.csv")})  # it is theirs


@pytest.mark.runs(databases=True)
def test_a_file_goes_only_when_no_repository_waits_with_it(shop: Catalog, git_repo: GitRepo):
    long_ago = int(time.time()) - 2 * DAY
    sent = shop.send(CSV.encode(), now=long_ago)
    with shop.database.write() as session:
        other = add_repository(session, "other", f"{git_repo.path}/.git", 1_700_000_000)
        session.flush()
        note_sent(session, other.id, sent.sha256, int(time.time()))
    assert make_room(shop.database, shop.settings) == 0 and is_kept(shop.settings, sent.sha256)

    with shop.database.write() as session:
        session.scalars(select(KeptInput).where(KeptInput.repository_id == other.id)).one().used_at = long_ago
    assert make_room(shop.database, shop.settings) == 1


def test_a_full_disk_costs_the_input_and_not_the_run(shop: Catalog):
    (shop.settings.home / FOLDER).write_text("in the way")
    version = _saved(shop, "away")

    assert kept_inputs_of(shop.settings, version) == {"weekly": False}
    with shop.database.read() as session:
        assert session.get_one(Run, version.run_id).job.state == "succeeded"


@pytest.mark.parametrize("how", ["link", "other bytes"])
def test_what_somebody_put_in_the_place_of_a_file_that_was_sent_is_not_read(
    shop: Catalog, tmp_path: Path, how: str
):
    sent = shop.send(CSV.encode(), "weekly.csv")
    run_id, job_id = shop.request("scaled", inputs={"weekly": sent})
    file = input_file(shop.settings, sent.sha256)
    file.unlink()
    if how == "link":
        (tmp_path / "elsewhere").write_text(CSV)
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.write_text("week,spend,signups\n2026-01-05,99,1\n")
    assert Worker(shop.database, shop.settings).perform_next(job_id)
    told = shop.get(run_id).job.error or ""

    assert ("no longer kept" if how == "link" else "somebody has written over it") in told
    assert shop.get(run_id).nodes == []
