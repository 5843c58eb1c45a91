"""The cache: an adapter that takes values of earlier executions where they would come out the same."""

from __future__ import annotations

import inspect
import json
import logging
import os
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from headwater.caching.behaviors import FORMAT_TAG, CachingBehavior, Named, Settings
from headwater.caching.code import CodeVersions
from headwater.caching.events import CachingEvent, CachingEventType
from headwater.caching.runs import CachedRun
from headwater.caching.stores.base import MetadataStore, ResultRetrievalError, ResultStore
from headwater.caching.stores.file import FileResultStore
from headwater.caching.stores.sqlite import SQLiteMetadataStore
from headwater.errors import HeadwaterError, did_you_mean, in_words
from headwater.fingerprints import fingerprint
from headwater.graph import Graph
from headwater.lifecycle.base import BaseDoNodeExecute, BasePreGraphExecute
from headwater.lifecycle.views import NodeView, execution_path
from headwater.node import Node
from headwater.types import PARALLELIZABLE

__all__ = ["CachingBehavior", "CachingEvent", "CachingEventType", "HamiltonCacheAdapter"]

logger = logging.getLogger("headwater.caching")

_RUNS_KEPT = 100
_TOLD = (CachingEventType.GET_RESULT, CachingEventType.EXECUTE_NODE)
_NOTHING = object()
Kept = (ResultRetrievalError, OSError, sqlite3.Error)
"""What goes wrong with a store; the value is then computed, as if there were no cache."""


