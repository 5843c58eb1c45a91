import gc
import os
import subprocess

import pytest

from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git import GitSource, TreeFile
from headwater_catalog.git_address import normal_url
from headwater_catalog.git_log import Change


@pytest.fixture
def source(git_repo, tmp_path):
    """A mirror of `git_repo` as it is when the test first fetches."""
    with GitSource(tmp_path / "mirror.git") as source:
        yield source


def _fetch(source, repo):
    GitSource.mirror(str(repo.path), source.path).close()


@pytest.mark.parametrize("blank", ["\n\n", "\r\n\r\n", "\n \t\n"])
def test_a_blank_line_ends_the_subject_whatever_ends_lines(git_repo, source, blank: str):
    git_repo.commit("Begin", files={"a.py": "a\n"})
    message = f"Add a{blank}Because.{blank}Twice."
    committer = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    git_repo.git(*committer, "commit", "--quiet", "--amend", "--cleanup=verbatim", "--message", message)
    _fetch(source, git_repo)

    (one,) = source.main_line(source.head())
    assert (one.subject, one.body) == ("Add a", f"Because.{blank}Twice.")


def test_the_main_line_is_told_oldest_first_with_what_each_commit_changed(git_repo, source):
    first = git_repo.commit("Add a\n\nBecause.\n\nTwice.", files={"a.py": "a\n", "b.py": "b\n"})
    git_repo.write("a.py", "aa\n")
    git_repo.delete("b.py")
    second = git_repo.commit("Change a, drop b", author="Bo Ö <bo@example.com>")
    _fetch(source, git_repo)

    one, two = source.main_line(source.head())

    assert (one.sha, two.sha, two.parents) == (first, second, (first,))
    assert (one.subject, one.body) == ("Add a", "Because.\n\nTwice.")
    assert (two.author_name, two.author_email) == ("Bo Ö", "bo@example.com")
    assert [change.path for change in one.changes] == ["a.py", "b.py"]
    assert dict(source.blobs(c.oid for c in one.changes)) == dict(
        zip((c.oid for c in one.changes), (b"a\n", b"b\n"), strict=True)
    )
    assert [(change.path, change.oid is None) for change in two.changes] == [("a.py", False), ("b.py", True)]


def test_a_merge_is_one_step_of_the_main_line_with_all_that_it_brought(git_repo, source):
    git_repo.commit("Start", files={"a.py": "a"})
    git_repo.branch("side")
    git_repo.commit("Side", files={"s.py": "s"})
    git_repo.commit("Side again", files={"s.py": "ss"})
    git_repo.checkout("main")
    git_repo.commit("Meanwhile", files={"m.py": "m"})
    git_repo.merge("side", "Merge side")
    _fetch(source, git_repo)

    line = list(source.main_line(source.head()))

    assert [commit.subject for commit in line] == ["Start", "Meanwhile", "Merge side"]
    assert [change.path for change in line[-1].changes] == ["s.py"]
    assert source.main_line_shas(source.head()) == [commit.sha for commit in line]


def test_the_main_line_after_a_commit_has_the_later_ones_only(git_repo, source):
    git_repo.commit("One", files={"a.py": "1"})
    second = git_repo.commit("Two", files={"a.py": "2"})
    third = git_repo.commit("Three")
    _fetch(source, git_repo)

    assert [commit.sha for commit in source.main_line(third, after=second)] == [third]
    assert list(source.main_line(third, after=third)) == []


def test_paths_of_any_bytes_are_told_apart(git_repo, source):
    names = ["with space.py", "naïve.py", "tab\t.py", "new\nline.py", ":colon.py", "-dash.py", '"quoted".py']
    git_repo.commit("Names", files=dict.fromkeys(names, "x"))
    (git_repo.path / os.fsdecode(b"latin-\xe9.py")).write_text("x")
    git_repo.commit("Bytes")
    _fetch(source, git_repo)

    one, two = source.main_line(source.head())

    assert sorted(change.path for change in one.changes) == sorted(names)
    assert [change.path for change in two.changes] == [os.fsdecode(b"latin-\xe9.py")]
    assert set(source.tree(two.sha)) == {*names, os.fsdecode(b"latin-\xe9.py")}


