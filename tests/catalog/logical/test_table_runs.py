"""Runs read logical tables where they are, and what they save leads to the table that it went to."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from headwater_catalog.data_settings import DataSettings
from headwater_catalog.repositories import get_repository
from headwater_catalog.run_options import RunOptions
from headwater_catalog.store.models import DatasetVersion
from headwater_catalog.table_datasets import sent_to, versions_sent_to
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.run_catalog import make_catalog, make_repository

pytestmark = pytest.mark.runs

_PROJECT = """
    [tool.headwater.tables.weekly]
    connection = "warehouse"
    table = "weekly"
    columns = ["week", "spend", "signups"]
    [tool.headwater.tables.report]
    connection = "warehouse"
    table = "report"

    [tool.headwater.dataflows.marketing]
    modules = ["features.spend"]
    outputs = ["scaled"]
    [tool.headwater.dataflows.marketing.sources]
    all = { table = "weekly", index = "week", dates = ["week"] }
    [tool.headwater.dataflows.marketing.sinks]
    out = { table = "report" }
"""


def test_a_run_reads_and_fills_logical_tables(catalog_url: str, git_repo: GitRepo, tmp_path: Path):
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        connection.execute("create table weekly (week, spend, signups)")
        connection.execute("insert into weekly values ('2026-02-02', 5, 1), ('2026-02-09', 6, 2)")
    connection.close()
    make_repository(git_repo)
    git_repo.write("pyproject.toml", dedent(_PROJECT))
    git_repo.commit("Declare tables")
    shop = make_catalog(catalog_url, git_repo, tmp_path / "home")
    data = DataSettings((), {"warehouse": f"sqlite:///{tmp_path}/warehouse.db"})
    shop.settings = replace(shop.settings, data=data)

    run = shop.run("scaled", save="parquet", options=RunOptions(sinks=("out",)))

    version = shop.version(run)
    assert version is not None, run.job.error
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        rows = connection.execute("select scaled from report order by scaled").fetchall()
    connection.close()
    assert rows == [(5,), (6,)]
    with shop.database.read() as session:
        repository = get_repository(session, "shop")
        saved = session.get_one(DatasetVersion, version.id)
        assert sent_to(session, saved) == {"out": "table:warehouse:report"}
        found = versions_sent_to(session, repository, "table:warehouse:report")
        assert [each.id for each in found] == [version.id]
        assert versions_sent_to(session, repository, "table:warehouse:weekly") == ()
        name = saved.dataset.name
    client = create_app(shop.settings, shop.database).test_client()
    assert f"/r/shop/t/warehouse:report?at={run.commit.sha}" in client.get(f"/datasets/shop/{name}").text
    assert f'href="/datasets/shop/{name}' in client.get("/r/shop/t/warehouse:report").text
    shop.database.dispose()
