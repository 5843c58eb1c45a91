"""Every error the engine raises, in one tree.

HeadwaterError
├ DefinitionError           a function or a modifier is wrong (also a ValueError)
│ ├ InvalidModifier         a modifier used with arguments that mean nothing
│ ├ MissingAnnotation       a parameter or a result without a type
│ ├ DuplicateNode           one name made in two places
│ ├ TypeMismatch            a node makes another type than its reader asks for
│ ├ Cycle                   nodes that need themselves
│ └ BuildFailed             several of the above, told at once
├ UnknownNode               a name that no node of the graph has (also a KeyError and a ValueError)
├ MissingInput              an execution lacks a value it needs
├ InvalidInput              an input that cannot be taken as given
├ NodeFailed                a feature function raised; the cause is kept
├ CheckFailed               a check of importance "fail" did not hold
└ MissingExtra              an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = [
    "BuildFailed",
    "CheckFailed",
    "Cycle",
    "DefinitionError",
    "DuplicateNode",
    "HeadwaterError",
    "InvalidInput",
    "InvalidModifier",
    "MissingAnnotation",
    "MissingExtra",
    "MissingInput",
    "NodeFailed",
    "TypeMismatch",
    "UnknownNode",
    "add_note",
    "did_you_mean",
    "in_words",
]


def did_you_mean(name: str, known: Iterable[str], limit: int = 3) -> str:
    """Return " Did you mean 'a' or 'b'?" for the known names nearest to `name`, else an empty string."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=limit, cutoff=0.6)
    if not near:
        return ""
    quoted = [repr(found) for found in near]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return f" Did you mean {listed}?"


def in_words(error: BaseException) -> str:
    """Return the class and the message of an exception, whatever its class does when it is asked."""
    try:
        message = str(error)
        return f"{type(error).__name__}: {message}" if message else type(error).__name__
    except Exception as fault:
        return f"{type(error).__name__} (its message cannot be made: {type(fault).__name__})"


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, once: an exception that is raised again still has its notes."""
    try:
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    except Exception:  # noqa: S110, a class that takes no notes must not hide what it tells
        pass


class HeadwaterError(Exception):
    """The root of what the engine raises; it can be pickled, as errors of other processes are."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(class_: type[HeadwaterError], args: tuple[Any, ...], state: dict[str, Any]) -> HeadwaterError:
    # Most of the classes make their message from other arguments, so that they are not called again.
    error = class_.__new__(class_, *args)
    error.__dict__.update(state)
    return error


class DefinitionError(HeadwaterError, ValueError):
    """A feature function or one of its modifiers is wrong."""


class InvalidModifier(DefinitionError):
    """A modifier was given arguments that it cannot use."""


class MissingAnnotation(DefinitionError):
    """A parameter or a return value of a feature function has no type."""


class DuplicateNode(DefinitionError):
    """Two places make a node of the same name."""


class TypeMismatch(DefinitionError):
    """A node makes a type that one of its readers does not accept."""


class Cycle(DefinitionError):
    """Some nodes need themselves; `nodes` names them in order."""

    def __init__(self, message: str, nodes: Sequence[str]) -> None:
        super().__init__(message)
        self.nodes = tuple(nodes)


class BuildFailed(DefinitionError):
    """Several faults of one build; `faults` holds them in the order of the source."""

    def __init__(self, faults: Sequence[DefinitionError]) -> None:
        self.faults = tuple(faults)
        lines = [f"{type(fault).__name__}: {fault}" for fault in self.faults]
        super().__init__(f"{len(lines)} faults in the feature functions:\n- " + "\n- ".join(lines))


class UnknownNode(HeadwaterError, KeyError, ValueError):
    """No node of the graph has the name asked for; `name` keeps it."""

    def __init__(self, name: str, known: Iterable[str], where: str = "this graph") -> None:
        self.name = name
        super().__init__(f"No node '{name}' in {where}.{did_you_mean(name, known)}")

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the message quoted


class MissingInput(HeadwaterError, ValueError):
    """An execution needs external inputs that were not given; `names` lists them."""

    def __init__(self, message: str, names: Sequence[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


class InvalidInput(HeadwaterError, ValueError):
    """An input or override cannot be taken as given."""


class NodeFailed(HeadwaterError):
    """A feature function raised; `node` names it and the cause keeps the exception."""

    def __init__(self, message: str, node: str) -> None:
        super().__init__(message)
        self.node = node


class CheckFailed(HeadwaterError):
    """A check of importance "fail" did not hold; `results` carries the outcomes that failed."""

    def __init__(self, message: str, results: Sequence[object]) -> None:
        super().__init__(message)
        self.results = tuple(results)


class MissingExtra(HeadwaterError, ImportError):
    """An optional package is needed and not installed.

    Args:
        package: What is missing.
        extra: The extra of ours that brings it; empty where none does.
        purpose: What it is needed for, as the beginning of a sentence.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        wanted = f"'headwater[{extra}]'" if extra else package
        super().__init__(f"{purpose} needs {package}. Install it: pip install {wanted}.")
