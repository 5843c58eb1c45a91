"""Relays: one execution of a dataflow in several runs, each of which takes what earlier ones have handed on.

What is handed on is a file beside what tells it: the run that made it, and all that its value follows from.
Both lie in a folder of the relay, in the catalog's home or in a sink of the dataflow that is a folder. This
side is trusted and opens no value; those are read where feature code is executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from headwater_catalog.data_settings import DataSettings
from headwater_catalog.errors import Conflict, JobError, NotFound
from headwater_catalog.handed_values import HANDED
from headwater_catalog.handover import is_file, kept_sha256, open_folder, open_kept, take_file
from headwater_catalog.locations import Location
from headwater_catalog.outside_data import opened, require_allowed
from headwater_catalog.removal import remove_folder
from headwater_catalog.sinks import places_of, write_file
from headwater_catalog.value_store import relays_of

if TYPE_CHECKING:
    from headwater_catalog.dataflows import DataflowAt
    from headwater_catalog.settings import Settings

__all__ = [
    "Relay",
    "RelayPlace",
    "Taken",
    "files_of",
    "hand_on",
    "place_of_relay",
    "require_relay",
    "sweep",
    "take",
]

_KEY: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_:+-]|\.(?!\.)){0,199}")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,150}")
_TOLD_BYTES: Final = 4 << 20
_DAYS: Final = 14
_DIFFERENT: Final = {
    "commit": "at another commit",
    "dataflow": "by another dataflow",
    "config": "with another configuration",
    "env": "in another environment",
    "sample": "with another number of rows",
    "inputs": "with other inputs",
}


@dataclass(frozen=True, slots=True)
class Relay:
    """What a run has to do with a relay.

    Attributes:
        key: Tells one execution of the dataflow from the others; whoever begins it chooses it.
        through: The sink of the dataflow, a folder, in which values are handed on; empty: the catalog's home.
        take: The nodes whose values are taken, in place of computing them.
        hand_on: Whether the values of the outputs are handed on, but those that were taken.

    Raises:
        Conflict: The key cannot be one, or nothing is taken or handed on.
    """

    key: str
    through: str = ""
    take: tuple[str, ...] = ()
    hand_on: bool = False

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise Conflict(
                f"{self.key!r:.80} is no key of a relay. One has up to 200 letters, digits and . _ : + - and "
                "begins with a letter or digit."
            )
        if not self.take and not self.hand_on:
            raise Conflict(f"A run in relay '{self.key}' takes something or hands something on. Say what.")

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it."""
        told = {"key": self.key, "through": self.through}
        return {**told, "take": list(self.take), "hand_on": self.hand_on}

    def folder(self, dataflow: str) -> str:
        """Return where in its place the values of a dataflow lie: one execution may be of several."""
        return f"{self.key}/{_file_name(dataflow)}"

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Relay:
        """Return what was stored."""
        return cls(stored["key"], stored["through"], tuple(stored["take"]), stored["hand_on"])


