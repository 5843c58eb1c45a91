"""Changes of the settings as events: a server and a worker note theirs when they start."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import make_url

from headwater_catalog.accounts.events import list_events, note

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["note_settings"]

_KIND: Final = "settings changed"


def note_settings(database: Database, settings: Settings, now: int) -> None:
    """Add to the log with which settings Headwater starts, where they are others than the last time.

    Secrets are not told, but whether one is another than before is.
    """
    told = _told(settings)
    with database.read() as session:
        last = next(iter(list_events(session, kind=_KIND, limit=1)), None)
    before = {} if last is None else last.details
    if before == told:
        return
    changed = sorted(name for name in told.keys() | before.keys() if told.get(name) != before.get(name))
    with database.write() as session:
        note(session, _KIND, ("the settings", ""), ", ".join(changed), now, **told)


def _told(settings: Settings) -> dict[str, Any]:
    oidc = settings.oidc
    return {
        "database": make_url(settings.database_url).render_as_string(hide_password=True),
        "secret_key": _mark(settings.secret_key),
        "host": settings.host,
        "port": settings.port,
        "auth": settings.auth,
        "url": settings.url,
        "proxies": settings.proxies,
        "jobs_per_repository": settings.jobs_per_repository,
        "policies": sorted(policy.name for policy in settings.policies),
        "openlineage": settings.openlineage,
        "openlineage_key": _mark(settings.openlineage_key),
        "oidc": None if oidc is None else oidc.issuer,
    }


def _mark(secret: str) -> str | None:
    """Return what tells two secrets apart, and neither of them."""
    return hashlib.sha256(b"headwater setting\0" + secret.encode()).hexdigest()[:8] if secret else None
