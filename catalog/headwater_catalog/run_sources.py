"""The sources of a run: brought by the trusted worker to where the sandboxed runner reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater_catalog.datasets import file_sha256
from headwater_catalog.errors import JobError
from headwater_catalog.git import GitSource
from headwater_catalog.outside_data import fetch
from headwater_catalog.read.locations import Location, Whereabouts
from headwater_catalog.read.project import SourceSpec
from headwater_catalog.runs import is_source_path
from headwater_catalog.uploads import upload_file

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["BroughtSource", "bring_sources", "copy_from_commits", "further_sources", "inputs_used"]


@dataclass(frozen=True, slots=True)
class BroughtSource:
    """A source where the runner finds it.

    Attributes:
        declared: How it is to be read: path as shown, index, dates, format.
        file: Its file, which may not be there.
        sha256: Of the bytes of the file; empty where there is none.
        origin: What the run says of where it comes from.
    """

    declared: dict[str, Any]
    file: Path
    sha256: str
    origin: dict[str, Any]


def further_sources(inputs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return declarations of the files that a run was given, for those that its dataflow does not declare."""
    files = {name: given["path"] for name, given in inputs.items() if "path" in given}
    return {name: SourceSpec(path).as_dict() for name, path in files.items()}


def copy_from_commits(source: GitSource, inputs: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Copy the files that a run was given of other commits than its own to where `bring_sources` looks.

    Raises:
        RepositoryError: A commit does not have one.
    """
    for name, given in inputs.items():
        if "commit" in given:
            source.copy_file(given["commit"], given["path"], _copy_of(name, folder))


def _copy_of(name: str, folder: Path) -> Path:
    return folder / "commits" / hashlib.sha256(name.encode()).hexdigest()


def bring_sources(
    settings: Settings,
    sources: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, Mapping[str, Any]],
    folder: Path,
    *,
    env: str | None,
    sample: int | None,
) -> dict[str, BroughtSource]:
    """Bring the data of each source to a file: one that the run was given, of the commit, or from elsewhere.

    Args:
        settings: Where uploads are, and which places elsewhere are allowed.
        sources: The declarations by name, as the store has them.
        inputs: What the run was given, by name.
        folder: The folder of the run, with the files of the commit in `tree`, and after `copy_from_commits`.
        env: The environment whose places count; None: the usual one.
        sample: How many rows are wanted; None: all.

    Raises:
        JobError: A source is where it must not be, or cannot be brought.
    """
    (folder / "sources").mkdir()
    brought = {}
    for number, (name, declared) in enumerate(sources.items()):
        given = inputs.get(name, {})
        if given.get("upload"):
            origin = {key: given[key] for key in ("path", "upload")}
            file, format = upload_file(settings, given["sha256"]), None
            _require_upload(name, file)
        else:
            place = _place(name, declared, given, env)
            origin = {"path": place.shown}
            if "commit" in given:
                file, format = _copy_of(name, folder), place.format
                origin["commit"] = given["commit"]
            elif place.path:
                file, format = folder / "tree" / place.path, place.format
            else:
                target = folder / "sources" / str(number)
                file, format = fetch(settings.data, name, place, target, sample)
        readable = {"path": origin["path"], "index": declared["index"], "dates": declared["dates"]}
        sha256 = file_sha256(file) if file.is_file() else ""
        brought[name] = BroughtSource({**readable, "format": format}, file, sha256, origin)
    return brought


def inputs_used(
    given: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, BroughtSource],
    rows: Mapping[str, int | None],
) -> dict[str, Any]:
    """Return the inputs as used: literals as given, and each source read with its path, bytes and rows.

    Args:
        given: What the run was given, by name.
        sources: The sources as they were brought.
        rows: How many rows of each source were read, None where values that were made of it stood in place;
            those that nothing needed are not there.
    """
    used = {name: value for name, value in given.items() if "value" in value}
    for name, source in sources.items():
        if name in rows and source.sha256:
            read = {} if rows[name] is None else {"rows": rows[name]}
            used[name] = {**source.origin, "sha256": source.sha256, **read}
    return used


def _place(name: str, declared: Mapping[str, Any], given: Mapping[str, Any], env: str | None) -> Location:
    """Return where a source is; a file of the repository that the run was given goes before."""
    where = Whereabouts.from_dict(declared)
    try:
        place = Location(path=given["path"], format=given.get("format")) if given else where.at(env)
    except KeyError:
        raise JobError(
            f"Source '{name}' says no place in the environment '{env}'. Add in.{env} to it in the project "
            "file, or run in another environment."
        ) from None
    if place.path and not is_source_path(place.path):
        raise JobError(f"Source '{name}' names '{place.path}', which is outside of the repository.")
    return place


def _require_upload(name: str, file: Path) -> None:
    if not file.is_file():
        raise JobError(f"The file that was given for source '{name}' is no longer kept. Send it again.")
