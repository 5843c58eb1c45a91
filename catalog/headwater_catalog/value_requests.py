"""One choice for two runs: what outputs, configuration and data of one commit are at another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater_catalog.compared import compare_moments
from headwater_catalog.dataflows import DataflowAt, choose_dataflow
from headwater_catalog.errors import CatalogError, NotFound
from headwater_catalog.locations import Location, Whereabouts
from headwater_catalog.moments import Moment
from headwater_catalog.repositories import open_mirror
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import FileAt
from headwater_catalog.uploads import Upload

__all__ = ["RunPair", "RunSide", "outputs_now", "pair_runs"]


@dataclass(frozen=True, slots=True)
class RunSide:
    """One of two runs, as `runs.request_run` takes it.

    Attributes:
        sha: The commit.
        dataflow: The dataflow.
        outputs: Names of outputs.
        config: Added to the configuration that the dataflow declares there.
        inputs: What takes the place of sources and inputs.
    """

    sha: str
    dataflow: str
    outputs: tuple[str, ...]
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunPair:
    """Two runs of the same choice at two commits.

    Attributes:
        before: The first.
        after: The second.
        renamed: Outputs of the first that are called otherwise in the second, with that name.
        options: How both are executed.
        keys: The columns by which rows are matched, by their names in the second; none: by the index.
    """

    before: RunSide
    after: RunSide
    renamed: Mapping[str, str]
    options: RunOptions = field(default_factory=RunOptions)
    keys: tuple[str, ...] = ()


def pair_runs(
    before: Moment,
    after: Moment,
    dataflow: str | None,
    outputs: Sequence[str],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    options: RunOptions,
    *,
    own_data: bool = False,
    keys: Sequence[str] = (),
) -> RunPair:
    """Return the two runs that tell what the values of outputs were at one commit and are at another.

    Outputs are those of the second commit, by their names there or at the first: moves tell what was called
    otherwise. An output that is new is left out at the first commit, and so are configuration and inputs that
    nothing there looks at. Both read the files of the second commit, so that the code is all that makes the
    difference.

    Args:
        before: The repository at the first commit.
        after: The same repository at the second.
        dataflow: Name of the dataflow; None: the one that has the outputs.
        outputs: `name` or `module:name`; none: those the dataflow declares.
        config: Added to the configuration that the dataflow declares at each commit, and stronger.
        inputs: As `runs.request_run` takes them.
        options: How both are executed.
        own_data: Let each read the files of its own commit.
        keys: The columns by which rows are matched: features, which are computed for that, or an index.

    Raises:
        NotFound: The second commit has no such dataflow or output, or the first none of them.
        Conflict: Several dataflows have the outputs.
        RepositoryError: The mirror cannot be read, or runs at one of the commits are not possible.
    """
    outputs = outputs_now(before, after, outputs)
    flow = choose_dataflow(after, dataflow, outputs)
    names = tuple(dict.fromkeys((*flow.names_of(outputs), *(key for key in keys if key in flow.modules))))
    was = _names_before(before, after, flow, names)
    first = _flow_before(before, flow.name, names, was)
    pairs = {was.get(name, name): name for name in names if first.has(was.get(name, name))}
    given = {name: value for name, value in inputs.items() if _takes(first, name, value)}
    data = {} if own_data else _same_data(before, first, after, flow, inputs, options.env)
    return RunPair(
        RunSide(
            before.commit.sha,
            first.name,
            tuple(pairs),
            {key: value for key, value in config.items() if _looks_at(first, key)},
            {**given, **data},
        ),
        RunSide(after.commit.sha, flow.name, names, dict(config), dict(inputs)),
        {old: new for old, new in pairs.items() if old != new and new not in pairs},
        options,
        tuple(dict.fromkeys(keys)),
    )


def outputs_now(before: Moment, after: Moment, outputs: Sequence[str]) -> list[str]:
    """Return outputs as the second commit calls them, of which some may be given by an earlier name."""
    gone = [output for output in outputs if not _has(after, output) and _has(before, output)]
    if not gone:
        return list(outputs)
    moved = compare_moments(before, after).found.moved
    now = {
        output: next((moved[key] for key in _keys(before, output) if key in moved), output) for output in gone
    }
    return [now.get(output, output) for output in outputs]


def _has(moment: Moment, output: str) -> bool:
    return next(iter(_keys(moment, output)), None) is not None


def _keys(moment: Moment, output: str) -> Iterable[str]:
    """Yield the keys of the features that an output may be, or may be a part of."""
    module, _, name = output.rpartition(":")
    for feature in moment.snapshot.features:
        if module in ("", feature.module) and name in feature.nodes:
            yield feature.key


def _names_before(before: Moment, after: Moment, flow: DataflowAt, names: Sequence[str]) -> Mapping[str, str]:
    """Return what outputs were called, of those whose names the first commit does not have."""
    known = {name for key in before.snapshot.variants for name in _nodes(before, key)}
    unknown = [name for name in names if name not in known]
    if not unknown:
        return {}
    origins = {now: then for then, now in compare_moments(before, after).found.moved.items()}
    found = {}
    for name in unknown:
        keys = (f"{module}:{name}" for module in flow.modules[name])
        then = next((origins[key] for key in keys if key in origins), None)
        if then is not None:
            found[name] = then.partition(":")[2]
    return found


def _nodes(moment: Moment, key: str) -> Iterable[str]:
    for variant in moment.snapshot.variants[key]:
        yield from variant.nodes


def _flow_before(before: Moment, name: str, names: Sequence[str], was: Mapping[str, str]) -> DataflowAt:
    """Return the dataflow of this name at the first commit, or else the one that had the outputs then."""
    wanted = [was.get(each, each) for each in names]
    try:
        same = choose_dataflow(before, name, ())
    except NotFound:
        same = None
    if same is not None and any(same.has(each) for each in wanted):
        return same
    try:
        return choose_dataflow(before, None, wanted)
    except CatalogError as error:
        where = f"Commit {before.commit.sha[:10]} has nothing to compare with, under this name or another"
        raise NotFound(f"{where}: {error}") from error


def _takes(flow: DataflowAt, name: str, value: Any) -> bool:
    return name in flow.view.sources or isinstance(value, (Path, Upload)) or name in flow.reads


def _looks_at(flow: DataflowAt, key: str) -> bool:
    return flow.any_key or key in flow.keys or key in flow.reads


def _same_data(
    before: Moment,
    first: DataflowAt,
    after: Moment,
    second: DataflowAt,
    inputs: Mapping[str, Any],
    env: str | None,
) -> Mapping[str, FileAt]:
    """Return the files of the second commit that stand in place of others at the first, by source."""
    there: dict[str, Location] = {}
    for name, declared in second.view.sources.items():
        place = _place(declared, inputs.get(name), second.env_of(env))
        if place is not None and place.path and name in first.view.sources:
            there[name] = place
    if not there:
        return {}
    with open_mirror(after.settings, after.repository) as source:
        old, new = source.tree(before.commit.sha), source.tree(after.commit.sha)
    found = {}
    for name, place in there.items():
        was = _place(first.view.sources[name], inputs.get(name), first.env_of(env))
        held = old.get(was.path) if was is not None and was.path else None
        file = new.get(place.path)
        if file is not None and (held is None or held.oid != file.oid):
            found[name] = FileAt(place.path, after.commit.sha, place.format)
    return found


def _place(declared: Mapping[str, Any], given: Any, env: str | None) -> Location | None:
    """Return where the data of a source is; None where it is of the caller, or nothing says it."""
    if isinstance(given, (Path, Upload)):
        return None
    if isinstance(given, str):
        return Location(path=given)
    try:
        return Whereabouts.from_dict(declared).at(env)
    except KeyError:
        return None