class HamiltonCacheAdapter(BasePreGraphExecute, BaseDoNodeExecute):
    """Keeps the values of nodes, and takes them where they would come out the same.

    The key of a value is the version of its node's code, with all that the code reaches, and the fingerprints
    of the values that the node reads. Where one of these cannot be told, the node is computed, and not kept.

    Args:
        path: Folder of the cache. Values in it are pickled, so nobody else may be able to write there.
        metadata_store: Knows which value belongs to each key; by default a database in the folder.
        result_store: Keeps the values; by default files in the folder.
        default: Nodes of this behavior: names, or True for all; see `CachingBehavior`.
        recompute: Nodes of this behavior.
        ignore: Nodes of this behavior.
        disable: Nodes of this behavior.
        default_behavior: Behavior of nodes of which neither this nor `@cache` says anything.
        default_loader_behavior: That of loaders; None for the same.
        default_saver_behavior: That of savers; None for the same.
        log_to_file: Whether to write what happens to `cache_logs.jsonl` in the folder.

    Raises:
        InvalidLifecycleAdapter: There is no such behavior, or a node has two.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ".hamilton_cache",
        metadata_store: MetadataStore | None = None,
        result_store: ResultStore | None = None,
        default: Named = None,
        recompute: Named = None,
        ignore: Named = None,
        disable: Named = None,
        default_behavior: str | None = None,
        default_loader_behavior: str | None = None,
        default_saver_behavior: str | None = None,
        log_to_file: bool = False,
    ) -> None:
        """Open the stores."""
        found = CachingBehavior.from_string
        common = default_behavior or "default"
        self._settings = Settings(
            {
                CachingBehavior.DEFAULT: default,
                CachingBehavior.RECOMPUTE: recompute,
                CachingBehavior.IGNORE: ignore,
                CachingBehavior.DISABLE: disable,
            },
            found(common),
            found(default_loader_behavior or common),
            found(default_saver_behavior or common),
        )
        self.path = Path(path).absolute()
        self.metadata_store = SQLiteMetadataStore(self.path) if metadata_store is None else metadata_store
        self.result_store = FileResultStore(self.path) if result_store is None else result_store
        self.log_to_file = log_to_file
        self._runs: dict[str, CachedRun] = {}
        self._graphs: WeakKeyDictionary[Graph, tuple[dict[str, CachingBehavior], CodeVersions]]
        self._graphs = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        # Another process needs to know how values are kept; what happened in the runs stays here.
        runs = {run_id: (run.behaviors, run.overridden) for run_id, run in self._runs.items()}
        return {**self.__dict__, "_runs": runs, "_graphs": None}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, _runs={})
        self._graphs = WeakKeyDictionary()
        codes = CodeVersions()
        for run_id, (behaviors, overridden) in state["_runs"].items():
            self._runs[run_id] = CachedRun(run_id, None, behaviors, codes)
            self._runs[run_id].overridden = overridden

    def pre_graph_execute(
        self,
        *,
        run_id: str,
        graph: Graph,
        final_vars: list[str],
        inputs: dict[str, Any] | None,
        overrides: dict[str, Any] | None,
    ) -> None:
        """Begin a run."""
        run = self._begin(run_id, graph)
        run.final_vars, run.overridden = list(final_vars), dict.fromkeys(overrides or ())
        for kind, names in (
            (CachingEventType.IS_FINAL_VAR, final_vars),
            (CachingEventType.IS_INPUT, inputs or {}),
            (CachingEventType.IS_OVERRIDE, overrides or {}),
        ):
            for name in names:
                self._log(run, kind, name)

    def _begin(self, run_id: str, graph: Graph) -> CachedRun:
        behaviors, codes = self._known_of(graph)
        run = self._runs[run_id] = CachedRun(run_id, graph, behaviors, codes)
        while len(self._runs) > _RUNS_KEPT:
            del self._runs[next(iter(self._runs))]
        try:
            self.metadata_store.initialize(run_id)
        except Kept as error:
            self._trouble(run, "", "metadata_store", error)
        return run

    def _known_of(self, graph: Graph) -> tuple[dict[str, CachingBehavior], CodeVersions]:
        if graph not in self._graphs:
            self._graphs[graph] = self._settings.resolve(graph), CodeVersions()
        return self._graphs[graph]

    def do_node_execute(
        self, *, run_id: str, node_: NodeView, kwargs: dict[str, Any], task_id: str | None = None
    ) -> Any:
        """Return the value of a node, from the cache or computed."""
        run = self._runs.get(run_id)
        if run is None:
            # Without its beginning nothing is known of how the values of this run are to be kept.
            return node_.node.call(*node_.positional(kwargs))  # type: ignore[misc]
        node = node_.node
        behavior = run.behavior(node.name)
        if behavior in (CachingBehavior.DISABLE, CachingBehavior.IGNORE):
            return self._computed(run, node_, kwargs, task_id)
        key = run.key(node, kwargs, task_id)
        if key is not None and behavior is CachingBehavior.DEFAULT:
            value = self._kept(run, node, key, task_id)
            if value is not _NOTHING:
                return value
        value = self._computed(run, node_, kwargs, task_id)
        self._keep(run, node, key, value, task_id)
        return value

    def _computed(self, run: CachedRun, view: NodeView, kwargs: dict[str, Any], task_id: str | None) -> Any:
        assert view.node.call is not None
        try:
            value = view.node.call(*view.positional(kwargs))
        except Exception as error:
            self._log(run, CachingEventType.FAILED_EXECUTION, view.name, task_id, msg=in_words(error))
            raise
        self._log(run, CachingEventType.EXECUTE_NODE, view.name, task_id)
        return value

    def _kept(self, run: CachedRun, node: Node, key: str, task_id: str | None) -> Any:
        """Return the value of a key, or `_NOTHING` where it cannot be had."""
        version = None
        try:
            version = self.metadata_store.get(key)
            if version is None:
                return _NOTHING
            value = self.result_store.get(version)
            # A store may return None where it has nothing, which may also be the value.
            if value is None and not self.result_store.exists(version):
                raise ResultRetrievalError(f"There is no value {version}.")
        except Kept as error:
            self._trouble(run, node.name, "result_store", error, task_id)
            self._forget(key, version)
            return _NOTHING
        run.data_versions[task_id, node.name] = version
        self._log(run, CachingEventType.GET_RESULT, node.name, task_id, "result_store", "hit", version)
        return value

    def _forget(self, key: str, version: str | None) -> None:
        try:
            self.metadata_store.delete(key)
            if version is not None:
                self.result_store.delete(version)
        except Kept:
            logger.debug("The cache cannot forget %s.", key, exc_info=True)

    def _keep(self, run: CachedRun, node: Node, key: str | None, value: Any, task_id: str | None) -> None:
        if node.type.name == PARALLELIZABLE or inspect.isawaitable(value):
            return  # what reads it gets other values, one by one or later
        version = run.data_versions[task_id, node.name] = fingerprint(value)
        if version is None:
            said = f"a value of {type(value).__module__}.{type(value).__qualname__} has no fingerprint"
            self._log(run, CachingEventType.UNHASHABLE_DATA_VERSION, node.name, task_id, msg=said)
            return
        if key is None:
            if run.code_versions.get(node.name) is None:
                self._log(run, CachingEventType.OPAQUE_CODE, node.name, task_id)
            return
        try:
            self._store(run, node, key, version, value)
        except Exception as error:
            # A value that cannot be pickled, or a store in trouble, is no reason for an execution to fail.
            self._trouble(run, node.name, "result_store", error, task_id)
            return
        self._log(run, CachingEventType.SET_RESULT, node.name, task_id, "result_store", None, version)

    def _store(self, run: CachedRun, node: Node, key: str, version: str, value: Any) -> None:
        # The value goes first, so that no key ever leads to a value that is not there yet.
        if not self.result_store.exists(version) or FORMAT_TAG in node.tags:
            self.result_store.set(version, value, **_format(node, value))
        self.metadata_store.set(
            cache_key=key,
            data_version=version,
            run_id=run.run_id,
            node_name=node.name,
            code_version=run.code_versions[node.name],
        )

    def _trouble(
        self, run: CachedRun, name: str, actor: str, error: Exception, task_id: str | None = None
    ) -> None:
        self._log(run, CachingEventType.FAILED_RETRIEVAL, name, task_id, actor, str(error))
        logger.warning("The cache is passed over for '%s': %s", name, error)

    def _log(
        self,
        run: CachedRun,
        kind: CachingEventType,
        name: str,
        task_id: str | None = None,
        actor: str = "adapter",
        msg: str | None = None,
        value: str | None = None,
    ) -> None:
        event = CachingEvent(run.run_id, actor, kind, name, task_id, msg, value)
        run.events.append(event)
        logger.log(logging.INFO if kind in _TOLD else logging.DEBUG, "%s", event)
        if self.log_to_file:
            self.path.mkdir(parents=True, exist_ok=True)
            with (self.path / "cache_logs.jsonl").open("a") as file:
                file.write(json.dumps(event.as_dict()) + "\n")

    @property
    def run_ids(self) -> list[str]:
        """The last runs, from the oldest to the newest; one hundred are remembered."""
        return list(self._runs)

    @property
    def last_run_id(self) -> str:
        """The run that began last.

        Raises:
            HeadwaterError: There was none.
        """
        if not self._runs:
            raise HeadwaterError("Nothing was executed with this cache yet.")
        return next(reversed(self._runs))

    def _run(self, run_id: str | None) -> CachedRun:
        run_id = self.last_run_id if run_id is None else run_id
        if run_id not in self._runs:
            near = did_you_mean(run_id, self._runs)
            raise HeadwaterError(f"No run {run_id!r} is remembered.{near} See run_ids for those that are.")
        return self._runs[run_id]

    @property
    def behaviors(self) -> dict[str, dict[str, CachingBehavior]]:
        """How the values of each node were kept, by run."""
        return {run_id: dict(run.behaviors) for run_id, run in self._runs.items()}

    @property
    def data_versions(self) -> dict[str, dict[str, Any]]:
        """Fingerprints of values, by run and node; a dictionary by task where a node has several."""
        return {run_id: run.by_name(run.data_versions) for run_id, run in self._runs.items()}

    @property
    def cache_keys(self) -> dict[str, dict[str, Any]]:
        """Keys of values, by run and node; a dictionary by task where a node has several."""
        return {run_id: run.by_name(run.cache_keys) for run_id, run in self._runs.items()}

    @property
    def code_versions(self) -> dict[str, dict[str, str | None]]:
        """Versions of the nodes that were looked up, by run; None where code cannot be told."""
        return {run_id: dict(run.code_versions) for run_id, run in self._runs.items()}

    def get_data_version(
        self, run_id: str, node_name: str, cache_key: str | None = None, task_id: str | None = None
    ) -> str | None:
        """Return the fingerprint of a node's value in a run, or that of a key; None where it has none."""
        version = self._run(run_id).data_versions.get((task_id, node_name))
        return self.metadata_store.get(cache_key) if version is None and cache_key is not None else version

    def get_cache_key(self, run_id: str, node_name: str, task_id: str | None = None) -> str | None:
        """Return the key of a node's value in a run; None where it has none."""
        return self._run(run_id).cache_keys.get((task_id, node_name))

    def version_data(self, result: Any, run_id: str | None = None) -> str | None:
        """Return the fingerprint of a value; None where it has none."""
        return fingerprint(result)

    def version_code(self, node_name: str, run_id: str | None = None) -> str | None:
        """Return the version of a node's code; None where some of it cannot be told."""
        run = self._run(run_id)
        return None if run.graph is None else run.codes.of(run.graph[node_name])

    def resolve_behaviors(self, run_id: str) -> dict[str, CachingBehavior]:
        """Return how the values of each node of a run's graph are kept."""
        return dict(self._run(run_id).behaviors)

    def resolve_code_versions(
        self,
        run_id: str,
        final_vars: list[str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> dict[str, str | None]:
        """Return the versions of all nodes of a run's graph, or of those that outputs need."""
        run = self._run(run_id)
        if run.graph is None:
            return {}
        names = execution_path(run.graph, final_vars or run.graph.names, overrides)
        return {name: run.codes.of(run.graph[name]) for name in names}

    def view_run(self, run_id: str | None = None, output_file_path: str | None = None) -> Any:
        """Draw what a run needed, with the values that were taken from the cache standing out.

        Args:
            run_id: A run; None for the last.
            output_file_path: Where to save the drawing, if anywhere.

        Raises:
            HeadwaterError: The run is not remembered, or nothing is known of its graph.
        """
        from headwater.display import draw

        run = self._run(run_id)
        if run.graph is None:
            raise HeadwaterError(f"Nothing is known of the graph of run {run.run_id!r}.")
        kept = {event.node_name for event in run.events if event.event_type is CachingEventType.GET_RESULT}
        needed = execution_path(run.graph, run.final_vars, run.overridden)
        sources = [source for name in needed for source in run.graph[name].dependencies]
        return draw(
            run.graph,
            names=list(dict.fromkeys([*needed, *sources])),
            outputs=run.final_vars,
            overrides=run.overridden,
            custom_style_function=_Colors(kept),
            output_file_path=output_file_path,
        )

    def logs(self, run_id: str | None = None, level: str = "info") -> dict[Any, list[CachingEvent]]:
        """Return what happened: of one run by node (or node and task), else of all runs by run.

        Args:
            run_id: A run; None for all.
            level: "info" for what was taken and computed, "debug" for everything.
        """
        found: dict[Any, list[CachingEvent]] = {}
        for run in self._runs.values() if run_id is None else [self._run(run_id)]:
            for event in run.events:
                if level == "debug" or event.event_type in _TOLD:
                    name = (event.node_name, event.task_id) if event.task_id else event.node_name
                    found.setdefault(run.run_id if run_id is None else name, []).append(event)
        return found


class _Colors:
    """Chooses the look of nodes whose values were taken from the cache."""

    def __init__(self, kept: Collection[str]) -> None:
        self._kept = kept

    def __call__(self, *, node: Any, node_class: str) -> tuple[dict[str, str], str, str | None]:
        if node.name in self._kept:
            return {"penwidth": "3", "color": "#F06449"}, node_class, "from cache"
        return {}, node_class, None


def _format(node: Node, value: Any) -> dict[str, Any]:
    """Return the saver and the loader of the format that `@cache` names.

    Raises:
        HeadwaterError: There is none for such a value.
    """
    name = node.tags.get(FORMAT_TAG)
    if name is None:
        return {}
    from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY, choose
    from headwater.types import Type

    type_ = Type.of(type(value))
    saver = choose(SAVER_REGISTRY.get(str(name), []), type_)
    loader = choose(LOADER_REGISTRY.get(str(name), []), type_)
    if saver is None or loader is None:
        known = sorted(SAVER_REGISTRY.keys() & LOADER_REGISTRY.keys())
        raise HeadwaterError(
            f"{node.where}: @cache(format='{name}') cannot keep a value of {type_}."
            f"{did_you_mean(str(name), known)} Formats that can both save and load: {', '.join(known)}."
        )
    return {"saver_cls": saver, "loader_cls": loader}
