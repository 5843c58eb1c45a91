"""The commands that show a feature and its history."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import click

from headwater_catalog.cli.context import Workspace, about_a_feature, pass_workspace
from headwater_catalog.cli.output import (
    clean,
    counted,
    day_of,
    print_json,
    print_table,
    say,
)

__all__ = ["history", "show"]

_Json = Mapping[str, Any]


@click.command()
@about_a_feature
@pass_workspace
def show(workspace: Workspace, feature: str, repo: str | None, at: str | None, as_json: bool) -> None:
    """Show all that the catalog knows of FEATURE: a name, module:name or repository:module:name.

    JSON: key, repository, module, name, type, owner, owners, owned_by (what says so), authors (of the lines
    there are: name, email, lines), summary, dataflows, users, commit (the last of the main line that changed
    it; null if that came beside it), base (where a commit beside the main line left it, else null), variants
    (name, type, doc, documentation (its parts), condition, tags, source, path, line, end_line, dependencies,
    parts, partial, columns (table, column, written), commit, introduced (the commit that brought the change,
    where that merged it)), tagged_by (key, value, variants that say so), needs (key, name, type, input),
    missing_inputs (those without a value, by dataflow).
    """
    asked = (feature, repo, at)
    answer = workspace.remote.feature(*asked) if workspace.remote else _feature_here(workspace, *asked)
    if as_json:
        print_json(answer)
    else:
        click.echo(clean("\n".join(_feature_lines(answer))))


def _feature_here(workspace: Workspace, feature: str, repo: str | None, at: str | None) -> dict[str, Any]:
    from headwater_catalog.answers.features import feature_json
    from headwater_catalog.authors import authors_at
    from headwater_catalog.features import get_feature

    with workspace.place_of(feature, repo, at) as place:
        view = get_feature(place, feature)
        return feature_json(place, view, authors_at(place, view))


def _feature_lines(view: _Json) -> list[str]:
    lines = [f"{view['name']}  {view['type']}", f"{view['repository']}:{view['key']}"]
    if view["owners"]:
        lines.append(f"owner      {view['owner']} ({view['owned_by']})")
    elif view["authors"]:
        told = (f"{author['name']} ({counted(author['lines'], 'line')})" for author in view["authors"])
        lines.append(f"authors    {', '.join(told)}")
    lines += [f"dataflows  {', '.join(view['dataflows'])}"] if view["dataflows"] else []
    lines += [f"needed by  {', '.join(view['users']) or 'no feature'}"]
    for variant in view["variants"]:
        lines += ["", *_variant_lines(variant, view["base"])]
    return lines


def _variant_lines(variant: _Json, base: _Json | None) -> list[str]:
    where = f" where {variant['condition']}" if variant["condition"] else ""
    lines = [f"{variant['name']}{where}  {variant['path']}:{variant['line']}"]
    lines += [f"changed    {_change(variant['commit'], base)}"]
    if variant["introduced"] is not None:
        lines += [f"introduced {_change(variant['introduced'], base)}"]
    lines += [f"tags       {_tags(variant['tags'])}"] if variant["tags"] else []
    lines += [f"needs      {', '.join(map(_need, variant['dependencies'])) or 'nothing'}"]
    for verb, uses in groupby(variant["columns"], key=lambda use: "writes" if use["written"] else "reads"):
        lines.append(f"{verb:10} {', '.join(map(_column, uses))}")
    if variant["parts"]:
        lines += [f"parts      {', '.join(part['name'] for part in variant['parts'])}"]
    lines += [f"partial    {reason}" for reason in variant["partial"]]
    lines += ["", *(f"    {line}".rstrip() for line in variant["source"].splitlines())]
    return lines


def _change(commit: _Json | None, base: _Json | None) -> str:
    if commit is not None:
        day = day_of(commit["authored_at"])
        return f"{day} {commit['author']}  {commit['sha'][:8]} {commit['subject']}"
    after = f", after {base['sha'][:8]} {base['subject']}" if base is not None else ""
    return f"beside the main line{after}"


def _tags(tags: _Json) -> str:
    from headwater_catalog.views import shown_tag

    return ", ".join(f"{key}={shown_tag(value)}" for key, value in tags.items())


def _need(needed: _Json) -> str:
    is_input = not needed["features"]
    meaning = f": {needed['summary']}" if needed["summary"] and is_input else ""
    optional = " (optional)" if needed["optional"] else ""
    return f"{needed['name']}: {needed['type']}{' (input)' if is_input else ''}{optional}{meaning}"


def _column(use: _Json) -> str:
    from headwater_catalog.views import ColumnUse

    return str(ColumnUse(**use))


@click.command()
@about_a_feature
@click.option("--diff", "with_diff", is_flag=True, help="Show how the code changed.")
@click.option("--all", "with_all", is_flag=True, help="Also list changes of layout and comments only.")
@pass_workspace
def history(
    workspace: Workspace,
    feature: str,
    repo: str | None,
    at: str | None,
    as_json: bool,
    with_diff: bool,
    with_all: bool,
) -> None:
    """List what commits did to FEATURE, the newest first.

    JSON: a list of commit, introduced (the commit that brought the change, where that one merged it, else
    null), key, variant, change, classes, origin (its key before, if it moved), and diff (lines) with --diff.
    """
    asked = (feature, repo, at, with_diff)
    entries = workspace.remote.history(*asked) if workspace.remote else _history_here(workspace, *asked)
    shown = [entry for entry in entries if with_all or list(entry["classes"]) != ["formatting"]]
    if as_json:
        print_json(shown)
        return
    print_table(("COMMIT", "DATE", "AUTHOR", "VARIANT", "CHANGE", "SUBJECT"), list(map(_entry_row, shown)))
    for entry in shown if with_diff else ():
        heading = f"{entry['commit']['sha'][:8]} {entry['variant']}"
        click.echo(clean("\n".join(("", heading, *entry["diff"]))))
    if len(shown) < len(entries):
        left_out = counted(len(entries) - len(shown), "change")
        say(f"{left_out} of layout and comments only left out; --all lists them, too.")


def _history_here(
    workspace: Workspace, feature: str, repo: str | None, at: str | None, with_diff: bool
) -> list[dict[str, Any]]:
    from headwater_catalog.answers.commits import entry_json
    from headwater_catalog.features import find_key
    from headwater_catalog.history import history as history_of

    with workspace.place_of(feature, repo, at) as place:
        module, name = find_key(place, feature)
        entries = history_of(place.session, place.repository, module, name, place.base)
        return [entry_json(entry, with_diff) for entry in entries]


def _entry_row(entry: _Json) -> tuple[str, ...]:
    commit, brought = entry["commit"], entry["introduced"]
    subject = commit["subject"]
    if brought is not None:
        subject += f" (brought by {brought['sha'][:8]} {brought['author']}: {brought['subject']})"
    when = day_of(commit["authored_at"])
    return commit["sha"][:8], when, commit["author"], entry["variant"], _label(entry), subject


def _label(entry: _Json) -> str:
    from headwater_catalog.views import change_label

    return change_label(entry["change"], entry["classes"], entry["origin"])
