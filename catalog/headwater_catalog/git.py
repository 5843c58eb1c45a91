"""Reading git: our own bare mirror of a repository, its main line, and its files.

Everything goes through plumbing commands with arguments as lists. Nothing is checked out into a folder
that is served; no hook, filter, submodule or symbolic link of a repository is followed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from headwater_catalog.errors import RepositoryError
from headwater_catalog.git_address import normal_url
from headwater_catalog.git_commands import HEAD, MOST_READ, SHA, full_name
from headwater_catalog.git_commits import GitCommits
from headwater_catalog.git_log import (
    FILE_MODES,
    LONGEST_LINE,
    path_from,
    shortened,
    tokens_in,
)
from headwater_catalog.mirror_lock import writing

__all__ = ["GitSource", "TreeFile"]


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a tree: its mode and the name of its content."""

    mode: str
    oid: str


class GitSource(GitCommits):
    """A bare mirror of a repository, read by plumbing commands.

    One instance belongs to one thread, since it keeps a reading process open; close it after use, or
    use it as a context manager.
    """

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
                self._run("update-ref", "--no-deref", "HEAD", self.resolve(HEAD))
            else:
                self._run("symbolic-ref", "HEAD", branch)

    def _fetch(self, url: str, lock: int) -> None:
        # Once the origin has the history that a shallow clone lacked, so does the mirror.
        deepen = ("--unshallow",) if (self.path / "shallow").is_file() else ()
        self._run(
            *("fetch", "--quiet", "--prune", "--no-tags", "--force", "--update-shallow", *deepen),
            *("--no-recurse-submodules", "--no-write-fetch-head", "--end-of-options", url),
            *("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{HEAD}"),
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
        shas = [line[0] for line in lines if len(line) == 2 and line[1] == "HEAD" and SHA.fullmatch(line[0])]
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

    def tree(self, sha: str) -> dict[str, TreeFile]:
        """Return the files of a commit by path; links and submodules are left out."""
        return {path: file for path, file in self._entries(sha) if file.mode in FILE_MODES}

    def changed_paths(self, sha: str, parent: str | None) -> Iterator[tuple[str, str]]:
        """Yield what a commit changed against a parent, by path: git's letter for it, and the path."""
        ends = ("--root", full_name(sha)) if parent is None else (full_name(parent), full_name(sha))
        process = self._process(
            "diff-tree", "-r", "-z", "--no-renames", "--name-status", "--no-commit-id", *ends
        )
        tokens = tokens_in(process.stdout)
        yield from ((kind.decode("ascii"), path_from(next(tokens, b""))) for kind in tokens)
        self._finish(process)

    def _entries(self, sha: str) -> Iterator[tuple[str, TreeFile]]:
        process = self._process("ls-tree", "-r", "-z", "--full-tree", full_name(sha))
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
            yield oid, self._contents.read(full_name(oid), MOST_READ)

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
                self._contents.copy(full_name(file.oid), opened)

    def remote_head(self, url: str) -> str:
        """Return the commit that HEAD means at an address.

        Raises:
            RepositoryError: The address cannot be used or reached, or has no commit.
        """
        return self._remote_head(normal_url(url))[0]

    def patch(self, sha: str, parent: str, most: int) -> str:
        """Return the first `most` bytes of how the files of two commits differ, as text."""
        process = self._process(
            *("diff-tree", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"),
            *("--no-commit-id", full_name(parent), full_name(sha)),
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
        self._run("update-ref", ref, full_name(sha))

    def is_of_changes(self, sha: str) -> bool:
        """Tell whether a commit was made of a working tree, which only Headwater's own refs can say."""
        return bool(self._text("for-each-ref", f"--points-at={full_name(sha)}", "refs/headwater/changes"))

    def copy_file(self, sha: str, path: str, to: Path) -> None:
        """Write one file of a commit to a new file, as it is stored.

        Raises:
            RepositoryError: The commit has no such file.
        """
        file = self.tree(sha).get(path)
        if file is None:
            raise RepositoryError(f"There is no file {path} in commit {sha[:10]}.")
        with _new_file(to, executable=False) as opened:
            self._contents.copy(full_name(file.oid), opened)

    def pin(self, sha: str) -> None:
        """Keep a commit and its files for ever, whatever becomes of the branches."""
        self._run("update-ref", f"refs/headwater/pins/{full_name(sha)}", sha)


def _make_bare(path: Path, *, is_sha256: bool) -> None:
    """Make an empty bare repository; `git init` would listen to variables that cannot be unset for it."""
    for folder in ("objects", "refs"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    version, more = (1, "[extensions]\n\tobjectFormat = sha256\n") if is_sha256 else (0, "")
    config = f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{more}"
    (path / "config").write_text(config, encoding="ascii")
    # Last, since it is what tells that there is a repository.
    (path / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")


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
