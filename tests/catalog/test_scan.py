import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import (
    BlobDefinition,
    Commit,
    Dataflow,
    DataflowVersion,
    Definition,
    Dependency,
    Diagnostic,
    Feature,
    FeatureVersion,
    ModuleVersion,
    Repository,
    SourceBlob,
    Tag,
)

SPEND = """import pandas as pd

def avg_spend(spend: pd.Series, window: int = 3) -> pd.Series:
    \"\"\"Average spend.\"\"\"
    return spend.rolling(window).mean()
"""


class Catalog:
    """A catalog database with one repository in it, and its rows in a form that two catalogs share."""

    def __init__(self, url: str, home: Path, repository: Path) -> None:
        self.database = Database(url)
        self.database.upgrade()
        self.settings = Settings(home=home, database_url=url, secret_key="k")
        self.add("repo", repository)

    def add(self, name: str, repository: Path) -> None:
        with self.database.write() as session:
            add_repository(session, name, str(repository), 0)

    def scan(self, name: str = "repo", **options):
        return scan(self.database, self.settings, name, now=1, **options)

    def features(self, name: str = "repo"):
        """Name, variant and interval of every feature version, in order."""
        versions = self.rows(name)["features"]
        return [(v["name"], v["from"], v["until"]) for v in versions]

    def diagnostics(self):
        return self.rows()["diagnostics"]

    def rows(self, name: str = "repo"):
        with self.database.read() as session:
            repository = session.scalars(select(Repository).where(Repository.name == name)).one()
            return {
                "head": (repository.scanned_sha, repository.scanned_position),
                "commits": sorted(
                    tuple(row)
                    for row in session.execute(
                        select(Commit.position, Commit.sha, Commit.subject).where(
                            Commit.repository_id == repository.id, Commit.position.is_not(None)
                        )
                    )
                ),
                "features": sorted(_feature_rows(session, repository.id), key=_order),
                "modules": sorted(_module_rows(session, repository.id), key=str),
                "dataflows": sorted(_dataflow_rows(session, repository.id), key=str),
                "diagnostics": sorted(
                    tuple(row)
                    for row in session.execute(
                        select(
                            Diagnostic.path,
                            Diagnostic.line,
                            Diagnostic.message,
                            Diagnostic.valid_from,
                            func.coalesce(Diagnostic.valid_until, -1),
                        ).where(Diagnostic.repository_id == repository.id)
                    )
                ),
                "indexed": session.scalar(text("SELECT count(*) FROM feature_search"))
                - session.scalar(select(func.count()).select_from(FeatureVersion)),
            }

    def count(self, model) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(model))


def _order(row):
    return row["module"], row["name"], row["variant"], row["from"]


def _feature_rows(session, repository_id):
    for version, feature, definition, sha in session.execute(
        select(FeatureVersion, Feature, Definition, Commit.sha)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Definition, Definition.id == FeatureVersion.definition_id)
        .join(Commit, Commit.id == FeatureVersion.commit_id)
        .where(Feature.repository_id == repository_id)
    ):
        needed = select(Dependency.ordinal, Dependency.name, Dependency.type, Dependency.optional)
        tags = select(Tag.key, Tag.value)
        yield {
            "module": feature.module,
            "name": feature.name,
            "variant": version.variant,
            "from": version.valid_from,
            "until": version.valid_until,
            "commit": sha,
            "type": version.type,
            "doc": version.doc,
            "condition": version.condition,
            "tags": version.tags,
            "parts": version.parts,
            "partial": version.partial,
            "source": definition.source,
            "code": definition.code_hash,
            "needs": sorted(
                map(tuple, session.execute(needed.where(Dependency.feature_version_id == version.id)))
            ),
            "facets": sorted(map(tuple, session.execute(tags.where(Tag.feature_version_id == version.id)))),
        }


def _module_rows(session, repository_id):
    for module, blob in session.execute(
        select(ModuleVersion, SourceBlob)
        .join(SourceBlob, SourceBlob.id == ModuleVersion.blob_id)
        .where(ModuleVersion.repository_id == repository_id)
    ):
        places = session.execute(
            select(BlobDefinition.ordinal, Definition.source, BlobDefinition.line, BlobDefinition.end_line)
            .join(Definition, Definition.id == BlobDefinition.definition_id)
            .where(BlobDefinition.blob_id == blob.id)
            .order_by(BlobDefinition.ordinal)
        )
        yield (
            (module.module, module.path, module.valid_from, module.valid_until),
            (blob.oid, blob.size, [tuple(place) for place in places]),
        )


