"""Reads the source trees of commits; what several of them share is fetched, parsed and linked once."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from headwater_catalog.collection import without_collection
from headwater_catalog.declared import declaring_files
from headwater_catalog.git import GitSource
from headwater_catalog.read import (
    PROJECT_FILES,
    Content,
    LinkCache,
    Pieces,
    Project,
    Reading,
    is_source,
    is_test_file,
    read_project,
    read_tree,
)

__all__ = ["SourceTree", "TreeReader"]


@dataclass(frozen=True, slots=True)
class SourceTree:
    """The source tree of one commit, not looked into yet.

    Attributes:
        project: What its project file says.
        files: Its source files by path.
        contents: The names of the contents of all files by path, links left out.
        declaring: The files that say what holds for all of it, by path.
    """

    project: Project
    files: Mapping[str, Content]
    contents: Mapping[str, str]
    declaring: Mapping[str, bytes]


class TreeReader:
    """Reads commits of one mirror: one that is much like those before costs little.

    Args:
        source: The mirror.
    """

    def __init__(self, source: GitSource) -> None:
        self._source = source
        self._bytes: dict[str, bytes] = {}
        self._contents: dict[str, Content] = {}
        self.pieces = Pieces()
        self._links = LinkCache()

    def tree(self, sha: str) -> SourceTree:
        """Return the source tree of a commit, given by its full name.

        Raises:
            RepositoryError: The mirror lacks it.
        """
        return self._tree({path: file.oid for path, file in self._source.tree(sha).items()})

    def folder(self, files: Mapping[str, bytes]) -> SourceTree:
        """Return the source tree of a working tree; files that a commit has, too, are read once for both.

        Args:
            files: The content of its files by path.
        """
        algorithm = self._source.object_format
        oids = {path: _blob_name(content, algorithm) for path, content in files.items()}
        self._bytes.update((oids[path], content) for path, content in files.items())
        return self._tree(oids)

    def _tree(self, oids: Mapping[str, str]) -> SourceTree:
        declaring = declaring_files(oids)
        wanted = {*PROJECT_FILES, *declaring}
        self._fetch(oids[path] for path in oids if is_source(path) or path in wanted)
        project = read_project(*(self._bytes[oids[path]] if path in oids else None for path in PROJECT_FILES))
        files = {path: self._content(oid) for path, oid in oids.items() if is_source(path)}
        return SourceTree(project, files, oids, {path: self._bytes[oids[path]] for path in declaring})

    def read(self, tree: SourceTree, only: Container[str] | None = None) -> Reading:
        """Return what a source tree says.

        Args:
            tree: The source tree.
            only: Paths of the modules whose features are wanted; None for all.
        """
        with without_collection():
            return read_tree(tree.files, tree.project, self._links, only)

    def tests(self, tree: SourceTree) -> dict[str, bytes]:
        """Return the content of the files of tests in a source tree, by path."""
        return {path: self.source(each) for path, each in tree.files.items() if is_test_file(path)}

    def source(self, content: Content) -> bytes:
        """Return the bytes of a file of one of the trees."""
        return self._bytes[content.name]

    def _fetch(self, oids: Iterable[str]) -> None:
        self._bytes.update(self._source.blobs(dict.fromkeys(oid for oid in oids if oid not in self._bytes)))

    def _content(self, oid: str) -> Content:
        if oid not in self._contents:
            self._contents[oid] = Content(self._bytes[oid], self.pieces, oid)
        return self._contents[oid]


def _blob_name(content: bytes, algorithm: str) -> str:
    """Return how git calls a content."""
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content).hexdigest()
