"""Sources and sinks outside of the repository: brought by the worker, only where settings allow it."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from headwater.errors import InvalidInput
from headwater_catalog.data_settings import DataSettings
from headwater_catalog.errors import Conflict, NotFound, SettingError
from headwater_catalog.scan import scan
from headwater_catalog.settings import load_settings
from headwater_catalog.source_specs import SourceSpec
from headwater_catalog.sources import read_sources
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository

_PROJECT = """
    [tool.headwater]
    environments = ["dev", "prod", "lake", "away"]
    [tool.headwater.dataflows.marketing]
    modules = ["features.spend"]
    outputs = ["scaled"]
    [tool.headwater.dataflows.marketing.sources.weekly]
    path = "data/weekly.csv"
    index = "week"
    dates = ["week"]
    in.prod = {{ connection = "warehouse", table = "weekly" }}
    in.lake = {{ connection = "lake", query = "select week, spend * 2 as spend, signups from weekly -- all" }}
    in.away = {{ url = "file://{0}/allowed/weekly.parquet" }}
    [tool.headwater.dataflows.marketing.sinks.report]
    url = "file://{0}/allowed/out/report.csv"
    in.prod = {{ connection = "warehouse", table = "report" }}
    in.lake = {{ connection = "lake", table = "report" }}
    in.away = {{ url = "file://{0}/elsewhere/report.csv" }}
"""


@pytest.fixture
def shop(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Give a catalog whose sources are in a database, in a lake and in a folder, by environment."""
    frame = pd.DataFrame({"week": ["2026-02-02", "2026-02-09"], "spend": [5, 6], "signups": [1, 2]})
    (tmp_path / "allowed").mkdir()
    (tmp_path / "elsewhere").mkdir()
    frame.assign(spend=[7, 8]).to_parquet(tmp_path / "allowed" / "weekly.parquet")
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        frame.to_sql("weekly", connection, index=False)
    connection.close()
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as lake:
        lake.execute("create table weekly as select * from frame")
    make_repository(git_repo)
    git_repo.write("pyproject.toml", dedent(_PROJECT.format(tmp_path)))
    git_repo.commit("Read from elsewhere")
    made = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    made.settings = replace(made.settings, data=_allowed(tmp_path))
    yield made
    made.database.dispose()


def _allowed(folder: Path) -> DataSettings:
    connections = {"warehouse": f"sqlite:///{folder}/warehouse.db", "lake": f"duckdb:///{folder}/lake.duckdb"}
    return DataSettings((f"file://{folder}/allowed/",), connections)


def _options(**given: Any) -> dict[str, Any]:
    from headwater_catalog.run_options import RunOptions

    return {"options": RunOptions(**given)}


@pytest.mark.parametrize(
    ("env", "spend", "shown"),
    [
        (None, ["10", "20"], "data/weekly.csv"),
        ("dev", ["10", "20"], "data/weekly.csv"),
        ("prod", ["5", "6"], "warehouse:weekly"),
        ("lake", ["10", "12"], "lake:query"),
    ],
)
def test_the_environment_says_where_a_source_is(shop: Catalog, env: str | None, spend: list[str], shown: str):
    run = shop.run("scaled", **_options(env=env))

    assert run.job.error is None
    assert run.env == (env or "dev")
    assert run.preview is not None and [row[1] for row in run.preview["table"]["rows"]] == spend
    assert run.inputs["weekly"]["path"] == shown
    assert len(run.inputs["weekly"]["sha256"]) == 64
    assert shop.leftovers() == []


@pytest.mark.parametrize("env", ["prod", "lake"])
def test_a_database_names_columns_in_any_case(shop: Catalog, git_repo: GitRepo, tmp_path: Path, env: str):
    query = "select week as Week, spend as SPEND, signups from weekly"
    project = _PROJECT.replace('"lake", query = "select week', '"lake", query = "select week as WEEK')
    project = project.replace("as spend", "as Spend").replace('table = "weekly"', f'query = "{query}"')
    git_repo.write("pyproject.toml", dedent(project.format(tmp_path)))
    git_repo.commit("Let queries answer in another case")
    scan(shop.database, shop.settings, "shop")
    runs = [shop.run("scaled", save="csv", **_options(env=env)) for _ in range(2)]
    version = shop.version(runs[0])

    assert [run.job.error for run in runs] == [None, None]
    assert version is not None and [each["name"] for each in version.columns] == ["week", "scaled"]
    assert runs[0].preview == runs[1].preview
    assert [[node.kept_from for node in run.nodes] for run in runs] == [[None], [runs[0].id]]


