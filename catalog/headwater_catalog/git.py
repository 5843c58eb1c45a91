"""Reading git: our own bare mirror of a repository, its main line, and its files.

Everything goes through plumbing commands with arguments as lists. Nothing is checked out into a folder
that is served; no hook, filter, submodule or symbolic link of a repository is followed.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Self

from git import Git
from git.exc import GitCommandNotFound

from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git_address import normal_url
from headwater_catalog.git_contents import Contents
from headwater_catalog.git_failures import reason_of
from headwater_catalog.git_log import (
    FILE_MODES,
    FORMAT,
    LONGEST_LINE,
    Change,
    CommitInfo,
    commit_from_text,
    commits_in,
    path_from,
    shortened,
    tokens_in,
    with_merged,
)
from headwater_catalog.mirror_lock import writing

__all__ = ["Change", "CommitInfo", "GitSource", "TreeFile"]

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "file:ssh:https",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    # Headwater may itself be started by git, in a hook: what that git set for itself is not for us.
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
    "GIT_NAMESPACE": "",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    # What is missing in a partial clone is not fetched: its configuration would say how.
    "GIT_NO_LAZY_FETCH": "1",
}

# Objects are taken as they are: old histories are full of harmless faults that git's fsck refuses, and
# what it guards against (hostile names in trees) matters at a checkout, which `export_tree` does itself.
_OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "core.filesRefLockTimeout=30000"),
    *("-c", "i18n.logOutputEncoding=UTF-8"),
    # Larger contents pass through piece by piece; whole ones would fill the memory.
    *("-c", "core.bigFileThreshold=32m"),
    # A server that says nothing for a minute has failed.
    *("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"),
)

_HEAD = "refs/headwater/head"
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONGEST_REF = 1000  # characters; a system may refuse to start a program with a much longer argument
_MOST_READ = 32_000_000  # bytes of a content; it is known by then that it is too large for a source

_NAME = re.compile(r"(?!.*(?:\.\.|@\{))[^\x00-\x20\x7f~^:?*\[\\]+(?:[~^]\d{0,6})*")
"""Names of branches, tags and commits, and `~2` or `^2` behind them; git's other expressions search."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a tree: its mode and the name of its content."""

    mode: str
    oid: str


