"""Where Git hosts call when something is new in a repository."""

from __future__ import annotations

from flask import Blueprint, g, request
from sqlalchemy import select

from headwater_catalog.errors import NotFound
from headwater_catalog.hooks import is_from_host
from headwater_catalog.repositories import get_repository
from headwater_catalog.scan_requests import request_scan
from headwater_catalog.store.models import Repository
from headwater_web.reading import catalog

__all__ = ["blueprint"]

blueprint = Blueprint("hooks", __name__)


@blueprint.post("/hooks/<name>")
def call(name: str) -> tuple[dict[str, str], int]:
    """Queue a scan, if the call is signed with the secret of the repository."""
    body = request.get_data(cache=False)
    # Strangers may call, too: nothing is written, and no lock taken, before the signature is known.
    with catalog().database.read() as session:
        secret = session.scalar(select(Repository.hook_secret).where(Repository.name == name))
    if secret is None or not is_from_host(request.headers.get, body, secret):
        # Alike for what is not there, so that they learn nothing.
        raise NotFound("No repository takes this call: its name or its signature is not right.")
    with catalog().database.write() as session:
        request_scan(session, get_repository(session, name), "its Git host", g.now)
    return {"status": "a scan is queued"}, 202
