"""Repositories as git allows them: whole and cut off, linked and borrowed, renamed, broken and restored."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from git import Git

from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.git_address import normal_url
from support.git_repo import GitRepo


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror.git"


def _fetch(origin: Path, mirror: Path) -> list[str]:
    """Fetch, and return the subjects of the main line."""
    with GitSource.mirror(str(origin), mirror) as source:
        return [commit.subject for commit in source.main_line(source.head())]


def _run(*command: str, at: Path) -> None:
    subprocess.run(command, cwd=at, check=True, capture_output=True)


def _three(repo: GitRepo) -> list[str]:
    return [repo.commit(f"Commit {n}", files={"a.py": f"A = {n}\n"}) for n in range(3)]


# Where the origin is not a plain repository


def test_a_shallow_clone_is_followed_to_where_it_ends_and_further_once_it_is_deepened(
    git_repo: GitRepo, mirror: Path, tmp_path: Path
) -> None:
    _three(git_repo)
    shallow = tmp_path / "shallow"
    git_repo.git("clone", "--quiet", "--depth=2", f"file://{git_repo.path}", str(shallow))

    assert _fetch(shallow, mirror) == ["Commit 1", "Commit 2"]
    _run("git", "fetch", "--quiet", "--unshallow", at=shallow)
    assert _fetch(shallow, mirror) == ["Commit 0", "Commit 1", "Commit 2"]


def test_what_a_clone_has_cut_off_since_is_kept(git_repo: GitRepo, mirror: Path, tmp_path: Path) -> None:
    _three(git_repo)
    shallow = tmp_path / "shallow"
    git_repo.git("clone", "--quiet", f"file://{git_repo.path}", str(shallow))
    _fetch(shallow, mirror)
    _run("git", "fetch", "--quiet", "--depth=1", at=shallow)

    assert _fetch(shallow, mirror) == ["Commit 0", "Commit 1", "Commit 2"]


@pytest.mark.parametrize("kind", ["--bare", "--shared", "--mirror", "--no-local"])
def test_clones_of_any_kind_are_followed(git_repo: GitRepo, mirror: Path, tmp_path: Path, kind: str) -> None:
    _three(git_repo)
    git_repo.git("clone", "--quiet", kind, str(git_repo.path), str(tmp_path / "clone"))

    assert _fetch(tmp_path / "clone", mirror) == ["Commit 0", "Commit 1", "Commit 2"]


def test_a_linked_working_tree_is_followed_on_its_own_branch(
    git_repo: GitRepo, mirror: Path, tmp_path: Path
) -> None:
    _three(git_repo)
    git_repo.git("worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "linked"), "HEAD~1")

    assert _fetch(tmp_path / "linked", mirror) == ["Commit 0", "Commit 1"]


def test_packed_references_are_read_like_loose_ones(git_repo: GitRepo, mirror: Path) -> None:
    _three(git_repo)
    git_repo.git("pack-refs", "--all")
    git_repo.git("gc", "--quiet")

    assert _fetch(git_repo.path, mirror) == ["Commit 0", "Commit 1", "Commit 2"]


def test_a_repository_with_sha256_names_is_followed(mirror: Path, tmp_path: Path) -> None:
    origin = tmp_path / "sha256"
    _run("git", "init", "--quiet", "--object-format=sha256", "-b", "main", str(origin), at=tmp_path)
    (origin / "a.py").write_text("A = 1\n")
    _run("git", "add", "--all", at=origin)
    _run("git", "-c", "user.name=A", "-c", "user.email=a@x", "commit", "-q", "-m", "Long", at=origin)

    assert _fetch(origin, mirror) == ["Long"]
    with GitSource(mirror) as source:
        file = source.tree(source.head())["a.py"]
        assert len(file.oid) == len(source.head()) == 64
        assert list(source.blobs([file.oid])) == [(file.oid, b"A = 1\n")]


def test_a_partial_clone_says_what_it_lacks_and_fetches_nothing_by_itself(
    git_repo: GitRepo, mirror: Path, tmp_path: Path
) -> None:
    _three(git_repo)
    git_repo.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git_repo.git("clone", "--quiet", "--filter=blob:none", f"file://{git_repo.path}", str(partial))
    _run("git", "config", "remote.origin.uploadpack", f"touch {tmp_path}/ran;", at=partial)

    with pytest.raises(RepositoryError, match="partial clone"):
        _fetch(partial, mirror)
    assert not (tmp_path / "ran").exists()


def test_grafts_and_replacements_of_an_origin_change_nothing(git_repo: GitRepo, mirror: Path) -> None:
    first, second, third = _three(git_repo)
    git_repo.git("replace", third, first)
    assert _fetch(git_repo.path, mirror) == ["Commit 0", "Commit 1", "Commit 2"]

    git_repo.git("replace", "--delete", third)
    git_repo.write(".git/info/grafts", f"{third}\n")
    git_repo.git("notes", "add", "--message", "A note", second, **git_repo._signature("A <a@x>", None))
    assert _fetch(git_repo.path, mirror) == ["Commit 0", "Commit 1", "Commit 2"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_user_is_refused_with_advice_that_works(git_repo: GitRepo, mirror: Path) -> None:
    _three(git_repo)
    for path in (git_repo.path, *git_repo.path.rglob("*")):
        os.chown(path, 54321, 54321)

    with pytest.raises(RepositoryError, match=r"another user.*Run Headwater as its owner"):
        _fetch(git_repo.path, mirror)


# Names


def test_a_default_branch_that_is_renamed_is_followed(git_repo: GitRepo, mirror: Path) -> None:
    _three(git_repo)
    _fetch(git_repo.path, mirror)
    git_repo.git("branch", "--move", "main", "trunk")
    git_repo.commit("Commit 3")

    assert _fetch(git_repo.path, mirror)[-1] == "Commit 3"
    with GitSource(mirror) as source, pytest.raises(NotFound):
        source.head("main")


def test_a_default_branch_that_is_gone_is_told_with_those_there_are(git_repo: GitRepo, mirror: Path) -> None:
    _three(git_repo)
    git_repo.git("branch", "other")
    git_repo.git("symbolic-ref", "HEAD", "refs/heads/gone")

    with pytest.raises(RepositoryError, match=r"branches are: main, other\. .*git symbolic-ref HEAD"):
        _fetch(git_repo.path, mirror)


def test_tags_of_tags_mean_their_commit_and_tags_of_files_none(git_repo: GitRepo, mirror: Path) -> None:
    *_, last = _three(git_repo)
    git_repo.tag("inner", "One")
    git_repo.tag("outer", "Two", "inner")
    git_repo.tag("tree", ref="HEAD^{tree}")
    git_repo.tag("file", "A file", "HEAD:a.py")
    _fetch(git_repo.path, mirror)

    with GitSource(mirror) as source:
        assert source.resolve("outer") == last
        for name in ("tree", "file"):
            with pytest.raises(NotFound, match=name):
                source.resolve(name)


@pytest.mark.parametrize(
    ("expression", "steps"), [("main~1", 1), ("main^", 1), ("main~2", 2), ("main^^", 2), ("HEAD~0^1", 1)]
)
def test_steps_back_from_a_name_are_understood(
    git_repo: GitRepo, mirror: Path, expression: str, steps: int
) -> None:
    commits = _three(git_repo)
    _fetch(git_repo.path, mirror)

    with GitSource(mirror) as source:
        assert source.resolve(expression) == commits[-1 - steps]


@pytest.mark.parametrize(
    "expression",
    [
        "HEAD^{/Commit}",
        ":/Commit",
        "main@{0}",
        "main@{yesterday}",
        "@{-1}",
        "@{upstream}",
        "HEAD^{tree}",
        "HEAD:a.py",
        "^HEAD",
        "main..HEAD",
        "HEAD^@",
        "main\nHEAD",
        "main HEAD",
        "--all",
        "-x",
        "main*",
        "~1",
        "HEAD~99999999999999999999",
        "HEAD~7",
        "",
    ],
)
def test_expressions_that_search_or_mean_several_commits_are_not_found(
    git_repo: GitRepo, mirror: Path, expression: str
) -> None:
    _three(git_repo)
    _fetch(git_repo.path, mirror)

    with GitSource(mirror) as source, pytest.raises(NotFound):
        source.resolve(expression)


def test_a_commit_is_found_by_its_full_name_though_a_branch_has_it_too(
    git_repo: GitRepo, mirror: Path
) -> None:
    first, _, last = _three(git_repo)
    git_repo.git("update-ref", f"refs/heads/{first}", last)
    git_repo.git("update-ref", "refs/heads/HEAD", first)
    git_repo.git("update-ref", "refs/tags/main", first)
    _fetch(git_repo.path, mirror)

    with GitSource(mirror) as source:
        assert source.resolve(first) == first
        assert source.head() == source.head("main") == last


def test_names_that_git_does_not_allow_are_left_out(git_repo: GitRepo, mirror: Path) -> None:
    *_, last = _three(git_repo)
    for name in ("main 2", "a..b", "new\nline", "control\x01", "@{-1}", "end.lock"):
        git_repo.write(f".git/refs/heads/{name}", f"{last}\n")

    assert _fetch(git_repo.path, mirror)[-1] == "Commit 2"
    assert [path.name for path in (mirror / "refs" / "heads").iterdir()] == ["main"]


@pytest.mark.parametrize("content", ["", "hello\n", f"{'1' * 40}\n"])
def test_a_branch_that_means_nothing_is_told_with_what_to_do(
    git_repo: GitRepo, mirror: Path, content: str
) -> None:
    _three(git_repo)
    git_repo.write(".git/refs/heads/broken", content)

    with pytest.raises(RepositoryError, match="branches or tags that mean nothing"):
        _fetch(git_repo.path, mirror)


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://s3cret@example.com/x",
        "https://me:s3cret@example.com/x",
        "HTTPS://me:s3cret@example.com/x",
        "https://me:se/s3cret@example.com/x",
        "https:/me:s3cret@example.com/x",
        "https://[::1:s3cret@example.com/x",
        "https://me:\N{ACCOUNT OF}s3cret@example.com/x",
        "https://example.com/x?token=s3cret",
        "http://s3cret@example.com/x",
        "me:s3cret@example.com:path",
        "ext::https://me:s3cret@example.com",
        "ssh://me:s3cret@example.com/x",
        "file://me:s3cret@/x",
    ],
)
def test_an_address_that_may_hold_a_secret_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(RepositoryError) as raised:
        normal_url(url)

    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "a" * 100_000,
        "/" + "a/" * 3000,
        "~nobody-of-this-name/x",
        "https://%2doProxyCommand=x/",
        "ssh://h%0a/x",
    ],
)
def test_addresses_that_cannot_be_are_refused_in_few_words(url: str) -> None:
    with pytest.raises(RepositoryError) as raised:
        normal_url(url)

    assert len(str(raised.value)) < 500


# Mirrors that were left or damaged


def test_what_a_killed_fetch_has_left_is_taken_away_by_the_next(git_repo: GitRepo, mirror: Path) -> None:
    _three(git_repo)
    _fetch(git_repo.path, mirror)
    left = ("HEAD.lock", "packed-refs.lock", "refs/heads/main.lock", "refs/headwater/head.lock")
    for name in (*left, "objects/pack/tmp_pack_1"):
        (mirror / name).parent.mkdir(exist_ok=True)
        (mirror / name).write_text("x")
    git_repo.commit("Commit 3")

    assert _fetch(git_repo.path, mirror)[-1] == "Commit 3"
    assert not [name for name in left if (mirror / name).exists()]
    assert not list(mirror.glob("objects/pack/tmp_*"))


_FETCH = """
import sys
from pathlib import Path
from headwater_catalog.git import GitSource

