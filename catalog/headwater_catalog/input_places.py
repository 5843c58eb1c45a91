"""Where the inputs of runs and of dataset versions are: in the commit, or apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from headwater_catalog.errors import JobError
from headwater_catalog.kept_inputs import is_kept
from headwater_catalog.locations import Location, Whereabouts

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.models import DatasetVersion

__all__ = ["inputs_apart", "is_source_path", "kept_inputs_of", "place_of_source"]


def place_of_source(
    name: str, declared: Mapping[str, Any], given: Mapping[str, Any], env: str | None
) -> Location:
    """Return where a source is; a file of the repository that the run was given goes before.

    Raises:
        JobError: It is nowhere in this environment, or where it must not be.
    """
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


def is_source_path(path: str) -> bool:
    """Tell whether a path stays inside the repository that it is relative to."""
    pure = PurePosixPath(path)
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts and "\0" not in path


def inputs_apart(stamp: Mapping[str, Any]) -> dict[str, str]:
    """Return the sha256 of each input of a dataset version that its commit does not have, by name."""
    recipe, found = stamp["recipe"], {}
    for name, used in stamp["inputs"].items():
        if used.get("sha256") and name in recipe["sources"]:
            given = recipe["inputs"].get(name, {})
            place = None if given.get("upload") else (recipe["sources"][name], given, recipe["env"])
            if place is None or not place_of_source(name, *place).path:
                found[name] = used["sha256"]
    return found


def kept_inputs_of(settings: Settings, version: DatasetVersion) -> dict[str, bool]:
    """Tell of each input of a dataset version that its commit does not have whether it is still kept."""
    if version.stamp is None:
        return {}
    return {name: is_kept(settings, sha256) for name, sha256 in inputs_apart(version.stamp).items()}
