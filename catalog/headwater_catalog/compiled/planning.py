"""Plan a dataflow as tasks: what is computed together, what is handed on, and the command of each task."""

from __future__ import annotations

import hashlib
import json
import keyword
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.errors import InvalidInput
from headwater.executors.fusing import GroupByCost
from headwater.executors.needs import needs_of
from headwater.graph import Graph, topological
from headwater.node import Node, Role
from headwater_catalog.compiled.grouping import Group, group_by_cost, group_nodes
from headwater_catalog.compiled.plans import RELAY, CompiledTask
from headwater_catalog.errors import Conflict
from headwater_catalog.locations import Whereabouts

__all__ = ["GROUPINGS", "FlowToCompile", "TaskOptions", "plan_flow", "plan_flows", "slug"]

GROUPINGS: Final = {
    "dataset": "one task per dataflow, which makes its dataset",
    "module": "a task per module",
    "tag:KEY": "a task per value of a tag",
    "cost": "as many tasks as are worth it, by the seconds of the last run",
}
"""What nodes are grouped into tasks by."""

_TASK_SECONDS: Final = 30.0
"""What a task costs by itself: of waiting for its turn, a pod or a node, of a process, of reading sources."""
_MOST_AT_ONCE: Final = 8
"""Tasks side by side by cost, but where each has very much to do."""
_LONGEST_NAME: Final = 50  # Argo takes no more of a CronWorkflow
_ENDING: Final = 6  # of what a longer name is cut to
_RESERVED: Final = {
    "all_tasks",  # our own name of them all in Argo
    # Argo makes an expression of the names that a task waits for: these are words and values of its language.
    *("contains", "false", "let", "matches", "nil", "true"),
    # Dagster calls nothing by these.
    *(
        "arg_dict",
        "bool",
        "conf",
        "config",
        "context",
        "dict",
        "float",
        "input",
        "input_arg_dict",
        "int",
        "meta",
    ),
    *("output", "output_arg_dict", "str", "type"),
}
"""What no task can be called."""


