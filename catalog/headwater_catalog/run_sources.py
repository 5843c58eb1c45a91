"""The sources of a run: brought by the trusted worker to where the sandboxed runner reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import MissingExtra
from headwater_catalog.errors import JobError, QuotingError
from headwater_catalog.git import GitSource
from headwater_catalog.handover import is_file, kept_sha256
from headwater_catalog.input_places import place_of_source
from headwater_catalog.interruption import Until
from headwater_catalog.kept_inputs import input_file, is_kept
from headwater_catalog.locations import Location
from headwater_catalog.outside_data import fetch, format_at
from headwater_catalog.sizes import size_in_words
from headwater_catalog.source_specs import SourceSpec

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = [
    "AGAIN",
    "BroughtSource",
    "bring_sources",
    "copy_from_commits",
    "further_sources",
    "inputs_used",
    "upload_lost",
]

AGAIN: Final = "It cannot be made again, because "
"""How the reason of a run begins that was to make something again and has not the same inputs."""


@dataclass(frozen=True, slots=True)
class BroughtSource:
    """A source where the runner finds it.

    Attributes:
        declared: How it is to be read: path as shown, index, dates, format, and whether in any case.
        file: Its file, which may not be there.
        sha256: Of the bytes of the file; empty where there is none.
        origin: What the run says of where it comes from.
        bytes: How large the file is; 0 where there is none.
        is_outside: Whether it was brought from elsewhere, so that neither a commit nor anybody here has it.
    """

    declared: dict[str, Any]
    file: Path
    sha256: str
    origin: dict[str, Any]
    bytes: int = 0
    is_outside: bool = False


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
    then: Mapping[str, Mapping[str, Any]] | None = None,
    until: Until = lambda: None,
) -> dict[str, BroughtSource]:
    """Bring the data of each source to a file: one that the run was given, of the commit, or from elsewhere.

    Where something is made again, data from elsewhere is that which was kept then; where that is gone, it is
    brought anew, and must be the same.

    Args:
        settings: Where uploads are, and which places elsewhere are allowed.
        sources: The declarations by name, as the store has them.
        inputs: What the run was given, by name.
        folder: The folder of the run, with the files of the commit in `tree`, and after `copy_from_commits`.
        env: The environment whose places count; None: the usual one.
        sample: How many rows are wanted; None: all.
        then: The inputs as they were used, where something is made again; None for something new.
        until: Says why bringing must end before it is done.

    Raises:
        JobError: A source is where it must not be, or cannot be brought.
    """
    (folder / "sources").mkdir()
    brought = {}
    for number, (name, declared) in enumerate(sources.items()):
        given = inputs.get(name, {})
        format: str | None = None
        is_outside, otherwise, any_case = False, "", False
        if given.get("upload"):
            origin = {key: given[key] for key in ("path", "upload")}
            file = input_file(settings, given["sha256"])
            _require_upload(name, file)
        else:
            place = place_of_source(name, declared, given, env)
            origin = {"path": place.shown}
            is_outside, any_case = not place.path, bool(place.connection)
            target = folder / "sources" / str(number)
            if "commit" in given:
                file, format = _copy_of(name, folder), place.format
                origin["commit"] = given["commit"]
            elif place.path:
                file, format = folder / "tree" / place.path, place.format
            elif then is None:
                file, format = fetch(settings.data, name, place, target, sample, until)
            elif name in then:
                file, format, otherwise = _as_then(settings, name, place, then[name], target, sample, until)
            else:  # nothing needed it then
                continue
        readable = {"path": origin["path"], "index": declared["index"], "dates": declared["dates"]}
        sha256, size = (kept_sha256(file), file.stat().st_size) if is_file(file) else ("", 0)
        if otherwise and then is not None and sha256 != then[name]["sha256"]:
            raise JobError(otherwise)
        if given.get("upload") and then is None:  # else it is held against what was used then
            _require_as_sent(name, given, sha256)
        told = {**readable, "format": format, **({"any_case": True} if any_case else {})}
        brought[name] = BroughtSource(told, file, sha256, origin, size, is_outside)
    return brought


def _as_then(
    settings: Settings,
    name: str,
    place: Location,
    then: Mapping[str, Any],
    target: Path,
    sample: int | None,
    until: Until,
) -> tuple[Path, str, str]:
    """Return a file of elsewhere with its format, and what to say if that is not what was used then."""
    if is_kept(settings, then["sha256"]):
        return input_file(settings, then["sha256"]), format_at(place), ""
    lost = f"the data of source '{name}' ({place.shown}{_sized(then)}) is not kept"
    more = (
        f"Inputs of dataset versions are kept up to {size_in_words(settings.inputs_limit)} in all, as the "
        "setting HEADWATER_INPUTS_LIMIT says; those of versions that are made from now on may be more."
    )
    try:
        file, format = fetch(settings.data, name, place, target, sample, until)
    except (JobError, MissingExtra) as error:
        plain = f"{AGAIN}{lost}, and it cannot be brought anew"
        raise QuotingError(f"{plain}: {error} {more}", f"{plain}. {more}") from error
    return file, format, f"{AGAIN}{lost}, and what is there now is something else. {more}"


def upload_lost(name: str, given: Mapping[str, Any]) -> str:
    """Say that a file is no longer kept that was given to a run as a source."""
    return (
        f"the file that was given as '{name}' ({given['path']}{_sized(given)}) is no longer kept. Give the "
        f"same file to a run once more; it is known by its SHA-256, {given['sha256'][:16]}…"
    )


def _sized(given: Mapping[str, Any]) -> str:
    return f", {size_in_words(given['bytes'])}" if given.get("bytes") is not None else ""


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
            used[name] = {**source.origin, "sha256": source.sha256, "bytes": source.bytes, **read}
    return used


def _require_upload(name: str, file: Path) -> None:
    if not is_file(file):
        raise JobError(f"The file that was given for source '{name}' is no longer kept. Send it again.")


def _require_as_sent(name: str, given: Mapping[str, Any], sha256: str) -> None:
    if sha256 != given["sha256"]:
        raise JobError(
            f"The file that was given for source '{name}' is not the one that was sent: somebody has written "
            "over it. Send it again."
        )
