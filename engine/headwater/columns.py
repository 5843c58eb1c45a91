"""One way to ask pandas, polars and numpy columns, lists and single values the same few questions."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Protocol

from headwater.values import Reference

__all__ = ["Column", "column_of", "package_of"]


class Column(Protocol):
    """What checks ask of data. Counts are of elements; missing means None, NaN or the library's null."""

    size: int

    def missing(self) -> int:
        """Count missing elements."""

    def outside(self, low: Any, high: Any) -> int:
        """Count elements not in the closed range; missing ones are outside."""

    def not_in(self, values: Collection[Any]) -> int:
        """Count elements that are neither missing nor one of the values."""

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""

    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""

    def standard_deviation(self) -> float:
        """Return the sample standard deviation of the elements that are not missing."""

    def type_name(self) -> str:
        """Return the name of the element type, for messages."""

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the elements are of a type."""


def package_of(data: Any) -> str:
    """Return the top-level package that a value's class comes from."""
    return type(data).__module__.partition(".")[0]


def column_of(data: Any) -> Column:
    """Return the view of a value that checks work on; anything that is no column counts as one element."""
    package = package_of(data)
    if package == "pandas" and hasattr(data, "isna") and hasattr(data, "between"):
        return _PandasColumn(data)
    if package == "polars" and hasattr(data, "is_between"):
        return _PolarsColumn(data)
    if package == "numpy" and hasattr(data, "shape") and data.shape:
        return _NumpyColumn(data)
    return _Elements(data) if isinstance(data, (list, tuple)) else _Elements([data])


class _PandasColumn:
    """A pandas Series."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)

    def missing(self) -> int:
        """Count missing elements."""
        return int(self.data.isna().sum())

    def outside(self, low: Any, high: Any) -> int:
        """Count elements not in the closed range."""
        return self.size - int(self.data.between(low, high).sum())

    def not_in(self, values: Collection[Any]) -> int:
        """Count present elements that are not among the values."""
        return self.size - int((self.data.isin(list(values)) | self.data.isna()).sum())

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return list(self.data.dropna())

    def mean(self) -> float:
        """Return the mean."""
        return float(self.data.mean())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation."""
        return float(self.data.std())

    def type_name(self) -> str:
        """Return the dtype's name."""
        return str(self.data.dtype)

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the dtype is, or is a kind of, the wanted one."""
        if wanted is str and self.data.dtype == object:
            # Before pandas 3, and where columns are mixed, texts are plain objects.
            return _Elements(self.present()).has_type(str)
        return _dtype_is(self.data.dtype, wanted)


class _NumpyColumn:
    """A numpy array, whatever its dimensions."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = int(data.size)

    def missing(self) -> int:
        """Count elements that differ from themselves, as NaN and NaT do, or are None."""
        unequal = self.data != self.data
        return int(unequal.sum()) + int((self.data == None).sum() if self.data.dtype == object else 0)  # noqa: E711

    def outside(self, low: Any, high: Any) -> int:
        """Count elements not in the closed range."""
        return self.size - int(((self.data >= low) & (self.data <= high)).sum())

    def not_in(self, values: Collection[Any]) -> int:
        """Count present elements that are not among the values."""
        return _Elements(self.data.ravel().tolist()).not_in(values)

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return _Elements(self.data.ravel().tolist()).present()

    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""
        return float(self.data[self.data == self.data].mean())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation of the elements that are not missing."""
        return float(self.data[self.data == self.data].std(ddof=1))

    def type_name(self) -> str:
        """Return the dtype's name."""
        return str(self.data.dtype)

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the dtype is, or is a kind of, the wanted one."""
        return _dtype_is(self.data.dtype, wanted)


class _PolarsColumn:
    """A polars Series; null and NaN are both missing."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)

    def _missing(self) -> Any:
        nulls = self.data.is_null()
        return nulls | self.data.is_nan().fill_null(True) if self.data.dtype.is_float() else nulls

    def missing(self) -> int:
        """Count missing elements."""
        return int(self._missing().sum())

    def outside(self, low: Any, high: Any) -> int:
        """Count elements not in the closed range."""
        return self.size - int((self.data.is_between(low, high) & ~self._missing()).sum())

    def not_in(self, values: Collection[Any]) -> int:
        """Count present elements that are not among the values."""
        found = self.data.is_in(list(values)).fill_null(False)
        return self.size - int((found | self._missing()).sum())

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return list(self.data.filter(~self._missing()))

    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""
        return float(self.data.filter(~self._missing()).mean())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation of the elements that are not missing."""
        return float(self.data.filter(~self._missing()).std())

    def type_name(self) -> str:
        """Return the dtype's name."""
        return str(self.data.dtype)

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the dtype is the wanted one, or stands for the wanted Python type."""
        dtype = self.data.dtype
        return bool(dtype == wanted) or (isinstance(wanted, type) and dtype.to_python() is wanted)


class _Elements:
    """A list, or one value as a list of itself."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return [item for item in self.data if not _is_missing(item)]

    def missing(self) -> int:
        """Count missing elements."""
        return self.size - len(self.present())

    def outside(self, low: Any, high: Any) -> int:
        """Count elements not in the closed range."""
        return self.size - sum(bool(low <= item <= high) for item in self.present())

    def not_in(self, values: Collection[Any]) -> int:
        """Count present elements that are not among the values."""
        return sum(item not in values for item in self.present())

    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""
        import statistics

        return statistics.fmean(self.present())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation; of one value it is not a number."""
        import statistics

        present = self.present()
        return statistics.stdev(present) if len(present) > 1 else math.nan

    def type_name(self) -> str:
        """Return the names of the element classes."""
        return ", ".join(sorted({type(item).__name__ for item in self.data})) or "nothing"

    def has_type(self, wanted: Any) -> bool:
        """Tell whether every element is an instance of the wanted class."""
        return all(isinstance(item, wanted) for item in self.data)


def _is_missing(item: Any) -> bool:
    try:
        return item is None or bool(item != item)
    except TypeError:  # pandas.NA does not answer
        return package_of(item) == "pandas"
    except ValueError:  # an array or a table answers for each of its elements
        return False


def _dtype_is(dtype: Any, wanted: Any) -> bool:
    if isinstance(wanted, Reference):
        return False
    if dtype == wanted:
        return True
    kind = getattr(dtype, "type", None)
    if (
        isinstance(wanted, type)
        and isinstance(kind, type)
        and wanted is not object
        and issubclass(kind, wanted)
    ):
        return True
    import numpy

    try:
        # Extension dtypes of pandas are no numpy dtypes, but most name the numpy type of their elements.
        return bool(numpy.issubdtype(dtype if isinstance(dtype, numpy.dtype) else kind, wanted))
    except TypeError:
        return False
