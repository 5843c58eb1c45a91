"""The command `headwater read`: a repository at one moment, with no catalog anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from support.git_repo import GitRepo

SPEND = '''\
import pandas as pd
from elsewhere import unknown
from headwater import check_output, config, tag

raise SystemExit("imported")


@tag(owner="growth")
@check_output(range=(0, 5))
def ratio(spend: pd.Series, signups: int = 1) -> pd.Series:
    """The cost per signup."""
    return spend / signups


@config.when(region="UK")
def spend__uk(cost: pd.Series) -> pd.Series:
    return cost


@unknown
def fx(day: int) -> float:
    return 1.0
'''


def headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(word) for word in words])


@pytest.fixture
def repository(git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitRepo:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    git_repo.commit("Begin", files={"features/spend.py": SPEND, "features/broken.py": "def broken(:\n"})
    return git_repo


def test_it_prints_nodes_edges_dataflows_and_diagnostics(repository: GitRepo, tmp_path: Path):
    printed = json.loads(headwater("read", repository.path, "--json").stdout)
    nodes = {node["function"]: node for node in printed["nodes"]}
    (diagnostic,) = printed["diagnostics"]

    assert list(printed) == [
        *("nodes", "edges", "inputs", "dataflows", "tables", "unclear", "diagnostics"),
    ]
    assert printed["tables"] == printed["unclear"] == []
    assert list(nodes) == ["fx", "ratio", "spend__uk"]
    assert nodes["ratio"] == {
        "key": "features.spend:ratio",
        "name": "ratio",
        "module": "features.spend",
        "function": "ratio",
        "path": "features/spend.py",
        "line": 8,
        "end_line": 12,
        "type": "pandas.Series",
        "dependencies": [
            {"name": "spend", "type": "pandas.Series", "optional": False},
            {"name": "signups", "type": "int", "optional": True},
        ],
        "tags": {"owner": "growth"},
        "doc": "The cost per signup.",
        "condition": "",
        "parts": nodes["ratio"]["parts"],
        "dataflows": ["features"],
        "partial": [],
        "columns": [],
        "owners": ["growth"],
    }
    assert [part["name"] for part in nodes["ratio"]["parts"]] == ["ratio_raw", "ratio_range_validator"]
    assert (nodes["spend__uk"]["name"], nodes["spend__uk"]["condition"]) == ("spend", 'region = "UK"')
    assert "'@unknown' may change the function" in nodes["fx"]["partial"][0]
    assert printed["edges"] == [
        {"from": "features.spend:spend", "to": "features.spend:ratio", "dataflow": "features"},
        {"from": "input:cost", "to": "features.spend:spend", "dataflow": "features"},
        {"from": "input:day", "to": "features.spend:fx", "dataflow": "features"},
        {"from": "input:signups", "to": "features.spend:ratio", "dataflow": "features"},
    ]
    assert [dataflow["name"] for dataflow in printed["dataflows"]] == ["features"]
    assert (diagnostic["path"], diagnostic["line"]) == ("features/broken.py", 1)
    assert not (tmp_path / "home").exists()


def test_it_tells_people_features_by_module_and_what_is_wrong(repository: GitRepo):
    printed = headwater("read", repository.path).stdout

    assert "features.spend  features/spend.py\n" in printed
    assert 'where region = "UK"' in printed
    assert "partial: '@unknown' may change the function" in printed
    assert "features/broken.py:1: " in printed
    assert printed.endswith("3 features in 1 module, 1 dataflow, 1 problem in files.\n")


def test_it_tells_columns_that_no_signature_declares_inputs_that_code_does_and_owners(git_repo: GitRepo):
    source = (
        "import pandas as pd\nfrom headwater import external_input\n"
        "@external_input(owner='crm')\ndef orders() -> pd.DataFrame:\n    'What was ordered.'\n"
        "def spend(orders: pd.DataFrame) -> pd.Series:\n"
        "    orders['net'] = orders['gross'] * 0.8\n    return orders['net']\n"
    )
    git_repo.commit("Begin", files={"p/spend.py": source, "CODEOWNERS": "*.py @data\n"})
    for at in ((), ("--at", "main")):
        printed = json.loads(headwater("read", git_repo.path, "--json", *at).stdout)
        (spend,), (orders,) = printed["nodes"], printed["inputs"]

        assert spend["columns"] == [
            {"table": "orders", "column": "gross", "written": False},
            {"table": "orders", "column": "net", "written": True},
        ]
        assert (spend["owners"], orders["owners"]) == (["@data"], ["crm"])
        assert (orders["name"], orders["type"], orders["doc"], orders["line"]) == (
            *("orders", "pandas.DataFrame", "What was ordered."),
            3,
        )
    assert 'reads orders["gross"]; writes orders["net"]' in headwater("read", git_repo.path).stdout


def test_a_folder_without_features_is_no_error(tmp_path: Path):
    assert (
        headwater("read", tmp_path).stdout == "0 features in 0 modules, 0 dataflows, 0 problems in files.\n"
        "No module looks like one of features. If some are, name them in pyproject.toml: "
        '[tool.headwater.dataflows.NAME] with modules = ["package.module"].\n'
    )


def test_it_reads_files_as_they_lie_there_or_the_commit_asked_for(repository: GitRepo, tmp_path: Path):
    repository.tag("v1")
    repository.write("features/spend.py", "def cost(a: int) -> int: return a\n")
    repository.git("clone", "--quiet", "--bare", str(repository.path), str(tmp_path / "bare.git"))

    def names(*words: str | Path) -> list[str]:
        return [node["name"] for node in json.loads(headwater("read", *words, "--json").stdout)["nodes"]]

    assert names(repository.path) == ["cost"]
    assert names(repository.path, "--at", "v1") == ["fx", "ratio", "spend"]
    assert names(tmp_path / "bare.git") == ["fx", "ratio", "spend"]


def test_what_cannot_be_read_is_told(repository: GitRepo, tmp_path: Path):
    (tmp_path / "plain").mkdir()
    unknown = headwater("read", repository.path, "--at", "mian")
    plain = headwater("read", tmp_path / "plain", "--at", "main")
    nowhere = headwater("read", tmp_path / "nowhere")

    assert (unknown.exit_code, plain.exit_code, nowhere.exit_code) == (3, 3, 2)
    assert "Did you mean 'main'" in unknown.stderr
    assert "is no git repository" in plain.stderr
    assert "nowhere" in nowhere.stderr


def test_what_comes_from_a_file_cannot_steer_the_terminal(repository: GitRepo):
    repository.write("features/evil.py", "def a(b: 'x\x1b[31m') -> 'y\x1b]0;t\x07': ...\n")

    printed = headwater("read", repository.path).output

    assert "features.evil" in printed
    assert "\x1b" not in printed


def test_no_package_of_the_database_is_loaded():
    code = "import headwater_catalog.cli.read, sys; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