def _dataflow_rows(session, repository_id):
    for version, name in session.execute(
        select(DataflowVersion, Dataflow.name)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .where(Dataflow.repository_id == repository_id)
    ):
        content = (version.origin, version.modules, version.config, version.sources, version.outputs)
        yield name, version.valid_from, version.valid_until, content


@pytest.fixture
def catalog(catalog_url, git_repo, tmp_path):
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield catalog
    catalog.database.dispose()


def test_a_feature_is_stored_with_all_that_its_code_says(catalog, git_repo):
    sha = git_repo.commit("Add spend", files={"features/spend.py": SPEND})
    report = catalog.scan()

    (row,) = catalog.rows()["features"]
    assert (row["module"], row["name"], row["variant"]) == ("features.spend", "avg_spend", "avg_spend")
    assert (row["from"], row["until"], row["commit"]) == (0, None, sha)
    assert (row["type"], row["doc"]) == ("pandas.Series", "Average spend.")
    assert row["needs"] == [(0, "spend", "pandas.Series", False), (1, "window", "int", True)]
    assert row["source"] == SPEND.partition("\n\n")[2].rstrip("\n")
    assert (report.head, report.commits, report.features, report.opened) == (sha, 1, 1, 1)


def test_history_is_intervals_that_end_where_a_feature_changes_or_goes(catalog, git_repo):
    git_repo.commit("Begin", files={"README.md": "features"})
    git_repo.commit("Add", files={"f.py": "def a(x: int) -> int:\n    return x\n"})
    git_repo.commit("Nothing", files={"README.md": "more"})
    git_repo.commit("Change", files={"f.py": "def a(x: int) -> int:\n    return x + 1\n"})
    git_repo.delete("f.py")
    git_repo.commit("Delete")
    git_repo.commit("Again", files={"f.py": "def a(x: int) -> int:\n    return x\n"})
    catalog.scan()

    assert catalog.features() == [("a", 1, 3), ("a", 3, 4), ("a", 5, None)]


def test_a_change_above_moves_the_lines_and_leaves_the_version(catalog, git_repo):
    git_repo.commit("Add", files={"f.py": "def b(x: int) -> int:\n    return x\n"})
    text = "def a(x: int) -> int:\n    return x\n\n\ndef b(x: int) -> int:\n    return x\n"
    git_repo.commit("Above", files={"f.py": text})
    catalog.scan()

    assert catalog.features() == [("a", 1, None), ("b", 0, None)]
    lines = [[place[2:] for place in places] for _, (_, _, places) in catalog.rows()["modules"]]
    assert lines == [[(1, 2)], [(1, 2), (5, 6)]]


def test_a_partly_known_feature_keeps_its_version_when_it_moves(catalog, git_repo):
    own = "import functools\n\n@functools.lru_cache\ndef a(x: int) -> int:\n    return x\n"
    git_repo.commit("Add", files={"f.py": own})
    git_repo.commit("Above", files={"f.py": f"# more\n\n{own}"})
    catalog.scan()

    (row,) = catalog.rows()["features"]
    assert row["partial"] and row["until"] is None


def test_variants_stand_side_by_side_under_their_conditions(catalog, git_repo):
    source = (
        "from hamilton.function_modifiers import config\n"
        '@config.when(region="uk")\ndef tax__uk(x: int) -> int:\n    return x\n'
        '@config.when(region="us")\ndef tax__us(x: int) -> int:\n    return x + 1\n'
    )
    git_repo.commit("Add", files={"f.py": source})
    catalog.scan()

    versions = catalog.rows()["features"]
    assert [(v["name"], v["variant"], v["condition"]) for v in versions] == [
        ("tax", "tax__uk", 'region = "uk"'),
        ("tax", "tax__us", 'region = "us"'),
    ]
    assert catalog.count(Feature) == 1


