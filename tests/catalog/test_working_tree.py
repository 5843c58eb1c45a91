"""Working trees with changes: taken as a commit of the mirror, whatever is in them, and nothing of them runs."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_catalog import working_tree
from headwater_catalog.audit import audit_file
from headwater_catalog.datasets import file_of, version_of_run
from headwater_catalog.errors import RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.manifests import statement_of
from headwater_catalog.repositories import get_repository, mirror_path
from headwater_catalog.runs import get_run
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.working_tree import TreeChanges, changes_of, folder_with_changes, take_changes
from support.git_repo import GitRepo
from support.run_catalog import SPEND, WEEKLY, Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def shop(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Give the same where no database has a part in it."""
    make_repository(git_repo)
    made = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _take(catalog: Catalog, folder: Path, who: str = "ana") -> TreeChanges:
    with catalog.database.read() as session:
        return take_changes(catalog.settings, get_repository(session, "shop"), folder, who)


def _mirror(catalog: Catalog) -> GitSource:
    with catalog.database.read() as session:
        return GitSource(mirror_path(catalog.settings, get_repository(session, "shop")))


def _change(repo: GitRepo) -> None:
    """Change a feature, add a file and take one away, without a commit."""
    spend = (repo.path / "features/spend.py").read_text()
    repo.write("features/spend.py", spend.replace("spend / signups", "spend * signups"))
    repo.write("features/fresh.py", "def fresh() -> int:\n    return 7\n")
    (repo.path / "data/more.csv").unlink()


def test_a_run_with_changes_is_told_as_such_everywhere(catalog: Catalog, git_repo: GitRepo, tmp_path: Path):
    head = git_repo.git("rev-parse", "HEAD")
    _change(git_repo)
    status = git_repo.git("status", "--porcelain")
    saved = tmp_path / "out.parquet"
    done = catalog.headwater("run", "spend_per_signup", "--with-changes", "--save", str(saved), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)

    assert [row[1] for row in told["table"]["rows"]] == ["10", "80"]
    assert told["changes_on"] == head != told["commit"]
    assert "With the 3 changed files (data/more.csv, features/fresh.py, features/spend.py)" in done.stderr
    assert git_repo.git("status", "--porcelain") == status  # nothing of it was touched
    with catalog.database.read() as session:
        run = get_run(session, told["id"])
        version = version_of_run(session, told["id"])
        assert version is not None and version.stamp is not None
        audit = audit_file(session, catalog.settings, saved)
        commit = statement_of(session, catalog.settings, run.id)["predicate"]["buildDefinition"]
    assert run.commit.has_changes and run.commit.position is None
    assert version.stamp["patch"]["on"] == head and version.stamp["patch"]["is_whole"]
    assert "+    return spend * signups" in version.stamp["patch"]["text"]
    assert audit.found.store == "known" and "features.spend:spend_per_signup" in audit.definitions
    assert commit["resolvedDependencies"][0]["annotations"]["changes_on"] == head
    assert f"on top of commit {head}" in catalog.headwater("audit", str(saved)).stdout
    again = catalog.headwater("reproduce", "marketing")
    assert again.stdout.startswith("identical"), again.output
    assert file_of(catalog.settings, version).is_file()


def test_only_what_changed_is_computed_and_the_same_tree_is_one_commit(catalog: Catalog, git_repo: GitRepo):
    first = catalog.run("scaled", "spend_per_signup")
    _change(git_repo)
    one, two = _take(catalog, git_repo.path), _take(catalog, git_repo.path, "ben")
    run = catalog.run("scaled", "spend_per_signup", at=one.sha)
    taken = {node.name: node.kept_from for node in run.nodes if node.kept_from}

    assert one.sha == two.sha
    assert taken["scaled"] == first.id and "spend_per_signup" not in taken


