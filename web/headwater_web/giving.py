"""Giving away the catalog of a commit as one SQLite file, on pages and by the API alike."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock
from typing import Final

from flask import Response

from headwater_catalog.artefact.origin import export_file, origin_of
from headwater_web.reading import as_of

__all__ = ["exported_file"]

_ONE: Final = Lock()
"""Held while a file is made: of a large repository that takes seconds, and two at once would take longer."""


def exported_file(repo: str) -> Response:
    """Return a repository as of the request's `at=` as one file, for whoever may see its pages.

    It is made while they wait, since that takes no longer than to compare two commits does, and it holds
    nothing that the pages of the commit do not show.

    Raises:
        NotFound: There is no such repository or commit, or its mirror is gone.
    """
    origin = origin_of(as_of(repo).moment)
    with tempfile.TemporaryDirectory(prefix="headwater-export-") as folder, _ONE:
        place = Path(folder, "catalog.sqlite")
        export_file(origin, place)
        content = place.read_bytes()  # less than the features take that are in memory already
    answer = Response(content, content_type="application/octet-stream")
    name = f"{origin.name}-{origin.commit.sha[:12]}.sqlite"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
