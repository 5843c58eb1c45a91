"""The process that imports feature code and executes it: `main`, with a folder on its command line.

It reads `request.json` in the folder and writes `result.json`, `progress.json` and perhaps a table beside
it. It knows no database, no settings and no git. Nothing heavy is imported here before the feature code: what
is there then is what its process was prepared with, if it was (`interpreters.IMPORTED`).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from headwater.errors import DefinitionError, HeadwaterError, InvalidInput, MissingInput
from headwater_catalog.cluster_runs import compute_on
from headwater_catalog.clusters_of_runs import ClusterOfRun
from headwater_catalog.collection import without_collection
from headwater_catalog.node_profiles import NodeProfiles
from headwater_catalog.printed_lines import PrintedLines
from headwater_catalog.refusals import NetworkAttempts
from headwater_catalog.run_recording import RESULT, Recorder, write_whole
from headwater_catalog.source_specs import SourceSpec, is_frame
from headwater_catalog.sources import columns_named, columns_of, read_sources

if TYPE_CHECKING:
    from headwater.driver import Driver
    from headwater.graph import Graph
    from headwater_catalog.kept_values import KeptValues

__all__ = ["REQUEST", "Request", "main", "perform"]

REQUEST: Final = "request.json"
_PREVIEW_ROWS: Final = 500
_OTHER_TABLES: Final = re.compile(r"\b(?P<package>polars|pyarrow)\.(?P<name>DataFrame|LazyFrame|Table)\b")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Request:
    """What a runner is asked to do. All of it is JSON.

    Attributes:
        tree: Folder with the files of the commit.
        dataflow: Name of the dataflow.
        roots: Folders inside the tree from which modules are imported; "" is the tree itself.
        modules: Names of the modules of the dataflow, in order.
        config: Configuration of the dataflow.
        sources: Declaration of each source by its name: path as shown, index, dates, format, any case.
        files: Where the file of each source stands.
        inputs: Values of inputs by name; they go before columns of sources.
        outputs: Names of the nodes asked for.
        executor: What computes them.
        cluster: The cluster that does, as a `ClusterOfRun`; None: this machine.
        sample: How many rows of each source are read; None: all.
        save: Name of the file to write to, in the folder: the table as Arrow, or what the saver saves;
            None: none.
        saver: Name of the saver that saves the one output in place of a table; empty: none.
        needs_table: Whether a run without a table to write there has failed.
        kept: Where values of earlier runs are, and what tells them; None: everything is computed.
        network: Whether it has the network.
        profile: Whether to note statistics of what each node makes.
        handed: The file of each value that was handed on to it, by node.
        hand_on: Whether to leave the values of the other outputs in the folder, to be handed on.
    """

    tree: str
    dataflow: str
    roots: list[str]
    modules: list[str]
    config: dict[str, Any]
    sources: dict[str, dict[str, Any]]
    files: dict[str, str]
    inputs: dict[str, Any]
    outputs: list[str]
    executor: str = "synchronous"
    sample: int | None = None
    save: str | None = None
    needs_table: bool = True
    kept: dict[str, Any] | None = None
    network: bool = False
    saver: str = ""
    profile: bool = False
    handed: dict[str, str] = field(default_factory=dict)
    hand_on: bool = False
    cluster: dict[str, Any] | None = None

    @classmethod
    def read(cls, folder: Path) -> Request:
        """Read the request from a runner's folder."""
        return cls(**json.loads((folder / REQUEST).read_text("utf-8")))

    def write(self, folder: Path) -> None:
        """Write the request into a runner's folder."""
        write_whole(folder / REQUEST, asdict(self))


def main() -> NoReturn:
    """Do what the request in the folder named on the command line says, and end the process."""
    folder = Path(sys.argv[1]).absolute()
    request = Request.read(folder)
    cluster = None if request.cluster is None else request.cluster["name"]
    recorder = Recorder(folder, request.tree, cluster)
    process = os.getpid()
    if not request.network:
        recorder.attempts = NetworkAttempts()
        recorder.attempts.watch()
    try:
        perform(request, recorder)
    except BaseException as error:  # feature code may raise anything, SystemExit too
        recorder.failed(error)
    if os.getpid() != process:
        os._exit(1)  # a copy that feature code made, and that has no say here
    write_whole(folder / RESULT, recorder.result())
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # feature code may have closed or replaced it
            stream.flush()
    # Exit handlers and threads that feature code left behind have no say any more.
    os._exit(1 if recorder.failure else 0)


