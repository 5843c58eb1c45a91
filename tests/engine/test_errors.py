"""The errors themselves; each message is tested where it arises."""

import pickle

import pytest

from headwater import errors
from headwater.errors import (
    BuildFailed,
    CheckFailed,
    Cycle,
    DefinitionError,
    HeadwaterError,
    MissingExtra,
    MissingInput,
    NodeFailed,
    UnknownNode,
    add_note,
    did_you_mean,
    in_words,
)


def test_every_error_is_a_headwater_error_and_named_in_the_tree() -> None:
    found = [obj for obj in vars(errors).values() if isinstance(obj, type) and issubclass(obj, Exception)]

    assert found
    for error in found:
        assert issubclass(error, HeadwaterError)
        assert error.__name__ in errors.__doc__


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("DefinitionError", ValueError),
        ("UnknownNode", KeyError),
        ("MissingInput", ValueError),
        ("InvalidInput", ValueError),
        ("MissingExtra", ImportError),
    ],
)
def test_error_is_caught_by_who_expects_the_builtin_one(name: str, builtin: type[Exception]) -> None:
    assert issubclass(getattr(errors, name), builtin)


def test_nearest_names_are_offered_and_far_ones_are_not() -> None:
    assert did_you_mean("spent", ["spend", "signups"]) == " Did you mean 'spend'?"
    assert did_you_mean("spend", ["spend_a", "spend_b"]) in (
        " Did you mean 'spend_a' or 'spend_b'?",
        " Did you mean 'spend_b' or 'spend_a'?",
    )
    assert did_you_mean("spend", ["holidays"]) == ""
    assert did_you_mean("spend", []) == ""


def test_unknown_node_reads_as_a_sentence() -> None:
    assert str(UnknownNode("spent", ["spend"])) == "No node 'spent' in this graph. Did you mean 'spend'?"


def test_missing_extra_says_how_to_install() -> None:
    assert str(MissingExtra("pyarrow", "parquet", "Reading Parquet")) == (
        "Reading Parquet needs pyarrow. Install it: pip install 'headwater[parquet]'."
    )


@pytest.mark.parametrize(
    "error",
    [
        UnknownNode("spedn", ["spend"]),
        MissingInput("'x' is missing", ["x"]),
        Cycle("a → b → a", ["a", "b", "a"]),
        BuildFailed([DefinitionError("first"), DefinitionError("second")]),
        NodeFailed("it failed", "spend"),
        CheckFailed("it did not hold", [1]),
        MissingExtra("ray", "ray", "This executor"),
    ],
)
def test_error_survives_the_way_from_another_process(error: HeadwaterError) -> None:
    error.add_note("in worker 3")

    there = pickle.loads(pickle.dumps(error))

    assert type(there) is type(error)
    assert str(there) == str(error)
    assert {k: str(v) for k, v in vars(there).items()} == {k: str(v) for k, v in vars(error).items()}


class Mute(ValueError):
    """Says nothing and takes nothing."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    def add_note(self, note: str) -> None:
        raise RuntimeError("no notes")


def test_exception_is_told_whatever_it_does_when_it_is_asked() -> None:
    assert in_words(ValueError("wrong")) == "ValueError: wrong"
    assert in_words(Mute()) == "Mute (its message cannot be made: RuntimeError)"


def test_note_is_added_once_and_refused_in_silence() -> None:
    error, mute = ValueError(), Mute()
    for _ in range(2):
        add_note(error, "here")
        add_note(mute, "here")

    assert error.__notes__ == ["here"]
    assert not hasattr(mute, "__notes__")


def test_exception_without_a_message_is_told_by_its_class() -> None:
    assert in_words(StopIteration()) == "StopIteration"
