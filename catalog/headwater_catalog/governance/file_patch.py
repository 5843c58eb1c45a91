"""Patches of source files: what `git apply` takes, byte for byte, and the features that are in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from headwater_catalog.read import PROJECT_FILES, Content, is_source, read_project, read_tree
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_snapshots import snapshot_of

__all__ = ["file_diff", "read_files"]

_MARKED: Final = re.compile(rb'[\x00-\x1f\x7f-\xff"\\]')


def read_files(files: Mapping[str, bytes]) -> Snapshot:
    """Return the features of source files, by their paths."""
    sources = {path: Content(text) for path, text in files.items() if is_source(path)}
    return snapshot_of(read_tree(sources, read_project(*map(files.get, PROJECT_FILES))))


def file_diff(path: str, before: bytes, after: bytes) -> bytes:
    """Return the difference of two contents as git takes it, byte for byte."""
    if before == after:
        return b""
    old, new = before.split(b"\n"), after.split(b"\n")
    # What stands behind the last line's end is a line only if it is not empty.
    old, new = ([f + b"\n" for f in side[:-1]] + ([side[-1]] if side[-1] else []) for side in (old, new))
    lines = difflib.diff_bytes(difflib.unified_diff, old, new, b"", b"", n=3)
    written = [b"--- " + _path(f"a/{path}"), b"+++ " + _path(f"b/{path}")]
    for line in list(lines)[2:]:
        ended = line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
        written.append(ended)
    return b"".join(written)


def _path(path: str) -> bytes:
    """Return a path as a line of a patch has it: quoted where it must be, with a tab after spaces."""
    raw = path.encode("utf-8", "surrogateescape")
    if _MARKED.search(raw):
        return b'"' + _MARKED.sub(lambda found: b"\\%03o" % found[0][0], raw) + b'"\n'
    return raw + (b"\t\n" if b" " in raw else b"\n")
