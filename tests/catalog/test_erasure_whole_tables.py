"""What an erasure finds of columns that stand in tables which runs read as a whole."""

import json
from pathlib import Path
from textwrap import dedent

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
