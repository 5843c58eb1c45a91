"""Writes a catalog's rows by hand, commit by commit, for tests of what reads them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.hashing import code_hash, definition_digest
from headwater_catalog.moments import Moment
from headwater_catalog.settings import Settings
from headwater_catalog.store.models import (
    BlobDefinition,
    Commit,
    Dataflow,
    DataflowVersion,
    Definition,
    Dependency,
    Feature,
    FeatureVersion,
    ModuleVersion,
    Repository,
    SourceBlob,
)

__all__ = ["CatalogRows"]


class CatalogRows:
    """One repository of a catalog; `commit` moves on, the other methods change what holds from there."""

    def __init__(self, session: Session, name: str = "shop") -> None:
        self.session = session
        self.repository = Repository(name=name, url=f"/{name}.git", added_at=0, scanned_position=-1)
        session.add(self.repository)
        session.flush()
        self._commit: Commit | None = None

    @property
    def position(self) -> int:
        return self.repository.scanned_position

    def moment(self, position: int | None = None) -> Moment:
        """Return the repository at a position of its main line; None for the newest."""
        wanted = self.position if position is None else position
        commit = self.session.scalars(
            select(Commit).where(Commit.repository_id == self.repository.id, Commit.position == wanted)
        ).one()
        settings = Settings(home=Path("no home"), database_url="", secret_key="not secret")
        return Moment(self.session, settings, self.repository, commit)

    def commit(self, subject: str = "Work", author: str = "Maya Lindqvist") -> str:
        position = self.position + 1
        sha = f"{self.repository.id:08x}{position:032x}"
        self._commit = Commit(
            repository_id=self.repository.id,
            sha=sha,
            position=position,
            parents=[],
            author_name=author,
            author_email="someone@example.com",
            authored_at=1_000_000 + 86_400 * position,
            committed_at=1_000_000 + 86_400 * position,
            subject=subject,
            body="",
        )
        self.session.add(self._commit)
        self.repository.scanned_position, self.repository.scanned_sha = position, sha
        self.repository.scanned_at = 2_000_000 + position
        self.session.flush()
        return sha

    def define(
        self,
        name: str,
        needs: Sequence[str] = (),
        *,
        module: str = "features.spend",
        variant: str = "",
        source: str = "",
        type: str = "pandas.Series",
        doc: str = "",
        tags: Mapping[str, Any] | None = None,
        condition: str = "",
        parts: Sequence[str] = (),
        optional: Sequence[str] = (),
    ) -> FeatureVersion:
        assert self._commit is not None
        variant, tags = variant or name, dict(tags or {})
        source = source or f"def {variant}({', '.join(needs)}):\n    ...\n"
        self.remove(name, module=module, variant=variant)
        version = FeatureVersion(
            feature_id=self._feature(module, name).id,
            variant=variant,
            definition_id=self._definition(variant, source).id,
            commit_id=self._commit.id,
            type=type,
            doc=doc,
            condition=condition,
            tags=tags,
            parts=[{"name": part, "type": type, "doc": ""} for part in parts],
            partial=[],
            columns=[],
            valid_from=self.position,
            valid_until=None,
        )
        self.session.add(version)
        self.session.flush()
        self._describe(version, needs, optional)
        return version

    def remove(self, name: str, *, module: str = "features.spend", variant: str = "") -> None:
        for version in self.session.scalars(
            select(FeatureVersion).where(
                FeatureVersion.feature_id == self._feature(module, name).id,
                FeatureVersion.variant == (variant or name),
                FeatureVersion.valid_until.is_(None),
            )
        ):
            version.valid_until = self.position
        self.session.flush()

    def dataflow(self, name: str, modules: Sequence[str], config: Mapping[str, Any] | None = None) -> None:
        flow = Dataflow(repository_id=self.repository.id, name=name)
        self.session.add(flow)
        self.session.flush()
        self.session.add(
            DataflowVersion(
                dataflow_id=flow.id,
                origin="declared",
                modules=list(modules),
                config=dict(config or {}),
                sources={},
                outputs=[],
                valid_from=self.position,
                valid_until=None,
            )
        )
        self.session.flush()

    def place(self, module: str, path: str, *definitions: tuple[FeatureVersion, int, int]) -> None:
        blob = SourceBlob(oid=f"{self.repository.id}-{path}-{self.position}", size=1)
        self.session.add(blob)
        self.session.flush()
        for ordinal, (version, line, end_line) in enumerate(definitions):
            self.session.add(
                BlobDefinition(
                    blob_id=blob.id,
                    ordinal=ordinal,
                    definition_id=version.definition_id,
                    line=line,
                    end_line=end_line,
                )
            )
        self.session.add(
            ModuleVersion(
                repository_id=self.repository.id,
                module=module,
                path=path,
                blob_id=blob.id,
                valid_from=self.position,
                valid_until=None,
            )
        )
        self.session.flush()

    def _feature(self, module: str, name: str) -> Feature:
        keys = {"repository_id": self.repository.id, "module": module, "name": name}
        found = self.session.scalar(select(Feature).filter_by(**keys))
        if found is None:
            found = Feature(**keys)
            self.session.add(found)
            self.session.flush()
        return found

    def _definition(self, name: str, source: str) -> Definition:
        digest = definition_digest(source)
        found = self.session.scalar(select(Definition).filter_by(digest=digest))
        if found is None:
            function = ast.parse(source).body[0]
            assert isinstance(function, ast.FunctionDef)
            found = Definition(digest=digest, name=name, source=source, code_hash=code_hash(function))
            self.session.add(found)
            self.session.flush()
        return found

    def _describe(self, version: FeatureVersion, needs: Sequence[str], optional: Sequence[str]) -> None:
        for ordinal, name in enumerate(needs):
            self.session.add(
                Dependency(
                    feature_version_id=version.id,
                    ordinal=ordinal,
                    name=name,
                    type="pandas.Series",
                    optional=name in optional,
                )
            )
