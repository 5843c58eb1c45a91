"""What `git log --raw -z` tells of commits, parsed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO

__all__ = [
    "BLANK_LINES",
    "FILE_MODES",
    "FORMAT",
    "LONGEST_BODY",
    "LONGEST_LINE",
    "Change",
    "CommitInfo",
    "commit_from_text",
    "commits_in",
    "path_from",
    "shortened",
    "tokens_in",
    "with_merged",
]

FILE_MODES = frozenset({"100644", "100755", "100664"})
"""Modes of plain files; 100664 stands in old histories. Symbolic links and submodules are no files here."""

FORMAT = "%x00".join(("%H", "%P", "%an", "%ae", "%at", "%ct", "%B"))
_FIELDS = 7
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
LONGEST_LINE, LONGEST_BODY = 500, 50_000  # characters; a page shows many subjects, and one body
BLANK_LINES = re.compile(r"\n\s*\n")
"""What ends a paragraph of a message: lines may end with CR LF, and blank ones have spaces."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to one path; `oid` is None where it is no file afterwards."""

    path: str
    mode: str
    oid: str | None


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit, and what it changed against its first parent.

    Attributes:
        merged: Of a commit of the main line, the commits that it brought there, each after its parents.
    """

    sha: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored_at: int
    committed_at: int
    message: str
    changes: tuple[Change, ...]
    merged: tuple[CommitInfo, ...] = ()

    @property
    def subject(self) -> str:
        """Return the first paragraph of the message, on one line, shortened where nobody would read it."""
        return shortened(" ".join(BLANK_LINES.split(self.message.strip(), 1)[0].split()), LONGEST_LINE)

    @property
    def body(self) -> str:
        """Return the message after its first paragraph, shortened likewise."""
        _, *rest = BLANK_LINES.split(self.message.strip(), 1)
        return shortened("".join(rest).strip(), LONGEST_BODY)


def path_from(raw: bytes) -> str:
    """Return a path as text; bytes that are none come back as they were."""
    return raw.decode("utf-8", "surrogateescape")


def tokens_in(stream: IO[bytes], size: int = 1 << 16) -> Iterator[bytes]:
    """Cut a stream at the NULs that end its tokens; one without is cut off, and left out."""
    rest = b""
    while chunk := stream.read(size):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole


def commits_in(stream: IO[bytes]) -> Iterator[CommitInfo]:
    """Yield the commits that `log --raw -z` tells: the fields, then a record and a path for each change.

    Where the stream is cut off, so may be the last one.
    """
    tokens = tokens_in(stream)
    fields: list[bytes] = []
    changes: list[Change] = []
    for token in tokens:
        token = token.lstrip(b"\n") if len(fields) == _FIELDS else token
        if len(fields) < _FIELDS:
            fields.append(token)
        elif token.startswith(b":"):
            changes.append(_change(token, next(tokens, b"")))
        elif token:
            yield _commit(fields, changes)
            fields, changes = [token], []
    if len(fields) == _FIELDS:
        yield _commit(fields, changes)


def with_merged(commits: Iterable[CommitInfo], line: Collection[str]) -> Iterator[CommitInfo]:
    """Yield the commits of a line, the merges with what they brought; all come after their parents."""
    beside: dict[str, tuple[int, CommitInfo]] = {}
    for number, commit in enumerate(commits):
        if commit.sha not in line:
            beside[commit.sha] = number, commit
        elif len(commit.parents) > 1:
            yield replace(commit, merged=tuple(_taken(beside, commit.parents[1:])))
        else:
            yield commit


def _taken(beside: dict[str, tuple[int, CommitInfo]], tips: Iterable[str]) -> list[CommitInfo]:
    """Take out the commits that some of them reach, and return them in their order."""
    found = []
    pending = list(tips)
    while pending:
        taken = beside.pop(pending.pop(), None)
        if taken is not None:
            found.append(taken)
            pending += taken[1].parents
    return [commit for _, commit in sorted(found, key=lambda each: each[0])]


def commit_from_text(text: str) -> CommitInfo:
    """Return a commit from what `log` prints of it in `FORMAT`, without its changes."""
    return _commit(text.encode("utf-8", "surrogateescape").split(b"\0", _FIELDS - 1), [])


def _commit(fields: list[bytes], changes: list[Change]) -> CommitInfo:
    sha, parents, name, email, authored, committed, message = (f.decode("utf-8", "replace") for f in fields)
    return CommitInfo(
        sha=sha,
        parents=tuple(parents.split()),
        author_name=shortened(name, LONGEST_LINE),
        author_email=shortened(email, LONGEST_LINE),
        authored_at=_instant(authored),
        committed_at=_instant(committed),
        message=message,
        changes=tuple(changes),
    )


def shortened(text: str, most: int) -> str:
    """Return a text with at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _instant(seconds: str) -> int:
    """Read an instant; one beyond the years that calendars and databases know becomes the nearest in them."""
    return min(max(int(seconds or 0), _EARLIEST), _LATEST)


def _change(record: bytes, path: bytes) -> Change:
    _, mode, _, oid, _ = record.decode("ascii").split(" ")
    return Change(path_from(path), mode, oid if mode in FILE_MODES else None)
