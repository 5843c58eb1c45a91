"""The driver: builds a graph from modules and configuration, and executes what is asked of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from headwater.build import assemble, build_modules
from headwater.errors import InvalidInput, NodeFailed, UnknownNode, add_note, did_you_mean
from headwater.graph import Graph
from headwater.graph_types import HamiltonNode
from headwater.inspection import Inspection, Wanted, listed
from headwater.instances import is_instance, misfit
from headwater.lifecycle.adapters import AdapterSet
from headwater.node import Node, Role
from headwater.plan import Around, Plan, keep_plan, make_plan
from headwater.results import DefaultAdapter, DictResult, PandasDataFrameResult, SimplePythonGraphAdapter
from headwater.runs import NodeRun, Recorder, Run, Watcher

if TYPE_CHECKING:
    from headwater.display import Drawing

__all__ = ["Driver", "Variable", "cause_of"]

Variable = HamiltonNode


class Driver(Inspection):
    """A graph of feature functions, ready to be asked and executed.

    Args:
        config: Chooses variants and supplies values; a key that names a node replaces it.
        *modules: Modules of feature functions.
        adapter: One or several adapters; without one that builds the result it is a pandas table.
        allow_module_overrides: Whether a later module may make a node again, and win.

    Raises:
        DefinitionError: A function is wrong, or the graph is; all faults are told at once.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *modules: ModuleType,
        adapter: Any = None,
        allow_module_overrides: bool = False,
        _materializers: Sequence[Any] = (),
        _graph_executor: Any = None,
        _use_legacy_adapter: bool = True,
    ) -> None:
        """Build the graph."""
        self.config = dict(config)
        self.graph_modules = modules
        self.adapter = _adapters(adapter, _use_legacy_adapter)
        self.adapter.call("pre_do_anything")
        graph = build_modules(
            modules,
            self.config,
            allow_overrides=allow_module_overrides,
            also_accepts=self.adapter.check_edge_types,
        )
        self.graph = self._with_materializers(graph, _materializers) if _materializers else graph
        self._announce(self.graph)
        self.graph_executor = _graph_executor or _brought_executor(self.adapter)
        if self.graph_executor is not None:
            from headwater.executors.fanout import check_fan_outs

            check_fan_outs(self.graph)
        self._plans: dict[Hashable, Plan] = {}
        self._last: tuple[list[Wanted], frozenset[str], Plan] | None = None
        # Without adapters that look on, an execution needs no id and nobody is told of it.
        self._is_watched = bool(
            self.adapter.hooks("pre_graph_execute")
            or self.adapter.hooks("post_graph_execute")
            or self.adapter.around("")
            or self.adapter.tasks
        )

    def execute(
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute outputs and build the result.

        Args:
            final_vars: What to compute: names, feature functions or variables.
            overrides: Values that take the place of nodes; what only those need is not computed.
            display_graph: Not used any more; see `visualize_execution`.
            inputs: Values of the graph's inputs.

        Raises:
            UnknownNode: An output or override is no node of the graph.
            MissingInput: An input that is needed was not given.
            InvalidInput: An input is unknown or given twice, or it or a configuration value is of the wrong
                type.
            CheckFailed: A check of importance "fail" did not hold.
            Exception: What a feature function raised, with a note that says where.
        """
        if not self._is_watched:
            return self._result(self._values(self.graph, final_vars, overrides, inputs))
        wanted = listed(final_vars)
        return self._watched(
            self.graph,
            wanted,
            overrides,
            inputs,
            lambda run_id: self._result(self._values(self.graph, wanted, overrides, inputs, run_id)),
        )

    def _watched(
        self,
        graph: Graph,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
        execute: Callable[[str], Any],
    ) -> Any:
        """Execute under a new id, with the hooks that are told of the beginning and the end."""
        run_id = _new_id()
        self.adapter.call(
            "pre_graph_execute",
            run_id=run_id,
            graph=graph,
            final_vars=[self._output_name(wanted) for wanted in final_vars],
            inputs=inputs,
            overrides=overrides,
        )
        made: Any = None
        failure: BaseException | None = None
        try:
            made = execute(run_id)
        except BaseException as error:
            failure = error
            raise
        finally:
            self.adapter.call(
                "post_graph_execute",
                run_id=run_id,
                graph=graph,
                success=failure is None,
                error=failure,
                results=made,
            )
            failure = None  # as in `_values`
        return made

    def _values(
        self,
        graph: Graph,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
        run_id: str = "",
    ) -> dict[str, Any]:
        final_vars = listed(final_vars)
        graph = self._asked(graph, final_vars, inputs)
        plan, given = self._prepare(graph, final_vars, overrides or {}, inputs or {})
        try:
            return self._run_plan(graph, plan, given, run_id)
        except NodeFailed as failure:
            cause = cause_of(failure)
        try:
            raise cause
        finally:
            del cause  # its traceback holds this frame: a circle would keep the values of the execution

    def _run_plan(
        self, graph: Graph, plan: Plan, given: Mapping[str, Any], run_id: str, around: Around | None = None
    ) -> dict[str, Any]:
        if self.graph_executor is None:
            return plan.execute(given, around or self.adapter.around(run_id))
        from headwater.executors.tasks import RunContext

        in_task = partial(self.adapter.around, run_id) if around is None else partial(_same, around)
        context = RunContext(run_id, in_task, self.adapter.tasks)
        found: dict[str, Any] = self.graph_executor.execute(graph, plan.outputs, given, context)
        return found

    def _result(self, values: dict[str, Any]) -> Any:
        build_result = self.adapter.method("do_build_result")
        if build_result is None or _gives_values(getattr(build_result, "__self__", None)):
            return values
        return build_result(outputs=values)

    def run(
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        on_node: Callable[[NodeRun], None] | None = None,
        *,
        watchers: Sequence[Watcher] = (),
        profile: bool = False,
        gather: bool = False,
    ) -> Run:
        """Compute outputs and keep the record: node times, shapes and the outcomes of checks.

        A feature function that raises does not raise here: the run that comes back says so in `error`,
        and keeps what was recorded until then.

        Args:
            final_vars: What to compute: names, feature functions or variables.
            overrides: Values that take the place of nodes.
            inputs: Values of the graph's inputs.
            on_node: Told each node once it is computed.
            watchers: Told each node with what it is given and its value, in whichever process that is.
            profile: Whether to gather statistics of every value.
            gather: Whether a check of importance "fail" that does not hold lets the others go on, so that
                the error at the end tells them all.

        Raises:
            UnknownNode: An output or override is no node of the graph.
            MissingInput: An input that is needed was not given.
            InvalidInput: An input is of the wrong type, unknown, or given twice.
        """
        wanted = listed(final_vars)
        self._validate(self.graph, wanted, overrides, inputs)
        run = Run()

        def record(run_id: str) -> dict[str, Any]:
            graph = self._asked(self.graph, wanted, inputs)
            plan, given = self._prepare(graph, wanted, overrides or {}, inputs or {})
            recorder = Recorder(
                run,
                self.adapter.around(run_id),
                profile=profile,
                gather=gather,
                on_node=on_node,
                watchers=watchers,
            )
            values = self._run_plan(graph, plan, given, run_id, recorder)
            failure = recorder.failure()
            if failure is not None:
                raise failure
            return values

        try:
            run.values = self._watched(self.graph, wanted, overrides, inputs, record)
        except Exception as error:
            run.error = error
        return run

    def validate_execution(
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise what `execute` would raise before it calls the first function."""
        self._validate(self.graph, final_vars, overrides, inputs)

    def _validate(
        self,
        graph: Graph,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
    ) -> None:
        final_vars = listed(final_vars)
        graph = self._asked(graph, final_vars, inputs)
        self._prepare(graph, final_vars, overrides or {}, inputs or {})

    def materialize(
        self,
        *materializers: Any,
        additional_vars: Sequence[Wanted] = (),
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Load and save around the graph, which itself stays as it is.

        Args:
            *materializers: Savers made by `to`, loaders made by `from_`, and places that keep values for
                later runs, made by `keep`: what they keep and what still holds is not computed.
            additional_vars: What to hand back besides: names, feature functions or variables.
            overrides: Values that take the place of nodes.
            inputs: Values of the graph's inputs.

        Returns:
            What the savers say of what they saved, by the id of each; and the additional values by name.

        Raises:
            InvalidInput: Nothing is to be saved and nothing asked for.
            UnknownNode: A saver or loader names no node of the graph.
            HeadwaterError: As in `execute`.
        """
        graph, saved = self._materializing(materializers, additional_vars)
        self._announce(graph)

        outputs = [*additional_vars, *saved]

        def compute(names: Sequence[Wanted], there: Mapping[str, Any], run_id: str) -> dict[str, Any]:
            return self._values(graph, names, {**(overrides or {}), **there}, inputs, run_id) if names else {}

        def execute(run_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
            extra = [self._output_name(wanted) for wanted in additional_vars]
            there, told = self._resumed(
                graph, materializers, [*extra, *saved], overrides, inputs, partial(compute, run_id=run_id)
            )
            values = compute([name for name in [*extra, *saved] if name not in told], there, run_id) | told
            return {name: values[name] for name in saved}, {name: values[name] for name in extra}

        made: tuple[dict[str, Any], dict[str, Any]] = self._watched(
            graph, outputs, overrides, inputs, execute
        )
        return made

    def _resumed(
        self,
        graph: Graph,
        materializers: Sequence[Any],
        outputs: Sequence[str],
        overrides: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
        compute: Callable[[Sequence[str], Mapping[str, Any]], dict[str, Any]],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return values of nodes that were kept, and what the places of those say that need not be made."""
        from headwater.keeping import Keep
        from headwater.resume import resumed

        keeps = [one for one in dict.fromkeys(materializers) if isinstance(one, Keep)]
        if not keeps:
            return {}, {}
        self._validate(graph, outputs, overrides, inputs)
        given = {**self.config, **(inputs or {}), **(overrides or {})}
        found = resumed(self._asked(graph, outputs, inputs), keeps, outputs, given, compute)
        return found.values, found.said

    def validate_materialization(
        self,
        *materializers: Any,
        additional_vars: Sequence[Wanted] = (),
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise what `materialize` would raise before it calls the first function."""
        graph, saved = self._materializing(materializers, additional_vars)
        self._validate(graph, [*additional_vars, *saved], overrides, inputs)

    def visualize_materialization(
        self,
        *materializers: Any,
        output_file_path: str | None = None,
        additional_vars: Sequence[Wanted] = (),
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        bypass_validation: bool = False,
        **options: Any,
    ) -> Drawing:
        """Draw what `materialize` would load, compute and save; arguments as there and in `draw`.

        Raises:
            HeadwaterError: It could not begin; see `validate_materialization`.
        """
        graph, saved = self._materializing(materializers, additional_vars)
        wanted = [*additional_vars, *saved]
        if not bypass_validation:
            self._validated(lambda: self._validate(graph, wanted, overrides, inputs))
        return self._drawn_execution(
            graph, wanted, overrides, inputs, output_file_path=output_file_path, **options
        )

    def _materializing(
        self, materializers: Sequence[Any], additional_vars: Sequence[Wanted]
    ) -> tuple[Graph, list[str]]:
        """Return the graph with loaders and savers, and the names of the savers."""
        from headwater.materializers import saved_names

        saved = saved_names(materializers)
        if not saved and not additional_vars:
            raise InvalidInput(
                "Nothing is to be saved and nothing asked for. Give to.csv(...) or the like, or "
                "additional_vars=[...]."
            )
        return self._with_materializers(self.graph, materializers), saved

    def _with_materializers(self, graph: Graph, materializers: Sequence[Any]) -> Graph:
        from headwater.materializers import materialized

        nodes = materialized(graph, materializers)
        return assemble(nodes, self.config, self.adapter.check_edge_types)

    def __getstate__(self) -> dict[str, Any]:
        # Modules are sent by name; plans are made anew where they are wanted.
        names = [module.__name__ for module in self.graph_modules]
        return {**vars(self), "graph_modules": names, "_plans": {}, "_last": None}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        modules = tuple(map(importlib.import_module, state["graph_modules"]))
        vars(self).update(state, graph_modules=modules)

    def _announce(self, graph: Graph) -> None:
        """Let adapters judge a graph that was built, and tell them of it."""
        self.adapter.validate(graph, self.graph_modules, self.config)
        self.adapter.call("post_graph_construct", graph=graph, modules=self.graph_modules, config=self.config)

    @property
    def cache(self) -> Any:
        """The cache that `Builder.with_cache` attached; None where there is none."""
        from headwater.caching.adapter import HamiltonCacheAdapter

        found = (adapter for adapter in self.adapter.adapters if isinstance(adapter, HamiltonCacheAdapter))
        return next(found, None)

    def raw_execute(
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Compute outputs and return them by name, whatever adapter would build the result.

        It is there for old code; `execute` with `DictResult` does the same. Arguments and errors are those
        of `execute`.
        """
        import warnings

        warnings.warn(
            "raw_execute() is old. Use execute() with DictResult.", DeprecationWarning, stacklevel=2
        )
        wanted = listed(final_vars)
        made: dict[str, Any] = self._watched(
            self.graph,
            wanted,
            overrides,
            inputs,
            lambda run_id: self._values(self.graph, wanted, overrides, inputs, run_id),
        )
        return made

    def _prepare(
        self,
        graph: Graph,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any],
        inputs: Mapping[str, Any],
    ) -> tuple[Plan, dict[str, Any]]:
        self._check_inputs(graph, inputs)
        for name in overrides:
            if name not in graph:
                raise UnknownNode(name, graph.names, "this graph to override")
        given = {**self.config, **inputs, **overrides}
        last = self._last
        # To compare the lists is several times faster than to make a key of thousands of names.
        # Called by its name, since an array of names would compare them one by one.
        if (
            last is not None
            and graph is self.graph
            and last[0].__eq__(final_vars) is True
            and last[1] == given.keys()
        ):
            return last[2], given
        wanted = list(final_vars)  # a copy, since the caller may change theirs
        outputs = tuple([v if v.__class__ is str else self._output_name(v) for v in wanted])
        if graph is not self.graph:
            return self._planned(graph, outputs, given), given
        key = (outputs, frozenset(given))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._planned(graph, outputs, given)
            for name, _ in plan.given:
                if name in self.config and name not in overrides:
                    self._check_type(graph, graph[name], self.config[name], "Configuration key")
            if not overrides.keys().isdisjoint(self.config):
                return plan, given  # not kept: some of the configuration was not looked at
            keep_plan(self._plans, key, plan)
        self._last = wanted, key[1], plan
        return plan, given

    def _planned(self, graph: Graph, outputs: Sequence[str], given: Mapping[str, Any]) -> Plan:
        plan = make_plan(graph, outputs, given)
        # Where the module of these types was never imported, no feature can be of them.
        if self.graph_executor is None and "headwater.htypes" in sys.modules:
            from headwater.executors.graph import require_static

            require_static(plan.nodes)
        return plan

    def _output_name(self, wanted: Wanted) -> str:
        if isinstance(wanted, str):
            return wanted
        if isinstance(wanted, HamiltonNode):
            return wanted.name
        if not isinstance(wanted, FunctionType):
            raise InvalidInput(
                f"{wanted!r} cannot be asked for. Ask for a node's name, a feature function or a variable."
            )
        homes = [module.__name__ for module in self.graph_modules]
        if wanted.__module__ not in homes:
            raise InvalidInput(
                f"The function '{wanted.__name__}' is of module '{wanted.__module__}', which is none of the "
                f"driver's ({', '.join(homes)}). Give the driver that module, or ask for the node by name."
            )
        return wanted.__name__

    def _check_inputs(self, graph: Graph, inputs: Mapping[str, Any]) -> None:
        for name, value in inputs.items():
            if name in self.config:
                raise InvalidInput(
                    f"'{name}' is given twice: in the configuration and in inputs. Give it once."
                )
            if name not in graph:
                known = [node.name for node in graph.inputs]
                raise InvalidInput(
                    f"No feature needs an input '{name}'.{did_you_mean(name, known)} "
                    f"The inputs of this graph are: {', '.join(sorted(known)) or 'none'}."
                )
            node = graph[name]
            if node.role is not Role.INPUT:
                raise InvalidInput(
                    f"'{name}' is given as an input, but {node.where} computes it. Pass it in "
                    "overrides={...} to use your value instead."
                )
            self._check_type(graph, node, value, "Input")

    def _check_type(self, graph: Graph, node: Node, value: Any, kind: str) -> None:
        verdict = self.adapter.validate_input(node.type, value)
        if verdict is None:
            verdict = is_instance(value, node.type)
        if verdict is False:
            readers = ", ".join(graph[reader].where for reader in graph.readers[node.name][:3])
            raise InvalidInput(
                f"{kind} '{node.name}' must be {node.type}, as {readers} asks for it, but is "
                f"{misfit(value, node.type)}."
            )


def _adapters(given: Any, legacy: bool) -> AdapterSet:
    if isinstance(given, AdapterSet):
        return given
    adapters = [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    found = AdapterSet(adapters)
    if legacy and not found.has_result_builder:
        return AdapterSet([*adapters, PandasDataFrameResult()])
    return found


def _brought_executor(adapters: AdapterSet) -> Any:
    """Return what executes graphs as an adapter wants it, on a cluster; None where none does."""
    found = next((adapter for adapter in adapters.adapters if hasattr(adapter, "task_executor")), None)
    if found is None:
        return None
    from headwater.executors.fusing import GroupByCost
    from headwater.executors.graph import TaskBasedGraphExecutor
    from headwater.executors.managers import SingleExecutionManager

    executor = found.task_executor()
    grouping = GroupByCost(executor.slots, executor.cost_of_task)
    return TaskBasedGraphExecutor(SingleExecutionManager(executor), grouping)


def _gives_values(adapter: object) -> bool:
    """Tell whether an adapter only hands back the values by name, so that it need not be called."""
    if type(adapter) in (SimplePythonGraphAdapter, DefaultAdapter):
        adapter = adapter.result_builder  # type: ignore[attr-defined]
    return type(adapter) is DictResult


def cause_of(failure: NodeFailed) -> BaseException:
    """Return what a feature function raised, for callers that catch it as Hamilton raises it, with a note."""
    cause = failure.__cause__
    assert cause is not None
    add_note(cause, str(failure))
    return cause


def _same(around: Around, task_id: str) -> Around:
    return around


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())