@pytest.mark.runs(databases=True)
def test_it_is_in_no_branch_tag_or_history_and_outlives_scans(catalog: Catalog, git_repo: GitRepo):
    _change(git_repo)
    found = _take(catalog, git_repo.path)
    git_repo.commit("Go on")
    scan(catalog.database, catalog.settings, "shop")
    with _mirror(catalog) as source:
        assert found.sha not in source.refs().values()
        assert found.sha not in source.main_line_shas(source.head())
        source._run("gc", "--prune=now", "--quiet")
        assert source.commit(found.sha).author_name == "ana" and source.is_of_changes(found.sha)
        assert not source.is_of_changes(found.parent)


def test_a_commit_that_only_looks_like_it_is_none(catalog: Catalog, git_repo: GitRepo):
    sha = git_repo.commit("0123456789 and changes of a working tree", files={"x.md": "x"})
    git_repo.git("update-ref", f"refs/headwater/changes/{sha}-{sha}", sha)
    git_repo.git("branch", "beside")
    git_repo.git("reset", "--quiet", "--hard", "HEAD~1")
    scan(catalog.database, catalog.settings, "shop")
    run = catalog.run("scaled", at="beside")

    assert run.commit.sha == sha and not run.commit.has_changes


def test_all_kinds_of_changes_are_taken_as_they_are(
    shop: Catalog, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
):
    git_repo.write(".gitignore", "*.tmp\n")
    git_repo.write("old.txt", "old")
    git_repo.write("folder/a.txt", "a")
    git_repo.write("linked/b.txt", "b")
    git_repo.commit("More files")
    scan(shop.database, shop.settings, "shop")
    git_repo.delete("old.txt")
    git_repo.write("old.txt/inside", "now a folder")
    for name in ("folder", "linked"):
        git_repo.git("rm", "-r", "--quiet", "--cached", name)
    (git_repo.path / "linked").rename(git_repo.path / "elsewhere.tmp")
    (git_repo.path / "linked").symlink_to("/etc")  # a folder of the commit, which leads out now
    git_repo.write("ignored.tmp", "x")
    git_repo.write(os.fsdecode(b"caf\xe9\t\n.txt"), "odd")
    (git_repo.path / "features/spend.py").chmod(0o755)
    inner = GitRepo(git_repo.path / "inner")
    inner.commit("Inside", files={"secret.txt": "x"})
    held = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(git_repo.path)  # the address of a socket is short
    held.bind("a.socket")
    found = _take(shop, git_repo.path)
    held.close()
    with _mirror(shop) as source:
        tree = source.tree(found.sha)

    assert found.left_out == ("inner/",)
    assert "old.txt/inside" in tree and "old.txt" not in tree
    assert "folder/a.txt" in tree and "linked/b.txt" not in tree and "linked" not in tree  # links are none
    assert tree["features/spend.py"].mode == "100755"
    assert any(path.endswith("\t\n.txt") for path in tree)
    assert not any("tmp" in path or "socket" in path or "secret" in path for path in tree)


def test_submodules_stay_as_the_commit_has_them(shop: Catalog, git_repo: GitRepo, tmp_path: Path):
    part = GitRepo(tmp_path / "part")
    part.commit("Part", files={"part.py": "x = 1\n"})
    git_repo.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(part.path), "part")
    git_repo.commit("Add a part")
    scan(shop.database, shop.settings, "shop")
    git_repo.write("part/part.py", "x = 2\n")
    found = _take(shop, git_repo.path)

    assert found.files == () and found.sha == found.parent


def test_a_tree_without_changes_is_its_commit(shop: Catalog, git_repo: GitRepo):
    found = _take(shop, git_repo.path)
    done = shop.headwater("run", "scaled", "--with-changes")

    assert found.sha == found.parent == git_repo.git("rev-parse", "HEAD")
    assert done.exit_code == 0 and "has no changes: the run is of its commit" in done.stderr


