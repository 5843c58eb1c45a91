"""The lines by which the catalog runs what a script became."""

import json
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from headwater_catalog.convert import convert_script
from headwater_catalog.convert.project_text import project_text
from headwater_catalog.tree_snapshots import read_folder
from support.compiled_shop import saved
from support.git_repo import GitRepo
from support.run_catalog import make_catalog

SALES = """
    import pandas as pd
    settings = {"region": "UK", "window": 2, "weights": [0.5, 1], "odd": None}
    orders = pd.read_csv("data/orders.csv", parse_dates=["day"])
    orders["total"] = orders["price"] * orders["qty"]
    if settings["region"] == "UK":
        orders["net"] = orders["total"] * settings["weights"][0]
    else:
        orders["net"] = orders["total"]
    orders["late"] = orders["day"] > "2026-01-02"
    orders["mean"] = orders["net"].rolling(settings["window"]).mean()
    sums = orders.groupby("qty", as_index=False)["net"].sum()
    sums.to_csv("sums.csv", index=False)
"""
ORDERS = "day,price,qty\n2026-01-01,2,3\n2026-01-02,4,5\n2026-01-03,1,3\n"


def _declared(script: str, target: Path, data: Path) -> dict[str, Any]:
    flow = convert_script(dedent(script), "sales.py").flow
    assert flow is not None
    found: dict[str, Any] = tomllib.loads(project_text(flow, target, data))["tool"]["headwater"]["dataflows"]
    return found["sales"]