def test_ways_of_a_feature_that_a_configuration_chooses_are_one_version(catalog, git_repo):
    source = (
        "from headwater import *\nfrom headwater.modifiers import *\n"
        "def _text(x: int, width: int) -> str: ...\n"
        "@config.when(kind='a')\n"
        "@pipe_output(step(_text, width=source('width')).when(size='large'), step(_text, 3).when(size='small'))\n"
        "def spend__a(x: int) -> int: ...\n"
        "@pipe_input(step(_text, 3).when(size='large'), on_input='y')\n"
        "def rate(x: int, y: int) -> int: ...\n"
    )
    git_repo.commit("Add", files={"f.py": source})
    catalog.scan()

    rate, spend = catalog.rows()["features"]
    assert (spend["name"], spend["variant"]) == ("spend", "spend__a")
    assert (spend["type"], spend["condition"]) == ("int | str", 'kind = "a"')
    assert [(name, optional) for _, name, _, optional in spend["needs"]] == [("x", False), ("width", True)]
    assert {part["name"] for part in spend["parts"]} == {"spend.raw", "spend.with_text"}
    assert (rate["type"], rate["condition"]) == ("int", "")
    assert [(name, optional) for _, name, _, optional in rate["needs"]] == [("x", False), ("y", False)]


def test_a_declared_input_is_no_feature(catalog, git_repo):
    source = (
        "from headwater import external_input\n"
        "@external_input(owner='crm')\ndef email() -> str:\n    'As typed.'\n"
        "def domain(email: str) -> str:\n    return email\n"
    )
    git_repo.commit("Add", files={"f.py": source})
    catalog.scan()

    [domain] = catalog.rows()["features"]
    assert domain["name"] == "domain"
    assert [name for _, name, *_ in domain["needs"]] == ["email"]
    assert catalog.diagnostics() == []


def test_the_nodes_of_a_check_fold_into_their_feature(catalog, git_repo):
    source = (
        "from hamilton.function_modifiers import check_output, tag\n"
        "@tag(owner='growth', pii=['email', 'name'])\n"
        "@check_output(range=(0, 1))\ndef share(a: float, b: float) -> float:\n    return a / b\n"
    )
    git_repo.commit("Add", files={"f.py": source})
    catalog.scan()

    (row,) = catalog.rows()["features"]
    assert row["parts"][0]["name"] == "share_raw"
    assert [name for _, name, _, _ in row["needs"]] == ["a", "b"]
    assert row["tags"] == {"owner": "growth", "pii": ["email", "name"]}
    assert row["facets"] == [("owner", "growth"), ("pii", "email"), ("pii", "name")]


def test_a_file_that_cannot_be_read_is_a_diagnostic_for_as_long_as_it_is_so(catalog, git_repo):
    good = "def a(x: int) -> int:\n    return x\n"
    git_repo.commit("Add", files={"p/a.py": good, "p/b.py": good.replace("a(", "b(")})
    git_repo.commit("Break", files={"p/a.py": "def a(x: int -> int:\n"})
    git_repo.commit("Mend", files={"p/a.py": good})
    catalog.scan()

    assert catalog.features() == [("a", 0, 1), ("a", 2, None), ("b", 0, None)]
    ((path, line, message, since, until),) = catalog.diagnostics()
    assert (path, line, since, until) == ("p/a.py", 1, 1, 2)
    assert "Python cannot read this" in message


def test_a_wrong_modifier_is_a_diagnostic_and_the_other_features_count(catalog, git_repo):
    source = (
        "from hamilton.function_modifiers import extract_columns\n"
        "@extract_columns('c')\ndef table(x: int) -> int:\n    return x\n"
        "def fine(x: int) -> int:\n    return x\n"
    )
    git_repo.commit("Add", files={"f.py": source})
    catalog.scan()

    assert catalog.features() == [("fine", 0, None)]
    ((path, line, message, _, _),) = catalog.diagnostics()
    assert (path, line) == ("f.py", 2)
    assert "extract_columns" in message


def test_a_function_that_cannot_be_expanded_at_all_ends_no_scan(catalog, git_repo):
    nested = "".join(f"@subdag(f{n})\ndef f{n + 1}(f{n}: int) -> int: ...\n" for n in range(300))
    source = f"from headwater import *\ndef f0(x: int) -> int: ...\n{nested}"
    git_repo.commit("Add", files={"p/f.py": source})
    catalog.scan()

    names = {row["name"] for row in catalog.rows()["features"]}
    told = [message for _, _, message, _, _ in catalog.diagnostics()]
    assert {"f0", "f1", "f9"} <= names
    assert len(names) + len(told) == 301


