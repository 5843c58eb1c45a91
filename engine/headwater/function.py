"""One feature function: the record that a live module and a source text both fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from enum import StrEnum
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, ForwardRef, get_type_hints

from headwater.errors import DefinitionError
from headwater.record import record
from headwater.types import ANY, Type
from headwater.values import MISSING

if TYPE_CHECKING:
    from headwater.modifiers.base import Modifier

__all__ = [
    "Argument",
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


_NAMED = ParameterKind.POSITIONAL_OR_KEYWORD, ParameterKind.KEYWORD_ONLY


@record
class Argument:
    """What a node's callable receives in one position.

    Attributes:
        parameter: Name of the function's parameter.
        type: The type that the parameter asks for.
        node: Name of the node that supplies the value; None for a literal.
        value: The literal, or the default taken where no such node exists; `MISSING` if required.
    """

    parameter: str
    type: Type
    node: str | None
    value: Any = field(default=MISSING, compare=False)

    @property
    def is_optional(self) -> bool:
        """Tell whether the graph may lack the node."""
        return self.node is not None and self.value is not MISSING


@record
class Parameter:
    """A parameter of a feature function.

    Attributes:
        name: The column it asks for.
        type: Its annotation; None where there is none.
        kind: How it takes its argument.
        default: The default value, a live object or what the source says; `MISSING` where there is none.
        argument: What a plain node of the function receives for it; None where it cannot name a node.
    """

    name: str
    type: Type | None
    kind: ParameterKind = ParameterKind.POSITIONAL_OR_KEYWORD
    default: Any = field(default=MISSING, compare=False)
    argument: Argument | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Make the argument, which features that read the same column then share."""
        fits = self.type is not None and self.kind in _NAMED
        made = Argument(self.name, self.type or ANY, self.name, self.default) if fits else None
        self.argument = made  # type: ignore[misc]


class Location:
    """Where a function is defined: module, file and lines (from 1, the first line is that of `def`)."""

    __slots__ = ("_code", "_end_line", "_line", "module", "path")

    def __init__(
        self, module: str, path: str, line: int, end_line: int, code: CodeType | None = None
    ) -> None:
        """Hold lines that are known; those of live code are looked up when they are asked for."""
        self.module = module
        self.path = path
        self._line = line
        self._end_line = end_line
        self._code = code

    @property
    def line(self) -> int:
        """The line of `def`."""
        return self._lines()[0]

    @property
    def end_line(self) -> int:
        """The last line of the body."""
        return self._lines()[1]

    def _lines(self) -> tuple[int, int]:
        code = self._code
        if code is not None:
            self._line = _def_line(code)
            # The body of a function that is only documented has no line of its own.
            last = max(line for _, _, line in code.co_lines() if line is not None)
            self._end_line = max(self._line, last)
            self._code = None  # only now, since other threads may ask meanwhile
        return self._line, self._end_line

    def __reduce__(self) -> tuple[Any, ...]:
        return Location, (self.module, self.path, *self._lines())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Location):
            return NotImplemented
        return (self.module, self.path, *self._lines()) == (other.module, other.path, *other._lines())

    def __hash__(self) -> int:
        return hash((self.module, self.path, self.line))

    def __repr__(self) -> str:
        return f"Location({self.module!r}, {self.path!r}, {self.line}, {self.end_line})"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@record
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


@record
class ModuleRecord:
    """A module known from its source: its dotted name and its feature functions, sorted by name."""

    name: str
    functions: tuple[Function, ...]


def functions_of(
    module: ModuleType | ModuleRecord, faults: list[DefinitionError] | None = None
) -> Iterator[Function]:
    """Yield the feature functions that a module defines, in the order of their names.

    A function counts when its own name has no leading underscore and it was defined in this module or
    in a submodule of it; what is imported from elsewhere does not. This is Hamilton's rule.

    Args:
        module: A live module, or what was read of one.
        faults: Where faults go, so that the functions after a wrong one are read all the same; without it
            the first is raised.

    Raises:
        DefinitionError: An annotation names something that does not exist.
    """
    if isinstance(module, ModuleRecord):
        yield from module.functions
        return
    home, inside = module.__name__, module.__name__ + "."
    read = _Reader().read
    for _, found in sorted(
        [item for item in vars(module).items() if isinstance(item[1], FunctionType)], key=_by_name
    ):
        if not found.__name__.startswith("_"):
            defined = found.__module__ or ""
            if defined == home or defined.startswith(inside):
                try:
                    yield read(found)
                except DefinitionError as fault:
                    if faults is None:
                        raise
                    faults.append(fault)


def _by_name(item: tuple[str, Any]) -> str:
    return item[0]


def read_function(fn: Callable[..., Any]) -> Function:
    """Read the record of one live function.

    Raises:
        DefinitionError: An annotation names something that does not exist.
    """
    return _Reader().read(fn)


def as_function(found: Function | Callable[..., Any]) -> Function:
    """Return the record of a function that is given as an argument of a modifier, live or read from source.

    Raises:
        DefinitionError: It is no function, or an annotation names something that does not exist.
    """
    if isinstance(found, Function):
        return found
    if not isinstance(found, FunctionType):
        raise DefinitionError(f"{found!r} is no function. Give a function defined with `def`.")
    return read_function(found)


_COROUTINE, _ASYNC_GENERATOR, _VARIADIC = 0x80, 0x200, 0x0C


