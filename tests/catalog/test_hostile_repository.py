"""Repositories and feature code that try to harm the catalog: nothing is executed, and the work goes on."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest
from click.testing import CliRunner

from headwater_catalog import execution
from headwater_catalog.cli import command_line
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.removal import remove_folder
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

_FEATURE = "def one(a: int) -> int:\n    return a\n"


def _object(repo: GitRepo, kind: str, content: bytes) -> str:
    """Write an object as it is, which git's own commands would refuse to make."""
    done = subprocess.run(
        ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"],
        cwd=repo.path,
        input=content,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def _commit(repo: GitRepo, tree: str, who: str, message: str = "Odd") -> str:
    content = f"tree {tree}\nparent {repo.head()}\nauthor {who}\ncommitter {who}\n\n{message}\n"
    sha = _object(repo, "commit", content.encode())
    repo.git("update-ref", "refs/heads/main", sha)
    return sha


def _newest(repo: GitRepo, folder: Path) -> CommitInfo:
    with GitSource.mirror(str(repo.path), folder / "mirror.git") as source:
        return list(source.main_line(source.head()))[-1]


@pytest.mark.parametrize(
    "stamp",
    [
        "-1",
        "-99999999999999",
        "253402300800",
        "9223372036854775807",
        "18446744073709551615",
        "9" * 30,
        "abc",
        "",
    ],
)
def test_every_date_of_a_commit_is_one_that_calendars_and_databases_know(git_repo, tmp_path, stamp):
    git_repo.commit("Start", files={"features.py": _FEATURE})
    _commit(git_repo, git_repo.git("write-tree"), f"A <a@example.com> {stamp} +0000")

    newest = _newest(git_repo, tmp_path)

    assert -62_135_596_800 <= newest.authored_at <= 253_402_300_799
    assert -62_135_596_800 <= newest.committed_at <= 253_402_300_799


def test_a_commit_of_nobody_that_says_nothing_is_read(git_repo, tmp_path):
    git_repo.commit("Start", files={"features.py": _FEATURE})
    _commit(git_repo, git_repo.git("write-tree"), " <> 0 +0000", "\n \n")

    newest = _newest(git_repo, tmp_path)

    assert (newest.author_name, newest.author_email, newest.subject, newest.body) == ("", "", "", "")


def test_endless_messages_and_names_are_shortened(git_repo, tmp_path):
    git_repo.commit("Start", files={"features.py": _FEATURE})
    who = f"{'A' * 100_000} <a@example.com> 0 +0000"
    _commit(git_repo, git_repo.git("write-tree"), who, "word " * 100_000 + "\n\n" + "line\n" * 100_000)

    newest = _newest(git_repo, tmp_path)

    assert len(newest.subject) == len(newest.author_name) == 500
    assert newest.subject.endswith("…")
    assert len(newest.body) == 50_000


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "../../evil", "/evil", "back\\slash"])
def test_a_commit_with_a_name_that_leads_out_is_not_written_to_a_folder(git_repo, tmp_path, name):
    git_repo.commit("Start", files={"features.py": _FEATURE})
    blob = _object(git_repo, "blob", b"evil")
    tree = _object(git_repo, "tree", f"100644 {name}\0".encode() + bytes.fromhex(blob))
    sha = _commit(git_repo, tree, "A <a@example.com> 0 +0000")

    with (
        GitSource.mirror(str(git_repo.path), tmp_path / "mirror.git") as source,
        pytest.raises(RepositoryError, match="lead out"),
    ):
        source.export_tree(sha, tmp_path / "tree")

    assert list((tmp_path / "tree").iterdir()) == []


