"""Logging in and out, and the first administrator."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from headwater_catalog.accounts import Role, login
from headwater_catalog.accounts.keys import end_session
from headwater_catalog.accounts.people import count_accounts, create_account, set_role
from headwater_catalog.accounts.setup import is_setup_code
from headwater_catalog.errors import Conflict, Forbidden, NotFound
from headwater_catalog.store.models import Account
from headwater_web.access import actor, asked, remember
from headwater_web.errors import status_of
from headwater_web.reading import catalog, reading

__all__ = ["blueprint", "login_form", "place_of_ours"]

blueprint = Blueprint("login", __name__)


@blueprint.get("/login")
def login_page() -> str | Response:
    """Ask for name and password."""
    if g.actor is not None:
        return redirect(_next())
    return login_form("", None, _next())


@blueprint.post("/login")
def log_in() -> Response | tuple[str, int]:
    """Log in, and lead to where the reader was going."""
    _require_accounts()
    form, name = request.form, request.form.get("name", "")
    try:
        _begin(name, form.get("password", ""))
    except Forbidden as refused:
        return login_form(name, str(refused), _next()), status_of(refused)
    return redirect(_next(), 303)


@blueprint.post("/logout")
def log_out() -> Response:
    """End this session."""
    number = g.get("session_id")
    if number is not None:
        with catalog().database.write() as writing:
            end_session(writing, actor().account_id or 0, number, asked(), g.now)
    session.clear()
    return redirect(url_for("login.login_page"), 303)


@blueprint.get("/setup")
def setup_page() -> str:
    """Ask for the name and password of the first administrator."""
    code = request.args.get("code", "")
    _require_beginning(code)
    return render_template("setup.html", code=code, name="", error=None)


@blueprint.post("/setup")
def set_up() -> Response | tuple[str, int]:
    """Make the first administrator, and log them in."""
    form = request.form
    code, name, password = (form.get(field, "") for field in ("code", "name", "password"))
    _require_beginning(code)
    try:
        with catalog().database.write() as writing:
            if writing.scalar(select(Account.id).limit(1)) is not None:
                raise Conflict("Somebody was faster: there is an administrator already.")
            by = (name, request.remote_addr or "")
            account = create_account(writing, name, password, by, g.now)
            set_role(writing, account, Role.ADMINISTRATOR, None, by, g.now)
    except Conflict as refused:
        return render_template("setup.html", code=code, name=name, error=str(refused)), status_of(refused)
    _begin(name, password)
    return redirect(url_for("home.home"), 303)


def login_form(name: str, error: str | None, there: str) -> str:
    """Return the page that asks for name and password, to go somewhere then."""
    _require_accounts()
    return render_template(
        "login.html",
        name=name,
        error=error,
        next=there,
        is_empty=count_accounts(reading()) == 0,
        oidc=catalog().settings.oidc,
    )


def _begin(name: str, password: str) -> None:
    """Begin a session."""
    browser, address = request.headers.get("User-Agent", ""), request.remote_addr or ""
    key = login.log_in(catalog().database, name, password, browser, address, g.now)
    remember(key)


def _next() -> str:
    return place_of_ours(request.values.get("next", ""))


def place_of_ours(there: str) -> str:
    """Return where to go after the login: an address of this site, whatever was asked for."""
    parts = urlsplit(there)
    is_ours = there.startswith("/") and not parts.scheme and not parts.netloc and "\\" not in there
    return there if is_ours and there.isprintable() else url_for("home.home")


def _require_accounts() -> None:
    if catalog().settings.auth != "accounts":
        raise NotFound("There are no accounts here: whoever uses this machine may do everything.")


def _require_beginning(code: str) -> None:
    _require_accounts()
    if count_accounts(reading()):
        raise NotFound("There is an administrator already. Ask them for an account, then log in.")
    if not is_setup_code(catalog().settings, code):
        raise Forbidden("Open the address that the server has printed when it was started; it holds a code.")
