"""Types as the graph knows them: names with arguments, equal for live annotations and for source text."""

from __future__ import annotations

import builtins
import collections.abc
import sys
import types
import typing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

__all__ = [
    "ANY",
    "COLLECT",
    "NONE",
    "PARALLELIZABLE",
    "UNION",
    "Type",
    "accepts",
    "canonical_name",
    "class_of",
    "public_name",
    "union",
]

UNION: Final = "|"
PARALLELIZABLE: Final = "headwater.htypes.Parallelizable"
COLLECT: Final = "headwater.htypes.Collect"
_LIST: Final = "[]"  # the bracketed parameter list inside Callable[[int], str]

# Names that mean the same thing, so that `typing.List[int]` equals `list[int]` and the path where a
# class happens to be defined equals the one under which people import it.
_SYNONYMS: Final[dict[str, str]] = {
    "typing.List": "list",
    "typing.Dict": "dict",
    "typing.Tuple": "tuple",
    "typing.Set": "set",
    "typing.FrozenSet": "frozenset",
    "typing.Type": "type",
    "typing.Text": "str",
    "typing.NoReturn": "typing.Never",
    "typing.DefaultDict": "collections.defaultdict",
    "typing.OrderedDict": "collections.OrderedDict",
    "typing.Counter": "collections.Counter",
    "typing.Deque": "collections.deque",
    "pandas.core.series.Series": "pandas.Series",
    "pandas.core.frame.DataFrame": "pandas.DataFrame",
    "pandas.core.indexes.base.Index": "pandas.Index",
    "pandera.typing.pandas.DataFrame": "pandera.typing.DataFrame",
    "pandera.typing.pandas.Series": "pandera.typing.Series",
    "_io.BufferedReader": "io.BufferedReader",
    "_io.BytesIO": "io.BytesIO",
    "_io.StringIO": "io.StringIO",
    "_io.TextIOWrapper": "io.TextIOWrapper",
    "numpy.bool_": "numpy.bool",
    "numpy.double": "numpy.float64",
    "numpy.single": "numpy.float32",
    "polars.series.series.Series": "polars.Series",
    "polars.dataframe.frame.DataFrame": "polars.DataFrame",
    "polars.lazyframe.frame.LazyFrame": "polars.LazyFrame",
    "pyarrow.lib.Table": "pyarrow.Table",
}
for _name in collections.abc.__all__:
    # `typing.Set` is the builtin set, unlike `collections.abc.Set`; what is named above stays.
    _SYNONYMS.setdefault(f"typing.{_name}", f"collections.abc.{_name}")
_SYNONYMS.update(
    (f"typing_extensions.{name}", f"typing.{name}")
    for name in ("Annotated", "Literal", "TypedDict", "Self", "Never", "Any")
)
for _marker in (PARALLELIZABLE, COLLECT):
    _short = _marker.rpartition(".")[2]
    _SYNONYMS.update((f"{package}.{_short}", _marker) for package in ("hamilton.htypes", "headwater"))


@dataclass(frozen=True, slots=True)
class Type:
    """A type: a dotted name and its arguments.

    Attributes:
        name: Canonical dotted name (`pandas.Series`, `int`, `None`), `|` for a union, or the source
            text of an annotation that names nothing known.
        args: Type arguments; for `Literal` each is named by the `repr` of its value.
        live: The Python object, where the code was imported; not part of equality.
    """

    name: str
    args: tuple[Type, ...] = ()
    live: Any = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        if self.name == UNION:
            return " | ".join(map(str, self.args))
        inner = ", ".join(map(str, self.args))
        if self.name == _LIST:
            return f"[{inner}]"
        return f"{self.name}[{inner}]" if self.args else self.name

    @classmethod
    def of(cls, annotation: Any) -> Type:
        """Return the type that a live annotation stands for."""
        try:
            return _of_hashable(annotation)
        except TypeError:  # Annotated and Literal may carry unhashable values
            return _of(annotation)

    @classmethod
    def named(cls, name: str, *args: Type) -> Type:
        """Return the type of a dotted name, with synonyms resolved and unions flattened."""
        name = canonical_name(name)
        if name == "typing.Optional":
            return union(*args, NONE)
        if name == "typing.Union":
            return union(*args)
        if name == "typing.Annotated":
            return cls(name, args[:1])
        return cls(name, args)


ANY: Final = Type("typing.Any")
NONE: Final = Type("None", live=type(None))


def canonical_name(name: str) -> str:
    """Return the one name under which a class is known here."""
    return _SYNONYMS.get(name, name)


def union(*members: Type) -> Type:
    """Return the union of types, flattened, sorted and without repetition; one member is itself."""
    flat: dict[Type, None] = {}
    for member in members:
        flat.update(dict.fromkeys(member.args if member.name == UNION else (member,)))
    # Python holds int | str and str | int for equal and may hand out either for both, so the order in
    # the source cannot be kept.
    ordered = sorted(flat, key=lambda member: (member == NONE, str(member)))
    return ordered[0] if len(ordered) == 1 else Type(UNION, tuple(ordered))