def perform(request: Request, recorder: Recorder) -> None:
    """Import the modules, read the sources, execute, and arrange what came out.

    Raises:
        BaseException: Whatever feature code raises, and the errors of the engine.
    """
    _enter(request)
    modules = _modules(request)
    driver = _driver(request, modules)
    upstream = driver.graph.upstream(*request.outputs)
    external = {node.name for node in driver.graph.inputs} & upstream
    recorder.total = len(upstream) - len(external)
    values: dict[str, Any] = {}
    columns = _inputs_by_source(request, driver.graph) if request.kept is not None else {}
    kept, keeper = _kept(request, driver.graph, columns), None
    if kept is not None:
        values = kept.take(request.outputs)
        keeper = kept.keeper(is_elsewhere=request.cluster is not None)
        recorder.taken, recorder.total = kept.taken, len(kept.computed)
        recorder.written = keeper.written
        # What values were made of is told, too, though it is not read again.
        recorder.sources = {name: None for name, found in columns.items() if external & set(found)}
        external = kept.inputs
    elif request.handed:
        from headwater_catalog.handed_values import cut, read_handed

        values = {name: read_handed(name, Path(file)) for name, file in request.handed.items()}
        found = _inputs_of_readable(request, driver.graph)
        recorder.sources = {name: None for name, columns in found.items() if external & set(columns)}
        recorder.total, external = cut(driver.graph, request.outputs, values)
    needed = external - set(request.config) - set(request.inputs)
    inputs = {**request.inputs, **_supplied(request, recorder, driver.graph, needed)}
    if values:  # the driver refuses inputs that nothing needs any more
        inputs = {name: value for name, value in inputs.items() if name in external}
    recorder.profiles = profiles = NodeProfiles() if request.profile else None
    if profiles is not None:
        for name, value in values.items():
            profiles.describe(name, value)
    printed = PrintedLines() if request.cluster is not None else None
    try:
        run = driver.run(
            request.outputs,
            overrides=values,
            inputs=inputs,
            on_node=recorder.computed,
            watchers=[each for each in (profiles, keeper, printed) if each is not None],
        )
    except MissingInput as error:
        raise _missing(error, request, _tables(driver.graph)) from None
    if profiles is not None:
        profiles.note_missing(node.name for node in run.nodes)
    recorder.checked(run.checks)
    if run.error is not None:
        raise run.error
    if request.hand_on:
        _hand_on(request, recorder, run.values)
    _arrange(request, recorder, driver.graph, run.values)


def _driver(request: Request, modules: list[ModuleType]) -> Driver:
    from headwater.builder import Builder

    builder = Builder().with_config(request.config).with_modules(*modules)
    if request.executor == "synchronous":
        return builder.build()
    builder.enable_dynamic_execution(allow_experimental_mode=True)
    if request.cluster is not None:
        compute_on(ClusterOfRun(**request.cluster), builder, Path(request.tree), request.roots)
        return builder.build()
    from headwater import executors

    most = min(8, os.cpu_count() or 1)
    if request.executor == "threads":
        builder.with_local_executor(executors.MultiThreadingExecutor(max_tasks=most))
    else:
        builder.with_remote_executor(executors.MultiProcessingExecutor(max_tasks=most))
    return builder.build()


def _enter(request: Request) -> None:
    """Make this process look like one started in a checkout of the commit, for the cluster that it uses."""
    tree = Path(request.tree)
    os.environ.update({} if request.cluster is None else request.cluster["environment"])
    os.chdir(tree)
    sys.path[:0] = [str(tree / root) for root in request.roots]


