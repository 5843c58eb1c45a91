"""The signed manifests of runs, as files."""

from __future__ import annotations

import json

from flask import Blueprint, Response

from headwater_web.downloading import signed_manifest_of

__all__ = ["blueprint"]

blueprint = Blueprint("manifests", __name__)


@blueprint.get("/runs/<int(max=2147483647):number>/manifest.json")
def manifest(number: int) -> Response:
    """Give the manifest of a run."""
    signed = signed_manifest_of(number)
    answer = Response(json.dumps(signed, indent=1), content_type="application/json")
    answer.headers.set("Content-Disposition", "attachment", filename=f"run-{number}-manifest.json")
    return answer
