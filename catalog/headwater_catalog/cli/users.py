"""The commands that manage accounts, for whoever has the catalog's database at hand."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.output import json_option, print_json, print_table, say

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from headwater_catalog.accounts import Role
    from headwater_catalog.accounts.events import Asked
    from headwater_catalog.store.models import Account, Repository

__all__ = ["add", "asked", "disable", "enable", "list_all", "password", "role"]

_ROLES = ("viewer", "runner", "steward", "administrator")
_REPO = click.option("--repo", help="The repository of the role; every one unless given.")


@click.command()
@click.argument("name")
@click.option("--role", "role_name", type=click.Choice(_ROLES), help="A role to begin with.")
@click.option("--administrator", is_flag=True, help="Let it do everything; the same as --role administrator.")
@_REPO
@pass_workspace
def add(
    workspace: Workspace, name: str, role_name: str | None, administrator: bool, repo: str | None
) -> None:
    """Make an account; its password is asked for, or read from standard input."""
    from headwater_catalog.accounts.people import create_account

    database = workspace.database
    secret = _new_password()
    with database.write() as session:
        account = create_account(session, name, secret, asked(), now())
        role_name = "administrator" if administrator else role_name
        if role_name:
            _set_role(session, account, role_name, repo)
    say(f"There is an account '{name}' now{'' if role_name else ', which has no role yet'}.")


@click.command("list")
@json_option
@pass_workspace
def list_all(workspace: Workspace, as_json: bool) -> None:
    """List the accounts with their roles.

    JSON, a list: name, disabled, roles (repository, null for all; role).
    """
    from headwater_catalog.accounts.people import list_accounts
    from headwater_catalog.answers.accounts import account_json
    from headwater_catalog.repositories import list_repositories

    with workspace.database.read() as session:
        names = {each.id: each.name for each in list_repositories(session)}
        rows = [account_json(account, names) for account in list_accounts(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(("Account", "Roles"), [(_shown(row), _roles(row)) for row in rows])


@click.command()
@click.argument("name")
@click.argument("role_name", metavar="ROLE", type=click.Choice((*_ROLES, "none")))
@_REPO
@pass_workspace
def role(workspace: Workspace, name: str, role_name: str, repo: str | None) -> None:
    """Give the account NAME a role in place of the one that it has, in one repository or everywhere."""
    from headwater_catalog.accounts.people import get_account

    with workspace.database.write() as session:
        _set_role(session, get_account(session, name), role_name, repo)
    say(f"'{name}' has the role {role_name} {'everywhere' if repo is None else f'in {repo}'} now.")


@click.command()
@click.argument("name")
@pass_workspace
def password(workspace: Workspace, name: str) -> None:
    """Give the account NAME a new password; its sessions and tokens end."""
    from headwater_catalog.accounts.people import get_account, set_password

    database = workspace.database
    secret = _new_password()
    with database.write() as session:
        set_password(session, get_account(session, name), secret, asked(), now())
    say(f"'{name}' has the new password.")


@click.command()
@click.argument("name")
@pass_workspace
def disable(workspace: Workspace, name: str) -> None:
    """Let the account NAME log in no more; its sessions and tokens end."""
    _set_disabled(workspace, name, True)
    say(f"'{name}' can log in no more.")


@click.command()
@click.argument("name")
@pass_workspace
def enable(workspace: Workspace, name: str) -> None:
    """Let the account NAME log in again."""
    _set_disabled(workspace, name, False)
    say(f"'{name}' can log in again.")


def asked() -> Asked:
    """Return who uses the command line, for the log."""
    try:
        return f"{getpass.getuser()} on the command line", ""
    except (OSError, KeyError):
        return "the command line", ""


def _set_disabled(workspace: Workspace, name: str, is_off: bool) -> None:
    from headwater_catalog.accounts.people import get_account, set_disabled

    with workspace.database.write() as session:
        set_disabled(session, get_account(session, name), is_off, asked(), now())


def _set_role(session: Session, account: Account, role_name: str, repo: str | None) -> None:
    from headwater_catalog.accounts import Role
    from headwater_catalog.accounts.people import set_role
    from headwater_catalog.repositories import get_repository

    new: Role | None = None if role_name == "none" else Role.named(role_name)
    where: Repository | None = None if repo is None else get_repository(session, repo)
    set_role(session, account, new, where, asked(), now())


def _new_password() -> str:
    """Ask for a password twice; from a pipe, its first line is it."""
    if sys.stdin.isatty():
        secret: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return secret
    return sys.stdin.readline().rstrip("\r\n")


def _shown(row: dict[str, object]) -> str:
    return f"{row['name']} (disabled)" if row["disabled"] else str(row["name"])


def _roles(row: dict[str, object]) -> str:
    roles = row["roles"]
    assert isinstance(roles, list)
    said = (
        f"{each['role']} {'in ' + each['repository'] if each['repository'] else 'everywhere'}"
        for each in roles
    )
    return ", ".join(said) or "none"
