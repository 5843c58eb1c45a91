"""How commands print: JSON for programs, tables for people, progress on the standard error stream."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

import click

__all__ = [
    "NO_FEATURES",
    "clean",
    "clean_lines",
    "counted",
    "day",
    "day_of",
    "duration",
    "json_option",
    "print_json",
    "print_table",
    "progress_bar",
    "say",
]

_TURNING: Final = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
"""The option `--json` that every command has which prints data."""


def clean(text: str) -> str:
    """Return a text without control characters: what comes from a repository must not steer the terminal.

    Those that turn text round are left out, too; the joiners of some scripts and of emoji stay.
    """
    if text.isascii() and text.isprintable():  # most are
        return text
    return "".join(c for c in text if c in "\n\t" or not _steers(c))


def clean_lines(lines: Iterable[str]) -> str:
    """Return lines as one text without control characters; whatever is in one, none becomes two."""
    return clean("\n".join(line.replace("\n", " ") for line in lines))


def _steers(character: str) -> bool:
    turns = unicodedata.bidirectional(character) in _TURNING
    return turns or unicodedata.category(character) in ("Cc", "Cs")


def print_json(data: Any) -> None:
    """Print data as JSON, in ASCII so that every terminal and locale takes it."""
    click.echo(json.dumps(data, indent=2))


NO_FEATURES: Final = (
    "No module looks like one of features. If some are, name them in pyproject.toml: "
    '[tool.headwater.dataflows.NAME] with modules = ["package.module"].'
)
"""What to do where a repository seems to have none."""


def say(text: str) -> None:
    """Tell people something on the standard error stream, which leaves the output to the data."""
    click.echo(clean(text), err=True)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, wide: int | None = None) -> None:
    """Print a table; on a terminal the column `wide` gives way where space is short."""
    cells = [[clean(cell) for cell in row] for row in rows]
    lines = _fitted(headers, cells, wide) if sys.stdout.isatty() else _aligned([headers, *cells])
    click.echo("\n".join(line.rstrip() for line in lines))


def _fitted(headers: Sequence[str], rows: Iterable[Sequence[str]], wide: int | None) -> list[str]:
    """Return the lines of a table that keeps to the width of the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for at, header in enumerate(headers):
        table.add_column(header, no_wrap=at != wide, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table with whole cells, as whoever reads a pipe wants them, however many."""
    from rich.cells import cell_len

    table = [[cell.expandtabs().split("\n") for cell in row] for row in rows]
    widths = [max(cell_len(line) for cell in column for line in cell) for column in zip(*table, strict=True)]
    for row in table:
        for lines in zip_longest(*row, fillvalue=""):
            yield "  ".join(
                line + " " * (width - cell_len(line)) for line, width in zip(lines, widths, strict=True)
            )


def day(instant: int) -> str:
    """Return an instant as its day in UTC."""
    return datetime.fromtimestamp(instant, UTC).date().isoformat()


def day_of(instant: str) -> str:
    """Return the day of an instant as JSON has it, which is in UTC."""
    return instant[:10]


def counted(number: int, noun: str) -> str:
    """Return a number with what it counts: "1 commit", "2 commits"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a length of time in the unit that suits it."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "less than 1 ms"


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a progress bar on a terminal; yields what to call with done, total and a message."""
    if not sys.stderr.isatty():
        yield lambda done, total, message: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(clean(title), total=None)

        def update(done: int, total: int, message: str) -> None:
            progress.update(task, completed=done, total=total, description=clean(f"{title} {message}"))

        yield update
