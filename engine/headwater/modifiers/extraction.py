"""The step that modifiers share which make features of the parts of what a function returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import targeted
from headwater.modifiers.calls import Then
from headwater.node import Argument, Node
from headwater.types import Type

__all__ = ["Piece", "extracted", "only_final"]


class Piece(NamedTuple):
    """A part of a value, which becomes a feature.

    Attributes:
        name: Name of the feature.
        type: Type of the part.
        take: Takes it out of the whole.
        doc: Its documentation; None for that of the whole.
        partial: Reasons why something about it is not known.
    """

    name: str
    type: Type
    take: Callable[[Any], Any]
    doc: str | None = None
    partial: tuple[str, ...] = ()


def only_final(nodes: Sequence[Node], function: Function, modifier: str) -> Node:
    """Return the one node of a function that no other of its nodes reads.

    Raises:
        InvalidModifier: There are several, whose parts would have the same names.
    """
    final = targeted(nodes, None, function)
    if len(final) != 1:
        names = ", ".join(repr(node.name) for node in nodes if node.name in final)
        raise InvalidModifier(
            f"{function.where} makes {names or 'no node'} for @{modifier} to take apart, but it can take "
            "only one apart, since the parts would have the same names. Give each a function of its own, or "
            "use @parameterize_extract_columns."
        )
    return next(node for node in nodes if node.name in final)


def extracted(
    nodes: Sequence[Node],
    whole: Node,
    pieces: Sequence[Piece],
    complete: Callable[[Any], Any] | None = None,
) -> list[Node]:
    """Return the nodes with a node for each piece of one of them after it.

    Args:
        nodes: The nodes so far.
        whole: The one that is taken apart.
        pieces: Its parts.
        complete: What is done to its value first.

    Raises:
        InvalidModifier: Two nodes would have the same name.
    """
    _check_names(whole, pieces)
    call = Then(whole.call, complete) if whole.call is not None and complete is not None else whole.call
    made = [_made(piece, whole) for piece in pieces]
    return [
        each for node in nodes for each in ([replace(whole, call=call), *made] if node is whole else [node])
    ]


def _made(piece: Piece, whole: Node) -> Node:
    return replace(
        whole,
        name=piece.name,
        type=piece.type,
        arguments=(Argument(whole.name, whole.type, whole.name),),
        feature=piece.name,
        doc=whole.doc if piece.doc is None else piece.doc,
        call=piece.take if whole.call is not None else None,
        partial=whole.partial + piece.partial,
    )


def _check_names(whole: Node, pieces: Sequence[Piece]) -> None:
    taken = {whole.name}
    for piece in pieces:
        if piece.name in taken:
            other = "is the name of what it is a part of" if piece.name == whole.name else "is named twice"
            raise InvalidModifier(
                f"{whole.where} would be taken apart into '{piece.name}', which {other}. Rename it."
            )
        taken.add(piece.name)
