"""A group of commands that imports a command only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from headwater_catalog.cli.failures import ASKED, failure_of, misunderstood

__all__ = ["LazyCommand", "LazyGroup"]


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is found, and its line in the list of commands.

    Attributes:
        target: `module:attribute` of the click command.
        help: What it does, in one line; shown without importing the module.
        asks: Whether it can ask a catalog that is served elsewhere, or needs none.
    """

    target: str
    help: str
    asks: bool = False

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is no click command but {command!r}.")
        return command


class LazyGroup(click.Group):
    """A click group over a flat table of commands; a name of two words lies in a group of its own.

    The group turns errors of the catalog and the engine into a message and an exit code, so that every
    command may simply raise them.

    Attributes:
        table: Commands by their full name, such as `scan` or `repo add`.
        groups: One line of help for each first word of the two-word names.
    """

    def __init__(
        self, *args: Any, table: Mapping[str, LazyCommand], groups: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.table = dict(table)
        self.groups = dict(groups)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names one level below this group, sorted."""
        return sorted({name.partition(" ")[0] for name in self.table})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or make the group that the name stands for."""
        if cmd_name in self.table:
            self._require_here(ctx, self.table[cmd_name])
            return self.table[cmd_name].load()
        inner = {
            name.partition(" ")[2]: command
            for name, command in self.table.items()
            if name.startswith(f"{cmd_name} ")
        }
        if not inner:
            return None
        return LazyGroup(cmd_name, table=inner, groups={}, help=self.groups[cmd_name])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone, without importing any."""
        rows = [(name, self._help_of(name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; an unknown one is told with the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from headwater.errors import did_you_mean

            known = self.list_commands(ctx)
            if args[0] in known:  # it is refused for another reason
                raise
            hint = did_you_mean(args[0], known)
            raise click.UsageError(f"{error.message}{hint}", ctx) from None

    def _require_here(self, ctx: click.Context, command: LazyCommand) -> None:
        """Refuse a command that works on this machine where another machine's catalog is meant."""
        url = ctx.find_root().params.get("remote")
        if url and not command.asks and not ctx.resilient_parsing:
            raise click.UsageError(
                f"This command works on this machine, and cannot be asked of the catalog at {url}. Leave out "
                "--remote, or HEADWATER_REMOTE.",
                ctx,
            )

    def _help_of(self, name: str) -> str:
        return self.table[name].help if name in self.table else self.groups[name]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error that we know becomes its message and exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            failure = failure_of(error)
            if failure is None and (url := ctx.meta.get(ASKED)):
                failure = misunderstood(url, error)
            if failure is None:
                raise
            raise failure from error
