"""What a request that changes something must have, in place of the CSRF token of a form."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import abort, request

from headwater_web.reading import catalog

__all__ = ["BYTES", "guard_unsafe"]

BYTES: Final = "application/octet-stream"
"""What a browser asks before it sends elsewhere, as it does with JSON."""

_UPLOADS: Final = frozenset(("api_runs.upload_one_file",))
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN_SITE: Final = frozenset(("same-origin", "none"))


def guard_unsafe() -> None:
    """Refuse a request that would change something and that another site may have made a browser send.

    Whoever sends an Authorization header has a token, which no browser adds by itself.
    """
    if request.method in _SAFE:
        return
    if "Authorization" not in request.headers and _is_foreign():
        abort(403, "This request comes from another site. Send it from this one, or with a token.")
    # A browser asks before it sends DELETE elsewhere, as it does before it sends JSON.
    wanted = BYTES if request.endpoint in _UPLOADS else "application/json"
    if request.method != "DELETE" and request.mimetype != wanted:
        told = "the bytes of a file" if wanted == BYTES else "JSON"
        abort(415, f"The body must be {told}. Say so by the header Content-Type: {wanted}")


def _is_foreign() -> bool:
    """Tell whether a browser says that another site's page sent the request."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site not in _OWN_SITE:
        return True
    if origin is None:
        return False
    try:
        sent = urlsplit(origin)
    except ValueError:
        return True
    own = {f"{request.scheme}://{request.host}", catalog().settings.url}
    return f"{sent.scheme}://{sent.netloc}" not in own
