"""Working trees with changes: what differs from their commit, and that as a commit of the mirror.

The tree is read through the mirror: with its configuration, an index of its own and no hook, so that nothing
runs that a repository or its `.git` folder may name. Lines end as `.gitattributes` says; filters do nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from git import Git

from headwater_catalog.draft_commits import authorship, draft_folder
from headwater_catalog.errors import RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.git_log import path_from
from headwater_catalog.repositories import mirror_path, open_mirror
from headwater_catalog.sizes import size_in_words
from headwater_catalog.storable import clean

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.models import Repository

__all__ = [
    "TreeChanges",
    "changes_of",
    "folder_with_changes",
    "source_folder",
    "take_changes",
    "tree_around",
]

_MOST_BYTES: Final = 100_000_000  # of all changed files together
_MOST_FILES: Final = 10_000
_MOST_LOOKED_AT: Final = 500_000_000  # bytes of files, where nobody has asked for the changes
_LINKS: Final = "160000"  # the mode of a submodule


@dataclass(frozen=True, slots=True)
class TreeChanges:
    """How a working tree differs from its commit.

    Attributes:
        folder: Its top folder.
        parent: The commit that it has checked out.
        files: The files that differ, by path.
        left_out: Repositories inside it, which are left out.
        sha: The commit of the mirror that has it all; that it has checked out where nothing differs.
    """

    folder: Path
    parent: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    sha: str


def tree_around(place: Path) -> Path | None:
    """Return the top of the working tree that a folder is in; None where it is in none."""
    place = place.resolve()
    return next((folder for folder in (place, *place.parents) if (folder / ".git").exists()), None)


def source_folder(repository: Repository) -> Path | None:
    """Return the working tree that a repository was added from; None where it was added from elsewhere."""
    url = repository.url.removeprefix("file://")
    folder = Path(url) if url.startswith("/") else None
    return folder if folder is not None and (folder / ".git").exists() else None


def folder_with_changes(settings: Settings, repository: Repository, here: Path) -> Path:
    """Return the working tree of a repository: the one around a folder, or the one that it was added from.

    Raises:
        RepositoryError: There is none on this machine.
    """
    around = tree_around(here)
    with open_mirror(settings, repository) as source, suppress(RepositoryError):
        if around is not None and source.has_commit(source.remote_head(str(around))):
            return around
    folder = source_folder(repository)
    if folder is None:
        raise RepositoryError(
            f"There is no working tree of '{repository.name}' here: it was added from {repository.url}. Go "
            "to a folder of a clone whose commit was scanned."
        )
    return folder


def changes_of(settings: Settings, repository: Repository, folder: Path) -> TreeChanges | None:
    """Return how a working tree differs from its commit, without taking it; None where that would take long.

    Raises:
        RepositoryError: It cannot be read, or the mirror does not have its commit.
    """
    with _looked_at(settings, repository, folder, most=_MOST_LOOKED_AT) as found:
        return None if found is None else found.changes


def take_changes(settings: Settings, repository: Repository, folder: Path, who: str) -> TreeChanges:
    """Make a commit in the mirror of a working tree as it is: its files, but for new ones that are ignored.

    It is kept by a ref of its own, and is of no branch. The same tree on the same commit is taken once.

    Args:
        settings: Where the mirror is.
        repository: The repository.
        folder: The top folder of the tree.
        who: Who asks, as its author.

    Raises:
        RepositoryError: The tree cannot be read, or it has more than is taken.
    """
    with _looked_at(settings, repository, folder) as found:
        assert found is not None
        return found.take(who)


@contextmanager
def _looked_at(
    settings: Settings, repository: Repository, folder: Path, *, most: int | None = None
) -> Iterator[_Draft | None]:
    mirror = mirror_path(settings, repository)
    try:
        with (
            draft_folder(mirror) as place,
            _Draft(mirror, folder.resolve(), place, settings.home.resolve()) as draft,
        ):
            yield draft if draft.look(most) else None
    except OSError as error:
        raise RepositoryError(f"The working tree {folder} cannot be read: {error}.") from error


class _Draft(GitSource):
    """A working tree, with an index and contents that are nobody's until they are taken."""

    def __init__(self, mirror: Path, folder: Path, place: Path, home: Path) -> None:
        super().__init__(mirror.absolute())
        self._home = home
        # Paths are told from where a command runs, and the mirror may be inside the tree.
        environment, self._git = self._git.environment(), Git(str(folder))
        self._git.update_environment(**environment)
        self._folder = folder
        self._place = place
        self._objects = place / "objects"
        self._objects.mkdir()
        self._git.update_environment(
            GIT_WORK_TREE=str(folder),
            GIT_INDEX_FILE=str(place / "index"),
            GIT_OBJECT_DIRECTORY=str(self._objects),
            GIT_ALTERNATE_OBJECT_DIRECTORIES=str(self.path / "objects"),
        )
        self._parent = ""
        self._tree = ""
        self._changed: tuple[bytes, ...] = ()
        self._left_out: tuple[str, ...] = ()

    @property
    def changes(self) -> TreeChanges:
        """What was found; nothing is taken yet."""
        files = tuple(clean(path_from(path)) for path in self._changed)
        return TreeChanges(self._folder, self._parent, files, self._left_out, self._parent)

    def look(self, most: int | None) -> bool:
        """Find what differs; False where the files have more than `most` bytes."""
        with GitSource(self.path) as source:
            self._parent = source.remote_head(str(self._folder))
            if not source.has_commit(self._parent):
                raise RepositoryError(
                    f"The working tree {self._folder} is at {self._parent[:10]}, which was not scanned yet. "
                    "Scan the repository, then try again."
                )
        self._run("read-tree", self._parent)
        tracked = [path for mode, path in self._listed("--stage") if mode != _LINKS]
        new = [path for _, path in self._listed("--others", *self._ignored()) if self._is_theirs(path)]
        self._left_out = tuple(clean(path_from(path)) for path in new if path.endswith(b"/"))
        new = [path for path in new if not path.endswith(b"/")]
        self._require_room(new)
        here = [path for path in tracked if self._is_here(path)]
        if most is not None and sum(map(self._size, (*here, *new))) > most:
            return False
        gone = set(tracked) - set(here)
        self._update(gone, "--force-remove")
        self._update((*here, *new), "--add", "--replace")
        self._tree = self._text("write-tree").strip()
        self._changed = tuple(self._differing())
        self._require_room(path for path in self._changed if path not in gone)
        return True

    def take(self, who: str) -> TreeChanges:
        """Make the commit, or find the one that was made before."""
        found = self.changes
        if not self._changed:
            return found
        ref = f"refs/headwater/changes/{self._parent}-{self._tree}"
        with GitSource(self.path) as source:
            sha = source.find_ref(ref)
            if sha is None:
                sha = self._commit(who)
                self._hand_over()
                source.set_ref(ref, sha)
        return TreeChanges(found.folder, found.parent, found.files, found.left_out, sha)

    def _commit(self, who: str) -> str:
        self._git.update_environment(**authorship(who))
        subject = f"{self._parent[:10]} and changes of a working tree"
        return self._text("commit-tree", self._tree, "-p", self._parent, "-m", subject).strip()

    def _hand_over(self) -> None:
        """Move the new contents to the mirror, each whole; the lists of packs come after the packs."""
        new = [file for file in self._objects.rglob("*") if file.is_file()]
        for file in sorted(new, key=lambda file: file.suffix == ".idx"):
            target = self.path / "objects" / file.relative_to(self._objects)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)

    def _listed(self, *how: str) -> Iterator[tuple[str, bytes]]:
        """Yield files with their modes, which new ones have not."""
        process = self._process("ls-files", "-z", *how)
        for token in process.stdout.read().split(b"\0"):
            head, tab, path = token.partition(b"\t") if "--stage" in how else (b"", b"\t", token)
            if tab and path:
                yield head[:6].decode("ascii"), path
        self._finish(process)

    def _ignored(self) -> tuple[str, ...]:
        own = self._folder / ".git" / "info" / "exclude"
        return ("--exclude-standard", *((f"--exclude-from={own}",) if own.is_file() else ()))

    def _is_theirs(self, path: bytes) -> bool:
        """Tell whether a new file is none of the catalog's own, which may have its home in the tree."""
        return not self._at(path).is_relative_to(self._home)

    def _is_here(self, path: bytes) -> bool:
        """Tell whether a file of the commit is in the tree, and not something else or behind a link."""
        place = self._at(path)
        above = place.parents[: len(place.relative_to(self._folder).parts) - 1]
        if any(folder.is_symlink() for folder in above):
            return False
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(mode) or stat.S_ISLNK(mode)

    def _at(self, path: bytes) -> Path:
        return self._folder / os.fsdecode(path)

    def _size(self, path: bytes) -> int:
        return self._at(path).lstat().st_size

    def _update(self, paths: Iterable[bytes], *how: str) -> None:
        listed = self._place / "paths"
        listed.write_bytes(b"".join(path + b"\0" for path in paths))
        with listed.open("rb") as stream:
            arguments = ("update-index", "-z", *how, "--stdin")
            status, _, err = self._execute_reading(arguments, stream)
        self._checked(status, err, arguments, (0,), f"The working tree {self._folder} cannot be read")

    def _differing(self) -> Iterator[bytes]:
        process = self._process(
            *("diff-tree", "-r", "-z", "--no-renames", "--name-only", "--no-commit-id"),
            *(self._parent, self._tree),
        )
        yield from (path for path in process.stdout.read().split(b"\0") if path)
        self._finish(process)

    def _require_room(self, paths: Iterable[bytes]) -> None:
        sizes = {path: self._size(path) for path in paths}
        total = sum(sizes.values())
        if total <= _MOST_BYTES and len(sizes) <= _MOST_FILES:
            return
        largest = max(sizes, key=sizes.__getitem__)
        raise RepositoryError(
            f"The changes of the working tree {self._folder} are too many: {len(sizes):,} files with "
            f"{size_in_words(total)}, where {_MOST_FILES:,} with {size_in_words(_MOST_BYTES)} are taken at "
            f"most. The largest is {clean(path_from(largest))!r} with {size_in_words(sizes[largest])}. "
            "Commit what belongs to the repository, and let .gitignore leave out the rest."
        )
