"""One's own account: password, sessions, and tokens for programs."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from headwater_catalog.accounts import Role, keys
from headwater_catalog.accounts.login import require_password
from headwater_catalog.accounts.passwords import LEAST
from headwater_catalog.accounts.people import get_account, set_password
from headwater_catalog.errors import CatalogError, Conflict, Forbidden
from headwater_catalog.repositories import get_repository, list_repositories
from headwater_web.access import actor, asked, own_account, writing
from headwater_web.errors import status_of
from headwater_web.reading import NUMBER, catalog, reading

__all__ = ["blueprint"]

blueprint = Blueprint("account", __name__)

_DAYS = (7, 30, 90, 365)
_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")  # each says that it is also those after it
_SYSTEMS = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows"}
_SYSTEMS |= {"Mac OS X": "macOS", "CrOS": "ChromeOS", "Linux": "Linux"}
_NAMES = {"Edg": "Edge", "OPR": "Opera"}


@blueprint.get("/account")
def account() -> str:
    """Show one's roles, sessions and tokens."""
    return _page()


@blueprint.post("/account/password")
def password() -> Response | tuple[str, int]:
    """Set a new password, which logs out everywhere."""
    own_account()
    form, (name, address) = request.form, asked()
    try:
        # Who has only found an open browser must not guess on here.
        require_password(catalog().database, name, form.get("old", ""), address, g.now)
        with writing() as transaction:
            set_password(transaction, get_account(transaction, name), form.get("new", ""), asked(), g.now)
    except (Conflict, Forbidden) as refused:
        return _page(error=str(refused)), status_of(refused)
    session.clear()
    return redirect(url_for("login.login_page"), 303)


@blueprint.post("/account/tokens")
def create_token() -> tuple[str, int]:
    """Make a token, and show it this once."""
    form = request.form
    try:
        role = Role.named(form.get("role", ""))
        days = int(form.get("days", "")) if form.get("days", "").isdecimal() else 0
        with writing() as transaction:
            names = [name for name in form.getlist("repo") if name]
            repositories = [get_repository(transaction, name).id for name in names] or None
            token = keys.create_token(
                transaction, own_account(), form.get("name", ""), role, repositories, days, asked(), g.now
            )
    except CatalogError as refused:
        return _page(error=str(refused)), status_of(refused)
    return _page(token=token), 201


@blueprint.post(f"/account/tokens/{NUMBER}/revoke")
def revoke_token(number: int) -> Response:
    """Take a token away."""
    with writing() as transaction:
        keys.revoke_token(transaction, own_account(), number, asked(), g.now)
    return redirect(url_for("account.account", _anchor="tokens"), 303)


@blueprint.post(f"/account/sessions/{NUMBER}/end")
def end_session(number: int) -> Response:
    """End a session, in this browser or another."""
    with writing() as transaction:
        keys.end_session(transaction, own_account(), number, asked(), g.now)
    return redirect(url_for("account.account", _anchor="sessions"), 303)


def _page(*, token: str | None = None, error: str | None = None) -> str:
    number = own_account()
    repositories = list_repositories(reading())
    return render_template(
        "account.html",
        repositories=repositories,
        names={each.id: each.name for each in repositories},
        roles=[role for role in Role if role <= _highest()],
        days=_DAYS,
        sessions=keys.list_sessions(reading(), number, g.now),
        tokens=keys.list_tokens(reading(), number),
        has_password=bool(get_account(reading(), actor().name).password),
        token=token,
        error=error,
        least=LEAST,
        browser_of=_browser_of,
    )


def _highest() -> Role:
    """Return the highest role that one has anywhere."""
    return max([actor().everywhere or Role.VIEWER, *actor().roles.values()])


def _browser_of(text: str) -> str:
    """Say in short which browser on which system calls itself so."""
    browser = next((name for name in _BROWSERS if f"{name}/" in text), None)
    system = next((name for sign, name in _SYSTEMS.items() if sign in text), None)
    if browser is None:
        return text[:40] or "unknown"
    return _NAMES.get(browser, browser) + (f" on {system}" if system else "")
