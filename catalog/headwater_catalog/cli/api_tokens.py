"""The commands that manage the tokens by which programs use the catalog for an account."""

from __future__ import annotations

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.output import day, json_option, print_json, print_table, say
from headwater_catalog.cli.users import asked

__all__ = ["create", "list_all", "revoke"]


@click.command()
@click.argument("user")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(("viewer", "runner", "steward", "administrator")),
    default="viewer",
    show_default=True,
    help="The highest role that it lends.",
)
@click.option("--repo", "repos", multiple=True, help="A repository that it is good for; all unless given.")
@click.option("--days", type=int, default=90, show_default=True, help="How long it is good.")
@json_option
@pass_workspace
def create(
    workspace: Workspace, user: str, name: str, role: str, repos: tuple[str, ...], days: int, as_json: bool
) -> None:
    """Make a token of the account USER for what NAME says, and print it this once.

    JSON: token.
    """
    from headwater_catalog.accounts import Role
    from headwater_catalog.accounts.keys import create_token
    from headwater_catalog.accounts.people import get_account
    from headwater_catalog.repositories import get_repository

    with workspace.database.write() as session:
        account = get_account(session, user)
        numbers = [get_repository(session, each).id for each in repos] or None
        token = create_token(session, account.id, name, Role.named(role), numbers, days, asked(), now())
    if as_json:
        print_json({"token": token})
    else:
        click.echo(token)


@click.command("list")
@click.argument("user")
@json_option
@pass_workspace
def list_all(workspace: Workspace, user: str, as_json: bool) -> None:
    """List the tokens of the account USER.

    JSON, a list: id, name, beginning, role, repositories (null for all), created_at, expires_at, seen_at
    (seconds since 1970; null if never).
    """
    from headwater_catalog.accounts.keys import list_tokens
    from headwater_catalog.accounts.people import get_account
    from headwater_catalog.answers.accounts import token_json
    from headwater_catalog.repositories import list_repositories

    with workspace.database.read() as session:
        names = {each.id: each.name for each in list_repositories(session)}
        tokens = list_tokens(session, get_account(session, user).id)
        rows = [token_json(token, names) for token in tokens]
    if as_json:
        print_json(rows)
    else:
        shown = [
            (str(row["id"]), row["name"], f"{row['beginning']}…", row["role"], day(row["expires_at"]))
            for row in rows
        ]
        print_table(("Number", "For", "Token", "May be", "Good until"), shown)


@click.command()
@click.argument("user")
@click.argument("number", type=int)
@pass_workspace
def revoke(workspace: Workspace, user: str, number: int) -> None:
    """Take the token NUMBER of the account USER away."""
    from headwater_catalog.accounts.keys import revoke_token
    from headwater_catalog.accounts.people import get_account

    with workspace.database.write() as session:
        revoke_token(session, get_account(session, user).id, number, asked(), now())
    say("The token is good no more.")
