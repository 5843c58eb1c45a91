"""Checks on what a function returns, as nodes of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from headwater.checks import ArgumentCheck, Check, Importance, ValidationResult, gate, label_of
from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase, Target, checked_target, targeted
from headwater.modifiers.tables import COLUMN_TYPES, is_table, without_annotation
from headwater.node import Argument, Node, Role
from headwater.types import Type, class_of
from headwater.validators import checks_from
from headwater.values import Reference, Unevaluated, unevaluated_in

__all__ = [
    "DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG",
    "IS_DATA_VALIDATOR_TAG",
    "Checking",
    "check_output",
    "check_output_custom",
    "known_importance",
]

IS_DATA_VALIDATOR_TAG = "hamilton.data_quality.contains_dq_results"
DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG = "hamilton.data_quality.source_node"

_RESULT = Type.of(ValidationResult)


class Checking(Modifier):
    """Checks some nodes: what modifiers that check have in common.

    A checked node `x` becomes `x_raw`, which the function computes, one node for each check
    (`x_range_validator`), and `x`, which passes the value on. Checks of several modifiers on one node
    stand side by side; where two have the same name, the later ones get a number.
    """

    phase = Phase.TRANSFORM
    label: ClassVar[str]
    target: Target

    def checks_on(self, node: Node, function: Function) -> tuple[Sequence[Check], tuple[str, ...]]:
        """Return the checks on a node, and why they are not all known, if so.

        Raises:
            InvalidModifier: The node cannot be checked so.
        """
        raise NotImplementedError

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Split each targeted node into the raw value, the checks and the value that is passed on."""
        targets = targeted(nodes, self.target, function)
        known = {node.name: node for node in nodes}
        if self.target is ...:
            targets -= {part.name for node in nodes for part in _parts(node, known)}
        made: list[Node] = []
        for node in nodes:
            made += self._checked(node, known, function) if node.name in targets else [node]
        return made

    def _checked(self, node: Node, known: dict[str, Node], function: Function) -> list[Node]:
        checks, why = self.checks_on(node, function)
        _require_fits(node, checks, function)
        parts = _parts(node, known)
        fresh = [] if parts else [_remade(node, f"{node.name}_raw", node.arguments, node.call, Role.PART)]
        raw, *earlier = parts or fresh
        for check in checks:
            fresh.append(_check_node(node, raw, check, _free(f"{node.name}_{check.name()}", known)))
            known[fresh[-1].name] = fresh[-1]
        results = [*earlier, *(part for part in fresh if part is not raw)]
        arguments = (
            Argument(raw.name, node.type, raw.name),
            *(Argument(part.name, _RESULT, part.name) for part in results),
        )
        call = gate(node.name, [part.check for part in results if part.check]) if node.call else None
        return [*fresh, _remade(node, node.name, arguments, call, node.role, why)]


def _remade(
    node: Node,
    name: str,
    arguments: tuple[Argument, ...],
    call: Callable[..., Any] | None,
    role: Role,
    why: tuple[str, ...] = (),
) -> Node:
    # Spelt out, as the check's node is below, since `dataclasses.replace` takes four times as long.
    return Node(
        name,
        node.type,
        arguments,
        node.feature,
        role,
        node.tags,
        node.doc,
        node.function,
        call,
        node.condition,
        node.check,
        node.importance,
        (*node.partial, *why),
    )


def _parts(node: Node, known: Mapping[str, Node]) -> list[Node]:
    """Return the raw node and the check nodes behind a node that is checked already; none behind others."""
    parts = [known.get(argument.node or "") for argument in node.arguments]
    if not parts or parts[0] is None or parts[0].name != f"{node.name}_raw" or parts[0].role is not Role.PART:
        return []
    found = [part for part in parts if part is not None and (part is parts[0] or part.check is not None)]
    return found if len(found) == len(parts) else []


def _free(name: str, known: Mapping[str, Node]) -> str:
    free, number = name, 0
    while free in known:
        number += 1
        free = f"{name}_{number}"
    return free


def _check_node(node: Node, raw: Node, check: Check, name: str) -> Node:
    return Node(
        name,
        _RESULT,
        (Argument(raw.name, node.type, raw.name),),
        node.feature,
        Role.PART,
        {**node.tags, IS_DATA_VALIDATOR_TAG: True, DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG: node.name},
        check.description() or "",
        node.function,
        check.validate if node.call else None,
        node.condition,
        check,
        check.importance,
        node.partial,
    )


