"""One way to ask pandas, polars, numpy and Arrow columns, lists and single values the same few questions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Container
from functools import lru_cache
from typing import Any, Final

from headwater.values import Reference

__all__ = ["Column", "column_of", "library_class", "package_of"]


class Column(ABC):
    """What checks and profiles ask of data. Missing means None, NaN or the library's null."""

    data: Any
    size: int
    """How many elements there are."""

    @abstractmethod
    def missing(self) -> int:
        """Count missing elements."""

    @abstractmethod
    def outside(self, low: Any, high: Any) -> tuple[int, Any]:
        """Count elements not in the closed range; missing ones are outside.

        Returns:
            The count, and the lowest and the highest present element where they came with it or
            something is outside; else None.
        """

    @abstractmethod
    def extremes(self) -> tuple[Any, Any]:
        """Return the lowest and the highest of the elements that are not missing."""

    @abstractmethod
    def present(self) -> list[Any]:
        """Return the elements that are not missing, as Python objects where there are such."""

    @abstractmethod
    def every(self, step: int) -> Column:
        """Return the column of every so manyth element."""

    @abstractmethod
    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""

    @abstractmethod
    def standard_deviation(self) -> float:
        """Return the sample standard deviation of the elements that are not missing."""

    @abstractmethod
    def type_name(self) -> str:
        """Return the name of the element type, for messages."""

    @abstractmethod
    def has_type(self, wanted: Any) -> bool:
        """Tell whether the elements are of a type."""

    def unfit(self, fits: Callable[[Any], bool]) -> int:
        """Count elements that are not missing and fail a test."""
        return sum(not fits(item) for item in self.present())

    def not_in(self, values: Collection[Any]) -> int:
        """Count elements that are neither missing nor one of the values."""
        return self.unfit(values.__contains__)

    def repeated(self) -> int:
        """Count elements that are not missing and equal an earlier one."""
        present = self.present()
        return len(present) - len(set(present))


def package_of(data: Any) -> str:
    """Return the top-level package that a value's class comes from."""
    return type(data).__module__.partition(".")[0]


def library_class(cls: type, known: Container[str]) -> str | None:
    """Return the first of a class and its bases that is known, as `pandas.Series`; None without any."""
    for base in cls.__mro__:
        name = f"{base.__module__.partition('.')[0]}.{base.__name__}"
        if name in known:
            return name
    return None


def column_of(data: Any) -> Column:
    """Return the view of a value that checks work on; anything that is no column counts as one element."""
    return _view_of(data.__class__)(data)


@lru_cache(maxsize=256)
def _view_of(cls: type) -> Callable[[Any], Column]:
    name = library_class(cls, _VIEWS)
    if name is not None:
        return _VIEWS[name]
    return _computed if hasattr(cls, "__dask_graph__") else _Value


def _computed(data: Any) -> Column:
    return column_of(data.compute())


