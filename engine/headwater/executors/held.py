"""Values that stay where they were computed, and what stands for them here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.executors.base import TaskExecutor

__all__ = ["Gathered", "Held", "fetched", "gathered", "held_in", "replaced"]


class Held:
    """A value that an executor keeps elsewhere, in the place of the value itself.

    It goes from task to task as the value would; the executor that keeps the value gets it as an input, every
    other one gets the value. The value may be let go when nothing refers to its `Held` any more.

    Attributes:
        executor: Who keeps the value, and can `fetch` it.
        reference: What the executor knows it by.
        summary: Type and shape of the value in a few words, as hooks are shown it; empty while unknown.
        is_pending: Whether the task that makes the value may still be running: an execution sets it to False
            once the task is done.
    """

    __slots__ = ("__weakref__", "executor", "is_pending", "reference", "summary")

    def __init__(
        self, executor: TaskExecutor, reference: Any, summary: str = "", *, is_pending: bool = False
    ) -> None:
        """Take who keeps what."""
        self.executor = executor
        self.reference = reference
        self.summary = summary
        self.is_pending = is_pending

    def __repr__(self) -> str:
        return f"<held by {type(self.executor).__name__}: {self.summary or 'not computed yet'}>"


class Gathered(list[Any]):
    """A list of which some elements are held: `Held`, or lists of this kind again.

    What a fan-out gathers, and the elements of a fan-out that was made elsewhere, are such lists. Feature
    functions never see one: where the values are put in, it becomes a plain list.
    """


def held_in(value: Any) -> Iterator[Held]:
    """Yield what is held in the place of a value, or inside of what was gathered."""
    if isinstance(value, Held):
        yield value
    elif isinstance(value, Gathered):
        for element in value:
            yield from held_in(element)


def replaced(value: Any, replace: Callable[[Held], Any]) -> Any:
    """Return a value with something in the place of everything that is held.

    Gathered lists become plain, unless something in them is held still.
    """
    if isinstance(value, Held):
        return replace(value)
    if isinstance(value, Gathered):
        return gathered([replaced(element, replace) for element in value])
    return value


def gathered(values: list[Any]) -> list[Any]:
    """Return a list that says of itself whether something in it is held."""
    return Gathered(values) if any(isinstance(value, (Held, Gathered)) for value in values) else values


def fetched(values: Iterable[Any], keeper: object = None) -> list[Any]:
    """Return values with everything that is held brought home, in one call for each executor.

    Args:
        values: Values, some of them held.
        keeper: The executor that the values are for: what it holds itself stays there.

    Raises:
        NodeFailed: A value could not be had.
    """
    values = list(values)
    by_executor: dict[int, tuple[TaskExecutor, dict[int, Held]]] = {}
    for value in values:
        for held in held_in(value):
            if held.executor is keeper:
                continue
            _, wanted = by_executor.setdefault(id(held.executor), (held.executor, {}))
            wanted[id(held)] = held
    found: dict[int, Any] = {}
    for executor, wanted in by_executor.values():
        found.update(zip(wanted, executor.fetch(list(wanted.values())), strict=True))
    if not found:
        return values
    return [replaced(value, lambda held: found.get(id(held), held)) for value in values]