class _Reader:
    """Reads live functions. What they have in common is made once: equal parameters and annotations.

    `inspect.signature` and `typing.get_type_hints` take 20 times as long as a look at the code object, so
    they are asked only where the code object does not tell all.
    """

    def __init__(self) -> None:
        # Annotations are kept beside what is made of them, since ids are used again once objects are gone.
        self._parameters: dict[str, tuple[Parameter, Any]] = {}
        self._types: dict[int, tuple[Type, Any]] = {}
        self._evaluated: dict[tuple[int, str], Any] = {}

    def read(self, fn: Callable[..., Any]) -> Function:
        code = fn.__code__
        extra = fn.__dict__
        plain = not (code.co_flags & _VARIADIC or code.co_kwonlyargcount or code.co_posonlyargcount)
        if extra and ("__wrapped__" in extra or "__signature__" in extra):
            plain = False
            defined = _code_within(fn)
        else:
            defined = code
        location = Location(fn.__module__, defined.co_filename, 0, 0, defined)
        hints = self._hints(fn, location)
        parameters = self._plain(fn, code, hints) if plain else _signature(fn, hints, location)
        returns = hints.get("return", MISSING)
        return Function(
            fn.__name__,
            location,
            parameters,
            None if returns is MISSING else self._type(returns),
            None if fn.__doc__ is None else _cleaned(fn.__doc__),
            tuple(extra.get(MODIFIERS, ())) if extra else (),
            fn,
            code.co_flags & (_COROUTINE | _ASYNC_GENERATOR) != 0,
        )

    def _plain(
        self, fn: Callable[..., Any], code: CodeType, hints: Mapping[str, Any]
    ) -> tuple[Parameter, ...]:
        names = code.co_varnames[: code.co_argcount]
        defaults = getattr(fn, "__defaults__", None) or ()
        required = len(names) - len(defaults)
        made = []
        for name in names[:required]:
            hint = hints.get(name, MISSING)
            known = self._parameters.get(name)
            # Who reads a column reads it as one type, nearly always.
            if known is None or known[1] is not hint:
                known = Parameter(name, None if hint is MISSING else self._type(hint)), hint
                self._parameters[name] = known
            made.append(known[0])
        for name, default in zip(names[required:], defaults, strict=True):
            hint = hints.get(name, MISSING)
            type_ = None if hint is MISSING else self._type(hint)
            made.append(Parameter(name, type_, ParameterKind.POSITIONAL_OR_KEYWORD, default))
        return tuple(made)

    def _type(self, hint: Any) -> Type:
        known = self._types.get(id(hint))
        if known is None:
            known = Type.of(hint), hint
            self._types[id(hint)] = known
        return known[0]

    def _hints(self, fn: Callable[..., Any], location: Location) -> Mapping[str, Any]:
        # Most annotations are live objects already; only strings need the module's names to be resolved.
        annotations: dict[str, Any] = fn.__annotations__
        for hint in annotations.values():
            if not isinstance(hint, type) and _holds_text(hint):
                return self._resolved(fn, annotations, location)
        return annotations

    def _resolved(
        self, fn: Callable[..., Any], annotations: Mapping[str, Any], location: Location
    ) -> Mapping[str, Any]:
        try:
            if getattr(fn, "__type_params__", ()) or hasattr(fn, "__wrapped__"):
                return get_type_hints(fn, include_extras=True)
            names = fn.__globals__
            found = {name: self._evaluate(hint, names) for name, hint in annotations.items()}
            if any(map(_holds_text, found.values())):
                return get_type_hints(fn, include_extras=True)
        except Exception as error:
            raise DefinitionError(
                f"{location}: '{fn.__name__}' has an annotation that cannot be resolved: {error}. "
                "Import the name where the module is loaded, or correct it."
            ) from error
        return found

    def _evaluate(self, hint: Any, names: dict[str, Any]) -> Any:
        # A module names few types many times, so that each text is evaluated once.
        if not isinstance(hint, str):
            return hint
        key = (id(names), hint)
        if key not in self._evaluated:
            self._evaluated[key] = eval(hint, names)  # noqa: S307, as typing.get_type_hints does
        return self._evaluated[key]


def _signature(fn: Callable[..., Any], hints: Mapping[str, Any], location: Location) -> tuple[Parameter, ...]:
    import inspect

    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError) as error:
        raise DefinitionError(
            f"{location}: '{fn.__name__}' has no signature that can be read: {error}. Let its decorators use "
            "functools.wraps on a plain function."
        ) from error
    return tuple(
        Parameter(
            name=parameter.name,
            type=Type.of(hints[parameter.name]) if parameter.name in hints else None,
            kind=ParameterKind(parameter.kind.description.replace("-", " ")),
            default=MISSING if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter in parameters
    )


def _code_within(fn: Callable[..., Any]) -> CodeType:
    """Return the code of the function inside the decorators; what they wrap may also be no function."""
    import inspect

    try:
        code: CodeType = inspect.unwrap(fn).__code__
    except (AttributeError, ValueError):
        code = fn.__code__
    return code


def _cleaned(doc: Any) -> str | None:
    """Return a docstring without its indentation, as `inspect.getdoc` does."""
    if not isinstance(doc, str):
        return None
    if "\n" in doc:
        import inspect

        return inspect.cleandoc(doc)
    return doc.expandtabs().lstrip()


def _def_line(code: CodeType) -> int:
    # The code of a decorated function begins at its first decorator; the `def` is found in the source.
    import linecache

    first = code.co_firstlineno
    lines = [] if code.co_name == "<lambda>" else linecache.getlines(code.co_filename)
    for number in range(first, len(lines) + 1):
        words = lines[number - 1].split(maxsplit=2)
        if words[:1] == ["def"] or words[:2] == ["async", "def"]:
            return number
    return first


def _holds_text(hint: Any) -> bool:
    if isinstance(hint, (str, ForwardRef)):
        return True
    args = getattr(hint, "__args__", None)
    return isinstance(args, tuple) and any(map(_holds_text, args))
