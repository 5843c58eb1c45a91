"""What a run needs to know of the catalog: all of it is read before anything is executed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.definitions_at import DefinitionReader, Definitions
from headwater_catalog.errors import CatalogError, JobError
from headwater_catalog.jobs import LeasedJob
from headwater_catalog.moments import Moment, snapshot_at
from headwater_catalog.personal import personal_names
from headwater_catalog.read.locations import Location
from headwater_catalog.repositories import mirror_path
from headwater_catalog.run_sources import further_sources
from headwater_catalog.sinks import places_of
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    Commit,
    Dataflow,
    DataflowVersion,
    ModuleVersion,
    Reproduction,
    Run,
)

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["Task", "task_of"]

logger = logging.getLogger("headwater.runs")


@dataclass(frozen=True, slots=True)
class Task:
    """All that is needed to perform a run, read from the catalog beforehand."""

    run_id: int
    repository: str
    mirror: Path
    sha: str
    dataflow: str
    modules: list[str]
    roots: list[str]
    config: dict[str, Any]
    sources: dict[str, dict[str, Any]]
    inputs: dict[str, dict[str, Any]]
    outputs: list[str]
    env: str | None
    executor: str
    sample: int | None
    save: str | None
    dataset: str
    repository_id: int
    use_kept: bool
    profile: bool
    definitions: Definitions
    sinks: dict[str, Location]
    personal: list[str]
    is_trusted: bool
    again: Mapping[str, Any] | None = None  # the stamp of what is to be made again

    def recipe(self) -> dict[str, Any]:
        """Return what to execute, to make the same again."""
        return {
            "modules": self.modules,
            "roots": self.roots,
            "sources": self.sources,
            "inputs": self.inputs,
            "config": self.config,
            "outputs": self.outputs,
            "env": self.env,
            "sample": self.sample,
        }


def task_of(
    database: Database,
    session: Session,
    settings: Settings,
    leased: LeasedJob,
    definitions: DefinitionReader,
) -> Task:
    """Return what the run of a leased job is to do.

    Args:
        database: The catalog, where definitions that had to be worked out are kept.
        session: An open session.
        settings: Where its files are.
        leased: The job.
        definitions: Gives the definitions of commits.

    Raises:
        JobError: Its dataflow is known no more.
        Conflict: A sink has no place in the environment of the run.
    """
    run = session.scalars(select(Run).where(Run.job_id == leased.id)).one()
    if leased.payload.get("reproduces") is not None:
        return _task_again(session, settings, run)
    version = _dataflow_version(session, run)
    use_kept = leased.payload.get("use_kept", True) and settings.values_limit > 0
    return Task(
        run_id=run.id,
        repository=run.repository.name,
        mirror=mirror_path(settings, run.repository),
        sha=run.commit.sha,
        dataflow=run.dataflow,
        modules=version.modules,
        roots=_roots(session, run.commit, version.modules),
        config=run.config,
        sources={**further_sources(run.inputs), **version.sources},
        inputs=run.inputs,
        outputs=run.outputs,
        env=run.env,
        executor=run.executor,
        sample=run.sample,
        save=leased.payload.get("save"),
        dataset=leased.payload.get("dataset") or run.dataflow,
        sinks=places_of(version.sinks, leased.payload.get("sinks") or (), run.env),
        personal=_personal(session, run, run.outputs),
        repository_id=run.repository_id,
        use_kept=use_kept,
        profile=leased.payload.get("profile", False),
        definitions=_definitions(database, session, settings, run, definitions) if use_kept else {},
        is_trusted=run.repository.is_trusted,
    )


def _task_again(session: Session, settings: Settings, run: Run) -> Task:
    """Return what makes a dataset version again: as it was noted then, whatever was scanned since."""
    version = session.get_one(Reproduction, run.id).version
    stamp = version.stamp or {}
    recipe = stamp["recipe"]
    return Task(
        run_id=run.id,
        repository=run.repository.name,
        mirror=mirror_path(settings, run.repository),
        sha=run.commit.sha,
        dataflow=run.dataflow,
        modules=recipe["modules"],
        roots=recipe["roots"],
        config=recipe["config"],
        sources=recipe["sources"],
        inputs=recipe["inputs"],
        outputs=recipe["outputs"],
        env=recipe["env"],
        executor="synchronous",
        sample=recipe["sample"],
        save=None,
        dataset=version.dataset.name,
        repository_id=run.repository_id,
        use_kept=False,
        profile=False,
        definitions={},
        sinks={},
        personal=_personal(session, run, recipe["outputs"]),
        is_trusted=run.repository.is_trusted,
        again=stamp,
    )


def _definitions(
    database: Database, session: Session, settings: Settings, run: Run, reader: DefinitionReader
) -> Definitions:
    try:
        return reader.at(database, Moment(session, settings, run.repository, run.commit))
    except CatalogError as error:
        # Without them everything is computed, and kept by nobody, which is slower and as right.
        logger.warning("The definitions of %s cannot be told: %s", run.commit.sha[:10], error)
        return {}


def _personal(session: Session, run: Run, outputs: Sequence[str]) -> list[str]:
    if run.commit.position is None:  # pushed away since
        return []
    snapshot = snapshot_at(session, run.repository, run.commit.position)
    return personal_names(snapshot, run.dataflow, outputs)


def _dataflow_version(session: Session, run: Run) -> DataflowVersion:
    wanted = (
        select(DataflowVersion)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .where(
            Dataflow.repository_id == run.repository_id,
            Dataflow.name == run.dataflow,
            holds_at(DataflowVersion, run.commit.position),
        )
    )
    version = session.scalars(wanted).one_or_none()
    if version is None:
        raise JobError(
            f"Dataflow '{run.dataflow}' is no longer known at commit {run.commit.sha[:10]}: the repository "
            "was scanned anew in the meantime. Ask for the run again."
        )
    return version


def _roots(session: Session, commit: Commit, modules: list[str]) -> list[str]:
    """Return the folders from which the modules are imported: what is left of their paths."""
    wanted = select(ModuleVersion.module, ModuleVersion.path).where(
        ModuleVersion.repository_id == commit.repository_id,
        ModuleVersion.module.in_(modules),
        holds_at(ModuleVersion, commit.position),
    )
    roots = {""}
    for module, path in session.execute(wanted):
        place = module.replace(".", "/")
        for ending in (f"{place}.py", f"{place}/__init__.py"):
            if path.endswith(f"/{ending}"):
                roots.add(path.removesuffix(ending).rstrip("/"))
    return sorted(roots, reverse=True)  # the tree itself last: a declared root is the nearer one
