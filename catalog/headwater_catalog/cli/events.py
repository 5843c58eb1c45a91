"""The commands that verify and export the event log."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.failures import Findings
from headwater_catalog.cli.output import clean, counted, json_option, print_json

if TYPE_CHECKING:
    from headwater_catalog.accounts.event_chain import Anchor, Verification

__all__ = ["export", "verify"]

_ANCHOR: Final = re.compile("([0-9]{1,10}):([0-9a-f]{64})")


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--anchor", metavar="N:HASH", help="The last event as an earlier verification has told it.")
@json_option
@pass_workspace
def verify(workspace: Workspace, file: Path | None, anchor: str | None, as_json: bool) -> None:
    """Follow the chain of the event log, or of FILE, an export of it; exit code 1 if it is broken.

    FILE is verified with nothing else at hand. The last event and its hash are told: noted somewhere that
    nobody here can write to, and given as --anchor later, they show also a log that was written anew as a
    whole, or that lost its end.

    JSON: ok, events, last (id, hash), faults (event, message).
    """
    known = _anchor(anchor)
    found = _verify_file(file, known) if file is not None else _verify_log(workspace, known)
    if as_json:
        from headwater_catalog.answers.accounts import verification_json

        print_json(verification_json(found))
        if not found.is_whole:
            click.get_current_context().exit(Findings.exit_code)
        return
    if not found.is_whole:
        raise Findings("\n".join(fault.message for fault in found.faults))
    click.echo(f"The log is whole: {counted(found.events, 'event')}.")
    if found.last is not None:
        click.echo(f"Its last event is {clean(str(found.last))}; note this elsewhere.")


@click.command()
@pass_workspace
def export(workspace: Workspace) -> None:
    """Write the event log to standard output as JSON lines, which `headwater events verify FILE` verifies.

    JSON, a line for each event: id, at (seconds since 1970), kind, actor, subject, details, address,
    previous (the hash of the event before), hash. The last line: last (id, hash).
    """
    from headwater_catalog.accounts.event_chain import export_lines
    from headwater_catalog.accounts.events import chain

    with workspace.reading() as session:
        for line in export_lines(chain(session)):
            sys.stdout.write(line)


def _anchor(text: str | None) -> Anchor | None:
    from headwater_catalog.accounts.event_chain import Anchor

    if text is None:
        return None
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise click.UsageError("--anchor needs the number of an event and its whole hash: N:HASH")
    return Anchor(int(found[1]), found[2])


def _verify_file(file: Path, anchor: Anchor | None) -> Verification:
    from headwater_catalog.accounts.event_chain import read_export
    from headwater_catalog.errors import CatalogError

    try:
        with file.open(encoding="utf-8") as lines:
            return read_export(lines, str(file), anchor)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{file} cannot be read: {error}.") from error


def _verify_log(workspace: Workspace, anchor: Anchor | None) -> Verification:
    from headwater_catalog.accounts.events import verify_log

    with workspace.reading() as session:
        return verify_log(session, anchor)
