"""What the form of a run offers and holds: outputs, configuration, inputs, and how it is executed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from headwater_catalog.dataflows import DataflowAt, choose_dataflow
from headwater_catalog.errors import CatalogError, Conflict
from headwater_catalog.inputs import missing_inputs
from headwater_catalog.lineage_graph import input_key
from headwater_catalog.locations import Whereabouts
from headwater_catalog.moments import Moment
from headwater_catalog.reproduce import TOLERANCE
from headwater_catalog.run_options import RunOptions
from headwater_catalog.selection import select_outputs
from headwater_catalog.source_specs import is_frame

__all__ = ["CONFIG", "FILE", "INPUT", "ConfigField", "RunChoice", "SourceField", "choice_of", "field_text"]

CONFIG: Final = "config."
INPUT: Final = "input."
FILE: Final = "file."
_MOST_FIELDS: Final = 100

Given = MultiDict[str, str]
"""What the reader chose, from the address or a form."""


@dataclass(frozen=True, slots=True)
class ConfigField:
    """A key of the configuration.

    Attributes:
        key: Its name.
        text: Its value as the field shows it.
        is_declared: Whether the dataflow gives it a value.
        offered: Values that features are known to tell apart, as texts.
    """

    key: str
    text: str
    is_declared: bool
    offered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceField:
    """A source, where its data is in the chosen environment, and the path that the reader gives instead."""

    name: str
    shown: str
    is_inside: bool
    text: str


@dataclass(frozen=True)
class RunChoice:
    """What somebody has chosen for a run so far, and what there is to choose.

    Attributes:
        moment: The repository at the commit.
        given: What the reader chose.
        flow: The dataflow; None where none fits, and `error` says why.
        outputs: The outputs by name or `module:name`, as the reader wrote them.
        query: The query that selects outputs, as the reader wrote it.
        selected: All outputs, with those that the query selects.
        error: Why there is nothing to run as yet.
    """

    moment: Moment
    given: Given
    flow: DataflowAt | None
    outputs: tuple[str, ...]
    query: str
    selected: tuple[str, ...]
    error: CatalogError | None = None
    needed: tuple[str, ...] = field(default=())

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of the needed inputs that are tables: each is a source as a whole."""
        if self.flow is None:
            return ()
        nodes = self.moment.snapshot.graph_of(self.flow.name).nodes
        types = {name: nodes[input_key(name)].type for name in self.needed if input_key(name) in nodes}
        return tuple(name for name in self.needed if is_frame(types.get(name, "")))

    @property
    def computed(self) -> tuple[str, ...]:
        """The outputs that a run has: those chosen, or else those that the dataflow declares."""
        return self.selected or tuple(self.flow.view.outputs if self.flow else ())

    @property
    def config(self) -> list[ConfigField]:
        """The keys of the configuration that features look at, with their values."""
        if self.flow is None:
            return []
        declared, keys = self.flow.view.config, sorted(self.flow.keys)[:_MOST_FIELDS]
        return [
            ConfigField(
                key,
                self.given.get(f"{CONFIG}{key}", field_text(declared[key]) if key in declared else ""),
                key in declared,
                tuple(field_text(value) for value in self.flow.values.get(key, ())),
            )
            for key in keys
        ]

    @property
    def env(self) -> str | None:
        """The environment that is chosen, or the usual one; None where there is but one."""
        env = self.given.get("env") or None
        return self.flow.env_of(env) if self.flow else env

    @property
    def sources(self) -> Iterator[SourceField]:
        """The sources that the dataflow declares."""
        for name, declared in (self.flow.view.sources if self.flow else {}).items():
            where = Whereabouts.from_dict(declared)
            place = where.locations.get(self.env or "") or where.locations.get("")
            shown, is_inside = (place.shown, bool(place.path)) if place else ("nowhere here", False)
            yield SourceField(name, shown, is_inside, self.given.get(f"{INPUT}{name}", ""))

    @property
    def sinks(self) -> Sequence[str]:
        """The sinks that the dataflow declares."""
        return sorted(self.flow.view.sinks) if self.flow else ()

    def read_config(self) -> dict[str, Any]:
        """Return the configuration as given: a text where the dataflow has a text, else JSON.

        Raises:
            Conflict: A value is not what the dataflow has there.
        """
        declared = self.flow.view.config if self.flow else {}
        known = self.flow.values if self.flow else {}
        found = {}
        for name, text in self.given.items():
            key = name.removeprefix(CONFIG)
            if key != name and (text or key in declared):
                found[key] = _value(key, text, declared, known.get(key, ()))
        return found

    def chosen_config(self) -> dict[str, Any]:
        """Return the configuration that is not as the dataflow declares it; that each commit declares itself.

        Raises:
            Conflict: A value is not what the dataflow has there.
        """
        declared = self.flow.view.config if self.flow else {}
        given = self.read_config()
        return {key: value for key, value in given.items() if key not in declared or declared[key] != value}

    def read_tolerance(self) -> float:
        """Return by how much values that are compared may differ.

        Raises:
            Conflict: It is no number.
        """
        text = self.given.get("tolerance", "").strip()
        try:
            return float(text) if text else TOLERANCE
        except ValueError:
            raise Conflict(f"The tolerance is a number such as 1e-9, not {text!r:.40}.") from None

    def read_keys(self) -> list[str]:
        """Return the columns by which rows that are compared are matched; none: by their index."""
        return [name.strip() for name in self.given.get("keys", "").split(",") if name.strip()]

    def read_inputs(self) -> dict[str, Any]:
        """Return the inputs as given in fields of their own and in lines of NAME=VALUE.

        Raises:
            Conflict: A line has no name, or a name is given twice.
        """
        found: dict[str, Any] = {}
        sources = self.flow.view.sources if self.flow else {}
        pairs = [(n.removeprefix(INPUT), t) for n, t in self.given.items() if n.startswith(INPUT) and t]
        for name, text in (*pairs, *_lines(self.given.get("inputs", ""))):
            if name in found:
                raise Conflict(f"Input '{name}' is given twice.")
            found[name] = text.strip() if name in sources else _json_or_text(text.strip())
        return found

    def read_options(self) -> RunOptions:
        """Return how the run is to be executed.

        Raises:
            CatalogError: A choice cannot be taken.
        """
        sample = self.given.get("sample", "").strip()
        if sample and not (sample.isascii() and sample.isdigit() and len(sample) < 12):
            raise Conflict(f"The sample is a number of rows, not {sample!r:.40}.")
        return RunOptions(
            env=self.given.get("env") or None,
            executor=self.given.get("executor") or "synchronous",
            sample=int(sample) if sample else None,
            note=self.given.get("note", "").replace("\r\n", "\n").strip(),
            sinks=tuple(self.given.getlist("sink")),
            use_kept=not self.given.get("anew"),
            saver=self.given.get("saver", "").strip(),
            profile=bool(self.given.get("profile")),
        )


