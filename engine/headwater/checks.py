"""Checks on a feature's values: the validators of `check_output` and what they find."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from headwater.columns import column_of
from headwater.errors import InvalidModifier, did_you_mean
from headwater.values import Reference, Unevaluated, describe, unevaluated_in

__all__ = [
    "CHECKS",
    "AllowNans",
    "AllowNone",
    "Check",
    "Contains",
    "DataType",
    "DoesNotContain",
    "Importance",
    "MaxFractionNans",
    "MaxStandardDev",
    "MeanInRange",
    "Range",
    "ValidationResult",
    "ValuesIn",
    "checks_from",
]


class Importance(StrEnum):
    """What follows when a check does not hold."""

    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
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


class Check:
    """A rule on the values of one node, made from one argument of `check_output`."""

    argument: ClassVar[str]
    takes_tables: ClassVar[bool] = False
    """Whether it says something of a whole table, not only of a column or a single value."""

    def __init__(self, limit: Any) -> None:
        """Keep the rule's argument."""
        self.limit = limit

    @property
    def name(self) -> str:
        """Name of the node that this check makes, after the name of the node it is on."""
        return f"{self.argument}_validator"

    @property
    def description(self) -> str:
        """Say in one sentence what the check wants."""
        raise NotImplementedError

    def validate(self, data: Any) -> ValidationResult:
        """Judge a value."""
        raise NotImplementedError

    def _counted(self, wrong: int, size: int, **figures: Any) -> ValidationResult:
        found = f"{wrong:,} of {size:,} values do not fit; wanted:" if wrong else f"All {size:,} values are"
        return ValidationResult(
            passes=not wrong,
            message=f"{found} {self.description}",
            diagnostics={self.argument: _plain(self.limit), "offending": wrong, "size": size, **figures},
        )


def _plain(limit: Any) -> Any:
    return limit if isinstance(limit, (int, float, str, bool, tuple, list)) else describe(limit)


def _require(fits: bool, argument: str, limit: Any, wanted: str) -> None:
    # What is known only from source text is judged when the code runs.
    if not fits and not isinstance(limit, Reference) and not any(unevaluated_in(limit)):
        raise InvalidModifier(f"@check_output: {argument}={limit!r} cannot be used. Give {wanted}.")


def _between(limit: Any) -> str:
    if isinstance(limit, (Reference, Unevaluated)):
        return f"in {limit}"
    return f"between {describe(limit[0])} and {describe(limit[1])}"


def _is_range(limit: Any) -> bool:
    return isinstance(limit, (tuple, list)) and len(limit) == 2


class Range(Check):
    """Every value lies in a closed range; a missing value does not."""

    argument = "range"

    def __init__(self, limit: tuple[float, float]) -> None:
        _require(_is_range(limit), "range", limit, "a lowest and a highest value: range=(0, 1)")
        super().__init__(limit)

    @property
    def description(self) -> str:
        """Say which range."""
        return f"{_between(self.limit)}."

    def validate(self, data: Any) -> ValidationResult:
        """Count the values outside."""
        column = column_of(data)
        return self._counted(column.outside(*self.limit), column.size)


class ValuesIn(Check):
    """Every value that is not missing is one of a list."""

    argument = "values_in"

    def __init__(self, limit: Collection[Any]) -> None:
        fits = isinstance(limit, Collection) and not isinstance(limit, str)
        _require(fits, "values_in", limit, "a list of values")
        super().__init__(limit)

    @property
    def description(self) -> str:
        """Say which values."""
        if isinstance(self.limit, (Reference, Unevaluated)):
            return f"one of {self.limit}."
        # The order of a set depends on the process, and this text is stored.
        limit = sorted(self.limit, key=repr) if isinstance(self.limit, (set, frozenset)) else self.limit
        shown = [describe(item) for item in limit]
        more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""
        return f"one of {', '.join(shown[:12])}{more}."

    def validate(self, data: Any) -> ValidationResult:
        """Count the values that are not listed."""
        column = column_of(data)
        return self._counted(column.not_in(self.limit), column.size)


class DataType(Check):
    """The values have a type: the dtype of a column, the class of a single value."""

    argument = "data_type"

    @property
    def description(self) -> str:
        """Say which type."""
        return f"of type {describe(self.limit)}."

    def validate(self, data: Any) -> ValidationResult:
        """Compare the type."""
        column = column_of(data)
        found = column.type_name()
        return ValidationResult(
            passes=column.has_type(self.limit),
            message=f"The values are of type {found}; wanted: {describe(self.limit)}.",
            diagnostics={"data_type": describe(self.limit), "found": found, "size": column.size},
        )


class AllowNans(Check):
    """No value is missing."""

    argument = "allow_nans"

    def __init__(self, limit: bool) -> None:
        _require(limit is False, "allow_nans", limit, "allow_nans=False, or leave it out to allow them")
        super().__init__(limit)

    @property
    def description(self) -> str:
        """Say what is wanted."""
        return "not missing."

    def validate(self, data: Any) -> ValidationResult:
        """Count the missing values."""
        column = column_of(data)
        return self._counted(column.missing(), column.size)