GitSource.mirror(sys.argv[1], Path(sys.argv[2])).close()
"""


def test_fetches_at_the_same_time_wait_for_each_other(git_repo: GitRepo, mirror: Path) -> None:
    _three(git_repo)
    command = [sys.executable, "-c", _FETCH, str(git_repo.path), str(mirror)]
    fetches = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]

    assert [(fetch.communicate()[1], fetch.returncode) for fetch in fetches] == [(b"", 0)] * 3
    assert _fetch(git_repo.path, mirror)[-1] == "Commit 2"


@pytest.mark.slow
def test_a_fetch_that_is_killed_again_and_again_ends_well(git_repo: GitRepo, mirror: Path) -> None:
    for n in range(30):
        git_repo.commit(f"Commit {n}", files={f"{k}.txt": os.urandom(20_000).hex() for k in range(5)})
    command = [sys.executable, "-c", _FETCH, str(git_repo.path), str(mirror)]
    for step in range(5):
        fetch = subprocess.Popen(command, start_new_session=True)
        with_what_it_started = fetch.pid
        try:
            fetch.wait(0.2 + 0.1 * step)
        except subprocess.TimeoutExpired:
            os.killpg(with_what_it_started, 9)
            fetch.wait()

    assert len(_fetch(git_repo.path, mirror)) == 30
    _run("git", "fsck", "--strict", "--no-dangling", at=mirror)


def _object(repository: Path, oid: str) -> Path:
    return repository / "objects" / oid[:2] / oid[2:]


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_content_that_is_damaged_is_told_and_the_others_are_read(
    git_repo: GitRepo, mirror: Path, damage: bytes | None
) -> None:
    git_repo.commit("One", files={"a.py": "A = 1\n", "b.py": "B = 1\n"})
    _fetch(git_repo.path, mirror)
    with GitSource(mirror) as source:
        files = source.tree(source.head())
        broken = _object(mirror, files["a.py"].oid)
        broken.chmod(0o644)
        broken.unlink() if damage is None else broken.write_bytes(damage)

        with pytest.raises(RepositoryError, match=r"lacks object.*Delete the mirror and scan again"):
            list(source.blobs([files["a.py"].oid]))
        assert list(source.blobs([files["b.py"].oid])) == [(files["b.py"].oid, b"B = 1\n")]


def test_a_mirror_that_lost_its_newest_commit_says_so_until_it_is_fetched_again(
    git_repo: GitRepo, mirror: Path
) -> None:
    *_, last = _three(git_repo)
    _fetch(git_repo.path, mirror)
    _object(mirror, last).unlink()

    with GitSource(mirror) as source, pytest.raises(RepositoryError, match="is damaged"):
        source.head()
    assert _fetch(git_repo.path, mirror)[-1] == "Commit 2"


def test_a_mirror_that_lacks_a_commit_in_between_says_what_to_do(git_repo: GitRepo, mirror: Path) -> None:
    _, middle, _ = _three(git_repo)
    _fetch(git_repo.path, mirror)
    _object(mirror, middle).unlink()

    with pytest.raises(RepositoryError, match=r"(?s)mirror .* cannot be read: .*delete it and scan"):
        _fetch(git_repo.path, mirror)


@pytest.mark.parametrize("gone", ["HEAD", "config", "refs", "objects"])
def test_a_mirror_that_lost_a_part_is_made_again_or_told(git_repo: GitRepo, mirror: Path, gone: str) -> None:
    _three(git_repo)
    _fetch(git_repo.path, mirror)
    (mirror / gone).rename(mirror / f"{gone}.gone")

    try:
        assert _fetch(git_repo.path, mirror)[-1] == "Commit 2"
    except RepositoryError as error:
        assert str(mirror) in str(error)


_CUT = """#!/bin/sh
case "$*" in
  *--diff-merges*) {git} "$@" | head -c {bytes}; kill -9 $$ ;;
  *) exec {git} "$@" ;;
