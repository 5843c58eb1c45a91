"""The command that lists what looks classified and says nothing of it, and makes patches that say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.failures import WrongUse
from headwater_catalog.cli.output import clean, counted, json_option, print_json, say

if TYPE_CHECKING:
    from headwater_catalog.governance.suggestions import Suggestion

__all__ = ["suggest"]

_Json = Mapping[str, Any]


@click.command()
@click.argument(
    "path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(), required=False
)
@click.option("--patch", "as_patch", is_flag=True, help="Print a patch that puts the tags into the sources.")
@click.option("--only", "keys", multiple=True, metavar="KEY", help="Only this feature; may be given again.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="With --only: this tag instead.")
@json_option
def suggest(path: Path, as_patch: bool, keys: tuple[str, ...], tags: tuple[str, ...], as_json: bool) -> None:
    """List features and inputs in PATH, or here, that look classified and say nothing of it.

    Names, docs and types are looked at; nothing is executed, and nothing is changed. What is reached by a
    classification already, or says anything of it, is left out. --patch accepts suggestions: what it prints
    `git apply` takes, such as `headwater suggest --patch > classify.patch`.

    JSON: a list of key, classification, value, reasons, path, line, owners, reaches.
    """
    if as_patch and as_json:
        raise click.UsageError("--patch and --json say two things. Give one of them.")
    if tags and not (keys and as_patch):
        raise click.UsageError("--tag says what --only is to have: give --patch --only KEY, too.")
    found = [each for each in _found(path) if not keys or each.key in keys]
    if as_patch:
        _print_patch(path, _wanted(found, keys, tags))
    elif as_json:
        print_json([asdict(each) for each in found])
    else:
        click.echo(clean("\n".join(_lines([asdict(each) for each in found]))))


def _found(path: Path) -> tuple[Suggestion, ...]:
    from headwater_catalog.days import today
    from headwater_catalog.governance.suggestions import suggestions
    from headwater_catalog.tree_snapshots import read_folder

    return suggestions(read_folder(path), today())


def _wanted(
    found: list[Suggestion], keys: tuple[str, ...], tags: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Return the tags to add, by key."""
    if tags:
        pairs = [text.partition("=") for text in tags]
        if any(not key or not equals for key, equals, _ in pairs):
            raise WrongUse("--tag must be KEY=VALUE, such as pii=true.")
        return {key: {name: value for name, _, value in pairs} for key in keys}
    wanted: dict[str, dict[str, str]] = {}
    for each in found:
        wanted.setdefault(each.key, {})[each.classification] = each.value
    unknown = [key for key in keys if key not in wanted]
    if unknown:
        told = f"Nothing is suggested for {', '.join(unknown)}. Say what it is to have: --tag pii=true"
        raise WrongUse(told)
    return wanted


def _print_patch(path: Path, wanted: Mapping[str, Mapping[str, str]]) -> None:
    from headwater_catalog.errors import RepositoryError
    from headwater_catalog.governance.tag_patch import tag_patch

    try:
        made = tag_patch(path, wanted)
    except OSError as error:
        raise RepositoryError(f"{error.filename or path} cannot be read: {error.strerror}.") from error
    with click.open_file("-", "wb") as stream:  # bytes: files keep their line ends and encodings
        stream.write(made.diff)
    for key, reason in made.left_out.items():
        say(f"Left out: {key}: {reason}.")
    say(f"{counted(len(made.added), 'feature')} tagged, {len(made.left_out):,} left out.")


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    for each in found:
        place = f"{each['path']}:{each['line']}: " if each["path"] else ""
        yield f"{place}{each['classification']}={each['value']} for {each['key']}?"
        yield from (f"    {reason}" for reason in each["reasons"])
        told = [f"{counted(each['reaches'], 'feature')} downstream with it"] if each["reaches"] else []
        told += [f"ask {', '.join(each['owners'])}"] if each["owners"] else []
        if told:
            yield f"    {'; '.join(told)}"
    yield f"{counted(len(found), 'suggestion')}." if found else "Nothing to suggest."
