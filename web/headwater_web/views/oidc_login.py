"""Logging in by OpenID Connect: to the provider, and back."""

from __future__ import annotations

import hmac
from importlib.util import find_spec
from secrets import token_urlsafe
from typing import Final

from flask import Blueprint, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from headwater_catalog.accounts.events import note
from headwater_catalog.accounts.identities import log_in_as
from headwater_catalog.errors import Conflict, Forbidden, NotFound
from headwater_catalog.oidc_settings import OidcSettings
from headwater_web.access import remember
from headwater_web.errors import status_of
from headwater_web.oidc import Attempt, LoginServiceFault, discover
from headwater_web.reading import catalog
from headwater_web.views.login import login_form, place_of_ours

__all__ = ["blueprint"]

blueprint = Blueprint("oidc", __name__)

_KEPT: Final = "oidc"
"""Where the browser's signed cookie has what somebody must come back with."""
_SECONDS: Final = 600  # that somebody has to log in over there


@blueprint.get("/login/oidc")
def begin() -> Response | tuple[str, int]:
    """Lead to the provider."""
    there = place_of_ours(request.args.get("next", ""))
    settings = _settings()
    try:
        provider = discover(settings, g.now)
    except LoginServiceFault as fault:
        return login_form("", str(fault), there), status_of(fault)
    attempt = Attempt(token_urlsafe(32), token_urlsafe(32), token_urlsafe(48))
    session[_KEPT] = [attempt.state, attempt.nonce, attempt.verifier, there, g.now]
    return redirect(provider.address(attempt, _back()))


@blueprint.get("/login/oidc/callback")
def come_back() -> Response | tuple[str, int]:
    """Begin a session for who comes back, as who the provider says they are."""
    settings, kept = _settings(), session.pop(_KEPT, None)  # nobody comes back twice
    there = kept[3] if kept is not None else place_of_ours("")
    try:
        key = _key(settings, _attempt(settings, kept))
    except (Forbidden, Conflict, LoginServiceFault) as refused:
        return login_form("", str(refused), there), status_of(refused)
    remember(key)
    return redirect(there)


def _key(settings: OidcSettings, attempt: Attempt) -> str:
    """Return the key of a new session for who comes back; who is refused is noted."""
    browser, address = request.headers.get("User-Agent", ""), request.remote_addr or ""
    try:
        provider = discover(settings, g.now)
        claims = provider.claims(attempt, request.args.get("code", ""), _back(), g.now)
        return log_in_as(catalog().database, settings, claims, browser, address, g.now)
    except Forbidden as refused:
        # What belongs to no login of ours comes not so far: anybody could fill the log with that.
        with catalog().database.write() as writing:
            by = ("somebody", address)
            note(writing, "login refused", by, settings.issuer, g.now, why=str(refused))
        raise


def _attempt(settings: OidcSettings, kept: list[str] | None) -> Attempt:
    """Return what this browser has asked, if this is the answer to it.

    Raises:
        Forbidden: It is not.
    """
    args = request.args
    if kept is None or not hmac.compare_digest(kept[0].encode(), args.get("state", "").encode()):
        raise Forbidden("This answer of the login service belongs to no login of this browser. Log in again.")
    state, nonce, verifier, _, began = kept
    if g.now - int(began) > _SECONDS:
        raise Forbidden("That took too long. Log in again.")
    if args.get("iss", settings.issuer) != settings.issuer:
        raise Forbidden("This answer comes from another login service. Log in again.")
    if "error" in args:
        raise Forbidden(f"The login service has refused: {args['error']:.100}. Log in again.")
    return Attempt(state, nonce, verifier)


def _settings() -> OidcSettings:
    found = catalog().settings.oidc
    if found is None or catalog().settings.auth != "accounts":
        raise NotFound("Nobody logs in here by single sign-on.")
    if find_spec("authlib") is None:
        raise LoginServiceFault("Single sign-on needs a package more: pip install 'headwater[oidc]'")
    return found


def _back() -> str:
    """Return the address to come back to, as the provider must know it beforehand."""
    site = catalog().settings.url or request.host_url.rstrip("/")
    return site + url_for("oidc.come_back")
