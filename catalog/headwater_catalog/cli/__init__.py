"""The command line of the catalog; every command is imported only when it is called."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Mapping
from typing import Final

import click

from headwater_catalog.cli.lazy import LazyCommand, LazyGroup

__all__ = ["COMMANDS", "GROUPS", "LazyCommand", "LazyGroup", "command_line"]

COMMANDS: Mapping[str, LazyCommand] = {
    "init": LazyCommand(
        "headwater_catalog.cli.setup:init", "Make a catalog, and take in the repository here."
    ),
    "repo add": LazyCommand("headwater_catalog.cli.repositories:add", "Follow a git repository."),
    "repo remove": LazyCommand(
        "headwater_catalog.cli.repositories:remove", "Forget a repository and all that was read of it."
    ),
    "repo list": LazyCommand(
        "headwater_catalog.cli.repositories:list_all", "List the repositories.", asks=True
    ),
    "repo trust": LazyCommand(
        "headwater_catalog.cli.repositories:trust", "Let runs of a repository have the network."
    ),
    "repo branches": LazyCommand(
        "headwater_catalog.cli.repositories:branches", "Let suggestions be pushed to a repository."
    ),
    "repo refs": LazyCommand(
        "headwater_catalog.cli.repositories:refs", "List the branches and tags.", asks=True
    ),
    "scan": LazyCommand("headwater_catalog.cli.repositories:scan", "Read what is new in the repositories."),
    "read": LazyCommand(
        "headwater_catalog.cli.read:read", "Read a folder or a commit without a catalog.", asks=True
    ),
    "search": LazyCommand("headwater_catalog.cli.search:search", "Find features.", asks=True),
    "show": LazyCommand("headwater_catalog.cli.features:show", "Show all about a feature.", asks=True),
    "lineage": LazyCommand(
        "headwater_catalog.cli.lineage:lineage", "List what a feature needs and feeds.", asks=True
    ),
    "path": LazyCommand(
        "headwater_catalog.cli.lineage:path", "List the ways from one feature to another.", asks=True
    ),
    "diff": LazyCommand(
        "headwater_catalog.cli.changes:diff", "Tell what changed between two commits.", asks=True
    ),
    "impact": LazyCommand(
        "headwater_catalog.cli.changes:impact", "Tell what a change reaches downstream.", asks=True
    ),
    "check": LazyCommand(
        "headwater_catalog.cli.check:check", "Check policies on a folder, a commit or a change.", asks=True
    ),
    "review": LazyCommand(
        "headwater_catalog.cli.review:review", "Tell the whole story of a change, in Markdown.", asks=True
    ),
    "suggest": LazyCommand(
        "headwater_catalog.cli.suggest:suggest", "List what looks classified and says nothing.", asks=True
    ),
    "duplicates": LazyCommand(
        "headwater_catalog.cli.duplicates:duplicates", "List functions that do the same.", asks=True
    ),
    "dead": LazyCommand(
        "headwater_catalog.cli.dead:dead", "List features that nothing needs any more.", asks=True
    ),
    "why": LazyCommand("headwater_catalog.cli.why:why", "Tell why a feature has a classification."),
    "history": LazyCommand(
        "headwater_catalog.cli.features:history", "List the changes of a feature.", asks=True
    ),
    "run": LazyCommand("headwater_catalog.cli.runs:run", "Execute features at a commit.", asks=True),
    "convert": LazyCommand(
        "headwater_catalog.cli.convert:convert", "Turn a pandas script into feature functions."
    ),
    "values": LazyCommand(
        "headwater_catalog.cli.values:values", "Compare the values of a feature at two commits.", asks=True
    ),
    "cancel": LazyCommand(
        "headwater_catalog.cli.runs:cancel", "Cancel a run that waits or goes on.", asks=True
    ),
    "audit": LazyCommand(
        "headwater_catalog.cli.datasets:audit", "Tell who made a file, when, and of what.", asks=True
    ),
    "backfill": LazyCommand(
        "headwater_catalog.cli.backfill:backfill",
        "Compute partitions of a dataflow that are missing or stale.",
        asks=True,
    ),
    "stale": LazyCommand(
        "headwater_catalog.cli.datasets:stale", "List saved columns that mean something else now.", asks=True
    ),
    "reproduce": LazyCommand(
        "headwater_catalog.cli.reproduce:reproduce", "Make a dataset again, and compare.", asks=True
    ),
    "compile": LazyCommand(
        "headwater_catalog.cli.compile:compile_flows", "Write dataflows down for an orchestrator."
    ),
    "worker": LazyCommand("headwater_catalog.cli.runs:worker", "Work off queued scans and runs."),
    "user add": LazyCommand("headwater_catalog.cli.users:add", "Make an account."),
    "user list": LazyCommand("headwater_catalog.cli.users:list_all", "List the accounts."),
    "user role": LazyCommand("headwater_catalog.cli.users:role", "Give an account a role."),
    "user password": LazyCommand("headwater_catalog.cli.users:password", "Give an account a password."),
    "user disable": LazyCommand("headwater_catalog.cli.users:disable", "Let an account log in no more."),
    "user enable": LazyCommand("headwater_catalog.cli.users:enable", "Let an account log in again."),
    "token create": LazyCommand("headwater_catalog.cli.api_tokens:create", "Make a token for programs."),
    "token list": LazyCommand("headwater_catalog.cli.api_tokens:list_all", "List an account's tokens."),
    "token revoke": LazyCommand("headwater_catalog.cli.api_tokens:revoke", "Take a token away."),
    "subscription add": LazyCommand(
        "headwater_catalog.cli.subscriptions:add", "Save a query, and subscribe to it.", asks=True
    ),
    "subscription list": LazyCommand(
        "headwater_catalog.cli.subscriptions:list_all", "List saved queries and subscriptions.", asks=True
    ),
    "subscription show": LazyCommand(
        "headwater_catalog.cli.subscriptions:show", "Show a subscription, and what it told.", asks=True
    ),
    "subscription pause": LazyCommand(
        "headwater_catalog.cli.subscriptions:pause", "Let a subscription tell nothing for now.", asks=True
    ),
    "subscription resume": LazyCommand(
        "headwater_catalog.cli.subscriptions:resume", "Let a subscription tell again.", asks=True
    ),
    "subscription try": LazyCommand(
        "headwater_catalog.cli.subscriptions:try_now", "Have a subscription say that it works.", asks=True
    ),
    "subscription remove": LazyCommand(
        "headwater_catalog.cli.subscriptions:remove", "Remove a subscription.", asks=True
    ),
    "events verify": LazyCommand(
        "headwater_catalog.cli.events:verify", "Tell whether the event log was tampered with."
    ),
    "events export": LazyCommand("headwater_catalog.cli.events:export", "Write the event log as JSON lines."),
    "erasure plan": LazyCommand(
        "headwater_catalog.cli.erasure:plan", "List what holds something of a column."
    ),
    "erasure request": LazyCommand(
        "headwater_catalog.cli.erasure:request", "Store the plan of an erasure.", asks=True
    ),
    "erasure list": LazyCommand("headwater_catalog.cli.erasure:list_all", "List the erasures.", asks=True),
    "erasure show": LazyCommand(
        "headwater_catalog.cli.erasure:show", "Show an erasure, thing by thing.", asks=True
    ),
    "erasure erase": LazyCommand(
        "headwater_catalog.cli.erasure:erase", "Erase what Headwater holds itself.", asks=True
    ),
    "erasure mark": LazyCommand(
        "headwater_catalog.cli.erasure:mark", "Say what became of other things.", asks=True
    ),
    "erasure close": LazyCommand("headwater_catalog.cli.erasure:close", "End an erasure.", asks=True),
    "erasure withdraw": LazyCommand(
        "headwater_catalog.cli.erasure:withdraw", "Give up an erasure.", asks=True
    ),
    "erasure record": LazyCommand(
        "headwater_catalog.cli.erasure:record", "Write the record of an erasure.", asks=True
    ),
    "manifest key": LazyCommand("headwater_catalog.cli.manifests:key", "Print the public key of manifests."),
    "manifest sign": LazyCommand(
        "headwater_catalog.cli.manifests:sign", "Write the manifest of a run.", asks=True
    ),
    "manifest verify": LazyCommand(
        "headwater_catalog.cli.manifests:verify", "Verify a manifest and a file that it tells of.", asks=True
    ),
    "db upgrade": LazyCommand("headwater_catalog.cli.setup:upgrade", "Bring the database up to date."),
    "db check": LazyCommand("headwater_catalog.cli.setup:check", "Tell whether the database is up to date."),
    "demo init": LazyCommand("headwater_catalog.cli.demo:init", "Build the demo repository."),
}
"""The catalog's commands by full name; another package may add its own beside them."""

