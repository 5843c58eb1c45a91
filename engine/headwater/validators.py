"""The checks that `check_output` makes from its keyword arguments, one class for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from headwater.checks import ArgumentCheck, Finding, ThresholdCheck, require
from headwater.columns import column_of
from headwater.errors import InvalidModifier, did_you_mean
from headwater.schemas import Model, Schema
from headwater.types import UNION, Type
from headwater.values import Reference, Unevaluated, describe

__all__ = [
    "VALIDATORS",
    "AllowNans",
    "AllowNone",
    "Contains",
    "DataType",
    "DoesNotContain",
    "Length",
    "MaxFractionNans",
    "MaxStandardDev",
    "MeanInRange",
    "Range",
    "Regex",
    "Unique",
    "ValuesIn",
    "checks_from",
]


class Range(ThresholdCheck):
    """Every value lies in a closed range; a missing value does not."""

    argument = "range"

    def __init__(self, range: tuple[Any, Any], importance: str = "warn") -> None:
        require(_is_range(range), "range", range, "a lowest and a highest value: range=(0, 1)")
        super().__init__(range, importance)

    @property
    def wanted(self) -> str:
        """Say which range."""
        return f"{_between(self.limit)}."

    def refuses(self, of: Type) -> bool:
        """Tell whether texts are to be held against numbers."""
        return of.name == "str" and all(isinstance(limit, (int, float)) for limit in self.limit)

    def validate(self, dataset: Any) -> Finding:
        """Count the values outside."""
        column = column_of(dataset)
        low, high = self.limit
        offending, extremes = column.outside(low, high)
        return Finding(self, offending == 0, extremes, offending, column.size)


class ValuesIn(ThresholdCheck):
    """Every element of a column that is not missing is one of some values, and so is a single value."""

    argument = "values_in"

    def __init__(self, values_in: Iterable[Any], importance: str = "warn") -> None:
        fits = isinstance(values_in, Iterable) and not isinstance(values_in, str)
        require(fits, "values_in", values_in, "a list of values")
        if fits and not isinstance(values_in, (Collection, Unevaluated, Reference)):
            values_in = tuple(values_in)  # an iterator gives its values only once
        super().__init__(values_in, importance)

    @property
    def wanted(self) -> str:
        """Say which values."""
        if isinstance(self.limit, (Reference, Unevaluated)):
            return f"one of {self.limit}."
        # The order of a set depends on the process, and this text is stored.
        limit = sorted(self.limit, key=repr) if isinstance(self.limit, (set, frozenset)) else self.limit
        shown = [describe(item) for item in limit]
        more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""
        return f"one of {', '.join(shown[:12])}{more}."

    def validate(self, dataset: Any) -> Finding:
        """Count the values that are not listed."""
        column = column_of(dataset)
        return self.counted(column.not_in(self.limit), column.size)


class DataType(ThresholdCheck):
    """The values have a type: the dtype of a column, the class of a single value."""

    argument = "data_type"

    def __init__(self, data_type: Any, importance: str = "warn") -> None:
        super().__init__(data_type, importance)

    @property
    def wanted(self) -> str:
        """Say which type."""
        return f"of type {describe(self.limit)}."

    def validate(self, dataset: Any) -> Finding:
        """Compare the type."""
        column = column_of(dataset)
        return Finding(self, column.has_type(self.limit), column.type_name(), None, column.size)

    def says(self, finding: Finding) -> str:
        """Say which type was found."""
        return f"The values are of type {finding.value}; wanted: {describe(self.limit)}."


class AllowNans(ThresholdCheck):
    """No value is missing."""

    argument = "allow_nans"

    def __init__(self, allow_nans: bool, importance: str = "warn") -> None:
        require(allow_nans is False, "allow_nans", allow_nans, "allow_nans=False, or leave it out")
        super().__init__(allow_nans, importance)

    @property
    def wanted(self) -> str:
        """Say what is wanted."""
        return "not missing."

    def validate(self, dataset: Any) -> Finding:
        """Count the missing values."""
        column = column_of(dataset)
        return self.counted(column.missing(), column.size)


class MaxFractionNans(ThresholdCheck):
    """At most a fraction of the values is missing."""

    argument = "max_fraction_nans"

    def __init__(self, max_fraction_nans: float, importance: str = "warn") -> None:
        fits = isinstance(max_fraction_nans, (int, float)) and 0 <= max_fraction_nans <= 1
        require(fits, "max_fraction_nans", max_fraction_nans, "a fraction from 0 to 1")
        super().__init__(max_fraction_nans, importance)

    @property
    def wanted(self) -> str:
        """Say how many may be missing."""
        return f"at most a fraction of {describe(self.limit)} missing."

    def validate(self, dataset: Any) -> Finding:
        """Compare the fraction that is missing."""
        column = column_of(dataset)
        missing = column.missing()
        fraction = missing / column.size if column.size else 0.0
        return Finding(self, fraction <= self.limit, fraction, missing, column.size)

    def says(self, finding: Finding) -> str:
        """Say how many are missing."""
        return f"{finding.offending:,} of {finding.size:,} values are missing; wanted: {self.wanted}"


class MaxStandardDev(ThresholdCheck):
    """The sample standard deviation is at most a number."""

    argument = "max_standard_dev"

    def __init__(self, max_standard_dev: float, importance: str = "warn") -> None:
        super().__init__(max_standard_dev, importance)

    @property
    def wanted(self) -> str:
        """Say which number."""
        return f"a standard deviation of at most {describe(self.limit)}."

    def validate(self, dataset: Any) -> Finding:
        """Compare the standard deviation."""
        column = column_of(dataset)
        found = column.standard_deviation()
        return Finding(self, found <= self.limit, found, None, column.size)

    def says(self, finding: Finding) -> str:
        """Say which standard deviation was found."""
        return f"The standard deviation is {finding.value:g}; wanted: {self.wanted}"


class MeanInRange(ThresholdCheck):
    """The mean lies in a closed range."""

    argument = "mean_in_range"

    def __init__(self, mean_in_range: tuple[float, float], importance: str = "warn") -> None:
        require(
            _is_range(mean_in_range), "mean_in_range", mean_in_range, "a lowest and a highest mean: (0, 1)"
        )
        super().__init__(mean_in_range, importance)

    @property
    def wanted(self) -> str:
        """Say which range."""
        return f"a mean {_between(self.limit)}."

    def validate(self, dataset: Any) -> Finding:
        """Compare the mean."""
        column = column_of(dataset)
        low, high = self.limit
        found = column.mean()
        return Finding(self, low <= found <= high, found, None, column.size)

    def says(self, finding: Finding) -> str:
        """Say which mean was found."""
        return f"The mean is {finding.value:g}; wanted: {self.wanted}"


class AllowNone(ThresholdCheck):
    """The value is not None, unless that is allowed."""

    argument = "allow_none"
    takes_tables = True

    def __init__(self, allow_none: bool, importance: str = "warn") -> None:
        require(isinstance(allow_none, bool), "allow_none", allow_none, "True or False")
        super().__init__(allow_none, importance)

    @property
    def wanted(self) -> str:
        """Say what is wanted."""
        return "None or anything else." if self.limit is True else "not None."

    def validate(self, dataset: Any) -> Finding:
        """Compare with None."""
        return self.counted(int(dataset is None and not self.limit), 1)


class Contains(ThresholdCheck):
    """Every text contains a text, or all of several; a missing one in a column is passed over."""

    argument = "contains"

    def __init__(self, contains: str | Sequence[str], importance: str = "warn") -> None:
        require(_is_texts(contains), "contains", contains, "a text or a list of texts")
        super().__init__(contains, importance)

    @property
    def wanted(self) -> str:
        """Say which texts."""
        return f"containing {' and '.join(map(repr, _texts(self.limit)))}."

    def validate(self, dataset: Any) -> Finding:
        """Count the values that lack one of the texts."""
        column, texts = column_of(dataset), _texts(self.limit)
        return self.counted(column.unfit(lambda item: all(text in item for text in texts)), column.size)


class DoesNotContain(ThresholdCheck):
    """No text contains a text, or any of several."""

    argument = "does_not_contain"

    def __init__(self, does_not_contain: str | Sequence[str], importance: str = "warn") -> None:
        require(
            _is_texts(does_not_contain), "does_not_contain", does_not_contain, "a text or a list of texts"
        )
        super().__init__(does_not_contain, importance)

    @property
    def wanted(self) -> str:
        """Say which texts."""
        return f"without {' or '.join(map(repr, _texts(self.limit)))}."

    def validate(self, dataset: Any) -> Finding:
        """Count the values that contain one of the texts."""
        column, texts = column_of(dataset), _texts(self.limit)
        return self.counted(column.unfit(lambda item: all(text not in item for text in texts)), column.size)


class Regex(ThresholdCheck):
    """Every text matches a regular expression of Python's from its first to its last character."""

    argument = "regex"

    def __init__(self, regex: str | re.Pattern[str], importance: str = "warn") -> None:
        require(_is_pattern(regex), "regex", regex, "a regular expression, as text or compiled")
        super().__init__(regex, importance)

    @property
    def wanted(self) -> str:
        """Say which expression."""
        limit = self.limit.pattern if isinstance(self.limit, re.Pattern) else self.limit
        return f"matching {repr(limit) if isinstance(limit, str) else limit}."

    def validate(self, dataset: Any) -> Finding:
        """Count the values that do not match; what is no text does not."""
        column = column_of(dataset)
        matches = re.compile(self.limit).fullmatch
        offending = column.unfit(lambda item: isinstance(item, str) and matches(item) is not None)
        return self.counted(offending, column.size)


