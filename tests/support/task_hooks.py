"""What looks on while tasks run, in a module that other processes can import."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from headwater.node import Node


class Told:
    """Hooks of tasks that write down what they are told, in the process of the driver and elsewhere."""

    def __init__(self, path: Path) -> None:
        """Write to the file."""
        self.path = path

    def _write(self, *words: object) -> None:
        with self.path.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    @property
    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    def post_task_group(self, *, run_id: str, task_ids: list[str]) -> None:
        self._write("group", *sorted(task_ids))

    def post_task_expand(self, *, run_id: str, task_id: str, parameters: dict[str, Any]) -> None:
        self._write("expand", task_id, parameters)

    def pre_task_submission(self, *, task_id: str, inputs: dict[str, Any], **facts: Any) -> None:
        self._write("submit", task_id, facts["spawning_task_id"], facts["purpose"].value, inputs)

    def pre_task_execute(self, *, task_id: str, **facts: Any) -> None:
        self._write("begin", task_id, facts["run_id"])

    def post_task_execute(self, *, task_id: str, **facts: Any) -> None:
        self._write("end", task_id, facts["success"], type(facts["error"]).__name__)

    def post_task_return(self, *, task_id: str, **facts: Any) -> None:
        self._write("return", task_id, facts["success"], type(facts["error"]).__name__)


class Doubling:
    """Doubles what nodes compute, and writes down in which task."""

    def __init__(self, task_id: str, path: Path) -> None:
        self.task_id, self.path = task_id, path

    def __call__(self, node: Node, call: Callable[..., Any], args: Sequence[Any]) -> Any:
        with self.path.open("a") as file:
            file.write(f"{self.task_id} {node.name}\n")
        value = call(*args)
        return 2 * value if node.name == "square" else value


class DoublingIn:
    """Makes `Doubling` for each task; an object, so that it can travel."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, task_id: str) -> Doubling:
        return Doubling(task_id, self.path)