def public_name(obj: Any) -> str:
    """Return the dotted name of a live class or function, by the shortest package that exports it."""
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None) or str(obj)
    module = getattr(obj, "__module__", None) or ""
    if module == "builtins":
        return str(name)
    parts = module.split(".")
    for end in range(1, len(parts)):
        package = sys.modules.get(".".join(parts[:end]))
        if package is not None and vars(package).get(name) is obj:
            module = ".".join(parts[:end])
            break
    return canonical_name(f"{module}.{name}" if module else str(name))


@lru_cache(maxsize=4096)
def _of_hashable(annotation: Any) -> Type:
    return _of(annotation)


def _of(annotation: Any) -> Type:
    if annotation is None or annotation is type(None):
        return NONE
    if annotation is Any:
        return ANY
    if annotation is ...:
        return Type("...")
    if isinstance(annotation, list):
        return Type(_LIST, tuple(_of(item) for item in annotation))
    if isinstance(annotation, typing.TypeVar):
        return Type(f"~{annotation.__name__}", live=annotation)
    if isinstance(annotation, str):
        return Type(annotation)
    return _generic(annotation)


def _generic(annotation: Any) -> Type:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return Type(_bare_name(annotation), live=annotation)
    if origin in (typing.Union, types.UnionType):
        return union(*(Type.of(arg) for arg in args))
    if origin is typing.Literal:
        return Type("typing.Literal", tuple(Type(repr(arg)) for arg in args), annotation)
    if origin is typing.Annotated:
        return Type("typing.Annotated", (Type.of(args[0]),), annotation)
    return Type(public_name(origin), tuple(Type.of(arg) for arg in args), annotation)


def _bare_name(annotation: Any) -> str:
    # `typing.List` without arguments has no __qualname__ of its own in every Python; its repr is stable.
    text = str(annotation)
    return canonical_name(text) if text.startswith("typing.") else public_name(annotation)


def accepts(wanted: Type, produced: Type) -> bool | None:
    """Tell whether a parameter of type `wanted` takes a value of type `produced`.

    The rules are Hamilton's: equal types, `Any` on either side, subclasses, a union that has an
    accepting member; generic arguments must be equal where both sides give them. For `NewType` and type
    variables, which Hamilton takes for nothing but themselves, they are those of type checkers.

    Returns:
        True or False, and None where the classes are known by name only and nothing can be said.
    """
    if wanted == produced or ANY in (wanted, produced):
        return True
    if wanted.name == "typing.Annotated":
        return accepts(wanted.args[0], produced)
    if produced.name == "typing.Annotated":
        return accepts(wanted, produced.args[0])
    # Each element of a Parallelizable goes to a call of its own, and a Collect gathers what such calls make.
    if produced.name == PARALLELIZABLE and produced.args:
        return accepts(wanted, produced.args[0])
    if wanted.name == COLLECT and wanted.args:
        return accepts(wanted.args[0], produced)
    if wanted.name == UNION:
        return _any_of([accepts(member, produced) for member in wanted.args])
    if isinstance(wanted.live, typing.TypeVar):
        bounds = _bounds(wanted.live)
        return _any_of([accepts(bound, produced) for bound in bounds]) if bounds else True
    if isinstance(produced.live, typing.TypeVar):
        # Which of them it stands for follows from the arguments of a call, which are not looked at.
        verdicts = [accepts(wanted, bound) for bound in _bounds(produced.live)] or [None]
        return False if False in verdicts else None if None in verdicts else True
    if isinstance(produced.live, typing.NewType):
        return accepts(wanted, Type.of(produced.live.__supertype__))
    if produced.name == UNION or isinstance(wanted.live, typing.NewType):
        return False
    return _accepts_class(wanted, produced)


def _bounds(variable: typing.TypeVar) -> list[Type]:
    bound = () if variable.__bound__ is None else (variable.__bound__,)
    return [Type.of(each) for each in variable.__constraints__ or bound]


def _any_of(verdicts: list[bool | None]) -> bool | None:
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _accepts_class(wanted: Type, produced: Type) -> bool | None:
    if wanted.name != produced.name:
        upper, lower = class_of(wanted), class_of(produced)
        if upper is None or lower is None:
            return None
        try:
            if not issubclass(lower, upper):
                return False
        except TypeError:  # protocols with data members answer no questions about classes
            return None
    if wanted.args and produced.args:
        return wanted.args == produced.args
    return True


def class_of(of: Type) -> type | None:
    """Return the class of a type, where it is live or one that every Python has."""
    live = typing.get_origin(of.live) or of.live
    if isinstance(live, type):
        return live
    module, _, name = of.name.rpartition(".")
    if module == "collections.abc":
        found = getattr(collections.abc, name, None)
    elif module:
        return None
    else:
        found = type(None) if name == "None" else getattr(builtins, name, None)
    return found if isinstance(found, type) else None
