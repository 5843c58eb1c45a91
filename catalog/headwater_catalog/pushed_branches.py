"""Accepted suggestions as a new branch of a repository, where its administrator has allowed that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.orm import Session

from headwater_catalog.accounts.events import note
from headwater_catalog.draft_commits import authorship, draft_folder
from headwater_catalog.errors import CatalogError, Conflict, Forbidden, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.git_address import normal_url
from headwater_catalog.git_failures import reason_of
from headwater_catalog.repositories import get_repository, mirror_path

if TYPE_CHECKING:
    from headwater_catalog.accounts.events import Asked
    from headwater_catalog.governance.tag_patch import TagPatch
    from headwater_catalog.moments import Moment
    from headwater_catalog.store.models import Repository

__all__ = ["PushedBranch", "push_branch", "require_branches"]

_PREFIX: Final = "headwater/classify-"
_MOST_NAMED: Final = 100  # features in the message of a commit

_RECEIVE: Final = (
    "git -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true -c receive.autogc=false receive-pack"
)
"""What takes a branch in a folder of this machine: nothing there is executed, in the name of the server."""


@dataclass(frozen=True, slots=True)
class PushedBranch:
    """A branch that was pushed.

    Attributes:
        name: Its name.
        sha: Its commit.
        on: The commit that this one builds on.
        added: The keys of what it tags.
        left_out: Why others are not tagged, by key.
    """

    name: str
    sha: str
    on: str
    added: tuple[str, ...]
    left_out: Mapping[str, str]


def require_branches(repository: Repository) -> None:
    """Make sure that a repository takes branches.

    Raises:
        Forbidden: No administrator has allowed it.
    """
    if not repository.takes_branches:
        name = repository.name
        raise Forbidden(
            f"Nothing is pushed to '{name}' until an administrator allows it: headwater repo branches "
            f"{name}. Take the patch instead."
        )


def push_branch(
    moment: Moment,
    patch: TagPatch,
    wanted: Mapping[str, Mapping[str, str]],
    asked: Asked,
    now: int,
    writing: Callable[[], AbstractContextManager[Session]],
) -> PushedBranch:
    """Push what a patch makes of a commit as a new branch, to where the repository is fetched from.

    That somebody wants it is noted before anything is sent. The same patch has the same name, so that it is
    pushed once.

    Args:
        moment: The repository at the commit.
        patch: The patch.
        wanted: The tags that were asked for, by key.
        asked: Who asks, who is the author of the commit, and from where.
        now: The present instant.
        writing: Opens a write transaction.

    Raises:
        Forbidden: No administrator has allowed it.
        Conflict: There is nothing to push, the branch is there already, or the other side does not take it.
        RepositoryError: The mirror cannot be read.
    """
    repository = moment.repository
    require_branches(repository)
    if not patch.files:
        why = "; ".join(f"{key}: {reason}" for key, reason in list(patch.left_out.items())[:5])
        raise Conflict(f"There is nothing to push. {why}".rstrip())
    name, url, on = repository.name, repository.url, moment.commit.sha
    mirror = mirror_path(moment.settings, repository)
    with draft_folder(mirror) as place, _Draft(mirror, place) as draft:
        branch, sha = draft.make(on, patch, wanted, asked[0])
        told = {"branch": branch, "commit": sha, "on": on}
        with writing() as session:
            require_branches(get_repository(session, name))
            note(session, "branch push requested", asked, name, now, **told, features=len(patch.added))
        try:
            draft.push(url, sha, branch)
        except CatalogError as error:
            with writing() as session:
                note(session, "branch push failed", asked, name, now, **told, reason=str(error)[:500])
            raise
        with writing() as session:
            note(session, "branch pushed", asked, name, now, **told)
    return PushedBranch(branch, sha, on, patch.added, patch.left_out)


class _Draft(GitSource):
    """A commit on top of another one, whose contents are in a folder of their own until it is pushed."""

    def __init__(self, mirror: Path, place: Path) -> None:
        super().__init__(mirror.absolute())
        self._place = place.absolute()
        (self._place / "objects").mkdir()
        self._git.update_environment(
            GIT_INDEX_FILE=str(self._place / "index"),
            GIT_OBJECT_DIRECTORY=str(self._place / "objects"),
            GIT_ALTERNATE_OBJECT_DIRECTORIES=str(self.path / "objects"),
        )

    def make(
        self, on: str, patch: TagPatch, wanted: Mapping[str, Mapping[str, str]], who: str
    ) -> tuple[str, str]:
        """Make the commit; return the name of its branch, and its own."""
        modes = {path: file.mode for path, file in self.tree(on).items()}
        self._run("read-tree", on)
        lines = [
            f"{modes[path]} {self._blob(content)}\t".encode()
            + path.encode("utf-8", "surrogateescape")
            + b"\0"
            for path, content in patch.files.items()
        ]
        self._given(b"".join(lines), "update-index", "-z", "--index-info")
        tree = self._text("write-tree").strip()
        self._git.update_environment(**authorship(who))
        message = _message(patch, wanted, who).encode("utf-8", "replace")
        sha = self._given(message, "commit-tree", tree, "-p", on, "-F", "-").decode("ascii").strip()
        return f"{_PREFIX}{on[:7]}-{tree[:10]}", sha

    def push(self, url: str, sha: str, branch: str) -> None:
        """Send a commit as a new branch; one that is there already stays as it is.

        Raises:
            Conflict: It is there, or the other side does not take it.
        """
        try:
            url = normal_url(url)
        except RepositoryError as error:
            raise Conflict(f"The branch '{branch}' cannot be pushed. {error}") from error
        ref = f"refs/heads/{branch}"
        is_here = url.startswith(("/", "file:"))
        # Nothing is expected there, so that the other side refuses if anything is, whoever was quicker.
        status, out, err = self._execute(
            (
                *("push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"),
                *("--recurse-submodules=no", f"--force-with-lease={ref}:"),
                *((f"--receive-pack={_RECEIVE}",) if is_here else ()),
                *("--end-of-options", url, f"{sha}:{ref}"),
            )
        )
        said = out.decode("utf-8", "replace")
        is_same = any(
            line.startswith("=") for line in said.splitlines()
        )  # the very same commit, in this second
        if status == 0 and not is_same:
            return
        if is_same or "(stale info)" in said or "already exists" in said:
            raise Conflict(
                f"The branch '{branch}' is at {url} already: the same was pushed before. Merge it or delete "
                "it there, then scan again."
            )
        refused = " ".join(line.split("\t")[-1] for line in said.splitlines() if line.startswith("!"))
        raise Conflict(f"{url} does not take the branch '{branch}': {refused} {reason_of(err)}".rstrip())

    def _blob(self, content: bytes) -> str:
        return self._given(content, "hash-object", "-w", "--no-filters", "--stdin").decode("ascii").strip()

    def _given(self, given: bytes, *arguments: str) -> bytes:
        path = self._place / "given"
        path.write_bytes(given)
        with path.open("rb") as stream:
            status, out, err = self._execute_reading(arguments, stream)
        if status:
            raise RepositoryError(f"The commit cannot be made: {reason_of(err)}")
        return out


def _message(patch: TagPatch, wanted: Mapping[str, Mapping[str, str]], who: str) -> str:
    count = len(patch.added)
    tags = ", ".join(dict.fromkeys(tag for key in patch.added for tag in wanted[key]))
    lines = [f"Classify {count:,} feature{'s' if count != 1 else ''} ({tags})", ""]
    for key in patch.added[:_MOST_NAMED]:
        lines.append(f"{key}: {', '.join(f'{tag}={value}' for tag, value in wanted[key].items())}")
    if count > _MOST_NAMED:
        lines.append(f"and {count - _MOST_NAMED:,} more")
    return "\n".join([*lines, "", f"Suggested by Headwater, accepted by {who}.", ""])
