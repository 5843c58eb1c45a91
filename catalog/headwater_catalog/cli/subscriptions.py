"""The commands that save queries and subscribe to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean, counted, json_option, print_json, print_table, say
from headwater_catalog.cli.subscriptions_here import SubscriptionsHere

if TYPE_CHECKING:
    from headwater_catalog.cli.remote_subscriptions import RemoteSubscriptions

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
    from headwater_catalog.subscriptions.watched import FEATURES, FINDINGS, read_watched

    if query and (findings or any(asks.values())):
        raise click.UsageError("A QUERY finds features: leave it out where findings are meant.")
    about = FINDINGS if findings or any(asks.values()) else FEATURES
    watched = read_watched({"about": about, "query": query, "repository": repo, **asks})
    tells = {"every": every, "email": email, "webhook": webhook, "feed": feed}
    told = _place(workspace, user).add(name, watched, **tells)
    if as_json:
        print_json(told)
        return
    say(f"Subscription {told['id']} finds {counted(told['finds'], about.removesuffix('s'))} now.")
    if told["webhook_secret"]:
        say("The secret of the webhook, shown this once:")
        click.echo(told["webhook_secret"])
    if told["feed_url"]:
        say("The address of the feed, shown this once:")
        click.echo(told["feed_url"])


@click.command("list")
@_user
@json_option
@pass_workspace
def list_all(workspace: Workspace, user: str | None, as_json: bool) -> None:
    """List the saved queries and subscriptions.

    JSON, a list: id, name, about, asked, path, every, email, email_agreed, webhook, feed, state, paused_for,
    problem, failed, finds, made_at, told_at.
    """
    found = _place(workspace, user).listed()
    if as_json:
        print_json(found)
        return
    rows = [
        (str(each["id"]), each["name"], _asked(each), str(each["finds"]), ", ".join(_channels(each)))
        + (each["state"],)
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
    found = _place(workspace, user).shown(name)
    if as_json:
        print_json(found)
        return
    channels = ", ".join(_channels(found)) or "nothing but its page"
    click.echo(
        clean(f"{found['name']} looks at {_asked(found)}, finds {found['finds']}, tells by {channels}.")
    )
    for line in (found["problem"], found["failed"]):
        if line:
            say(line)
    rows = [
        (each["at"], each["kind"], str(each["came"]), str(each["went"]))
        + ("; ".join(f"{way['channel']} {way['state']}" for way in each["deliveries"]),)
        for each in found["told"]
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
        told = _place(workspace, user).do(subscription, name)
        print_json(told) if as_json else say(done)

    return command


pause = _doing("pause", "Let the subscription of this NAME or number tell nothing for now.", "It is paused.")
resume = _doing("resume", "Let the subscription of this NAME or number tell again.", "It tells again.")
remove = _doing("remove", "Remove the subscription of this NAME or number.", "It is removed.")
try_now = _doing(
    "try",
    "Have the subscription of this NAME or number say by its channels that it works.",
    "A worker sends it; `headwater subscription show` tells what came of it.",
)


def _place(workspace: Workspace, user: str | None) -> SubscriptionsHere | RemoteSubscriptions:
    """Return where subscriptions are: in the catalog here, or in one that is served elsewhere."""
    if not workspace.remote:
        return SubscriptionsHere(workspace, user)
    if user is not None:
        raise click.UsageError("Whose subscriptions are meant is told by HEADWATER_TOKEN: leave out --user.")
    return workspace.remote.subscriptions


def _asked(told: Mapping[str, Any]) -> str:
    from headwater_catalog.subscriptions.watched import Watched

    return Watched(about=told["about"], **told["asked"]).text


def _channels(told: Mapping[str, Any]) -> tuple[str, ...]:
    from headwater_catalog.subscriptions.lookup import channels_of

    return channels_of(told["email"], told["webhook"], feed=told["feed"])
