"""Changes of the settings as events: a server and a worker note theirs when they start."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.accounts.events import list_events, note, stored_details
from headwater_catalog.settings import NAMES, SECRETS
from headwater_catalog.store.models import EventHead

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["SERVER", "WORKER", "note_settings"]

SERVER: Final = "web server"
WORKER: Final = "worker"

_KIND: Final = "settings changed"
_ADDRESSES: Final = ("database_url",)  # secrets of which more can be told than that there is one
_ROUNDS: Final = 100_000  # so that guessing a password by its mark takes long


def note_settings(database: Database, settings: Settings, who: str, now: int) -> None:
    """Add to the log with which settings a program starts, where they are others than the last time.

    Secrets are not told, but whether one is another than before is.

    Args:
        database: The catalog.
        settings: All of the settings, those included that nobody has set.
        who: Which program: a server and a worker elsewhere may each have settings of their own.
        now: The present instant.
    """
    told = stored_details({name: _shown(name, settings.value_of(name)) for name in NAMES})
    with database.write() as session:
        # Held, so that of two that start at once the second finds what the first has noted.
        session.get(EventHead, 1, with_for_update=True)
        last = next(iter(list_events(session, kind=_KIND, actor=who, limit=1)), None)
        before = {} if last is None else last.details
        changed = sorted(name for name in told.keys() | before.keys() if told.get(name) != before.get(name))
        if changed:
            note(session, _KIND, (who, ""), ", ".join(changed), now, **told)


def _shown(name: str, value: Any) -> Any:
    """Return what the log tells of a setting, whatever it is made of."""
    if isinstance(value, Mapping):
        return {str(key): _shown(name, value[key]) for key in sorted(value)}
    if isinstance(value, range):
        return f"{value[0]}-{value[-1]}"
    if isinstance(value, (tuple, list)):
        return [_shown(name, each) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return _mark(text) if name in SECRETS and name not in _ADDRESSES else _without_secrets(text)


def _without_secrets(text: str) -> str:
    """Return an address without what may be a password: who logs in, and what is behind a question mark."""
    scheme, found, rest = text.partition("://")
    if not found:
        return text
    _, at, place = rest.rpartition("@")
    place, question, _ = place.partition("?")
    hidden = "***@" if at else ""
    if not hidden and not question:
        return text
    return f"{scheme}://{hidden}{place}{'?***' if question else ''} ({_mark(text)})"


def _mark(secret: str) -> str:
    """Return what tells two secrets apart, and neither of them."""
    if not secret:
        return ""
    data = secret.encode("utf-8", "surrogatepass")
    return hashlib.pbkdf2_hmac("sha256", data, b"headwater setting", _ROUNDS).hex()[:8]