def test_a_file_names_columns_in_its_own_case(shop: Catalog, tmp_path: Path):
    frame = pd.DataFrame({"week": ["2026-02-02"], "Spend": [5], "signups": [1]})
    frame.to_parquet(tmp_path / "allowed" / "weekly.parquet")
    run = shop.run("scaled", **_options(env="away"))

    assert "'spend' (pandas.Series), needed by" in (run.job.error or "")


def test_columns_of_a_database_that_differ_by_case_alone_are_told_apart(tmp_path: Path):
    file = tmp_path / "rows.arrow"
    table = pa.table({"Id": [1], "id": [2], "Name": [3], "NAME": [4], "City": [5]})
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    rows = {"rows": SourceSpec("w:rows", format="arrow", any_case=True)}

    found = read_sources(rows, {"rows": file}, {"id", "city", "City", "Name", "other"}).values

    assert {name: list(value) for name, value in found.items()} == {
        **{"id": [2], "city": [5], "City": [5], "Name": [3]}
    }
    assert [found[name].name for name in ("city", "City")] == ["city", "City"]
    with pytest.raises(
        InvalidInput, match="'name' may be column 'Name' or 'NAME' of 'w:rows', which differ by"
    ):
        read_sources(rows, {"rows": file}, {"name"})


def test_a_file_elsewhere_is_read(shop: Catalog):
    run = shop.run("scaled", **_options(env="away"))

    assert run.job.error is None
    assert run.preview is not None and [row[1] for row in run.preview["table"]["rows"]] == ["7", "8"]


def test_a_sample_is_of_the_first_rows_wherever_they_are(shop: Catalog):
    for env in ("dev", "prod", "lake", "away"):
        run = shop.run("scaled", **_options(env=env, sample=1))
        assert run.job.error is None
        assert run.inputs["weekly"]["rows"] == 1


@pytest.mark.parametrize(
    ("data", "env", "message"),
    [
        (DataSettings(), "prod", "needs the connection 'warehouse', which this server does not have"),
        (DataSettings(connections={"warehous": "sqlite://"}), "prod", "Did you mean 'warehous'?"),
        (DataSettings(), "away", "which this server does not allow"),
        (DataSettings(("file:///srv/",)), "away", "which this server does not allow"),
    ],
)
def test_what_the_settings_do_not_allow_is_not_read(
    shop: Catalog, data: DataSettings, env: str, message: str
):
    shop.settings = replace(shop.settings, data=data)
    run = shop.run("scaled", **_options(env=env))

    assert run.job.state == "failed"
    assert message in (run.job.error or "")


def test_a_link_that_leads_out_of_an_allowed_folder_is_not_followed(shop: Catalog, tmp_path: Path):
    (tmp_path / "secret.parquet").write_bytes((tmp_path / "allowed" / "weekly.parquet").read_bytes())
    (tmp_path / "allowed" / "weekly.parquet").unlink()
    (tmp_path / "allowed" / "weekly.parquet").symlink_to(tmp_path / "secret.parquet")
    run = shop.run("scaled", **_options(env="away"))

    assert "which this server does not allow" in (run.job.error or "")


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/data/../../etc/passwd",
        "file:///srv/data/%2e%2e/x.csv",
        "file:///srv/data/%252e%252e/x.csv",
    ]
    + [
        "file:///srv/database/x.csv",
        "file:///etc/passwd",
        "s3://shop/x.csv",
        "http://169.254.169.254/latest/",
    ]
    + ["simplecache::file:///srv/data/x.csv", "file:///srv/data//x.csv", "file:///srv/data/./x.csv"]
    + ["file:///srv/data/a\\..\\x.csv", "FILE:///srv/data/x.csv", "file://host/srv/data/x.csv"]
    + ["s3://shop-other/features/x.csv", "s3://shop/features/../x.csv", "s3://shop/features/x.csv?a=1"],
)
def test_addresses_outside_of_the_allowed_folders_are_refused(url: str):
    allowed = DataSettings(("file:///srv/data/", "s3://shop/features/"))

    assert not allowed.allows(url)
    assert allowed.allows("file:///srv/data/x.csv") and allowed.allows("s3://shop/features/a/x.csv")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("delete from weekly", "cannot be read"),
        ("select 1; delete from weekly", "has a ';'"),
        ("select 1) as a join (select * from nothing", "cannot be read"),
        ("attach database '/etc/passwd' as x", "cannot be read"),
    ],
)
def test_a_query_can_only_read(shop: Catalog, git_repo: GitRepo, tmp_path: Path, query: str, message: str):
    from headwater_catalog.scan import scan

    project = dedent(_PROJECT.format(tmp_path)).replace('table = "weekly"', f'query = """{query}"""')
    git_repo.write("pyproject.toml", project)
    git_repo.commit("Try more than reading")
    scan(shop.database, shop.settings, "shop")
    run = shop.run("scaled", **_options(env="prod"))

    assert run.job.state == "failed" and message in (run.job.error or "")
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        assert connection.execute("select count(*) from weekly").fetchone() == (2,)
    connection.close()


