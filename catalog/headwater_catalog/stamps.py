"""Stamps: what a saved table says of itself, which anybody may have written or changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater.errors import InvalidInput
from headwater_catalog.bounded_json import TooMuch, require_few

__all__ = ["LARGEST", "SIDECAR", "Stamp", "completed", "has_sidecar", "parse_stamp", "stamp_bytes"]

_SCHEME: Final = "headwater-stamp-1"
"""Name of the form of stamps."""

SIDECAR: Final = ".headwater.json"
"""What the name of the file has behind it that holds the stamp of a CSV or JSON file."""

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a stamp: room for some fifty thousand columns."""

_WITHOUT_METADATA: Final = ("csv", "json")

_TEXTS: Final = (
    *("version", "dataset", "repository", "commit", "made_at", "made_by", "dataflow", "schema"),
    "lineage_scheme",
)
_OBJECTS: Final = ("config", "inputs", "environment", "recipe")
_COLUMN_TEXTS: Final = ("name", "type", "kind", "fingerprint")
_COLUMN_MAYBE: Final = ("feature", "node", "introduced", "lineage", "source")
_ITEMS: Final = 1_000_000  # of all lists and objects of a stamp
_LEVELS: Final = 40
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a saved table says of itself.

    Attributes:
        content: All of it, as plain data: of the form that `parse_stamp` has checked.
    """

    content: Mapping[str, Any]

    @property
    def version(self) -> str:
        """The name of the dataset version, which no other has."""
        return str(self.content["version"])

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the content that was saved."""
        return str(self.content["fingerprint"]["table"])

    @property
    def fingerprint_scheme(self) -> str:
        """By which rules the fingerprints were made."""
        return str(self.content["fingerprint"]["scheme"])

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The columns in order."""
        return list(self.content["columns"])

    @property
    def rows(self) -> int:
        """How many rows were saved."""
        return int(self.content["rows"])


def has_sidecar(format: str) -> bool:
    """Tell whether the stamp of a table of this format stands beside it, as it has no room for one."""
    return format in _WITHOUT_METADATA


def completed(
    draft: Mapping[str, Any], rows: int, table: str, columns: Mapping[str, Mapping[str, str]], schema: str
) -> dict[str, Any]:
    """Return a stamp with what only the content tells.

    Args:
        draft: The stamp without it; its columns, by name, are what is known of some of them.
        rows: How many rows there are.
        table: The fingerprint of the table, with the name of its scheme before it: `scheme:hex`.
        columns: Type and fingerprint of each column, in order.
        schema: The types as a text for programs.
    """
    scheme, _, content = table.partition(":")
    known = draft["columns"]
    return {
        **draft,
        "scheme": _SCHEME,
        "rows": rows,
        "fingerprint": {"scheme": scheme, "table": content},
        "columns": [{"name": n, **told, **known.get(n, {"kind": "unknown"})} for n, told in columns.items()],
        "schema": schema,
    }


def stamp_bytes(content: Mapping[str, Any]) -> bytes:
    """Return a stamp as it stands in files: the same stamp is always the same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def parse_stamp(data: bytes) -> Stamp:
    """Read a stamp.

    Raises:
        InvalidInput: It is none, or not of the form that it should be.
    """
    if len(data) > LARGEST:
        raise InvalidInput(f"The stamp is larger than {LARGEST // 1024**2} MB, so it is none of Headwater's.")
    try:
        require_few(data, _ITEMS)
        content = json.loads(data, parse_constant=_no_number)
        _check(content)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        told = f"{error}" if isinstance(error, (TypeError, TooMuch)) else f"{type(error).__name__}: {error}"
        raise InvalidInput(
            f"The stamp of the file is damaged ({told[:200]}), so somebody has written over it."
        ) from None
    return Stamp(content)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _check(content: Any) -> None:
    _of(content, "the stamp", dict)
    if content.get("scheme") != _SCHEME:
        raise TypeError(f"its form is {content.get('scheme')!r:.40}, not {_SCHEME!r}")
    for key in _TEXTS:
        _of(content[key], key, str)
    for key in _OBJECTS:
        _of(content[key], key, dict)
    if not _SHA.fullmatch(content["commit"]):
        raise TypeError(f"commit is {content['commit']!r:.80}, which names none in full")
    for key in ("rows", "run"):
        _of(content[key], key, int)
    _texts(content["outputs"], "outputs")
    fingerprint = _of(content["fingerprint"], "fingerprint", dict)
    for key in ("scheme", "table"):
        _of(fingerprint[key], f"fingerprint.{key}", str)
    if (patch := content.get("patch")) is not None:
        for key in ("on", "text"):
            _of(_of(patch, "patch", dict)[key], f"patch.{key}", str)
    for name, given in content["inputs"].items():
        _check_input(_of(given, f"inputs.{name}", dict), name)
    for column in _of(content["columns"], "columns", list):
        _check_column(_of(column, "a column", dict))
    _require_shallow(content)


def _check_input(given: Mapping[str, Any], name: str) -> None:
    for key, kind in (("path", str), ("sha256", str), ("bytes", int), ("rows", int)):
        if given.get(key) is not None:
            _of(given[key], f"inputs.{name}.{key}", kind)


def _check_column(column: Mapping[str, Any]) -> None:
    for key in _COLUMN_TEXTS:
        _of(column[key], f"columns.{key}", str)
    for key in _COLUMN_MAYBE:
        if column.get(key) is not None:
            _of(column[key], f"columns.{key}", str)
    for key in ("features", "opaque"):
        _texts(column.get(key, []), f"columns.{key}")


def _texts(value: Any, name: str) -> None:
    for item in _of(value, name, list):
        _of(item, name, str)


def _of(value: Any, name: str, kind: type[Any]) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r:.40}, which is no {_WORDS[kind]}")
    if isinstance(value, str):
        _require_storable(name, value)
    return value


_WORDS: Final[Mapping[type, str]] = {str: "text", dict: "object", list: "list", int: "whole number"}


def _require_storable(name: str, value: str) -> None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise TypeError(f"{name} holds a character that no text has")


def _require_shallow(value: Any) -> None:
    """Refuse what is nested so deeply that it could not be shown."""
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, level = pending.pop()
        if level > _LEVELS:
            raise TypeError("it is nested too deeply")
        inner: Callable[[], Any] | None = (
            item.values if isinstance(item, dict) else item.copy if isinstance(item, list) else None
        )
        if inner is not None:
            pending += ((each, level + 1) for each in inner())
