"""The command that tells why a feature has a classification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean_lines, json_option, print_json

if TYPE_CHECKING:
    from headwater_catalog.moments import Moment
    from headwater_catalog.snapshot import Snapshot

__all__ = ["why"]

_Json = Mapping[str, Any]


@click.command()
@click.argument("feature")
@click.argument("classification", required=False)
@click.option("--repo", help="Look in this repository of the catalog.")
@click.option("--at", help="Look at the state of a commit, tag or branch.")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look at the repository in this folder, without a catalog.",
)
@json_option
@pass_workspace
def why(
    workspace: Workspace,
    feature: str,
    classification: str | None,
    repo: str | None,
    at: str | None,
    path: Path | None,
    as_json: bool,
) -> None:
    """Tell why FEATURE has a CLASSIFICATION, such as pii: all that it comes from, and the way from each.

    Without CLASSIFICATION all are told.

    JSON: key, at, classifications (classification, level, is_barrier, sources (source, level, path)).
    """
    if path is not None and repo is not None:
        raise click.UsageError("--path and --repo say two things. Give one of them.")
    if path is not None:
        from headwater_catalog.cli.read import snapshot_in

        answer = _why(snapshot_in(path, at), feature, classification, at)
    else:
        with workspace.place_of(feature, repo, at) as place:
            asked = feature.split(":", 1)[1] if feature.count(":") == 2 else feature
            answer = _why(place.snapshot, asked, classification, place.commit.sha, place)
    if as_json:
        print_json(answer)
    else:
        click.echo(clean_lines(_lines(answer)))


def _why(
    snapshot: Snapshot, feature: str, tag: str | None, at: str | None, place: Moment | None = None
) -> dict[str, Any]:
    from headwater_catalog.answers.governance import why_json
    from headwater_catalog.governance.witness import named, sources_of
    from headwater_catalog.query.classified import classify

    key = named(snapshot, feature)
    tags = (tag,) if tag else tuple(snapshot.declared.rules.classifications)
    if place is None:
        found = {each: classify(snapshot, each) for each in tags}
    else:
        from headwater_catalog.classified_at import classify_at

        found = {each: classify_at(place, each) for each in tags}
    return why_json(key, {each: (it, sources_of(snapshot, it, key)) for each, it in found.items()}, at)


def _lines(answer: _Json) -> Iterator[str]:
    for each in answer["classifications"]:
        tag, key = each["classification"], answer["key"]
        if each["level"] is None:
            told = "is a barrier, which nothing passes" if each["is_barrier"] else "is not reached"
            yield f"{tag}: {key} {told}."
            continue
        yield f"{tag}: {key} is {each['level']}, because of"
        for source in each["sources"]:
            steps = " -> ".join(step.rpartition(":")[2] for step in source["path"])
            yield f"  {source['source']} ({source['level']}){f': {steps}' if len(source['path']) > 1 else ''}"