def test_a_query_of_a_lake_reaches_no_other_files(tmp_path: Path):
    from headwater_catalog.errors import JobError
    from headwater_catalog.locations import Location
    from headwater_catalog.outside_data import fetch

    duckdb.connect(str(tmp_path / "lake.duckdb")).close()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    place = Location(connection="lake", query=f"select * from read_csv('{tmp_path}/secret.csv')")
    with pytest.raises(JobError, match="disabled"):
        fetch(_allowed(tmp_path), "weekly", place, tmp_path / "target", None)


def test_postgresql_is_read_in_a_transaction_that_may_not_write(postgres_catalog_url: str, tmp_path: Path):
    from headwater_catalog.errors import JobError
    from headwater_catalog.locations import Location
    from headwater_catalog.outside_data import fetch

    allowed = DataSettings(connections={"warehouse": postgres_catalog_url})
    place = Location(connection="warehouse", query="select n, n::text as t from generate_series(1, 3) as n")
    file, format = fetch(allowed, "s", place, tmp_path / "a", 2)
    assert format == "arrow" and pd.read_feather(file).to_dict("list") == {"n": [1, 2], "t": ["1", "2"]}
    writes = Location(connection="warehouse", query="select setval('repository_id_seq', 9)")
    with pytest.raises(JobError, match="read-only"):
        fetch(allowed, "s", writes, tmp_path / "b", None)


_ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as c from n"


@pytest.mark.parametrize("database", ["sqlite", "postgresql", "duckdb"])
def test_a_query_without_end_is_ended(database: str, request: pytest.FixtureRequest, tmp_path: Path):
    from headwater_catalog.errors import JobError
    from headwater_catalog.interruption import until_late
    from headwater_catalog.locations import Location
    from headwater_catalog.outside_data import fetch

    with duckdb.connect(str(tmp_path / "lake.duckdb")) as lake:
        lake.execute("create table t as select 1 as i")
    url = f"duckdb:///{tmp_path}/lake.duckdb"
    if database != "duckdb":
        url = request.getfixturevalue(f"{'postgres' if database == 'postgresql' else 'sqlite'}_catalog_url")
    allowed = DataSettings(connections={"warehouse": url})
    query = _ENDLESS
    if database == "duckdb":
        query = (
            "select count(*) as c from range(100000000000) a, range(100000000000) b "
            "where a.range % 7 = b.range % 3"
        )
    place = Location(connection="warehouse", query=query)
    with pytest.raises(JobError, match=r"^Late$"):
        fetch(allowed, "s", place, tmp_path / "a", None, until_late(lambda: None, 1, "Late"))
    with pytest.raises(JobError, match=r"^Cancelled$"):
        fetch(allowed, "s", place, tmp_path / "b", None, lambda: "Cancelled")


def test_a_saved_table_goes_to_its_sink_as_a_whole(shop: Catalog, tmp_path: Path):
    for env in ("dev", "prod", "lake"):
        run = shop.run("scaled", save="csv", **_options(env=env, sinks=("report",)))
        assert run.job.error is None, env

    assert (tmp_path / "allowed/out/report.csv").read_text() == "week,scaled\n2026-01-05,10\n2026-01-12,20\n"
    assert [file.name for file in (tmp_path / "allowed/out").iterdir()] == ["report.csv"]
    engine = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    assert pd.read_sql("select * from report", engine)["scaled"].tolist() == [5, 6]
    engine.dispose()
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as lake:
        assert lake.execute("select scaled from report").fetchall() == [(10,), (12,)]


def test_a_sink_that_is_not_allowed_fails_the_run_and_nothing_is_kept(shop: Catalog, tmp_path: Path):
    run = shop.run("scaled", save="csv", **_options(env="away", sinks=("report",)))

    assert run.job.state == "failed" and "does not allow" in (run.job.error or "")
    assert shop.version(run) is None
    assert list(tmp_path.glob("home/datasets/*/*")) == []
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_cannot_go_to_a_sink_is_told_at_once(shop: Catalog):
    with pytest.raises(NotFound, match="Did you mean 'report'"):
        shop.request("scaled", save="csv", **_options(sinks=("reprot",)))
    with pytest.raises(Conflict, match="Only a saved table"):
        shop.request("scaled", **_options(sinks=("report",)))
    with pytest.raises(Conflict, match=r"is a csv file\. Save the table as csv, not as parquet"):
        shop.request("scaled", save="parquet", **_options(sinks=("report",)))
    with pytest.raises(NotFound, match="Did you mean 'prod'"):
        shop.request("scaled", **_options(env="prd"))


