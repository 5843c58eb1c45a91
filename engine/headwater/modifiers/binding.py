"""Parameters of a function bound to other nodes, to literals, or to several of those together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import partly_known
from headwater.modifiers.calls import Grouped
from headwater.modifiers.dependencies import group, source, value
from headwater.modifiers.tables import is_foreign, without_annotation
from headwater.node import Argument, Node
from headwater.types import ANY, NONE, UNION, Type
from headwater.values import Unevaluated

__all__ = ["Mapped", "bound", "checked_mapping", "injected"]

Mapped = Mapping[str, Any]
"""What parameters take their values from: `source`, `value` or `group` by parameter."""

_RESERVED: Final = "output_name"
_LISTS: Final = frozenset(
    {"list", "collections.abc.Sequence", "collections.abc.Collection", "collections.abc.Iterable"}
)
_DICTS: Final = frozenset({"dict", "collections.abc.Mapping"})


def checked_mapping(mapping: Any, said: str) -> dict[str, Any]:
    """Return a mapping from parameters as it is, if it can be one; an empty one where it is not known.

    Args:
        mapping: What a modifier was given.
        said: How a message about it begins, `@parameterize: 'double'`.

    Raises:
        InvalidModifier: It is no mapping, or does not say where a value comes from.
    """
    if isinstance(mapping, Unevaluated):
        return {}
    if not isinstance(mapping, Mapping):
        raise InvalidModifier(
            f"{said} must be a mapping from parameters to source() or value(), not {mapping!r}."
        )
    for parameter, wanted in mapping.items():
        if not isinstance(wanted, (source, value, group, Unevaluated)):
            raise InvalidModifier(
                f"{said} maps '{parameter}' to {wanted!r}. Say where it comes from: "
                f'source("node") for another node, value({wanted!r}) for a literal.'
            )
    return dict(mapping)


def bound(node: Node, mapping: Mapped, function: Function, name: str, doc: str | None) -> Node:
    """Return the node of one output of a function, its parameters bound.

    Args:
        node: The plain node of the function.
        mapping: What its parameters take their values from.
        function: The function.
        name: Name of the output.
        doc: Its documentation; None fills in that of the function.

    Raises:
        InvalidModifier: A parameter is not there, set by another modifier, or not a list where a group is.
    """
    _check(mapping, [node], function, f" to set in '{name}'")
    filled = _filled(node.doc, name, mapping, function) if doc is None else doc
    return replace(_bound(node, mapping, function), name=name, feature=name, doc=filled)


def injected(nodes: Sequence[Node], mapping: Mapped, function: Function) -> list[Node]:
    """Return the nodes of a function, its parameters bound wherever they are read.

    Raises:
        InvalidModifier: A parameter is not there, set by another modifier, or not a list where a group is.
    """
    _check(mapping, nodes, function, " to set")
    return [_injected(node, mapping, function) for node in nodes]


def _injected(node: Node, mapping: Mapped, function: Function) -> Node:
    own = {parameter: wanted for parameter, wanted in mapping.items() if _reads(node, parameter)}
    # Parts may carry documentation of their own, in which braces mean nothing.
    doc = _filled(node.doc, node.name, mapping, function) if node.doc == function.doc else node.doc
    return replace(_bound(node, own, function), doc=doc)


def _reads(node: Node, parameter: str) -> bool:
    """Tell whether a node still takes a parameter from the node of that name."""
    return any(argument.parameter == parameter == argument.node for argument in node.arguments)


def _check(mapping: Mapped, nodes: Sequence[Node], function: Function, purpose: str) -> None:
    """Make sure that every parameter is there and has not been set."""
    known = [parameter.name for parameter in function.parameters]
    for parameter in mapping:
        if parameter not in known:
            raise InvalidModifier(
                f"{function.where} has no parameter '{parameter}'{purpose}.{did_you_mean(parameter, known)}"
            )
        if not any(_reads(node, parameter) for node in nodes) and not partly_known(nodes, function):
            raise InvalidModifier(
                f"{function.where} has its parameter '{parameter}' set by another modifier, so there is none "
                f"left{purpose}. Set it in one place."
            )


def _bound(node: Node, mapping: Mapped, function: Function) -> Node:
    if any(argument.parameter == _RESERVED for argument in node.arguments):
        raise InvalidModifier(
            f"{function.where} has a parameter '{_RESERVED}', which stands for the name of the output in its "
            "documentation. Rename the parameter."
        )
    arguments: list[Argument] = []
    shape: list[int | tuple[str, ...] | None] = []
    why: list[str] = []
    for argument in node.arguments:
        wanted = mapping.get(argument.parameter)
        if isinstance(wanted, group):
            members, reasons = _members(argument, wanted, function)
            arguments += members
            why += reasons
            shape.append(wanted.keys or len(wanted.members))
        else:
            arguments.append(_argument(argument, wanted))
            shape.append(None)
    call = node.call
    if call is not None and any(shape):
        call = Grouped(call, tuple(shape))
    return replace(node, arguments=tuple(arguments), call=call, partial=(*node.partial, *why))


def _argument(argument: Argument, wanted: Any) -> Argument:
    if isinstance(wanted, value):
        return replace(argument, node=None, value=wanted.value)
    if isinstance(wanted, source) and isinstance(wanted.name, str):
        return replace(argument, node=wanted.name)
    return argument


def _members(argument: Argument, wanted: group, function: Function) -> tuple[list[Argument], list[str]]:
    """Return an argument for each member of a group, and why their type is not known, if so."""
    type_ = _element_type(argument, wanted, function)
    keys: Iterable[Any] = wanted.keys or range(len(wanted.members))
    members = [
        _argument(Argument(f"{argument.parameter}[{key}]", type_ or ANY, argument.node), member)
        for key, member in zip(keys, wanted.members, strict=True)
        if not isinstance(member, Unevaluated)
    ]
    unknown = f"the type of the elements of {argument.type} is not known without running code"
    return members, [] if type_ else [unknown]


def _element_type(argument: Argument, wanted: group, function: Function) -> Type | None:
    """Return the type of a group's members; None where the parameter's class is known by name only."""
    collection = without_annotation(argument.type)
    if collection.name == UNION:
        [collection, *others] = [member for member in collection.args if member != NONE]
        if others:
            collection = argument.type
    if wanted.keys is None and collection.name in _LISTS and len(collection.args) == 1:
        return collection.args[0]
    if (
        wanted.keys
        and collection.name in _DICTS
        and len(collection.args) == 2
        and collection.args[0].name == "str"
    ):
        return collection.args[1]
    if is_foreign(collection):
        return None
    raise InvalidModifier(
        f"{function.where} takes '{argument.parameter}' as {argument.type}, which cannot be a group of "
        f"several values. Annotate it as {'dict[str, T]' if wanted.keys else 'list[T]'}, T the type of each."
    )


class _Names(dict[str, str]):
    """Fills a placeholder that is not mapped with its own name, as Hamilton does."""

    def __missing__(self, key: str) -> str:
        return key


def _filled(doc: str, name: str, mapping: Mapped, function: Function) -> str:
    said = {p: str(wanted) for p, wanted in mapping.items() if not isinstance(wanted, group)}
    try:
        return doc.format_map(_Names(said, output_name=name))
    except (IndexError, ValueError, AttributeError, KeyError) as error:
        raise InvalidModifier(
            f"{function.where}: the documentation of '{name}' cannot be filled in: {error!r}. It may "
            f"name {{output_name}} and the mapped parameters; write other braces twice."
        ) from error
