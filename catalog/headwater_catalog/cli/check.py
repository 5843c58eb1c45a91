"""The command that checks policies, without a catalog or in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.failures import FINDINGS, WrongUse
from headwater_catalog.cli.output import clean_lines, counted, json_option, print_json
from headwater_catalog.collection import without_collection

if TYPE_CHECKING:
    from headwater_catalog.rules import Policy

__all__ = ["check", "day_given", "policies_in"]

_Json = Mapping[str, Any]
_FORMATS: Final = ("text", "json", "sarif", "junit", "github", "gitlab")
_MOST_STEPS: Final = 12  # of a way that is told to people


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--at", help="Check this commit, tag or branch; the files as they lie there unless given.")
@click.option("--base", help="Tell only what came since this commit, tag or branch.")
@click.option("--all", "with_all", is_flag=True, help="With --base: also what was there before.")
@click.option(
    "--policies",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A file of policies, or a folder of such, that hold besides those of the repository.",
)
@click.option("--day", help="The day on which barriers and exceptions must hold, as YYYY-MM-DD; else today.")
@click.option("--strict", is_flag=True, help="Warnings fail, too, and what is not known here.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", help="How to print it.")
@json_option
def check(
    path: Path | None,
    at: str | None,
    base: str | None,
    with_all: bool,
    files: tuple[Path, ...],
    day: str | None,
    strict: bool,
    form: str,
    as_json: bool,
) -> None:
    """Check the policies and classifications of the repository in PATH, or around here; nothing is executed.

    Needs no catalog. Ends with 1 where a policy of severity error is broken.

    JSON: before, after (full names of commits; null of a working tree, or without --base), day, features,
    policies (how many), problems (how many there are in the code, which `headwater read` tells), findings
    (rule, severity, message, key, about, path, line, end_line, because, owners, owner, fingerprint), known
    (findings that were there before), cleared (those that are gone), excepted, unknown (rule, reason), taint
    (classification, key, was, now, rises, path, through, cause).
    """
    failing = ("error", "warning") if strict else ("error",)
    with without_collection(at_the_end=True):  # nothing of what is made is let go before the end
        found = _checked(path or _top(), at, base, policies_in(files), day_given(day))
    if with_all:
        found = {**found, "findings": [*found["findings"], *found["known"]], "known": []}
    if as_json or form == "json":
        print_json(found)
    elif form == "text":
        click.echo(clean_lines(_lines(found)))
    else:
        from headwater_catalog.governance.formats import FORMATS

        click.echo(FORMATS[form](found, failing))
    if any(finding["severity"] in failing for finding in found["findings"]) or (strict and found["unknown"]):
        click.get_current_context().exit(FINDINGS)


def _top() -> Path:
    """Return the top of the repository around this folder, as git does; this folder where there is none."""
    here = Path().resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), Path())


def _checked(
    path: Path, at: str | None, base: str | None, platform: Iterable[Policy], day: str
) -> dict[str, Any]:
    from headwater_catalog.answers.governance import checked_json
    from headwater_catalog.governance.check import check as find

    name = path.resolve().name
    if base is None or (base == "HEAD" and at is None and _has_no_commit(path)):  # then all of it is new
        from headwater_catalog.cli.read import snapshot_in

        return checked_json(find(name, snapshot_in(path, at), day, more=platform), None, None, day)
    from headwater_catalog.governance.changed import Change, authors_of
    from headwater_catalog.two_trees import read_trees

    trees = read_trees(path, at, base)
    change = Change(trees.before, trees.after, authors_of(trees.commits, trees.before, trees.after))
    found = find(name, trees.after.snapshot, day, change=change, more=platform)
    return checked_json(found, trees.base, trees.sha, day)


def _has_no_commit(path: Path) -> bool:
    """Tell whether nothing was committed yet, as when a hook looks at the first commit."""
    place = path / ".git"
    return (
        place.is_dir()
        and not any((place / "refs" / "heads").rglob("*"))
        and not (place / "packed-refs").exists()
    )


def day_given(given: str | None) -> str:
    """Return the day that somebody names, else this one, as YYYY-MM-DD.

    Raises:
        WrongUse: It is none.
    """
    from datetime import date

    from headwater_catalog.days import today

    if given is None:
        return today()
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError:
        raise WrongUse(f"--day is {given!r}; it must be a day such as 2027-06-30.") from None


def policies_in(files: Iterable[Path]) -> list[Policy]:
    """Return the policies of files that somebody names; one that cannot be read is an error there."""
    if not files:
        return []
    from headwater_catalog.platform_policies import read_platform_policies

    return list(read_platform_policies(*files))


# What people read


def _lines(found: _Json) -> Iterator[str]:
    for finding in found["findings"]:
        yield from _finding_lines(finding)
    for change in found["taint"]:
        yield _taint_line(change)
    for each in found["unknown"]:
        yield f"not known here: {each['rule']}: {each['reason']}"
    yield _summary(found)


def _finding_lines(finding: _Json) -> Iterator[str]:
    place = f"{finding['path']}:{finding['line']}: " if finding["path"] else ""
    key = f" ({finding['key']})" if finding["key"] else ""
    yield f"{place}{finding['severity']}: {finding['rule']}: {finding['message']}{key}"
    if len(finding["because"]) > 1:
        yield f"    {_way(finding['because'])}"
    told = [f"ask {', '.join(finding['owners'])}"] if finding["owners"] else []
    told += [f"policy of {finding['owner']}"] if finding["owner"] else []
    if told:
        yield f"    {'; '.join(told)}"


def _way(keys: list[str]) -> str:
    half = _MOST_STEPS // 2
    shown = keys if len(keys) <= _MOST_STEPS else [*keys[:half], "...", *keys[-half:]]
    return " -> ".join(key.rpartition(":")[2] for key in shown)


def _taint_line(change: _Json) -> str:
    was, now = (change[side] or "not there" for side in ("was", "now"))
    sign, name = ("+" if change["rises"] else "-"), change["key"]
    at = change["through"][-1].rpartition(":")[2]
    return f"{sign} {change['classification']} of {name}: {was} to {now}, as '{at}' {change['cause']}"


def _summary(found: _Json) -> str:
    counts = {
        severity: sum(finding["severity"] == severity for finding in found["findings"])
        for severity in ("error", "warning", "note")
    }
    told = ", ".join(counted(count, severity) for severity, count in counts.items() if count)
    since = f" since {found['before'][:10]}" if found["before"] else ""
    known = f"; {_some(found['known'])} there before" if found["known"] else ""
    cleared = f"; {len(found['cleared'])} gone" if found["cleared"] else ""
    excepted = f"; {len(found['excepted'])} let through by exceptions" if found["excepted"] else ""
    policies = f"{found['policies']} {'policy' if found['policies'] == 1 else 'policies'}"
    looked = f"{counted(found['features'], 'feature')} under {policies}"
    problems = f"; {counted(found['problems'], 'problem')} in the code, which `headwater read` tells"
    told = f"{told or 'Nothing found'}{since} in {looked}{known}{cleared}{excepted}"
    return f"{told}{problems if found['problems'] else ''}."


def _some(found: list[_Json]) -> str:
    return f"{len(found)} {'was' if len(found) == 1 else 'were'}"
