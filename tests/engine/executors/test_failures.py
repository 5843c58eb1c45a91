"""Exceptions that come back from another process as what they were."""

import pickle

import pytest

from headwater.errors import MissingInput, NodeFailed, UnknownNode
from headwater.executors.failures import Failure


def _sent(error: BaseException) -> BaseException:
    """Return what arrives of an exception that was raised elsewhere."""
    try:
        raise error
    except BaseException as raised:
        pickled = pickle.dumps(Failure.of(raised))
    return pickle.loads(pickled).revive()


class Picky(ValueError):
    """Takes other arguments than it keeps."""

    def __init__(self, code: int, *, hint: str) -> None:
        super().__init__(f"code {code}: {hint}")
        self.code = code


class Wordy(ValueError):
    """Makes its message from its argument, which repeating it would do twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no {name}")


class Holding(ValueError):
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("it holds a function")
        self.held = lambda: None


@pytest.mark.parametrize(
    "error",
    [
        ValueError("plain"),
        KeyError("key"),
        FileNotFoundError(2, "No such file", "data.csv"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        Picky(3, hint="try again"),
        Wordy("name"),
        Holding(),
        NodeFailed("it failed", "node"),
        UnknownNode("a", ["b"]),
        MissingInput("an input is missing", ["a"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_class_and_words_are_kept(error):
    arrived = _sent(error)

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)


def test_attributes_are_kept():
    assert _sent(Picky(3, hint="try again")).code == 3
    assert _sent(NodeFailed("it failed", "spend")).node == "spend"
    assert _sent(MissingInput("an input is missing", ["a"])).names == ("a",)


def test_a_class_that_exists_only_there_arrives_as_its_base():
    class Local(LookupError):
        pass

    arrived = _sent(Local("gone"))

    assert type(arrived) is LookupError
    assert str(arrived).endswith("Local: gone")


def test_the_cause_comes_along():
    error = NodeFailed("it failed", "spend")
    error.__cause__ = Picky(1, hint="no")

    cause = _sent(error).__cause__

    assert isinstance(cause, Picky) and cause.code == 1


def test_the_place_in_the_other_process_is_noted():
    arrived = _sent(ValueError("plain"))

    assert "In the worker process:" in arrived.__notes__[0]
    assert "test_failures.py" in arrived.__notes__[0]


def test_notes_are_kept():
    error = ValueError("plain")
    error.add_note("look at the data")

    assert _sent(error).__notes__[0] == "look at the data"


class Mute(ValueError):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_exception_that_cannot_be_told_arrives_as_what_it_was():
    assert type(_sent(Mute(1))) is Mute
