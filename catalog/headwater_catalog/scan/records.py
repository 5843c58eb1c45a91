"""What is stored of a module: its features, each with its folded nodes, as plain comparable values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.build import expand
from headwater.errors import DefinitionError
from headwater.function import Function
from headwater.node import Node, Role
from headwater_catalog.read import DataflowSpec, Diagnostic, LinkedModule, RawFunction

__all__ = [
    "DataflowRecord",
    "DependencyRecord",
    "FeatureKey",
    "FeatureRecord",
    "ModuleRecords",
    "as_json",
    "clean",
    "dataflow_record",
    "records_of",
]

FeatureKey = tuple[str, str, str]
"""Module, name and variant."""

LONGEST_NAME = 250
"""Characters of a name that the store's indexes hold on both databases."""

_LINE = re.compile(r"^line \d+: ")


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
    dependencies: tuple[DependencyRecord, ...]
    digest: str
    raw: RawFunction | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DataflowRecord:
    """Everything that is stored of one dataflow, structured values as JSON texts."""

    origin: str
    modules: str
    config: str
    sources: str
    outputs: str


@dataclass(frozen=True, slots=True)
class ModuleRecords:
    """The features of a module, and what was wrong with some of them.

    Attributes:
        features: The features by key.
        faults: Functions that make no features, with the reason.
        context: Everything but the functions themselves that the features follow from.
        by_function: The features again, by the digest of the function that makes them.
    """

    features: dict[FeatureKey, FeatureRecord]
    faults: tuple[Diagnostic, ...]
    context: tuple[Any, ...]
    by_function: dict[str, dict[FeatureKey, FeatureRecord]]


def clean(text: str) -> str:
    """Return a text that both databases can store: no NUL, and nothing that is not Unicode."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_json(value: Any) -> str:
    """Return the one JSON text of a value; the order of keys does not count."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


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
    context = _context(linked)
    known = earlier.by_function if earlier is not None and earlier.context == context else {}
    faults: list[Diagnostic] = []
    made: dict[str, dict[FeatureKey, FeatureRecord]] = {}
    for function, raw in zip(linked.functions, linked.raw, strict=True):
        digest = raw.digest
        try:
            made[digest] = known.get(digest) or _records(function, raw, digest)
        except DefinitionError as error:
            faults.append(Diagnostic(linked.module.path, raw.line, str(error)))
    features = {key: record for records in made.values() for key, record in records.items()}
    return ModuleRecords(features, tuple(faults), context, made)


def _context(linked: LinkedModule) -> tuple[Any, ...]:
    replaced = tuple(raw.name for raw in linked.raw if raw.replaced)
    return linked.module.path, linked.module.meaning, dict(linked.uses), replaced


def _records(function: Function, raw: RawFunction, digest: str) -> dict[FeatureKey, FeatureRecord]:
    nodes = expand(function)
    _refuse_overlong(function, nodes)
    module = function.location.module
    return {
        (module, clean(name), function.name): _record(name, group, raw, digest)
        for name, group in _groups(nodes).items()
    }


def _refuse_overlong(function: Function, nodes: Iterable[Node]) -> None:
    made = (name for node in nodes for name in (node.name, *node.dependencies))
    for name in (function.location.module, function.name, *made):
        if len(name) > LONGEST_NAME:
            raise DefinitionError(
                f"'{name[:40]}…' is left out: a name has at most {LONGEST_NAME} characters. Shorten it."
            )


def _groups(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """Return the nodes of each feature by its name; those without a node of their own are left out."""
    groups: dict[str, list[Node]] = {node.name: [] for node in nodes if node.role is Role.FEATURE}
    for node in nodes:
        if node.feature in groups:
            groups[node.feature].append(node)
    return {name: group for name, group in groups.items() if group}


def _record(name: str, group: Sequence[Node], raw: RawFunction, digest: str) -> FeatureRecord:
    main = next(node for node in group if node.name == name)
    parts = [{"name": n.name, "type": str(n.type), "doc": n.doc} for n in group if n is not main]
    return FeatureRecord(
        type=clean(str(main.type)),
        doc=clean(main.doc),
        condition=clean(str(main.condition)),
        tags=as_json({key: value for key, value in main.tags.items() if not _is_automatic(key)}),
        parts=as_json(parts),
        # Without their lines: a version must not end because something above it was added.
        partial=as_json(list(dict.fromkeys(_LINE.sub("", reason) for n in group for reason in n.partial))),
        dependencies=tuple(_dependencies(group)),
        digest=digest,
        raw=raw,
    )


def _is_automatic(tag: str) -> bool:
    # The engine sets these itself, and what they say stands in columns of its own.
    return tag == "module" or tag.startswith("hamilton.")


def _dependencies(group: Sequence[Node]) -> Iterator[DependencyRecord]:
    """Yield what the nodes of a feature need from outside it, in order, each name once."""
    seen = {node.name for node in group}
    for node in group:
        for argument in node.arguments:
            if argument.node is not None and argument.node not in seen:
                seen.add(argument.node)
                yield DependencyRecord(clean(argument.node), clean(str(argument.type)), argument.is_optional)


def dataflow_record(dataflow: DataflowSpec) -> DataflowRecord:
    """Return what is stored of a dataflow."""
    return DataflowRecord(
        origin=dataflow.origin,
        modules=as_json(dataflow.modules),
        config=as_json(dict(dataflow.config)),
        sources=as_json({name: source.as_dict() for name, source in dataflow.sources.items()}),
        outputs=as_json(dataflow.outputs),
    )