class Unique(ThresholdCheck):
    """No value occurs twice; missing ones may."""

    argument = "unique"

    def __init__(self, unique: bool, importance: str = "warn") -> None:
        require(unique is True, "unique", unique, "unique=True, or leave it out")
        super().__init__(unique, importance)

    @property
    def wanted(self) -> str:
        """Say what is wanted."""
        return "unique."

    def validate(self, dataset: Any) -> Finding:
        """Count the values that were there before."""
        column = column_of(dataset)
        return self.counted(column.repeated(), column.size)


class Length(ThresholdCheck):
    """Every text, or list in a column of lists, has a length, or one in a closed range."""

    argument = "length"

    def __init__(self, length: int | tuple[int, int], importance: str = "warn") -> None:
        fits = _is_range(length) or (isinstance(length, int) and not isinstance(length, bool))
        require(fits, "length", length, "one length, or a lowest and a highest: length=(1, 10)")
        super().__init__(length, importance)

    @property
    def wanted(self) -> str:
        """Say which lengths."""
        return f"of a length {_between(self.limit) if _is_range(self.limit) else f'of {self.limit}'}."

    def validate(self, dataset: Any) -> Finding:
        """Count the values that are shorter or longer; what has no length does not fit."""
        column = column_of(dataset)
        low, high = self.limit if _is_range(self.limit) else (self.limit, self.limit)
        offending = column.unfit(lambda item: hasattr(item, "__len__") and low <= len(item) <= high)
        return self.counted(offending, column.size)


