"""The demo repository: a story in patches, told again as commits.

Each file in the folder `story` is one commit, in the order of their names: the header of an e-mail, the body
of the message, a line `---` and a patch. Beside From, Date and Subject the header may hold

    Branch: NAME    the branch the commit goes to instead of `main`; a new one starts where `main` stands
    Merge: NAME     the commit merges that branch; there is no patch
    Revert: FILE    the commit takes back the one in that file; there is no patch
    Tag: NAME       a tag at the commit
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_string
from email.utils import parseaddr, parsedate_to_datetime
from importlib.resources import files
from pathlib import Path

from headwater_catalog.demo.place import place
from headwater_catalog.demo.plumbing import Plumbing

__all__ = ["Chapter", "init_demo", "read_story", "replay"]


@dataclass(frozen=True)
class Chapter:
    """One commit of a story, as its file tells it."""

    name: str
    author: str
    email: str
    date: datetime
    message: str
    patch: str
    branch: str
    merge: str | None
    revert: str | None
    tag: str | None

    @classmethod
    def parse(cls, name: str, text: str) -> Chapter:
        """Read a chapter from the text of its file."""
        mail = message_from_string(text)
        body, _, patch = f"\n{mail.get_payload()}".partition("\n---\n")
        author, email = parseaddr(mail["From"])
        return cls(
            name=name,
            author=author,
            email=email,
            date=parsedate_to_datetime(mail["Date"]),
            message=f"{mail['Subject']}\n\n{body.strip()}".strip(),
            patch=patch,
            branch=mail.get("Branch", "main"),
            merge=mail.get("Merge"),
            revert=mail.get("Revert"),
            tag=mail.get("Tag"),
        )


def init_demo(directory: Path) -> str:
    """Build the demo repository of a subscription retailer and return its head.

    Raises:
        Conflict: The folder holds something other than this repository.
    """
    return place(directory, lambda git: replay(read_story(), git))


def read_story() -> list[Chapter]:
    """Return the chapters of the demo repository, the first commit first."""
    folder = files(__package__).joinpath("story")
    chapters = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".patch")), key=lambda f: f.name
    )
    return [Chapter.parse(file.name.removesuffix(".patch"), file.read_text("utf-8")) for file in chapters]


def replay(story: Iterable[Chapter], git: Plumbing) -> str:
    """Commit every chapter to an empty repository and return the head of `main`."""
    teller = _Teller(git)
    for chapter in story:
        teller.tell(chapter)
    return teller.publish()


class _Teller:
    """Makes commits in the index alone; the work tree is not touched."""

    def __init__(self, git: Plumbing) -> None:
        self._git = git
        self._told: dict[str, tuple[Chapter, str]] = {}
        self._tips: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._indexed = ""

    def tell(self, chapter: Chapter) -> None:
        parents = self._parents(chapter)
        if parents and parents[0] != self._indexed:
            self._git.run("read-tree", parents[0])
        message = chapter.message
        if chapter.merge:
            self._merge(*parents)
        elif chapter.revert:
            undone, commit = self._told[chapter.revert]
            self._apply(undone.patch, "--reverse")
            message += f"\n\nThis reverts commit {commit}."
        else:
            self._apply(chapter.patch)
        commit = self._commit(chapter, message, parents)
        self._told[chapter.name] = (chapter, commit)
        self._tips[chapter.branch] = self._indexed = commit
        if chapter.tag:
            self._tags[chapter.tag] = commit

    def publish(self) -> str:
        # Only main stays as a branch: a merged one is deleted, as it would be after a review.
        refs = {"heads/main": self._tips["main"], **{f"tags/{tag}": at for tag, at in self._tags.items()}}
        for name, commit in refs.items():
            self._git.run("update-ref", f"refs/{name}", commit)
        return self._tips["main"]

    def _parents(self, chapter: Chapter) -> list[str]:
        tip = self._tips.get(chapter.branch) or self._tips.get("main")
        merged = [self._tips[chapter.merge]] if chapter.merge else []
        return [*([tip] if tip else []), *merged]

    def _merge(self, ours: str, theirs: str) -> None:
        # Files are taken whole from one side or the other, and a file changed on both sides is an error:
        # only so is the result the same with every version of git.
        base = self._git.run("merge-base", ours, theirs)
        self._git.run("read-tree", "-i", "-m", "--aggressive", base, ours, theirs)

    def _apply(self, patch: str, *options: str) -> None:
        self._git.run("apply", "--cached", "--whitespace=nowarn", *options, stdin=patch.encode())

    def _commit(self, chapter: Chapter, message: str, parents: list[str]) -> str:
        tree = self._git.run("write-tree")
        links = [part for parent in parents for part in ("-p", parent)]
        return self._git.run(
            "commit-tree", *links, tree, stdin=f"{message}\n".encode(), environment=_signature(chapter)
        )


def _signature(chapter: Chapter) -> dict[str, str]:
    when = f"{int(chapter.date.timestamp())} {chapter.date:%z}"
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", chapter.author), ("EMAIL", chapter.email), ("DATE", when))
    }
