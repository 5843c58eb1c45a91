"""Places where values of nodes are kept, and the record of what they were made by."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError
from headwater.fingerprints import fingerprint
from headwater.materialize.files import found_store, is_remote, opened, remove, replacing, write_bytes
from headwater.materialize.packages import needed
from headwater.materialize.secrets import hidden, hiding_secrets_of, secrets_in

__all__ = ["KEPT_METADATA", "Place", "Record"]

KEPT_METADATA = "kept_metadata"
logger = logging.getLogger("headwater.keeping")


@dataclass(frozen=True)
class Record:
    """What is known of values that are kept.

    Attributes:
        key: By what they were computed, and from what; None where that could not be told.
        fingerprints: Fingerprints of the values, by node.
        names: The names that columns have themselves, by node.
    """

    key: str | None
    fingerprints: Mapping[str, str]
    names: Mapping[str, Any]

    def as_json(self) -> bytes:
        """Return the record as a file holds it."""
        told = {"key": self.key, "fingerprints": dict(self.fingerprints), "names": dict(self.names)}
        return json.dumps({"headwater": 1, **told}, indent=1, sort_keys=True).encode()


@dataclass(frozen=True)
class Place:
    """Where and how some nodes are kept; it can be sent to another process.

    Attributes:
        id: Name of the node that stores.
        nodes: The nodes.
        types: Their types, as they are annotated.
        saver: The saver's class.
        loader: The loader's class.
        saving: Arguments of the saver.
        loading: Arguments of the loader.
        path: Where the values are, if that is a path; empty if not.
        record: Where the record is.
        options: What the store of path and record needs, in the words of fsspec.
        library: The package whose columns are put together as a table; empty for one value as it is.
    """

    id: str
    nodes: tuple[str, ...]
    types: tuple[Any, ...]
    saver: Any
    loader: Any
    saving: Mapping[str, Any]
    loading: Mapping[str, Any]
    path: str
    record: str
    options: Mapping[str, Any]
    library: str

    def store(self, values: Sequence[Any], key: str | None) -> dict[str, Any]:
        """Store values, make sure that they come back as they are, and then record them.

        What was recorded before is taken back first, so that wherever this ends no record tells of values
        that others have taken the place of.

        Raises:
            HeadwaterError: They would come back as others, or that cannot be told.
        """
        by_node = dict(zip(self.nodes, values, strict=True))
        prints = {name: fingerprint(value) for name, value in by_node.items()}
        for name, found in prints.items():
            if found is None:
                raise HeadwaterError(
                    f"'{name}' cannot be kept: whether a {type(by_node[name]).__name__} is the same when "
                    "it comes back cannot be told. Keep a node before or after it, or register a fingerprint."
                )
        names = {name: value.name for name, value in by_node.items()} if self.library else {}
        former = self.recorded()
        remove(self.record, self.options)
        try:
            said = self._call(self.saver(**self.saving), "save_data", self._together(by_node))
        except Exception:
            self._restore(former)
            raise
        record = Record(key, {name: str(found) for name, found in prints.items()}, names)
        self._require_same(record, by_node)
        self._write(record)
        said = said if isinstance(said, dict) else {}
        return {**said, KEPT_METADATA: {"key": key, "is_new": True}}

    def _write(self, record: Record) -> None:
        with replacing(self.record, options=self.options) as made:
            write_bytes(made, record.as_json())

    def _restore(self, former: Record | None) -> None:
        """Write a record again after a save that failed, if what it tells of is still there."""
        if former is not None and self.taken(former) is not None:
            with suppress(OSError):  # without a record the values are made anew, which is right, too
                self._write(former)

    def _require_same(self, record: Record, given: Mapping[str, Any]) -> None:
        back = self.load(record)
        for name in self.nodes:
            if fingerprint(back[name]) != record.fingerprints[name]:
                raise HeadwaterError(
                    f"'{name}' does not come back from '{self.saver.name()}' as it went: it went as "
                    f"{_described(given[name])} and came as {_described(back[name])}. What reads it "
                    "would depend on where the graph is cut. Keep it in another format, as "
                    "parquet or pickle, or change its types."
                )

    def _together(self, values: Mapping[str, Any]) -> Any:
        if not self.library:
            return values[self.nodes[0]]
        return needed(self.library, "A table of columns that are kept").DataFrame(dict(values))

    def load(self, record: Record) -> dict[str, Any]:
        """Return the values by node; whatever the format raises where they are not there."""
        if not self.library:
            return {self.nodes[0]: self._call(self.loader(**self.loading), "load_data", self.types[0])[0]}
        frame = needed(self.library, "A table of columns that are kept").DataFrame
        table, _ = self._call(self.loader(**self.loading), "load_data", frame)
        return {name: table[name].rename(record.names[name]) for name in self.nodes}

    @staticmethod
    def _call(adapter: Any, method: str, given: Any) -> Any:
        with hiding_secrets_of(adapter):
            return getattr(adapter, method)(given)

    def recorded(self) -> Record | None:
        """Return the record; None where there is none that can be read."""
        try:
            with opened(self.record, "rb", options=self.options) as file:
                found = json.load(file)
            record = Record(found["key"], found["fingerprints"], found["names"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning(
                "The record of '%s' cannot be read, so it is made anew: %s",
                self.id,
                hidden(str(error), secrets_in(self.record) | secrets_in(self.options)),
            )
            return None
        return record if set(record.fingerprints) == set(self.nodes) else None

    def is_there(self, record: Record) -> bool:
        """Tell whether something lies where the values are kept, without loading it if that can be told."""
        if not self.path:
            return self.taken(record) is not None
        if not is_remote(self.path):
            return Path(self.path).exists()
        store, inner = found_store(self.path, self.options)
        return bool(store.exists(inner))

    def taken(self, record: Record) -> dict[str, Any] | None:
        """Return the values that a record tells of; None where they are not there as it says."""
        try:
            values = self.load(record)
        except Exception as error:  # each format has errors of its own for what is not there or broken
            logger.warning("What '%s' keeps cannot be loaded, so it is made anew: %s", self.id, error)
            return None
        changed = [name for name in self.nodes if fingerprint(values[name]) != record.fingerprints[name]]
        if changed:
            logger.warning(
                "What '%s' keeps of %s was changed by others, so it is made anew.",
                self.id,
                ", ".join(changed),
            )
            return None
        return values


def _described(value: Any) -> str:
    kind = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
    types = getattr(value, "dtypes", getattr(value, "dtype", None))
    if types is None and hasattr(value, "schema"):  # an Arrow table
        types = [f"{field.type}{'' if field.nullable else ' not null'}" for field in value.schema]
    if types is None:
        return kind
    listed = (
        ", ".join(map(str, types))
        if hasattr(types, "__iter__") and not isinstance(types, str)
        else str(types)
    )
    index = getattr(value, "index", None)
    return f"{kind} ({listed}" + (f"; index {type(index).__name__}" if hasattr(index, "names") else "") + ")"
