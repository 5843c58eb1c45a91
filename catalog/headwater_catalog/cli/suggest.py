"""The command that lists what looks classified and says nothing of it, and makes patches that say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.failures import WrongUse
from headwater_catalog.cli.output import clean, clean_lines, counted, json_option, print_json, say
from headwater_catalog.cli.suggesting import Folder, Here

if TYPE_CHECKING:
    from headwater_catalog.cli.made_patches import MadePatch
    from headwater_catalog.cli.suggesting import Place

__all__ = ["suggest"]

_Json = Mapping[str, Any]


@click.command()
@click.argument(
    "path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None, required=False
)
@click.option("--repo", help="A repository of the catalog, at its scanned head, in place of a folder.")
@click.option(
    "--values",
    "datasets",
    multiple=True,
    metavar="DATASET",
    help="Have the values of this dataset looked at first, or of DATASET@RUN; may be given again.",
)
@click.option("--patch", "as_patch", is_flag=True, help="Print a patch that puts the tags into the sources.")
@click.option("--push", is_flag=True, help="Push that patch as a new branch of the repository.")
@click.option("--only", "keys", multiple=True, metavar="KEY", help="Only this feature; may be given again.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="With --only: this tag instead.")
@json_option
@pass_workspace
def suggest(
    workspace: Workspace,
    path: Path | None,
    repo: str | None,
    datasets: tuple[str, ...],
    as_patch: bool,
    push: bool,
    keys: tuple[str, ...],
    tags: tuple[str, ...],
    as_json: bool,
) -> None:
    """List features and inputs in PATH, or here, that look classified and say nothing of it.

    Names, docs and types are looked at; nothing is executed, and nothing is changed. What is reached by a
    classification already, or says anything of it, is left out. --patch accepts suggestions: what it prints
    `git apply` takes, such as `headwater suggest --patch > classify.patch`.

    With --repo, --values or --push a repository of the catalog is looked at, where values of saved datasets
    count, too, once somebody has had them looked at. --push needs `headwater repo branches`.

    JSON: a list of key, classification, value, reasons, path, line, owners, reaches; with --push branch,
    commit, on, added, left_out.
    """
    if as_patch and (as_json or push):
        raise click.UsageError("--patch and --json or --push say two things. Give one of them.")
    if tags and not (keys and (as_patch or push)):
        raise click.UsageError("--tag says what --only is to have: give --patch --only KEY, too.")
    is_catalog = bool(repo is not None or datasets or push or (workspace.remote and path is None))
    if path is not None and is_catalog:
        raise click.UsageError("PATH is a folder; --repo, --values and --push are about the catalog.")
    if not is_catalog:
        _tell(Folder(path or Path()), keys, tags, as_patch, as_json)
        return
    place = workspace.remote.suggestions(repo) if workspace.remote else Here(workspace, repo)
    for dataset in datasets:
        place.look_at(dataset)
    if push:
        _print_branch(place.push(_wanted(_found(place, keys), keys, tags)), as_json)
    else:
        _tell(place, keys, tags, as_patch, as_json)


def _tell(place: Place, keys: Sequence[str], tags: Sequence[str], as_patch: bool, as_json: bool) -> None:
    found = _found(place, keys)
    if as_patch:
        _print_patch(place.patch(_wanted(found, keys, tags)))
    elif as_json:
        print_json(found)
    else:
        click.echo(clean_lines(_lines(found)))


def _found(place: Place, keys: Sequence[str]) -> list[dict[str, Any]]:
    return [each for each in place.found() if not keys or each["key"] in keys]


def _wanted(
    found: Sequence[dict[str, Any]], keys: Sequence[str], tags: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the tags to add, by key."""
    if tags:
        pairs = [text.partition("=") for text in tags]
        if any(not key or not equals for key, equals, _ in pairs):
            raise WrongUse("--tag must be KEY=VALUE, such as pii=true.")
        return {key: {name: value for name, _, value in pairs} for key in keys}
    wanted: dict[str, dict[str, str]] = {}
    for each in found:
        wanted.setdefault(each["key"], {})[each["classification"]] = each["value"]
    unknown = [key for key in keys if key not in wanted]
    if unknown:
        told = f"Nothing is suggested for {', '.join(unknown)}. Say what it is to have: --tag pii=true"
        raise WrongUse(told)
    return wanted


def _print_patch(made: MadePatch) -> None:
    with click.open_file("-", "wb") as stream:  # bytes: files keep their line ends and encodings
        stream.write(made.diff)
    _say_left_out(made.added, made.left_out)


def _print_branch(told: _Json, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    click.echo(clean(told["branch"]))
    _say_left_out(told["added"], told["left_out"])


def _say_left_out(added: Sequence[str], left_out: Mapping[str, str]) -> None:
    for key, reason in left_out.items():
        say(f"Left out: {key}: {reason}.")
    say(f"{counted(len(added), 'feature')} tagged, {len(left_out):,} left out.")


def _lines(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in found:
        place = f"{each['path']}:{each['line']}: " if each["path"] else ""
        yield f"{place}{each['key']} looks like {each['classification']}={each['value']}"
        yield from (f"    {reason}" for reason in each["reasons"])
        if not each["path"]:
            yield "    no code declares it: declare it by @external_input to tag it"
        if each["reaches"]:
            yield f"    {counted(each['reaches'], 'feature')} downstream would have it, too"
        if each["owners"]:
            yield f"    ask {', '.join(each['owners'])}"
    yield f"{counted(len(found), 'suggestion')}." if found else "Nothing to suggest."