def _modules(request: Request) -> list[ModuleType]:
    """Import the modules."""
    from headwater import compat

    # What they and the packages that they ask for are made of stays to the end.
    with without_collection(at_the_end=True):
        compat.activate()
        return [_load(name, Path(request.tree)) for name in request.modules]


def _load(name: str, tree: Path) -> ModuleType:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise _ModuleFailed(name, error) from error
    if not Path(module.__file__ or "").is_relative_to(tree):
        raise DefinitionError(
            f"Module '{name}' of the repository has the name of a module that Python or Headwater has loaded "
            "before. Rename it, or put it into a package."
        )
    return module


class _ModuleFailed(HeadwaterError):
    """A module of the repository cannot be imported."""

    def __init__(self, module: str, cause: Exception) -> None:
        super().__init__(f"Module '{module}' cannot be imported: {type(cause).__name__}: {cause}")
        self.__traceback__ = cause.__traceback__


def _supplied(request: Request, recorder: Recorder, graph: Graph, needed: set[str]) -> dict[str, Any]:
    if not needed:
        return {}
    specs = {name: _spec(**declared) for name, declared in request.sources.items()}
    files = {name: Path(path) for name, path in request.files.items()}
    supplied = read_sources(specs, files, needed, request.sample, _tables(graph))
    recorder.sources |= supplied.rows
    return {name: _of_library(str(graph[name].type), value) for name, value in supplied.values.items()}


def _of_library(type_: str, value: Any) -> Any:
    """Return a table as one of polars or Arrow where the features that take it ask for that."""
    wanted = _OTHER_TABLES.search(type_)
    if wanted is None or not hasattr(value, "columns"):
        return value
    from headwater.materialize.arrow_tables import as_arrow, from_arrow

    kind = getattr(importlib.import_module(wanted["package"]), wanted["name"])
    return from_arrow(as_arrow(value.reset_index(drop=True)), kind)  # the index is a column, too


def _kept(request: Request, graph: Graph, columns: Mapping[str, Iterable[str]]) -> KeptValues | None:
    """Return the values of earlier runs; None where none are to be used, or it cannot be told which fit."""
    if request.sources and not columns:
        return None
    if request.kept is None:
        return None
    from headwater_catalog.kept_values import KeptValues
    from headwater_catalog.value_keys import ValueKeys, installed

    given = request.kept
    definitions = json.loads(Path(given["definitions"]).read_text("utf-8"))
    told = _inputs_told(request, columns)
    others = json.dumps(given["digests"], sort_keys=True)
    surroundings = (*installed(), f"sample {request.sample}")
    keys = ValueKeys(graph, definitions, request.config, told, surroundings, others)
    return KeptValues(graph, keys, Path(given["known"]), Path(given["new"]), given["most"])


def _tables(graph: Graph) -> set[str]:
    return {node.name for node in graph.inputs if is_frame(str(node.type))}


