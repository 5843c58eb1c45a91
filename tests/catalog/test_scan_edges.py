"""Histories and files as git allows them, scanned: what is stored of a moment is what a fresh reading of it says."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from headwater_catalog.commit_snapshots import read_commit
from headwater_catalog.errors import Conflict, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.moments import snapshot_at
from headwater_catalog.repositories import add_repository, get_repository, mirror_path, resolve_at
from headwater_catalog.scan import ScanReport, scan
from headwater_catalog.settings import Settings
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Commit, FeatureVersion
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo


def _feature(name: str) -> str:
    return f"def {name}(a: int) -> int:\n    return a\n"


class Catalog:
    """A catalog of one repository; every scan is held against a fresh reading of each commit it knows."""

    def __init__(self, url: str, home: Path, repository: Path) -> None:
        self.database = Database(url)
        self.settings = Settings(home=home, database_url=url, secret_key="k")
        with self.database.write() as session:
            add_repository(session, "repo", str(repository), 0)

    def scan(self, **options: int) -> ScanReport:
        report = scan(self.database, self.settings, "repo", now=1, **options)
        with self.database.read() as session:
            repository = get_repository(session, "repo")
            stored = {
                commit.sha: snapshot_at(session, repository, commit.position)
                for commit in session.scalars(select(Commit).where(Commit.position.is_not(None)))
                if commit.position is not None
            }
        with GitSource(self.mirror) as source:
            for sha, snapshot in stored.items():
                assert snapshot == read_commit(source, sha)
        self.now: Snapshot = stored[report.head]
        return report

    @property
    def mirror(self) -> Path:
        with self.database.read() as session:
            return mirror_path(self.settings, get_repository(session, "repo"))

    @property
    def features(self) -> list[str]:
        return [feature.key for feature in self.now.features]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What is told of files; of the dataflows that follow from the layout nothing."""
        return [(d.path, d.message) for d in self.now.diagnostics if d.line or "dataflow" not in d.message]

    def subjects(self) -> list[str]:
        line = select(Commit.subject).where(Commit.position.is_not(None)).order_by(Commit.position)
        with self.database.read() as session:
            return list(session.scalars(line))


@pytest.fixture
def catalog(sqlite_catalog_url: str, tmp_path: Path, git_repo: GitRepo):
    made = Catalog(sqlite_catalog_url, tmp_path / "home", git_repo.path)
    yield made
    made.database.dispose()


@pytest.fixture
def stored(catalog_url: str, tmp_path: Path, git_repo: GitRepo):
    """The same on either database."""
    made = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield made
    made.database.dispose()


def _write_raw(repo: GitRepo, kind: str, content: bytes) -> str:
    command = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
    done = subprocess.run(command, cwd=repo.path, input=content, capture_output=True, check=True)
    return done.stdout.decode().strip()


def _add(repo: GitRepo, path: str, content: str) -> None:
    """Put a file into the next commit that no file system may be able to hold."""
    oid = _write_raw(repo, "blob", content.encode())
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}")


def _commit_index(repo: GitRepo, *parents: str) -> str:
    above = [word for parent in parents or ("HEAD",) for word in ("-p", parent)]
    who = repo._signature("A <a@example.com>", None)
    sha = repo.git("commit-tree", "-m", "By hand", *above, repo.git("write-tree"), **who)
    repo.git("update-ref", "refs/heads/main", sha)
    return sha


# History


def test_a_deepened_clone_is_read_again_from_its_new_beginning(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path
) -> None:
    for n in range(4):
        git_repo.commit(f"Commit {n}", files={f"m{n}.py": _feature(f"f{n}")})
    shallow = tmp_path / "shallow"
    git_repo.git("clone", "--quiet", "--depth=2", f"file://{git_repo.path}", str(shallow))
    catalog = Catalog(sqlite_catalog_url, tmp_path / "home", shallow)
    catalog.scan()
    assert catalog.subjects() == ["Commit 2", "Commit 3"]

    subprocess.run(["git", "fetch", "--quiet", "--unshallow"], cwd=shallow, check=True)
    catalog.scan()
    catalog.database.dispose()

    assert catalog.subjects() == ["Commit 0", "Commit 1", "Commit 2", "Commit 3"]


