"""Ray under Hamilton's names: an adapter that runs a whole graph there, and an executor of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.errors import HeadwaterError, InvalidInput
from headwater.executors import ray_clusters
from headwater.executors.fusing import GroupByCost
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.managers import SingleExecutionManager
from headwater.executors.ray_tasks import RayTaskExecutor
from headwater.instances import is_instance
from headwater.lifecycle.api import ResultBuilder
from headwater.lifecycle.base import BaseDoValidateInput, BasePostGraphExecute
from headwater.types import Type

__all__ = ["RayGraphAdapter", "RayTaskExecutor", "RayWorkflowGraphAdapter"]


class RayGraphAdapter(ResultBuilder, BaseDoValidateInput, BasePostGraphExecute):
    """Runs a driver's graphs on a cluster of Ray.

    Nodes go there in groups and not one by one, see `headwater.executors.fusing.GroupByCost`; values stay
    there but for the outputs. `Parallelizable` and `Collect` need no more than this adapter. An input may be
    a reference of Ray, which is then read there.

    Args:
        result_builder: Builds the result, here, from the outputs.
        ray_init_config: What `ray.init` is given, at once where it is not None. Else the cluster of this
            process is used, or one is started on this machine when it is needed, on loopback.
        shutdown_ray_on_completion: Whether the cluster is left, and ended if it was started here, after each
            execution, and not when the program ends.

    Raises:
        InvalidInput: There is no result builder.
        MissingExtra: Ray is not installed.
        HeadwaterError: The cluster cannot be started or reached.
    """

    def __init__(
        self,
        result_builder: ResultBuilder,
        ray_init_config: Mapping[str, Any] | None = None,
        shutdown_ray_on_completion: bool = False,
    ) -> None:
        """Start or reach the cluster where its configuration is given."""
        if not result_builder:
            raise InvalidInput(
                "RayGraphAdapter needs a result builder, such as base.PandasDataFrameResult() or "
                "base.DictResult(). Pass one as result_builder."
            )
        self.result_builder = result_builder
        self.shutdown_ray_on_completion = shutdown_ray_on_completion
        self._executor: RayTaskExecutor | None = RayTaskExecutor(
            ray_init_config=ray_init_config, keeps_cluster=True
        )
        if ray_init_config is not None and not ray_clusters.is_reached():
            ray_clusters.start_or_reach(ray_init_config)

    def task_executor(self) -> RayTaskExecutor:
        """Return the executor of all tasks."""
        assert self._executor is not None  # only its copies in the workers have none
        return self._executor

    def graph_executor(self) -> TaskBasedGraphExecutor:
        """Return what executes graphs on the cluster; each driver has its own."""
        executor = self.task_executor()
        grouping = GroupByCost(executor.slots, executor.cost_of_task)
        return TaskBasedGraphExecutor(SingleExecutionManager(executor), grouping)

    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Let references of Ray be, whose values are not here; all else is checked as ever."""
        if isinstance(input_value, ray_clusters.import_ray().ObjectRef):
            return True
        return is_instance(input_value, Type.of(node_type)) is not False

    def build_result(self, **outputs: Any) -> Any:
        """Return what the result builder makes of the outputs."""
        return self.result_builder.build_result(**outputs)

    def output_type(self) -> Any:
        """Return the type of the result."""
        return self.result_builder.output_type()

    def post_graph_execute(self, **facts: Any) -> None:
        """Leave the cluster where that was asked for."""
        if self.shutdown_ray_on_completion:
            ray_clusters.end_when_unused()

    def __getstate__(self) -> dict[str, Any]:
        # Adapters go with the tasks; what sends tasks stays.
        return {**vars(self), "_executor": None}


class RayWorkflowGraphAdapter:
    """Told apart from what is missing: Ray has had no workflows since version 2.48."""

    def __init__(self, result_builder: Any, workflow_id: str) -> None:
        """Refuse.

        Raises:
            HeadwaterError: Always.
        """
        raise HeadwaterError(
            "RayWorkflowGraphAdapter needs ray.workflow, which Ray no longer has since version 2.48. Compute "
            "the graph with RayGraphAdapter; what `materialize` keeps is not computed again after a failure."
        )
