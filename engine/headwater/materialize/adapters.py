"""What a data loader and a data saver are: dataclasses whose fields are the arguments people give."""

from __future__ import annotations

import abc
import dataclasses
import functools
import typing
from collections.abc import Collection, Iterable
from typing import Any

from headwater.errors import InvalidModifier
from headwater.live_types import live_type
from headwater.types import ANY, UNION, Type, accepts, class_of, union
from headwater.values import MISSING

__all__ = [
    "AdapterArgument",
    "AdapterCommon",
    "DataLoader",
    "DataSaver",
    "any_of",
    "arguments_of",
    "loads",
    "saves",
]


class AdapterCommon(abc.ABC):
    """What loaders and savers have in common; subclasses are dataclasses."""

    @classmethod
    @abc.abstractmethod
    def applicable_types(cls) -> Collection[Any]:
        """Return the types that this adapter loads or saves; `typing.Any` for all of them."""

    @classmethod
    @abc.abstractmethod
    def applies_to(cls, type_: Any) -> bool:
        """Tell whether this adapter can be used for a type."""

    @classmethod
    @abc.abstractmethod
    def name(cls) -> str:
        """Return the key of the format, as in `load_from.<key>`."""

    @classmethod
    def fits(cls, type_: Type) -> bool | None:
        """Tell whether this adapter can be used for a type of the graph.

        Returns:
            True or False, and None where the type is known by its name only and nothing can be said.
        """
        live = live_type(type_)
        return None if isinstance(live, str) else cls.applies_to(live)

    @classmethod
    def takes_anything(cls) -> bool:
        """Tell whether this adapter can be used where no other applies."""
        return Any in cls.applicable_types()

    @classmethod
    def get_required_arguments(cls) -> dict[str, Any]:
        """Return the annotations of the arguments that must be given, by name."""
        return {name: found.annotation for name, found in arguments_of(cls).items() if found.is_required}

    @classmethod
    def get_optional_arguments(cls) -> dict[str, Any]:
        """Return the annotations of the arguments that have a default, by name."""
        return {name: found.annotation for name, found in arguments_of(cls).items() if not found.is_required}

    @classmethod
    def can_load(cls) -> bool:
        """Tell whether this is a loader."""
        return False

    @classmethod
    def can_save(cls) -> bool:
        """Tell whether this is a saver."""
        return False


class DataLoader(AdapterCommon):
    """Loads data; the format of `load_from.<key>` and `from_.<key>` where it applies to the type wanted."""

    @abc.abstractmethod
    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Return the data, as the given type, and what is known about where it came from."""

    @classmethod
    def applies_to(cls, type_: Any) -> bool:
        """Tell whether what is loaded can be handed to a parameter of a type."""
        wanted = Type.of(type_)
        return any(loads(wanted, Type.of(made)) for made in cls.applicable_types())

    @classmethod
    def can_load(cls) -> bool:
        """Say that this is a loader."""
        return True


class DataSaver(AdapterCommon):
    """Saves data; the format of `save_to.<key>` and `to.<key>` where it applies to the type of the node."""

    @abc.abstractmethod
    def save_data(self, data: Any) -> dict[str, Any]:
        """Save the data and return what is known about where it went."""

    @classmethod
    def applies_to(cls, type_: Any) -> bool:
        """Tell whether a value of a type can be saved."""
        return saves([Type.of(taken) for taken in cls.applicable_types()], Type.of(type_)) is True

    @classmethod
    def can_save(cls) -> bool:
        """Say that this is a saver."""
        return True


@dataclasses.dataclass(frozen=True, slots=True)
class AdapterArgument:
    """An argument of a loader or saver.

    Attributes:
        annotation: Its annotation, a live object.
        default: Its default; `MISSING` where it must be given.
    """

    annotation: Any
    default: Any

    @property
    def is_required(self) -> bool:
        """Tell whether it must be given."""
        return self.default is MISSING

    @property
    def type(self) -> Type:
        """The type that it asks for."""
        return Type.of(self.annotation)


@functools.lru_cache(maxsize=512)
def arguments_of(adapter: Any) -> dict[str, AdapterArgument]:
    """Return the arguments of a loader or saver by name, in their order.

    Raises:
        InvalidModifier: The class is no dataclass, or one of its annotations names something unknown.
    """
    name = adapter.__qualname__
    if not dataclasses.is_dataclass(adapter):
        raise InvalidModifier(
            f"{name} is no dataclass, so its arguments are not known. Decorate it with @dataclass."
        )
    try:
        hints = typing.get_type_hints(adapter)
    except (NameError, AttributeError, TypeError) as error:
        raise InvalidModifier(
            f"{name} has an annotation that cannot be resolved: {error}. Import the name "
            "where the class is defined."
        ) from error
    return {field.name: AdapterArgument(hints.get(field.name), _default(field)) for field in _fields(adapter)}


def _fields(adapter: Any) -> Iterable[dataclasses.Field[Any]]:
    return sorted(
        (field for field in dataclasses.fields(adapter) if field.init), key=lambda of: of.kw_only is True
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return MISSING if field.default is dataclasses.MISSING else field.default


def loads(wanted: Type, made: Type) -> bool | None:
    """Tell whether a loader that makes one type can be used where another is wanted; None if unknown."""
    return wanted == ANY if made == ANY else _fits(wanted, made)


def saves(taken: Collection[Type], given: Type) -> bool | None:
    """Tell whether a saver that takes some types can be given another; None if unknown."""
    if given == ANY or ANY in taken:
        return ANY in taken
    return _fits(union(*taken), given)


def any_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Return True if one verdict is, None if else one is not known, and else False."""
    found = set(verdicts)
    return True if True in found else None if None in found else False


# Classes that loaders and savers are about, and of which it is known without importing them that none is
# a subclass of another, or of a class of Python other than `object`.
_UNRELATED = frozenset(
    {
        "numpy.ndarray",
        "pandas.DataFrame",
        "pandas.Series",
        "polars.DataFrame",
        "polars.Expr",
        "polars.LazyFrame",
        "polars.Series",
        "pyarrow.Table",
    }
)


def _fits(upper: Type, lower: Type) -> bool | None:
    members = upper.args if upper.name == UNION else (upper,)
    if any(member.name == "object" for member in members):
        return True
    verdict = accepts(upper, lower)
    return False if verdict is None and _is_known(upper) and _is_known(lower) else verdict


def _is_known(type_: Type) -> bool:
    if type_.name in (UNION, "typing.Annotated"):
        return all(map(_is_known, type_.args))
    return type_.name in _UNRELATED or class_of(type_) is not None
