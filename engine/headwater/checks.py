"""What a check on a feature's value is, what it finds, and the gate that acts on what was found."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from headwater.errors import CheckFailed, InvalidModifier
from headwater.shapes import plain
from headwater.types import Type
from headwater.values import Reference, unevaluated_in

__all__ = [
    "ArgumentCheck",
    "Check",
    "CheckOutcome",
    "Finding",
    "Gate",
    "Importance",
    "ThresholdCheck",
    "ValidationResult",
    "failure_of",
    "gate",
    "label_of",
    "require",
    "unstopped",
]


class Importance(StrEnum):
    """What follows when a check does not hold."""

    WARN = "warn"
    FAIL = "fail"


@dataclass
class ValidationResult:
    """What a check found.

    Attributes:
        passes: Whether the check holds.
        message: One sentence that says what was found, with counts.
        diagnostics: The figures behind the message.
    """

    passes: bool
    message: str
    diagnostics: Mapping[str, Any] = field(default_factory=dict)


class Check(ABC):
    """A rule on the values of a node; subclass it for `check_output_custom`.

    Args:
        importance: "warn" logs what does not hold; "fail" ends the execution with `CheckFailed`.

    Raises:
        InvalidModifier: The importance is unknown.
    """

    is_general: ClassVar[bool] = False
    """Whether it takes values of every type, so that the type need not be asked."""
    takes_tables: ClassVar[bool] = True
    """Whether it says something of a whole table, not only of a column or a single value."""
    replaces: ClassVar[bool] = False
    """Whether its result brings, as `validated`, the value that is passed on in place of the raw one."""

    def __init__(self, importance: str) -> None:
        """Keep the importance."""
        if importance not in tuple(Importance):
            raise InvalidModifier(f"importance={importance!r} is unknown. Give 'warn' or 'fail'.")
        self._importance = Importance(importance)

    @property
    def importance(self) -> Importance:
        """What follows when the check does not hold."""
        return self._importance

    def refuses(self, of: Type) -> bool:
        """Tell whether values of a type can never be judged, so that the graph need not be built."""
        return False

    @abstractmethod
    def applies_to(self, datatype: Any) -> bool:
        """Tell whether values of a type can be checked; asked only of `default_validator_candidates`."""

    @abstractmethod
    def description(self) -> str:
        """Say in one sentence what the check wants; the documentation of its node."""

    @classmethod
    @abstractmethod
    def name(cls) -> str:
        """Name the node that this check makes, after the name of the node it is on."""

    @abstractmethod
    def validate(self, dataset: Any) -> ValidationResult:
        """Judge a value."""


class ArgumentCheck(Check):
    """A check that `check_output` makes from one keyword argument: `arg()` names it, there and here."""

    @classmethod
    @abstractmethod
    def applies_to(cls, datatype: Any) -> bool:
        """Tell whether values of a type can be checked."""

    @classmethod
    @abstractmethod
    def arg(cls) -> str:
        """Name the argument of `check_output`, and of the constructor, that the check is made from."""

    @classmethod
    def name(cls) -> str:
        """Name the node after the argument."""
        return f"{cls.arg()}_validator"


class ThresholdCheck(ArgumentCheck):
    """A check of ours: it takes values of every kind and is described by its one limit."""

    argument: ClassVar[str]
    is_general = True
    takes_tables = False

    def __init__(self, limit: Any, importance: str) -> None:
        """Keep the rule's argument."""
        super().__init__(importance)
        self.limit = limit

    @classmethod
    def applies_to(cls, datatype: Any) -> bool:
        """Say yes: what can be checked is decided by the value, not by its annotation."""
        return True

    @classmethod
    def arg(cls) -> str:
        """Name the argument."""
        return cls.argument

    @property
    @abstractmethod
    def wanted(self) -> str:
        """What the check wants, as the end of a sentence."""

    def description(self) -> str:
        """Say what the check wants."""
        return f"Wanted: {self.wanted}"

    def counted(self, offending: int, size: int, value: Any = None) -> Finding:
        """Return what was found where a check holds if nothing offends it."""
        return Finding(self, offending == 0, offending if value is None else value, offending, size)

    def says(self, finding: Finding) -> str:
        """Put what was found into words."""
        if finding.offending:
            return f"{finding.offending:,} of {finding.size:,} values do not fit; wanted: {self.wanted}"
        return f"All {finding.size:,} values are {self.wanted}"

    def figures(self, finding: Finding) -> dict[str, Any]:
        """Return the figures behind what was found, as JSON can hold them."""
        return {
            "threshold": plain(self.limit),
            "value": plain(finding.value),
            "offending": finding.offending,
            "size": finding.size,
        }


def require(fits: bool, argument: str, limit: Any, wanted: str) -> None:
    """Refuse a limit that cannot be used; what is known only from source is judged when the code runs.

    Raises:
        InvalidModifier: It does not fit.
    """
    if not fits and not isinstance(limit, Reference) and not any(unevaluated_in(limit)):
        raise InvalidModifier(f"@check_output: {argument}={limit!r} cannot be used. Give {wanted}.")


def label_of(check: Check) -> str:
    """Return how records of runs name a check: its argument of `check_output`, or the name of one's own."""
    return check.arg() if isinstance(check, ArgumentCheck) else check.name()


