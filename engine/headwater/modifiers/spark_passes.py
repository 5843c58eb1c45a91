"""Columns that follow each other on a Spark table, computed together: one pass to Python and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

from headwater.modifiers.spark_steps import Step, on_arrays, on_columns
from headwater.modifiers.spark_types import plain_name, spark_type

__all__ = ["ColumnPass", "added", "narrowed", "without_warnings"]

_ASSUMED = {
    "spark.sql.execution.pythonUDF.arrow.enabled": "true",
    "spark.sql.execution.pythonUDF.pandas.preferIntExtensionDtype": "false",
    "spark.sql.execution.pythonUDF.pandas.intToDecimalCoercionEnabled": "false",
    "spark.sql.execution.pyspark.binaryAsBytes": "true",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.legacy.execution.pythonUDF.pandas.conversion.enabled": "false",
}
"""What a session must have set, as it has unless told otherwise, for a pass to do as functions alone do."""

_SAFE = "spark.sql.execution.pandas.convertToArrowArraySafely"
_MADE = "__headwater_pass"


def added(table: Any, step: Step) -> Any:
    """Return a table with one more column.

    A column of a plain type becomes part of the pass that the table stands for, or begins one. Any other is
    a function of Spark's own, for which the table is made.
    """
    current = _pass_of(table)
    following = None if current is None else current.then(step)
    return _alone(table, step) if following is None else _pending()(following)


def narrowed(table: Any, keeps: Callable[[str], bool]) -> Any:
    """Return a table that stands for a pass with only some of the columns that are made there."""
    if not _is_pending(table):
        return table
    current: ColumnPass = table.column_pass
    outputs = tuple(name for name in current.outputs if keeps(name))
    if len(outputs) == len(current.outputs):
        return table
    left_out = set(current.outputs).difference(outputs)
    types = {name: type_ for name, type_ in current.types.items() if name not in left_out}
    narrow = replace(current, outputs=outputs, types=types)
    return _pending()(narrow) if outputs else current.base


def _alone(table: Any, step: Step) -> Any:
    """Return a table with a column that is a function of Spark's by itself."""
    functions = import_module("pyspark.sql.functions")
    make = functions.pandas_udf if step.is_of_series else functions.udf

    with without_warnings():
        function = make(on_columns(step), step.returns)
        return table.withColumn(step.name, function(*map(functions.col, step.reads.values())))


