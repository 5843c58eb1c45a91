"""How the installation does."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from headwater_catalog import operations
from headwater_catalog.answers.operations import operations_json
from headwater_web.access import require_everywhere
from headwater_web.api.answering import answer
from headwater_web.api.resources import Resource
from headwater_web.api.schemas.fields import NoQuery
from headwater_web.api.schemas.operations import OperationsSchema
from headwater_web.reading import catalog, reading
from headwater_web.versions import versions

__all__ = ["resource"]

resource = Resource("operations", "How the installation does.")


@resource.get("/operations", OperationsSchema, NoQuery, errors=(403,))
def show_operations(_args: dict[str, Any]) -> Response:
    """Tell what needs an administrator, and the figures behind it."""
    require_everywhere("This is")
    settings, disk = catalog().settings, operations.disk_of(catalog().settings)
    told = operations_json(
        operations.needs(reading(), disk, g.now),
        operations.count_jobs(reading()),
        operations.workers(reading(), g.now),
        disk,
        str(settings.home),
        catalog().database,
        versions(),
    )
    return answer(told)
