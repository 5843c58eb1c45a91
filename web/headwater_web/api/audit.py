"""The audit of a file that a program sends."""

from __future__ import annotations

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Any, Final

from flask import Response, request

from headwater_catalog.answers.datasets import audit_json
from headwater_catalog.errors import Conflict
from headwater_web.access import sees_personal
from headwater_web.api.answering import answer
from headwater_web.api.resources import Resource
from headwater_web.api.schemas.datasets import AuditedSchema, AuditSchema
from headwater_web.audited_uploads import audit_sent

__all__ = ["resource"]

resource = Resource("audit", "Where a file comes from.")

_LARGEST: Final = 48 * 1024 * 1024
"""Bytes of a body: it is held in memory as a whole. Pages take larger files."""


@resource.blueprint.before_request  # type: ignore[untyped-decorator]
def _allow_files() -> None:
    request.max_content_length = _LARGEST


@resource.send(
    *("POST", "/audit", 200, AuditSchema, AuditedSchema),
    errors=(409,),
    example={"name": "weekly.csv", "content": "d2VlayxzcGVuZAo="},
)
def audit_one(body: dict[str, Any]) -> Response:
    """Tell who made a file, when, of what, and whether its columns still mean the same."""
    with tempfile.TemporaryDirectory(prefix="headwater-audit-") as folder:
        file, beside = Path(folder) / "file", Path(folder) / "stamp"
        file.write_bytes(_decoded(body["content"]))
        if body["stamp"] is not None:
            beside.write_bytes(body["stamp"].encode())
        name, verify = body["name"], body["verify"]
        found = audit_sent(file, name=name, sidecar=beside, verify=verify)
        return answer(audit_json(found, sees_personal=sees_personal(found.found.version)))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Conflict(f"`content` is not in base64: {error}.") from None
