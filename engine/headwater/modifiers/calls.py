"""What nodes call where a modifier stands around a function: objects that can be pickled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Grouped", "Keyed", "Then"]


class Then:
    """Calls a function and hands its result to another one; the result of a coroutine once it is there."""

    __slots__ = ("after", "call")

    def __init__(self, call: Callable[..., Any], after: Callable[[Any], Any]) -> None:
        self.call = call
        self.after = after

    def __call__(self, *values: Any) -> Any:
        """Return what the second function makes of the result of the first."""
        result = self.call(*values)
        return self._awaited(result) if isinstance(result, Awaitable) else self.after(result)

    async def _awaited(self, result: Awaitable[Any]) -> Any:
        return self.after(await result)


class Grouped:
    """Calls a function that takes several of the values it is given as one list or dictionary.

    Args:
        call: The function.
        shape: For each of its arguments None where it takes one value, and else how many the list or
            which keys the dictionary has.
    """

    __slots__ = ("call", "shape")

    def __init__(self, call: Callable[..., Any], shape: tuple[int | tuple[str, ...] | None, ...]) -> None:
        self.call = call
        self.shape = shape

    def __call__(self, *values: Any) -> Any:
        """Return what the function makes of the values, put together in its shape."""
        left = iter(values)
        arguments: list[Any] = []
        for part in self.shape:
            if part is None:
                arguments.append(next(left))
            elif isinstance(part, int):
                arguments.append([next(left) for _ in range(part)])
            else:
                arguments.append({key: next(left) for key in part})
        return self.call(*arguments)


class Keyed:
    """Calls a function with the values under the given names."""

    __slots__ = ("call", "names")

    def __init__(self, call: Callable[..., Any], names: tuple[str, ...]) -> None:
        self.call = call
        self.names = names

    def __call__(self, *values: Any) -> Any:
        """Return what the function makes of the values."""
        return self.call(**dict(zip(self.names, values, strict=True)))
