"""Functions of columns as they run on the workers of Spark: alone, or several on one batch of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from headwater.carried import Carried, carried
from headwater.errors import NodeFailed, in_words
from headwater.modifiers.spark_types import arrow_type
from headwater.shapes import summary

__all__ = ["Step", "on_arrays", "on_columns"]


@dataclass(frozen=True, slots=True)
class Step:
    """A column that a function computes from other columns.

    Attributes:
        name: Name of the column.
        where: Place and name of the feature, for messages.
        call: The function.
        reads: The columns that it takes, by their places among its arguments.
        fixed: The values that its other arguments take, by their places.
        is_of_series: Whether it takes and returns `pandas.Series`, not single cells.
        returns: What Spark calls the type of its cells.
    """

    name: str
    where: str
    call: Callable[..., Any]
    reads: Mapping[int, str]
    fixed: Mapping[int, Any]
    is_of_series: bool
    returns: str

    def __call__(self, *columns: Any) -> Any:
        """Return what the function makes of its columns, as series or as the cells of a row.

        Raises:
            NodeFailed: The function raised; the exception is the cause.
        """
        given = {**self.fixed, **dict(zip(self.reads, columns, strict=True))}
        try:
            return self.call(*[given[place] for place in range(len(given))])
        except Exception as error:
            raise self._failed(f"failed with {in_words(error)}", columns) from error

    def on_arrays(self, arrays: Sequence[Any], is_safe: bool) -> Any:
        """Return the column as an Arrow array, from those that it reads.

        Args:
            arrays: The columns as Arrow arrays, as long as each other.
            is_safe: Whether a value that its type cannot hold is an error; else it is cut short.

        Raises:
            NodeFailed: The function raised, or its values make no column of the type.
        """
        if self.is_of_series:
            # Each function gets series of its own, since it may change them.
            columns = [array.to_pandas() for array in arrays]
            made = self(*columns)
            if not hasattr(made, "isnull"):
                raise self._failed(f"returned {summary(made)} and must return a pandas.Series", columns)
        else:
            columns = [array.to_pylist() for array in arrays]
            made = [self(*row) for row in zip(*columns, strict=True)]
        if len(made) != len(arrays[0]):
            told = f"returned {len(made):,} rows for {len(arrays[0]):,}; a column needs a value for each row"
            raise self._failed(told, columns)
        convert = _array_of_series if self.is_of_series else _array_of_cells
        try:
            return convert(made, arrow_type(self.returns), is_safe)
        except Exception as error:
            told = f"returned {summary(made)}, which makes no column of {self.returns}: {in_words(error)}"
            raise self._failed(told, columns) from error

    def _failed(self, what: str, columns: Sequence[Any]) -> NodeFailed:
        received = zip(self.reads.values(), columns, strict=True)
        shown = ", ".join(f"{name}: {summary(value)}" for name, value in received)
        return NodeFailed(f"{self.where} {what}" + (f"\nIt received {shown}." if shown else ""), self.name)


def _array_of_series(made: Any, to: Any, is_safe: bool) -> Any:
    """Return a series as an Arrow array, in which what is no number is null, as Spark has it."""
    import pyarrow as pa  # type: ignore[import-untyped]

    if made.dtype.name == "category":
        made = made.astype(made.dtype.categories.dtype)
    missing = None if hasattr(made.array, "__arrow_array__") else made.isnull()
    try:
        array = pa.Array.from_pandas(made, mask=missing, type=to, safe=is_safe)
    except pa.ArrowInvalid:
        array = pa.Array.from_pandas(made, mask=missing).cast(to, safe=is_safe)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _array_of_cells(made: Sequence[Any], to: Any, is_safe: bool) -> Any:
    import pyarrow as pa

    if pa.types.is_string(to):
        made = [None if cell is None else _text(cell) for cell in made]
    elif pa.types.is_binary(to):
        made = [None if cell is None else _octets(cell) for cell in made]
    try:
        return pa.array(made, type=to)
    except pa.ArrowInvalid:
        return pa.array(made).cast(to, safe=is_safe)


def _text(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)  # Spark writes true and false


def _octets(cell: Any) -> bytes:
    if not isinstance(cell, (bytes, bytearray)):
        raise TypeError(f"a cell is {type(cell).__name__}, not bytes")
    return bytes(cell)


def on_arrays(
    steps: Sequence[Step], reads: Sequence[str], outputs: Sequence[str], is_safe: bool
) -> Callable[..., Any]:
    """Return a function that Spark takes along: from arrays of the columns read to one of all outputs.

    Args:
        steps: What is computed, in order.
        reads: Names of the columns that the function is given.
        outputs: Names of the columns that it returns, as the fields of a struct.
        is_safe: As for `Step.on_arrays`.

    Raises:
        Exception: A function cannot be pickled.
    """
    # In bytes of their own, so that a worker can answer for `hamilton` before it imports what asks for it.
    steps_carried = _carried((tuple(steps), tuple(reads), tuple(outputs), is_safe))

    # A plain function without annotations: Spark asks for what it says of its arguments.
    def column_pass(*arrays):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN202
        return _run(arrays, *steps_carried.load())

    return column_pass


def on_columns(step: Step) -> Callable[..., Any]:
    """Return a function that Spark takes along to compute one column by itself.

    Raises:
        Exception: The function cannot be pickled.
    """
    step_carried = _carried(step)

    def column(*columns):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN202
        return step_carried.load()(*columns)

    return column


def _carried(what: Any) -> Carried:
    # Spark's own pickler, which also takes along the functions of a script or a notebook.
    dumps = import_module("pyspark.cloudpickle").dumps
    return carried(what, dumps)


def _run(
    arrays: Sequence[Any], steps: Sequence[Step], reads: Sequence[str], outputs: Sequence[str], is_safe: bool
) -> Any:
    import pyarrow as pa

    at_hand = dict(zip(reads, arrays, strict=True))
    for step in steps:
        at_hand[step.name] = step.on_arrays([at_hand[name] for name in step.reads.values()], is_safe)
    made = [at_hand[name] for name in outputs]
    fields = [pa.field(name, array.type) for name, array in zip(outputs, made, strict=True)]
    return pa.StructArray.from_arrays(made, fields=fields)