class GitSource:
    """A bare mirror of a repository, read by plumbing commands.

    One instance belongs to one thread, since it keeps a reading process open; close it after use, or
    use it as a context manager.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._git = Git(str(self.path))
        self._git.update_environment(
            **_ENVIRONMENT,
            GIT_DIR=str(self.path),
            GIT_OBJECT_DIRECTORY=str(self.path / "objects"),
            GIT_GRAFT_FILE=str(self.path / "info" / "grafts"),
        )
        self._contents = Contents(self._reading, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that reads contents."""
        self._contents.close()

    @classmethod
    def mirror(cls, url: str, path: Path) -> GitSource:
        """Open the mirror at `path`, made where there is none, and fetch everything new from `url`.

        Raises:
            RepositoryError: The address cannot be used, or there is nothing to read.
        """
        source = cls(path)
        if source.exists:
            source._contents.open_ahead()  # it starts while the other side is asked
        try:
            source.fetch(url)
        except BaseException:
            source.close()
            raise
        return source

    @classmethod
    def require_readable(cls, url: str) -> None:
        """Make sure that there is something to read at an address, without making a mirror of it.

        Raises:
            RepositoryError: The address cannot be used, cannot be reached, or has no commit.
        """
        with tempfile.TemporaryDirectory() as folder, cls(Path(folder)) as nowhere:
            nowhere._remote_head(normal_url(url))

    @property
    def exists(self) -> bool:
        """Tell whether there is a mirror at the path."""
        return (self.path / "HEAD").is_file() and (self.path / "config").is_file()

    @property
    def is_damaged(self) -> bool:
        """Tell whether what was fetched last can no longer be found."""
        if not (self.path / _HEAD).exists():
            return False
        return self._find_commit(_HEAD) is None

    def fetch(self, url: str) -> None:
        """Bring branches, tags and HEAD to what `url` has now.

        Raises:
            RepositoryError: The address cannot be used, cannot be reached, or has no commit.
        """
        url = normal_url(url)
        sha, branch = self._remote_head(url)
        if not self.exists:
            _make_bare(self.path, is_sha256=len(sha) == 64)
        with writing(self.path) as lock:
            self._fetch(url, lock)
            if branch is None:
                self._run("update-ref", "--no-deref", "HEAD", self.resolve(_HEAD))
            else:
                self._run("symbolic-ref", "HEAD", branch)

    def _fetch(self, url: str, lock: int) -> None:
        # Once the origin has the history that a shallow clone lacked, so does the mirror.
        deepen = ("--unshallow",) if (self.path / "shallow").is_file() else ()
        self._run(
            *("fetch", "--quiet", "--prune", "--no-tags", "--force", "--update-shallow", *deepen),
            *("--no-recurse-submodules", "--no-write-fetch-head", "--end-of-options", url),
            *("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{_HEAD}"),
            # Of a clone on this machine: what its own origin had, by the names that people use there.
            "+refs/remotes/*:refs/remotes/*",
            doing=f"{url} cannot be fetched",
            keep=(lock,),
        )

    def _remote_head(self, url: str) -> tuple[str, str | None]:
        """Return the commit of HEAD there, and the full name of its branch; None where it is detached."""
        listed = self._text(
            "ls-remote", "--symref", "--end-of-options", url, "HEAD", doing=f"{url} cannot be read"
        )
        lines = [line.split("\t") for line in listed.splitlines()]
        shas = [line[0] for line in lines if len(line) == 2 and line[1] == "HEAD" and _SHA.fullmatch(line[0])]
        if not shas:
            raise RepositoryError(f"{url} has no commit that HEAD means. {self._without_head(url)}")
        heads = (name.removeprefix("ref: ") for name, _ in lines if name.startswith("ref: refs/heads/"))
        return shas[0], next(heads, None)

    def _without_head(self, url: str) -> str:
        """Say what to do with a repository whose HEAD means nothing."""
        listed = self._text("ls-remote", "--heads", "--end-of-options", url, doing=f"{url} cannot be read")
        names = [line.partition("\trefs/heads/")[2] for line in listed.split("\n")]
        names = [name for name in names if name and name.isprintable()]
        if not names:
            return "Commit something there, then try again."
        some = shortened(", ".join(names), LONGEST_LINE)
        return f"Its branches are: {some}. Choose one there: git symbolic-ref HEAD refs/heads/BRANCH"

    @property
    def object_format(self) -> str:
        """By what the repository names its objects: sha1 or sha256."""
        return self._text("rev-parse", "--show-object-format").strip()

    def head(self, branch: str | None = None, refs: Mapping[str, str] | None = None) -> str:
        """Return the commit at the tip of a branch; None means what HEAD means at the origin.

        Args:
            branch: The branch.
            refs: What `refs` has told, if it was asked.

        Raises:
            NotFound: There is no such branch.
        """
        name = "HEAD" if branch is None else f"refs/heads/{branch}"
        if refs and branch is None:
            with suppress(OSError, ValueError):
                name = (self.path / "HEAD").read_text("utf-8").strip().removeprefix("ref: ")
        return (refs or {}).get(name) or self.resolve("HEAD" if branch is None else name)

    def resolve(self, ref: str) -> str:
        """Return the full name of the commit that a branch, a tag or an abbreviated name means.

        Raises:
            NotFound: Nothing here has this name, or it is no commit.
        """
        found = self._find_commit(ref) if len(ref) <= _LONGEST_REF and _NAME.fullmatch(ref) else None
        if found is None and self.is_damaged:
            raise RepositoryError(self._damage())
        if found is None:
            raise NotFound(
                f"No commit, branch or tag {ref!r:.100} in this repository. "
                "Scan again if it is new, or give the first characters of a commit's name."
            )
        return found

    def _find_commit(self, ref: str) -> str | None:
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        status, out, _ = self._execute(arguments)
        found = out.decode("ascii", "replace").strip()
        return found if status == 0 and _SHA.fullmatch(found) else None

    def _damage(self) -> str:
        return f"The mirror {self.path} is damaged. Delete it and scan again."

    def commit(self, sha: str) -> CommitInfo:
        """Return a commit, given by its full name; what it changed is left out.

        Raises:
            RepositoryError: The mirror lacks it.
        """
        text = self._text(
            *("log", "--max-count=1", "--no-patch", "--no-notes", "--no-decorate", "--no-color"),
            *("--no-mailmap", f"--format=tformat:{FORMAT}", _sha(sha), "--"),
        )
        return commit_from_text(text)

    def refs(self) -> dict[str, str]:
        """Return the commits that branches and tags mean, by their full names; others mean none."""
        fields = ("refname", "objecttype", "objectname", "*objecttype", "*objectname")
        form = "%00".join(f"%({field})" for field in fields)
        listed = self._text("for-each-ref", f"--format={form}", "refs/heads", "refs/tags")
        found: dict[str, str | None] = {}
        for line in listed.split("\n"):
            name, *peeled = line.split("\0")
            commits = dict(zip(peeled[::2], peeled[1::2], strict=True))
            if "commit" in commits:
                found[name] = commits["commit"]
            elif "tag" in peeled[2:]:  # a tag of a tag
                found[name] = self._find_commit(commits["tag"])
        return {name: sha for name, sha in found.items() if sha is not None}

    def is_cut_off(self, sha: str) -> bool:
        """Tell whether a commit has no parents here: a history begins with it, or a shallow clone.

        Raises:
            RepositoryError: The mirror lacks the commit.
        """
        text = self._contents.read(_sha(sha), _MOST_READ, b"commit")
        if b"\nparent " not in text.partition(b"\n\n")[0]:
            return True
        shallow = self.path / "shallow"
        return shallow.is_file() and sha in shallow.read_text("ascii").split()

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether one commit is reached from another by its parents."""
        arguments = ("merge-base", "--is-ancestor", _sha(ancestor), _sha(descendant))
        return self._status(*arguments, accept=(0, 1)) == 0

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the last commit that two commits have in common; None where they are unrelated."""
        found = self._text("merge-base", _sha(one), _sha(other), accept=(0, 1)).split()
        return found[0] if found else None

    def main_line_shas(self, tip: str, after: str | None = None) -> list[str]:
        """Return the names of the first-parent commits up to `tip`, oldest first."""
        listed = self._text("rev-list", "--first-parent", "--reverse", *_range(tip, after))
        return listed.split()

    def main_line(
        self, tip: str, after: str | None = None, shas: Iterable[str] | None = None
    ) -> Iterator[CommitInfo]:
        """Yield the first-parent commits after `after` up to `tip`, oldest first, with their changes.

        A merge has the commits beside the line that it brought, so that one process tells the whole history.

        Args:
            tip: The last commit.
            after: The commit before the first one; None for the whole line.
            shas: The names of the commits, where `main_line_shas` has told them already.
        """
        line = frozenset(self.main_line_shas(tip, after) if shas is None else shas)
        process = self._log(tip, after)
        # The last one may be cut off, which only the end of the process tells.
        before: CommitInfo | None = None
        for commit in with_merged(commits_in(process.stdout), line):
            if before is not None:
                yield before
            before = commit
        self._finish(process)
        if before is not None:
            yield before

    def news(self, tip: str, after: str) -> list[CommitInfo] | None:
        """Return the first-parent commits after `after` up to `tip`, oldest first, by one process.

        Args:
            tip: The last commit.
            after: The commit before the first one.

        Returns:
            The commits, as `main_line` yields them; None where `after` is none of that line, or not here.
        """
        process = self._log(tip, after)
        commits = list(commits_in(process.stdout))
        try:
            self._finish(process)
        except RepositoryError:
            return None
        parents = {commit.sha: commit.parents for commit in commits}
        line, sha = set[str](), tip
        while sha in parents and sha not in line:
            line.add(sha)
            sha = next(iter(parents[sha]), "")
        return list(with_merged(commits, line)) if sha == after else None

    def commits_between(self, tip: str, after: str) -> list[CommitInfo]:
        """Return all commits that lead to `tip` and not to `after`, also those of branches that were merged.

        Raises:
            RepositoryError: One of them is not here.
        """
        process = self._log(tip, after)
        commits = list(commits_in(process.stdout))
        self._finish(process)
        return commits

    def _log(self, tip: str, after: str | None) -> Any:
        return self._process(
            *("log", "--topo-order", "--reverse", "--diff-merges=first-parent", "--raw", "-z"),
            *("--no-abbrev", "--no-renames", "--no-ext-diff", "--no-notes", "--no-decorate", "--no-color"),
            *("--no-mailmap", f"--format=tformat:{FORMAT}", *_range(tip, after)),
        )

    def tree(self, sha: str) -> dict[str, TreeFile]:
        """Return the files of a commit by path; links and submodules are left out."""
        return {path: file for path, file in self._entries(sha) if file.mode in FILE_MODES}

    def changed_paths(self, sha: str, parent: str | None) -> Iterator[tuple[str, str]]:
        """Yield what a commit changed against a parent, by path: git's letter for it, and the path."""
        ends = ("--root", _sha(sha)) if parent is None else (_sha(parent), _sha(sha))
        process = self._process(
            "diff-tree", "-r", "-z", "--no-renames", "--name-status", "--no-commit-id", *ends
        )
        tokens = tokens_in(process.stdout)
        yield from ((kind.decode("ascii"), path_from(next(tokens, b""))) for kind in tokens)
        self._finish(process)

    def _entries(self, sha: str) -> Iterator[tuple[str, TreeFile]]:
        process = self._process("ls-tree", "-r", "-z", "--full-tree", _sha(sha))
        for token in tokens_in(process.stdout):
            head, _, path = token.partition(b"\t")
            if path:
                mode, _, oid = head.decode("ascii").split(" ")
                yield path_from(path), TreeFile(mode, oid)
        self._finish(process)

    def blobs(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the contents with these names, through one process that is kept for later calls.

        Of one that is too large for a source only the beginning comes. What is no file, though a tree says
        so, has no content.

        Raises:
            RepositoryError: The mirror lacks one of them.
        """
        for oid in oids:
            yield oid, self._contents.read(_sha(oid), _MOST_READ)

    def export_tree(self, sha: str, directory: Path) -> None:
        """Write the files of a commit into an empty or new folder, as they are stored.

        No filter, hook or attribute of the repository has a part in it; links and submodules are left out.

        Raises:
            RepositoryError: A name in the commit would lead out of the folder.
        """
        directory.mkdir(parents=True, exist_ok=True)
        files = self.tree(sha)
        for path in files:
            _refuse_unsafe(path)
        for path, file in files.items():
            with _new_file(directory / path, executable=file.mode == "100755") as opened:
                self._contents.copy(_sha(file.oid), opened)

    def remote_head(self, url: str) -> str:
        """Return the commit that HEAD means at an address.

        Raises:
            RepositoryError: The address cannot be used or reached, or has no commit.
        """
        return self._remote_head(normal_url(url))[0]

    def has_commit(self, sha: str) -> bool:
        """Tell whether the mirror has a commit, given by its full name."""
        return self._find_commit(_sha(sha)) is not None

    def patch(self, sha: str, parent: str, most: int) -> str:
        """Return the first `most` bytes of how the files of two commits differ, as text."""
        process = self._process(
            *("diff-tree", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"),
            *("--no-commit-id", _sha(parent), _sha(sha)),
        )
        read: bytes = process.stdout.read(most)
        if len(read) < most:
            self._finish(process)
        else:
            process.proc.kill()
            process.proc.wait()
        return read.decode("utf-8", "replace")

    def find_ref(self, ref: str) -> str | None:
        """Return the commit that a ref in full means; None where there is none."""
        return self._find_commit(ref)

    def set_ref(self, ref: str, sha: str) -> None:
        """Keep a commit and its files under a ref of Headwater's own."""
        self._run("update-ref", ref, _sha(sha))

    def is_of_changes(self, sha: str) -> bool:
        """Tell whether a commit was made of a working tree, which only Headwater's own refs can say."""
        return bool(self._text("for-each-ref", f"--points-at={_sha(sha)}", "refs/headwater/changes"))

    def copy_file(self, sha: str, path: str, to: Path) -> None:
        """Write one file of a commit to a new file, as it is stored.

        Raises:
            RepositoryError: The commit has no such file.
        """
        file = self.tree(sha).get(path)
        if file is None:
            raise RepositoryError(f"There is no file {path} in commit {sha[:10]}.")
        with _new_file(to, executable=False) as opened:
            self._contents.copy(_sha(file.oid), opened)

    def pin(self, sha: str) -> None:
        """Keep a commit and its files for ever, whatever becomes of the branches."""
        self._run("update-ref", f"refs/headwater/pins/{_sha(sha)}", sha)

    # The four ways to run git: for its exit status, its text, its effect, and as a stream.

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [str(Git.GIT_PYTHON_GIT_EXECUTABLE or "git"), *_OPTIONS, *arguments]

    def _execute(self, arguments: tuple[str, ...], keep: tuple[int, ...] = ()) -> tuple[int, bytes, str]:
        try:
            status, out, err = self._git.execute(
                self._command(arguments),
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                pass_fds=keep,
            )
        except GitCommandNotFound as error:
            raise RepositoryError("The program git was not found. Install git, then try again.") from error
        return status, out if isinstance(out, bytes) else out.encode(), str(err)

    def _execute_reading(self, arguments: tuple[str, ...], given: BinaryIO) -> tuple[int, bytes, str]:
        status, out, err = self._git.execute(
            self._command(arguments),
            istream=given,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
        )
        return status, out if isinstance(out, bytes) else out.encode(), str(err)

    def _status(self, *arguments: str, accept: tuple[int, ...], doing: str = "") -> int:
        status, _, err = self._execute(arguments)
        return self._checked(status, err, arguments, accept, doing)

    def _text(self, *arguments: str, accept: tuple[int, ...] = (0,), doing: str = "") -> str:
        status, out, err = self._execute(arguments)
        self._checked(status, err, arguments, accept, doing)
        return out.decode("utf-8", "surrogateescape")

    def _run(self, *arguments: str, doing: str = "", keep: tuple[int, ...] = ()) -> None:
        status, _, err = self._execute(arguments, keep)
        self._checked(status, err, arguments, (0,), doing)

    def _checked(
        self, status: int, err: str, arguments: tuple[str, ...], accept: tuple[int, ...], doing: str
    ) -> int:
        if status in accept:
            return status
        if self.is_damaged:
            raise RepositoryError(self._damage())
        if not doing:
            raise RepositoryError(self._unreadable(err))
        raise RepositoryError(f"{doing}: {reason_of(err) or f'git {arguments[0]} ended with {status}'}")

    def _unreadable(self, err: str) -> str:
        said = reason_of(err) or "git was stopped"
        return f"The mirror {self.path} cannot be read: {said}\nIf that goes on, delete it and scan again."

    def _process(self, *arguments: str) -> Any:
        return self._git.execute(self._command(arguments), as_process=True)

    def _reading(self) -> Any:
        return self._git.execute(
            self._command(("cat-file", "--batch")), istream=subprocess.PIPE, as_process=True
        )

    def _finish(self, process: Any) -> None:
        said = process.stderr.read().decode("utf-8", "replace")
        if process.proc.wait() != 0:
            raise RepositoryError(self._unreadable(said))


def _make_bare(path: Path, *, is_sha256: bool) -> None:
    """Make an empty bare repository; `git init` would listen to variables that cannot be unset for it."""
    for folder in ("objects", "refs"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    version, more = (1, "[extensions]\n\tobjectFormat = sha256\n") if is_sha256 else (0, "")
    config = f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{more}"
    (path / "config").write_text(config, encoding="ascii")
    # Last, since it is what tells that there is a repository.
    (path / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")


def _sha(text: str) -> str:
    if not _SHA.fullmatch(text):
        raise RepositoryError(f"{text!r} is no full name of a git object.")
    return text


def _range(tip: str, after: str | None) -> tuple[str, ...]:
    return (_sha(tip), *(() if after is None else (f"^{_sha(after)}",)), "--")


def _refuse_unsafe(path: str) -> None:
    for part in path.split("/"):
        if part.lower() in ("", ".", "..", ".git") or "\\" in part or (os.name == "nt" and ":" in part):
            raise RepositoryError(
                f"The commit has a file named {path!r}, which could lead out of the folder it is written to. "
                "Take it out of the repository."
            )


@contextmanager
def _new_file(path: Path, *, executable: bool) -> Iterator[IO[bytes]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never over something that is there: two names may be one to this file system.
        with path.open("xb") as file:
            yield file
        if executable:
            path.chmod(0o755)
    except OSError as error:
        raise RepositoryError(f"{path} cannot be written: {error}. Use an empty folder.") from error
