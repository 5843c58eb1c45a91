"""A scan brings the store to what the main line says, and reads only what is new."""

import pytest
from sqlalchemy import event, select, update

from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.repositories import get_repository, remove_repository
from headwater_catalog.store.models import (
    BlobDefinition,
    Commit,
    Definition,
    Dependency,
    Feature,
    FeatureVersion,
    ModuleVersion,
    Repository,
    SourceBlob,
)
from support.scanned import Catalog

SPEND = """import pandas as pd

def avg_spend(spend: pd.Series, window: int = 3) -> pd.Series:
    \"\"\"Average spend.\"\"\"
    return spend.rolling(window).mean()
"""


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
    assert (report.head, report.commits, report.opened) == (sha, 1, 1)


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

    git_repo.commit("Describe", files={"f.py": source.replace("typed", "written")})
    git_repo.delete("f.py")
    git_repo.commit("Delete")
    catalog.scan()

    [domain] = catalog.rows()["features"]
    assert domain["name"] == "domain"
    assert [name for _, name, *_ in domain["needs"]] == ["email"]
    assert [(since, type_, doc, tags) for since, type_, doc, _, tags, _ in catalog.rows()["inputs"]] == [
        (("f", "email", "email", 0, 1), "str", "As typed.", {"owner": "crm"}),
        (("f", "email", "email", 1, 2), "str", "As written.", {"owner": "crm"}),
    ]
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
    assert retyped.blobs == 3  # the helper, as it was and is, and the module that takes it in
    assert (retyped.opened, retyped.ended) == (1, 1)
    assert (moved.opened, moved.ended) == (0, 0)


def test_declared_dataflows_are_kept_over_time(catalog, git_repo):
    git_repo.commit("Add", files={"a.py": "def a(x: int) -> int:\n    return x\n"})
    project = '[tool.headwater.dataflows.weekly]\nmodules = ["a"]\noutputs = ["a"]\nconfig = {n = 1.5}\n'
    git_repo.commit("Declare", files={"pyproject.toml": project})
    git_repo.commit("Change", files={"pyproject.toml": project.replace("1.5", "2")})
    catalog.scan()

    assert catalog.rows()["dataflows"] == [
        ("main", 0, 1, ("layout", ["a"], {}, {}, [], {})),
        ("weekly", 1, 2, ("declared", ["a"], {"n": 1.5}, {}, ["a"], {})),
        ("weekly", 2, None, ("declared", ["a"], {"n": 2}, {}, ["a"], {})),
    ]


def test_scanning_again_reads_and_adds_nothing(catalog, git_repo):
    git_repo.commit("Add", files={"features/spend.py": SPEND})
    catalog.scan()
    before = catalog.rows()
    report = catalog.scan()

    assert catalog.rows() == before
    assert (report.commits, report.blobs, report.opened, report.ended) == (0, 0, 0, 0)


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

    assert one.blobs == 3  # the module, as it was and is, and the one that its tag comes from
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

    # What it says of functions that stay is known from what the module was.
    assert (feature_only.blobs, moved.blobs, driver_only.blobs) == (2, 1, 1)
    assert [
        (name, since, until, content[1:3]) for name, since, until, content in catalog.rows()["dataflows"]
    ] == [
        ("one.run", 0, None, (["one.f"], {})),
        ("three.run", 2, None, (["late"], {})),
        ("two.run", 0, 3, (["two.f"], {})),
        ("two.run", 3, None, (["two.f"], {"n": 1})),
    ]
    assert catalog.same_as_new(git_repo.path)


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
    assert catalog.diagnostics() == []
    assert catalog.same_as_new(git_repo.path)

    git_repo.git("reset", "--quiet", "--hard", "kept")
    catalog.scan()
    assert catalog.rows() == before


def test_another_reader_reads_all_history_again(catalog, git_repo):
    git_repo.commit("One", files={"p/f.py": SPEND})
    git_repo.commit("Two", files={"p/f.py": SPEND.replace("mean", "max")})
    catalog.scan()
    before = catalog.rows()
    with catalog.database.write() as session:
        session.execute(update(Repository).values(reader_version="0"))
        session.execute(update(FeatureVersion).values(doc="as it was read then"))
        session.execute(update(Definition).values(code_hash="as it was made then", reader_version="0"))
        session.execute(update(BlobDefinition).values(line=99))
    report = catalog.scan()

    assert catalog.rows() == before
    assert report.commits == 2


