"""What nodes call where a modifier stands around a function."""

import pickle
from collections.abc import Callable
from functools import partial
from operator import add

import pytest

from headwater.modifiers.calls import Grouped, Keyed, Then
from support.event_loop import run_apart


async def later(number: int) -> int:
    return number + 1


def gathered(listed: list[int], one: int, named: dict[str, int]) -> tuple[list[int], int, dict[str, int]]:
    return listed, one, named


def test_result_is_handed_on() -> None:
    assert Then(add, str)(1, 2) == "3"


def test_result_of_a_coroutine_is_handed_on_once_it_is_there() -> None:
    assert run_apart(Then(later, str)(1)) == "2"


def test_values_are_put_together() -> None:
    call = Grouped(gathered, (2, None, ("a", "b")))

    assert call(1, 2, 3, 4, 5) == ([1, 2], 3, {"a": 4, "b": 5})


@pytest.mark.parametrize(
    ("call", "values"),
    [
        (Then(add, partial(add, 1)), (1, 2)),
        (Grouped(gathered, (1, None, ("a",))), (1, 2, 3)),
        (Keyed(gathered, ("one", "listed", "named")), (1, [2], {})),
    ],
)
def test_calls_can_be_pickled(call: Callable[..., object], values: tuple[object, ...]) -> None:
    assert pickle.loads(pickle.dumps(call))(*values) == call(*values)
