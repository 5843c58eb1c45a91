"""The commits of a mirror: what branches and tags mean, how commits follow each other, and the main line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from headwater_catalog.errors import RepositoryError
from headwater_catalog.git_commands import MOST_READ, GitCommands, full_name
from headwater_catalog.git_log import (
    FORMAT,
    CommitInfo,
    commit_from_text,
    commits_in,
    with_merged,
)

__all__ = ["GitCommits"]

_SIGNATURES: Final = (b"gpgsig ", b"gpgsig-sha256 ")


class GitCommits(GitCommands):
    """The commits of a bare mirror."""

    def commit(self, sha: str) -> CommitInfo:
        """Return a commit, given by its full name; what it changed is left out.

        Raises:
            RepositoryError: The mirror lacks it.
        """
        text = self._text(
            *("log", "--max-count=1", "--no-patch", "--no-notes", "--no-decorate", "--no-color"),
            *("--no-mailmap", f"--format=tformat:{FORMAT}", full_name(sha), "--"),
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

    def has_commit(self, sha: str) -> bool:
        """Tell whether the mirror has a commit, given by its full name."""
        return self._find_commit(full_name(sha)) is not None

    def is_cut_off(self, sha: str) -> bool:
        """Tell whether a commit has no parents here: a history begins with it, or a shallow clone.

        Raises:
            RepositoryError: The mirror lacks the commit.
        """
        text = self._contents.read(full_name(sha), MOST_READ, b"commit")
        if b"\nparent " not in text.partition(b"\n\n")[0]:
            return True
        shallow = self.path / "shallow"
        return shallow.is_file() and sha in shallow.read_text("ascii").split()

    def signed(self, shas: Iterable[str]) -> dict[str, bool | None]:
        """Return which commits have a signature, by their full names; None for one that is not here.

        Whose it is, and whether it is good, is not looked at: nothing but the object is read.
        """
        return {sha: self._is_signed(sha) for sha in shas}

    def _is_signed(self, sha: str) -> bool | None:
        try:
            text = self._contents.read(full_name(sha), MOST_READ, b"commit")
        except RepositoryError:
            return None
        # What continues a line, as that of a merged tag with a signature of its own, begins with a space.
        lines = text.partition(b"\n\n")[0].split(b"\n")
        return any(line.startswith(_SIGNATURES) for line in lines) if text else None

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether one commit is reached from another by its parents."""
        arguments = ("merge-base", "--is-ancestor", full_name(ancestor), full_name(descendant))
        return self._status(*arguments, accept=(0, 1)) == 0

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the last commit that two commits have in common; None where they are unrelated."""
        found = self._text("merge-base", full_name(one), full_name(other), accept=(0, 1)).split()
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

    def commits_between(self, tip: str, after: str | None) -> list[CommitInfo]:
        """Return all commits that lead to `tip` and not to `after`, also those of branches that were merged.

        They come with the earlier ones first; None for `after` means all that lead to `tip`.

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


def _range(tip: str, after: str | None) -> tuple[str, ...]:
    return (full_name(tip), *(() if after is None else (f"^{full_name(after)}",)), "--")
