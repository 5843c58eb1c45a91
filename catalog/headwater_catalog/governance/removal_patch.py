"""A patch that takes functions out of sources where nothing else names them; it is read again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater_catalog.governance.file_patch import file_diff, read_files
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.notebooks import is_notebook
from headwater_catalog.read.syntax import Unreadable
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.tokens import normal

__all__ = ["RemovalPatch", "removal_patch"]

_WORD: Final = re.compile(r"[^\W\d]\w*")
_HEADER: Final = re.compile(rb"#!|#.*coding[:=]|# ?%%")
_Spans = Mapping[str, Sequence[tuple[int, int]]]
"""First and last lines of functions, by the path of their file."""


@dataclass(frozen=True, slots=True)
class RemovalPatch:
    """A patch, and what it lacks.

    Attributes:
        diff: What `git apply` takes at the top of the repository.
        removed: The keys of the features that it takes out.
        left_out: Why others are not in it, by key.
    """

    diff: bytes
    removed: tuple[str, ...]
    left_out: Mapping[str, str]


def removal_patch(files: Mapping[str, bytes], keys: Collection[str]) -> RemovalPatch:
    """Return a patch that takes features out of sources.

    A function is taken out with the comment right above it, if nothing in any of the files names it, what it
    makes, or a part of that, but others that are taken out. What the patch would make is read again: a file
    by which anything else would change is left out.

    Args:
        files: The sources, the project files and those of policies, by path.
        keys: The features.
    """
    before = read_files(files)
    left_out = {key: reason for key in keys if (reason := _hindrance(before, files, key, keys))}
    named = list(_mentions(files, _names(before, keys)))
    while True:
        removed = [key for key in dict.fromkeys(keys) if key not in left_out]
        spans = _spans(before, removed)
        kept = {key: where for key in removed if (where := _named_elsewhere(before, key, named, spans))}
        if kept:
            left_out |= {key: f"{where} names it, too" for key, where in kept.items()}
            continue
        edited = {path: _without(files[path], spans[path]) for path in sorted(spans)}
        wrong = set(_strays(before, files, edited, frozenset(removed)))
        if not wrong:
            break
        told = {key: before.variants[key][0].path for key in removed}
        left_out |= {
            key: f"{path} would say something else, too. Take it out by hand"
            for key, path in told.items()
            if path in wrong or not wrong & edited.keys()
        }
    diff = b"".join(file_diff(path, files[path], edited[path]) for path in edited)
    return RemovalPatch(diff, tuple(removed), left_out)


def _hindrance(snapshot: Snapshot, files: Mapping[str, bytes], key: str, keys: Collection[str]) -> str:
    """Return why a feature cannot be taken out; nothing where it can."""
    variants = snapshot.variants.get(key)
    if not variants:
        return "there is no feature of this key"
    for each in variants:
        content = files.get(each.path, b"")
        if is_notebook(content):
            return f"{each.path} is a notebook"
        if b"\r" in content.replace(b"\r\n", b"") or b"\x0c" in content:
            return f"{each.path} has ends of lines that make lines hard to count"
    others = sorted({each.key for each in _of_same_functions(snapshot, variants)} - {*keys})
    return f"its function also makes {', '.join(others[:3])}" if others else ""


def _of_same_functions(snapshot: Snapshot, variants: Sequence[SnapshotFeature]) -> Iterator[SnapshotFeature]:
    places = {(each.path, each.line) for each in variants}
    return (each for each in snapshot.features if (each.path, each.line) in places)


def _names(snapshot: Snapshot, keys: Collection[str]) -> frozenset[str]:
    return frozenset(name for key in keys for name in _names_of(snapshot, key))


def _names_of(snapshot: Snapshot, key: str) -> Iterator[str]:
    for each in snapshot.variants.get(key, ()):
        yield each.variant
        yield from each.nodes


def _mentions(files: Mapping[str, bytes], names: frozenset[str]) -> Iterator[tuple[str, str, int]]:
    """Yield where files have one of some names as a word: the name, the path and the line."""
    for path, content in sorted(files.items()):
        for number, line in enumerate(normal(content.decode("utf-8", "replace")).split("\n"), 1):
            for word in _WORD.findall(line):
                if word in names:
                    yield word, path, number


def _spans(snapshot: Snapshot, keys: Collection[str]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for key in keys:
        for each in snapshot.variants[key]:
            span = each.line, each.end_line
            if span not in found.setdefault(each.path, []):
                found[each.path].append(span)
    return found


def _named_elsewhere(
    snapshot: Snapshot, key: str, named: Sequence[tuple[str, str, int]], spans: _Spans
) -> str:
    names = frozenset(_names_of(snapshot, key))
    for name, path, line in named:
        if name in names and not any(first <= line <= last for first, last in spans.get(path, ())):
            return f"{path}:{line}"
    return ""


def _without(content: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """Return a file without some of its lines, the comments right above and the empty lines below these."""
    lines = content.splitlines(keepends=True)
    for first, last in sorted(spans, reverse=True):
        begin, end = first - 1, last
        while begin and lines[begin - 1].startswith(b"#") and not _HEADER.match(lines[begin - 1]):
            begin -= 1
        while end < len(lines) and not lines[end].strip():
            end += 1
        if end == len(lines):
            while begin and not lines[begin - 1].strip():
                begin -= 1
        del lines[begin:end]
    return b"".join(lines)


def _strays(
    before: Snapshot, files: Mapping[str, bytes], edited: Mapping[str, bytes], removed: frozenset[str]
) -> Iterator[str]:
    """Yield the files by which anything else would change than that some features are gone."""
    for path, content in edited.items():
        try:
            parse_newer(content.decode("utf-8", "surrogateescape"))
        except (Unreadable, UnicodeError):
            yield path
    after = read_files({**files, **edited})
    then, now = (
        {(each.module, each.name, each.variant, each.condition): each for each in snapshot.features}
        for snapshot in (before, after)
    )
    for place in {**then, **now}:
        was, is_ = then.get(place), now.get(place)
        if was is not None and was.key in removed:
            if is_ is not None:
                yield was.path
        elif was is None or is_ is None or _bare(was) != _bare(is_):
            yield from {each.path for each in (was, is_) if each is not None}
    if [replace(each, line=0, end_line=0) for each in before.inputs] != [
        replace(each, line=0, end_line=0) for each in after.inputs
    ]:
        yield from {each.path for each in (*before.inputs, *after.inputs)}
    said = {(each.path, each.message) for each in before.diagnostics}
    yield from {each.path for each in after.diagnostics if (each.path, each.message) not in said}


def _bare(feature: SnapshotFeature) -> SnapshotFeature:
    return replace(feature, line=0, end_line=0, dataflows=())
