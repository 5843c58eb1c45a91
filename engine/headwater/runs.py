"""What is recorded of an execution: its nodes, the outcomes of its checks, its profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from headwater.checks import CheckOutcome, ValidationResult, failure_of, unstopped
from headwater.node import Node
from headwater.plan import Around, call_it
from headwater.shapes import summary

if TYPE_CHECKING:
    from headwater.profiles import Profile

__all__ = ["NodeRun", "Recorder", "Run", "Watcher"]


@dataclass(frozen=True, slots=True)
class NodeRun:
    """A node that was computed.

    Attributes:
        name: The node.
        seconds: How long it took.
        summary: Type and shape of its value.
        profile: Statistics of its value; None unless the run was asked for them.
        began: When it began, in seconds since 1970.
    """

    name: str
    seconds: float
    summary: str
    profile: Profile | None = None
    began: float = 0.0


@dataclass(slots=True)
class Run:
    """An execution and what is known of it; filled while it runs, so that a failed one keeps its record.

    Attributes:
        values: The outputs by name; empty where the run failed.
        nodes: The nodes in the order in which they were computed.
        checks: The outcomes of all checks.
        error: What ended the run early, or the checks of importance "fail" that did not hold; None where
            it succeeded.
    """

    values: dict[str, Any] = field(default_factory=dict)
    nodes: list[NodeRun] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)
    error: Exception | None = None


class Watcher(Protocol):
    """Is told of nodes where they are computed; where tasks run in other processes, a copy of it goes along.

    What a copy has noted comes back with the outputs of its task.
    """

    def begin(self, node: Node, arguments: Sequence[Any]) -> None:
        """Look at what a node is given, before it is computed."""

    def end(self, node: Node, value: Any) -> None:
        """Look at the value of a node; what this takes is no time of the node."""

    def take_record(self) -> Any:
        """Return what was noted, which can be pickled, and begin anew: in the process of a task."""

    def give_record(self, record: Any) -> None:
        """Add what a copy in another process has noted."""


class _Noted(NamedTuple):
    """What was recorded in another process: of the run, and by each of those who watch it."""

    run: Run
    watched: list[Any]


class Recorder:
    """Computes nodes and keeps the record of it in a run.

    Args:
        run: Where the record goes.
        inner: What computes a node in the place of its call, if anything does.
        profile: Whether to gather statistics of every value.
        gather: Whether a failing check of importance "fail" lets the others go on.
        on_node: Told each node once it is computed.
        watchers: Told each node with what it is given and its value, in whichever process that is.
    """

    def __init__(
        self,
        run: Run,
        inner: Around | None = None,
        *,
        profile: bool = False,
        gather: bool = False,
        on_node: Callable[[NodeRun], None] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        """Hold what is asked of the record."""
        self._run = run
        self._inner = inner or call_it
        self._profile = profile
        self._gather = gather
        self._on_node = on_node
        self._watchers = watchers

    def __call__(self, node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Return the value of a node."""
        if self._gather:
            call = unstopped(call)
        for watcher in self._watchers:
            watcher.begin(node, arguments)
        began, start = time(), perf_counter()
        value = self._inner(node, call, arguments)
        seconds = perf_counter() - start
        self._run.nodes.append(NodeRun(node.name, seconds, summary(value), self._profiled(value), began))
        if node.check is not None and isinstance(value, ValidationResult):
            self._run.checks.append(CheckOutcome.of(node.feature, node.check, value, seconds))
        if self._on_node is not None:
            self._on_node(self._run.nodes[-1])
        for watcher in self._watchers:
            watcher.end(node, value)
        return value

    def __getstate__(self) -> dict[str, Any]:
        # Where a task runs in another process, who is told of nodes stays here.
        return {**vars(self), "_on_node": None}

    def take_record(self) -> _Noted:
        """Return what was recorded, and begin anew: in the process of a task, before it goes back."""
        taken = Run(nodes=list(self._run.nodes), checks=list(self._run.checks))
        self._run.nodes.clear()
        self._run.checks.clear()
        return _Noted(taken, [watcher.take_record() for watcher in self._watchers])

    def give_record(self, record: _Noted) -> None:
        """Add what another process has recorded."""
        self._run.nodes += record.run.nodes
        self._run.checks += record.run.checks
        for watcher, noted in zip(self._watchers, record.watched, strict=True):
            watcher.give_record(noted)
        if self._on_node is not None:
            for node in record.run.nodes:
                self._on_node(node)

    def failure(self) -> Exception | None:
        """Return the error of the checks that did not hold while failures were gathered."""
        return failure_of(self._run.checks) if self._gather else None

    def _profiled(self, value: Any) -> Profile | None:
        if not self._profile or isinstance(value, ValidationResult):
            return None
        from headwater.profiles import profile

        return profile(value)