def test_settings_say_which_places_are_allowed(tmp_path: Path):
    given = {
        "HEADWATER_LOCATIONS": "s3://shop/features/ file:///srv/data/",
        "HEADWATER_CONNECTIONS": "warehouse=postgresql://reader:pass=word@db/shop lake=duckdb:////srv/x.db",
        "HEADWATER_UPLOAD_MEGABYTES": "5",
    }
    settings = load_settings(given, tmp_path)

    assert settings.data.locations == ("s3://shop/features/", "file:///srv/data/")
    assert settings.data.connections["warehouse"] == "postgresql://reader:pass=word@db/shop"
    assert settings.upload_limit == 5 * 1024 * 1024
    assert "pass" not in repr(settings.data)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LOCATIONS", "s3://shop/features"), ("LOCATIONS", "/srv/data/"), ("LOCATIONS", "https://example.org/")]
    + [("CONNECTIONS", "warehouse"), ("CONNECTIONS", "Ware=sqlite://"), ("UPLOAD_MEGABYTES", "0")],
)
def test_settings_that_allow_nothing_that_can_be_told_are_refused(tmp_path: Path, name: str, value: str):
    with pytest.raises(SettingError, match=name):
        load_settings({f"HEADWATER_{name}": value}, tmp_path)


def test_a_connection_may_be_of_one_repository_alone(shop: Catalog):
    url = shop.settings.data.connections["warehouse"]
    shop.settings = replace(shop.settings, data=DataSettings(connections={"cellar/warehouse": url}))
    refused = shop.run("scaled", **_options(env="prod"))
    both = {"shop/warehouse": url, "warehouse": "sqlite:////nowhere.db"}
    shop.settings = replace(shop.settings, data=DataSettings(connections=both))
    taken = shop.run("scaled", **_options(env="prod"))

    assert refused.job.error is not None and "which this server does not have" in refused.job.error
    assert "cellar" not in refused.job.error
    assert taken.job.error is None


def test_a_location_may_be_of_one_repository_alone(tmp_path: Path):
    given = "s3://all/ shop=s3://own/k=v/ cellar=file:///srv/data/"
    settings = load_settings({"HEADWATER_LOCATIONS": given}, tmp_path)

    assert settings.data.of("shop").locations == ("s3://all/", "s3://own/k=v/")
    assert not settings.data.allows("s3://own/k=v/file.csv")  # nobody's, until it is known who asks
    assert settings.data.of("shop").allows("s3://own/k=v/file.csv")
    with pytest.raises(SettingError, match="http is not read"):
        load_settings({"HEADWATER_LOCATIONS": "shop=http://own/"}, tmp_path)


def test_what_a_database_says_of_personal_data_is_told_on_the_page_alone(shop: Catalog, git_repo: GitRepo):
    project = (git_repo.path / "pyproject.toml").read_text()
    source = (git_repo.path / "features" / "spend.py").read_text()
    tagged = source.replace("def scaled(", '@tag(pii="true")\ndef scaled(')
    files = {
        "pyproject.toml": project.replace("select week, spend * 2 as spend", "select cast('ada@a.b' as int)"),
        "features/spend.py": tagged.replace("import check_output", "import check_output, tag"),
    }
    git_repo.commit("Classify", files=files)
    scan(shop.database, shop.settings, "shop")
    run = shop.run("scaled", **_options(env="lake"))

    assert run.job.error is not None and "cannot be read. The run has personal data" in run.job.error
    assert "ada@a.b" not in run.job.error
    assert run.preview is not None and "ada@a.b" in run.preview["failure"]["message"]


def test_sinks_are_looked_at_in_the_environment_of_the_run(shop: Catalog, git_repo: GitRepo, tmp_path: Path):
    project = f"""
        [tool.headwater.dataflows.marketing]
        modules = ["features.spend"]
        [tool.headwater.dataflows.marketing.sources.weekly]
        index = "week"
        in.prod = {{ path = "data/weekly.csv" }}
        in.dev = {{ path = "data/weekly.csv" }}
        [tool.headwater.dataflows.marketing.sinks.report]
        in.dev = {{ url = "file://{tmp_path}/allowed/report.csv" }}
        in.prod = {{ url = "file://{tmp_path}/allowed/report.parquet" }}
    """
    git_repo.write("pyproject.toml", dedent(project))
    git_repo.commit("Name no order of environments")
    scan(shop.database, shop.settings, "shop")

    with pytest.raises(Conflict, match="Sink 'report' is a parquet file"):
        shop.request("scaled", save="csv", **_options(sinks=("report",)))
    run = shop.run("scaled", save="csv", **_options(sinks=("report",), env="dev"))
    assert run.job.error is None and (tmp_path / "allowed" / "report.csv").is_file()