def test_the_catalog_runs_what_a_script_became(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(git_repo.path)
    made = convert_script(dedent(SALES), "sales.py")
    assert made.flow is not None
    git_repo.write("features/sales_features.py", made.module_text)
    git_repo.write("data/orders.csv", ORDERS)
    git_repo.write("pyproject.toml", project_text(made.flow, git_repo.path / "features", Path()))
    git_repo.commit("Convert the script")
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    run = catalog.run(dataflow="sales", save="csv")

    assert saved(catalog, run) == b"qty,net\n3,4.5\n5,10.0\n"
    catalog.database.dispose()


def test_files_and_what_is_written_out_are_declared_and_all_else_is_told(tmp_path: Path):
    script = """
        import json
        import pandas as pd
        a = pd.read_parquet("a.parquet")
        b = pd.read_csv("b.txt")
        c = pd.read_csv("c.csv", sep=";")
        d = pd.read_csv("../d.csv")
        e = pd.read_csv("e.csv", parse_dates=[0])
        told = json.load(open("told.json"))
        a["x"] = a["y"] + b["z"] + c["z"] + d["z"] + e["z"] + told["k"]
    """
    (tmp_path / ".git").mkdir()
    flow = convert_script(dedent(script), "sales.py").flow
    assert flow is not None
    text = project_text(flow, tmp_path / "src" / "features", tmp_path)
    declared = _declared(script, tmp_path / "src" / "features", tmp_path)

    assert declared["modules"] == ["features.sales_features"]
    assert declared["outputs"] == ["a"]
    assert declared["sources"] == {"a_raw": {"path": "a.parquet"}, "b": {"path": "b.txt", "format": "csv"}}
    told = [line.partition("'")[2].partition("'")[0] for line in text.splitlines() if line.startswith("#")]
    assert sorted(told) == ["c", "d", "e", "told"]
    assert "# Each run is given 'told' (line 9): --input told=FILE or --input told=VALUE" in text


@pytest.mark.parametrize(
    ("folder", "others"),
    [
        ("features", {}),
        ("src/features", {}),
        ("src/features", {"src/__init__.py": ""}),
        ("lib/features", {"headwater.toml": 'source_roots = ["lib"]'}),
        ("my-lib", {}),
        ("linked", {"real/other.py": ""}),
    ],
)
def test_the_module_is_called_what_the_catalog_calls_it(tmp_path: Path, folder: str, others: dict[str, str]):
    tree = tmp_path.resolve()
    (tree / ".git").mkdir()
    for path, text in others.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    if folder == "linked":
        (tree / folder).symlink_to(tree / "real")
    made = convert_script(dedent(SALES), "sales.py")
    assert made.flow is not None
    text = project_text(made.flow, tree / folder, tree)
    (tree / folder).mkdir(parents=True, exist_ok=True)
    (tree / folder / "sales_features.py").write_text(made.module_text)
    with (tree / "headwater.toml").open("a") as file:
        file.write("\n" + text.replace("tool.headwater.", ""))
    snapshot = read_folder(tree)

    assert snapshot.diagnostics == ()
    [flow] = snapshot.dataflows
    assert flow.modules == tuple(tomllib.loads(text)["tool"]["headwater"]["dataflows"]["sales"]["modules"])


@pytest.mark.parametrize(
    "path",
    [
        "https://example.com/a.csv",
        "s3://lake/a.csv",
        "simplecache::s3://a.csv",
        "~/a.csv",
        "a.csv.gz",
        "a.zip",
        "caf\\udce9.csv",
    ],
)
def test_what_is_no_plain_file_of_the_repository_is_no_source(tmp_path: Path, path: str):
    script = f"""
        import pandas as pd
        df = pd.read_csv("{path}")
        df["x"] = df["y"] + 1
    """
    flow = convert_script(dedent(script), "sales.py").flow
    assert flow is not None

    assert "# Each run is given 'df_raw' (line 3): --input df_raw=FILE" in project_text(
        flow, tmp_path, tmp_path
    )
    assert "sources" not in _declared(script, tmp_path, tmp_path)


@pytest.mark.parametrize("literal", ['"a\\"b\\\\ \\x7f ä"', "[1, 2.5, True]", "-3", "1e-7", "'two\\nlines'"])
def test_a_value_of_the_configuration_is_what_it_was(tmp_path: Path, literal: str):
    script = f"""
        import pandas as pd
        settings = {{"k": {literal}}}
        df = pd.read_csv("a.csv")
        df["x"] = [settings["k"]] * len(df)
    """
    declared = _declared(script, tmp_path, tmp_path)

    assert json.dumps(declared.get("config")) == json.dumps({"k": eval(literal)})


@pytest.mark.parametrize("value", ["None", "'\\ud800'", "['a', '\\ud800']"])
def test_what_a_project_file_cannot_hold_is_configuration_of_each_run(tmp_path: Path, value: str):
    script = f"""
        import pandas as pd
        settings = {{"k": {value}}}
        df = pd.read_csv("a.csv")
        df["x"] = df["y"].fillna(settings["k"])
    """
    flow = convert_script(dedent(script), "sales.py").flow
    assert flow is not None
    text = project_text(flow, tmp_path, tmp_path)

    assert "'k' (line 5): --config k=VALUE" in text or "'k' (line 3): --config k=VALUE" in text
    assert "config" not in _declared(script, tmp_path, tmp_path)


def test_no_bytes_of_names_that_are_no_text_reach_a_project_file(tmp_path: Path):
    folder = tmp_path / "caf\udce9"
    script = """
        import pandas as pd
        df = pd.read_csv("a.csv")
        dated = pd.read_csv("b.csv", parse_dates=["day \\ud800"])
        df["x"] = df["y"] + dated["y"]
    """
    flow = convert_script(dedent(script), "sales.py").flow
    assert flow is not None
    text = project_text(flow, tmp_path, folder)

    assert text.isascii()
    assert "sources" not in text


def test_a_file_that_has_a_name_in_the_script_is_a_source(tmp_path: Path):
    script = """
        import pandas as pd
        FILE = "data/orders.csv"
        other = input()
        df = pd.read_csv(FILE)
        more = pd.read_csv(other)
        df["x"] = df["y"] + more["z"]
    """
    declared = _declared(script, tmp_path, tmp_path)

    assert declared["sources"] == {"df_raw": {"path": "data/orders.csv"}}
