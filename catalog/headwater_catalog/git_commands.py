"""Running git: plumbing commands on a bare mirror, with an environment and options of our own.

Arguments go as lists, and no hook, filter or configuration of anybody else has a say.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from git import Git
from git.exc import GitCommandNotFound

from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git_contents import Contents
from headwater_catalog.git_failures import reason_of

__all__ = ["HEAD", "MOST_READ", "SHA", "GitCommands", "full_name"]

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

HEAD: Final = "refs/headwater/head"
"""The ref that keeps what HEAD meant when it was fetched last."""

MOST_READ: Final = 32_000_000
"""Bytes of a content; it is known by then that it is too large for a source."""

SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONGEST_REF = 1000  # characters; a system may refuse to start a program with a much longer argument

_NAME = re.compile(r"(?!.*(?:\.\.|@\{))[^\x00-\x20\x7f~^:?*\[\\]+(?:[~^]\d{0,6})*")
"""Names of branches, tags and commits, and `~2` or `^2` behind them; git's other expressions search."""


class GitCommands:
    """A bare mirror of a repository, and the commands that are run on it."""

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

    @property
    def exists(self) -> bool:
        """Tell whether there is a mirror at the path."""
        return (self.path / "HEAD").is_file() and (self.path / "config").is_file()

    @property
    def is_damaged(self) -> bool:
        """Tell whether what was fetched last can no longer be found."""
        if not (self.path / HEAD).exists():
            return False
        return self._find_commit(HEAD) is None

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
        return found if status == 0 and SHA.fullmatch(found) else None

    def _damage(self) -> str:
        return f"The mirror {self.path} is damaged. Delete it and scan again."

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


def full_name(text: str) -> str:
    """Return the full name of a git object, as which no text can pass that means something else to git.

    Raises:
        RepositoryError: It is none.
    """
    if not SHA.fullmatch(text):
        raise RepositoryError(f"{text!r} is no full name of a git object.")
    return text