def test_a_rewritten_line_keeps_the_commit_that_a_dataset_pins(stored: Catalog, git_repo: GitRepo) -> None:
    first = git_repo.commit("One", files={"a.py": _feature("one")})
    pinned = git_repo.commit("Two", files={"b.py": _feature("two")})
    stored.scan()
    with GitSource(stored.mirror) as source:
        source.pin(pinned)
    git_repo.git("reset", "--quiet", "--hard", first)
    git_repo.commit("Other two", files={"c.py": _feature("three")})
    stored.scan()
    subprocess.run(["git", "gc", "--quiet", "--prune=now"], cwd=stored.mirror, check=True)

    assert stored.features == ["a:one", "c:three"]
    with GitSource(stored.mirror) as source:
        assert [feature.key for feature in read_commit(source, pinned).features] == ["a:one", "b:two"]
    with stored.database.read() as session:
        commit = resolve_at(session, stored.settings, get_repository(session, "repo"), pinned)
        assert (commit.subject, commit.position) == ("Two", None)


def test_a_branch_replaced_by_an_unrelated_one_leaves_nothing_of_the_old(
    stored: Catalog, git_repo: GitRepo
) -> None:
    git_repo.commit("Old", files={"a.py": _feature("one")})
    stored.scan()
    git_repo.git("checkout", "--quiet", "--orphan", "fresh")
    git_repo.git("rm", "-r", "--quiet", "--force", ".")
    git_repo.commit("New", files={"b.py": _feature("two")})
    git_repo.git("branch", "--move", "--force", "main")
    stored.scan()

    assert stored.features == ["b:two"]
    with stored.database.read() as session:
        assert len(session.scalars(select(FeatureVersion)).all()) == 1


