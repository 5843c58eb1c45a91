import pytest

from headwater.errors import HeadwaterError
from headwater.executors import SynchronousLocalTaskExecutor
from headwater.executors.held import Gathered, Held, fetched, held_in, replaced


class Keeper(SynchronousLocalTaskExecutor):
    """Keeps values in a dictionary."""

    def __init__(self, **values):
        super().__init__()
        self.values = values
        self.fetches = []

    def held(self, name):
        return Held(self, name, "int")

    def fetch(self, held):
        self.fetches.append([each.reference for each in held])
        return [self.values[each.reference] for each in held]


def test_values_are_brought_home_in_one_call_for_each_executor():
    one, two = Keeper(a=1, b=2), Keeper(a=10)
    a, b, other = one.held("a"), one.held("b"), two.held("a")

    assert fetched([a, 5, Gathered([b, a, Gathered([other])]), [a]]) == [1, 5, [2, 1, [10]], [a]]
    assert (one.fetches, two.fetches) == ([["a", "b"]], [["a"]])


def test_what_is_here_already_needs_no_call():
    assert fetched([1, [2]]) == [1, [2]]


def test_gathered_values_become_plain_lists():
    keeper = Keeper()
    value = Gathered([keeper.held("a"), Gathered([keeper.held("b")]), 3])

    assert [held.reference for held in held_in(value)] == ["a", "b"]
    plain = replaced(value, lambda held: held.reference)
    assert plain == ["a", ["b"], 3] and type(plain) is list and type(plain[1]) is list


def test_shows_what_it_stands_for():
    assert repr(Keeper().held("a")) == "<held by Keeper: int>"
    assert repr(Held(Keeper(), "a", is_pending=True)) == "<held by Keeper: not computed yet>"


def test_an_executor_that_holds_nothing_says_so():
    executor = SynchronousLocalTaskExecutor()

    assert executor.hold([1, "two"]) == [1, "two"]
    with pytest.raises(HeadwaterError, match="SynchronousLocalTaskExecutor holds no values"):
        fetched([Held(executor, "a")])