def test_links_and_submodules_are_no_files(git_repo, source, tmp_path):
    first = git_repo.commit("Plain", files={"a.py": "a", "b.py": "b"})
    (git_repo.path / "b.py").unlink()
    (git_repo.path / "b.py").symlink_to("/etc/passwd")
    git_repo.git("update-index", "--add", "--cacheinfo", f"160000,{first},vendored")
    git_repo.commit("Link")
    _fetch(source, git_repo)

    *_, last = source.main_line(source.head())
    source.export_tree(last.sha, tmp_path / "out")

    assert Change("b.py", "120000", None) in last.changes
    assert list(source.tree(last.sha)) == ["a.py"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.py"]


def test_a_name_means_a_branch_a_tag_or_a_commit(git_repo, source):
    sha = git_repo.commit("One", files={"a.py": "1"})
    git_repo.tag("v1")
    git_repo.tag("v2", "annotated")
    git_repo.branch("feature/x")
    _fetch(source, git_repo)

    for ref in ("main", "feature/x", "v1", "v2", sha, sha[:8], "HEAD", "refs/heads/main"):
        assert source.resolve(ref) == sha


@pytest.mark.parametrize(
    "ref",
    [
        "nowhere",
        "",
        "-h",
        "--all",
        "--upload-pack=touch",
        "--git-dir=/",
        "..",
        "main..main",
        "a\0b",
        "a\nb",
        "^main",
        "@{-1}",
        ":a.py",
        "main:a.py",
    ],
)
def test_a_name_that_means_no_commit_is_not_found(git_repo, source, ref):
    git_repo.commit("One", files={"a.py": "1"})
    _fetch(source, git_repo)

    with pytest.raises(NotFound, match="No commit, branch or tag"):
        source.resolve(ref)


def test_branches_with_the_names_of_options_are_branches(git_repo, source):
    sha = git_repo.commit("One", files={"a.py": "1"})
    git_repo.git("update-ref", "refs/heads/-h", sha)
    git_repo.git("update-ref", "refs/heads/--all", sha)
    _fetch(source, git_repo)

    assert source.head("-h") == source.head("--all") == source.resolve("--all") == sha


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/owned",
        "-u./x",
        "--upload-pack=touch",
        "http://example.com/repo",
        "git://example.com/repo",
        "ftp://example.com/repo",
        "fd::17",
        "ssh://-oProxyCommand=touch/x",
        "ssh://",
        "https://",
        "https://me:secret@example.com/repo",
        "http://me:secret@example.com/repo",
        "no-such-folder",
        "with\nnewline",
        "",
        "-me@host:path",
        "me@-host:path",
    ],
)
def test_an_address_that_git_might_misuse_is_refused(url, source):
    with pytest.raises(RepositoryError) as raised:
        source.mirror(url, source.path)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/team/repo.git",
        "ssh://git@example.com:22/repo",
        "git@example.com:team/repo.git",
        "file:///srv/repo.git",
    ],
)
def test_the_usual_addresses_are_kept_as_they_are(url):
    assert normal_url(url) == url


def test_a_file_address_is_fetched_like_a_folder(git_repo, source):
    sha = git_repo.commit("One", files={"a.py": "1"})
    GitSource.mirror(f"file://{git_repo.path}", source.path).close()

    assert source.head() == sha


def test_a_repository_without_commits_says_what_to_do(git_repo, source):
    with pytest.raises(RepositoryError, match=r"no commit.*Commit something"):
        _fetch(source, git_repo)


def test_a_folder_that_is_no_repository_is_refused_with_the_reason(source, tmp_path):
    (tmp_path / "plain").mkdir()

    with pytest.raises(RepositoryError, match="not appear to be a git repository"):
        source.mirror(str(tmp_path / "plain"), source.path)


def test_a_detached_work_tree_is_followed_where_it_stands(git_repo, source):
    first = git_repo.commit("One", files={"a.py": "1"})
    second = git_repo.commit("Two")
    git_repo.checkout(first)
    _fetch(source, git_repo)

    assert source.head() == first
    assert source.head("main") == second


def test_fetching_again_follows_branches_that_moved_vanished_or_were_rewritten(git_repo, source):
    first = git_repo.commit("One", files={"a.py": "1"})
    git_repo.commit("Two")
    git_repo.git("branch", "old")
    _fetch(source, git_repo)
    git_repo.git("reset", "--quiet", "--hard", first)
    git_repo.git("branch", "-D", "old")
    git_repo.git("branch", "old/er")
    third = git_repo.commit("Other two")
    _fetch(source, git_repo)

    assert source.head() == third
    with pytest.raises(NotFound):
        source.head("old")


def test_a_pinned_commit_outlives_its_branch(git_repo, source):
    first = git_repo.commit("One", files={"a.py": "1"})
    second = git_repo.commit("Two", files={"a.py": "2"})
    _fetch(source, git_repo)
    source.pin(second)
    git_repo.git("reset", "--quiet", "--hard", first)
    _fetch(source, git_repo)
    subprocess.run(["git", "--git-dir", str(source.path), "gc", "--quiet", "--prune=now"], check=True)

    assert source.resolve(second) == second


def test_a_shallow_clone_can_be_followed(git_repo, source, tmp_path):
    git_repo.commit("One", files={"a.py": "1"})
    last = git_repo.commit("Two", files={"b.py": "2"})
    shallow = tmp_path / "shallow"
    git_repo.git("clone", "--quiet", "--depth=1", f"file://{git_repo.path}", str(shallow))
    GitSource.mirror(str(shallow), source.path).close()

    (only,) = source.main_line(source.head())

    assert only.sha == last
    assert [change.path for change in only.changes] == ["a.py", "b.py"]