def test_scanning_runs_nothing_of_the_repository(catalog, git_repo, tmp_path):
    mark = tmp_path / "ran"
    git_repo.commit(
        "Add", files={"f.py": f"open({str(mark)!r}, 'w')\n\ndef a(x: int) -> int:\n    return x\n"}
    )
    catalog.scan()

    assert catalog.features() == [("a", 0, None)]
    assert not mark.exists()


def test_a_constant_elsewhere_is_part_of_what_a_feature_says(catalog, git_repo):
    feature = (
        "from hamilton.function_modifiers import tag\nfrom p.names import OWNER\n"
        "@tag(owner=OWNER)\ndef a(x: int) -> int:\n    return x\n"
    )
    git_repo.commit("Add", files={"p/f.py": feature, "p/names.py": "OWNER = 'growth'\n"})
    git_repo.commit("Change", files={"p/names.py": "OWNER = 'finance'\n"})
    catalog.scan()

    assert [row["tags"] for row in catalog.rows()["features"]] == [{"owner": "growth"}, {"owner": "finance"}]
    assert catalog.count(Definition) == 1


def test_a_function_elsewhere_that_a_modifier_takes_in_is_part_of_what_a_feature_says(catalog, git_repo):
    feature = (
        "from hamilton.function_modifiers import pipe_output, source, step, subdag\nfrom p import lib\n"
        "@pipe_output(step(lib._scaled, by=source('factor')))\ndef a(x: int) -> int:\n    return x\n"
        "@subdag(lib)\ndef b(rate: float) -> float:\n    return rate\n"
    )
    helper = "def _scaled(x: int, by: int) -> {0}: ...\ndef rate({1}: float) -> float: ...\n"
    other = "def c(x: int) -> int:\n    return x\n"
    git_repo.commit(
        "Add", files={"p/f.py": feature, "p/lib.py": helper.format("int", "base"), "p/other.py": other}
    )
    catalog.scan()
    git_repo.commit("Retype the helper", files={"p/lib.py": helper.format("float", "base")})
    retyped = catalog.scan()
    git_repo.commit("Rename what the sub-graph needs", files={"p/lib.py": helper.format("float", "top")})
    catalog.scan()
    git_repo.commit("Move the helper", files={"p/lib.py": "\n\n" + helper.format("float", "top")})
    moved = catalog.scan()

    types = {(row["name"], row["from"]): row["type"] for row in catalog.rows()["features"]}
    needs = {
        (row["name"], row["from"]): [name for _, name, *_ in row["needs"]]
        for row in catalog.rows()["features"]
    }
    assert (types["a", 0], types["a", 1]) == ("int", "float")
    assert needs["a", 1] == ["x", "factor"]
    assert (needs["b", 0], needs["b", 2]) == (["base"], ["top"])
    assert retyped.blobs == 2  # the helper, and the module that takes it in
    assert (retyped.opened, retyped.ended) == (1, 1)
    assert (moved.opened, moved.ended) == (0, 0)


def test_declared_dataflows_are_kept_over_time(catalog, git_repo):
    git_repo.commit("Add", files={"a.py": "def a(x: int) -> int:\n    return x\n"})
    project = '[tool.headwater.dataflows.weekly]\nmodules = ["a"]\noutputs = ["a"]\nconfig = {n = 1.5}\n'
    git_repo.commit("Declare", files={"pyproject.toml": project})
    git_repo.commit("Change", files={"pyproject.toml": project.replace("1.5", "2")})
    catalog.scan()

    assert catalog.rows()["dataflows"] == [
        ("main", 0, 1, ("layout", ["a"], {}, {}, [])),
        ("weekly", 1, 2, ("declared", ["a"], {"n": 1.5}, {}, ["a"])),
        ("weekly", 2, None, ("declared", ["a"], {"n": 2}, {}, ["a"])),
    ]


