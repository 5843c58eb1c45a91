"""The command that builds the demo repository."""

from __future__ import annotations

from pathlib import Path

import click

from headwater_catalog.cli.output import json_option, print_json, say

__all__ = ["init"]


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--features", type=click.IntRange(1), help="Make up this many features instead.")
@click.option("--commits", type=click.IntRange(1), help="Make up this many commits; goes with --features.")
@json_option
def init(directory: Path, features: int | None, commits: int | None, as_json: bool) -> None:
    """Build the demo repository in DIRECTORY.

    It tells the story of a subscription retailer's features. With --features and --commits it is a
    made-up repository of that size, for trials of scale.

    JSON: directory, head.
    """
    from headwater_catalog.demo import init_demo, init_synthetic

    if (features is None) != (commits is None):
        raise click.UsageError("--features and --commits go together.")
    if features is None or commits is None:
        head = init_demo(directory)
    else:
        head = init_synthetic(directory, features=features, commits=commits)
    if as_json:
        print_json({"directory": str(directory), "head": head})
    else:
        say(f"The demo repository is in {directory}. Take it in: cd {directory} && headwater init")
