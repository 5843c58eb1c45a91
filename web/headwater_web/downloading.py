"""Giving away the file of a dataset, its stamp and its manifest, on pages and by the API alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from typing import Any, Final

from flask import Response, g

from headwater_catalog.accounts import Role
from headwater_catalog.datasets import file_of, note_download, version_of_run
from headwater_catalog.erased import erased_of
from headwater_catalog.errors import NotFound
from headwater_catalog.handover import open_kept
from headwater_catalog.manifests import signed_manifest
from headwater_catalog.personal import require_whole
from headwater_catalog.runs import get_run
from headwater_catalog.stamps import SIDECAR, stamp_bytes
from headwater_catalog.store.models import DatasetVersion
from headwater_web.access import actor, asked, require, writing
from headwater_web.reading import catalog, reading

__all__ = ["saved_file", "saved_stamp", "signed_manifest_of"]

_CHUNK: Final = 1 << 20


def saved_file(number: int) -> Response:
    """Return the whole table that a run has saved, for those who could make it and may see all of it.

    Raises:
        NotFound: It saved none, or its file is gone.
        Forbidden: Who asks may not have it.
    """
    run = get_run(reading(), number)
    require(Role.RUNNER, run.repository)
    require_whole(run, actor().sees_personal(run.repository_id))
    version = _version(number)
    try:
        file = open_kept(file_of(catalog().settings, version))
    except OSError:
        erased = erased_of(reading(), "dataset", [str(version.id)]).get(str(version.id))
        why = f"was {erased}" if erased else "is no longer kept"
        raise NotFound(f"The file of run {number} {why}.") from None
    try:
        with writing() as session:  # noted before it is given away
            note_download(session, version, asked(), g.now)
    except BaseException:
        file.close()
        raise
    answer = Response(_chunks(file), content_type="application/octet-stream")
    answer.call_on_close(file.close)  # when nobody asks for more
    answer.content_length = os.fstat(file.fileno()).st_size
    answer.headers.set("Content-Disposition", "attachment", filename=_file_name(version))
    return answer


def _chunks(file: BufferedReader) -> Iterator[bytes]:
    """Yield what a file holds; it is closed at its end."""
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def saved_stamp(number: int) -> Response:
    """Return the stamp of what a run has saved, as the file that stands beside a CSV or JSON file.

    Raises:
        NotFound: It saved nothing, or nothing with a stamp.
        Forbidden: It has personal data, which who asks may not see.
    """
    run = get_run(reading(), number)
    require_whole(run, actor().sees_personal(run.repository_id), "stamp")
    version = _version(run.id)
    if version.stamp is None:
        raise NotFound(f"Run {number} saved its table before tables had stamps.")
    answer = Response(stamp_bytes(version.stamp), content_type="application/json")
    answer.headers.set("Content-Disposition", "attachment", filename=_file_name(version) + SIDECAR)
    return answer


def signed_manifest_of(number: int) -> dict[str, Any]:
    """Return the signed manifest of a run.

    Raises:
        NotFound: There is no such run.
        Conflict: It did not succeed, or there is no key yet.
        Forbidden: It has personal data, which who asks may not see.
    """
    run = get_run(reading(), number)
    require_whole(run, actor().sees_personal(run.repository_id), "manifest")
    return signed_manifest(reading(), catalog().settings, number)


def _version(number: int) -> DatasetVersion:
    version = version_of_run(reading(), number)
    if version is None:
        raise NotFound(f"Run {number} has saved no table.")
    return version


def _file_name(version: DatasetVersion) -> str:
    slug = "".join(c if c.isalnum() or c in "-_." else "-" for c in version.dataset.name)
    return f"{slug}-{version.run_id}.{version.format}"