class Finding(ValidationResult):
    """What a check of ours found; the words are made only where somebody reads them.

    Attributes:
        check: The check.
        value: What was held against the limit: extremes, a mean, a fraction, a type, else the number of
            offending elements.
        offending: How many elements do not fit; None where the check does not count any.
        size: How many elements there are.
    """

    def __init__(
        self, check: ThresholdCheck, passes: bool, value: Any, offending: int | None, size: int
    ) -> None:
        """Keep the figures."""
        self.check = check
        self.passes = passes
        self.value = value
        self.offending = offending
        self.size = size

    @cached_property
    def message(self) -> str:  # type: ignore[override]  # filled when it is read
        """One sentence that says what was found."""
        return self.check.says(self)

    @cached_property
    def diagnostics(self) -> Mapping[str, Any]:  # type: ignore[override]  # filled when it is read
        """The figures behind the message."""
        return self.check.figures(self)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What a check found in a run, as data that JSON can hold.

    Attributes:
        node: The feature that was checked.
        validator: The argument of `check_output`, or the name of a check of one's own.
        importance: What follows when the check does not hold.
        passed: Whether it holds.
        message: One sentence that says what was found.
        diagnostics: The figures behind the message.
        value: What was found and held against the threshold; None where the check does not tell.
        threshold: The limit of the check; None where the check does not tell.
        offending: How many elements do not fit; None where the check does not count any.
        size: How many elements there are; None where the check does not tell.
        seconds: How long the check took.
    """

    node: str
    validator: str
    importance: Importance
    passed: bool
    message: str
    diagnostics: Mapping[str, Any]
    value: Any = None
    threshold: Any = None
    offending: int | None = None
    size: int | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, node: str, check: Check, result: ValidationResult, seconds: float = 0.0) -> CheckOutcome:
        """Return the record of a check's result."""
        known = {"value": None, "threshold": None, "offending": None, "size": None}
        diagnostics = plain(result.diagnostics)
        if isinstance(result, Finding):
            known = {name: diagnostics[name] for name in known}
        return cls(
            node=node,
            validator=label_of(check),
            importance=check.importance,
            passed=bool(result.passes),
            message=str(result.message),
            diagnostics=diagnostics,
            seconds=seconds,
            **known,
        )


def failure_of(outcomes: Iterable[CheckOutcome]) -> CheckFailed | None:
    """Return the error that tells all outcomes of importance "fail" that did not pass; None without any."""
    failed = [one for one in outcomes if not one.passed and one.importance is Importance.FAIL]
    if not failed:
        return None
    by_node: dict[str, list[str]] = {}
    for one in failed:
        by_node.setdefault(one.node, []).append(f"{one.validator}: {one.message}")
    told = [f"'{node}' did not pass its checks. {' '.join(messages)}" for node, messages in by_node.items()]
    return CheckFailed("\n".join(told), failed)


class Gate:
    """The callable of a checked node: passes the raw value on once it has seen what its checks found.

    Args:
        name: Name of the node, for messages.
        checks: The checks, in the order in which their results arrive.
        stops: Whether a check of importance "fail" that does not hold ends the execution.
    """

    def __init__(self, name: str, checks: Sequence[Check], stops: bool = True) -> None:
        """Keep what is needed to tell of failures."""
        self.name = name
        self.checks = tuple(checks)
        self.stops = stops

    def __call__(self, raw: Any, *results: ValidationResult) -> Any:
        """Return the raw value.

        Raises:
            CheckFailed: A check of importance "fail" does not hold.
            TypeError: A check returned something else than a `ValidationResult`.
        """
        for result in results:
            if not getattr(result, "passes", False):
                self._tell(results)
                break
        return raw

    def unstopped(self) -> Gate:
        """Return the gate that only logs what does not hold."""
        return type(self)(self.name, self.checks, stops=False)

    def _tell(self, results: Sequence[ValidationResult]) -> None:
        import logging

        logger = logging.getLogger(__name__)
        failed = []
        for check, result in zip(self.checks, results, strict=True):
            if self._judged(check, result).passes:
                continue
            outcome = CheckOutcome.of(self.name, check, result)
            failed.append(outcome)
            if not self.stops or outcome.importance is Importance.WARN:
                logger.warning(
                    "'%s' did not pass a check. %s: %s", self.name, outcome.validator, outcome.message
                )
        failure = failure_of(failed)
        if failure is not None and self.stops:
            raise failure

    def _judged(self, check: Check, result: Any) -> ValidationResult:
        if isinstance(result, ValidationResult):
            return result
        hint = ""
        if inspect.iscoroutine(result):
            result.close()
            hint = " A check with an async validate() needs the async driver."
        raise TypeError(
            f"The check '{check.name()}' on '{self.name}' returned {type(result).__name__}, not a "
            f"ValidationResult.{hint}"
        )


class _ReplacingGate(Gate):
    """A gate behind a check that brings the value to pass on, such as a table whose columns were coerced."""

    def __call__(self, raw: Any, *results: ValidationResult) -> Any:
        super().__call__(raw, *results)
        for result in results:
            raw = getattr(result, "validated", raw)
        return raw


def gate(name: str, checks: Sequence[Check]) -> Gate:
    """Return the gate behind some checks on a node."""
    return (_ReplacingGate if any(check.replaces for check in checks) else Gate)(name, checks)


def unstopped(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a node's callable so that no failing check ends the execution: gates only log then.

    A run that gathers all failures puts every callable through this, and asks `failure_of` at its end.
    """
    return call.unstopped() if isinstance(call, Gate) else call