class _PandasColumn(Column):
    """A pandas Series."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)

    def _numbers(self) -> _NumpyColumn | None:
        # Most columns hold plain numpy numbers, which numpy counts ten times as fast as pandas does.
        dtype = self.data.dtype
        is_plain = dtype.kind in _NUMERIC and package_of(dtype) == "numpy"
        return _NumpyColumn(self.data.values) if is_plain else None

    def missing(self) -> int:
        """Count missing elements."""
        numbers = self._numbers()
        return int(self.data.isna().sum()) if numbers is None else numbers.missing()

    def outside(self, low: Any, high: Any) -> tuple[int, Any]:
        """Count elements not in the closed range."""
        numbers = self._numbers()
        if numbers is not None:
            return numbers.outside(low, high)
        outside = self.size - int(self.data.between(low, high).sum())
        return outside, self.extremes() if outside else None

    def extremes(self) -> tuple[Any, Any]:
        """Return the lowest and the highest present element."""
        return self.data.min(), self.data.max()

    def not_in(self, values: Collection[Any]) -> int:
        """Count present elements that are not among the values."""
        found = self.data.isin(list(values))
        if found.to_numpy().all():
            return 0
        return self.size - int((found | self.data.isna()).sum())

    def repeated(self) -> int:
        """Count present elements that equal an earlier one."""
        return 0 if self.data.is_unique else int(self.data.dropna().duplicated().sum())

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return list(self.data.dropna().tolist())

    def every(self, step: int) -> Column:
        """Return the column of every so manyth element."""
        return _PandasColumn(self.data.iloc[::step])

    def mean(self) -> float:
        """Return the mean."""
        return float(self.data.mean())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation."""
        return float(self.data.std())

    def type_name(self) -> str:
        """Return the dtype's name."""
        return _dtype_name(self.data.dtype)

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the dtype is, or is a kind of, the wanted one."""
        if wanted is str and self.data.dtype == object:
            # Before pandas 3, and where columns are mixed, texts are plain objects.
            return _Elements(self.present()).has_type(str)
        return _dtype_is(self.data.dtype, wanted)


class _NumpyColumn(Column):
    """A numpy array, whatever its dimensions."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = int(data.size)

    def missing(self) -> int:
        """Count elements that differ from themselves, as NaN and NaT do, or are None."""
        import numpy

        kind = self.data.dtype.kind
        if kind in "biu":
            return 0
        if kind == "O":
            return _Elements(self._elements()).missing()
        return int(numpy.count_nonzero(self.data != self.data))

    def outside(self, low: Any, high: Any) -> tuple[int, Any]:
        """Count elements not in the closed range."""
        import numpy

        data = self.data
        if self.size and data.dtype.kind in _NUMERIC:
            # Two passes without a temporary array; NaN is the lowest where there is one, and fits no range.
            lowest, highest = data.min(), data.max()
            if low <= lowest and highest <= high:
                return 0, (lowest, highest)
        outside = self.size - int(numpy.count_nonzero((data >= low) & (data <= high)))
        return outside, self.extremes() if outside else None

    def extremes(self) -> tuple[Any, Any]:
        """Return the lowest and the highest present element."""
        import numpy

        # These pass NaN and NaT over, and say nothing where there is nothing else.
        return numpy.fmin.reduce(self.data, axis=None), numpy.fmax.reduce(self.data, axis=None)

    def _elements(self) -> list[Any]:
        kind = self.data.dtype.kind
        # Python's own times are as fine as microseconds; finer ones would come as whole numbers.
        data = self.data.astype(f"{kind}8[us]") if kind in "mM" else self.data
        return list(data.ravel().tolist())

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return _Elements(self._elements()).present()

    def every(self, step: int) -> Column:
        """Return the column of every so manyth element."""
        return _NumpyColumn(self.data.ravel()[::step])

    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""
        return float(self.data[self.data == self.data].mean())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation; of fewer than two elements it is not a number."""
        present = self.data[self.data == self.data]
        return float(present.std(ddof=1)) if present.size > 1 else math.nan

    def type_name(self) -> str:
        """Return the dtype's name."""
        return _dtype_name(self.data.dtype)

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the dtype is, or is a kind of, the wanted one."""
        return _dtype_is(self.data.dtype, wanted)


class _PolarsColumn(Column):
    """A polars Series; null and NaN are both missing."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)

    def _missing(self) -> Any:
        nulls = self.data.is_null()
        return nulls | self.data.is_nan().fill_null(True) if self.data.dtype.is_float() else nulls

    def _present(self) -> Any:
        return self.data.filter(~self._missing())

    def missing(self) -> int:
        """Count missing elements."""
        return int(self._missing().sum())

    def outside(self, low: Any, high: Any) -> tuple[int, Any]:
        """Count elements not in the closed range."""
        outside = self.size - int((self.data.is_between(low, high) & ~self._missing()).sum())
        return outside, self.extremes() if outside else None

    def extremes(self) -> tuple[Any, Any]:
        """Return the lowest and the highest present element."""
        present = self._present()
        return present.min(), present.max()

    def not_in(self, values: Collection[Any]) -> int:
        """Count present elements that are not among the values."""
        found = self.data.is_in(list(values)).fill_null(False)
        return self.size - int((found | self._missing()).sum())

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return list(self._present().to_list())

    def every(self, step: int) -> Column:
        """Return the column of every so manyth element."""
        return _PolarsColumn(self.data.gather_every(step))

    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""
        return _number(self._present().mean())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation of the elements that are not missing."""
        return _number(self._present().std())

    def type_name(self) -> str:
        """Return the dtype's name."""
        return str(self.data.dtype)

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the dtype is the wanted one, or stands for the wanted Python type."""
        dtype = self.data.dtype
        return bool(dtype == wanted) or (isinstance(wanted, type) and dtype.to_python() is wanted)


class _ArrowColumn(Column):
    """A pyarrow Array or ChunkedArray; null and NaN are both missing."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)

    def _present(self) -> Any:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.compute as arrow  # type: ignore[import-untyped]

        data = self.data.drop_null()
        return data.filter(arrow.invert(arrow.is_nan(data))) if pyarrow.types.is_floating(data.type) else data

    def missing(self) -> int:
        """Count missing elements."""
        return self.size - len(self._present())

    def outside(self, low: Any, high: Any) -> tuple[int, Any]:
        """Count elements not in the closed range."""
        import pyarrow.compute as arrow

        within = arrow.and_(arrow.greater_equal(self.data, low), arrow.less_equal(self.data, high))
        outside = self.size - int(arrow.sum(within).as_py() or 0)
        return outside, self.extremes() if outside else None

    def extremes(self) -> tuple[Any, Any]:
        """Return the lowest and the highest present element."""
        import pyarrow.compute as arrow

        found = arrow.min_max(self._present()).as_py()
        return found["min"], found["max"]

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return list(self._present().to_pylist())

    def every(self, step: int) -> Column:
        """Return the column of every so manyth element."""
        return _ArrowColumn(self.data.take(list(range(0, self.size, step))))

    def mean(self) -> float:
        """Return the mean of the elements that are not missing."""
        import pyarrow.compute as arrow

        return _number(arrow.mean(self._present()).as_py())

    def standard_deviation(self) -> float:
        """Return the sample standard deviation of the elements that are not missing."""
        import pyarrow.compute as arrow

        return _number(arrow.stddev(self._present(), ddof=1).as_py())

    def type_name(self) -> str:
        """Return the name of the Arrow type."""
        return str(self.data.type)

    def has_type(self, wanted: Any) -> bool:
        """Tell whether the Arrow type is the wanted one, or its numpy type a kind of it."""
        if self.data.type == wanted:
            return True
        if wanted is str:
            return str(self.data.type) in ("string", "large_string", "string_view")
        try:
            return _dtype_is(self.data.type.to_pandas_dtype(), wanted)
        except NotImplementedError:  # nested types have none
            return False


