"""Commits of one mirror, each with its features and what they mean; what they share is read once."""

from __future__ import annotations

from headwater_catalog.collection import without_collection
from headwater_catalog.file_code import FileCode, KnownFunctions
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_hash import Lineages, Revision, lineages_of
from headwater_catalog.read.modules import Module, modules_of
from headwater_catalog.snapshot import KnownRecords, Snapshot, snapshot_of
from headwater_catalog.tree_reader import TreeReader

__all__ = ["NOTHING", "RevisionReader"]

NOTHING = Revision(Snapshot((), (), ()), Lineages())
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

    def read(self, sha: str) -> Revision:
        """Return the revision of a commit, given by its full name.

        Raises:
            RepositoryError: The mirror lacks it.
        """
        with without_collection():
            return self._read(sha)

    def _read(self, sha: str) -> Revision:
        tree = self._trees.read(sha)
        snapshot = snapshot_of(tree.reading, tree.codeowners, self._records)
        modules, _ = modules_of(tree.files, tree.reading.project.source_roots)
        return Revision(snapshot, lineages_of(tree.reading, snapshot, modules, self._code))

    def _code(self, module: Module) -> FileCode:
        oid = module.content.name
        if oid not in self._codes:
            self._codes[oid] = FileCode(self._trees.source(module.content), self._functions)
        return self._codes[oid]
