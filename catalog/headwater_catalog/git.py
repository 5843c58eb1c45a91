"""Reading git: our own bare mirror of a repository, its main line, and its files.

Everything goes through plumbing commands with arguments as lists. Nothing is checked out into a folder
that is served; no hook, filter, submodule or symbolic link of a repository is followed.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from git import Git
from git.exc import GitCommandError, GitCommandNotFound

from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git_address import normal_url

__all__ = ["Change", "CommitInfo", "GitSource", "TreeFile"]

_FILE_MODES = frozenset({"100644", "100755", "100664"})
"""Modes of plain files; 100664 stands in old histories. Symbolic links and submodules are no files here."""

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
)

_HEAD = "refs/headwater/head"
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FORMAT = "%x00".join(("%H", "%P", "%an", "%ae", "%at", "%ct", "%B"))
_FIELDS = 7
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
_LONGEST_LINE, _LONGEST_BODY = 500, 50_000  # characters; a page shows many subjects, and one body
_LONGEST_REF = 1000  # characters; a system may refuse to start a program with a much longer argument


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to one path; `oid` is None where it is no file afterwards."""

    path: str
    mode: str
    oid: str | None


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit of the main line, and what it changed against its first parent."""

    sha: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored_at: int
    committed_at: int
    message: str
    changes: tuple[Change, ...]

    @property
    def subject(self) -> str:
        """Return the first paragraph of the message, on one line, shortened where nobody would read it."""
        return _shortened(" ".join(self.message.strip().partition("\n\n")[0].split()), _LONGEST_LINE)

    @property
    def body(self) -> str:
        """Return the message after its first paragraph, shortened likewise."""
        return _shortened(self.message.strip().partition("\n\n")[2].strip(), _LONGEST_BODY)


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

    def __enter__(self) -> GitSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that reads contents."""
        self._git.clear_cache()

    @classmethod
    def mirror(cls, url: str, path: Path) -> GitSource:
        """Open the mirror at `path`, made where there is none, and fetch everything new from `url`.

        Raises:
            RepositoryError: The address cannot be used, or there is nothing to read.
        """
        source = cls(path)
        if not source.exists:
            _make_bare(path)
        source.fetch(url)
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
        return (self.path / "HEAD").is_file()

    def fetch(self, url: str) -> None:
        """Bring branches, tags and HEAD to what `url` has now.

        Raises:
            RepositoryError: The address cannot be used, cannot be reached, or has no commit.
        """
        url = normal_url(url)
        branch = self._remote_head(url)
        self._run(
            *("fetch", "--quiet", "--prune", "--no-tags", "--force", "--update-shallow"),
            *("--no-recurse-submodules", "--no-write-fetch-head", "--end-of-options", url),
            *("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{_HEAD}"),
            doing=f"{url} cannot be fetched",
        )
        if branch is None:
            self._run("update-ref", "--no-deref", "HEAD", self.resolve(_HEAD))
        else:
            self._run("symbolic-ref", "HEAD", branch)

    def _remote_head(self, url: str) -> str | None:
        """Return the full name of the branch that HEAD means there; None where it is detached."""
        listed = self._text(
            "ls-remote", "--symref", "--end-of-options", url, "HEAD", doing=f"{url} cannot be read"
        )
        lines = [line.split("\t") for line in listed.splitlines()]
        if not any(len(line) == 2 and _SHA.fullmatch(line[0]) and line[1] == "HEAD" for line in lines):
            raise RepositoryError(
                f"{url} has no commit that HEAD means. Commit something there, then try again."
            )
        heads = (name.removeprefix("ref: ") for name, _ in lines if name.startswith("ref: refs/heads/"))
        return next(heads, None)

    def head(self, branch: str | None = None) -> str:
        """Return the commit at the tip of a branch; None means what HEAD means at the origin.

        Raises:
            NotFound: There is no such branch.
        """
        return self.resolve("HEAD" if branch is None else f"refs/heads/{branch}")

    def resolve(self, ref: str) -> str:
        """Return the full name of the commit that a branch, a tag or an abbreviated name means.

        Raises:
            NotFound: Nothing here has this name, or it is no commit.
        """
        found = ""
        if ref and len(ref) <= _LONGEST_REF and "\0" not in ref:
            arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
            found = self._text(*arguments, accept=(0, 1, 128)).strip()
        if not _SHA.fullmatch(found):
            raise NotFound(
                f"No commit, branch or tag {ref!r:.100} in this repository. "
                "Scan again if it is new, or give the first characters of a commit's name."
            )
        return found

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether one commit is reached from another by its parents."""
        arguments = ("merge-base", "--is-ancestor", _sha(ancestor), _sha(descendant))
        return self._status(*arguments, accept=(0, 1)) == 0

    def main_line_shas(self, tip: str, after: str | None = None) -> list[str]:
        """Return the names of the first-parent commits up to `tip`, oldest first."""
        listed = self._text("rev-list", "--first-parent", "--reverse", *_range(tip, after))
        return listed.split()

    def main_line(self, tip: str, after: str | None = None) -> Iterator[CommitInfo]:
        """Yield the first-parent commits after `after` up to `tip`, oldest first, with their changes."""
        process = self._process(
            *("log", "--first-parent", "--reverse", "--diff-merges=first-parent", "--raw", "-z"),
            *("--no-abbrev", "--no-renames", "--no-ext-diff", "--no-notes", "--no-decorate", "--no-color"),
            *("--no-mailmap", f"--format=tformat:{_FORMAT}", *_range(tip, after)),
        )
        yield from _commits(_tokens(process.stdout))
        self._finish(process)

    def tree(self, sha: str) -> dict[str, TreeFile]:
        """Return the files of a commit by path; links and submodules are left out."""
        return {path: file for path, file in self._entries(sha) if file.mode in _FILE_MODES}

    def _entries(self, sha: str) -> Iterator[tuple[str, TreeFile]]:
        process = self._process("ls-tree", "-r", "-z", "--full-tree", _sha(sha))
        for token in _tokens(process.stdout):
            head, _, path = token.partition(b"\t")
            if head:
                mode, _, oid = head.decode("ascii").split(" ")
                yield _path(path), TreeFile(mode, oid)
        self._finish(process)

    def blobs(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the contents with these names, through one process that is kept for later calls.

        Raises:
            RepositoryError: The mirror lacks one of them.
        """
        for oid in oids:
            try:
                # Its annotation says that the kind is text; it is bytes.
                found: Any = self._git.get_object_data(_sha(oid))
            except (ValueError, OSError, GitCommandError) as error:
                raise RepositoryError(
                    f"The mirror {self.path} lacks object {oid}. Delete the mirror and scan again."
                ) from error
            _, kind, _, data = found
            if kind != b"blob":
                raise RepositoryError(f"Object {oid} in {self.path} is no file, where one was expected.")
            yield oid, data

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
        contents = self.blobs(file.oid for file in files.values())
        for (path, file), (_, data) in zip(files.items(), contents, strict=True):
            _write(directory / path, data, executable=file.mode == "100755")

    def pin(self, sha: str) -> None:
        """Keep a commit and its files for ever, whatever becomes of the branches."""
        self._run("update-ref", f"refs/headwater/pins/{_sha(sha)}", sha)

    # The four ways to run git: for its exit status, its text, its effect, and as a stream.

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [str(Git.GIT_PYTHON_GIT_EXECUTABLE or "git"), *_OPTIONS, *arguments]

    def _execute(self, arguments: tuple[str, ...]) -> tuple[int, bytes, str]:
        try:
            status, out, err = self._git.execute(
                self._command(arguments),
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
            )
        except GitCommandNotFound as error:
            raise RepositoryError("The program git was not found. Install git, then try again.") from error
        return status, out if isinstance(out, bytes) else out.encode(), str(err)

    def _status(self, *arguments: str, accept: tuple[int, ...], doing: str = "") -> int:
        status, _, err = self._execute(arguments)
        return self._checked(status, err, arguments, accept, doing)

    def _text(self, *arguments: str, accept: tuple[int, ...] = (0,), doing: str = "") -> str:
        status, out, err = self._execute(arguments)
        self._checked(status, err, arguments, accept, doing)
        return out.decode("utf-8", "surrogateescape")

    def _run(self, *arguments: str, doing: str = "") -> None:
        self._status(*arguments, accept=(0,), doing=doing)

    def _checked(
        self, status: int, err: str, arguments: tuple[str, ...], accept: tuple[int, ...], doing: str
    ) -> int:
        if status in accept:
            return status
        said = err.strip() or f"git {arguments[0]} ended with status {status}"
        raise RepositoryError(f"{doing or f'The mirror {self.path} cannot be read'}: {said}")

    def _process(self, *arguments: str) -> Any:
        return self._git.execute(self._command(arguments), as_process=True)

    def _finish(self, process: Any) -> None:
        try:
            process.wait()
        except GitCommandError as error:
            raise RepositoryError(f"The mirror {self.path} cannot be read: {error.stderr}") from error


