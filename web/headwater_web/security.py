"""What every answer and every request must hold: headers, the Host header, CSRF tokens."""

from __future__ import annotations

import re

from flask import Flask, Response, abort, g, request
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]

from headwater_catalog.settings import is_loopback

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "FILE_POLICY",
    "HEADERS",
    "PICTURE_POLICY",
    "allow_uploads",
    "protect",
    "refuse_foreign_hosts",
]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""Of a picture as a file, which has to bring its own style; nothing in it may run or reach anything."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


FILE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
    )
    + ("base-uri 'none'",)
)
"""Of a page that is kept as a file, which says it itself; nothing in it needs to fetch or send anything."""

_FOR_RUNS = ("run_form.send", "api_runs.upload_one_file")
_FOR_AUDITS = "audit.audit_upload"
_BESIDE_FILES = 1_000_000  # bytes of the other fields of a form

_TURNING = re.compile(b"\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])")
"""Characters that turn the text around them, so that code reads other than it runs, as UTF-8 has them."""

_LARGEST_AUDIT = 512 * 1024 * 1024
"""Bytes of a file to be audited; of a larger one, the command line reads the stamp where it is."""

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+)(?::[0-9]{1,5})?")


def refuse_foreign_hosts(app: Flask, site: str) -> None:
    """Refuse requests that were led here by another site's name, before anything else is done with them.

    Args:
        app: The application.
        site: The name by which readers reach it from elsewhere; empty where they do not.
    """
    app.before_request(lambda: _refuse_foreign_host(site))


def protect(app: Flask) -> None:
    """Guard every request and mark every answer of the application."""
    # Before the CSRF check, so that it speaks first.
    app.before_request(_refuse_nul)
    CSRFProtect(app)
    app.after_request(_show_turning)
    app.after_request(_add_headers)


def allow_uploads(app: Flask, most: int) -> None:
    """Let those send files of whom it is known who they are, where files are asked for; all else stays small.

    Args:
        app: The application, which finds out who asks before.
        most: How many bytes a file for a run may have.
    """
    limits = dict.fromkeys(_FOR_RUNS, most + _BESIDE_FILES) | {_FOR_AUDITS: _LARGEST_AUDIT}

    def allow() -> None:
        if g.actor is not None and request.endpoint in limits:
            request.max_content_length = limits[request.endpoint]

    app.before_request(allow)


def _refuse_foreign_host(site: str) -> None:
    """Refuse a Host header that another site's name server may have pointed here (DNS rebinding)."""
    host = _HOST.fullmatch(request.headers.get("Host", ""))
    name = host["name"].strip("[]").lower() if host else ""
    if not name or not (name == site or is_loopback(name)):
        abort(400, f"The Host header does not name this machine. Open Headwater as {site or '127.0.0.1'}.")


def _refuse_nul() -> None:
    """Refuse a character that no name has and that PostgreSQL cannot take."""
    if any("\0" in text for text in (request.path, *request.values.keys(), *request.values.values())):
        abort(400, "The address or the form holds a NUL character.")


def _show_turning(response: Response) -> Response:
    """Put the number of each character that would turn text round in its place, wherever on a page it is."""
    if response.mimetype in ("text/html", "image/svg+xml") and not response.is_streamed:
        page = response.get_data()
        if _TURNING.search(page):
            response.set_data(_TURNING.sub(lambda found: b"[U+%04X]" % ord(found[0].decode()), page))
    return response


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not response.cache_control.max_age:
        response.headers["Cache-Control"] = "no-cache, private"
        response.vary.add("Cookie")
    return response