def test_ancestors_are_known(git_repo, source):
    first = git_repo.commit("One")
    second = git_repo.commit("Two")
    _fetch(source, git_repo)

    assert source.is_ancestor(first, second)
    assert not source.is_ancestor(second, first)


def test_an_export_has_the_bytes_as_stored_and_knows_what_is_executable(git_repo, source, tmp_path):
    git_repo.write(".gitattributes", "*.txt text eol=crlf ident\n*.bin filter=evil\n")
    git_repo.write("deep/a.txt", "line $Id$\nline\n")
    git_repo.write("b.bin", b"\x00\xff")
    git_repo.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    sha = git_repo.commit("Files")
    _fetch(source, git_repo)
    source.export_tree(sha, tmp_path / "out")

    assert (tmp_path / "out/deep/a.txt").read_bytes() == b"line $Id$\nline\n"
    assert (tmp_path / "out/b.bin").read_bytes() == b"\x00\xff"
    assert os.access(tmp_path / "out/run.sh", os.X_OK)
    assert not os.access(tmp_path / "out/b.bin", os.X_OK)


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "back\\slash"])
def test_a_commit_with_a_name_that_leads_out_is_not_exported(git_repo, source, tmp_path, name):
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        cwd=git_repo.path,
        input=b"x",
        capture_output=True,
        check=True,
    ).stdout.strip()
    inner = _make_tree(git_repo, b"100644 blob " + blob + b"\tevil.py\n")
    tree = _make_tree(git_repo, b"040000 tree " + inner + b"\t" + name.encode() + b"\n")
    sha = git_repo.git("commit-tree", "-m", "Evil", tree.decode(), **git_repo._signature("A <a@x>", None))
    git_repo.git("update-ref", "refs/heads/main", sha)
    _fetch(source, git_repo)

    with pytest.raises(RepositoryError, match="could lead out of the folder"):
        source.export_tree(sha, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("evil.py"))


def _make_tree(repo, listing: bytes) -> bytes:
    # `git mktree` refuses such names; the object is written as it is.
    entries = b""
    for line in listing.splitlines():
        head, _, name = line.partition(b"\t")
        mode, _, oid = head.split(b" ")
        entries += mode.lstrip(b"0") + b" " + name + b"\0" + bytes.fromhex(oid.decode())
    command = ["git", "hash-object", "-w", "-t", "tree", "--literally", "--stdin"]
    done = subprocess.run(command, cwd=repo.path, input=entries, capture_output=True, check=True)
    return done.stdout.strip()


def test_an_export_never_writes_over_a_file(git_repo, source, tmp_path):
    sha = git_repo.commit("One", files={"a.py": "1"})
    _fetch(source, git_repo)
    (tmp_path / "a.py").write_text("mine")

    with pytest.raises(RepositoryError, match="Use an empty folder"):
        source.export_tree(sha, tmp_path)
    assert (tmp_path / "a.py").read_text() == "mine"


def test_an_object_that_is_missing_is_told_and_others_are_read_after_it(git_repo, source):
    sha = git_repo.commit("One", files={"a.py": "1"})
    _fetch(source, git_repo)
    file = source.tree(sha)["a.py"]

    assert file == TreeFile("100644", file.oid)
    for oid, message in (("0" * 40, "lacks object"), ("x", "no full name")):
        with pytest.raises(RepositoryError, match=message):
            list(source.blobs([oid]))
        assert list(source.blobs([file.oid])) == [(file.oid, b"1")]


def test_what_is_no_file_has_no_content(git_repo, source):
    sha = git_repo.commit("One", files={"a.py": "1"})
    _fetch(source, git_repo)

    assert list(source.blobs([sha])) == [(sha, b"")]


def test_what_git_set_for_a_hook_has_no_effect(git_repo, source, monkeypatch, tmp_path):
    sha = git_repo.commit("One", files={"a.py": "1"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    _fetch(source, git_repo)

    assert source.head() == sha
    assert list(source.tree(sha)) == ["a.py"]


def test_hooks_and_configuration_of_a_repository_are_not_run(git_repo, source, tmp_path):
    mark = tmp_path / "ran"
    git_repo.commit("One", files={"a.py": "1"})
    hook = git_repo.write(".git/hooks/reference-transaction", f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    git_repo.git("config", "uploadpack.packObjectsHook", f"touch {mark};")
    git_repo.git("config", "core.fsmonitor", f"touch {mark}")
    mark.unlink(missing_ok=True)
    _fetch(source, git_repo)

    assert not mark.exists()


def test_a_source_that_nobody_closed_ends_its_process(git_repo, source):
    sha = git_repo.commit("Begin", files={"a.py": "a = 1\n"})
    _fetch(source, git_repo)
    other = GitSource(source.path)
    assert [content for _, content in other.blobs([file.oid for file in other.tree(sha).values()])]
    process = other._contents._process.proc
    circle: list[object] = [other]
    circle.append(circle)
    del other, circle
    gc.collect()

    assert process.returncode is not None
