"""Have tables opened that nobody vouches for, by a process that cannot do harm (`table_process`)."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from headwater.errors import InvalidInput
from headwater_catalog import sandbox
from headwater_catalog.governance.kinds_of_data import KINDS
from headwater_catalog.prepared import Program
from headwater_catalog.reports import read_answer
from headwater_catalog.run_settings import RunSettings
from headwater_catalog.sandbox import Access
from headwater_catalog.table_process import ANSWER, CONVERTED, TASK

__all__ = [
    "BeyondLimits",
    "Content",
    "Finished",
    "as_arrow",
    "column_names",
    "compare_files",
    "contents_of",
    "finish_table",
    "looks_of",
]

IMPORTED: Final = (
    *("headwater_catalog.table_process", "headwater_catalog.table_files", "headwater_catalog.stamps"),
    *("headwater_catalog.fingerprints", "pyarrow.parquet", "pyarrow.csv"),
)
_KINDS: Final = frozenset(kind.name for kind in KINDS)
_NO_OTHER: Final = "Feature code may have written something else in its place."


class BeyondLimits(InvalidInput):
    """A table needs more to be read than there is for it."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds, as far as its fingerprints tell.

    Attributes:
        rows: How many rows there are.
        table: The fingerprint of all of it, after the name of its scheme: `scheme:hex`.
        columns: The fingerprint of each column by its name, in order.
    """

    rows: int
    table: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finished:
    """A table that was written with its stamp.

    Attributes:
        rows: How many rows there are.
        table: Its fingerprint, after the name of its scheme.
        columns: The type and the fingerprint of each column by its name, in order.
        schema: The types as a text for programs.
    """

    rows: int
    table: str
    columns: Mapping[str, Mapping[str, str]]
    schema: str


def finish_table(
    folder: Path,
    made: str,
    out: str,
    format: str,
    draft: Mapping[str, Any],
    held: RunSettings | None = None,
    watch: Callable[[], str | None] | None = None,
) -> Finished:
    """Let the Arrow file that a runner wrote become the file that is kept.

    Args:
        folder: Where it is, and where the new file goes; feature code never had it.
        made: Its name.
        out: The name of the new file; a CSV or JSON file gets another one beside it.
        format: The format of the new file.
        draft: The stamp without what the content tells.
        held: How the process that does it is held; None: as usual.
        watch: Asked several times a second; a sentence that it returns ends it.

    Raises:
        InvalidInput: That cannot be; the message says why.
    """
    source = folder / made
    if source.is_symlink() or not source.is_file():
        raise InvalidInput(f"The runner left no table. {_NO_OTHER}")
    task = {"task": "finish", "made": made, "out": out, "format": format, "draft": draft}
    answer = _ask(folder, task, _with_room(held, source), watch)
    columns = {
        _text(name): {"type": _text(told["type"]), "fingerprint": _text(told["fingerprint"])}
        for name, told in answer["columns"].items()
    }
    return Finished(int(answer["rows"]), _text(answer["table"]), columns, _text(answer["schema"]))


def contents_of(
    path: Path, format: str, schemas: Sequence[str | None] = (None,), held: RunSettings | None = None
) -> list[Content | str]:
    """Return what a file holds, or why it cannot be read, for each way in which its columns may be meant."""
    task = {"task": "fingerprint", "path": str(path.absolute()), "format": format, "schemas": list(schemas)}
    found = _ask_apart(task, path, held)["found"]
    return [
        _text(each["error"])
        if "error" in each
        else Content(
            int(each["rows"]),
            _text(each["table"]),
            {_text(name): _text(told) for name, told in each["columns"].items()},
        )
        for each in found
    ]


@contextlib.contextmanager
def as_arrow(path: Path, format: str, schema: str | None, held: RunSettings | None = None) -> Iterator[Path]:
    """Give a table as an Arrow file, which goes afterwards.

    Args:
        path: The file of the table.
        format: Its format.
        schema: The types of its columns, which CSV and JSON do not say.
        held: What holds the reading of it.

    Raises:
        InvalidInput: It cannot be read.
    """
    task = {"task": "convert", "path": str(path.absolute()), "format": format, "schema": schema}
    with tempfile.TemporaryDirectory(prefix="headwater-table-") as folder:
        _ask(Path(folder), task, _with_room(held, path), reads=[path])
        made = Path(folder) / CONVERTED
        if made.is_symlink() or not made.is_file():
            raise InvalidInput(f"The table cannot be read. {_NO_OTHER}")
        yield made


def looks_of(
    path: Path, format: str, schema: str | None, today: str, held: RunSettings | None = None
) -> list[dict[str, Any]]:
    """Return what the values of the columns of a table look like, by its first rows.

    Args:
        path: The file of the table.
        format: Its format.
        schema: The types of its columns, which CSV and JSON do not say.
        today: The day after which nobody was born, as YYYY-MM-DD.
        held: How the process that does it is held; None: as usual.

    Returns:
        `column`, `kind` as `kinds_of_data` names it, `share` and `looked_at` of each that looks like one.

    Raises:
        InvalidInput: It cannot be read.
    """
    task = {"task": "look", "path": str(path.absolute()), "format": format, "schema": schema, "today": today}
    told = [_look(each) for each in _ask_apart(task, path, held)["found"]]
    # Of what a process says that has read this file, only what is known beforehand can be told to anybody.
    return [each for each in told if each["kind"] in _KINDS and 0 <= each["share"] <= 1]


def _look(told: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: _text(told[name]) for name in ("column", "kind")}
    return {**named, "share": float(told["share"]), "looked_at": int(told["looked_at"])}


def column_names(path: Path, format: str, held: RunSettings | None = None) -> list[str]:
    """Return the names of the columns of a file.

    Raises:
        InvalidInput: It cannot be read.
    """
    task = {"task": "names", "path": str(path.absolute()), "format": format}
    return [_text(name) for name in _ask_apart(task, path, held)["names"]]


def compare_files(
    folder: Path,
    then: tuple[Path, str],
    now: tuple[Path, str],
    schema: str | None,
    tolerance: float,
    held: RunSettings | None = None,
    watch: Callable[[], str | None] | None = None,
    *,
    renamed: Mapping[str, str] | None = None,
    keys: tuple[Sequence[str], Sequence[str]] = ((), ()),
    by: Sequence[str] = (),
    spread: bool = False,
) -> dict[str, Any]:
    """Compare two table files cell by cell, as `table_comparison.compare_tables` says.

    Args:
        folder: A folder to work in.
        then: Path and format of the first.
        now: Path and format of the second.
        schema: The types of columns, where a format does not say them.
        tolerance: By how much numbers with fractions may differ.
        held: How the process that does it is held; None: as usual.
        watch: Asked several times a second; a sentence that it returns ends it.
        renamed: Columns of the first that have another name in the second, with that.
        keys: The columns that name the rows of each; rows that nothing names are compared by their position.
        by: Columns of both that somebody has chosen to name rows, in place of `keys`.
        spread: Whether how values are spread is told, too, as `distributions.distributions` says.

    Raises:
        InvalidInput: One of them cannot be read, or rows cannot be matched by what was chosen.
    """
    files = [[str(path.absolute()), format] for path, format in (then, now)]
    task = {"task": "compare", "then": files[0], "now": files[1], "schema": schema, "tolerance": tolerance}
    how = {"renamed": dict(renamed or {}), "keys": [list(each) for each in keys]}
    task |= {"by": list(by), "spread": spread}
    return _ask(folder, {**task, **how}, _with_room(held, then[0], now[0]), watch, (then[0], now[0]))


def _with_room(held: RunSettings | None, *files: Path) -> RunSettings:
    """Return the same with room for files in the address space, into which they are mapped."""
    held = held or RunSettings()
    size = sum(file.stat().st_size for file in files)
    return replace(held, limits=replace(held.limits, memory=held.limits.memory + size))


def _ask_apart(task: Mapping[str, Any], path: Path, held: RunSettings | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="headwater-table-") as folder:
        return _ask(Path(folder), task, _with_room(held, path), reads=[path])


def _ask(
    folder: Path,
    task: Mapping[str, Any],
    held: RunSettings,
    watch: Callable[[], str | None] | None = None,
    reads: Sequence[Path] = (),
) -> dict[str, Any]:
    for name in (TASK, ANSWER):
        (folder / name).unlink(missing_ok=True)  # of the task before
    with (folder / TASK).open("x", encoding="utf-8") as file:
        json.dump(task, file)
    program = Program("headwater_catalog.table_process", "main", (str(folder),), IMPORTED)
    access = Access([path.absolute() for path in reads], users=held.users)
    outcome = sandbox.run(program, folder, held.limits, watch, access)
    answer = read_answer(folder / ANSWER)
    if outcome.reason or answer is None:
        last = outcome.log.strip().rpartition("\n")[2][:300]
        told = (
            outcome.reason
            or f"The process that reads it ended with exit code {outcome.code}. {last}".rstrip()
        )
        raise (BeyondLimits if outcome.reason else InvalidInput)(f"The table cannot be read. {told}")
    if "error" in answer:
        raise InvalidInput(_text(answer["error"]))
    return answer


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"The table cannot be read: {value!r:.40} is no text.")
    return value