@dataclass(frozen=True, slots=True)
class FlowToCompile:
    """A dataflow as planning needs it.

    Attributes:
        name: Its name.
        graph: Its graph in the configuration that it is compiled for, as read from the source.
        outputs: The nodes of its dataset.
        sources: Its sources by name, as declared.
        sinks: Those sinks by name that its dataset goes to, as declared.
        seconds: How long nodes took in the last run, by name.
        is_declared: Whether the outputs are those that it declares.
    """

    name: str
    graph: Graph
    outputs: tuple[str, ...]
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sinks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    is_declared: bool = False


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How the tasks of a plan are made.

    Attributes:
        repository: The repository.
        sha: The commit that they are pinned to.
        by: What nodes are grouped by, one of `GROUPINGS`.
        env: The environment; None: the usual one.
        config: What is given over the declared configuration.
        format: The format in which datasets are kept.
        through: The sink in which values are handed on; empty: the catalog's home.
        executor: What computes the nodes of a task.
    """

    repository: str
    sha: str
    by: str = "dataset"
    env: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    format: str = "parquet"
    through: str = ""
    executor: str = "synchronous"


def plan_flows(flows: Sequence[FlowToCompile], options: TaskOptions) -> tuple[CompiledTask, ...]:
    """Return the tasks of some dataflows; one that reads what another one writes waits for that.

    Raises:
        Conflict: Two dataflows read what the other one writes.
    """
    needs = {flow.name: _writers_for(flow, flows, options.env) for flow in flows}
    order, around = topological(needs, needs.__getitem__)
    if around is not None:
        raise Conflict(f"The dataflows {', '.join(around[1:])} read each other's sinks, so none can begin.")
    by_name = {flow.name: flow for flow in flows}
    tasks: list[CompiledTask] = []
    saving: dict[str, str] = {}
    for name in order:
        prefix = f"{slug(name)}__" if len(flows) > 1 and options.by != "dataset" else ""
        after, taken = tuple(saving[each] for each in needs[name]), {task.name for task in tasks}
        made = plan_flow(by_name[name], options, prefix, after, taken)
        saving[name] = next(task.name for task in made if task.saves)
        tasks += made
    return tuple(tasks)


def plan_flow(
    flow: FlowToCompile,
    options: TaskOptions,
    prefix: str = "",
    after: tuple[str, ...] = (),
    taken: Collection[str] = (),
) -> list[CompiledTask]:
    """Return the tasks of a dataflow, each after those that it waits for; the last one makes the dataset.

    Args:
        flow: The dataflow.
        options: How its tasks are made.
        prefix: What their names begin with.
        after: The names of tasks that all of them wait for.
        taken: The names of other tasks.

    Raises:
        InvalidInput: There is no such grouping, or nothing to group by.
    """
    nodes = _computed(flow)
    made = _groups(flow, nodes, options.by)
    home = {name: number for number, group in enumerate(made) for name in group.nodes}
    reads = [_reads(group, flow.graph, home, number) for number, group in enumerate(made)]
    read = {name for names in reads for name in names}
    ends = [number for number in range(len(made)) if not any(home[n] == number for n in read)]
    if len(ends) > 1:  # nobody has all columns, so a task of its own puts them together
        made.append(Group("dataset", []))
        ends = [len(made) - 1]
        reads.append([])
    last = ends[0] if ends else 0
    names = _names([group.label for group in made], prefix, taken)
    places = {name: place for place, name in enumerate(home)}
    tasks = []
    for number, group in enumerate(made):
        saves = number == last
        if saves:
            outputs = list(flow.outputs)
            wanted = {*reads[number], *(each for each in flow.outputs if home.get(each, number) != number)}
        else:
            outputs = [name for name in group.nodes if name in read or name in flow.outputs]
            wanted = set(reads[number])
        takes = sorted(wanted, key=places.__getitem__)
        waits = tuple(dict.fromkeys(names[home[name]] for name in takes)) or after
        known = [flow.seconds[name] for name in group.nodes if name in flow.seconds]
        words = _words(flow, options, outputs, takes, saves, len(made) > 1)
        tasks.append(
            CompiledTask(
                name=names[number],
                dataflow=flow.name,
                computes=tuple(group.nodes),
                outputs=tuple(outputs),
                takes=tuple(takes),
                after=waits,
                words=tuple(words),
                seconds=round(sum(known), 3) if known else None,
                saves=saves,
                needs=needs_of(flow.graph[name] for name in group.nodes),
            )
        )
    tasks.sort(key=lambda task: task.saves)  # it waits for all others, directly or not
    return tasks


def slug(text: str) -> str:
    """Return a text as a name that every orchestrator takes; two long ones stay two."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "task"
    short = named = plain if plain[0].isalpha() else f"t_{plain}"
    if len(named) > _LONGEST_NAME:
        ending = hashlib.sha256(text.encode()).hexdigest()[:_ENDING]
        short = f"{named[: _LONGEST_NAME - _ENDING - 1].rstrip('_')}_{ending}"
    return f"{short}_task" if keyword.iskeyword(short) or short in _RESERVED else short


def _computed(flow: FlowToCompile) -> list[Node]:
    """Return the nodes that the outputs need, each after those that it reads."""
    graph = flow.graph
    order, _ = topological(flow.outputs, lambda name: [each for each in graph.sources[name] if each in graph])
    nodes = [graph[name] for name in order]
    return [node for node in nodes if node.role is not Role.INPUT]


def _reads(group: Group, graph: Graph, home: Mapping[str, int], number: int) -> list[str]:
    found = dict.fromkeys(each for name in group.nodes for each in graph[name].dependencies)
    return [name for name in found if home.get(name, number) != number]


def _groups(flow: FlowToCompile, nodes: Sequence[Node], by: str) -> list[Group]:
    if by == "dataset":
        return [Group(slug(flow.name), [node.name for node in nodes])]
    if by == "module":
        return group_nodes(nodes, {node.name: _module(node) for node in nodes})
    if by.startswith("tag:") and len(by) > 4:
        return _by_tag(flow, nodes, by[4:])
    if by == "cost":
        return _by_cost(flow, nodes)
    raise InvalidInput(f"Tasks are not grouped by {by!r:.80}. They are by: {', '.join(GROUPINGS)}.")


