"""Dataflows at a commit: which there are, and what may be asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.errors import did_you_mean
from headwater_catalog.config_values import known_values
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.moments import Moment
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.views import DataflowView

__all__ = ["DataflowAt", "choose_dataflow", "dataflows_at", "listed"]

_CONFIG_KEY: Final = re.compile(r"\b([A-Za-z_]\w*) (?:=|!=|in|not in) ")


@dataclass(frozen=True, slots=True)
class DataflowAt:
    """A dataflow at one commit, and the names that may be asked of it or given to it.

    Attributes:
        view: What it is made of.
        modules: For each node that it can compute, the modules that declare it.
        reads: The names that its features read.
        keys: Configuration keys that its features are known to look at.
        any_key: Whether they may look at keys that are not known.
        values: For each of these keys, the values that its features are known to tell apart.
    """

    view: DataflowView
    modules: Mapping[str, set[str]]
    reads: frozenset[str]
    keys: frozenset[str]
    any_key: bool
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        return self.view.name

    @property
    def declared_names(self) -> list[str]:
        """The node names of the outputs that it declares, each once."""
        return list(dict.fromkeys(map(_bare, self.view.outputs)))

    @property
    def envs(self) -> tuple[str, ...]:
        """The environments that its sources and sinks tell apart, the usual one first."""
        declared = (*self.view.sources.values(), *self.view.sinks.values())
        return tuple(dict.fromkeys(env for each in declared for env in each.get("envs", ())))

    def env_of(self, env: str | None) -> str | None:
        """Return the environment that counts where one is asked for, or none; None where there is but one."""
        return env or next(iter(self.envs), None)

    def require_env(self, env: str | None) -> None:
        """Refuse an environment that no source or sink knows.

        Raises:
            NotFound: It is one.
        """
        if env is not None and env not in self.envs:
            raise NotFound(
                f"Dataflow '{self.name}' has no environment '{env}'.{did_you_mean(env, self.envs)} "
                f"It has: {listed(self.envs) or 'none; its sources are the same everywhere'}."
            )

    def has(self, output: str) -> bool:
        """Tell whether it computes an output, given as `name` or `module:name`."""
        module, _, name = output.rpartition(":")
        return name in self.modules and (not module or module in self.modules[name])

    def names_of(self, outputs: Sequence[str]) -> list[str]:
        """Return the node names of outputs; where none are given, of those that it declares.

        Raises:
            NotFound: It has no such output, or declares none.
        """
        wanted = list(dict.fromkeys(outputs or self.view.outputs))
        if not wanted:
            raise NotFound(
                f"Dataflow '{self.name}' declares no outputs, so there is nothing to compute unless you "
                "name at least one feature."
            )
        for output in wanted:
            if not self.has(output):
                raise _no_output(output, [self], f"dataflow '{self.name}' at this commit")
        return [_bare(output) for output in wanted]

    def require_config(self, config: Mapping[str, Any]) -> None:
        """Refuse configuration keys that nothing looks at.

        Raises:
            NotFound: There is such a key.
        """
        known = self.keys | self.reads
        for key in config:
            if key not in known and not self.any_key:
                raise NotFound(
                    f"Nothing in dataflow '{self.name}' looks at a configuration key '{key}'."
                    f"{did_you_mean(key, known)} Its keys are: {listed(sorted(self.keys)) or 'none'}."
                )


def dataflows_at(snapshot: Snapshot) -> list[DataflowAt]:
    """Return the dataflows of a repository at a commit, by name."""
    return [_load(snapshot, view) for view in snapshot.dataflows]


def choose_dataflow(moment: Moment, name: str | None, outputs: Sequence[str]) -> DataflowAt:
    """Return the dataflow of a name, or else the one that has all of some outputs.

    Raises:
        NotFound: There is none.
        Conflict: There are several.
    """
    flows, repository = dataflows_at(moment.snapshot), moment.repository.name
    if name is not None:
        return _named(flows, name, repository)
    fitting = [flow for flow in flows if all(flow.has(output) for output in outputs)]
    if len(fitting) == 1:
        return fitting[0]
    where = f"a dataflow of '{repository}' at this commit"
    if fitting:
        several = listed(flow.name for flow in fitting)
        raise Conflict(
            f"{listed(outputs)} can be computed by several dataflows: {several}. Say which one."
            if outputs
            else f"'{repository}' has several dataflows: {several}. Say which one, or name an output."
        )
    for output in outputs:
        if not any(flow.has(output) for flow in flows):
            raise _no_output(output, flows, where)
    if not outputs:
        raise NotFound(f"'{repository}' has no dataflow at this commit.")
    raise NotFound(f"No single dataflow has all of {listed(outputs)}. Ask for them in several runs.")


def listed(names: Iterable[str]) -> str:
    """Return names as a list to read, each once."""
    return ", ".join(dict.fromkeys(names))


def _named(flows: Sequence[DataflowAt], name: str, repository: str) -> DataflowAt:
    for flow in flows:
        if flow.name == name:
            return flow
    names = [flow.name for flow in flows]
    raise NotFound(
        f"Repository '{repository}' has no dataflow '{name}' at this commit."
        f"{did_you_mean(name, names)} It has: {listed(names) or 'none'}."
    )


def _load(snapshot: Snapshot, view: DataflowView) -> DataflowAt:
    inside = frozenset(view.modules)
    here = [feature for feature in snapshot.features if feature.module in inside]
    modules: dict[str, set[str]] = {}
    for feature in here:
        for node in feature.nodes:
            modules.setdefault(node, set()).add(feature.module)
    conditions = {feature.condition for feature in here}
    keys = {condition: _CONFIG_KEY.findall(condition) for condition in conditions}
    partitions = snapshot.declared.partitions.get(view.name)
    return DataflowAt(
        view=view,
        modules=modules,
        reads=frozenset(needed.name for feature in here for needed in feature.dependencies),
        keys=frozenset(view.config).union(*keys.values(), [partitions.key] if partitions else []),
        # A condition that compares nothing is a predicate, which may look at any key.
        any_key=any(condition and not found for condition, found in keys.items()),
        values=known_values(conditions),
    )


def _no_output(output: str, flows: Iterable[DataflowAt], where: str) -> NotFound:
    known = {name for flow in flows for name in flow.modules}
    return NotFound(f"There is no '{output}' in {where}.{did_you_mean(_bare(output), known)}")


def _bare(output: str) -> str:
    return output.rpartition(":")[2]
