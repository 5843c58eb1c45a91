"""Read what planning needs: the graph of a dataflow from its source, its schedule, what its nodes took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from headwater.build import build
from headwater.errors import InvalidInput
from headwater.executors.tasks import is_expander
from headwater.function import Function
from headwater.graph import Graph
from headwater.node import Node, Role
from headwater_catalog.compiled.planning import (
    FlowToCompile,
    TaskOptions,
    plan_flows,
    slug,
)
from headwater_catalog.compiled.plans import CompiledPlan, CompiledTask
from headwater_catalog.compiled.schedules import require_schedule
from headwater_catalog.dataflows import DataflowAt, choose_dataflow
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.jobs import State
from headwater_catalog.locations import Location, Whereabouts
from headwater_catalog.partitions import of_partition
from headwater_catalog.relays import Relay, require_relay
from headwater_catalog.repositories import open_mirror
from headwater_catalog.run_executors import require_executor
from headwater_catalog.sinks import require_format
from headwater_catalog.sources import FORMATS, format_of
from headwater_catalog.store.models import Job, Run, RunNode
from headwater_catalog.tree_reader import TreeReader

if TYPE_CHECKING:
    from headwater_catalog.moments import Moment
    from headwater_catalog.read import Reading

__all__ = ["CompileAsked", "plan_at"]

_RUNS: Final = 20  # the last ones that may know how long a node takes
_MOST_RETRIES: Final = 100
_MOST_SECONDS: Final = 86_400
_NO_COLUMNS: Final = ("bool", "bytes", "complex", "float", "int", "str")
"""Types that say that a value is no column; most others leave it open until the run."""


@dataclass(frozen=True, slots=True)
class CompileAsked:
    """What a plan is asked for.

    Attributes:
        dataflows: The dataflows; none: the only one.
        outputs: The nodes of the dataset; none: those that the dataflow declares.
        by: What nodes are grouped by.
        env: The environment; None: the usual one.
        config: What is given over the declared configuration.
        format: The format of the dataset; None: that of its sinks, else Parquet.
        sinks: The sinks that the dataset goes to; None: all that are files or tables in the environment.
        through: The sink, a folder, in which values are handed on; empty: the catalog's home.
        executor: What computes the nodes of a task.
        schedule: When it is to run; None: as the first dataflow declares that.
        retries: How often a task is tried again.
        retry_seconds: How long after.
    """

    dataflows: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    by: str = "dataset"
    env: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    format: str | None = None
    sinks: tuple[str, ...] | None = None
    through: str = ""
    executor: str = "synchronous"
    schedule: str | None = None
    retries: int = 2
    retry_seconds: int = 60


def plan_at(moment: Moment, asked: CompileAsked) -> CompiledPlan:
    """Return the plan of dataflows at a commit. Nothing of the repository is imported or executed.

    Raises:
        NotFound: There is no such dataflow, output, key, environment, sink or executor.
        Conflict: Options stand against each other, or against what is declared.
        InvalidInput: The grouping or the schedule is none.
        DefinitionError: The functions make no graph in this configuration.
    """
    _require_numbers(asked)
    require_executor(moment.settings, moment.repository, asked.executor)
    chosen = [choose_dataflow(moment, name, asked.outputs) for name in asked.dataflows or (None,)]
    for flow in chosen:
        if not asked.outputs and not flow.view.outputs:
            raise NotFound(
                f"Dataflow '{flow.name}' declares no outputs. Say by --output which nodes its dataset is "
                "of, or declare outputs in the project file (docs/runs.md)."
            )
    if len({flow.name for flow in chosen}) < len(chosen):
        raise Conflict("A dataflow is named twice. Name each once.")
    if len(chosen) > 1 and (asked.outputs or asked.sinks is not None or asked.config):
        raise Conflict("Outputs, sinks and configuration are of one dataflow. Compile several without them.")
    with open_mirror(moment.settings, moment.repository) as source:
        reader = TreeReader(source)
        reading = reader.read(reader.tree(moment.commit.sha))
    declared = next((spec.schedule for spec in reading.dataflows if spec.name == chosen[0].name), None)
    schedule = require_schedule(asked.schedule or declared)
    format = _format(chosen, asked)
    options = TaskOptions(
        *(moment.repository.name, moment.commit.sha, asked.by, asked.env),
        dict(asked.config),
        format,
        asked.through,
        asked.executor,
    )
    flows = [_flow(moment, reading, flow, asked, format) for flow in chosen]
    tasks = plan_flows(flows, options)
    _require_known(tasks, chosen)
    return CompiledPlan(
        name=slug("_".join((moment.repository.name, *(flow.name for flow in chosen)))),
        repository=moment.repository.name,
        sha=moment.commit.sha,
        committed=moment.commit.committed_at,
        by=asked.by,
        tasks=tasks,
        schedule=schedule,
        retries=asked.retries,
        retry_seconds=asked.retry_seconds,
        again=tuple(_again(moment, [flow.name for flow in chosen], asked)),
    )


def _require_numbers(asked: CompileAsked) -> None:
    if not 0 <= asked.retries <= _MOST_RETRIES:
        raise Conflict(f"A task is tried again up to {_MOST_RETRIES} times, not {asked.retries}.")
    if not 0 <= asked.retry_seconds <= _MOST_SECONDS:
        raise Conflict(f"A task waits up to {_MOST_SECONDS:,} seconds, not {asked.retry_seconds}.")


def _flow(
    moment: Moment, reading: Reading, flow: DataflowAt, asked: CompileAsked, format: str
) -> FlowToCompile:
    flow.require_env(asked.env)
    flow.require_config(asked.config)
    env = flow.env_of(asked.env)
    outputs = tuple(flow.names_of(asked.outputs))
    sinks = _sinks(flow, asked, env)
    require_format(sinks, format)
    if asked.through:
        require_relay(flow, Relay("compiled", asked.through, hand_on=True), env)
    config = {**flow.view.config, **asked.config}
    partitions = moment.snapshot.declared.partitions.get(flow.name)
    declared = {name: flow.view.sinks[name] for name in sinks}
    if partitions is not None:
        partitions.require(config, {**flow.view.sources, **declared})
    graph = build(_functions(reading, flow), config)
    for name in outputs:
        if name not in graph:
            raise InvalidInput(f"There is no '{name}' in dataflow '{flow.name}' in this configuration.")
    _require_a_column(flow, graph, outputs)
    needed = graph.upstream(*outputs)
    nodes = [node for node in graph if node.name in needed]
    _require_given(flow, nodes, config)
    fan_out = next((node for node in nodes if is_expander(node)), None)
    if fan_out is not None and asked.executor == "synchronous":
        raise Conflict(
            f"{fan_out.where} makes the elements of a fan-out, which the executor 'synchronous' does not "
            "compute. Give --executor threads or --executor processes."
        )
    return FlowToCompile(
        name=flow.name,
        graph=graph,
        outputs=outputs,
        sources=of_partition(partitions, flow.view.sources, config),
        sinks=of_partition(partitions, declared, config),
        seconds=_seconds(moment, flow.name),
        is_declared=not asked.outputs,
    )


def _require_a_column(flow: DataflowAt, graph: Graph, outputs: Sequence[str]) -> None:
    """Make sure that the last task has something to save, as far as types tell."""
    if all(graph[name].type.name in _NO_COLUMNS for name in outputs):
        raise Conflict(
            f"Dataflow '{flow.name}' would make no dataset: only columns are saved, and none of "
            f"{', '.join(outputs)} is one. Give --output with a column, too."
        )


def _require_given(flow: DataflowAt, nodes: Sequence[Node], config: Mapping[str, Any]) -> None:
    """Make sure that there is a source where there are inputs; only reading one tells its columns."""
    if flow.view.sources or any(node.partial for node in nodes):
        return
    inputs = {node.name for node in nodes if node.role is Role.INPUT} - config.keys()
    read = (each for node in nodes for each in node.arguments if not each.is_optional)
    missing = list(dict.fromkeys(f"'{each.node}'" for each in read if each.node in inputs))
    if missing:
        raise Conflict(
            f"Dataflow '{flow.name}' needs {', '.join(missing[:10])} from outside, and has no source. "
            "Declare sources of the dataflow in the project file (docs/runs.md), or give values by --config."
        )


def _require_known(tasks: Sequence[CompiledTask], chosen: Sequence[DataflowAt]) -> None:
    """Make sure that runs can be asked for all that tasks hand on."""
    by_name = {flow.name: flow for flow in chosen}
    for task in tasks:
        for name in (*task.outputs, *task.takes):
            if not by_name[task.dataflow].has(name):
                raise Conflict(
                    f"'{name}' would go from one task to another, and no run can be asked for it alone. "
                    "Group so that what makes it and what reads it are in one task, or by dataset."
                )


def _functions(reading: Reading, flow: DataflowAt) -> list[Function]:
    found = (reading.modules.get(name) for name in flow.view.modules)
    return [function for linked in found if linked is not None for function in linked.functions]


def _sinks(flow: DataflowAt, asked: CompileAsked, env: str | None) -> dict[str, Location]:
    """Return where the dataset goes: to the sinks that are named, or to all but folders."""
    places = {}
    for name in flow.view.sinks if asked.sinks is None else asked.sinks:
        if name not in flow.view.sinks:
            known = ", ".join(flow.view.sinks) or "none"
            raise NotFound(f"Dataflow '{flow.name}' has no sink '{name}'. It has: {known}.")
        try:
            place = Whereabouts.from_dict(flow.view.sinks[name]).at(env)
        except KeyError:  # in this environment it goes nowhere
            if asked.sinks is not None:
                raise Conflict(f"Sink '{name}' says no place in the environment '{env}'.") from None
            continue
        if asked.sinks is None and place.url.endswith("/"):
            continue
        places[name] = place
    return places


def _format(chosen: Sequence[DataflowAt], asked: CompileAsked) -> str:
    if asked.format is not None:
        if asked.format not in FORMATS.values():
            known = ", ".join(dict.fromkeys(FORMATS.values()))
            raise Conflict(f"A table cannot be kept as '{asked.format}'. Choose one of: {known}.")
        return asked.format
    for flow in chosen:
        for place in _sinks(flow, asked, flow.env_of(asked.env)).values():
            if place.url:
                return format_of(place.url, place.format)
    return "parquet"


def _seconds(moment: Moment, dataflow: str) -> dict[str, float]:
    """Return how long nodes took in the last runs, the newest that has computed each."""
    recent = (
        select(Run.id)
        .join(Job, Run.job_id == Job.id)
        .where(Run.repository_id == moment.repository.id, Run.dataflow == dataflow)
        .where(Job.state == State.SUCCEEDED, Run.sample.is_(None))
        .order_by(Run.id.desc())
        .limit(_RUNS)
    )
    wanted = (
        select(RunNode.name, RunNode.microseconds)
        .where(RunNode.run_id.in_(list(moment.session.scalars(recent))), RunNode.kept_from.is_(None))
        .order_by(RunNode.run_id)
    )
    return {name: microseconds / 1e6 for name, microseconds in moment.session.execute(wanted)}


def _again(moment: Moment, names: Sequence[str], asked: CompileAsked) -> list[str]:
    """Return the words that make the same plan again."""
    words = ["compile", *names, "--repo", moment.repository.name, "--at", moment.commit.sha, "--by", asked.by]
    for output in asked.outputs:
        words += ["--output", output]
    for key, value in asked.config.items():
        words += ["--config", f"{key}={json.dumps(value)}"]
    given = {"--env": asked.env, "--format": asked.format, "--through": asked.through or None}
    given["--schedule"] = asked.schedule
    given["--executor"] = None if asked.executor == "synchronous" else asked.executor
    for option, value in given.items():
        words += [] if value is None else [option, value]
    for sink in asked.sinks or ():
        words += ["--sink", sink]
    if asked.sinks == ():
        words.append("--no-sinks")
    return [*words, "--retries", str(asked.retries), "--retry-seconds", str(asked.retry_seconds)]