def _module(node: Node) -> str:
    return node.function.location.module if node.function is not None else "values"


def _by_tag(flow: FlowToCompile, nodes: Sequence[Node], key: str) -> list[Group]:
    values = {node.feature: node.tags[key] for node in nodes if key in node.tags}
    if not values:
        raise InvalidInput(
            f"Nothing that dataflow '{flow.name}' computes has a tag '{key}', so nothing tells tasks apart."
        )
    return group_nodes(nodes, {node.name: _tag_label(values.get(node.feature, "untagged")) for node in nodes})


def _tag_label(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _by_cost(flow: FlowToCompile, nodes: Sequence[Node]) -> list[Group]:
    known = {node.name: flow.seconds[node.name] for node in nodes if node.name in flow.seconds}
    if not known:
        raise InvalidInput(
            f"No run of dataflow '{flow.name}' has told yet how long its nodes take. Run it once "
            f"(headwater run --dataflow {shlex.quote(flow.name)} --no-cache), or group by module."
        )
    usual = sum(known.values()) / len(known)  # for what nobody has measured yet
    costs = {node.name: known.get(node.name, usual) for node in nodes}
    return group_by_cost(nodes, GroupByCost(_MOST_AT_ONCE, _TASK_SECONDS, costs))


def _names(labels: Sequence[str], prefix: str, others: Collection[str]) -> list[str]:
    """Return a name for each group: the last part of its label where that tells it from others."""
    short = [slug(label.rpartition(".")[2]) for label in labels]
    kinds = {
        name: {label for label, each in zip(labels, short, strict=True) if each == name} for name in short
    }
    plain = [
        name if len(kinds[name]) == 1 else slug(label) for label, name in zip(labels, short, strict=True)
    ]
    names: list[str] = []
    for name in plain:
        number, free = 1, prefix + name
        while free in names or free in others:
            number += 1
            free = f"{prefix}{name}_{number}"
        names.append(free)
    return names


def _words(
    flow: FlowToCompile,
    options: TaskOptions,
    outputs: Sequence[str],
    takes: Sequence[str],
    saves: bool,
    is_relay: bool,
) -> list[str]:
    """Return the command of a task, without the program."""
    named = () if saves and flow.is_declared else outputs
    words = ["run", *named, "--repo", options.repository, "--dataflow", flow.name, "--at", options.sha]
    for key, value in options.config.items():
        words += ["--config", f"{key}={json.dumps(value)}"]
    if any(RELAY in word for word in words):
        raise InvalidInput(f"'{RELAY}' stands for the key of an execution: no name and no value can have it.")
    if options.env is not None:
        words += ["--env", options.env]
    if options.executor != "synchronous":
        words += ["--executor", options.executor]
    if is_relay:
        words += ["--relay", RELAY]
        if options.through:
            words += ["--through", options.through]
        words += [word for name in takes for word in ("--take", name)]
    if saves:
        words += ["--keep", options.format, *(word for name in flow.sinks for word in ("--sink", name))]
    elif is_relay:
        words.append("--hand-on")
    # Logs of orchestrators are read by others than may see what is computed.
    words += ["--note", f"compiled, {RELAY}", "--quiet"]
    for word in words:
        if not word.isprintable():  # a repository may call things as it likes, and files have lines
            raise InvalidInput(f"{word!r:.80} has characters that no command of a file can have. Rename it.")
    return words


def _writers_for(flow: FlowToCompile, flows: Sequence[FlowToCompile], env: str | None) -> list[str]:
    """Return the dataflows whose sinks are sources of another one."""
    read = {place for source in flow.sources.values() if (place := _place(source, env)) is not None}
    return [
        other.name
        for other in flows
        if other is not flow and any(_place(sink, env) in read for sink in other.sinks.values())
    ]


def _place(declared: Mapping[str, Any], env: str | None) -> tuple[str, ...] | None:
    try:
        place = Whereabouts.from_dict(declared).at(env)
    except KeyError:
        return None
    if place.connection:
        return (place.connection, place.table) if place.table else None
    return (place.url,) if place.url else None
