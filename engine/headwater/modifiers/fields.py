"""Fields of a dictionary and elements of a tuple as features of their own."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase
from headwater.modifiers.extraction import Piece, extracted, only_final
from headwater.modifiers.tables import is_foreign, without_annotation
from headwater.node import Node
from headwater.types import ANY, Type, accepts, class_of
from headwater.values import Reference, Unevaluated

__all__ = ["extract_fields", "unpack_fields"]


class extract_fields(Modifier):
    """Make a node for each named field of the dictionary that a function returns.

    Args:
        fields: A dictionary from field names to types, or names: of a `dict[str, T]` each field is a T, of
            a `TypedDict` each is what that says. Of a `TypedDict` no names at all mean every field.
        *others: More names, after the first one.
        fill_with: Value for fields that the dictionary lacks; None makes a missing field an error.

    Raises:
        InvalidModifier: A field has no name or no type, or the function returns no dictionary.
    """

    phase = Phase.TRANSFORM

    def __init__(self, fields: Any = None, *others: Any, fill_with: Any = None) -> None:
        """Check the names and the types."""
        self.fill_with = fill_with
        self.types: dict[str, Type] | None = None
        self.names: tuple[str, ...] = ()
        if isinstance(fields, Mapping):
            self.types = _typed(fields, others)
        elif fields is not None:
            first = fields if isinstance(fields, list) else [fields]
            self.names = _names("extract_fields", [*first, *others])
            if not first:
                raise InvalidModifier("@extract_fields names no field. Name at least one.")
        self._all = fields is None

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Keep the nodes and add one node for every field of the final one."""
        whole = only_final(nodes, function, "extract_fields")
        types, why = self._fields(without_annotation(whole.type), function)
        if self._all and why:
            return [replace(node, partial=node.partial + why) if node is whole else node for node in nodes]
        pieces = [
            Piece(name, type_, partial(_field, name, whole.name), partial=why)
            for name, type_ in types.items()
        ]
        complete = partial(_completed, tuple(types), self.fill_with) if self.fill_with is not None else None
        return extracted(nodes, whole, pieces, complete)

    def _fields(self, returned: Type, function: Function) -> tuple[dict[str, Type], tuple[str, ...]]:
        """Return the types of the fields, and why they are not known, if so."""
        class_ = class_of(returned)
        if class_ is not None and _is_typed_dict(class_):
            return self._of_typed_dict(_declared(class_, function), function), ()
        if is_foreign(returned):
            why = (f"the fields of {returned} are not known without running code",)
            return self.types or dict.fromkeys(self.names, ANY), () if self.types else why
        if class_ is None or not issubclass(class_, Mapping):
            raise InvalidModifier(
                f"{function.where} returns {returned}, from which @extract_fields cannot take fields. Return "
                "a dict, a dict[str, T] or a TypedDict."
            )
        if self.types is not None:
            return self.types, ()
        if self.partial and len(returned.args) != 2:
            return {}, ()  # what is not known may well tell the types
        if self._all or len(returned.args) != 2:
            raise InvalidModifier(
                f"{function.where} returns {returned}, which does not say what fields there are and of "
                'which types. Tell @extract_fields: {"spend": float, "name": str}; or return a dict[str, T] '
                "and name the fields, or return a TypedDict."
            )
        return dict.fromkeys(self.names, returned.args[1]), ()

    def _of_typed_dict(self, declared: Mapping[str, Type], function: Function) -> dict[str, Type]:
        wanted = (
            self.types if self.types is not None else dict.fromkeys(declared if self._all else self.names)
        )
        for name, type_ in wanted.items():
            if name not in declared:
                raise InvalidModifier(
                    f"{function.where} returns {function.returns}, which has no field '{name}' for "
                    f"@extract_fields to take.{did_you_mean(name, declared)}"
                )
            if type_ is not None and accepts(declared[name], type_) is False:
                raise InvalidModifier(
                    f"{function.where} returns {function.returns}, whose field '{name}' is {declared[name]}, "
                    f"but @extract_fields takes it as {type_}. Change one of them."
                )
        return {name: type_ or declared[name] for name, type_ in wanted.items()}


