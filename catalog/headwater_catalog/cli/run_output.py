"""How commands print what came of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from headwater_catalog.cli.output import clean, counted, duration, print_table, say

__all__ = ["print_run", "why_it_failed"]

_LOG_LINES: Final = 20
_Run = Mapping[str, Any]


def print_run(told: _Run, save: Path | None) -> None:
    """Print the values of a run, and say beside them where they come from."""
    from headwater_catalog.personal import HIDDEN

    table = told["table"]
    if table is not None:
        hidden = [column.get("masked") for column in table["columns"]]
        print_table(
            [column["name"] for column in table["columns"]],
            [
                [HIDDEN if h else "" if cell is None else cell for h, cell in zip(hidden, row, strict=True)]
                for row in table["rows"]
            ],
        )
        more = table["row_count"] - len(table["rows"])
        if more > 0:
            say(f"... and {counted(more, 'more row')}.")
    for value in told["values"]:
        click.echo(clean(f"{value['name']} = {value['text']}"))
    for check in told["checks"]:
        if not check["passed"]:
            say(f"Check '{check['validator']}' of '{check['node']}' did not hold. {check['message']}")
    for number in told.get("erasures", ()):
        say(f"It computes from columns of erasure {number}: what it made holds again what its inputs hold.")
    took = duration(sum(node["seconds"] for node in told["nodes"]))
    saved = f" Saved to {save}." if save is not None else ""
    say(
        f"Run {told['id']}: {counted(len(told['nodes']), 'node')} of dataflow '{told['dataflow']}' at commit "
        f"{told['commit'][:8]} in {took}.{saved}"
    )


def why_it_failed(told: _Run) -> str:
    """Return why a run failed: the reason, the code that led there, the end of its output."""
    lines = [f"Run {told['id']} {told['state']}: {told['error'] or 'no reason is known.'}"]
    failure = told["failure"]
    if failure is not None:
        if failure["message"] not in lines[0]:
            lines.append(f"  {failure['message']}")
        lines += [
            f"  {at['path']}:{at['line']} in {at['function']}: {at['code']}" for at in failure["frames"]
        ]
    log = told["log"].rstrip().splitlines()[-_LOG_LINES:]
    if log:
        lines += ["Its output ended with:", *(f"  {line}" for line in log)]
    return clean("\n".join(lines))