def _inputs_by_source(request: Request, graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return what each source may supply; nothing where one of them cannot be read."""
    found = _inputs_of_readable(request, graph)
    # To read the others for good says what is wrong with them, if anything needs them.
    return found if len(found) == len(request.sources) else {}


def _inputs_of_readable(request: Request, graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return what those sources supply that can be read: of no other can anything have been made."""
    found = {}
    for name, declared in request.sources.items():
        with contextlib.suppress(Exception):
            spec = _spec(**declared)
            columns = columns_of(spec, Path(request.files[name]))
            asked = columns_named(spec, columns, (node.name for node in graph.inputs))
            found[name] = tuple(dict.fromkeys((*columns, *asked)))
    tables = _tables(graph).difference(chain.from_iterable(found.values()))
    return {name: (*each, name) if name in tables else each for name, each in found.items()}


def _hand_on(request: Request, recorder: Recorder, values: Mapping[str, Any]) -> None:
    """Leave the values of outputs in the folder, each by its number; not those that were handed on before."""
    from headwater_catalog.handed_values import HANDED, hand_value

    folder = recorder.folder / HANDED
    folder.mkdir()
    for number, name in enumerate(request.outputs):
        if name not in request.handed:
            hand_value(name, values[name], folder / str(number))


def _inputs_told(request: Request, columns: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return what tells the values of inputs: literals themselves, others by the bytes of their source."""
    assert request.kept is not None
    told: dict[str, str] = {}
    for name, found in columns.items():
        source = json.dumps([request.sources[name], request.kept["digests"][name]], sort_keys=True)
        told.update((column, f"{told.get(column, '')}{source}:{column}") for column in found)
    # Two dictionaries of another order are equal, and code may still make something else of them.
    told.update((name, json.dumps(value)) for name, value in request.inputs.items())
    return told


def _missing(error: MissingInput, request: Request, tables: Collection[str]) -> MissingInput:
    """Return the error with the ways in which inputs are given to a run; those of `tables` are tables."""
    # The engine's last line is its own way, that of a Python program.
    lines = str(error).splitlines()[:-1]
    looked = ", ".join(f"'{name}' ({declared['path']})" for name, declared in request.sources.items())
    if looked:
        lines.append(f"No source has a column of that name: {looked}.")
    # A name that is no bare key of TOML is written in quotes there.
    key = request.dataflow if _BARE_KEY.fullmatch(request.dataflow) else json.dumps(request.dataflow)
    lines.append(
        f"Declare a file that has them as columns in [tool.headwater.dataflows.{key}.sources], or give one "
        f"to the run: --input NAME=FILE. A single value is given likewise: --input {error.names[0]}=VALUE."
    )
    whole = next((name for name in error.names if name in tables), None)
    if whole is not None:
        lines.append(f"A table is the source that is called like it: --input {whole}=FILE.")
    return MissingInput("\n".join(lines), error.names)


def _spec(
    path: str, index: str | None, dates: list[str], format: str | None, any_case: bool = False
) -> SourceSpec:
    return SourceSpec(path, index, tuple(dates), format, any_case=any_case)


def _arrange(request: Request, recorder: Recorder, graph: Graph, values: Mapping[str, Any]) -> None:
    from headwater_catalog import tables

    tables.require_columns({node.name: node for node in graph.nodes}, values)
    if request.hand_on and request.save is None:  # they need not make one table, as they are for other runs
        recorder.preview = tables.preview(tables.Outputs(None, (), dict(values)), _PREVIEW_ROWS)
        return
    outputs = tables.arrange(values)
    if request.save is not None and request.saver:
        recorder.table = _save_object(request, recorder.folder / request.save, values)
    elif request.save is not None and (outputs.table is not None or request.needs_table):
        if outputs.table is None:
            raise InvalidInput(
                f"There is nothing to save: none of {', '.join(values)} is a column. Ask for a column, "
                "too, or have one value kept as a file by a saver, such as pickle."
            )
        tables.save(outputs.table, recorder.folder / request.save)
        recorder.table = {"index": list(outputs.index), "origins": outputs.origins}
    recorder.preview = tables.preview(outputs, _PREVIEW_ROWS)


def _save_object(request: Request, path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Let the saver write the one value, and return where it came from."""
    from headwater.errors import did_you_mean
    from headwater.materialize.registry import SAVER_REGISTRY, choose
    from headwater.types import Type

    ((name, value),) = values.items()
    known = SAVER_REGISTRY.get(request.saver)
    if not known:
        raise InvalidInput(
            f"There is no saver '{request.saver}'.{did_you_mean(request.saver, SAVER_REGISTRY)} "
            f"There are: {', '.join(sorted(SAVER_REGISTRY))}."
        )
    saver = choose(known, Type.of(type(value)))
    if saver is None:
        raise InvalidInput(
            f"The saver '{request.saver}' does not take '{name}', which is a {type(value).__name__}. "
            "Choose another, such as pickle, which takes most things."
        )
    needed = sorted(saver.get_required_arguments())
    if needed not in (["path"], ["file"]):
        raise InvalidInput(
            f"The saver '{request.saver}' needs {', '.join(needed) or 'nothing'}, and a run can tell it a "
            "path alone. Choose another, or let the feature make the bytes and save them by 'file'."
        )
    saver(**{needed[0]: str(path)}).save_data(value)
    return {"index": [], "origins": {name: name}}


if __name__ == "__main__":
    main()
