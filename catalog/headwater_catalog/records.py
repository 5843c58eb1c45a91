"""What is stored of a module: its features, each with its folded nodes, as plain comparable values."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from headwater.build import expand
from headwater.conditions import Condition
from headwater.errors import DefinitionError
from headwater.function import Function
from headwater.node import Argument, Node, Role
from headwater.types import union
from headwater_catalog.read import DataflowSpec, Diagnostic, LinkedModule, RawFunction, columns_of
from headwater_catalog.read.diagnostics import shortened
from headwater_catalog.storable import LONGEST_NAME, clean

__all__ = [
    "DataflowRecord",
    "DependencyRecord",
    "FeatureKey",
    "FeatureRecord",
    "InputRecord",
    "ModuleRecords",
    "as_json",
    "certain_names",
    "dataflow_record",
    "records_of",
]

FeatureKey = tuple[str, str, str]
"""Module, name and variant."""

_MOST_REASONS = 50  # why a feature is partial; nobody reads more, and source may give thousands

_LINE = re.compile(r"(?:^|(?<=: ))line \d+: ")


@dataclass(frozen=True, slots=True)
class DependencyRecord:
    """A name that a feature needs from outside."""

    name: str
    type: str
    optional: bool


@dataclass(frozen=True, slots=True)
class FeatureRecord:
    """Everything that is stored of one variant of a feature; equal records are one version.

    Structured values are JSON texts, so that they compare equal before and after the store.
    """

    type: str
    doc: str
    condition: str
    tags: str
    parts: str
    partial: str
    columns: str
    dependencies: tuple[DependencyRecord, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class InputRecord:
    """Everything that is stored of an input that a function declares; its tags are a JSON text."""

    type: str
    doc: str
    condition: str
    tags: str
    digest: str


@dataclass(frozen=True, slots=True)
class DataflowRecord:
    """Everything that is stored of one dataflow, structured values as JSON texts."""

    origin: str
    modules: str
    config: str
    sources: str
    upstream: str
    outputs: str
    sinks: str = "{}"


class Made(NamedTuple):
    """What one function makes: features, or the declaration of an input, by key."""

    function: Function
    comment: str
    features: dict[FeatureKey, FeatureRecord]
    inputs: dict[FeatureKey, InputRecord]


@dataclass(frozen=True, slots=True)
class ModuleRecords:
    """The features of a module, and what was wrong with some of them.

    Attributes:
        features: The features by key.
        inputs: The inputs that it declares, by key.
        faults: Functions that make neither, with the reason.
        by_function: What each function makes, by the digest of its source.
    """

    features: dict[FeatureKey, FeatureRecord]
    inputs: dict[FeatureKey, InputRecord]
    faults: tuple[Diagnostic, ...]
    by_function: dict[str, Made]


def as_json(value: Any) -> str:
    """Return the one JSON text of a value; the order of keys does not count."""
    return _ENCODER.encode(_plain(value) if value else value)


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {clean(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return clean(str(value))


def records_of(linked: LinkedModule, earlier: ModuleRecords | None = None) -> ModuleRecords:
    """Return the features of a module; a function that cannot be expanded is a fault, the others count.

    Args:
        linked: The module.
        earlier: What it was before; functions that nothing has changed for are taken from there. Most
            commits change one function among many, so this is most of the work of a long history.
    """
    known = earlier.by_function if earlier is not None else {}
    faults: list[Diagnostic] = []
    made: dict[str, Made] = {}
    for function, raw in zip(linked.functions, linked.raw, strict=True):
        before = known.get(raw.digest)
        try:
            if (
                before is None
                or before.comment != raw.comment
                or not _says_the_same(before.function, function)
            ):
                before = _made(function, raw)
            made[raw.digest] = before._replace(function=function)
        except DefinitionError as error:
            faults.append(Diagnostic(linked.module.path, raw.line, str(error)))
        except Exception as error:  # source may say anything at all; no scan ends by it
            # Only the kind of error: its text may say where something is in memory.
            why = f"its modifiers cannot be applied ({type(error).__name__})"
            message = f"'{raw.name}' is left out: {why}. Check what they are given."
            faults.append(Diagnostic(linked.module.path, raw.line, message))
    features = {key: record for each in made.values() for key, record in each.features.items()}
    inputs = {key: record for each in made.values() for key, record in each.inputs.items()}
    return ModuleRecords(features, inputs, tuple(faults), made)


def certain_names(features: Mapping[FeatureKey, FeatureRecord]) -> frozenset[str]:
    """Return the names that a module makes in every configuration."""
    return frozenset(name for (_, name, _), record in features.items() if not record.condition)


def _says_the_same(before: Function, function: Function) -> bool:
    """Tell whether a function of the same source is known to make the same; its lines do not count.

    What its names stand for is in its parameters and modifiers, which a reader hands on where they stay.
    """
    return (
        before.parameters is function.parameters
        and before.modifiers is function.modifiers
        and before.returns == function.returns
        and before.partial == function.partial
        and before.location.module == function.location.module
    )


def _made(function: Function, raw: RawFunction) -> Made:
    nodes = expand(function)
    _refuse_overlong(function, nodes)
    module, columns = function.location.module, _columns(function, raw)
    features = {
        (module, clean(name), function.name): _record(name, group, raw, columns)
        for name, group in _groups(nodes).items()
    }
    inputs = {
        (module, clean(node.name), function.name): _input(node, raw)
        for node in nodes
        if node.role is Role.INPUT
    }
    return Made(function, raw.comment, features, inputs)


def _columns(function: Function, raw: RawFunction) -> str:
    used = ((use.table, use.column, use.written) for use in columns_of(function, raw))
    return as_json(
        [{"table": table, "column": column, "written": written} for table, column, written in used]
    )


def _refuse_overlong(function: Function, nodes: Iterable[Node]) -> None:
    made = (name for node in nodes for name in (node.name, *node.dependencies))
    for name in (function.location.module, function.name, *made):
        if len(name) > LONGEST_NAME:
            raise DefinitionError(
                f"'{name[:40]}…' is left out: a name has at most {LONGEST_NAME} characters. Shorten it."
            )


def _groups(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """Return the nodes of each feature by its name; those without a node of their own are left out.

    An input that a function declares is no feature: it stays among the names that others need from outside.
    """
    groups: dict[str, list[Node]] = {node.name: [] for node in nodes if node.role is Role.FEATURE}
    for node in nodes:
        if node.feature in groups:
            groups[node.feature].append(node)
    return {name: group for name, group in groups.items() if group}


def _record(name: str, group: Sequence[Node], raw: RawFunction, columns: str) -> FeatureRecord:
    """Return what is stored of a feature, whose nodes may stand side by side under several conditions.

    It exists where all of these hold, and is of any of their types; what only some of them need is optional.
    """
    mains = [node for node in group if node.name == name]
    parts = dict.fromkeys((n.name, str(n.type), n.doc) for n in group if n.name != name)
    return FeatureRecord(
        type=clean(str(union(*(node.type for node in mains)))),
        doc=_doc(mains[0], raw),
        condition=clean(str(_common(mains))),
        tags=_tags(mains[0]),
        parts=as_json([{"name": part, "type": type_, "doc": doc} for part, type_, doc in parts]),
        partial=as_json(_reasons(group)),
        columns=columns,
        dependencies=tuple(_dependencies(group, mains)),
        digest=raw.digest,
    )


def _reasons(group: Iterable[Node]) -> list[str]:
    """Return why nodes are partial, without lines: no version must end because something was added above."""
    reasons = dict.fromkeys(shortened(_LINE.sub("", reason)) for node in group for reason in node.partial)
    return list(itertools.islice(reasons, _MOST_REASONS))


def _input(node: Node, raw: RawFunction) -> InputRecord:
    return InputRecord(
        type=clean(str(node.type)),
        doc=_doc(node, raw),
        condition=clean(str(node.condition)),
        tags=_tags(node),
        digest=raw.digest,
    )


def _doc(node: Node, raw: RawFunction) -> str:
    """Return the documentation of a node; a comment right above a function stands in for its docstring."""
    return clean(node.doc or ("" if raw.doc else raw.comment))


def _tags(node: Node) -> str:
    return as_json({key: value for key, value in node.tags.items() if not _is_automatic(key)})


def _common(mains: Sequence[Node]) -> Condition:
    """Return what the conditions of some nodes have in common."""
    first, *others = (node.condition for node in mains)
    if all(other == first for other in others):
        return first
    return Condition(tuple(test for test in first.tests if all(test in other.tests for other in others)))


def _is_automatic(tag: str) -> bool:
    # The engine sets these itself, and what they say stands in columns of its own.
    return tag == "module" or tag.startswith("hamilton.")


def _dependencies(group: Sequence[Node], mains: Sequence[Node]) -> Iterator[DependencyRecord]:
    """Yield what the nodes of a feature need from outside it, in order, each name once."""
    own = {node.name for node in group}
    needed: dict[str, Argument] = {}
    for argument in (argument for node in group for argument in node.arguments):
        if argument.node is not None and argument.node not in own:
            needed.setdefault(argument.node, argument)
    certain = set(needed)
    for main in mains if any(node.condition != mains[0].condition for node in group) else ():
        certain &= {name for node in group if _comes_with(node, main) for name in node.dependencies}
    for name, argument in needed.items():
        optional = argument.is_optional or name not in certain
        yield DependencyRecord(clean(name), clean(str(argument.type)), optional)


def _comes_with(node: Node, main: Node) -> bool:
    """Tell whether a node certainly exists where another one of the same name as its feature does."""
    if node.name == main.name:
        return node is main
    return all(test in main.condition.tests for test in node.condition.tests)


def dataflow_record(dataflow: DataflowSpec) -> DataflowRecord:
    """Return what is stored of a dataflow."""
    return DataflowRecord(
        origin=dataflow.origin,
        modules=as_json(dataflow.modules),
        config=as_json(dict(dataflow.config)),
        sources=as_json({name: source.as_dict() for name, source in dataflow.sources.items()}),
        upstream=as_json({name: source.as_dict() for name, source in dataflow.upstream.items()}),
        outputs=as_json(dataflow.outputs),
        sinks=as_json({name: sink.as_dict() for name, sink in dataflow.sinks.items()}),
    )
