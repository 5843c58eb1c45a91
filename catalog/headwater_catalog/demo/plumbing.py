"""Git's plumbing commands on a repository that is being built, deaf to all configuration of the machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from headwater_catalog.errors import RepositoryError

__all__ = ["Plumbing"]

# The configuration files of user and system are switched off by the environment; what git would look up in
# the user's folders all the same is named here. The default of the ref format is for git 3 and later.
_SETTINGS = {
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.logAllRefUpdates": "false",
    "init.defaultRefFormat": "files",
}


class Plumbing:
    """Runs git commands on the repository whose work tree is `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def create(cls, directory: Path) -> Plumbing:
        """Make an empty repository with the branch `main` and no hooks."""
        options = ["--quiet", "--template=", "--initial-branch=main", "--object-format=sha1"]
        _succeed(_git(["init", *options, str(directory)]), f"git init {directory}")
        return cls(directory)

    def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> str:
        """Return what a git command prints, without the white space around it.

        Raises:
            RepositoryError: The command failed, or there is no git.
        """
        done = _git([*self._location(), *arguments], stdin, environment)
        return _succeed(done, f"git {arguments[0]} in {self.directory}")

    def agrees(self, *arguments: str) -> bool:
        """Tell whether a git command that answers by its exit code says yes."""
        return _git([*self._location(), *arguments]).returncode == 0

    def _location(self) -> list[str]:
        # Named in full, so that git never goes looking for a repository further up.
        return [f"--git-dir={self.directory / '.git'}", f"--work-tree={self.directory}"]


def _git(
    arguments: list[str], stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = ["git", *settings, *arguments]
    try:
        return subprocess.run(
            command, input=stdin, env=_environment(environment or {}), capture_output=True, check=False
        )
    except FileNotFoundError:
        raise RepositoryError("git is not on the PATH. Install git 2.30 or newer.") from None


def _environment(additions: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **inherited,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
        **additions,
    }


def _succeed(done: subprocess.CompletedProcess[bytes], what: str) -> str:
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()
        raise RepositoryError(f"{what} failed with exit code {done.returncode}: {reason}")
    return done.stdout.decode().strip()
