"""The catalog of one commit as one SQLite file, and two such files compared."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.answers.changes import diff_json
from headwater_catalog.answers.reviews import review_json
from headwater_catalog.artefact.origin import export_file, origin_in
from headwater_catalog.artefact.placing import folder_in_place
from headwater_catalog.artefact.reading import read_artefact
from headwater_catalog.artefact.tables import TABLES
from headwater_catalog.commit_snapshots import borrowed
from headwater_catalog.compare import compare
from headwater_catalog.comparing import opaque_of
from headwater_catalog.errors import Conflict, RepositoryError
from headwater_catalog.governance.review import review
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.revisions import RevisionReader
from headwater_web.cli import main
from support import hostile
from support.git_repo import GitRepo

DAY = "2026-09-15"
DOCS = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture(scope="module")
def exported(demo_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the head of the demo as a file."""
    place = tmp_path_factory.mktemp("exported") / "demo.sqlite"
    export_file(origin_in(demo_repository, None), place)
    return place


def _headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def _compared(before: Revision, after: Revision) -> str:
    """Return all that commands tell of two revisions."""
    found = compare(before, after, formatting=True)
    told = diff_json("a", "b", found, opaque_of(found.features, after))
    whole = review_json("demo", "a", "b", DAY, review("demo", before, after, DAY), None)
    return json.dumps([told, whole], indent=1, default=str)


@pytest.mark.slow
def test_files_of_all_commits_tell_of_each_other_what_the_commits_tell(demo_repository: Path, tmp_path: Path):
    """Neighbours, and each with the first: classes, causes, edges, findings, classifications and rules."""
    with borrowed(demo_repository) as source:
        reader, revisions, files = RevisionReader(source), [], []
        for number, sha in enumerate(source.main_line_shas(source.head())):
            place = tmp_path / f"{number}.sqlite"
            export_file(origin_in(demo_repository, sha), place)
            revisions.append(reader.read(sha))
            files.append(read_artefact(place).revision)

    assert len(files) > 20
    for one, other in [*zip(range(len(files)), range(1, len(files)), strict=False), (0, len(files) - 1)]:
        assert files[other].snapshot == revisions[other].snapshot
        assert _compared(files[one], files[other]) == _compared(revisions[one], revisions[other])
        assert _compared(files[other], files[one]) == _compared(revisions[other], revisions[one])


def test_a_helper_that_changes_is_told_by_files_as_the_cause(git_repo: GitRepo, tmp_path: Path):
    code = "from lib import scale\n\n\ndef spend(raw: float) -> float:\n    return scale(raw)\n"
    git_repo.commit("Begin", files={"features.py": code, "lib.py": "def scale(x):\n    return x * 2\n"})
    export_file(origin_in(git_repo.path, None), tmp_path / "a.db")
    git_repo.commit("Triple", files={"lib.py": "def scale(x):\n    return x * 3\n"})
    export_file(origin_in(git_repo.path, None), tmp_path / "b.db")

    told = json.loads(_headwater("diff", tmp_path / "a.db", tmp_path / "b.db", "--json").stdout)

    assert [(each["key"], each["classes"], each["because"]) for each in told["features"]] == [
        ("features:spend", ["logic"], ["lib.scale changed"])
    ]
    assert b"x * 2" not in (tmp_path / "a.db").read_bytes()  # code that makes no feature is nobody's business


def test_the_same_commit_gives_the_same_bytes_from_any_clone_and_at_any_time(
    demo_repository: Path, exported: Path, tmp_path: Path
):
    shutil.copytree(demo_repository, tmp_path / "elsewhere" / "demo")
    export_file(origin_in(tmp_path / "elsewhere" / "demo", None), tmp_path / "again.sqlite")

    assert (tmp_path / "again.sqlite").read_bytes() == exported.read_bytes()
    assert [each.name for each in tmp_path.iterdir() if "again" in each.name] == ["again.sqlite"]