def test_scanning_again_reads_and_adds_nothing(catalog, git_repo):
    git_repo.commit("Add", files={"features/spend.py": SPEND})
    catalog.scan()
    before = catalog.rows()
    report = catalog.scan()

    assert catalog.rows() == before
    assert (report.commits, report.blobs, report.opened, report.ended) == (0, 0, 0, 0)
    assert (report.features, report.diagnostics) == (1, 0)


def test_a_commit_beside_the_sources_reads_no_content(catalog, git_repo):
    git_repo.commit("Add", files={"features/spend.py": SPEND})
    catalog.scan()
    git_repo.commit("Words", files={"README.md": "words"})
    report = catalog.scan()

    assert (report.commits, report.blobs) == (1, 0)
    assert catalog.features() == [("avg_spend", 0, None)]


def test_a_new_commit_writes_only_what_it_changed(catalog, git_repo):
    module = "def {0}(x: int) -> int:\n    return x\n\n\ndef {0}_more(x: int) -> int:\n    return x\n"
    git_repo.commit("Add", files={f"p/m{n}.py": module.format(f"f{n}") for n in range(20)})
    catalog.scan()
    models = (
        Commit,
        SourceBlob,
        Definition,
        BlobDefinition,
        ModuleVersion,
        Feature,
        FeatureVersion,
        Dependency,
    )
    before = [catalog.count(model) for model in models]
    git_repo.commit("Change", files={"p/m7.py": module.format("f7").replace("x\n\n", "x + 1\n\n")})
    report = catalog.scan()

    assert [catalog.count(m) - n for m, n in zip(models, before, strict=True)] == [1, 1, 1, 2, 1, 0, 1, 1]
    assert (report.opened, report.ended) == (1, 1)


@pytest.mark.parametrize("project", ["", '[tool.headwater.dataflows.d]\nmodules = ["p.*"]\n'])
def test_a_new_commit_reads_only_what_it_changed_and_what_that_means_for_others(catalog, git_repo, project):
    uses = "from headwater import tag\nfrom p.base import OWNER\n\n\n@tag(owner=OWNER)\ndef {0}(x: int) -> int:\n"
    files = {f"p/m{n}.py": (uses + "    return x\n").format(f"f{n}") for n in range(9)}
    files |= {"p/base.py": 'OWNER = "Growth"\n', "p/broken.py": "def broken(:\n", "pyproject.toml": project}
    git_repo.commit("Add", files={path: text for path, text in files.items() if text})
    assert catalog.scan().blobs == 11
    told = catalog.diagnostics()
    assert [(path, until) for path, _, _, _, until in told] == [("p/broken.py", -1)]

    git_repo.commit("Change one", files={"p/m7.py": files["p/m7.py"].replace("return x", "return x + 1")})
    one = catalog.scan()
    git_repo.commit("Change a helper", files={"p/base.py": 'OWNER = "Growth"\n\n\ndef _helper(): ...\n'})
    catalog.scan()
    git_repo.commit("Change all", files={"p/base.py": 'OWNER = "Finance"\n\n\ndef _helper(): ...\n'})
    every = catalog.scan()

    assert one.blobs == 2  # the module, and the one that its tag comes from
    assert (one.opened, one.ended) == (1, 1)
    assert (every.opened, every.ended) == (9, 9)
    assert catalog.diagnostics() == told
    git_repo.commit("Repair", files={"p/broken.py": "def broken(x: int) -> int:\n    return x\n"})
    assert catalog.scan().blobs == 1
    assert [until for *_, until in catalog.diagnostics()] == [4]


