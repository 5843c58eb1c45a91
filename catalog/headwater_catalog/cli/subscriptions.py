"""The commands that save queries and subscribe to them, for whoever has the catalog's database at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.output import counted, json_option, print_json, print_table, say
from headwater_catalog.cli.users import asked

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from headwater_catalog.store.models import Account, Subscription
    from headwater_catalog.subscriptions.standing import Standing

__all__ = ["add", "list_all", "pause", "remove", "resume", "show", "try_now"]

_SEVERITIES = ("error", "warning", "note")
_PACES = ("once", "hour", "day")
_user = click.option("--user", help="Whose it is; needed where there are accounts.")


@click.command()
@click.argument("name")
@click.argument("query", default="")
@click.option("--repo", help="The only repository that matters; all unless given.")
@click.option("--findings", is_flag=True, help="Look at findings instead of features.")
@click.option("--least", type=click.Choice(_SEVERITIES), help="Findings as bad as this, or worse.")
@click.option("--rule", help="Findings of this policy or rule.")
@click.option("--owner", help="Findings of features whose owner this is.")
@click.option("--feature", "key", help="Findings of this feature, as module:name.")
@click.option("--email", default="", help="Write to this address.")
@click.option("--webhook", default="", metavar="URL", help="Send signed requests to this address.")
@click.option("--feed", is_flag=True, help="Make a feed, at an address with a secret.")
@click.option(
    "--every", type=click.Choice(_PACES), default="once", show_default=True, help="At most so often."
)
@_user
@json_option
@pass_workspace
def add(
    workspace: Workspace,
    /,
    name: str,
    query: str,
    findings: bool,
    repo: str | None,
    email: str,
    webhook: str,
    feed: bool,
    every: str,
    user: str | None,
    as_json: bool,
    **asks: str | None,
) -> None:
    """Save QUERY as NAME, and tell what comes to its result and what goes by what is given.

    JSON: as of `subscription show`, and webhook_secret and feed_url, which are shown this once.
    """
    from headwater_catalog.subscriptions.standing import standings_of
    from headwater_catalog.subscriptions.subscribing import Wanted, subscribe
    from headwater_catalog.subscriptions.watched import FEATURES, FINDINGS, read_watched
    from headwater_catalog.subscriptions.watching import first_results

    if query and (findings or any(asks.values())):
        raise click.UsageError("A QUERY finds features: leave it out where findings are meant.")
    about = FINDINGS if findings or any(asks.values()) else FEATURES
    watched = read_watched({"about": about, "query": query, "repository": repo, **asks})
    wanted = Wanted(name, watched, every, email, webhook, feed)
    settings = workspace.settings
    results = first_results(workspace.database, settings, watched)
    with workspace.database.write() as session:
        owner = _owner(workspace, session, user)
        found, made = subscribe(session, settings, owner, wanted, results, asked(), now())
    address = None if made.feed is None else f"{settings.address}/feeds/{made.feed}"
    with _seen(workspace, user) as session:
        told = _json(standings_of(session, [_named(session, workspace, user, str(found.id))])[0])
    if as_json:
        print_json({**told, "webhook_secret": made.webhook, "feed_url": address})
        return
    say(f"Subscription {told['id']} finds {counted(told['finds'], about.removesuffix('s'))} now.")
    if made.webhook:
        say("The secret of the webhook, shown this once:")
        click.echo(made.webhook)
    if address:
        say("The address of the feed, shown this once:")
        click.echo(address)


@click.command("list")
@_user
@json_option
@pass_workspace
def list_all(workspace: Workspace, user: str | None, as_json: bool) -> None:
    """List the saved queries and subscriptions.

    JSON, a list: id, name, about, asked, path, every, email, email_agreed, webhook, feed, state, paused_for,
    problem, failed, finds, made_at, told_at.
    """
    from headwater_catalog.subscriptions.lookup import list_subscriptions
    from headwater_catalog.subscriptions.standing import standings_of

    with _seen(workspace, user) as session:
        owner = _owner(workspace, session, user)
        known = list_subscriptions(session, None if owner is None else owner.id)
        found = standings_of(session, known)
    if as_json:
        print_json([_json(each) for each in found])
    else:
        rows = [
            (str(each.subscription.id), each.subscription.name, each.watched.text, str(each.finds))
            + (", ".join(each.channels), each.state)
            for each in found
        ]
        print_table(("Number", "Name", "Looks at", "Finds", "Tells by", "State"), rows, wide=2)


@click.command()
@click.argument("name")
@_user
@json_option
@pass_workspace
def show(workspace: Workspace, name: str, user: str | None, as_json: bool) -> None:
    """Show the subscription of this NAME or number, and what it told lately.

    JSON: as of `subscription list`, and told, a list: id, key, kind, at, came, went, deliveries.
    """
    from headwater_catalog.answers.subscriptions import told_json
    from headwater_catalog.subscriptions.standing import standings_of, told_by

    with _seen(workspace, user) as session:
        found = _named(session, workspace, user, name)
        (standing,) = standings_of(session, [found])
        told = [told_json(each) for each in told_by(session, found)]
    if as_json:
        print_json({**_json(standing), "told": told})
        return
    channels = ", ".join(standing.channels) or "nothing but its page"
    click.echo(f"{found.name} looks at {standing.watched.text}, finds {standing.finds}, tells by {channels}.")
    for line in (standing.problem, standing.failed):
        if line:
            say(line)
    rows = [
        (each["at"], each["kind"], str(each["came"]), str(each["went"]))
        + ("; ".join(f"{way['channel']} {way['state']}" for way in each["deliveries"]),)
        for each in told
    ]
    print_table(("Told at", "What", "Came", "Went", "Delivered"), rows)


def _doing(name: str, help_text: str, done: str) -> click.Command:
    """Return a command that does something to a subscription; it prints how that stands then."""

    @click.command(name, help=help_text)
    @click.argument("subscription", metavar="NAME")
    @_user
    @json_option
    @pass_workspace
    def command(workspace: Workspace, subscription: str, user: str | None, as_json: bool) -> None:
        from headwater_catalog.subscriptions import subscribing
        from headwater_catalog.subscriptions.standing import standings_of

        with _seen(workspace, user) as session:
            (standing,) = standings_of(session, [_named(session, workspace, user, subscription)])
        number, owner = standing.subscription.id, standing.subscription.account_id
        doing: dict[str, Callable[[Session], Any]] = {
            "pause": lambda session: subscribing.pause(session, owner, number, asked(), now()),
            "resume": lambda session: subscribing.resume(session, owner, number, asked(), now()),
            "remove": lambda session: subscribing.remove(session, owner, number, asked(), now()),
            "try": lambda session: subscribing.try_now(session, owner, number, asked(), now()),
        }
        with workspace.database.write() as session:
            doing[name](session)
        if name != "remove":
            with _seen(workspace, user) as session:
                (standing,) = standings_of(session, [_named(session, workspace, user, str(number))])
        if as_json:
            print_json(_json(standing))
        else:
            say(done)

    return command


pause = _doing("pause", "Let the subscription of this NAME or number tell nothing for now.", "It is paused.")
resume = _doing("resume", "Let the subscription of this NAME or number tell again.", "It tells again.")
remove = _doing("remove", "Remove the subscription of this NAME or number.", "It is removed.")
try_now = _doing(
    "try",
    "Have the subscription of this NAME or number say by its channels that it works.",
    "A worker sends it; `headwater subscription show` tells what came of it.",
)


def _json(standing: Standing) -> dict[str, Any]:
    from headwater_catalog.answers.subscriptions import subscription_json

    return subscription_json(standing)


def _named(session: Session, workspace: Workspace, user: str | None, name: str) -> Subscription:
    from headwater_catalog.subscriptions.lookup import subscription_named

    owner = _owner(workspace, session, user)
    return subscription_named(session, None if owner is None else owner.id, name)


def _owner(workspace: Workspace, session: Session, user: str | None) -> Account | None:
    """Return whose subscriptions are meant; None where there are no accounts."""
    from headwater_catalog.accounts.people import get_account

    if user is not None:
        return get_account(session, user)
    if workspace.settings.auth == "accounts":
        raise click.UsageError("There are accounts here. Say whose subscription is meant: --user NAME.")
    return None


def _seen(workspace: Workspace, user: str | None) -> Any:
    """Open a session that finds what the owner may see."""
    from headwater_catalog.accounts.people import actor_of
    from headwater_catalog.subscriptions.news import seeing

    with workspace.reading() as session:
        owner = _owner(workspace, session, user)
        actor = None if owner is None else actor_of(owner)
    return workspace.reading() if actor is None else seeing(workspace.database, actor)
