"""Looks at the values of dataset versions, where somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.errors import InvalidInput
from headwater_catalog.confined_tables import looks_of
from headwater_catalog.datasets import file_of
from headwater_catalog.days import today
from headwater_catalog.errors import Conflict
from headwater_catalog.handover import is_file

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.models import DatasetVersion

__all__ = ["look_at_values"]


def look_at_values(settings: Settings, version: DatasetVersion) -> list[dict[str, Any]]:
    """Return what the first values of the columns of a dataset version look like, for `keep_looks`.

    They are looked at by a process that can do no harm, and none of them comes back.

    Args:
        settings: Where the file is, and how that process is held.
        version: The version.

    Raises:
        Conflict: It is no table, its file is gone, or it cannot be read.
    """
    name = f"{version.dataset.name}@{version.run_id}"
    if version.is_object:
        raise Conflict(f"The values of '{name}' cannot be looked at: a saver wrote it, and it is no table.")
    path = file_of(settings, version)
    if not is_file(path):
        raise Conflict(f"The values of '{name}' cannot be looked at: its file is gone.")
    schema = (version.stamp or {}).get("schema")
    try:
        return looks_of(path, version.format, schema, today(), settings.runs.while_asked)
    except InvalidInput as error:
        raise Conflict(f"The values of '{name}' cannot be looked at. {error}") from error
