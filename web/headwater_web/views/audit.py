"""The audit of a file that somebody uploads: where it comes from, and whether it is what was saved."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from headwater_catalog.audit import Audit
from headwater_catalog.errors import Conflict
from headwater_web.access import sees_personal
from headwater_web.audited_uploads import audit_sent
from headwater_web.errors import status_of

__all__ = ["blueprint"]

blueprint = Blueprint("audit", __name__)


@blueprint.get("/audit")
def audit() -> str:
    """Ask for a file."""
    return render_template("audit.html", audit=None, states={}, error=None)


@blueprint.post("/audit")
def audit_upload() -> ResponseReturnValue:
    """Tell all that is known of a file, or what is wrong with it."""
    try:
        found = _asked()
    except Conflict as error:
        return render_template("audit.html", audit=None, states={}, error=error), status_of(error)
    states = {column.name: column for column in found.standing.columns} if found.standing else {}
    version, stamp = found.found.version, found.found.stamp
    may_see = sees_personal(version)
    hidden = found.hidden(may_see)
    shown = {
        "told": stamp and hidden.stamp(stamp.content),
        "differences": found.differences(may_see),
        "store": found.store(may_see),
        "is_masked": bool(hidden),
        "states": states,
    }
    return render_template("audit.html", audit=found, **shown, error=None)


def _asked() -> Audit:
    given = request.files.get("file")
    if given is None or not given.filename:
        raise Conflict("There is no file to look at. Choose one, then press “Look”.")
    return _of(given, request.files.get("stamp"), verify="verify" in request.form)


def _of(given: FileStorage, stamp: FileStorage | None, *, verify: bool) -> Audit:
    # The name that it has over there is shown and says what it is, but nothing is ever called so here.
    name = Path((given.filename or "").replace("\\", "/")).name[:200]
    with tempfile.TemporaryDirectory(prefix="headwater-audit-") as folder:
        file, beside = Path(folder) / "file", Path(folder) / "stamp"
        given.save(file)
        given.close()
        if stamp is not None and stamp.filename:
            stamp.save(beside)
            stamp.close()
        return audit_sent(file, name=name, sidecar=beside, verify=verify)
