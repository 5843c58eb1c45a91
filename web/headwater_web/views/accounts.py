"""The accounts, for administrators: who may log in, and their roles."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from headwater_catalog.accounts import Role, people
from headwater_catalog.accounts.passwords import LEAST
from headwater_catalog.errors import CatalogError
from headwater_catalog.repositories import get_repository, list_repositories
from headwater_web.access import asked, require_account_manager, writing
from headwater_web.errors import status_of
from headwater_web.reading import reading

__all__ = ["blueprint"]

blueprint = Blueprint("accounts", __name__)


@blueprint.before_request
def _administrators_only() -> None:
    require_account_manager()


@blueprint.get("/accounts")
def accounts() -> str:
    """List the accounts."""
    return _page()


@blueprint.post("/accounts")
def create() -> Response | tuple[str, int]:
    """Make an account, with a role everywhere or none yet."""
    form = request.form
    try:
        with writing() as session:
            name = form.get("name", "").strip().lower()
            account = people.create_account(session, name, form.get("password", ""), asked(), g.now)
            if form.get("role"):
                people.set_role(session, account, Role.named(form["role"]), None, asked(), g.now)
    except CatalogError as refused:
        return _page(error=str(refused)), status_of(refused)
    return redirect(url_for("accounts.accounts"), 303)


@blueprint.post("/accounts/<name>/role")
def set_role(name: str) -> Response | tuple[str, int]:
    """Give an account another role in a repository or everywhere."""
    form = request.form
    try:
        role = Role.named(form["role"]) if form.get("role") else None
        with writing() as session:
            repository = get_repository(session, form["repo"]) if form.get("repo") else None
            people.set_role(session, people.get_account(session, name), role, repository, asked(), g.now)
    except CatalogError as refused:
        return _page(error=str(refused)), status_of(refused)
    return redirect(url_for("accounts.accounts"), 303)


@blueprint.post("/accounts/<name>/password")
def set_password(name: str) -> Response | tuple[str, int]:
    """Give an account another password, which logs it out everywhere."""
    try:
        with writing() as session:
            account = people.get_account(session, name)
            people.set_password(session, account, request.form.get("password", ""), asked(), g.now)
    except CatalogError as refused:
        return _page(error=str(refused)), status_of(refused)
    return redirect(url_for("accounts.accounts"), 303)


@blueprint.post("/accounts/<name>/disabled")
def set_disabled(name: str) -> Response | tuple[str, int]:
    """Let an account log in no more, or again."""
    try:
        with writing() as session:
            is_off = request.form.get("disabled") == "yes"
            people.set_disabled(session, people.get_account(session, name), is_off, asked(), g.now)
    except CatalogError as refused:
        return _page(error=str(refused)), status_of(refused)
    return redirect(url_for("accounts.accounts"), 303)


def _page(error: str | None = None) -> str:
    repositories = list_repositories(reading())
    return render_template(
        "accounts.html",
        accounts=people.list_accounts(reading()),
        repositories=repositories,
        names={each.id: each.name for each in repositories},
        roles=list(Role),
        least=LEAST,
        error=error,
    )
