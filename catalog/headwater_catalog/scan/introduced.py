"""Which commit behind a merge brought a definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from headwater_catalog.git import GitSource
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.read import Content, Pieces, RawFunction, is_source
from headwater_catalog.read.notebooks import is_notebook
from headwater_catalog.records import FeatureKey, FeatureRecord
from headwater_catalog.scan.timeline import Span

__all__ = ["BlobReader", "FeatureSpan", "find_introduced"]

FeatureSpan = Span[FeatureKey, FeatureRecord]

_MOST = 2_000
"""Contents that are looked into for the definitions of one merge that did not come in their own file."""


class BlobReader:
    """Tells which definitions the contents of files have.

    Args:
        source: The mirror.
        pieces: Reads the texts.
        known: Contents that were fetched before, by git's name.
        definitions: The functions that definitions were read from, by their digests.
    """

    def __init__(
        self,
        source: GitSource,
        pieces: Pieces,
        known: Mapping[str, Content],
        definitions: Mapping[str, RawFunction],
    ) -> None:
        self.read = 0
        self._source = source
        self._pieces = pieces
        self._known = known
        self._definitions = definitions

    def holds(self, oid: str, spans: Iterable[FeatureSpan]) -> list[FeatureSpan]:
        """Return those of some spans whose definition stands in a content as exactly this text."""
        content = self._known.get(oid)
        if content is None:
            ((_, source),) = self._source.blobs([oid])
            self.read += 1
            texts = self._definitions
            spans = [span for span in spans if _may_hold(source, texts[span.value.digest].source)]
            content = Content(source, self._pieces, oid)
        spans = list(spans)
        here = {raw.digest for raw in content.parsed.functions} if spans else set()
        return [span for span in spans if span.value.digest in here]


def _may_hold(source: bytes, text: str) -> bool:
    """Tell whether a content may have a definition; where its very text is not in there, mostly none can."""
    is_plain = text.isascii() and b"\r" not in source and not is_notebook(source)
    return not is_plain or text.encode() in source


def find_introduced(
    merged: Sequence[CommitInfo], wanted: Mapping[str, Sequence[FeatureSpan]], reader: BlobReader
) -> dict[FeatureSpan, CommitInfo]:
    """Return the first of the commits that a merge brought which has the text of each definition.

    Definitions that no commit has, since the merge itself made them so, are left out.

    Args:
        merged: The commits, each after its parents.
        wanted: Versions that began with the merge, by the path of their file.
        reader: Tells what contents hold.
    """
    found: dict[FeatureSpan, CommitInfo] = {}
    in_order = _in_order(merged)
    for path, spans in wanted.items():
        own = ((c, change.oid) for c in in_order for change in c.changes if change.path == path)
        _look(own, spans, reader, found)
    missing = [span for spans in wanted.values() for span in spans if span not in found]
    anywhere = ((c, change.oid) for c in in_order for change in c.changes if is_source(change.path))
    _look(islice(anywhere, _MOST), missing, reader, found)
    return found


def _look(
    places: Iterable[tuple[CommitInfo, str | None]],
    wanted: Sequence[FeatureSpan],
    reader: BlobReader,
    found: dict[FeatureSpan, CommitInfo],
) -> None:
    missing = list(wanted)
    for commit, oid in places if missing else ():
        for span in reader.holds(oid, missing) if oid is not None else ():
            found[span] = commit
            missing.remove(span)
        if not missing:
            return


def _in_order(merged: Sequence[CommitInfo]) -> list[CommitInfo]:
    """Return commits with parents before children, in an order that hangs on nothing but them."""
    depths: dict[str, int] = {}
    for commit in merged:
        depths[commit.sha] = 1 + max((depths.get(parent, 0) for parent in commit.parents), default=0)
    return sorted(merged, key=lambda commit: (depths[commit.sha], commit.committed_at, commit.sha))
