"""What `headwater run` is asked, here and of a catalog that is served elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from headwater_catalog.relays import Relay

__all__ = ["RunAsked", "executor_option", "local", "pairs", "relay_asked", "saved_format", "value"]

executor_option = click.option(
    "--executor",
    default="synchronous",
    help="What computes the nodes: synchronous (one after the other), threads (side by side), processes "
    "(fan-outs in processes), or the name of a cluster that the administrator of the catalog has set up.",
)
"""Says what computes the nodes of the runs that a command asks for."""


@dataclass(frozen=True, slots=True)
class RunAsked:
    """A run.

    Attributes:
        outputs: Names, `module:name`, or `repository:module:name`.
        repo: The repository; None: the one that has the first output.
        dataflow: The dataflow; None: the one that has the outputs.
        at: The commit, tag or branch; None: what was scanned last.
        query: Adds the features that meet it; None: none.
        config: The configuration, over what the dataflow declares.
        inputs: By name, files or values as they were written.
        save: The format in which the table is kept as a dataset; None: it is not.
        dataset: Name of the dataset; None: the dataflow's.
        env: The environment whose sources and sinks count; None: the usual one.
        executor: What computes the nodes.
        sample: How many rows of each source are read; None: all.
        note: Why.
        sinks: Sinks that the table goes to besides.
        saver: The saver by which the one output is kept in place of a table; empty: none.
        profile: Whether statistics of what each node makes are kept.
        relay: The execution in several runs that it is one of; None: it is alone.
        use_kept: Whether values that earlier runs computed may stand in place of computing.
    """

    outputs: tuple[str, ...]
    repo: str | None
    dataflow: str | None
    at: str | None
    query: str | None
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    save: str | None = None
    dataset: str | None = None
    env: str | None = None
    executor: str = "synchronous"
    sample: int | None = None
    note: str = ""
    sinks: tuple[str, ...] = ()
    use_kept: bool = True
    saver: str = ""
    profile: bool = False
    relay: Relay | None = None


def local(output: str) -> str:
    """Return an output without the repository before it."""
    return output.partition(":")[2] if output.count(":") == 2 else output


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return what an option says that has NAME=VALUE.

    Raises:
        click.BadParameter: A text is not of that form, or gives a name once more.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, given = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE.", param_hint=option)
        if name in found:
            raise click.BadParameter(f"'{name}' is given twice.", param_hint=option)
        found[name] = given
    return found


def value(text: str) -> Any:
    """Return the JSON value that a text is, else the text."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are no JSON; as texts they say what they are


def saved_format(save: Path, saver: str = "") -> str | None:
    """Return the format that the name of a file to save says; None where a saver saves it.

    Raises:
        click.BadParameter: There is no such format, or no such folder.
    """
    from headwater.errors import InvalidInput
    from headwater_catalog.sources import FORMATS, format_of

    if not save.parent.is_dir():
        raise click.BadParameter(f"The folder {save.parent} does not exist.", param_hint="--save")
    if saver:
        return None
    if str(save) in FORMATS.values():
        told = f"'{save}' is a format. Name the file that is to be written, such as table.{save}."
        raise click.BadParameter(told, param_hint="--save")
    try:
        return format_of(str(save))
    except InvalidInput as error:
        raise click.BadParameter(str(error), param_hint="--save") from error


def relay_asked(key: str | None, through: str, take: Sequence[str], hand_on: bool) -> Relay | None:
    """Return the relay that a run is asked to take part in; None where it is alone.

    Raises:
        click.UsageError: It is half said.
    """
    if key is None:
        if through or take or hand_on:
            raise click.UsageError("--take, --hand-on and --through need --relay KEY: which relay is it?")
        return None
    from headwater_catalog.relays import Relay

    return Relay(key, through, tuple(take), hand_on)
