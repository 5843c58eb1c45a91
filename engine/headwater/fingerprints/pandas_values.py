"""How tables, columns and scalars of pandas are written for a fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.fingerprints.encoder import Encoder, Unknown, Writer
from headwater.fingerprints.numpy_values import write_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WRITERS", "writer_of"]

WRITERS: dict[type, Writer] = {}
"""Nothing is known without looking at the class."""


def writer_of(of: type) -> Writer:
    """Return the writer of a class of pandas; others than those known are refused."""
    import pandas as pd

    if issubclass(of, pd.api.extensions.ExtensionArray):
        return _array
    known: dict[type, Writer] = {
        pd.DataFrame: _frame,
        pd.Series: _series,
        pd.Index: _index,
        pd.DatetimeIndex: _index_with_frequency,
        pd.TimedeltaIndex: _index_with_frequency,
        pd.PeriodIndex: _index,
        pd.CategoricalIndex: _index,
        pd.IntervalIndex: _index,
        pd.RangeIndex: _range_index,
        pd.MultiIndex: _multi_index,
        pd.Timestamp: _timestamp,
        pd.Timedelta: _timedelta,
        pd.Period: _period,
        pd.Interval: _interval,
        type(pd.NaT): _singleton,
        type(pd.NA): _singleton,
    }
    return known.get(of, _refuse)


def _refuse(value: Any, encoder: Encoder) -> None:
    raise Unknown(f"{type(value)} is not known")


def _singleton(value: Any, encoder: Encoder) -> None:
    encoder.add_text(b"pandas", repr(value))


def _frame(value: pd.DataFrame, encoder: Encoder) -> None:
    _attributes(b"frame", value, encoder)
    encoder.write(value.columns)
    encoder.write(value.index)
    for place in range(value.shape[1]):
        encoder.write(value.iloc[:, place].array)


def _series(value: pd.Series[Any], encoder: Encoder) -> None:
    _attributes(b"series", value, encoder)
    encoder.write(value.name)
    encoder.write(value.index)
    encoder.write(value.array)


def _attributes(kind: bytes, value: Any, encoder: Encoder) -> None:
    encoder.write_all(kind, (value.attrs, value.flags.allows_duplicate_labels))


def _index(value: pd.Index[Any], encoder: Encoder) -> None:
    encoder.add_text(b"index", type(value).__name__)
    encoder.write(value.name)
    encoder.write(value.array)


def _index_with_frequency(value: Any, encoder: Encoder) -> None:
    encoder.write_all(b"frequency", (value.freqstr,))
    _index(value, encoder)


def _range_index(value: pd.RangeIndex, encoder: Encoder) -> None:
    encoder.write_all(b"range index", (value.name, value.start, value.stop, value.step))


def _multi_index(value: pd.MultiIndex, encoder: Encoder) -> None:
    encoder.write_all(b"levels", (*value.names, *value.levels))
    encoder.write_all(b"codes", list(map(_plain, value.codes)))


def _plain(value: Any) -> Any:
    import numpy as np

    return np.asarray(value)


def _array(value: Any, encoder: Encoder) -> None:
    """Write the array behind a column, by the kind of its type."""
    import pandas as pd

    dtype = value.dtype
    encoder.add_text(b"array", type(value).__name__)
    encoder.add_text(b"dtype", f"{dtype!r}")
    if isinstance(value, pd.arrays.NumpyExtensionArray):
        write_array(value.to_numpy(), encoder)
    elif isinstance(value, (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray, pd.arrays.PeriodArray)):
        _moments(value, encoder)
    elif isinstance(value, pd.Categorical):
        encoder.write(value.ordered)
        encoder.write(value.categories)
        write_array(value.codes, encoder)
    elif isinstance(value, pd.arrays.IntervalArray):
        encoder.write_all(b"interval", (value.closed, value.left, value.right))
    elif isinstance(dtype, pd.StringDtype):
        _strings(value, encoder)
    elif isinstance(dtype, pd.ArrowDtype):
        encoder.write(value.__arrow_array__())
    else:
        _masked(value, encoder)


def _moments(value: Any, encoder: Encoder) -> None:
    encoder.write_all(b"moments", (getattr(value, "tz", None), getattr(value, "freqstr", None)))
    write_array(value.asi8, encoder)


def _strings(value: Any, encoder: Encoder) -> None:
    dtype = value.dtype
    encoder.write_all(b"string", (dtype.storage, repr(dtype.na_value)))
    if dtype.storage == "pyarrow":
        encoder.write(value.__arrow_array__())
    else:
        write_array(value.to_numpy(dtype=object), encoder)


def _masked(value: Any, encoder: Encoder) -> None:
    """Write integers, floats and booleans that may be missing; what stands under the mask means nothing."""
    import numpy as np
    import pandas as pd

    known = (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)
    if type(value) not in known:
        raise Unknown(f"{type(value)} is not known")
    data, mask = value._data, value._mask
    write_array(mask, encoder)
    write_array(np.where(mask, data.dtype.type(0), data), encoder)


def _timestamp(value: pd.Timestamp, encoder: Encoder) -> None:
    encoder.write_all(b"timestamp", (value.unit, value.to_datetime64(), value.fold, value.tzinfo))


def _timedelta(value: pd.Timedelta, encoder: Encoder) -> None:
    encoder.write_all(b"pandas timedelta", (value.unit, value.to_timedelta64()))


def _period(value: pd.Period, encoder: Encoder) -> None:
    encoder.write_all(b"period", (value.ordinal, value.freqstr))


def _interval(value: pd.Interval[Any], encoder: Encoder) -> None:
    encoder.write_all(b"pandas interval", (value.left, value.right, value.closed))
