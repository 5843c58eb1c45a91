"""The driver: builds a graph from modules and configuration, and executes what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

from headwater.build import build
from headwater.checks import Importance, ValidationResult
from headwater.errors import InvalidInput, NodeFailed, UnknownNode, did_you_mean
from headwater.function import Function, functions_of
from headwater.graph import Graph
from headwater.instances import is_instance, misfit
from headwater.node import Node, Role, TagValue
from headwater.plan import Plan, make_plan
from headwater.results import PandasDataFrameResult, ResultBuilder
from headwater.shapes import summary
from headwater.types import Type

__all__ = ["CheckOutcome", "Driver", "NodeRun", "Run", "Variable"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A node as `list_available_variables` describes it."""

    name: str
    type: Type
    tags: Mapping[str, TagValue]
    is_external_input: bool
    documentation: str
    originating_functions: tuple[Function, ...]

    @classmethod
    def of(cls, node: Node) -> Variable:
        """Describe a node."""
        origin = (node.function,) if node.function else ()
        return cls(node.name, node.type, node.tags, node.role is Role.INPUT, node.doc, origin)


@dataclass(frozen=True, slots=True)
class NodeRun:
    """A node that was computed: how long it took, in seconds, and the type and shape of its value."""

    name: str
    seconds: float
    summary: str


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What a check found in a run."""

    node: str
    validator: str
    importance: Importance
    passed: bool
    message: str
    diagnostics: Mapping[str, Any]


@dataclass(slots=True)
class Run:
    """An execution and what is known of it; filled while it runs, so that a failed one keeps its record.

    Attributes:
        values: The outputs by name; empty where the run failed.
        nodes: The nodes in the order in which they were computed.
        checks: The outcomes of all checks.
        error: What ended the run early; None where it succeeded.
    """

    values: dict[str, Any] = field(default_factory=dict)
    nodes: list[NodeRun] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)
    error: Exception | None = None


class Driver:
    """A graph of feature functions, ready to be asked and executed.

    Args:
        config: Chooses variants and supplies values; a key that names a node replaces it.
        *modules: Modules of feature functions.
        adapter: Builds the result of `execute`; by default a pandas table.
        allow_module_overrides: Whether a later module may make a node again, and win.

    Raises:
        DefinitionError: A function is wrong, or the graph is; all faults are told at once.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *modules: ModuleType,
        adapter: ResultBuilder | None = None,
        allow_module_overrides: bool = False,
    ) -> None:
        """Build the graph."""
        self.config = dict(config)
        self.adapter = adapter or PandasDataFrameResult()
        self.graph: Graph = build(
            (function for module in modules for function in functions_of(module)),
            self.config,
            allow_overrides=allow_module_overrides,
        )
        self._plans: dict[tuple[tuple[str, ...], frozenset[str]], Plan] = {}

    def execute(
        self,
        final_vars: Sequence[str | Callable[..., Any] | Variable],
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute outputs and build the result.

        Args:
            final_vars: What to compute: names, feature functions or variables.
            overrides: Values that take the place of nodes; what only those need is not computed.
            inputs: Values of the graph's inputs.

        Raises:
            UnknownNode: An output or override is no node of the graph.
            MissingInput: An input that is needed was not given.
            InvalidInput: An input is unknown or given twice, or it or a configuration value is of the wrong
                type.
            CheckFailed: A check of importance "fail" did not hold.
            Exception: What a feature function raised, with a note that says where.
        """
        plan, given = self._prepare(final_vars, overrides or {}, inputs or {})
        try:
            values = plan.execute(given)
        except NodeFailed as failure:
            # Callers that catch the function's own exception, as Hamilton raises it, still can.
            cause = failure.__cause__
            assert cause is not None
            cause.add_note(str(failure))
            raise cause from None
        return self.adapter.build_result(**values)

    def run(
        self,
        final_vars: Sequence[str | Callable[..., Any] | Variable],
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        on_node: Callable[[NodeRun], None] | None = None,
    ) -> Run:
        """Compute outputs and keep the record: node times, shapes and the outcomes of checks.

        A feature function that raises does not raise here: the run that comes back says so in `error`,
        and keeps what was recorded until then.

        Raises:
            UnknownNode: An output or override is no node of the graph.
            MissingInput: An input that is needed was not given.
            InvalidInput: An input is of the wrong type, unknown, or given twice.
        """
        plan, given = self._prepare(final_vars, overrides or {}, inputs or {})
        run = Run()

        def after(node: Node, seconds: float, value: Any) -> None:
            run.nodes.append(NodeRun(node.name, seconds, summary(value)))
            if node.check is not None and isinstance(value, ValidationResult):
                run.checks.append(_outcome(node, value))
            if on_node is not None:
                on_node(run.nodes[-1])

        try:
            run.values = plan.execute(given, after)
        except Exception as error:
            run.error = error
        return run

    def validate_execution(
        self,
        final_vars: Sequence[str | Callable[..., Any] | Variable],
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise what `execute` would raise before it calls the first function."""
        self._prepare(final_vars, overrides or {}, inputs or {})

    def list_available_variables(
        self, *, tag_filter: Mapping[str, str | list[str] | None] | None = None
    ) -> list[Variable]:
        """Return the nodes of the graph, those that have all the given tags.

        Args:
            tag_filter: For each tag key a value, several of which one must match, or None for any.
        """
        wanted = tag_filter or {}
        return [
            Variable.of(node)
            for node in self.graph.nodes
            if all(_has_tag(node, key, values) for key, values in wanted.items())
        ]

    def what_is_upstream_of(self, *node_names: str) -> list[Variable]:
        """Return the named nodes and everything they need, in the order of computation."""
        return self._variables(self.graph.upstream(*node_names))

    def what_is_downstream_of(self, *node_names: str) -> list[Variable]:
        """Return the named nodes and everything that needs them, in the order of computation."""
        return self._variables(self.graph.downstream(*node_names))

    def what_is_the_path_between(self, upstream_node_name: str, downstream_node_name: str) -> list[Variable]:
        """Return the nodes on the ways from one node to another; none where there is no way."""
        below = self.graph.downstream(upstream_node_name)
        return self._variables(below & self.graph.upstream(downstream_node_name))

    @cached_property
    def _position(self) -> Mapping[str, int]:
        from headwater.graph import topological

        order, _ = topological(self.graph.names, lambda name: self.graph.sources.get(name, ()))
        return {name: index for index, name in enumerate(order)}

    def _variables(self, names: Iterable[str]) -> list[Variable]:
        ordered = sorted(names, key=self._position.__getitem__)
        return [Variable.of(self.graph[name]) for name in ordered]

    def _prepare(
        self,
        final_vars: Sequence[str | Callable[..., Any] | Variable],
        overrides: Mapping[str, Any],
        inputs: Mapping[str, Any],
    ) -> tuple[Plan, dict[str, Any]]:
        self._check_inputs(inputs)
        for name in overrides:
            if name not in self.graph:
                raise UnknownNode(name, self.graph.names, "this graph to override")
        outputs = tuple(self._output_name(wanted) for wanted in final_vars)
        given = {**self.config, **inputs, **overrides}
        key = (outputs, frozenset(given))
        plan = self._plans.get(key)
        if plan is None:
            plan = make_plan(self.graph, outputs, given)
            for name in plan.given:
                if name in self.config and name not in overrides:
                    self._check_type(self.graph[name], self.config[name], "Configuration key")
            self._plans[key] = plan
        return plan, given

    def _output_name(self, wanted: str | Callable[..., Any] | Variable) -> str:
        if isinstance(wanted, str):
            return wanted
        if isinstance(wanted, Variable):
            return wanted.name
        return str(getattr(wanted, "__name__", wanted))

    def _check_inputs(self, inputs: Mapping[str, Any]) -> None:
        for name, value in inputs.items():
            if name in self.config:
                raise InvalidInput(
                    f"'{name}' is given twice: in the configuration and in inputs. Give it once."
                )
            if name not in self.graph:
                known = [node.name for node in self.graph.inputs]
                raise InvalidInput(
                    f"No feature needs an input '{name}'.{did_you_mean(name, known)} "
                    f"The inputs of this graph are: {', '.join(sorted(known)) or 'none'}."
                )
            self._check_input(self.graph[name], value)

    def _check_input(self, node: Node, value: Any) -> None:
        if node.role is not Role.INPUT:
            raise InvalidInput(
                f"'{node.name}' is given as an input, but {node.where} computes it. Pass it in "
                "overrides={...} to use your value instead."
            )
        self._check_type(node, value, "Input")

    def _check_type(self, node: Node, value: Any, kind: str) -> None:
        if is_instance(value, node.type) is False:
            readers = [self.graph[reader].where for reader in self.graph.readers[node.name]]
            raise InvalidInput(
                f"{kind} '{node.name}' must be {node.type}, as {', '.join(readers[:3])} asks for it, but is "
                f"{misfit(value, node.type)}."
            )


def _has_tag(node: Node, key: str, wanted: str | list[str] | None) -> bool:
    if key not in node.tags:
        return False
    if wanted is None:
        return True
    actual = node.tags[key]
    held = set(actual) if isinstance(actual, tuple) else {actual}
    return bool(held & set([wanted] if isinstance(wanted, str) else wanted))


def _outcome(node: Node, result: ValidationResult) -> CheckOutcome:
    assert node.check is not None and node.importance is not None
    return CheckOutcome(
        node=node.feature,
        validator=node.check.argument,
        importance=node.importance,
        passed=result.passes,
        message=result.message,
        diagnostics=result.diagnostics,
    )