GROUPS: Mapping[str, str] = {
    "repo": "Manage the repositories that the catalog follows.",
    "user": "Manage who may log in, and their roles.",
    "token": "Manage the tokens by which programs use the catalog.",
    "subscription": "Save queries, and be told what comes to their results.",
    "events": "Verify and export the log of who did what.",
    "erasure": "Find what holds something of a column, erase it, and keep the record.",
    "manifest": "Sign and verify what runs were made from.",
    "db": "Look after the database.",
    "demo": "Try Headwater on a repository that teaches.",
}
"""One line of help for each group that the two-word names make."""


def command_line(more: Mapping[str, LazyCommand] | None = None) -> LazyGroup:
    """Return the command line `headwater`.

    Args:
        more: Commands of other packages, by full name; their groups must be among `GROUPS`.
    """
    group = LazyGroup(
        "headwater",
        table={**COMMANDS, **(more or {})},
        groups=GROUPS,
        help="Catalog the feature functions of git repositories, follow their lineage and run them.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    group.params.append(_REMOTE)
    atexit.register(gc.freeze)  # the end of the process looks for no cycles: it frees all the same
    return click.version_option(package_name="headwater", prog_name="headwater")(group)


_REMOTE: Final = click.Option(
    ["--remote"],
    metavar="URL",
    envvar="HEADWATER_REMOTE",
    help="Ask the catalog that is served at URL; HEADWATER_TOKEN has the token, where it wants one.",
)
