"""The hash chain of the event log: each event carries the hash of the one before, so changes show.

What a chain cannot show: whoever can write to the database can write all of it anew, with hashes that fit.
Only a hash that was noted elsewhere, the anchor, tells that apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from headwater_catalog.errors import CatalogError

__all__ = [
    "BEGINNING",
    "Anchor",
    "Fault",
    "Link",
    "Verification",
    "event_hash",
    "export_lines",
    "read_export",
    "verify",
]

BEGINNING: Final = "0" * 64
"""What the first event has for the hash of the one before."""

_FORM: Final = "headwater event 1"  # of what is hashed; another form needs another name
_MOST_FAULTS: Final = 100
_FIELDS: Final = ("id", "at", "kind", "actor", "subject", "details", "address")


@dataclass(frozen=True, slots=True)
class Link:
    """An event in the chain, as it is stored or exported."""

    id: int
    at: int
    kind: str
    actor: str
    subject: str
    details: Mapping[str, Any]
    address: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """An event's number and hash: the last of the log, or one that somebody has noted elsewhere."""

    id: int
    hash: str

    def __str__(self) -> str:
        """Write it as people note it."""
        return f"{self.id}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the log was tampered with, and how that shows."""

    event: int
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of following the chain; `last` is what to note elsewhere."""

    events: int
    last: Anchor | None
    faults: tuple[Fault, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing shows that the log was tampered with."""
        return not self.faults


def event_hash(previous: str, values: Mapping[str, Any]) -> str:
    """Return the hash of an event that follows the one with the hash `previous`."""
    told = [_FORM, previous, *(values[name] for name in _FIELDS)]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(links: Iterable[Link], head: Anchor | None, anchor: Anchor | None = None) -> Verification:
    """Follow the chain from its beginning, and tell where it does not hold.

    Args:
        links: All events, in the order of the log.
        head: What the log says that its last event is; None where it is empty.
        anchor: An event that was noted elsewhere.
    """
    faults: list[Fault] = []
    count, last, anchored = 0, Anchor(0, BEGINNING), anchor is None
    for link in links:
        count += 1
        if len(faults) < _MOST_FAULTS:
            faults.extend(_faults_of(link, last))
        if anchor is not None and link.id == anchor.id:
            anchored = True
            if link.hash != anchor.hash:
                faults.append(Fault(link.id, f"Event {link.id} is another one than was noted elsewhere."))
        last = Anchor(link.id, link.hash)
    end = last if count else None
    if end != head:
        said = f"event {head.id} is the last one" if head else "there are no events"
        faults.append(
            Fault(
                last.id, f"The log says that {said}, but it ends with event {last.id}: its end was changed."
            )
        )
    if anchor is not None and not anchored:
        faults.append(Fault(anchor.id, f"Event {anchor.id}, which was noted elsewhere, is gone."))
    return Verification(count, end, tuple(faults))


def _faults_of(link: Link, last: Anchor) -> Iterator[Fault]:
    if link.id <= last.id:
        yield Fault(link.id, f"Event {link.id} stands behind event {last.id}: the order was changed.")
    if event_hash(link.previous, {name: getattr(link, name) for name in _FIELDS}) != link.hash:
        yield Fault(link.id, f"Event {link.id} was changed: its hash does not fit what it says.")
    if link.previous != last.hash:
        before = f"event {last.id}" if last.id else "the beginning"
        yield Fault(
            link.id,
            f"Event {link.id} does not follow {before}: one of the two was written anew, or events between "
            "them were removed, added or moved.",
        )


def export_lines(links: Iterable[Link]) -> Iterator[str]:
    """Write the log as JSON lines: one for each event, and one that says which is the last."""
    last: Anchor | None = None
    for link in links:
        last = Anchor(link.id, link.hash)
        yield _line({name: getattr(link, name) for name in (*_FIELDS, "previous", "hash")})
    yield _line({"last": None if last is None else {"id": last.id, "hash": last.hash}})


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


class _Export:
    """Reads the events of an export; `head` is known when all are read."""

    def __init__(self, file: IO[str], name: str) -> None:
        self.head: Anchor | None = None
        self._file = file
        self._name = name

    def links(self) -> Iterator[Link]:
        """Give the events in their order.

        Raises:
            CatalogError: A line is no event, or the end is missing.
        """
        is_ended = False
        for number, line in enumerate(self._file, 1):
            if is_ended:
                raise self._fault(number, "it stands behind the end of the log")
            try:
                values = json.loads(line)
                if "last" in values:
                    is_ended, self.head = True, values["last"] and Anchor(**values["last"])
                    continue
                link = Link(**values)
            except (ValueError, TypeError, RecursionError) as error:
                raise self._fault(number, f"it is no event ({type(error).__name__}: {error})") from None
            if not _is_well_formed(link):
                raise self._fault(number, "its fields are not those of an event")
            yield link
        if not is_ended:
            raise CatalogError(f"{self._name} has no last line that says how the log ends: it was cut off.")

    def _fault(self, line: int, why: str) -> CatalogError:
        return CatalogError(
            f"Line {line} of {self._name} cannot be verified: {why:.200}. "
            "Give a file as `headwater events export` has written it."
        )


def _is_well_formed(link: Link) -> bool:
    texts = (link.kind, link.actor, link.subject, link.address, link.previous, link.hash)
    return (
        type(link.id) is int
        and type(link.at) is int
        and isinstance(link.details, dict)
        and all(isinstance(text, str) for text in texts)
    )


def read_export(file: IO[str], name: str, anchor: Anchor | None = None) -> Verification:
    """Verify an exported log, with nothing but the file.

    Raises:
        CatalogError: It is no such file, or was cut off.
    """
    export = _Export(file, name)
    links = list(export.links())
    try:
        return verify(links, export.head, anchor)
    except RecursionError:  # what could just be read need not fit to be written
        raise CatalogError(
            f"{name} cannot be verified: an event in it is nested too deeply to be one. Give a file as "
            "`headwater events export` has written it."
        ) from None
