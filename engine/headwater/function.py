"""One feature function: the record that a live module and a source text both fill."""

from __future__ import annotations

import inspect
import itertools
import linecache
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from headwater.errors import DefinitionError
from headwater.types import Type
from headwater.values import MISSING

if TYPE_CHECKING:
    from headwater.modifiers.base import Modifier

__all__ = [
    "Function",
    "Location",
    "ModuleRecord",
    "Parameter",
    "ParameterKind",
    "as_function",
    "functions_of",
    "read_function",
]

MODIFIERS = "__headwater_modifiers__"
"""Attribute of a decorated function that lists its modifiers, innermost first."""


class ParameterKind(StrEnum):
    """How a parameter takes its argument."""

    POSITIONAL_ONLY = "positional only"
    POSITIONAL_OR_KEYWORD = "positional or keyword"
    VAR_POSITIONAL = "variadic positional"
    KEYWORD_ONLY = "keyword only"
    VAR_KEYWORD = "variadic keyword"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a feature function.

    Attributes:
        name: The column it asks for.
        type: Its annotation; None where there is none.
        kind: How it takes its argument.
        default: The default value, a live object or what the source says; `MISSING` where there is none.
    """

    name: str
    type: Type | None
    kind: ParameterKind = ParameterKind.POSITIONAL_OR_KEYWORD
    default: Any = field(default=MISSING, compare=False)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a function is defined: module, file and lines (from 1, the first line is that of `def`)."""

    module: str
    path: str
    line: int
    end_line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Function:
    """A feature function as it stands in its module.

    Attributes:
        name: Name of the `def`, with its variant suffix (`holidays__uk`).
        location: Where it is defined.
        parameters: Its parameters in order.
        returns: Its return annotation; None where there is none.
        doc: Its docstring, cleaned of indentation; None where there is none.
        modifiers: Its modifiers, innermost first.
        callable: The live function, or None where only the source was read.
        is_async: Whether it is an `async def`.
        partial: Reasons why the record does not say all that the running code would.
    """

    name: str
    location: Location
    parameters: tuple[Parameter, ...]
    returns: Type | None
    doc: str | None = None
    modifiers: tuple[Modifier, ...] = ()
    callable: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    is_async: bool = False
    partial: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Return `path:line: 'name'`, the head of every message about this function."""
        return f"{self.location}: '{self.name}'"


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """A module known from its source: its dotted name and its feature functions, sorted by name."""

    name: str
    functions: tuple[Function, ...]


_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: ParameterKind.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD: ParameterKind.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL: ParameterKind.VAR_POSITIONAL,
    inspect.Parameter.KEYWORD_ONLY: ParameterKind.KEYWORD_ONLY,
    inspect.Parameter.VAR_KEYWORD: ParameterKind.VAR_KEYWORD,
}


def functions_of(module: ModuleType | ModuleRecord) -> Iterator[Function]:
    """Yield the feature functions that a module defines, in the order of their names.

    A function counts when its own name has no leading underscore and it was defined in this module or
    in a submodule of it; what is imported from elsewhere does not. This is Hamilton's rule.

    Raises:
        DefinitionError: An annotation names something that does not exist.
    """
    if isinstance(module, ModuleRecord):
        yield from module.functions
        return
    for _, found in inspect.getmembers(module, inspect.isfunction):
        if found.__name__.startswith("_"):
            continue
        home = found.__module__
        if home == module.__name__ or home.startswith(module.__name__ + "."):
            yield read_function(found)


def read_function(fn: Callable[..., Any]) -> Function:
    """Read the record of one live function.

    Raises:
        DefinitionError: An annotation names something that does not exist.
    """
    location = _locate(fn)
    hints = _hints(fn, location)
    parameters = tuple(
        Parameter(
            name=parameter.name,
            type=Type.of(hints[parameter.name]) if parameter.name in hints else None,
            kind=_KINDS[parameter.kind],
            default=MISSING if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter in inspect.signature(fn).parameters.values()
    )
    return Function(
        name=fn.__name__,
        location=location,
        parameters=parameters,
        returns=Type.of(hints["return"]) if "return" in hints else None,
        doc=inspect.getdoc(fn),
        modifiers=tuple(getattr(fn, MODIFIERS, ())),
        callable=fn,
        is_async=inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn),
    )


def as_function(found: Function | Callable[..., Any]) -> Function:
    """Return the record of a function that is given as an argument of a modifier, live or read from source.

    Raises:
        DefinitionError: It is no function, or an annotation names something that does not exist.
    """
    if isinstance(found, Function):
        return found
    if not inspect.isfunction(found):
        raise DefinitionError(f"{found!r} is no function. Give a function defined with `def`.")
    return read_function(found)


def _locate(fn: Callable[..., Any]) -> Location:
    code = inspect.unwrap(fn).__code__
    end_line = max(line for _, _, line in code.co_lines() if line is not None)
    line = _def_line(code)
    # The body of a function that is only documented has no line of its own.
    return Location(fn.__module__, code.co_filename, line, max(line, end_line))


_DEF = re.compile(r"\s*(async\s+)?def\s")


def _def_line(code: CodeType) -> int:
    # The code of a decorated function begins at its first decorator; the `def` is found in the source.
    first = code.co_firstlineno
    lines = itertools.islice(linecache.getlines(code.co_filename), first - 1, None)
    return next((number for number, line in enumerate(lines, first) if _DEF.match(line)), first)


def _hints(fn: Callable[..., Any], location: Location) -> dict[str, Any]:
    # Most annotations are live objects already; only strings need the module's names to be resolved.
    plain: dict[str, Any] = getattr(fn, "__annotations__", {})
    if not any(map(_holds_text, plain.values())):
        return plain
    try:
        return typing.get_type_hints(fn, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise DefinitionError(
            f"{location}: '{fn.__name__}' has an annotation that cannot be resolved: {error}. "
            "Import the name where the module is loaded, or correct it."
        ) from error


def _holds_text(hint: Any) -> bool:
    if isinstance(hint, (str, typing.ForwardRef)):
        return True
    return any(map(_holds_text, getattr(hint, "__args__", ())))