def test_a_new_commit_finds_the_drivers_of_files_that_it_does_not_read(catalog, git_repo):
    drive = "from hamilton import driver\nimport {0}\ndriver.Driver({{}}, {0})\n"
    feature = "def {0}(x: int) -> int:\n    return x\n"
    files = {f"{place}/run.py": drive.format("f") for place in ("one", "two")}
    files |= {f"{place}/f.py": feature.format("a") for place in ("one", "two")}
    git_repo.commit("Add", files={**files, "one/late.py": "def (", "three/run.py": drive.format("late")})
    assert catalog.scan().blobs == 4
    git_repo.commit("Change a feature", files={"one/f.py": feature.format("b")})
    feature_only = catalog.scan()
    git_repo.delete("one/late.py")
    git_repo.commit("Move what a driver takes", files={"late.py": feature.format("c")})
    moved = catalog.scan()
    git_repo.commit("Change a driver", files={"two/run.py": drive.format("f").replace("{}", "{'n': 1}")})
    driver_only = catalog.scan()

    assert (feature_only.blobs, moved.blobs, driver_only.blobs) == (1, 1, 1)
    assert [
        (name, since, until, content[1:3]) for name, since, until, content in catalog.rows()["dataflows"]
    ] == [
        ("one.run", 0, None, (["one.f"], {})),
        ("three.run", 2, None, (["late"], {})),
        ("two.run", 0, 3, (["two.f"], {})),
        ("two.run", 3, None, (["two.f"], {"n": 1})),
    ]
    assert _same_as_new(catalog, git_repo)


def test_names_that_several_modules_of_a_folder_make_are_told_while_they_do(catalog, git_repo):
    feature = "def a(x: int) -> int:\n    return x\n"
    git_repo.commit("Add", files={"p/f.py": feature, "p/g.py": feature})
    git_repo.commit("More", files={"p/h.py": feature.replace("a(", "b(")})
    catalog.scan()
    git_repo.commit("Rename", files={"p/g.py": feature.replace("a(", "c(")})
    catalog.scan()

    ((path, line, message, since, until),) = catalog.diagnostics()
    assert (path, line, since, until) == ("p", 0, 0, 2)
    assert "all of which count: a (p.f, p.g)." in message


def test_each_content_of_a_history_is_read_once(catalog, git_repo):
    for n in range(5):
        git_repo.commit(
            "Change", files={"p/a.py": f"def a(x: int) -> int:\n    return x + {n}\n", "p/b.py": SPEND}
        )
    git_repo.commit("Copy", files={"p/c.py": SPEND})

    assert catalog.scan().blobs == 6


def test_rewritten_history_is_undone_to_the_last_common_commit(catalog, git_repo):
    feature = "def a(x: int) -> int:\n    return x + {}\n"
    first = git_repo.commit("One", files={"f.py": feature.format(1)})
    git_repo.commit("Two", files={"f.py": feature.format(2), "g.py": SPEND})
    git_repo.commit("Three", files={"f.py": feature.format(3), "h.py": "def ("})
    catalog.scan()
    before = catalog.rows()
    git_repo.branch("kept")
    git_repo.checkout("main")
    git_repo.git("reset", "--quiet", "--hard", first)
    git_repo.commit("Other two", files={"f.py": feature.format(4)})
    catalog.scan()

    assert catalog.features() == [("a", 0, 1), ("a", 1, None)]
    assert catalog.rows()["modules"][0][0][3] == 1
    assert (catalog.diagnostics(), catalog.rows()["indexed"]) == ([], 0)
    assert _same_as_new(catalog, git_repo)

    git_repo.git("reset", "--quiet", "--hard", "kept")
    catalog.scan()
    assert catalog.rows() == before


def _same_as_new(catalog, git_repo) -> bool:
    catalog.add("new", git_repo.path)
    catalog.scan("new")
    return catalog.rows("new") == catalog.rows()


def test_another_reader_reads_all_history_again(catalog, git_repo):
    git_repo.commit("One", files={"p/f.py": SPEND})
    git_repo.commit("Two", files={"p/f.py": SPEND.replace("mean", "max")})
    catalog.scan()
    before = catalog.rows()
    with catalog.database.write() as session:
        session.execute(update(Repository).values(reader_version="0"))
        session.execute(update(FeatureVersion).values(doc="as it was read then"))
        session.execute(update(Definition).values(code_hash="as it was made then"))
        session.execute(update(BlobDefinition).values(line=99))
    report = catalog.scan()

    assert catalog.rows() == before
    assert report.commits == 2


def test_a_branch_may_be_scanned_instead(catalog, git_repo):
    git_repo.commit("One", files={"f.py": "def a(x: int) -> int:\n    return x\n"})
    git_repo.branch("side")
    side = git_repo.commit("Two", files={"g.py": "def b(x: int) -> int:\n    return x\n"})
    git_repo.checkout("main")

    assert catalog.scan(ref="side").head == side
    assert catalog.features() == [("a", 0, None), ("b", 1, None)]


