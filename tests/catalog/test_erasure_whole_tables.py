"""What an erasure finds of columns that stand in tables which runs read as a whole."""

import json
from pathlib import Path
from textwrap import dedent

from click.testing import Result

from support.git_repo import GitRepo
from support.run_catalog import make_catalog

_WHOLE = """
    [tool.headwater.tables.orders]
    path = "data/orders.csv"
    columns = { email = "str", amount = "float" }
    [tool.headwater.dataflows.known]
    modules = ["features.whole"]
    sources = { orders = { table = "orders" } }
    [tool.headwater.dataflows.unknown]
    modules = ["features.other"]
    sources = { people = "data/people.csv" }
"""
_OF_TABLES = """
    import pandas as pd

    def mail(email: pd.Series) -> pd.Series:
        return email

    def who({0}: pd.DataFrame) -> pd.Series:
        return {0}["email"]
"""


def test_what_is_made_of_a_whole_table_with_the_column_is_found(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    git_repo.write("pyproject.toml", dedent(_WHOLE))
    git_repo.write("features/whole.py", dedent(_OF_TABLES.format("orders")))
    git_repo.write("features/other.py", dedent(_OF_TABLES.format("people")).replace("who", "whose"))
    git_repo.write("data/orders.csv", "email,amount\na@b.c,1\n")
    git_repo.write("data/people.csv", "email,amount\na@b.c,1\n")
    git_repo.commit("Read whole tables")
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    for flow, name in (("known", "who"), ("unknown", "whose")):
        assert catalog.run(name, dataflow=flow, save="csv").job.error is None
    told = json.loads(catalog.headwater("erasure", "plan", "shop:email", "--json").stdout)
    catalog.database.dispose()
    found = {(each["kind"], each["name"]): (each["standing"], each["because"]) for each in told["items"]}

    assert found["dataset", "known@1"] == found["file", "data/orders.csv"] == ("derived", "")
    why = "input 'people' is a table, and nothing declares which columns it has"
    assert found["dataset", "unknown@2"] == ("unknown", why)
    assert found["file", "data/people.csv"][0] == "unknown"


_ALONE = """
    [tool.headwater.tables.orders]
    path = "data/orders.csv"
    columns = { email = "str", amount = "float" }
    [tool.headwater.dataflows.known]
    modules = ["features.whole"]
    sources = { orders = { table = "orders" } }
"""
_OF_PEOPLE = """
    [tool.headwater.dataflows.unknown]
    modules = ["features.other"]
    sources = { people = "data/people.csv", others = "data/others.csv" }
"""
_READS = """
    import pandas as pd

    def {1}({0}: pd.DataFrame) -> pd.Series:
        return {0}["email"]
"""


def test_a_column_that_whole_tables_alone_may_have_is_looked_for(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    git_repo.write("pyproject.toml", dedent(_ALONE))
    git_repo.write("features/whole.py", dedent(_READS.format("orders", "who")))
    for name in ("orders", "people", "others"):
        git_repo.write(f"data/{name}.csv", "email,amount\na@b.c,1\n")
    git_repo.commit("Read a table whose columns are declared")
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    assert catalog.run("who", dataflow="known", save="csv").job.error is None

    declared = catalog.headwater("erasure", "plan", "shop:email", "--json")
    other = catalog.headwater("erasure", "plan", "shop:emial")

    assert _standings(declared)["dataset", "known@1"] == "derived"
    assert json.loads(declared.stdout)["not_looked_at"] == []
    assert other.exit_code == 3 and "never had an input or a feature 'emial'" in other.stderr
    assert "Did you mean 'email'?" in other.stderr

    git_repo.write("pyproject.toml", dedent(_ALONE + _OF_PEOPLE))
    git_repo.write("features/other.py", dedent(_READS.format("people", "whose")))
    git_repo.commit("Read a table whose columns nothing declares")
    assert catalog.headwater("scan", "shop").exit_code == 0
    assert catalog.run("whose", dataflow="unknown", save="csv").job.error is None

    told = catalog.headwater("erasure", "plan", "shop:city", "--json")
    catalog.database.dispose()

    assert _standings(told) == {
        ("dataset", "unknown@2"): "unknown",
        ("file", "data/people.csv"): "unknown",
        ("preview", "run 2"): "unknown",
        ("value", "whose of run 2"): "unknown",
    }
    assert json.loads(told.stdout)["not_looked_at"] == [
        "Nothing in 'shop' was ever called 'city'. It may be a column of a table whose columns nothing "
        "declares: 'people'."
    ]


_CHOSEN = """
    import pandas as pd
    from headwater import config

    try:
        Either = pd.DataFrame
    except AttributeError:
        Either = dict

    @config.when(region="UK")
    def people__uk() -> pd.DataFrame:
        return pd.DataFrame({"email": ["a@b.c"]})

    def first(people: Either) -> pd.Series:
        return people["email"]
"""


def test_what_a_configuration_and_a_type_leave_open_is_unknown(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    flow = '[tool.headwater.dataflows.flow]\nmodules = ["m"]\nsources = { people = "data/people.csv" }\n'
    files = {"pyproject.toml": flow, "m.py": dedent(_CHOSEN), "data/people.csv": "email\na@b.c\n"}
    git_repo.commit("Let the configuration choose", files=files)
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    assert catalog.run("first", save="csv").job.error is None
    told = catalog.headwater("erasure", "plan", "shop:email", "--json")
    catalog.database.dispose()

    assert _standings(told)["dataset", "flow@1"] == "unknown"
    assert _standings(told)["file", "data/people.csv"] == "unknown"


def _standings(told: Result) -> dict[tuple[str, str], str]:
    return {(each["kind"], each["name"]): each["standing"] for each in json.loads(told.stdout)["items"]}