class unpack_fields(Modifier):
    """Make a node for each element of the tuple that a function returns, from the first on.

    Args:
        *fields: Names of the elements.

    Raises:
        InvalidModifier: No name is given, the function returns no tuple of known types, or a shorter one.
    """

    phase = Phase.TRANSFORM

    def __init__(self, *fields: str) -> None:
        """Check the names."""
        if not fields:
            raise InvalidModifier("@unpack_fields names no element. Name at least one.")
        # What follows a name that is not known may stand anywhere, since that may be several.
        self.names = _names("unpack_fields", [*takewhile(_is_known, fields)])

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Keep the nodes and add one node for every named element of the final one."""
        whole = only_final(nodes, function, "unpack_fields")
        types, why = self._types(without_annotation(whole.type), function)
        pieces = [
            Piece(name, type_, partial(_element, index, name, whole.name), partial=why)
            for index, (name, type_) in enumerate(zip(self.names, types, strict=False))
        ]
        return extracted(nodes, whole, pieces)

    def _types(self, returned: Type, function: Function) -> tuple[Sequence[Type], tuple[str, ...]]:
        if is_foreign(returned):
            why = f"the types of the elements of {returned} are not known without running code"
            return [ANY] * len(self.names), (why,)
        if returned.name != "tuple" or not (returned.args or class_of(returned) is tuple):
            raise InvalidModifier(
                f"{function.where} returns {returned}, which @unpack_fields cannot take apart. Return a "
                "tuple[int, str], say, or a tuple[int, ...]."
            )
        dots = [place for place, element in enumerate(returned.args) if element.name == "..."]
        if dots == [1] and len(returned.args) == 2:
            return [returned.args[0]] * len(self.names), ()
        if dots:
            raise InvalidModifier(
                f"{function.where} returns {returned}, which is no type, since `...` can only stand after "
                "one other type. Return a tuple[int, ...], say."
            )
        if len(returned.args) < len(self.names):
            raise InvalidModifier(
                f"{function.where} returns {returned}, which has {len(returned.args)} elements of known "
                f"type, and @unpack_fields names {len(self.names)}: {', '.join(self.names)}."
            )
        return returned.args, ()


def _is_known(name: Any) -> bool:
    return not isinstance(name, Unevaluated)


def _names(modifier: str, given: Sequence[Any]) -> tuple[str, ...]:
    names = [*filter(_is_known, given)]
    for name in names:
        if not isinstance(name, str):
            hint = " Put a star in front of the list to spread it." if isinstance(name, (list, tuple)) else ""
            raise InvalidModifier(f"@{modifier} takes names of fields, not {name!r}.{hint}")
    return tuple(names)


def _typed(fields: Mapping[Any, Any], others: Sequence[Any]) -> dict[str, Type]:
    if not fields:
        raise InvalidModifier("@extract_fields names no field. Name at least one.")
    if others:
        raise InvalidModifier(
            "@extract_fields takes a dictionary of types or names, not both: put "
            f"{', '.join(map(repr, others))} into the dictionary."
        )
    _names("extract_fields", [*fields])
    return {name: _type(name, given) for name, given in fields.items()}


def _type(name: str, given: Any) -> Type:
    """Return the type of a field, from a live annotation or from what is known of one in source text."""
    if isinstance(given, Type):
        return given
    if isinstance(given, Unevaluated):
        return Type(given.text)
    if isinstance(given, Reference):
        return Type.named(given.name)
    if (
        isinstance(given, type)
        or given is Any
        or typing.get_origin(given)
        or isinstance(given, typing.TypeVar)
    ):
        return Type.of(given)
    raise InvalidModifier(
        f"@extract_fields: the type of '{name}' is {given!r}. Give a type, such as int or list[int]."
    )


def _is_typed_dict(class_: type) -> bool:
    # Not `typing.is_typeddict`, which does not know those of typing_extensions.
    return issubclass(class_, dict) and hasattr(class_, "__required_keys__") and hasattr(class_, "__total__")


def _declared(class_: type, function: Function) -> dict[str, Type]:
    try:
        hints = typing.get_type_hints(class_)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise InvalidModifier(
            f"{function.where} returns {function.returns}, whose fields cannot be resolved: {error}."
        ) from error
    return {name: Type.of(hint) for name, hint in hints.items()}


def _field(name: str, of: str, fields: Mapping[str, Any]) -> Any:
    if name not in fields:
        raise KeyError(
            f"'{of}' has no field '{name}'; it has {', '.join(map(repr, fields)) or 'none'}."
            f"{did_you_mean(name, map(str, fields))}"
        )
    return fields[name]


def _completed(names: Sequence[str], value: Any, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    missing = [name for name in names if name not in fields]
    return {**fields, **dict.fromkeys(missing, value)} if missing else fields


def _element(index: int, name: str, of: str, elements: Sequence[Any]) -> Any:
    if index >= len(elements):
        raise IndexError(f"'{of}' made {len(elements)} elements, and '{name}' is number {index + 1}.")
    return elements[index]
