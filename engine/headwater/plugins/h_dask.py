"""Executions on Dask, and Dask's tables through ordinary functions, under the names of Hamilton's plug-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headwater.errors import InvalidInput
from headwater.executors.dask_inputs import future_of, is_of_dask
from headwater.executors.dask_tasks import DaskExecutor
from headwater.instances import is_instance
from headwater.lifecycle.api import GraphAdapter, LegacyResultMixin, as_the_engine
from headwater.lifecycle.views import NodeView
from headwater.materialize.packages import needed
from headwater.results import PandasDataFrameResult
from headwater.types import Type

if TYPE_CHECKING:
    from headwater.executors.graph import TaskBasedGraphExecutor

__all__ = ["DaskDataFrameResult", "DaskExecutor", "DaskGraphAdapter"]

_PURPOSE = "Running on Dask"


class DaskGraphAdapter(GraphAdapter):
    """Computes the features of a driver on Dask, or lets Dask's own tables flow through them.

    By default the graph is cut into tasks by what its nodes cost, and `DaskExecutor` runs these; the result
    is that of Hamilton's adapter, which makes a task of every node. Inputs that Dask has yet to compute
    (tables, delayed calls, futures) are computed there, and functions get their values. Where the result
    shall not be computed (`compute_at_end=False`) or the graph be drawn (`visualize_kwargs`), every node is
    wrapped in `delayed`.

    With `use_delayed=False` functions are called here, on what they are given. Those for pandas Series take
    the Series of a Dask table, as far as Dask has what they use, and nothing is computed before the end.

    Args:
        dask_client: The client of a cluster.
        result_builder: Builds the result; by default a pandas table.
        visualize_kwargs: What Dask's `visualize` is given; None where nothing shall be drawn.
        use_delayed: Whether Dask calls the functions.
        compute_at_end: Whether the result is computed, or handed back as Dask has it.
    """

    def __init__(
        self,
        dask_client: Any,
        result_builder: LegacyResultMixin | None = None,
        visualize_kwargs: dict[str, Any] | None = None,
        use_delayed: bool = True,
        compute_at_end: bool = True,
    ) -> None:
        """Take the client.

        Raises:
            MissingExtra: Dask is not installed.
        """
        needed("distributed", _PURPOSE)
        self.client = dask_client
        self.result_builder = result_builder or PandasDataFrameResult()
        self.visualize_kwargs = visualize_kwargs
        self.use_delayed = use_delayed
        self.compute_at_end = compute_at_end
        self._is_lazy = use_delayed and (visualize_kwargs is not None or not compute_at_end)
        if self._is_lazy:
            self.execute_node = self._delayed  # type: ignore[method-assign]  # in the place of the engine

    def __getstate__(self) -> dict[str, Any]:
        # Workers need no client; the adapter goes there with the others of the driver.
        return {**vars(self), "client": None}

    def graph_executor(self) -> TaskBasedGraphExecutor | None:
        """Return what executes the graph of a driver; None where the driver does so itself."""
        if self._is_lazy or not self.use_delayed:
            return None
        from headwater.executors.fusing import GroupByCost
        from headwater.executors.graph import TaskBasedGraphExecutor
        from headwater.executors.managers import SingleExecutionManager

        executor = DaskExecutor(client=self.client, computes_inputs=True)
        grouping = GroupByCost(executor.slots, executor.cost_of_task)
        return TaskBasedGraphExecutor(SingleExecutionManager(executor), grouping)

    @staticmethod
    def check_input_type(node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value: Dask's tables do as pandas', and its arrays."""
        package, kind = type(input_value).__module__.partition(".")[0], type(input_value).__name__
        if package in ("dask", "distributed"):
            name = getattr(node_type, "__name__", "")
            if kind in _UNKNOWN or (kind, name) in _ALIKE:
                return True
        return is_instance(input_value, Type.of(node_type)) is not False

    @staticmethod
    def check_node_type_equivalence(node_type: Any, input_type: Any) -> bool:
        """Tell whether a node's type does for another that is asked for."""
        names = tuple(getattr(each, "__name__", "") for each in (node_type, input_type))
        is_dask = getattr(node_type, "__module__", "").partition(".")[0] == "dask"
        return (is_dask and (names in _ALIKE or names == ("Array", "Series"))) or bool(
            node_type == input_type
        )

    @as_the_engine
    def execute_node(self, node: NodeView, kwargs: dict[str, Any]) -> Any:
        """Return the value of a node."""
        return node.callable(**kwargs)

    def _delayed(self, node: NodeView, kwargs: dict[str, Any]) -> Any:
        """Return what Dask will call."""
        from uuid import uuid4

        delayed = needed("dask", _PURPOSE).delayed
        key = f"{node.name}-{uuid4().hex}"
        return delayed(node.callable, pure=False)(**_delayed_each(kwargs), dask_key_name=key)

    def build_result(self, **outputs: Any) -> Any:  # type: ignore[override]
        """Return the result that the builder makes, computed if that was asked for."""
        dask = needed("dask", _PURPOSE)
        build = self.result_builder.build_result
        if self.use_delayed and not self._is_lazy:  # inputs that are asked for are as they were given
            asked = {name: value for name, value in outputs.items() if is_of_dask(value)}
            futures = {name: future_of(self.client, value) for name, value in asked.items()}
            outputs.update(self.client.gather(futures))
        result = dask.delayed(build)(**_delayed_each(outputs)) if self._is_lazy else build(**outputs)
        if self.visualize_kwargs is not None and hasattr(result, "visualize"):
            result.visualize(**self.visualize_kwargs)
        if not self.compute_at_end or (self.use_delayed and not self._is_lazy):
            return result
        return dask.compute(result, scheduler=self.client)[0]

    def output_type(self) -> Any:
        """Return the type of the result."""
        return self.result_builder.output_type() if self.compute_at_end else Any