def test_a_repository_that_is_not_there_is_named(catalog):
    with pytest.raises(NotFound, match="Did you mean 'repo'"):
        catalog.scan("rep")


def test_of_two_scans_at_once_the_slower_one_gives_up_and_the_rows_are_right(catalog, git_repo):
    for n in range(4):
        git_repo.commit("Change", files={"f.py": f"def a(x: int) -> int:\n    return x + {n}\n"})

    def other_scan(done, _total, _message):
        if done == 1:
            catalog.scan()

    with pytest.raises(Conflict, match="Another scan"):
        catalog.scan(batch=1, progress=other_scan)
    assert _same_as_new(catalog, git_repo)


def test_repositories_share_definitions_and_contents(catalog, git_repo):
    git_repo.commit("Add", files={"features/spend.py": SPEND})
    catalog.scan()
    assert _same_as_new(catalog, git_repo)

    assert (catalog.count(Definition), catalog.count(SourceBlob), catalog.count(FeatureVersion)) == (1, 1, 2)


def test_text_that_a_database_refuses_is_stored_all_the_same(catalog, git_repo):
    long = "n" * 3000
    source = (
        "from hamilton.function_modifiers import extract_columns, tag\n"
        '@tag(note="nul \\0 and \\ud800", long="' + "v " * 5000 + '")\n'
        'def a(x: int) -> int:\n    "Doc \\0 \\ud800 é."\n    return x\n'
        f"def {long}(x: int) -> int:\n    return x\n"
        f"def b({long}: int) -> int:\n    return {long}\n"
    )
    git_repo.write(f"p/{'m' * 240}.py", source)
    git_repo.write("pyproject.toml", '[tool.headwater.dataflows."a\\u0000"]\nmodules = ["p.*"]\n')
    git_repo.write("p/binary.py", b"\xff\xfe\x00def")
    git_repo.commit("Odd \ufffe")
    catalog.scan()

    (row,) = catalog.rows()["features"]
    assert row["doc"] == "Doc \ufffd \ufffd é."
    assert row["tags"]["note"] == "nul \ufffd and \ufffd"
    assert len(row["tags"]["long"]) == 10_000
    assert catalog.rows()["dataflows"][0][0] == "a\ufffd"
    assert sum("at most 250 characters" in message for _, _, message, _, _ in catalog.diagnostics()) == 2


_BODIES = st.sampled_from(
    ["return x", "return x + 1", "return OTHER", '"""Doc."""\n    return x', "return ("]
)
_FUNCTIONS = st.dictionaries(st.sampled_from(["a", "b", "c", "_d"]), _BODIES, max_size=3)
_TAKING = st.sampled_from(
    ["pipe_output(step(_d))", "pipe_output(step(far.a))", "subdag(far.b)", "subdag(far)", "subdag(three)"]
    + ["mutate(a)", "does(c)", "does(far._d)"]
)
_PATHS = st.sampled_from(["p/one.py", "p/two.py", "three.py", "tests/four.py", "p/__init__.py"])
_OWNERS = st.sampled_from(["'growth'", "'finance'", "LIMIT", "print()"])


@st.composite
def _sources(draw) -> str:
    """A module with a constant for others, and functions that may take something from other modules."""
    lines = [f"LIMIT = {draw(_OWNERS)}", "from p.one import LIMIT as OTHER"]
    lines += ["from hamilton.function_modifiers import *"] + ["#"] * draw(st.integers(0, 2))
    lines += [f"from p import {draw(st.sampled_from(['one', 'two']))} as far", "import three"]
    for name, body in draw(_FUNCTIONS).items():
        if draw(st.booleans()):
            lines.append(f"@tag(owner={draw(st.sampled_from(['OTHER', 'LIMIT', 'unknown', '1']))})")
        if draw(st.booleans()):
            lines.append(f"@{draw(_TAKING)}")
        lines.append(f"def {name}(x: {draw(st.sampled_from(['int', 'float']))}) -> int:\n    {body}")
    return "\n".join(lines) + "\n"


_DRIVEN = st.sampled_from(
    ["three", "one", "two", "four", "absent", "__main__", "p.one", "importlib.import_module('p.two')", "x()"]
)


