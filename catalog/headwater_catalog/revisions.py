"""Commits of one mirror, each with its features and what they mean; what they share is read once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from headwater_catalog.collection import without_collection
from headwater_catalog.file_code import FileCode, KnownFunctions, source_text
from headwater_catalog.git import GitSource
from headwater_catalog.in_halves import in_halves
from headwater_catalog.lineage_hash import Lineages, Revision
from headwater_catalog.mentions import Sources
from headwater_catalog.read import LinkedModule, Reading
from headwater_catalog.read.link import link
from headwater_catalog.read.modules import Module, modules_of
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_reader import SourceTree, TreeReader
from headwater_catalog.tree_snapshots import KnownRecords, ModuleParts, module_parts, snapshot_of

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
        tree = self._trees.tree(sha)
        if snapshot is not None:
            return self._revision(tree, snapshot, {})
        with without_collection():
            return self._read(tree, self._trees.read(tree))

    def read_in_halves(
        self, shas: Iterable[str], folder: Mapping[str, bytes] | None = None
    ) -> list[Revision]:
        """Return the revisions of some commits, read with a process beside this one where that is quicker.

        For commands, which have nothing else to do meanwhile.

        Args:
            shas: Full names of the commits.
            folder: The files of a working tree, whose revision is the last then, by path.

        Raises:
            RepositoryError: The mirror lacks one.
        """
        trees = [self._trees.tree(sha) for sha in shas]
        trees += [self._trees.folder(folder)] if folder is not None else []

        def half(paths: Collection[str]) -> list[dict[str, ModuleParts]]:
            return [module_parts(self._trees.read(tree, paths), self._records) for tree in trees]

        with without_collection():
            wholes = [self._trees.read(tree, ()) for tree in trees]  # so that no half finds out the modules
        sizes = {
            path: len(self._trees.source(tree.files[path]))
            for tree, whole in zip(trees, wholes, strict=True)
            for path in whole.paths
        }
        nothing: list[dict[str, ModuleParts]] = [{} for _ in trees]
        with without_collection(), in_halves(sizes, half, nothing) as (paths, others):
            readings = [self._trees.read(tree, paths) for tree in trees]
            return list(map(self._read, trees, readings, others()))

    def _read(
        self, tree: SourceTree, reading: Reading, others: Mapping[str, ModuleParts] = MappingProxyType({})
    ) -> Revision:
        snapshot = snapshot_of(reading, tree.declaring, self._records, self._trees.tests(tree), others)
        return self._revision(tree, snapshot, reading.modules)

    def _revision(self, tree: SourceTree, snapshot: Snapshot, known: Mapping[str, LinkedModule]) -> Revision:
        modules, _ = modules_of(tree.files, tree.project.source_roots)

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
