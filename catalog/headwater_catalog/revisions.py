"""Commits of one mirror, each with its features and what they mean; what they share is read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headwater_catalog.collection import without_collection
from headwater_catalog.file_code import FileCode, KnownFunctions, source_text
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_hash import Lineages, Revision
from headwater_catalog.mentions import Sources
from headwater_catalog.read import LinkedModule
from headwater_catalog.read.link import link
from headwater_catalog.read.modules import Module, modules_of
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_reader import SourceTree, TreeReader
from headwater_catalog.tree_snapshots import KnownRecords, snapshot_of

__all__ = ["NOTHING", "RevisionReader"]


def _nothing(name: object) -> Any:
    raise KeyError(name)


_EMPTY: Final = Snapshot((), (), ())
NOTHING: Final = Revision(_EMPTY, Lineages(_EMPTY, Sources(), _nothing, _nothing))
"""What was there before the first commit."""


class RevisionReader:
    """Reads commits of one mirror: one that is much like those before costs little.

    Args:
        source: The mirror.
    """

    def __init__(self, source: GitSource) -> None:
        self._trees = TreeReader(source)
        self._records: KnownRecords = {}
        self._codes: dict[str, FileCode] = {}
        self._functions: KnownFunctions = {}
        self._texts: dict[str, str] = {}

    def read(self, sha: str, snapshot: Snapshot | None = None) -> Revision:
        """Return the revision of a commit, given by its full name.

        Args:
            sha: The name.
            snapshot: Its features, where a catalog knows them: of its files only those are then looked into
                that somebody asks about.

        Raises:
            RepositoryError: The mirror lacks it.
        """
        return self._revision(self._trees.tree(sha), snapshot)

    def read_files(self, files: Mapping[str, bytes]) -> Revision:
        """Return the revision of a working tree, by the content of its files."""
        return self._revision(self._trees.folder(files), None)

    def _revision(self, tree: SourceTree, snapshot: Snapshot | None) -> Revision:
        with without_collection():
            modules, _ = modules_of(tree.files, tree.project.source_roots)
            known: Mapping[str, LinkedModule] = {}
            if snapshot is None:
                reading = self._trees.read(tree)
                tests = self._trees.tests(tree)
                snapshot = snapshot_of(reading, tree.declaring, self._records, tests)
                known = reading.modules

            def linked(name: str) -> LinkedModule:
                return known.get(name) or link(modules[name], modules.get)

            sources = Sources(modules, self._text, self._trees.pieces, tree.contents)
            return Revision(snapshot, Lineages(snapshot, sources, self._code, linked))

    def _code(self, module: Module) -> FileCode:
        oid = module.content.name
        if oid not in self._codes:
            self._codes[oid] = FileCode(self._trees.source(module.content), self._functions)
        return self._codes[oid]

    def _text(self, module: Module) -> str:
        oid = module.content.name
        if oid not in self._texts:
            self._texts[oid] = source_text(self._trees.source(module.content)) or ""
        return self._texts[oid]
