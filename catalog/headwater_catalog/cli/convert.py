"""The command that turns a pandas script into feature functions."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.failures import Failure, Findings
from headwater_catalog.cli.output import clean, counted, json_option, print_json, print_table, say

if TYPE_CHECKING:
    from headwater_catalog.convert import ColumnStep, Conversion
    from headwater_catalog.convert.verified import Verdict
    from headwater_catalog.limits import Limits
    from headwater_catalog.read.syntax import Unreadable

__all__ = ["convert"]

_ENCODING = re.compile(r"coding[:=][ \t]*[-\w.]+")
_RANGES = 4
"""Stretches of lines that are listed for one reason."""


@click.command()
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", metavar="[-- ARGUMENT...]", nargs=-1)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the module and the driver script are written; beside SCRIPT unless given.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder in which SCRIPT is run to compare; the one here unless given.",
)
@click.option(
    "--seconds",
    type=click.IntRange(1),
    default=900,
    show_default=True,
    help="How long both may run together.",
)
@click.option("--no-verify", is_flag=True, help="Do not run SCRIPT and what it became.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--lineage", is_flag=True, help="Write nothing: list which column comes from which, by line.")
@json_option
def convert(
    script: Path,
    folder: Path | None,
    arguments: tuple[str, ...],
    data: Path | None,
    seconds: int,
    no_verify: bool,
    force: bool,
    lineage: bool,
    as_json: bool,
) -> None:
    """Convert SCRIPT, a pandas script or notebook, into feature functions and a script that drives them.

    What cannot be converted stays in the driver script and is told, with the line and what to do. Then both
    are run on copies of the data, with the ARGUMENTs, confined as runs are, and what they leave is compared:
    variables and files. Exit 1: something differs, or could not be compared.

    The lines of a project file are printed by which the catalog runs the features.

    JSON: module, driver, features (name, line), notes (line, kind, why, what_to_do), verdict (is_same, same,
    different (name, difference), error; null where it was not run), project. With --lineage: steps (name,
    line, kind, needs (name, line), sources, is_certain).
    """
    text = _text(script)
    if lineage:
        _show_lineage(text, script, [script.parent, data or Path()], as_json)
        return
    from headwater_catalog.convert import convert_script
    from headwater_catalog.limits import Limits
    from headwater_catalog.read.syntax import Unreadable

    try:
        made = convert_script(text, script.name, [script.parent, data or Path()])
    except Unreadable as error:
        raise _unreadable(script, error) from error
    if not made.module_text:
        _show_notes(made)
        raise Failure(_nothing(script, made))
    target = folder or script.parent
    paths = [target / f"{made.module}.py", target / f"{made.driver}.py"]
    _refuse_existing(paths, force)
    limits = Limits(wall_seconds=seconds, cpu_seconds=seconds)
    verdict = None if no_verify else _verified(script, text, made, data or Path(), arguments, limits)
    _write(paths, [made.module_text, made.driver_text])
    project = _project(made, target, data or Path())
    if as_json:
        print_json(_json(paths, made, verdict, project))
    else:
        _show(paths, made, verdict)
        if project:
            say(f"\nDeclare this in the project file, and the catalog runs it, too:\n\n{project}")
    if verdict is not None and not verdict.is_same:
        raise Findings(_unlike(verdict))


def _text(script: Path) -> str:
    from headwater_catalog.read.notebooks import cells_of, is_notebook
    from headwater_catalog.read.syntax import Unreadable

    content = script.read_bytes()
    try:
        if is_notebook(content):
            return "".join(cell.text for cell in cells_of(content))
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except Unreadable as error:
        raise Failure(f"{script}: {error.reason}") from error
    except UnicodeDecodeError as error:
        raise Failure(
            f"{script} is not written in {error.encoding} ({error.reason}, byte {error.start})."
        ) from error
    except SyntaxError as error:  # of an encoding that nobody knows, or of a first line in another one
        raise Failure(f"{script}: {error.msg or error}.") from error
    return text if encoding.startswith("utf-8") else _ENCODING.sub("coding: utf-8", text, count=1)


def _unreadable(script: Path, error: Unreadable) -> Failure:
    place = f"{script}:{error.line}" if error.line else str(script)
    return Failure(f"{place}: {error.reason}")


def _nothing(script: Path, made: Conversion) -> str:
    if not made.uncalled:
        return f"Nothing in {script} sets a column or a table in a way that a feature function can."
    first = made.uncalled[0]
    listed = ", ".join(made.uncalled[:3]) + (", ..." if len(made.uncalled) > 3 else "")
    return (
        f"Nothing in {script} calls the functions that set columns ({listed}) with a table that it names. "
        f"Add lines that do, as data = pd.read_csv(...) and data = {first}(data), and convert that."
    )


def _refuse_existing(paths: Sequence[Path], force: bool) -> None:
    there = [str(path) for path in paths if path.exists()]
    if there and not force:
        raise Failure(
            f"There is already {' and '.join(there)}. Give --force to write over it, or another --to."
        )


def _verified(
    script: Path, text: str, made: Conversion, data: Path, arguments: Sequence[str], limits: Limits
) -> Verdict:
    from headwater_catalog.convert.verified import Verdict, verify
    from headwater_catalog.errors import JobError

    try:
        say(f"Running {script.name} and what it became, for {limits.wall_seconds:g} seconds at most.")
        return verify(script, text, made, data, limits, arguments)
    except JobError as error:
        return Verdict(error=str(error))


def _write(paths: Sequence[Path], texts: Sequence[str]) -> None:
    """Write files so that all are whole, or none is there."""
    from headwater.materialize.files import replacing, write_bytes

    paths[0].parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        places = [stack.enter_context(replacing(path)) for path in paths]
        for place, text in zip(places, texts, strict=True):
            write_bytes(place, text.encode())


def _project(made: Conversion, target: Path, data: Path) -> str:
    from headwater_catalog.convert.project_text import project_text

    return project_text(made.flow, target, data) if made.flow is not None and made.flow.outputs else ""


def _json(paths: Sequence[Path], made: Conversion, verdict: Verdict | None, project: str) -> dict[str, Any]:
    return {
        "module": str(paths[0]),
        "driver": str(paths[1]),
        "features": [{"name": name, "line": line} for name, line in made.features.items()],
        "notes": [note.as_dict() for note in made.notes],
        "verdict": None if verdict is None else verdict.as_dict(),
        "project": project,
    }


def _show(paths: Sequence[Path], made: Conversion, verdict: Verdict | None) -> None:
    _show_notes(made)
    click.echo(clean(f"{counted(len(made.features), 'feature')} in {paths[0]}, driven by {paths[1]}."))
    if verdict is None:
        say("It was not run: compare what both give before you trust it.")
        return
    for name, difference in verdict.different:
        click.echo(clean(f"{name} differs: {difference}"))
    if verdict.same:
        click.echo(clean(f"The same as in the script: {', '.join(verdict.same)}."))


def _show_notes(made: Conversion) -> None:
    if made.notes:
        lines: dict[tuple[str, str, str], list[int]] = {}
        for note in made.notes:
            lines.setdefault((note.kind, note.why, note.what_to_do), []).append(note.line)
        rows = [(_listed(numbers), *told) for told, numbers in lines.items()]
        print_table(("LINES", "ARE", "WHY", "WHAT TO DO"), rows, wide=3)
        click.echo()


def _listed(lines: Sequence[int]) -> str:
    """Return line numbers in short: as ranges, and of many the first ones."""
    ranges: list[list[int]] = []
    for line in sorted(set(lines)):
        if ranges and line == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], line]
        else:
            ranges.append([line])
    shown = ", ".join("-".join(map(str, each)) for each in ranges[:_RANGES])
    return shown if len(ranges) <= _RANGES else f"{shown}, ..."


def _unlike(verdict: Verdict) -> str:
    if verdict.error:
        return f"The result could not be compared. {verdict.error}"
    if verdict.different:
        return f"{counted(len(verdict.different), 'result')} of the script and of what it became differ."
    return "There was nothing to compare: the script leaves no variable and no file that features make."


def _show_lineage(text: str, script: Path, folders: Sequence[Path], as_json: bool) -> None:
    from headwater_catalog.convert import lineage_of
    from headwater_catalog.read.syntax import Unreadable

    try:
        steps = lineage_of(text, folders)
    except Unreadable as error:
        raise _unreadable(script, error) from error
    if as_json:
        print_json({"steps": [step.as_dict() for step in steps]})
        return
    if steps:
        print_table(("LINE", "SETS", "FROM", "IN THE END FROM"), list(map(_row, steps)))
    click.echo(f"{counted(len(steps), 'step')}.")


def _row(step: ColumnStep) -> tuple[str, str, str, str]:
    needs = ", ".join(f"{name} ({line})" for name, line in step.needs)
    doubt = "" if step.is_certain else " (some of these)"
    return str(step.line), step.name, needs, ", ".join(step.sources) + (doubt if step.sources else "")