def test_any_sqlite_tool_opens_it_and_finds_what_the_catalog_says(exported: Path, demo_repository: Path):
    with closing(sqlite3.connect(exported)) as database:
        ask = database.execute
        names = {row[0] for row in ask("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
        counts = {name: ask(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}

        assert ask("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert ask("PRAGMA journal_mode").fetchone() == ("delete",)
        assert ask("SELECT value FROM export WHERE name = 'repository'").fetchone() == ("demo",)
        assert ask("SELECT subject FROM commits").fetchone() == ("Test what the weekly figures are made of",)
        assert ask("SELECT count(*) FROM features").fetchone()[0] == len(
            read_artefact(exported).revision.snapshot.variants
        )
        assert ask("SELECT rule FROM findings WHERE severity = 'error'").fetchall() == [
            ("claim-contradicted",)
        ]
        assert ask("SELECT needs FROM upstream WHERE feature LIKE '%:newsletter_audience' LIMIT 1").fetchone()
        assert ask("SELECT feature FROM outputs WHERE output = 'segment'").fetchone() == (
            "features.segments:segment",
        )
        assert sum(row[0] for row in ask("SELECT features FROM classified_by_module")) > 0
        assert not [name for name, count in counts.items() if not count and name not in _MAY_BE_EMPTY]


_MAY_BE_EMPTY = {"problems", "declared_inputs", "features_without_docs", "unused_features"}


def test_the_manual_has_every_table_and_view(exported: Path):
    with closing(sqlite3.connect(exported)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    text = DOCS.read_text()

    assert not [name for (name,) in names if f"`{name}`" not in text]
    assert TABLES.count("CREATE TABLE") == sum(f"CREATE TABLE {name}" in TABLES for (name,) in names)


def test_it_holds_nothing_of_who_wrote_it_nor_addresses_of_people(git_repo: GitRepo, tmp_path: Path):
    teams = '[tool.headwater.teams]\ncrm = ["vera.secret@example.com"]\n'
    code = "def spend(raw: float) -> float:\n    return raw\n"
    git_repo.commit("Begin", files={"features.py": code, "pyproject.toml": teams})
    export_file(origin_in(git_repo.path, None, "shop"), tmp_path / "a.sqlite")
    content = (tmp_path / "a.sqlite").read_bytes()

    for secret in (str(git_repo.path), str(Path.home()), "ada@example.com", "vera.secret"):
        assert secret.encode() not in content


@pytest.mark.parametrize("name", ["../up", "a b", "Größe", "spend", "Spend", "x" * 240, "';--", "\u202egnp"])
def test_features_of_any_name_are_kept_as_they_are(git_repo: GitRepo, tmp_path: Path, name: str):
    code = (
        "import pandas as pd\nfrom headwater import extract_columns, tag\n\n\n"
        f"@tag(note={name!r})\n@extract_columns({name!r}, 'other')\n"
        "def table(raw: pd.DataFrame) -> pd.DataFrame:\n    return raw\n"
    )
    git_repo.commit("Begin", files={"features.py": code})
    export_file(origin_in(git_repo.path, None), tmp_path / "a.sqlite")

    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as database:
        assert (name,) in database.execute("SELECT name FROM features").fetchall()
        assert (name,) in database.execute("SELECT value FROM tags WHERE tag = 'note'").fetchall()
    with borrowed(git_repo.path) as source:
        assert (
            read_artefact(tmp_path / "a.sqlite").revision.snapshot
            == RevisionReader(source).read(git_repo.head()).snapshot
        )


def test_constants_in_sql_are_kept(git_repo: GitRepo, tmp_path: Path):
    code = (
        "import pandas as pd\n\nQUERY = 'select a from crm.users'\n\n\n"
        "def table(engine: object) -> pd.DataFrame:\n    return pd.read_sql(QUERY, engine)\n"
    )
    git_repo.commit("Begin", files={"features.py": code})
    export_file(origin_in(git_repo.path, None), tmp_path / "a.sqlite")

    with borrowed(git_repo.path) as source:
        there = RevisionReader(source).read(git_repo.head()).snapshot
    found = read_artefact(tmp_path / "a.sqlite").revision.snapshot
    assert found == there
    assert found.lineage.edges == there.lineage.edges
    assert "table:engine:crm.users#a" in found.lineage.nodes


def test_a_hostile_repository_is_written_and_read_back(tmp_path: Path):
    repository = hostile.build(GitRepo(tmp_path / "hostile"))
    export_file(origin_in(repository.path, None), tmp_path / "a.sqlite")

    with borrowed(repository.path) as source:
        there = RevisionReader(source).read(repository.head())
    assert read_artefact(tmp_path / "a.sqlite").revision.snapshot == there.snapshot


# What is in the way


def test_only_an_exported_catalog_is_replaced(demo_repository: Path, exported: Path, tmp_path: Path):
    place, link = tmp_path / "notes.sqlite", tmp_path / "link.sqlite"
    place.write_text("my notes")
    shutil.copy(exported, tmp_path / "ours.sqlite")
    link.symlink_to(tmp_path / "ours.sqlite")

    for taken in (place, link):
        with pytest.raises(Conflict, match="is there already, and no exported catalog"):
            export_file(origin_in(demo_repository, None), taken)
    export_file(origin_in(demo_repository, "HEAD~3"), tmp_path / "ours.sqlite")

    assert place.read_text() == "my notes"
    assert (tmp_path / "ours.sqlite").read_bytes() != exported.read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.sqlite", "notes.sqlite", "ours.sqlite"]


def test_a_folder_that_is_missing_is_told(demo_repository: Path, tmp_path: Path):
    with pytest.raises(RepositoryError, match=r"There is no folder .* Make it first"):
        export_file(origin_in(demo_repository, None), tmp_path / "no" / "a.sqlite")


def test_a_folder_that_somebody_is_in_is_not_replaced(
    git_repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    git_repo.commit("Begin", files={"README": ""})
    (tmp_path / "site" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "site" / "below")

    for words in (".", ".."):
        result = _headwater("export", words, "--path", git_repo.path)

        assert result.exit_code == 3
        assert f"'{words}' cannot be replaced while you are in it" in result.stderr
    (tmp_path / "site" / "below").rmdir()
    assert _headwater("export", tmp_path / "other", "--path", git_repo.path).exit_code == 0


def test_a_disk_that_is_full_is_told_and_what_was_there_stays(
    demo_repository: Path, exported: Path, tmp_path: Path
):
    place, before = tmp_path / "a.sqlite", shutil.copy(exported, tmp_path / "a.sqlite").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(RepositoryError, match=r"a\.sqlite cannot be written: .* Is there enough room"):
            export_file(origin_in(demo_repository, None), place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert place.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.sqlite"]


def test_what_fails_on_the_way_leaves_nothing_and_what_was_there_stays(tmp_path: Path):
    place = tmp_path / "site"
    with folder_in_place(place) as folder:
        (folder / "headwater-export.json").write_text('{"kind": "headwater site", "holds": ["a.html"]}')
        (folder / "a.html").write_text("old")

    with pytest.raises(RuntimeError), folder_in_place(place) as folder:
        (folder / "a.html").write_text("new")
        raise RuntimeError

    assert (place / "a.html").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["site"]


def test_a_folder_is_replaced_only_where_all_in_it_is_of_an_export(tmp_path: Path):
    place = tmp_path / "site"
    with folder_in_place(place) as folder:
        (folder / "headwater-export.json").write_text('{"kind": "headwater site", "holds": ["a.html"]}')
        (folder / "a.html").write_text("old")
    (place / "CNAME").write_text("features.example.com")

    with (
        pytest.raises(Conflict, match="also holds what no export has written: CNAME"),
        folder_in_place(place),
    ):
        pass
    (place / "CNAME").unlink()
    with folder_in_place(place) as folder:
        (folder / "b.html").write_text("new")

    assert [each.name for each in place.iterdir()] == ["b.html"]


# What cannot be read


def test_what_is_no_exported_catalog_is_refused_with_what_to_do(exported: Path, tmp_path: Path):
    other, cut, newer = tmp_path / "other.sqlite", tmp_path / "cut.sqlite", tmp_path / "newer.sqlite"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE features (key TEXT)")
    cut.write_bytes(exported.read_bytes()[:9000])
    shutil.copy(exported, newer)
    with closing(sqlite3.connect(newer)) as database:
        database.execute("PRAGMA user_version = 99")

    for file, told in (
        (other, "is no catalog that `headwater export` has written"),
        (cut, "cannot be read as an exported catalog"),
        (newer, "has format 99, and this version of Headwater reads format 1"),
    ):
        result = _headwater("diff", exported, file)
        assert (result.exit_code, told in result.stderr) == (3, True), result.stderr


@pytest.mark.parametrize("said", ["[]", '{"m": []}', '{"m": {"QUERY": "SELECT 1"}}', '{"m": {"QUERY": [1]}}'])
def test_constants_that_are_none_are_refused(exported: Path, tmp_path: Path, said: str):
    shutil.copy(exported, tmp_path / "odd.sqlite")
    with closing(sqlite3.connect(tmp_path / "odd.sqlite")) as database, database:
        database.execute("INSERT OR REPLACE INTO declarations VALUES ('constants', ?)", (said,))

    result = _headwater("diff", tmp_path / "odd.sqlite", exported)

    assert result.exit_code == 3
    assert "odd.sqlite cannot be read as an exported catalog" in result.stderr


def test_files_of_versions_that_read_otherwise_are_not_compared(exported: Path, tmp_path: Path):
    shutil.copy(exported, tmp_path / "older.sqlite")
    with closing(sqlite3.connect(tmp_path / "older.sqlite")) as database, database:
        database.execute("UPDATE export SET value = '1' WHERE name = 'reader'")

    result = _headwater("diff", tmp_path / "older.sqlite", exported)

    assert result.exit_code == 3
    assert "Export both commits with one version" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("{file}", "{file}", "--repo", "x"), "leave --repo and --path out"),
        (("{file}", "nowhere.sqlite"), "nowhere.sqlite is no file"),
        (("{file}", "{file}", "{file}"), "two exported catalogs as A B"),
    ],
)
def test_wrong_use_is_told(exported: Path, words: tuple[str, ...], told: str):
    result = _headwater("diff", *(word.format(file=exported) for word in words))

    assert (result.exit_code, told in result.stderr) == (2, True), result.stderr


def test_a_review_of_files_says_which_policies_it_cannot_judge(git_repo: GitRepo, tmp_path: Path):
    policy = "[hands-off]\nscope = 'module:features'\nchanged_only_by = ['vera@example.com']\n"
    code = "def spend(raw: float) -> float:\n    return raw\n"
    git_repo.commit("Begin", files={"features.py": code, "policies/all.toml": policy})
    export_file(origin_in(git_repo.path, None), tmp_path / "a.sqlite")
    git_repo.commit("Change", files={"features.py": code.replace("raw\n", "raw + 1\n")})
    export_file(origin_in(git_repo.path, None), tmp_path / "b.sqlite")

    told = json.loads(_headwater("review", tmp_path / "a.sqlite", tmp_path / "b.sqlite", "--json").stdout)

    assert [each["rule"] for each in told["unknown"]] == ["hands-off"]
    assert told["repository"] == git_repo.path.name
    impact = json.loads(_headwater("impact", tmp_path / "a.sqlite", tmp_path / "b.sqlite", "--json").stdout)
    assert [each["key"] for each in impact["changed"]] == ["features:spend"]
