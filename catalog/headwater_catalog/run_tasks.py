"""What a run needs to know of the catalog: all of it is read before anything is executed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.classified_runs import node_names, personal_names
from headwater_catalog.definitions_at import DefinitionReader, Definitions
from headwater_catalog.errors import CatalogError, JobError, NotFound
from headwater_catalog.jobs import LeasedJob
from headwater_catalog.locations import Location
from headwater_catalog.moments import Moment
from headwater_catalog.partitions import of_partition
from headwater_catalog.relays import Relay, RelayPlace, place_of_relay
from headwater_catalog.repositories import mirror_path, open_mirror
from headwater_catalog.results import TABLE
from headwater_catalog.run_sources import further_sources
from headwater_catalog.saved_objects import file_name
from headwater_catalog.sinks import places_of
from headwater_catalog.store.models import Reproduction, Run
from headwater_catalog.value_comparison import is_awaited, require_before
from headwater_catalog.views import DataflowView

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
    save: str | None  # the format, or the saver
    saver: str
    dataset: str
    repository_id: int
    use_kept: bool
    profile: bool
    definitions: Definitions
    sinks: dict[str, Location]
    personal: list[str] | None  # None: nobody knows, so all of it may be
    is_trusted: bool
    nodes: Collection[str] = ()  # the names that they may have, where some of them are personal
    again: Mapping[str, Any] | None = None  # the stamp of what is to be made again
    is_awaited: bool = False  # by the run that its table is to be compared with
    is_compared: bool = False  # with the table of the run before it
    relay: Relay | None = None  # the execution in several runs that it is one of
    relay_place: RelayPlace | None = None

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
            "saver": self.saver,
        }

    def agreed(self) -> dict[str, Any]:
        """Return what all runs of one relay have in common."""
        told = {"commit": self.sha, "dataflow": self.dataflow, "config": self.config}
        return {**told, "env": self.env, "sample": self.sample, "inputs": self.inputs}

    @property
    def made(self) -> str | None:
        """The name of the file that the runner is to leave in its folder; None: none."""
        if self.save is None and self.again is None and not self.is_awaited and not self.is_compared:
            return None
        return file_name(self.saver) if self.saver else TABLE


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
        JobError: Its dataflow is known no more, or the run that it is to be compared with came to nothing.
        Conflict: A sink has no place in the environment of the run.
    """
    run = session.scalars(select(Run).where(Run.job_id == leased.id)).one()
    if leased.payload.get("reproduces") is not None:
        return _task_again(session, settings, run)
    is_compared = require_before(session, run)
    moment = Moment(session, settings, run.repository, run.commit)
    flow = _dataflow(moment, run.dataflow)
    relay = Relay.from_dict(leased.payload["relay"]) if leased.payload.get("relay") else None
    # What is taken from elsewhere was perhaps made by other packages than what is kept here would be told by.
    use_kept = (
        leased.payload.get("use_kept", True) and settings.values_limit > 0 and not (relay and relay.take)
    )
    partitions = moment.snapshot.declared.partitions.get(run.dataflow)
    sinks = of_partition(partitions, flow.sinks, run.config)
    personal = _personal(moment, run)
    return Task(
        run_id=run.id,
        repository=run.repository.name,
        mirror=mirror_path(settings, run.repository),
        sha=run.commit.sha,
        dataflow=run.dataflow,
        modules=list(flow.modules),
        roots=_roots(moment, flow.modules),
        config=run.config,
        sources={**further_sources(run.inputs), **of_partition(partitions, flow.sources, run.config)},
        inputs=run.inputs,
        outputs=run.outputs,
        env=run.env,
        executor=run.executor,
        sample=run.sample,
        save=leased.payload.get("save") or leased.payload.get("saver") or None,
        saver=leased.payload.get("saver") or "",
        dataset=leased.payload.get("dataset") or run.dataflow,
        sinks=places_of(sinks, leased.payload.get("sinks") or (), run.env),
        personal=personal,
        nodes=node_names(moment.snapshot, run.dataflow) if personal else (),
        repository_id=run.repository_id,
        use_kept=use_kept,
        profile=leased.payload.get("profile", False),
        definitions=_definitions(database, moment, definitions) if use_kept else {},
        is_trusted=run.repository.is_trusted,
        is_awaited=is_awaited(session, run),
        is_compared=is_compared,
        relay=relay,
        relay_place=place_of_relay(settings, run.repository_id, run.dataflow, sinks, relay, run.env)
        if relay
        else None,
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
        saver=recipe.get("saver", ""),
        dataset=version.dataset.name,
        repository_id=run.repository_id,
        use_kept=False,
        profile=False,
        definitions={},
        sinks={},
        personal=run.personal,
        is_trusted=run.repository.is_trusted,
        again=stamp,
    )


def _personal(moment: Moment, run: Run) -> list[str]:
    """Return what is personal, also by what main has come to say since the run was asked for."""
    now = personal_names(moment, run.dataflow, run.outputs, (*run.config, *run.inputs))
    return sorted({*now, *(run.personal or ())})


def _definitions(database: Database, moment: Moment, reader: DefinitionReader) -> Definitions:
    try:
        return reader.at(database, moment)
    except CatalogError as error:
        # Without them everything is computed, and kept by nobody, which is slower and as right.
        logger.warning("The definitions of %s cannot be told: %s", moment.commit.sha[:10], error)
        return {}


def _dataflow(moment: Moment, name: str) -> DataflowView:
    try:
        return moment.snapshot.dataflow(name)
    except NotFound:
        raise JobError(
            f"Dataflow '{name}' is no longer known at commit {moment.commit.sha[:10]}: the repository "
            "was scanned anew in the meantime. Ask for the run again."
        ) from None


def _roots(moment: Moment, modules: Sequence[str]) -> list[str]:
    """Return the folders from which the modules are imported: what is left of their paths."""
    snapshot = moment.snapshot
    paths = {each.module: each.path for each in snapshot.features}
    paths |= {each.module: each.path for each in snapshot.inputs}
    found = {""} | {_root(module, paths[module]) for module in modules if module in paths}
    if any(module not in paths for module in modules):
        found |= _further_roots(moment, [module for module in modules if module not in paths], found)
    return sorted(found, reverse=True)  # the tree itself last: a declared root is the nearer one


def _further_roots(moment: Moment, modules: Sequence[str], known: Collection[str]) -> set[str]:
    """Return the folders of modules that declare nothing, of those that are in no known one."""
    with open_mirror(moment.settings, moment.repository) as source:
        files = source.tree(moment.commit.sha)
    found = set()
    for module in modules:
        endings = _endings(module)
        if any(str(PurePosixPath(root, ending)) in files for root in known for ending in endings):
            continue
        places = [path for path in files if path.endswith(tuple(f"/{ending}" for ending in endings))]
        if places:
            found.add(_root(module, min(places, key=len)))
    return found


def _root(module: str, path: str) -> str:
    for ending in _endings(module):
        if path.endswith(f"/{ending}"):
            return path.removesuffix(ending).rstrip("/")
    return ""


def _endings(module: str) -> tuple[str, str]:
    place = module.replace(".", "/")
    return f"{place}.py", f"{place}/__init__.py"