@st.composite
def _scripts(draw) -> str:
    """A file that constructs drivers of other modules, or of itself."""
    lines = [
        "import importlib, __main__, three, one, two, four, absent, p.one",
        "from hamilton import driver",
    ]
    lines += ["#"] * draw(st.integers(0, 1))
    for taken in draw(st.lists(st.lists(_DRIVEN, min_size=1, max_size=2), max_size=2)):
        config = draw(st.sampled_from(["{}", "{'n': 1}", "{'n': x()}"]))
        lines.append(f"driver.Driver({config}, {', '.join(taken)})")
    if draw(st.booleans()):
        lines.append("def e(x: int) -> int: ...\ndef f(x) -> int: ...")
    return "\n".join(lines) + "\n"


_PROJECTS = st.sampled_from(
    [
        "",
        '[tool.headwater.dataflows.d]\nmodules = ["p.*"]\n',
        '[tool.headwater.dataflows.d]\nmodules = ["three"]\n',
    ]
)
_EDITS = st.one_of(
    st.tuples(_PATHS, _sources()),
    st.tuples(st.sampled_from(["run.py", "p/run.py", "p/two.py", "three.py"]), _scripts()),
    st.tuples(st.one_of(_PATHS, st.sampled_from(["run.py", "p/run.py"])), st.none()),
    st.tuples(st.just("pyproject.toml"), _PROJECTS),
)
_HISTORIES = st.lists(st.lists(_EDITS, min_size=1, max_size=3), min_size=1, max_size=6)


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=_HISTORIES, data=st.data())
def test_commit_by_commit_gives_the_same_rows_as_all_at_once(catalog, tmp_path_factory, history, data):
    repository = tmp_path_factory.mktemp("history")
    shas = _import(repository, history)
    whole, steps = f"whole-{repository.name}", f"steps-{repository.name}"
    for name in (whole, steps):
        catalog.add(name, repository)
    catalog.scan(whole)
    for stop in sorted(data.draw(st.sets(st.sampled_from(range(len(shas)))))):
        catalog.scan(steps, ref=shas[stop], batch=data.draw(st.integers(1, 3)))
    catalog.scan(steps)

    assert catalog.rows(steps) == catalog.rows(whole)


def _import(repository: Path, history) -> list[str]:
    """Make a repository whose commits do some edits each, and return their names."""
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(repository)], check=True)
    stream = ""
    present: set[str] = set()
    for number, edits in enumerate(history):
        stream += f"commit refs/heads/main\ncommitter A <a@example.com> {1_700_000_000 + number} +0000\n"
        stream += f"data 3\nabc\n{'' if number else 'deleteall' + chr(10)}"
        for path, content in edits:
            if content is not None:
                present.add(path)
                stream += f"M 100644 inline {path}\ndata {len(content.encode())}\n{content}\n"
            elif path in present:
                present.remove(path)
                stream += f"D {path}\n"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input=stream.encode(), check=True)
    command = ["git", "rev-list", "--reverse", "main"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.split()


_CHILD = """
import sys
from pathlib import Path
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database

url, home = sys.argv[1:]


def progress(done, total, message):
    print(done, flush=True)
    sys.stdin.readline()


settings = Settings(home=Path(home), database_url=url, secret_key="k")
scan(Database(url), settings, "repo", batch=1, progress=progress)
"""


def test_a_scan_that_is_killed_again_and_again_ends_with_the_same_rows(catalog, git_repo, tmp_path):
    functions = "def f{0}_{1}(x: int) -> int:\n    return x\n"
    history = [[(f"p/m{n % 5}.py", "".join(functions.format(n, k) for k in range(30)))] for n in range(40)]
    _import(git_repo.path, history)
    command = [sys.executable, "-c", _CHILD, catalog.settings.database_url, str(tmp_path / "home")]
    for steps in (1, 2, 5, 9):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            for _ in range(steps):
                child.stdout.readline()
                child.stdin.write("\n")
                child.stdin.flush()
            time.sleep(steps / 1000)  # into the next batch, a little further each time
            child.kill()

    position = catalog.rows()["head"][1]
    assert 5 < position < 30
    assert len(catalog.rows()["commits"]) == position + 1
    catalog.scan()
    assert _same_as_new(catalog, git_repo)
