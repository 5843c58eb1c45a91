"""Checks on what a function returns, as nodes of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headwater.checks import Check, Importance, ValidationResult, checks_from
from headwater.conditions import Configuration
from headwater.errors import CheckFailed, InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase, Target, checked_target, targeted
from headwater.modifiers.columns import COLUMN_TYPES
from headwater.node import Argument, Node, Role
from headwater.types import Type
from headwater.values import Unevaluated

__all__ = ["SOURCE_TAG", "VALIDATION_TAG", "check_output"]

VALIDATION_TAG = "hamilton.data_quality.contains_dq_results"
SOURCE_TAG = "hamilton.data_quality.source_node"


class check_output(Modifier):
    """Check the values of a function's nodes each time they are computed.

    A checked node `x` becomes `x_raw`, which the function computes, one node for each check
    (`x_range_validator`), and `x`, which passes the value on.

    Args:
        importance: "warn" logs what does not hold; "fail" ends the execution with `CheckFailed`.
        target_: Which nodes: None the function's final ones, `...` all, or names.
        **validator_kwargs: Checks by name, see `headwater.checks.CHECKS`.

    Raises:
        InvalidModifier: A check or the importance is unknown.
    """

    phase = Phase.TRANSFORM

    def __init__(
        self, importance: str | Unevaluated = "warn", *, target_: Target = None, **validator_kwargs: Any
    ) -> None:
        """Make the checks."""
        if isinstance(importance, Unevaluated):
            importance = Importance.WARN
        if importance not in tuple(Importance):
            raise InvalidModifier(
                f"@check_output: importance={importance!r} is unknown. Give 'warn' or 'fail'."
            )
        self.importance = Importance(importance)
        self.target = checked_target("check_output", target_)
        self.checks = checks_from(validator_kwargs)

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Split each targeted node into the raw value, the checks and the value that is passed on."""
        targets = targeted(nodes, self.target, function)
        made: list[Node] = []
        for node in nodes:
            made += self._checked(node, function) if node.name in targets and self.checks else [node]
        return made

    def _checked(self, node: Node, function: Function) -> list[Node]:
        if node.type.name in COLUMN_TYPES:
            for check in self.checks:
                if not check.takes_tables:
                    raise InvalidModifier(
                        f"{function.where} returns {node.type}, but {check.argument}= checks a column or a "
                        "single value. Make features of the columns with @extract_columns below "
                        "@check_output, or check what is made of the table."
                    )
        raw = replace(node, name=f"{node.name}_raw", role=Role.PART)
        checks = [self._check(node, raw, check) for check in self.checks]
        return [
            raw,
            *checks,
            replace(
                node,
                arguments=(
                    Argument(raw.name, node.type, raw.name),
                    *(Argument(check.name, check.type, check.name) for check in checks),
                ),
                call=_gate(node.name, self.checks, self.importance) if node.call else None,
            ),
        ]

    def _check(self, node: Node, raw: Node, check: Check) -> Node:
        return replace(
            node,
            name=f"{node.name}_{check.name}",
            type=Type.of(ValidationResult),
            arguments=(Argument(raw.name, node.type, raw.name),),
            role=Role.PART,
            tags={**node.tags, VALIDATION_TAG: True, SOURCE_TAG: node.name},
            doc=f"Wanted: {check.description}",
            call=check.validate if node.call else None,
            check=check,
            importance=self.importance,
        )


def _gate(name: str, checks: Sequence[Check], importance: Importance) -> Callable[..., Any]:
    def pass_on(raw: Any, *results: ValidationResult) -> Any:
        failed = [
            f"{check.name}: {result.message}"
            for check, result in zip(checks, results, strict=True)
            if not result.passes
        ]
        if failed and importance is Importance.FAIL:
            wrong = [result for result in results if not result.passes]
            raise CheckFailed(f"'{name}' did not pass its checks. " + " ".join(failed), wrong)
        if failed:
            import logging

            for message in failed:
                logging.getLogger("headwater.checks").warning("'%s' did not pass a check. %s", name, message)
        return raw

    return pass_on