def test_nothing_that_the_tree_configures_is_executed(shop: Catalog, git_repo: GitRepo, tmp_path: Path):
    trace = tmp_path / "trace"
    command = f"touch {trace}"
    git_repo.write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
    _change(git_repo)
    for name in ("core.fsmonitor", "core.sshCommand", "diff.external", "diff.evil.textconv", "core.editor"):
        git_repo.git("config", name, command)
    for name in ("clean", "smudge", "process"):
        git_repo.git("config", f"filter.evil.{name}", command)
    git_repo.git("config", "uploadpack.packObjectsHook", command)
    hooks = git_repo.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\n{command}\n")
        (hooks / name).chmod(0o755)
    found = _take(shop, git_repo.path)
    run = shop.run("spend_per_signup", at=found.sha)

    assert run.job.error is None and not trace.exists()


def test_the_home_of_the_catalog_is_no_part_of_the_tree(sqlite_catalog_url: str, git_repo: GitRepo):
    make_repository(git_repo)
    made = make_catalog(sqlite_catalog_url, git_repo, git_repo.path / ".headwater")
    assert isinstance(made.settings, Settings) and made.settings.signing_key()
    (made.settings.home / "secret-key").write_text("secret")
    _change(git_repo)
    found = _take(made, git_repo.path)

    assert len(found.files) == 3 and not any("headwater/" in name for name in found.files)
    made.database.dispose()


def test_what_is_too_large_is_told_and_leaves_nothing(
    shop: Catalog, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(working_tree, "_MOST_BYTES", 1_000)
    for name in ("new.bin", "data/weekly.csv"):  # one that is new, one that was changed
        before = len(list((shop.settings.home / "mirrors").rglob("*")))
        git_repo.write(name, "x" * 2_000)
        with pytest.raises(RepositoryError, match=rf"The largest is '{name}' with 2 kB"):
            _take(shop, git_repo.path)
        assert len(list((shop.settings.home / "mirrors").rglob("*"))) == before
        (git_repo.path / name).unlink()
        git_repo.write("data/weekly.csv", WEEKLY)


def test_a_large_file_is_taken_whole(shop: Catalog, git_repo: GitRepo):
    content = os.urandom(40_000_000)  # which git puts into a pack of its own
    git_repo.write("large.bin", content)
    found = _take(shop, git_repo.path)
    with _mirror(shop) as source:
        source.export_tree(found.sha, shop.settings.home / "exported")

    assert (shop.settings.home / "exported" / "large.bin").read_bytes() == content


def test_the_tree_around_goes_before_the_one_of_the_source(
    shop: Catalog, git_repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    git_repo.git("clone", "--quiet", str(git_repo.path), str(tmp_path / "clone"))
    clone = GitRepo(tmp_path / "clone")
    other = GitRepo(tmp_path / "other")
    other.commit("Something else", files={"x": "x"})

    def chosen(here: Path) -> Path:
        with shop.database.read() as session:
            return folder_with_changes(shop.settings, get_repository(session, "shop"), here)

    assert chosen(clone.path / "features") == clone.path
    assert chosen(other.path) == chosen(tmp_path) == git_repo.path
    clone.write("features/spend.py", SPEND)
    monkeypatch.chdir(clone.path)
    clone.commit("Not scanned")
    assert chosen(clone.path) == git_repo.path
    with shop.database.read() as session:
        repository = get_repository(session, "shop")
        with pytest.raises(RepositoryError, match="which was not scanned yet"):
            changes_of(shop.settings, repository, clone.path)
    with shop.database.write() as session:
        get_repository(session, "shop").url = "https://example.org/shop"
    with pytest.raises(RepositoryError, match="There is no working tree of 'shop' here"):
        chosen(tmp_path)


def test_changes_that_a_run_does_not_have_are_told(shop: Catalog, git_repo: GitRepo):
    clean = shop.headwater("run", "scaled")
    _change(git_repo)
    dirty = shop.headwater("run", "scaled")
    chosen = shop.headwater("run", "scaled", "--at", "main")
    head = git_repo.git("rev-parse", "HEAD")[:10]

    assert "changed file" not in clean.stderr + chosen.stderr
    assert f"The run is of commit {head} and does not have the 3 changed files" in dirty.stderr
    assert (clean.exit_code, dirty.exit_code, chosen.exit_code) == (0, 0, 0)
    assert shop.headwater("run", "scaled", "--at", "main", "--with-changes").exit_code == 2
