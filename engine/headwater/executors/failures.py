"""Exceptions on their way from one process to another, where their classes need not survive pickling."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headwater.errors import HeadwaterError, add_note, in_words

__all__ = ["Failure", "Unmet"]


class Unmet(HeadwaterError):
    """A task was not run, since one that it reads from failed; what is to be told is that other failure."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception as data.

    Attributes:
        pickled: The class, arguments and attributes of the exception, or of its nearest kin that can travel.
        trace: The traceback in the other process, as text.
        cause: What it was raised from.
    """

    pickled: bytes
    trace: str
    cause: Failure | None = None

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an exception and its causes."""
        cause = None if error.__cause__ is None else cls.of(error.__cause__)
        trace = "".join(traceback.format_tb(error.__traceback__))
        return cls(_pickled(error), trace, cause)

    def revive(self) -> BaseException:
        """Return an exception of the same class that says the same, with the other process's traceback."""
        error = _unpickled(self.pickled)
        if self.cause is not None:
            error.__cause__ = self.cause.revive()
        else:
            add_note(error, f"In the worker process:\n{self.trace.rstrip()}")
        return error


def _pickled(error: BaseException) -> bytes:
    for described in _descriptions(error):
        try:
            pickled = pickle.dumps(described)
            told = in_words(_unpickled(pickled))
            if described is not error or told == in_words(error):
                return pickled
        except Exception:  # noqa: S112, whatever hinders it, the next description is plainer
            continue
    return pickle.dumps(Exception(in_words(error)))


def _descriptions(error: BaseException) -> Iterator[Any]:
    """Yield how an exception can be told, the most faithful way first."""
    yield error
    kind = type(error)
    yield kind, error.args, vars(error)
    yield kind, (in_words(error).partition(": ")[2],), {}
    for base in kind.__mro__[1:]:
        if issubclass(base, BaseException):
            yield base, (in_words(error),), {}


def _unpickled(pickled: bytes) -> BaseException:
    found = pickle.loads(pickled)  # noqa: S301, it comes from our own worker
    if isinstance(found, BaseException):
        return found
    kind, args, attributes = found
    # Not by calling the class: many take other arguments than those that the exception keeps.
    error: BaseException = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(attributes)
    return error
