"""A catalog database with one repository, whose rows tests compare."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import Scanner, scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import (
    BlobDefinition,
    Commit,
    Dataflow,
    DataflowVersion,
    Declaration,
    DeclaredInput,
    Definition,
    Dependency,
    Diagnostic,
    Feature,
    FeatureVersion,
    FileOfTests,
    ModuleVersion,
    NamedInTests,
    Repository,
    SourceBlob,
)

__all__ = ["Catalog"]


class Catalog:
    """One repository in a catalog that was empty, and its rows in a form that two catalogs share."""

    def __init__(self, url: str, home: Path, repository: Path) -> None:
        self.database = Database(url)
        self.settings = Settings(home=home, database_url=url, secret_key="k")
        self.scanner = Scanner(self.database, self.settings)
        self._new = 0
        self.add("repo", repository)

    def add(self, name: str, repository: Path) -> None:
        with self.database.write() as session:
            add_repository(session, name, str(repository), 0)

    def scan(self, name: str = "repo", **options):
        """Scan as a new process does."""
        return scan(self.database, self.settings, name, now=1, **options)

    def scan_on(self, name: str = "repo", **options):
        """Scan as a process does that has scanned before."""
        return self.scanner.scan(name, now=1, **options)

    def features(self, name: str = "repo"):
        """Name, variant and interval of every feature version, in order."""
        versions = self.rows(name)["features"]
        return [(v["name"], v["from"], v["until"]) for v in versions]

    def diagnostics(self):
        return self.rows()["diagnostics"]

    def rows(self, name: str = "repo"):
        with self.database.read() as session:
            repository = session.scalars(select(Repository).where(Repository.name == name)).one()
            return {
                "head": (repository.scanned_sha, repository.scanned_position),
                "commits": sorted(
                    tuple(row)
                    for row in session.execute(
                        select(Commit.position, Commit.sha, Commit.subject, Commit.is_signed).where(
                            Commit.repository_id == repository.id, Commit.position.is_not(None)
                        )
                    )
                ),
                "features": sorted(_feature_rows(session, repository.id), key=_order),
                "modules": sorted(_module_rows(session, repository.id), key=str),
                "dataflows": sorted(_dataflow_rows(session, repository.id), key=str),
                "inputs": sorted(_input_rows(session, repository.id), key=str),
                "tests": sorted(_test_rows(session, repository.id), key=str),
                "owners": sorted(_owner_rows(session, repository.id), key=str),
                "diagnostics": sorted(
                    tuple(row)
                    for row in session.execute(
                        select(
                            Diagnostic.path,
                            Diagnostic.line,
                            Diagnostic.message,
                            Diagnostic.valid_from,
                            func.coalesce(Diagnostic.valid_until, -1),
                        ).where(Diagnostic.repository_id == repository.id)
                    )
                ),
            }

    def same_as_new(self, repository: Path) -> bool:
        """Tell whether the rows are those of a catalog that reads the repository for the first time."""
        self._new += 1
        name = f"new-{self._new}"
        self.add(name, repository)
        self.scan(name)
        return self.rows(name) == self.rows()

    def count(self, model) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(model))


def _order(row):
    return row["module"], row["name"], row["variant"], row["from"]


def _feature_rows(session, repository_id):
    needs = _needs(session, repository_id)
    behind = aliased(Commit)
    for version, feature, definition, sha, introduced in session.execute(
        select(FeatureVersion, Feature, Definition, Commit.sha, behind.sha)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Definition, Definition.id == FeatureVersion.definition_id)
        .join(Commit, Commit.id == FeatureVersion.commit_id)
        .outerjoin(behind, behind.id == FeatureVersion.introduced_id)
        .where(Feature.repository_id == repository_id)
    ):
        yield {
            "module": feature.module,
            "name": feature.name,
            "variant": version.variant,
            "from": version.valid_from,
            "until": version.valid_until,
            "commit": sha,
            "introduced": introduced,
            "type": version.type,
            "doc": version.doc,
            "condition": version.condition,
            "tags": version.tags,
            "parts": version.parts,
            "partial": version.partial,
            "columns": version.columns,
            "source": definition.source,
            "code": definition.code_hash,
            "needs": sorted(needs[version.id]),
        }


def _needs(session, repository_id):
    """What each version of a feature needs: asked for at once, since a history has thousands of them."""
    needs = defaultdict(list)
    need = Dependency.ordinal, Dependency.name, Dependency.type, Dependency.optional
    of_repository = (
        select(Dependency.feature_version_id, *need)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository_id)
    )
    for version_id, *needed in session.execute(of_repository):
        needs[version_id].append(tuple(needed))
    return needs


def _module_rows(session, repository_id):
    places = _places(session, repository_id)
    for module, blob in session.execute(
        select(ModuleVersion, SourceBlob)
        .join(SourceBlob, SourceBlob.id == ModuleVersion.blob_id)
        .where(ModuleVersion.repository_id == repository_id)
    ):
        yield (
            (module.module, module.path, module.valid_from, module.valid_until),
            (blob.oid, blob.size, places[blob.id]),
        )


def _places(session, repository_id):
    """Which definitions stand where in each file of a repository."""
    places = defaultdict(list)
    place = BlobDefinition.ordinal, Definition.source, BlobDefinition.line, BlobDefinition.end_line
    blobs = select(ModuleVersion.blob_id).where(ModuleVersion.repository_id == repository_id)
    of_repository = (
        select(BlobDefinition.blob_id, *place)
        .join(Definition, Definition.id == BlobDefinition.definition_id)
        .where(BlobDefinition.blob_id.in_(blobs))
        .order_by(BlobDefinition.ordinal)
    )
    for blob_id, *standing in session.execute(of_repository):
        places[blob_id].append(tuple(standing))
    return places


def _dataflow_rows(session, repository_id):
    for version, name in session.execute(
        select(DataflowVersion, Dataflow.name)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .where(Dataflow.repository_id == repository_id)
    ):
        content = (version.origin, version.modules, version.config, version.sources, version.outputs)
        content = (*content, version.upstream)
        yield name, version.valid_from, version.valid_until, content


def _input_rows(session, repository_id):
    rows = select(DeclaredInput, Definition.source).join(Definition)
    for declared, source in session.execute(rows.where(DeclaredInput.repository_id == repository_id)):
        since = declared.module, declared.name, declared.variant, declared.valid_from, declared.valid_until
        yield since, declared.type, declared.doc, declared.condition, declared.tags, source


def _test_rows(session, repository_id):
    for file, named in session.execute(
        select(FileOfTests, NamedInTests)
        .outerjoin(NamedInTests, NamedInTests.oid == FileOfTests.oid)
        .where(FileOfTests.repository_id == repository_id)
    ):
        yield file.path, file.valid_from, file.valid_until, named.has_tests, named.imports, named.names


def _owner_rows(session, repository_id):
    for each in session.scalars(select(Declaration).where(Declaration.repository_id == repository_id)):
        yield each.kind, each.valid_from, each.valid_until, each.content