def _require_fits(node: Node, checks: Sequence[Check], function: Function) -> None:
    for check in checks:
        if check.refuses(node.type):
            raise InvalidModifier(
                f"{function.where} returns {node.type}, which cannot be held against "
                f"{label_of(check)}={getattr(check, 'limit', None)!r}. Give a limit of its type."
            )
    if not _is_known_table(node.type):
        return
    for check in checks:
        if not check.takes_tables:
            raise InvalidModifier(
                f"{function.where} returns {node.type}, but {label_of(check)}= checks a column or a single "
                "value. Make features of the columns with @extract_columns below @check_output, or check "
                "what is made of the table."
            )


def _is_known_table(of: Type) -> bool:
    of = without_annotation(of)
    cls = class_of(of)
    return of.name in COLUMN_TYPES or (cls is not None and _class_is_table(cls))


@lru_cache(maxsize=1024)
def _class_is_table(cls: type) -> bool:
    return is_table(Type.of(cls)) is True


class check_output(Checking):
    """Check the values of a function's nodes each time they are computed.

    Args:
        importance: "warn" logs what does not hold; "fail" ends the execution with `CheckFailed`.
        default_validator_candidates: Classes of checks to choose from, by argument and type, in place of
            `headwater.validators.VALIDATORS`.
        target_: Which nodes: None the function's final ones, `...` all, or names.
        **validator_kwargs: Checks by argument.

    Raises:
        InvalidModifier: A check or the importance is unknown.
    """

    label = "check_output"

    def __init__(
        self,
        importance: str | Unevaluated = "warn",
        default_validator_candidates: Sequence[type[ArgumentCheck]] | Unevaluated | None = None,
        target_: Target = None,
        **validator_kwargs: Any,
    ) -> None:
        """Make the checks, where their classes do not depend on the type of the node."""
        self.importance = known_importance(self.label, importance)
        self.target = checked_target(self.label, target_)
        self.candidates = default_validator_candidates
        self.arguments = validator_kwargs
        self.checks = checks_from(validator_kwargs, self.importance) if self.candidates is None else []

    def checks_on(self, node: Node, function: Function) -> tuple[Sequence[Check], tuple[str, ...]]:
        """Return the checks that the arguments ask for."""
        if self.candidates is None and all(check.is_general for check in self.checks):
            return self.checks, ()
        candidates = _live(self.candidates)
        if candidates is None and self.candidates is not None:
            return (), _unless_told("default_validator_candidates", self.candidates)
        try:
            return checks_from(self.arguments, self.importance, node.type, candidates), ()
        except InvalidModifier as error:
            raise InvalidModifier(f"{function.where}: {error}") from error


class check_output_custom(Checking):
    """Check the values of a function's nodes by checks of one's own.

    Args:
        *validators: The checks, each with its own importance.
        target_: Which nodes: None the function's final ones, `...` all, or names.

    Raises:
        InvalidModifier: One is no `Check`.
    """

    label = "check_output_custom"

    def __init__(self, *validators: Any, target_: Target = None) -> None:
        """Keep the checks."""
        for validator in validators:
            if not isinstance(validator, (Check, Unevaluated, Reference)):
                hint = " Call the class." if isinstance(validator, type) else ""
                raise InvalidModifier(
                    f"@check_output_custom takes instances of DataValidator, not {validator!r}.{hint}"
                )
        self.target = checked_target(self.label, target_)
        self.checks = validators

    def checks_on(self, node: Node, function: Function) -> tuple[Sequence[Check], tuple[str, ...]]:
        """Return the checks that were given."""
        known = [check for check in self.checks if isinstance(check, Check)]
        return known, _unless_told("its arguments", self.checks) if len(known) < len(self.checks) else ()


def known_importance(modifier: str, importance: Any) -> Importance:
    """Return an importance; "warn" where it is known from source only.

    Raises:
        InvalidModifier: There is no such importance.
    """
    if isinstance(importance, (Unevaluated, Reference)):
        return Importance.WARN
    if importance not in tuple(Importance):
        raise InvalidModifier(f"@{modifier}: importance={importance!r} is unknown. Give 'warn' or 'fail'.")
    return Importance(importance)


def _unless_told(what: str, value: Any) -> tuple[str, ...]:
    # What cannot be evaluated is a reason in itself; a class or an object that is only named is not.
    told = any(unevaluated_in(value))
    return () if told else (f"the checks in {what} are known by name only",)


def _live(candidates: Any) -> Sequence[type[ArgumentCheck]] | None:
    several = isinstance(candidates, (list, tuple)) and all(isinstance(item, type) for item in candidates)
    return candidates if several else None
