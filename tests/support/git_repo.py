"""Real git repositories, built commit by commit, the same on every machine."""

import copy
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

_START = datetime(2025, 1, 1, 12, tzinfo=UTC)
_SETTINGS = {
    "core.autocrlf": "false",
    "commit.gpgsign": "false",
    "tag.gpgsign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_AUTHOR = "Ada Example <ada@example.com>"


class GitRepo:
    """A repository with a work tree, on branch `main`.

    Commits made without a date are a day apart, from 2025-01-01 on, so that equal steps give equal hashes.

    Args:
        path: The folder to make it in.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clock = _START
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--template=", "--initial-branch=main")

    def copied(self, path: Path) -> "GitRepo":
        """Return a copy in a folder that does not exist, whose next commit is the same as here."""
        shutil.copytree(self.path, path, symlinks=True)
        made = copy.copy(self)
        made.path = path
        return made

    def git(self, *args: str, **environment: str) -> str:
        """Run git here and return what it printed, without the last line's end."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        done = subprocess.run(
            ["git", *settings, *args],
            cwd=self.path,
            env=_environment(self.path) | environment,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
        return done.stdout.removesuffix("\n")

    def write(self, path: str, content: str | bytes) -> Path:
        """Put a file into the work tree, with the folders above it."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def delete(self, path: str) -> None:
        """Take a file or a folder out of the work tree."""
        self.git("rm", "-r", "--quiet", "--force", "--", path)

    def move(self, old: str, new: str) -> None:
        """Rename a file or a folder that is committed, making the folders above its new place."""
        (self.path / new).parent.mkdir(parents=True, exist_ok=True)
        self.git("mv", "--", old, new)

    def commit(
        self,
        message: str,
        *,
        files: dict[str, str] | None = None,
        author: str = _AUTHOR,
        date: datetime | None = None,
    ) -> str:
        """Commit the whole work tree, with `files` written into it first, and return the hash.

        Args:
            message: The subject, and after an empty line the body.
            files: Paths and the text to put there.
            author: As `Name <address>`; the committer is the same.
            date: When; else a day after the commit before.
        """
        for path, text in (files or {}).items():
            self.write(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message, **self._signature(author, date))
        return self.head()

    def head(self) -> str:
        """Return the hash of the commit that is checked out."""
        git = self.path / ".git"
        branch = git / (git / "HEAD").read_text().strip().removeprefix("ref: ")
        # Where the file of the branch tells, as after every commit, nobody needs to wait for a process.
        return branch.read_text().strip() if branch.is_file() else self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "HEAD") -> None:
        """Make a branch and check it out."""
        self.git("checkout", "--quiet", "-b", name, start)

    def checkout(self, ref: str) -> None:
        """Put the work tree at a branch, a tag or a commit."""
        self.git("checkout", "--quiet", ref)

    def merge(self, ref: str, message: str, *, author: str = _AUTHOR, date: datetime | None = None) -> str:
        """Merge a branch into the one that is checked out, always with a commit, and return its hash."""
        self.git(
            "merge", "--quiet", "--no-ff", "--no-edit", "-m", message, ref, **self._signature(author, date)
        )
        return self.head()

    def tag(self, name: str, message: str | None = None, ref: str = "HEAD") -> None:
        """Tag a commit: annotated where there is a message, else lightweight."""
        annotation = ["--annotate", "--message", message] if message else []
        self.git("tag", *annotation, name, ref, **self._signature(_AUTHOR, None))

    def _signature(self, author: str, date: datetime | None) -> dict[str, str]:
        name, _, address = author.removesuffix(">").partition(" <")
        return {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", address), ("DATE", self._moment(date)))
        }

    def _moment(self, date: datetime | None) -> str:
        moment = date or self._clock
        self._clock = moment + timedelta(days=1)
        return moment.isoformat()


def _environment(home: Path) -> dict[str, str]:
    """Return an environment in which git finds neither the user's settings nor the machine's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