VALIDATORS: Final[list[type[ArgumentCheck]]] = [
    AllowNans,
    AllowNone,
    Contains,
    DataType,
    DoesNotContain,
    Length,
    MaxFractionNans,
    MaxStandardDev,
    MeanInRange,
    Model,
    Range,
    Regex,
    Schema,
    Unique,
    ValuesIn,
]
"""Every check that `check_output` knows; append a class of your own to have it found by its argument."""


def checks_from(
    arguments: Mapping[str, Any],
    importance: str,
    type_: Type | None = None,
    candidates: Sequence[type[ArgumentCheck]] | None = None,
) -> list[ArgumentCheck]:
    """Return the checks that arguments of `check_output` ask for, in their order.

    Args:
        arguments: The limits by argument.
        importance: What follows where one does not hold.
        type_: Type of the value; None takes the first check of an argument, whatever it applies to.
        candidates: The classes to choose from in place of all.

    Raises:
        InvalidModifier: There is no such check, or its limit cannot be used.
    """
    known = VALIDATORS if candidates is None else candidates
    return [
        _find(argument, known, type_)(**{argument: limit, "importance": importance})
        for argument, limit in arguments.items()
    ]


def _find(argument: str, known: Sequence[type[ArgumentCheck]], type_: Type | None) -> type[ArgumentCheck]:
    named = []
    for check in known:
        if check.arg() == argument:
            if type_ is None or _applies(check, type_):
                return check
            named.append(check.__name__)
    if named:
        raise InvalidModifier(
            f"@check_output: none of the checks for {argument}= applies to {type_}: {', '.join(named)}. Add "
            "one to default_validator_candidates that does."
        )
    names = sorted({check.arg() for check in known})
    raise InvalidModifier(
        f"@check_output has no check '{argument}'.{did_you_mean(argument, names)} "
        f"It knows: {', '.join(names) or 'none'}."
    )


def _applies(check: type[ArgumentCheck], type_: Type) -> bool:
    if check.is_general:
        return True
    members = type_.args if type_.name in (UNION, "typing.Annotated") else (type_,)
    for member in members:
        try:
            if member.live is not None and check.applies_to(member.live):
                return True
        except TypeError:  # what is no class answers no issubclass
            continue
    return False


def _between(limit: Any) -> str:
    if isinstance(limit, (Reference, Unevaluated)):
        return f"in {limit}"
    return f"between {describe(limit[0])} and {describe(limit[1])}"


def _is_range(limit: Any) -> bool:
    return isinstance(limit, (tuple, list)) and len(limit) == 2


def _is_pattern(limit: Any) -> bool:
    try:
        return bool(re.compile(limit))
    except (TypeError, re.error):
        return False


def _is_texts(limit: Any) -> bool:
    return isinstance(limit, (str, list, tuple))


def _texts(limit: Any) -> list[str]:
    return list(limit) if isinstance(limit, (list, tuple)) else [str(limit)]