@contextmanager
def without_warnings() -> Iterator[None]:
    """Let Spark be used without its warning, at every call, of the pandas that is installed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


@dataclass(frozen=True, slots=True)
class ColumnPass:
    """Columns to be computed on a table, as one function of Spark's that returns them all.

    Only the columns that are read go to Python, and only those made come back; the table's own stay as they
    are, whatever their types.

    Attributes:
        base: The table.
        types: The columns that there will be, with the plain names of their types; None for other types.
        is_safe: Whether values that their type cannot hold are errors.
        steps: The columns to compute, in order.
        outputs: Names of those that are wanted, in order.
    """

    base: Any
    types: Mapping[str, str | None]
    is_safe: bool
    steps: tuple[Step, ...] = ()
    outputs: tuple[str, ...] = ()

    @classmethod
    def begun(cls, table: Any) -> ColumnPass | None:
        """Return a pass of no columns on a table; None where the session has other ideas of values."""
        conf = table.sparkSession.conf
        if any(_set(conf, key, expected) != expected for key, expected in _ASSUMED.items()):
            return None
        types: dict[str, str | None] = {}
        for field in table.schema.fields:
            known = plain_name(field.dataType.simpleString())
            types[field.name] = None if field.name in types else known  # two of a name cannot be told apart
        return cls(table, types, _set(conf, _SAFE, "true") == "true")

    def then(self, step: Step) -> ColumnPass | None:
        """Return the pass with one more column; None where a pass cannot compute it as Spark would."""
        returns = plain_name(step.returns)
        lowered = step.name.lower()
        if (
            returns is None
            or not step.reads
            or any(self.types.get(name) is None for name in step.reads.values())
            or any(name.lower() == lowered for name in self.types)  # Spark would put it in the other's place
        ):
            return None
        return replace(
            self,
            types={**self.types, step.name: returns},
            steps=(*self.steps, replace(step, returns=returns)),
            outputs=(*self.outputs, step.name),
        )

    def table(self) -> Any:
        """Return the table with the columns."""
        functions, types = import_module("pyspark.sql.functions"), import_module("pyspark.sql.types")
        steps, reads = self._needed()
        column_pass = on_arrays(steps, reads, self.outputs, self.is_safe)
        made = _MADE
        while made in self.types:
            made += "_"
        with without_warnings():
            returned = types.StructType([self._field(name) for name in self.outputs])
            function = functions.arrow_udf(column_pass, returned)
            struct = function(*[functions.col(f"`{name}`") for name in reads])
            return self.base.select("*", struct.alias(made)).select("*", f"{made}.*").drop(made)

    def schema(self) -> Any:
        """Return what Spark calls the schema of the table, which need not be made for it."""
        types = import_module("pyspark.sql.types")
        own = list(self.base.schema.fields)
        return types.StructType([*own, *(self._field(name) for name in self.outputs)])

    def _field(self, name: str) -> Any:
        return import_module("pyspark.sql.types").StructField(name, spark_type(str(self.types[name])), True)

    def _needed(self) -> tuple[Sequence[Step], Sequence[str]]:
        """Return the steps that the outputs need, and the columns of the table that these read."""
        wanted = dict.fromkeys(self.outputs)
        steps = []
        for step in reversed(self.steps):
            if step.name in wanted:
                steps.append(step)
                del wanted[step.name]  # before this step it is another column, if any
                wanted.update(dict.fromkeys(step.reads.values()))
        return steps[::-1], list(wanted)


def _set(conf: Any, key: str, unknown: str) -> str:
    """Return what a session has set; `unknown` where its version does not know of it.

    Asked with a default, a session answers that, and not what it does unless it is told otherwise.
    """
    try:
        return str(conf.get(key))
    except Exception:
        return unknown


def _pass_of(table: Any) -> ColumnPass | None:
    """Return the pass that a table stands for, or one that begins with it; None where there can be none."""
    if _is_pending(table):
        current: ColumnPass = table.column_pass
        return current
    # Spark Connect has tables of another kind, and before 4.1 there are no functions of Arrow arrays.
    has_arrow = hasattr(import_module("pyspark.sql.functions"), "arrow_udf")
    return ColumnPass.begun(table) if has_arrow and isinstance(table, _classic()) else None


def _is_pending(table: Any) -> bool:
    """Tell whether a table stands for a pass; one that was looked at is a table like others."""
    # Not by asking for an attribute, which a table takes for one of its columns.
    return "column_pass" in getattr(table, "__dict__", ()) and not table.is_made


def _classic() -> Any:
    try:
        return import_module("pyspark.sql.classic.dataframe").DataFrame
    except ImportError:  # before Spark 4 there was one kind only
        return import_module("pyspark.sql.dataframe").DataFrame


@cache
def _pending() -> Any:
    """Return the class of tables that are made when they are first looked at.

    Hooks and readers get a Spark table for each column, as without passes. Of a chain only the last table
    is made, since making one takes Spark longer the more columns there are.
    """
    classic = _classic()

    def __init__(self: Any, column_pass: ColumnPass) -> None:
        self._headwater_made = None
        self.column_pass = column_pass
        classic.__init__(self, None, column_pass.base.sparkSession)

    def made(self: Any) -> Any:
        if self._headwater_made is None:
            self._headwater_made = self.column_pass.table()._jdf
        return self._headwater_made

    def ignore(self: Any, _: None) -> None:
        """Spark's own constructor sets what is not there yet."""

    body = {
        "__doc__": "A Spark table with columns that are computed in one pass, made when it is looked at.",
        "__init__": __init__,
        "__module__": classic.__module__,
        "__new__": lambda cls, *_: object.__new__(cls),
        "_jdf": property(made, ignore),
        "is_made": property(lambda self: self._headwater_made is not None),
        "columns": property(lambda self: _columns(self.column_pass)),
        "schema": property(lambda self: self.column_pass.schema()),
    }
    return type("DataFrame", (classic,), body)


def _columns(column_pass: ColumnPass) -> list[str]:
    return [*column_pass.base.columns, *column_pass.outputs]