def _make_bare(path: Path) -> None:
    """Make an empty bare repository; `git init` would listen to variables that cannot be unset for it."""
    for folder in ("objects", "refs"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n", encoding="ascii")
    # Last, since it is what tells that there is a repository.
    (path / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")


def _sha(text: str) -> str:
    if not _SHA.fullmatch(text):
        raise RepositoryError(f"{text!r} is no full name of a git object.")
    return text


def _range(tip: str, after: str | None) -> tuple[str, ...]:
    return (_sha(tip), *(() if after is None else (f"^{_sha(after)}",)), "--")


def _path(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _tokens(stream: IO[bytes], size: int = 1 << 16) -> Iterator[bytes]:
    """Cut a stream at its NULs."""
    rest = b""
    while chunk := stream.read(size):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _commits(tokens: Iterator[bytes]) -> Iterator[CommitInfo]:
    """Parse `log --raw -z`: the fields of a commit, then a record and a path for each change."""
    fields: list[bytes] = []
    changes: list[Change] = []
    for token in tokens:
        token = token.lstrip(b"\n") if len(fields) == _FIELDS else token
        if len(fields) < _FIELDS:
            fields.append(token)
        elif token.startswith(b":"):
            changes.append(_change(token, next(tokens)))
        elif token:
            yield _commit(fields, changes)
            fields, changes = [token], []
    if fields:
        yield _commit(fields, changes)


def _commit(fields: list[bytes], changes: list[Change]) -> CommitInfo:
    sha, parents, name, email, authored, committed, message = (f.decode("utf-8", "replace") for f in fields)
    return CommitInfo(
        sha=sha,
        parents=tuple(parents.split()),
        author_name=_shortened(name, _LONGEST_LINE),
        author_email=_shortened(email, _LONGEST_LINE),
        authored_at=_instant(authored),
        committed_at=_instant(committed),
        message=message,
        changes=tuple(changes),
    )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _instant(seconds: str) -> int:
    """Read an instant; one beyond the years that calendars and databases know becomes the nearest in them."""
    return min(max(int(seconds or 0), _EARLIEST), _LATEST)


def _change(record: bytes, path: bytes) -> Change:
    _, mode, _, oid, _ = record.decode("ascii").split(" ")
    return Change(_path(path), mode, oid if mode in _FILE_MODES else None)


def _refuse_unsafe(path: str) -> None:
    for part in path.split("/"):
        if part.lower() in ("", ".", "..", ".git") or "\\" in part or (os.name == "nt" and ":" in part):
            raise RepositoryError(
                f"The commit has a file named {path!r}, which could lead out of the folder it is written to. "
                "Take it out of the repository."
            )


def _write(path: Path, data: bytes, *, executable: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never over something that is there: two names may be one to this file system.
        with path.open("xb") as file:
            file.write(data)
        if executable:
            path.chmod(0o755)
    except OSError as error:
        raise RepositoryError(f"{path} cannot be written: {error}. Use an empty folder.") from error