class _Elements(Column):
    """A list or a tuple."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)

    def present(self) -> list[Any]:
        """Return the elements that are not missing."""
        return [item for item in self.data if not _is_missing(item)]

    def missing(self) -> int:
        """Count missing elements."""
        return sum(map(_is_missing, self.data))

    def outside(self, low: Any, high: Any) -> tuple[int, Any]:
        """Count elements not in the closed range."""
        present = self.present()
        outside = self.size - sum(bool(low <= item <= high) for item in present)
        return outside, (min(present), max(present)) if present else None

    def extremes(self) -> tuple[Any, Any]:
        """Return the lowest and the highest present element."""
        present = self.present()
        return (min(present), max(present)) if present else (None, None)

    def every(self, step: int) -> Column:
        """Return the column of every so manyth element."""
        return _Elements(self.data[::step])

    def mean(self) -> float:
        """Return the mean of the elements that are not missing; of none it is not a number."""
        import statistics

        present = self.present()
        return statistics.fmean(present) if present else math.nan

    def standard_deviation(self) -> float:
        """Return the sample standard deviation; of fewer than two elements it is not a number."""
        import statistics

        present = self.present()
        return float(statistics.stdev(present)) if len(present) > 1 else math.nan

    def type_name(self) -> str:
        """Return the names of the element classes."""
        return ", ".join(sorted({type(item).__name__ for item in self.data})) or "nothing"

    def has_type(self, wanted: Any) -> bool:
        """Tell whether every element is an instance of the wanted class."""
        return all(isinstance(item, wanted) for item in self.data)


class _Value(_Elements):
    """A single value, as a list of itself; where it is missing it fits nothing."""

    def __init__(self, data: Any) -> None:
        self.data = (data,)
        self.size = 1

    def outside(self, low: Any, high: Any) -> tuple[int, Any]:
        """Count the value if it is not in the closed range."""
        (item,) = self.data
        if _is_missing(item):
            return 1, None
        return int(not low <= item <= high), (item, item)

    def unfit(self, fits: Callable[[Any], bool]) -> int:
        """Count the value if it is missing or fails a test."""
        (item,) = self.data
        return int(_is_missing(item) or not fits(item))


_NUMERIC: Final = "biuf"
"""Kinds of numpy dtypes that hold plain numbers."""

_VIEWS: Final[dict[str, Callable[[Any], Column]]] = {
    "builtins.list": _Elements,
    "builtins.tuple": _Elements,
    "numpy.ndarray": _NumpyColumn,
    "pandas.Index": lambda index: _PandasColumn(index.to_series()),
    "pandas.Series": _PandasColumn,
    "polars.Series": _PolarsColumn,
    "pyarrow.Array": _ArrowColumn,
    "pyarrow.ChunkedArray": _ArrowColumn,
}


def _dtype_name(dtype: Any) -> str:
    # numpy takes microseconds to name one of its few dtypes; those of pandas may hold all their categories.
    return _numpy_name(dtype) if package_of(dtype) == "numpy" else str(dtype)


@lru_cache(maxsize=64)
def _numpy_name(dtype: Any) -> str:
    return str(dtype)


def _number(found: Any) -> float:
    return math.nan if found is None else float(found)


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