def test_nothing_that_a_repository_configures_is_executed(git_repo, tmp_path):
    trace = tmp_path / "trace"
    command = f"touch {trace}"
    git_repo.write(".gitattributes", "* filter=evil diff=evil\n")
    sha = git_repo.commit("Start", files={"features.py": _FEATURE})
    settings = {
        "core.fsmonitor": command,
        "core.sshCommand": command,
        "core.alternateRefsCommand": command,
        "core.hooksPath": str(tmp_path / "hooks"),
        "filter.evil.smudge": command,
        "filter.evil.process": command,
        "diff.evil.textconv": command,
        "diff.external": command,
        "uploadpack.packObjectsHook": command,
        "url.ext::sh -c touch.insteadOf": "/",
        "protocol.ext.allow": "always",
        "alias.fetch": f"!{command}",
    }
    for name, value in settings.items():
        git_repo.git("config", name, value)
    for folder in (tmp_path / "hooks", git_repo.path / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in ("reference-transaction", "post-checkout", "pre-auto-gc", "post-update"):
            (folder / name).write_text(f"#!/bin/sh\n{command}\n")
            (folder / name).chmod(0o755)

    with GitSource.mirror(str(git_repo.path), tmp_path / "mirror.git") as source:
        assert [commit.sha for commit in source.main_line(source.head())] == [sha]
        source.export_tree(sha, tmp_path / "tree")
        source.pin(sha)

    assert not trace.exists()


def test_branches_that_look_like_options_are_only_names(git_repo, tmp_path):
    sha = git_repo.commit("Start", files={"features.py": _FEATURE})
    for name in ("-x", "--upload-pack=touch", "--output=x"):
        git_repo.git("update-ref", f"refs/heads/{name}", sha)
    git_repo.git("symbolic-ref", "HEAD", "refs/heads/-x")

    with GitSource.mirror(str(git_repo.path), tmp_path / "mirror.git") as source:
        assert source.head() == source.head("--upload-pack=touch") == source.resolve("-x") == sha


def test_what_names_no_commit_is_not_found(git_repo, tmp_path):
    git_repo.commit("First", files={"features.py": _FEATURE})

    with GitSource.mirror(str(git_repo.path), tmp_path / "mirror.git") as source:
        for ref in ("a" * 300_000, "a\nb", "..", "main..main", "@{-1}", ":/Start", "\udcff", "-", "^main"):
            with pytest.raises(NotFound):
                source.resolve(ref)


_STEERING = "\x1b[31m\x07\x9b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_no_text_of_a_repository_steers_or_turns_the_terminal(git_repo, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    feature = f'from headwater import tag\n\n\n@tag(a="{_STEERING}")\ndef one(a: "{_STEERING}") -> "x{_STEERING}":\n'
    git_repo.write("features.py", f'{feature}    """Say {_STEERING}."""\n    return a\n\n\ndef (\n')
    git_repo.write(f"odd{_STEERING}/features.py", "def (\n")
    git_repo.commit(f"Start {_STEERING}", author=f"A{_STEERING} <a@example.com>")
    git_repo.git("branch", f"b{_STEERING[-4:]}")
    working = (
        ("db", "upgrade"),
        ("repo", "add", "odd", str(git_repo.path)),
        ("scan", "odd"),
        ("read", str(git_repo.path)),
        ("show", "features:one"),
        ("history", "features:one"),
        ("search", "one"),
    )
    failing = (
        ("read", str(git_repo.path), "--at", f"nothing{_STEERING}"),
        ("repo", "add", "other", f"https://example.com/{_STEERING}?x"),
    )
    for command in (*working, *failing):
        done = CliRunner().invoke(command_line(), command)

        assert done.exit_code == (0 if command in working else 3), done.output
        assert not set(_STEERING) - set("[31m") & set(done.output), command


_TRAPS = """
    import os
    import time
    from pathlib import Path

    def deep() -> int:
        os.chdir(Path.home())
        for _ in range(2000):
            os.mkdir("d")
            os.chdir("d")
        return 1

    def talkative() -> int:
        raise ValueError("x" * 5_000_000)

    def pipe() -> int:
        place = Path.home() / "progress.json"
        place.unlink(missing_ok=True)
        os.mkfifo(place)
        time.sleep(1.5)
        return 1
"""


@pytest.fixture
def traps(sqlite_catalog_url, git_repo, tmp_path) -> Catalog:
    """A catalog of features that do harm."""
    git_repo.commit("Add", files={"traps.py": dedent(_TRAPS)})
    made = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def test_folders_nested_without_end_are_removed(traps):
    run = traps.run("deep")

    assert run.job.error in (None, "Its folders are more than 200 deep.")  # if it is seen before it ends
    assert traps.leftovers() == []


def test_strange_folders_beside_that_of_a_run_are_swept_away(traps):
    work = traps.settings.home / "work"
    work.mkdir(parents=True)
    for name in ("run-99999999999999999999-x", "run-²-x"):
        (work / name).mkdir()
    (work / "run-1-link").symlink_to("/")

    execution.sweep(traps.database, traps.settings)

    assert traps.leftovers() == []


def test_an_endless_error_is_shortened(traps):
    assert len(traps.run("talkative").job.error) < 20_000


def test_a_pipe_in_the_place_of_the_progress_holds_nothing_up(traps):
    assert traps.run("pipe").job.state == "succeeded"


def test_only_a_link_is_removed_and_not_what_it_leads_to(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "folder" / "closed").mkdir(parents=True)
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "folder" / "closed" / "file").write_text("x")
    (tmp_path / "folder" / "closed").chmod(0)
    (tmp_path / "link").symlink_to(tmp_path / "kept")

    remove_folder(tmp_path / "link")
    remove_folder(tmp_path / "folder")
    remove_folder(tmp_path / "absent")

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "x"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which can be somebody else for a while")
@pytest.mark.parametrize("user", [0, 65534])
def test_a_folder_goes_however_deep_and_closed_it_is(user: int):
    with TemporaryDirectory(prefix="headwater-removal-") as place:
        Path(place).chmod(0o777)
        kept, here = Path(place, "kept"), Path.cwd()
        kept.write_text("x")
        kept.chmod(0o600)
        os.seteuid(user)
        try:
            folder = Path(place, "folder")
            folder.mkdir()
            os.chdir(folder)
            for number in range(1500):  # more than Python follows
                Path("link").symlink_to(kept)
                Path("below").mkdir()
                os.chdir("below")
                if number % 100 == 50:
                    Path("../../below").chmod(0)
            os.chdir(here)
            remove_folder(folder)
        finally:
            os.chdir(here)
            os.seteuid(0)

        assert not folder.exists()
        assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("x", 0o600)