class MaxFractionNans(Check):
    """At most a fraction of the values is missing."""

    argument = "max_fraction_nans"

    def __init__(self, limit: float) -> None:
        fits = isinstance(limit, (int, float)) and 0 <= limit <= 1
        _require(fits, "max_fraction_nans", limit, "a fraction from 0 to 1")
        super().__init__(limit)

    @property
    def description(self) -> str:
        """Say how many may be missing."""
        return f"at most a fraction of {describe(self.limit)} missing."

    def validate(self, data: Any) -> ValidationResult:
        """Compare the fraction that is missing."""
        column = column_of(data)
        missing = column.missing()
        return ValidationResult(
            passes=missing <= self.limit * column.size,
            message=f"{missing:,} of {column.size:,} values are missing; wanted: {self.description}",
            diagnostics={self.argument: self.limit, "missing": missing, "size": column.size},
        )


class MaxStandardDev(Check):
    """The sample standard deviation is at most a number."""

    argument = "max_standard_dev"

    @property
    def description(self) -> str:
        """Say which number."""
        return f"a standard deviation of at most {describe(self.limit)}."

    def validate(self, data: Any) -> ValidationResult:
        """Compare the standard deviation."""
        found = column_of(data).standard_deviation()
        return ValidationResult(
            passes=bool(found <= self.limit),
            message=f"The standard deviation is {found:g}; wanted: {self.description}",
            diagnostics={self.argument: self.limit, "standard_dev": found},
        )


class MeanInRange(Check):
    """The mean lies in a closed range."""

    argument = "mean_in_range"

    def __init__(self, limit: tuple[float, float]) -> None:
        _require(_is_range(limit), "mean_in_range", limit, "a lowest and a highest mean: (0, 1)")
        super().__init__(limit)

    @property
    def description(self) -> str:
        """Say which range."""
        return f"a mean {_between(self.limit)}."

    def validate(self, data: Any) -> ValidationResult:
        """Compare the mean."""
        found = column_of(data).mean()
        return ValidationResult(
            passes=bool(self.limit[0] <= found <= self.limit[1]),
            message=f"The mean is {found:g}; wanted: {self.description}",
            diagnostics={self.argument: _plain(self.limit), "mean": found},
        )


class AllowNone(Check):
    """The value is not None, unless that is allowed."""

    argument = "allow_none"
    takes_tables = True

    def __init__(self, limit: bool) -> None:
        _require(isinstance(limit, bool), "allow_none", limit, "True or False")
        super().__init__(limit)

    @property
    def description(self) -> str:
        """Say what is wanted."""
        return "None or anything else." if self.limit is True else "not None."

    def validate(self, data: Any) -> ValidationResult:
        """Compare with None."""
        return self._counted(int(data is None and not self.limit), 1)


class Contains(Check):
    """Every text contains a text, or all of several; a missing one is passed over."""

    argument = "contains"

    def __init__(self, limit: str | list[str]) -> None:
        fits = isinstance(limit, (str, list, tuple))
        _require(fits, self.argument, limit, "a text or a list of texts")
        super().__init__(limit)

    @property
    def description(self) -> str:
        """Say which texts."""
        return f"containing {' and '.join(map(repr, self._texts()))}."

    def _texts(self) -> list[str]:
        return list(self.limit) if isinstance(self.limit, (list, tuple)) else [str(self.limit)]

    def validate(self, data: Any) -> ValidationResult:
        """Count the values that lack one of the texts."""
        column, texts = column_of(data), self._texts()
        wrong = sum(any(text not in item for text in texts) for item in column.present())
        return self._counted(wrong, column.size)


class DoesNotContain(Contains):
    """No text contains a text, or any of several."""

    argument = "does_not_contain"

    @property
    def description(self) -> str:
        """Say which texts."""
        return f"without {' or '.join(map(repr, self._texts()))}."

    def validate(self, data: Any) -> ValidationResult:
        """Count the values that contain one of the texts."""
        column, texts = column_of(data), self._texts()
        wrong = sum(any(text in item for text in texts) for item in column.present())
        return self._counted(wrong, column.size)


CHECKS: Mapping[str, type[Check]] = {
    check.argument: check
    for check in (
        Range,
        ValuesIn,
        DataType,
        AllowNans,
        MaxFractionNans,
        MaxStandardDev,
        MeanInRange,
        AllowNone,
        Contains,
        DoesNotContain,
    )
}
"""Every check by its argument of `check_output`."""


def checks_from(arguments: Mapping[str, Any]) -> list[Check]:
    """Return the checks that arguments of `check_output` ask for, in their order.

    Raises:
        InvalidModifier: There is no such check, or its limit cannot be used.
    """
    for argument in arguments:
        if argument not in CHECKS:
            raise InvalidModifier(
                f"@check_output has no check '{argument}'.{did_you_mean(argument, CHECKS)} "
                f"It knows: {', '.join(CHECKS)}."
            )
    return [CHECKS[argument](limit) for argument, limit in arguments.items()]