def choice_of(moment: Moment, given: Given) -> RunChoice:
    """Return what somebody has chosen for a run of a repository at a commit."""
    outputs = tuple(dict.fromkeys(name for text in given.getlist("output") for name in text.split()))
    query, name = given.get("q", "").strip(), given.get("dataflow") or None
    try:
        found = select_outputs(moment, query, name) if query else []
        selected = tuple(dict.fromkeys((*outputs, *found)))
        flow = choose_dataflow(moment, name, selected)
        flow.names_of(selected)
    except CatalogError as error:
        return RunChoice(moment, given, _named(moment, name), outputs, query, outputs, error)
    needed = _needed(moment, flow, selected or flow.view.outputs)
    return RunChoice(moment, given, flow, outputs, query, selected, None, needed)


def field_text(value: Any) -> str:
    """Write a configuration value for a form field: texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _named(moment: Moment, name: str | None) -> DataflowAt | None:
    if name is None:
        return None
    try:
        return choose_dataflow(moment, name, ())
    except CatalogError:
        return None


def _needed(moment: Moment, flow: DataflowAt, outputs: Iterable[str]) -> tuple[str, ...]:
    """Return the names that outputs certainly need from outside and that the dataflow has no source for."""
    keys = []
    for output in outputs:
        module, _, name = output.rpartition(":")
        modules = [module] if module else sorted(flow.modules.get(name, ()))
        keys += [f"{each}:{name}" for each in modules]
    found = (missing_inputs(moment, flow.view, key) for key in keys if key in moment.snapshot.variants)
    return tuple(dict.fromkeys(name for names in found for name in names))[:_MOST_FIELDS]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line.strip():
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise Conflict(f"{line.strip()!r:.80} is not of the form NAME=VALUE.")
            yield name.strip(), value


def _value(name: str, text: str, declared: Mapping[str, Any], known: Sequence[Any]) -> Any:
    if isinstance(declared.get(name), str) or text in known:
        return text
    if name not in declared:
        return _json_or_text(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Conflict(
            f"{name} is declared as {declared[name]!r}, so it needs a value in JSON, not {text!r:.80}."
        ) from None


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