@dataclass(frozen=True, slots=True)
class RelayPlace:
    """Where the values of a relay lie.

    Attributes:
        url: The folder, with a slash at the end.
        sink: The sink that it is in; empty for the catalog's home.
    """

    url: str
    sink: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A value that was handed on, where the runner finds it.

    Attributes:
        file: Its file.
        run: The run that made it.
        told_sha256: Of what was told beside it.
    """

    file: Path
    run: int
    told_sha256: str


def require_relay(flow: DataflowAt, relay: Relay, env: str | None) -> None:
    """Make sure that a dataflow has what a relay names.

    Raises:
        NotFound: It has no such node or sink.
        Conflict: The sink is no folder.
    """
    for name in relay.take:
        if not flow.has(name):
            raise NotFound(f"Dataflow '{flow.name}' has no '{name}' that could be taken at this commit.")
    if not relay.through:
        return
    if relay.through not in flow.view.sinks:
        raise NotFound(
            f"Dataflow '{flow.name}' has no sink '{relay.through}'. It has: "
            f"{', '.join(flow.view.sinks) or 'none'}."
        )
    _folder_of(flow.view.sinks, relay.through, env)


def place_of_relay(
    settings: Settings,
    repository_id: int,
    dataflow: str,
    sinks: Mapping[str, Mapping[str, Any]],
    relay: Relay,
    env: str | None,
) -> RelayPlace:
    """Return where the values of a relay lie.

    Raises:
        Conflict: Its sink says no folder in this environment.
    """
    if not relay.through:
        folder = relays_of(settings, repository_id).absolute() / relay.folder(dataflow)
        return RelayPlace(f"file://{folder}/")
    url = _folder_of(sinks, relay.through, env).url
    return RelayPlace(f"{url}{relay.folder(dataflow)}/", relay.through)


def files_of(node: str, sha256: str) -> tuple[str, str]:
    """Return the names of the file of a value that was handed on, and of what tells it."""
    name = _file_name(node)
    return f"{name}.{sha256[:16]}.value", f"{name}.json"


def _file_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f"-{hashlib.sha256(name.encode()).hexdigest()}"


def _folder_of(sinks: Mapping[str, Mapping[str, Any]], name: str, env: str | None) -> Location:
    place = places_of(sinks, [name], env)[name]
    if not place.url.endswith("/"):
        raise Conflict(
            f"Sink '{name}' ({place.shown}) is no folder, so nothing can be handed on through it. Declare "
            "one with a url that ends with a slash."
        )
    return place


def take(
    allowed: DataSettings,
    place: RelayPlace,
    nodes: Iterable[str],
    agreed: Mapping[str, Any],
    sources: Mapping[str, str],
    folder: Path,
) -> dict[str, Taken]:
    """Bring values that were handed on to a folder, by node.

    Args:
        allowed: Where data may be.
        place: Where they lie.
        nodes: The nodes.
        agreed: What all runs of a relay must have in common, as plain data.
        sources: The sha256 of each source as it is now.
        folder: Where they are brought to.

    Raises:
        JobError: A value is not there, or was made of something else than this run is.
    """
    folder.mkdir()
    found: dict[str, Taken] = {}
    for number, node in enumerate(nodes):
        told, told_sha256 = _told(allowed, place, node)
        _require_same(node, told, agreed, sources)
        file = folder / str(number)
        _bring(allowed, place, files_of(node, told["sha256"])[0], file, node)
        if kept_sha256(file) != told["sha256"]:
            raise JobError(
                f"The value of '{node}' that run {told['run']} handed on is damaged. Run that again."
            )
        found[node] = Taken(file, told["run"], told_sha256)
    return found


def hand_on(
    allowed: DataSettings,
    place: RelayPlace,
    nodes: Mapping[str, str],
    left: Path,
    made: Path,
    told: Mapping[str, Any],
) -> dict[str, dict[str, str]]:
    """Carry what a runner has left of some nodes to the place of a relay.

    The value goes first and what tells it last, so that nobody takes half of one; a run that is made again
    puts its own in place of what was there.

    Args:
        allowed: Where data may be.
        place: Where they go.
        nodes: The names of the files by node.
        left: The folder in which the runner left them.
        made: A folder that feature code never had.
        told: What is told beside each: `run`, `sources`, and what all runs of the relay have in common.

    Returns:
        By node the `sha256` of its value, and of what is `told` beside it.

    Raises:
        JobError: The runner left none, or it cannot be written.
    """
    handed: dict[str, dict[str, str]] = {}
    for node, name in nodes.items():
        file = made / f"{HANDED}-{name}"
        try:
            with open_folder(left) as held:
                size = take_file(name, held, file)
        except OSError as error:
            raise JobError(f"The run left no value of '{node}' that could be handed on: {error}.") from error
        sha256 = kept_sha256(file)
        beside = made / f"{HANDED}-{name}.json"
        content = json.dumps({**told, "node": node, "sha256": sha256, "bytes": size}).encode()
        beside.write_bytes(content)
        handed[node] = {"sha256": sha256, "told": hashlib.sha256(content).hexdigest()}
        for each, target in zip((file, beside), files_of(node, sha256), strict=True):
            _write(allowed, place, target, each, node)
    return handed


def sweep(settings: Settings) -> None:
    """Remove what was handed on in the home so long ago that nobody takes it any more."""
    for folder in (settings.home / "relays").glob("*/*"):
        with contextlib.suppress(FileNotFoundError):  # another worker removes it, too
            newest = max(each.lstat().st_mtime for each in (folder, *folder.rglob("*")))
            if newest < time.time() - _DAYS * 24 * 3600:
                remove_folder(folder)


def _told(allowed: DataSettings, place: RelayPlace, node: str) -> tuple[dict[str, Any], str]:
    """Return what is told of a value, and the sha256 of that."""
    content = _read(allowed, place, files_of(node, "")[1], node)
    try:
        told = json.loads(content)
        if (
            told["node"] != node
            or not re.fullmatch("[0-9a-f]{64}", told["sha256"])
            or type(told["run"]) is not int
        ):
            raise ValueError(node)
        dict(told["sources"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise JobError(f"What is told of '{node}' in {place.url} cannot be read. Hand it on again.") from None
    return dict(told), hashlib.sha256(content).hexdigest()


def _require_same(
    node: str, told: Mapping[str, Any], agreed: Mapping[str, Any], sources: Mapping[str, str]
) -> None:
    made = f"The value of '{node}' that run {told['run']} handed on was made"
    for key, value in agreed.items():
        if told.get(key) != value:
            raise JobError(
                f"{made} {_DIFFERENT.get(key, f'with another {key}')} ({_short(told.get(key))}, here "
                f"{_short(value)}). Runs of one relay have all of that in common; begin another relay."
            )
    for name, sha256 in told["sources"].items():
        if sources.get(name) != sha256:
            raise JobError(
                f"{made} of source '{name}' as it was then, and that has changed since. Begin another relay, "
                "so that all of it is made of the same data."
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _path_of(url: str) -> Path | None:
    return Path(unquote(url).removeprefix("file://")) if url.startswith("file:") else None


def _read(allowed: DataSettings, place: RelayPlace, name: str, node: str) -> bytes:
    url = _url(allowed, place, name)
    path = _path_of(url)
    try:
        if path is not None and not is_file(path):
            raise FileNotFoundError(url)
        with open_kept(path) if path is not None else opened(url, "rb") as stream:
            return stream.read(_TOLD_BYTES)
    except FileNotFoundError:
        raise JobError(
            f"Nothing was handed on of '{node}': there is no {url}. The run that makes it must have "
            "succeeded in the same relay, and both must reach the same folder."
        ) from None
    except OSError as error:
        raise JobError(f"What was handed on of '{node}' cannot be read: {error}.") from error


def _bring(allowed: DataSettings, place: RelayPlace, name: str, target: Path, node: str) -> None:
    url = _url(allowed, place, name)
    path = _path_of(url)
    try:
        with open_kept(path) if path is not None else opened(url, "rb") as stream, target.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    except OSError as error:
        raise JobError(f"What was handed on of '{node}' cannot be read: {error}.") from error


def _write(allowed: DataSettings, place: RelayPlace, name: str, file: Path, node: str) -> None:
    url = _url(allowed, place, name)
    try:
        write_file(url, file)
    except OSError as error:
        raise JobError(f"'{node}' cannot be handed on to {url}: {error}.") from error


def _url(allowed: DataSettings, place: RelayPlace, name: str) -> str:
    url = f"{place.url}{name}"
    if place.sink:  # the home is the catalog's own
        require_allowed(allowed, place.sink, url)
    return url
