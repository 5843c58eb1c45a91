"""A patch that adds tags to features in source files; it is read again, and holds nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater_catalog.governance.file_patch import file_diff
from headwater_catalog.governance.tag_edits import CannotEdit, with_tags
from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_catalog.read import PROJECT_FILES, Content, LinkCache, is_source, read_project, read_tree
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, SnapshotInput
from headwater_catalog.tree_snapshots import snapshot_of

__all__ = ["TagPatch", "tag_patch"]

_Declared = SnapshotFeature | SnapshotInput


@dataclass(frozen=True, slots=True)
class TagPatch:
    """A patch, and what it lacks.

    Attributes:
        diff: What `git apply` takes at the top of the source tree.
        files: What it makes of the files that it changes, by path.
        added: The keys of what it tags.
        left_out: Why others are not in it, by key.
    """

    diff: bytes
    files: Mapping[str, bytes]
    added: tuple[str, ...]
    left_out: Mapping[str, str]


def tag_patch(files: Mapping[str, bytes], wanted: Mapping[str, Mapping[str, str]]) -> TagPatch:
    """Return a patch that adds tags to features and declared inputs of a source tree.

    What it would make is read again: of a file where anything else comes out than those tags, nothing is in
    the patch.

    Args:
        files: The source files of the tree, and its project files, by path.
        wanted: The tags to add, by the key of the feature or the input.
    """
    read = _Reader(files)
    before = read(files)
    found = _by_key(before)
    left_out: dict[str, str] = {}
    edits: dict[str, dict[str, Mapping[str, str]]] = {}
    for key, tags in wanted.items():
        reason = _hindrance(before, found, key, tags)
        if reason:
            left_out[key] = reason
            continue
        for path in {each.path for each in found[key]}:
            edits.setdefault(path, {})[key] = tags
    edited: dict[str, bytes] = {}
    for path, keys in sorted(edits.items()):
        places = {(e.variant, e.line): tags for k, tags in keys.items() for e in found[k] if e.path == path}
        try:
            edited[path] = with_tags(files[path], places)
        except (CannotEdit, KeyError) as error:
            told = f"cannot be edited: {error}" if isinstance(error, CannotEdit) else "is not there"
            left_out.update(dict.fromkeys(keys, f"{path} {told}. Put the tag there by hand"))
    _leave_out_strays(lambda changed: read({**files, **changed}), before, edited, edits, left_out)
    done = [key for key in wanted if key not in left_out]
    diff = b"".join(file_diff(path, files[path], edited[path]) for path in sorted(edited))
    return TagPatch(diff, edited, tuple(done), left_out)


class _Reader:
    """Reads source trees that are much like a first one, of which files are parsed once."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._contents = {path: (text, Content(text)) for path, text in files.items() if is_source(path)}
        self._links = LinkCache()

    def __call__(self, files: Mapping[str, bytes]) -> Snapshot:
        sources = {path: self._content(path, text) for path, text in files.items() if is_source(path)}
        project = read_project(*map(files.get, PROJECT_FILES))
        return snapshot_of(read_tree(sources, project, self._links))

    def _content(self, path: str, text: bytes) -> Content:
        known, content = self._contents[path]
        return content if known is text else Content(text)


def _by_key(snapshot: Snapshot) -> Mapping[str, Sequence[_Declared]]:
    inputs: dict[str, list[_Declared]] = {}
    for each in snapshot.inputs:
        inputs.setdefault(f"{INPUT_PREFIX}{each.name}", []).append(each)
    return {**snapshot.variants, **inputs}


def _hindrance(
    snapshot: Snapshot, found: Mapping[str, Sequence[_Declared]], key: str, tags: Mapping[str, str]
) -> str:
    """Return why a tag cannot be put on what has a key; nothing where it can."""
    if key not in found:
        if key.startswith(INPUT_PREFIX) and key in snapshot.graph.nodes:
            return "no code declares it: declare it by @external_input, which takes tags"
        return "there is no feature and no declared input of this key"
    makes = [
        each.name
        for each in _declared(snapshot)
        if any((each.path, each.line) == (one.path, one.line) for one in found[key])
    ]
    if len(makes) > len(found[key]):
        return f"its function makes {len(makes)} features: say which by @tag_outputs"
    wanted = {name.casefold() for name in tags}
    said = sorted({name for each in found[key] for name in each.tags if name.casefold() in wanted})
    if said:
        return f"it says something of {', '.join(said)} already"
    return ""


def _leave_out_strays(
    read: Callable[[Mapping[str, bytes]], Snapshot],
    before: Snapshot,
    edited: dict[str, bytes],
    edits: Mapping[str, Mapping[str, Mapping[str, str]]],
    left_out: dict[str, str],
) -> None:
    """Take back the edits of files by which anything else changes than the tags of what they are for."""
    while edited:
        tags = {key: each for path in edited for key, each in edits[path].items()}
        wrong = set(_strays(before, read(edited), tags))
        for path in sorted(wrong & edited.keys()) or (sorted(edited) if wrong else ()):
            del edited[path]
            told = f"{path} would say something else, too. Put the tag there by hand"
            left_out.update(dict.fromkeys(edits[path], told))
        if not wrong:
            return


def _strays(before: Snapshot, after: Snapshot, tags: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the files of what has another meaning than before with some tags added."""
    then, now = _all(before), _all(after)
    for place in {**then, **now}:
        was, is_ = then.get(place), now.get(place)
        if was is not None and is_ is not None:
            wanted = {**was.tags, **tags.get(_key(was), {})}
            if _bare(was) == _bare(is_) and dict(is_.tags) == wanted:
                continue
        yield from {each.path for each in (was, is_) if each is not None}


def _all(snapshot: Snapshot) -> dict[tuple[str, ...], _Declared]:
    return {_place(each): each for each in _declared(snapshot)}


def _declared(snapshot: Snapshot) -> list[_Declared]:
    return [*snapshot.features, *snapshot.inputs]


def _place(each: _Declared) -> tuple[str, ...]:
    return type(each).__name__, each.module, each.name, each.variant, each.condition


def _key(each: _Declared) -> str:
    return each.key if isinstance(each, SnapshotFeature) else f"{INPUT_PREFIX}{each.name}"


def _bare(each: _Declared) -> _Declared:
    if isinstance(each, SnapshotFeature):
        return replace(each, line=0, end_line=0, source="", digest="", tags={}, owners=())
    return replace(each, line=0, end_line=0, tags={}, owners=())