def test_another_reader_finds_constants_in_sql_that_were_not_looked_for(catalog, git_repo):
    code = (
        "import pandas as pd\n\nQUERY = 'select a from t'\n\n\n"
        "def f(con: object) -> pd.DataFrame:\n    return pd.read_sql(QUERY, con)\n"
    )
    git_repo.commit("One", files={"f.py": code, "g.py": "def g(x: int) -> int:\n    return x\n"})
    catalog.scan()
    with catalog.database.write() as session:
        before = sorted(session.execute(select(SourceBlob.oid, SourceBlob.constants)).all(), key=str)
        session.execute(update(Repository).values(reader_version="0"))
        session.execute(update(SourceBlob).values(constants={"gone": ["select 1"]}))
    catalog.scan()

    with catalog.database.read() as session:
        after = sorted(session.execute(select(SourceBlob.oid, SourceBlob.constants)).all(), key=str)
    assert after == before
    assert {None, "QUERY"} == {next(iter(constants), None) if constants else None for _, constants in after}


def test_a_branch_may_be_scanned_instead(catalog, git_repo):
    git_repo.commit("One", files={"f.py": "def a(x: int) -> int:\n    return x\n"})
    git_repo.branch("side")
    side = git_repo.commit("Two", files={"g.py": "def b(x: int) -> int:\n    return x\n"})
    git_repo.checkout("main")

    assert catalog.scan(ref="side").head == side
    assert catalog.scan().head == side  # from then on
    assert catalog.scan(ref=side[:12]).head == side
    assert catalog.scan(ref="main").head == catalog.scan().head != side
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
    assert catalog.same_as_new(git_repo.path)


def _many(git_repo, **changed):
    texts = {f"m{n}": f"def f{n}(x: int) -> int:\n    return x\n" for n in range(9)} | changed
    return git_repo.commit("Change", files={f"p/{name}.py": text for name, text in texts.items()})


def test_a_scan_goes_on_from_what_the_last_one_of_its_process_knows(catalog, git_repo):
    _many(git_repo)
    catalog.scan_on()
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 3\n")
    asked = []

    @event.listens_for(catalog.database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    def loads():
        return [text for text in asked if text.startswith("SELECT") and "FROM module_link" in text]

    remembered = catalog.scan_on()
    assert (remembered.blobs, loads()) == (1, [])
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 4\n")
    assert catalog.scan().blobs == 2  # the module as it was, too
    assert len(loads()) == 1
    assert catalog.same_as_new(git_repo.path)


def test_a_scan_does_not_go_on_from_what_others_have_changed_since(catalog, git_repo):
    _many(git_repo)
    catalog.scan_on()
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 3\n")
    catalog.scan()
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 4\n")
    catalog.scan_on()

    assert catalog.same_as_new(git_repo.path)


def test_a_scan_does_not_go_on_where_others_left_the_same_commit_in_other_rows(catalog, git_repo):
    first = _many(git_repo)
    second = _many(git_repo, m3="def f3(x: int) -> int:\n    return 3\n")
    catalog.scan_on()
    git_repo.git("reset", "--quiet", "--hard", first)
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 9\n")
    catalog.scan()
    catalog.add("other", git_repo.path)
    catalog.scan("other")  # takes the numbers of rows that come next
    git_repo.git("reset", "--quiet", "--hard", second)
    catalog.scan()
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 4\n")
    catalog.scan_on()

    assert catalog.same_as_new(git_repo.path)


def test_a_scan_that_failed_leaves_nothing_to_go_on_from(catalog, git_repo):
    _many(git_repo)
    catalog.scan_on()
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 3\n")
    engine = catalog.database.engine

    def fail(_connection, _cursor, statement, *_):
        if "INSERT INTO dependency" in statement:
            raise InterruptedError

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(InterruptedError):
        catalog.scan_on()
    event.remove(engine, "before_cursor_execute", fail)
    catalog.scan_on()

    assert catalog.same_as_new(git_repo.path)


def test_a_repository_that_took_the_number_of_another_is_not_taken_for_it(catalog, git_repo):
    _many(git_repo)
    catalog.scan_on()
    with catalog.database.write() as session:
        remove_repository(session, catalog.settings, get_repository(session, "repo"))
    for name in ("repo", "other"):
        catalog.add(name, git_repo.path)
    catalog.scan("other")  # takes the numbers that the rows had
    catalog.scan()
    _many(git_repo, m3="def f3(x: int) -> int:\n    return 3\n")
    catalog.scan_on()

    assert catalog.same_as_new(git_repo.path)


def test_repositories_share_definitions_and_contents(catalog, git_repo):
    git_repo.commit("Add", files={"features/spend.py": SPEND})
    catalog.scan()
    assert catalog.same_as_new(git_repo.path)

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
