import json
from textwrap import dedent

import pytest

from headwater_catalog.locations import Location, Whereabouts
from headwater_catalog.read.project import FeatureSource, Project, SourceSpec, read_project


def read(text: str) -> Project:
    return read_project(dedent(text).encode())


def test_a_dataflow_is_read_in_full() -> None:
    project = read("""
        [project]
        name = "shop"

        [tool.headwater]
        source_roots = ["lib/"]
        owners = { growth = ["maya"] }

        [tool.headwater.dataflows.marketing]
        modules = ["features.spend", "features.*"]
        config = { region = "UK", since = 2024-01-01, sizes = [1, 2.5] }
        outputs = ["spend_per_signup"]
        schedule = "0 6 * * 1"
        sinks.out = { url = "s3://shop/weekly.parquet" }
        sources.weekly = { path = "data/weekly.csv", index = "week", dates = ["week"], format = "csv" }
        sources.other = "data/./other.csv"
    """)

    [dataflow] = project.dataflows
    assert project.diagnostics == ()
    assert project.path == "pyproject.toml"
    assert project.source_roots == ("lib",)
    assert project.settings["owners"] == {"growth": ["maya"]}
    assert dataflow.name == "marketing"
    assert dataflow.modules == ("features.spend", "features.*")
    assert dataflow.config == {"region": "UK", "since": "2024-01-01", "sizes": [1, 2.5]}
    assert dataflow.outputs == ("spend_per_signup",)
    assert dataflow.schedule == "0 6 * * 1"
    assert dataflow.sinks == {"out": Whereabouts({"": Location(url="s3://shop/weekly.parquet")})}
    assert dataflow.sources == {
        "weekly": SourceSpec("data/weekly.csv", "week", ("week",), "csv"),
        "other": SourceSpec("data/other.csv"),
    }
    assert dataflow.origin == "declared"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[tool.headwater]\ndataflow = 1", 2, "'tool.headwater.dataflow' is unknown and has no effect. Did you mean 'dataflows'?"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\nmodule = 1", 3, "Did you mean 'modules'?"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\nxyz = 1", 3, "Known here: config, modules, outputs"),
        ("[tool.headwater.dataflows.a]\nmodules = 'm'", 2, "modules must be a list of texts"),
        ("[tool.headwater.dataflows.a]\nconfig = {}", 1, "names no modules"),
        ("[tool.headwater.dataflows]\na = 3", 2, "tool.headwater.dataflows.a must be a table"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\noutputs = [1]", 3, "outputs must be a list of texts"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\nschedule = 3", 3, "schedule must be a text"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\nconfig = 3", 3, "config must be a table"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\nconfig = {x = nan}", 3, "cannot be stored"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\nsources.w = 3", 3, "must be a path"),
        ("[tool.headwater.dataflows.a]\nmodules = ['m']\nsources.w = {index = 'x'}", 3, "has no path"),
        ("[tool.headwater]\nsource_roots = ['../x']", 2, "may lead out of the repository"),
        ("[tool]\nheadwater = 3", 2, "tool.headwater must be a table"),
        ("\n[tool.headwater\n", 2, "not valid TOML"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(text: str, line: int, message: str) -> None:
    [diagnostic] = read_project(text.encode()).diagnostics

    assert diagnostic.path == "pyproject.toml"
    assert diagnostic.line == line
    assert message in diagnostic.message


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x.csv",
        "data/../../x.csv",
        "https://example.com/x.csv",
        "file:x",
        "C:/x.csv",
        "a\\\\..\\\\b",
    ],
)
def test_a_source_outside_the_repository_is_dropped(path: str) -> None:
    project = read(
        f'[tool.headwater.dataflows.a]\nmodules = ["m"]\nsources.w = "{path}"\nsources.v = "v.csv"'
    )

    assert list(project.dataflows[0].sources) == ["v"]
    assert "may lead out of the repository" in project.diagnostics[0].message


def test_the_file_of_our_own_goes_first() -> None:
    own = b'[dataflows.a]\nmodules = ["m"]'

    project = read_project(b"[tool.headwater]\n", own)

    assert [dataflow.name for dataflow in project.dataflows] == ["a"]
    assert project.path == "headwater.toml"
    assert [d.path for d in project.diagnostics] == ["pyproject.toml"]
    assert read_project(b"[tool.other]", own).diagnostics == ()


@pytest.mark.parametrize("content", [None, b"", b"[tool.other]\nx = 1", b"\xff\xfe"])
def test_a_project_without_a_table_declares_nothing(content: bytes | None) -> None:
    assert read_project(content).dataflows == ()


def test_what_a_dataflow_says_can_be_stored_as_json() -> None:
    project = read("""
        [tool.headwater.dataflows.a]
        modules = ["m"]
        config = { at = 12:30:00, when = 2024-01-01T00:00:00Z, far = [inf, { x = -inf }] }
        sources.w = "w.csv"
    """)

    [dataflow] = project.dataflows
    assert json.loads(json.dumps(dataflow.config, allow_nan=False)) == {
        "at": "12:30:00",
        "when": "2024-01-01T00:00:00+00:00",
        "far": [None, {"x": None}],
    }
    assert json.dumps(dataflow.sources["w"].as_dict())


def test_a_source_may_be_a_feature_of_another_repository():
    text = b"""\
[dataflows.flow]
modules = ["m"]
[dataflows.flow.sources]
spend = { feature = "finance:costs:spend" }
rate = { feature = "finance:rates:rate", at = "v2", path = "data/rate.csv" }
short = { feature = "rates:rate" }
late = { path = "data/late.csv", at = "v2" }
odd = { feature = 5 }
"""
    project = read_project(headwater_toml=text)

    (flow,) = project.dataflows
    assert flow.upstream == {
        "spend": FeatureSource("finance:costs:spend"),
        "rate": FeatureSource("finance:rates:rate", "v2"),
    }
    assert list(flow.sources) == ["rate", "late"]
    told = [(fault.line, fault.message.partition(" must be ")[0]) for fault in project.diagnostics]
    assert told == [
        (6, "dataflows.flow.sources.short.feature"),
        (7, "dataflows.flow.sources.late.at has no effect without the feature that it is of."),
        (8, "dataflows.flow.sources.odd.feature"),
    ]


def test_a_repository_names_the_list_of_its_packages():
    def read(text: str):
        return read_project(b"[tool.headwater]\n" + text.encode())

    named = read("environment.requirements = './env/needs.txt'")
    assert (named.requirements, named.diagnostics) == ("env/needs.txt", ())
    assert read("").requirements is None
    for wrong, message in (
        ("environment.requirements = '../x'", "may lead out of the repository"),
        ("environment.requirements = 3", "must be a text"),
        ("environment.requirement = 'x'", "requirements"),
        ("environment = 'x'", "must be a table"),
    ):
        found = read(wrong)
        assert found.requirements is None
        assert [message in diagnostic.message for diagnostic in found.diagnostics] == [True], (
            found.diagnostics
        )