def test_histories_that_begin_apart_are_one_after_their_merge(catalog: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("Here", files={"a.py": _feature("one")})
    git_repo.git("checkout", "--quiet", "--orphan", "there")
    git_repo.git("rm", "-r", "--quiet", "--force", ".")
    git_repo.commit("There", files={"b.py": _feature("two")})
    git_repo.checkout("main")
    who = git_repo._signature("A <a@example.com>", None)
    git_repo.git("merge", "--quiet", "--allow-unrelated-histories", "-m", "Both", "there", **who)
    catalog.scan()

    assert catalog.subjects() == ["Here", "Both"]
    assert catalog.features == ["a:one", "b:two"]


def test_a_merge_of_many_branches_is_one_step(catalog: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("Start", files={"a.py": _feature("one")})
    for n in range(20):
        git_repo.branch(f"b{n}", "main")
        git_repo.commit(f"Branch {n}", files={f"b{n}.py": _feature(f"f{n}")})
    git_repo.checkout("main")
    for n in range(20):
        git_repo.write(f"b{n}.py", _feature(f"f{n}"))
    git_repo.git("add", "--all")
    _commit_index(git_repo, "main", *(f"b{n}" for n in range(20)))
    catalog.scan()

    assert catalog.subjects() == ["Start", "By hand"]
    assert len(catalog.features) == 21


def test_a_main_line_that_moves_onto_a_branch_is_read_again_from_the_fork(
    catalog: Catalog, git_repo: GitRepo
) -> None:
    git_repo.commit("Start", files={"a.py": _feature("one")})
    git_repo.branch("side")
    git_repo.commit("On the side", files={"s.py": _feature("two")})
    git_repo.checkout("main")
    git_repo.commit("On main", files={"m.py": _feature("three")})
    catalog.scan()
    git_repo.checkout("side")
    git_repo.merge("main", "Merge main into side")
    git_repo.checkout("main")
    git_repo.git("merge", "--quiet", "--ff-only", "side")
    catalog.scan()

    assert catalog.subjects() == ["Start", "On the side", "Merge main into side"]


_AUTHORS = {
    b"latin-1": (b"Andr\xe9 <andr\xe9@example.com> 1 +0000", "André \xe9t\xe9".encode("latin-1")),
    b"UTF-16": (b"A <a@example.com> 1 +0000", "Été".encode("utf-16")),
    b"UTF-7": (b"A+AAA-B <a@example.com> 1 +0000", b"One+AAA-two"),
    b"no-such-encoding": (b"\xff\xfe <\xff> 1 +9999", b"\xff\xfe\x00\x01"),
    b"x" * 5000: (b"<<>> <> -1 +0000", b"\x1b[31m\n:100644 100644 aaaa bbbb M\ta.py"),
    b"": (b"no address at all", b""),
}


def test_commits_of_broken_authors_dates_and_encodings_are_read(stored: Catalog, git_repo: GitRepo) -> None:
    parent = git_repo.commit("Start", files={"a.py": _feature("one")})
    tree = git_repo.git("rev-parse", "HEAD^{tree}").encode()
    for encoding, (who, message) in _AUTHORS.items():
        lines = (b"tree " + tree, b"parent " + parent.encode(), b"author " + who, b"committer " + who)
        head = b"\n".join((*lines, b"encoding " + encoding))
        parent = _write_raw(git_repo, "commit", head + b"\n\n" + message)
    parent = _write_raw(
        git_repo, "commit", b"tree " + tree + b"\nparent " + parent.encode() + b"\n\nNobody\n"
    )
    git_repo.git("update-ref", "refs/heads/main", parent)
    report = stored.scan()

    assert report.commits == len(_AUTHORS) + 2
    assert stored.subjects()[1] == "André été"
    assert stored.subjects()[-1] == "Nobody"


def test_commits_that_change_nothing_are_steps_without_versions(catalog: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("Start", files={"a.py": _feature("one")})
    git_repo.commit("Empty")
    (git_repo.path / "a.py").chmod(0o755)
    git_repo.commit("Executable")
    git_repo.write("a.py", _feature("one").replace("\n", "\r\n"))
    git_repo.commit("Line ends")

    assert catalog.scan().opened == 1
    assert len(catalog.subjects()) == 4


# Files


def test_a_file_becomes_a_folder_and_back(catalog: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("File", files={"a.py": _feature("one")})
    git_repo.delete("a.py")
    git_repo.commit("Folder", files={"a/__init__.py": "", "a/b.py": _feature("two")})
    git_repo.delete("a")
    git_repo.commit("File again", files={"a.py": _feature("one")})
    git_repo.delete("a.py")
    git_repo.commit("A folder of that very name", files={"a.py/x.txt": ""})
    git_repo.delete("a.py")
    git_repo.commit("And back", files={"a.py": _feature("three")})
    catalog.scan()

    assert catalog.features == ["a:three"]


def test_a_rename_in_case_only_is_a_move_and_both_may_stand_side_by_side(
    catalog: Catalog, git_repo: GitRepo
) -> None:
    git_repo.commit("Small", files={"spend.py": _feature("one")})
    git_repo.git("mv", "spend.py", "Spend.py")
    git_repo.commit("Large")
    catalog.scan()
    assert catalog.features == ["Spend:one"]

    git_repo.commit("Both", files={"spend.py": _feature("two")})
    catalog.scan()
    assert catalog.features == ["Spend:one", "spend:two"]


def test_names_that_only_look_alike_are_kept_apart(stored: Catalog, git_repo: GitRepo) -> None:
    composed, decomposed = "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"
    _add(git_repo, f"{composed}.py", _feature("one"))
    _add(git_repo, f"{decomposed}.py", _feature("two"))
    git_repo.git("commit", "--quiet", "-m", "Twins", **git_repo._signature("A <a@example.com>", None))
    stored.scan()

    assert sorted(feature.path for feature in stored.now.features) == [f"{decomposed}.py", f"{composed}.py"]


def test_functions_have_the_names_that_python_gives_them(catalog: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("Ligature", files={"a.py": _feature("ﬁve") + _feature("e\N{COMBINING ACUTE ACCENT}")})
    catalog.scan()

    assert catalog.features == ["a:five", "a:é"]


def test_a_submodule_is_passed_over_until_a_folder_takes_its_place(
    catalog: Catalog, git_repo: GitRepo, tmp_path: Path
) -> None:
    sha = git_repo.commit("Start", files={"a.py": _feature("one")})
    ran = tmp_path / "ran"
    url = f"ext::touch% {ran}"
    git_repo.write(".gitmodules", f'[submodule "s"]\n path = s\n url = {url}\n update = !touch {ran}\n')
    git_repo.git("update-index", "--add", "--cacheinfo", f"160000,{sha},s")
    git_repo.git("add", ".gitmodules")
    git_repo.git("commit", "--quiet", "-m", "Submodule", **git_repo._signature("A <a@x>", None))
    catalog.scan()
    told = "Submodules are not read: what 's' holds is not here. Add its repository by itself."
    assert catalog.features == ["a:one"]
    assert catalog.problems == [(".gitmodules", told)]
    assert read_folder(git_repo.path) == catalog.now

    git_repo.git("rm", "--quiet", "--cached", "s")
    git_repo.delete(".gitmodules")
    git_repo.commit("Folder", files={"s/b.py": _feature("two")})
    catalog.scan()
    assert (catalog.features, catalog.problems) == (["a:one", "s.b:two"], [])
    assert not ran.exists()


def test_links_are_followed_nowhere_and_may_come_and_go(catalog: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("Start", files={"a.py": _feature("one")})
    links = {
        "outside.py": "/etc/passwd",
        "same.py": "a.py",
        "loop.py": "loop.py",
        "above.py": "../../a.py",
        "folder": "/etc",
        "pyproject.toml": "/etc/passwd",
        "headwater.toml": "a.py",
    }
    for name, target in links.items():
        (git_repo.path / name).symlink_to(target)
    git_repo.commit("Links")
    catalog.scan()
    assert (catalog.features, catalog.problems) == (["a:one"], [])
    assert read_folder(git_repo.path) == catalog.now

    (git_repo.path / "same.py").unlink()
    git_repo.commit("A file in the place of a link", files={"same.py": _feature("two")})
    (git_repo.path / "a.py").unlink()
    (git_repo.path / "a.py").symlink_to("same.py")
    git_repo.commit("A link in the place of a file")
    catalog.scan()
    assert catalog.features == ["same:two"]


def test_a_folder_is_read_without_pipes_and_other_repositories_in_it(git_repo: GitRepo) -> None:
    git_repo.write("a.py", _feature("one"))
    os.mkfifo(git_repo.path / "pipe.py")
    os.mkfifo(git_repo.path / "pyproject.toml")
    GitRepo(git_repo.path / "inner").write("b.py", _feature("two"))
    git_repo.write("linked/.git", "gitdir: ../elsewhere\n")
    git_repo.write("linked/c.py", _feature("three"))

    assert [feature.key for feature in read_folder(git_repo.path).features] == ["a:one"]


def test_folders_with_the_names_of_project_files_are_folders(catalog: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("Odd", files={"a.py": _feature("one"), "pyproject.toml/x": "", "headwater.toml/x": ""})
    catalog.scan()

    assert (catalog.features, catalog.problems) == (["a:one"], [])
    assert read_folder(git_repo.path) == catalog.now


_ENCODED = {
    "latin.py": "# -*- coding: latin-1 -*-\ndef latin(a: int) -> str:\n    'é'\n    return 'é'\n".encode(
        "latin-1"
    ),
    "mark.py": b"\xef\xbb\xbf" + _feature("mark").encode(),
    "returns.py": _feature("returns").replace("\n", "\r").encode(),
    "both.py": _feature("both").replace("\n", "\r\n").encode(),
    "feed.py": b"\f" + _feature("feed").encode() + b"\f\n",
    "tabs.py": b"def tabs(a: int) -> int:\n\treturn a\n",
    "nul.py": _feature("nul").encode() + b"\0\n",
    "empty.py": b"",
}
_UNREADABLE = {
    "wrong.py": "def wrong(a: int) -> str:\n    return 'é'\n".encode("latin-1"),
    "wide.py": _feature("wide").encode("utf-16"),
    "unknown.py": b"# coding: no-such-encoding\n" + _feature("unknown").encode(),
    "binary.py": b"# coding: zip\n" + _feature("binary").encode(),
    "names.py": b"# coding: punycode\n" + b"a" * 1_500_000,
    "large.py": b"x = 1\n" * 400_000,
    "pictures.ipynb": b'{"cells": [' + b" " * 17_000_000 + b"]}",
}


def test_files_of_every_encoding_and_line_end_are_read_or_told(stored: Catalog, git_repo: GitRepo) -> None:
    for path, content in (_ENCODED | _UNREADABLE).items():
        git_repo.write(path, content)
    git_repo.commit("All")
    stored.scan()
    docs = {feature.name: feature.doc for feature in stored.now.features}

    assert docs.keys() == {"latin", "mark", "returns", "both", "feed", "tabs", "nul"}
    assert docs["latin"] == "é"
    assert {path for path, _ in stored.problems} == {*_UNREADABLE, "nul.py"}
    assert read_folder(git_repo.path) == stored.now


def test_paths_of_any_bytes_and_length_are_read_or_told(stored: Catalog, git_repo: GitRepo) -> None:
    git_repo.commit("Start", files={"a.py": _feature("one")})
    names = ["d" * 3900, "/".join(["e" * 200] * 19), "/".join("f" * 1900), "p" * 240]
    for name in names:
        _add(git_repo, f"{name}.py", _feature("two"))
        _add(git_repo, f"{name}_broken.py", "def (\n")
    for name in (b"lat\xe9.py", b"new\nline.py", b"esc\x1b[31m.py", b"\xff/x.py", "turn\u202e.py".encode()):
        git_repo.write(os.fsdecode(name), _feature("three"))
        git_repo.git("add", "--", os.fsdecode(name))
    _commit_index(git_repo)
    stored.scan()

    assert {"a:one", f"{'p' * 240}:two"} <= set(stored.features)
    assert {f"{name}_broken.py" for name in names} <= {path for path, _ in stored.problems}
    assert len([message for _, message in stored.problems if "at most 250 characters" in message]) == 3


def test_thousands_of_files_in_one_folder_are_read(catalog: Catalog, git_repo: GitRepo) -> None:
    for n in range(2000):
        git_repo.write(f"many/m{n}.py", _feature(f"f{n}") if n % 100 == 0 else "A = 1\n")
    git_repo.commit("Many")
    catalog.scan()

    assert len(catalog.features) == 20


# Scans that are disturbed


def test_a_damaged_mirror_is_told_and_made_again_once_it_is_deleted(
    catalog: Catalog, git_repo: GitRepo
) -> None:
    git_repo.commit("One", files={"a.py": _feature("one"), "b.py": "from a import X\n" + _feature("two")})
    catalog.scan()
    for path in (catalog.mirror / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(b"")
    git_repo.commit("Two", files={"a.py": "X = 1\n" + _feature("one")})

    with pytest.raises(RepositoryError, match=rf"(?s){catalog.mirror}.*[Dd]elete"):
        scan(catalog.database, catalog.settings, "repo")
    subprocess.run(["rm", "-r", str(catalog.mirror)], check=True)
    catalog.scan()
    assert catalog.subjects() == ["One", "Two"]


def test_scans_at_once_end_with_the_rows_of_one(stored: Catalog, git_repo: GitRepo) -> None:
    for n in range(6):
        git_repo.commit(f"Commit {n}", files={f"m{n}.py": _feature(f"f{n}")})
    failures: list[BaseException] = []

    def work() -> None:
        try:
            scan(stored.database, stored.settings, "repo", batch=1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored.scan()

    assert all(isinstance(failure, Conflict) for failure in failures)
    assert stored.subjects() == [f"Commit {n}" for n in range(6)]
    assert len(stored.features) == 6


# Nothing is executed

_WATCHED = """
import os
import sys

from headwater_web.cli import main

folder, *commands = sys.argv[1:]
allowed = {"git"}
seen = []


def watch(event, args):
    if event == "subprocess.Popen":
        program = os.path.basename(os.fsdecode(args[0]))
        if program not in allowed:
            seen.append((event, program))
    elif event in ("os.system", "os.exec", "os.posix_spawn", "pty.spawn", "ctypes.dlopen"):
        seen.append((event, repr(args)))
    elif event == "exec":
        name = getattr(args[0], "co_filename", "")
        if name.startswith(folder) or name == "<unknown>":
            seen.append((event, name))
    elif event == "import" and args[0].partition(".")[0] in ("trap", "sitecustomize", "conftest"):
        seen.append((event, args[0]))


sys.addaudithook(watch)
for command in commands:
    try:
        main(command.split("|"), standalone_mode=False)
    except Exception as error:
        seen.append((type(error).__name__, str(error)))
if seen:
    sys.exit(repr(seen))
"""


def test_nothing_of_a_repository_is_imported_executed_or_asked(git_repo: GitRepo, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    touch = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    trap = f"{touch}\nfrom headwater import tag\n@tag(a={touch}, b=open({str(mark)!r}, 'w'))\n"
    for path in ("trap.py", "conftest.py", "setup.py", "sitecustomize.py", "encodings/trap.py"):
        git_repo.write(path, f"# coding: utf-8\n{trap}{_feature('one')}")
    git_repo.write("codec.py", f"# coding: trap\n{trap}{_feature('one')}")
    git_repo.write("trap.pth", f"import os; {touch}\n")
    git_repo.write(".gitattributes", "* filter=evil diff=evil export-subst\n")
    git_repo.commit("Trap")
    for name in ("filter.evil.smudge", "diff.evil.textconv", "core.fsmonitor", "core.pager", "core.editor"):
        git_repo.git("config", name, f"touch {mark}")
    for name in ("post-checkout", "reference-transaction", "post-update", "pre-receive"):
        hook = git_repo.write(f".git/hooks/{name}", f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    git_repo.git("config", "include.path", str(tmp_path / "nowhere"))
    commands = (
        "init",
        f"repo|add|trap|{git_repo.path}",
        "scan|trap|--json",
        f"read|{git_repo.path}|--json",
        f"read|{git_repo.path}|--at|HEAD|--json",
        "show|trap:one",
        "lineage|trap:one",
    )
    environment = os.environ | {"HEADWATER_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _WATCHED, str(git_repo.path), *commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert not mark.exists()


_FIRST = (
    "from headwater import config, does, mutate, pipe_output, step, tag, value\n"
    "WORD = 'growth'\nLIMIT = WORD\nKind = int\n"
    "def _d(x: int) -> int:\n    return x\n\n\n"
    "@tag(owner=LIMIT)\ndef a(x: Kind) -> int:\n    return x\n\n\n"
    "@does(_d)\ndef b(x: int) -> int: ...\n\n\n"
    "@pipe_output(step(b))\ndef c(a: int, y: int = max(1, 2)) -> int:\n    return a\n"
)


@pytest.mark.runs
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def _d(x: int)", "def _d(z: int)"),
        ("WORD = 'growth'", "WORD = 'finance'"),
        ("LIMIT = WORD", "LIMIT = 'finance'"),
        ("Kind = int", "Number = float\nKind = Number"),
        ("Kind = int", "Kind = int\ndef max(x: int) -> int:\n    return x\n\n"),
        ("@tag(owner", "# What it is for.\n@tag(owner"),
        ("@does(_d)", "@does(_d)\n# A remark."),
        ("    return a\n", "    return a\n\n\na = 1\n"),
        ("    return a\n", "    return a\n\n\n@mutate(a)\ndef _m(a: int) -> int:\n    return a\n"),
        ("    return a\n", "    return a\n\n\ndef n(c: int) -> int:\n    return c\n"),
        ("    return a\n", "    return a\n\n\ndef n(c) -> int:\n    return c\n"),
        ("    return a\n", "    return a\n\n\ndef broken(\n"),
        ("@does(_d)\ndef b(x: int)", "@does(_d)\ndef b(x: float)"),
        ("@tag(owner=LIMIT)\ndef a(x: Kind) -> int:\n    return x\n\n\n", ""),
        ("def _d", "@tag(owner=1)\ndef wrong(x: int) -> int: ...\n\n\ndef _d"),
    ],
)
def test_what_a_commit_does_not_touch_stays_and_the_rest_is_as_if_read_anew(
    stored: Catalog, git_repo: GitRepo, old: str, new: str
) -> None:
    text = f"def other(x) -> int: ...\n{_FIRST}" if "broken" in new else _FIRST
    assert old in text
    after = text.replace(old, new)
    for subject, files in [
        ("First", {"f.py": text}),
        ("Second", {"f.py": after}),
        ("Third", {"f.py": f"# Lines above.\n\n{after}"}),
        ("Fourth", {"f.py": text}),
    ]:
        git_repo.commit(subject, files=files)
        stored.scan()  # which holds it against a fresh reading of each commit