esac
"""


def test_a_commit_whose_telling_was_cut_off_is_not_taken_for_whole(
    git_repo: GitRepo, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = str(Git.GIT_PYTHON_GIT_EXECUTABLE)
    for n in range(3):
        git_repo.commit(f"Commit {n}", files={f"{n}-{k}.py": "" for k in range(4)})
    _fetch(git_repo.path, mirror)
    with GitSource(mirror) as source:
        whole = list(source.main_line(source.head()))
        program = tmp_path / "git"
        monkeypatch.setattr(Git, "GIT_PYTHON_GIT_EXECUTABLE", str(program))
        for size in range(1, 1300, 61):
            program.write_text(_CUT.format(git=git, bytes=size))
            program.chmod(0o755)
            told = []
            with pytest.raises(RepositoryError, match="cannot be read"):
                told.extend(_noted(source.main_line(whole[-1].sha), told))
            assert told == whole[: len(told)]


def _noted(commits, told):
    for commit in commits:
        told.append(commit)
    return ()


# Contents


def test_of_an_enormous_file_only_the_beginning_is_read(git_repo: GitRepo, mirror: Path) -> None:
    with git_repo.write("big.py", "").open("wb") as file:
        file.truncate(60_000_000)
    git_repo.commit("Big", files={"small.py": "A = 1\n"})
    _fetch(git_repo.path, mirror)

    with GitSource(mirror) as source:
        files = source.tree(source.head())
        read = dict(source.blobs([files["big.py"].oid, files["small.py"].oid]))

    assert read[files["small.py"].oid] == b"A = 1\n"
    assert 16_000_000 < len(read[files["big.py"].oid]) < 50_000_000


def test_an_export_has_large_files_whole(git_repo: GitRepo, mirror: Path, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    git_repo.write("data.bin", data)
    sha = git_repo.commit("Data", files={"after.txt": "x", "empty.txt": ""})
    _fetch(git_repo.path, mirror)
    with GitSource(mirror) as source:
        source.export_tree(sha, tmp_path / "out")

    assert (tmp_path / "out" / "data.bin").read_bytes() == data
    assert (tmp_path / "out" / "after.txt").read_text() == "x"
    assert (tmp_path / "out" / "empty.txt").read_text() == ""