_UNKNOWN = {"Delayed", "Future", "Item", "Scalar"}
"""Names of Dask's classes that may become anything."""
_ALIKE = {
    ("Series", "Series"),
    ("DataFrame", "DataFrame"),
    ("Index", "Index"),
    ("Array", "ndarray"),
    ("Bag", "list"),
}
"""Names of Dask's classes and of those that they stand in for."""


class DaskDataFrameResult(LegacyResultMixin):
    """A Dask table with a column for every output, or one for each column of a table, as `output.column`.

    What has no rows of its own is repeated in every row. The outputs are joined by their index, all rows of
    any of them being kept.
    """

    @staticmethod
    def build_result(**outputs: Any) -> Any:
        """Return the table.

        Raises:
            InvalidInput: There are no outputs.
        """
        if not outputs:
            raise InvalidInput("A Dask table needs at least one output. Ask for some.")
        frames = needed("dask.dataframe", "A Dask table")
        tables: dict[str, Any] = {name: _as_table(value, frames) for name, value in outputs.items()}
        like = next((table for table in tables.values() if table is not None), None)
        names: list[str] = []
        for name, table in tables.items():
            if table is None:
                tables[name] = _repeated(name, outputs[name], like, frames)
            columns = getattr(table, "columns", None) if _is_table(table) else None
            names += [name] if columns is None else [f"{name}.{column}" for column in columns]
        joined = frames.concat([_one_table(table) for table in tables.values()], axis=1, join="outer")
        joined.columns = names
        return joined

    def output_type(self) -> Any:
        """Return the type of the result."""
        return needed("dask.dataframe", "A Dask table").DataFrame


def _delayed_each(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments for a delayed call: Dask finds its tables in these, but fails to take them out."""
    delayed = needed("dask", _PURPOSE).delayed
    return {name: delayed(value) if is_of_dask(value) else value for name, value in values.items()}


def _is_table(value: Any) -> bool:
    return getattr(value, "ndim", 0) == 2


def _one_table(value: Any) -> Any:
    return value if _is_table(value) else value.to_frame()


def _as_table(value: Any, frames: Any) -> Any:
    """Return rows as a Dask table or Series; None for what has none."""
    import numpy as np
    import pandas as pd

    if isinstance(value, (frames.Series, frames.DataFrame)):
        return value
    if isinstance(value, (pd.Series, pd.DataFrame)):
        return frames.from_pandas(value, npartitions=1)
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
    if type(value).__module__.startswith("dask.array") and value.ndim:
        return frames.from_dask_array(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return frames.from_pandas(pd.DataFrame(value).squeeze("columns"), npartitions=1)
    return None


def _repeated(name: str, value: Any, like: Any, frames: Any) -> Any:
    """Return a column with one value in every row of a table; one row where there is no table."""
    import pandas as pd

    if hasattr(value, "compute"):
        value = value.compute()
    if like is None:
        return frames.from_pandas(pd.Series([value], name=name), npartitions=1)
    meta = _constant(like._meta, name, value)
    return like.map_partitions(_constant, name, value, meta=meta)


def _constant(part: Any, name: str, value: Any) -> Any:
    import pandas as pd

    column = pd.Series([value] * len(part), index=part.index, name=name)
    return column if len(part) else column.astype(pd.Series([value]).dtype)
