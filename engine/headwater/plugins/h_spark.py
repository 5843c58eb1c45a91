"""Spark under the name of Hamilton's plug-in: columns added to tables, and an adapter for whole graphs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from headwater.errors import HeadwaterError, InvalidInput
from headwater.htypes import get_type_information
from headwater.instances import is_instance
from headwater.lifecycle.api import LegacyResultMixin, LocalGraphAdapter
from headwater.lifecycle.base import BaseDoValidateInput, BasePreGraphExecute
from headwater.lifecycle.views import NodeView
from headwater.materialize.packages import needed
from headwater.modifiers.checked import IS_DATA_VALIDATOR_TAG
from headwater.modifiers.h_spark import CHECKED, require_columns, select, with_columns
from headwater.modifiers.spark_calls import ColumnCall, is_table_of_spark, selected
from headwater.modifiers.spark_passes import narrowed
from headwater.modifiers.spark_types import cells, spark_type
from headwater.results import DictResult, PandasDataFrameResult, SimplePythonDataFrameGraphAdapter
from headwater.types import Type

__all__ = [
    "SPARK_INPUT_CHECK",
    "KoalasDataFrameResult",
    "PySparkUDFGraphAdapter",
    "SparkInputValidator",
    "SparkKoalasGraphAdapter",
    "get_spark_type",
    "numpy_to_spark_type",
    "python_to_spark_type",
    "require_columns",
    "select",
    "with_columns",
]


class PySparkUDFGraphAdapter(SimplePythonDataFrameGraphAdapter, BasePreGraphExecute):
    """Computes the functions of a graph as columns of one Spark table, on the cluster.

    Give the table for each input that is a column of it. Functions of `pandas.Series` and of single cells
    add a column each, in as few passes as with `h_spark.with_columns`; those that read no column run here.
    The result is the table with the outputs as further columns, in their order; other values fill a column.
    """

    def __init__(self) -> None:
        """Take nothing; the table comes with the inputs."""
        super().__init__()
        self.df_object: Any = None
        self.original_schema: list[str] = []
        self.call_count = 0

    def pre_graph_execute(self, **facts: Any) -> None:
        """Forget the table of an execution that failed."""
        self.df_object, self.original_schema = None, []

    @staticmethod
    def check_input_type(node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value; a Spark table stands for its columns."""
        return _is_table(input_value) or is_instance(input_value, Type.of(node_type)) is not False

    @staticmethod
    def check_node_type_equivalence(node_type: Any, input_type: Any) -> bool:
        """Tell whether a parameter takes a column: a series, or the type of its cells."""
        (of_node, cells_of_node), (of_input, cells_of_input) = map(
            get_type_information, (node_type, input_type)
        )
        cells_are_taken = of_input in tuple(cells_of_node)[:1] or of_node in tuple(cells_of_input)[:1]
        return bool(of_node == of_input or cells_are_taken)

    def execute_node(self, node: NodeView, kwargs: dict[str, Any]) -> Any:
        """Return the table with the column that a node makes; where it reads no table, its value.

        Raises:
            HeadwaterError: The table has the column already, or it is of a type that Spark does not have; or
                the node checks a column.
        """
        self.call_count += 1
        tables = [value for value in kwargs.values() if _is_table(value)]
        if not tables:
            return node.callable(**kwargs)
        if IS_DATA_VALIDATOR_TAG in node.tags:
            raise HeadwaterError(CHECKED.format(where=node.node.where, label="PySparkUDFGraphAdapter"))
        if self.df_object is None:
            self.df_object, self.original_schema = tables[0], list(tables[0].columns)
        if node.name in self.df_object.columns:
            raise HeadwaterError(
                f"{node.node.where} makes a column that the table already has. Rename one of them, or give "
                "the table for it as an input."
            )
        self.df_object = _column_call(node, kwargs)(self.df_object, *node.positional(kwargs))
        return self.df_object

    def build_result(self, **outputs: Any) -> Any:  # type: ignore[override]
        """Return the table with the outputs.

        Raises:
            InvalidInput: No function got a Spark table.
        """
        table, columns = self.df_object, list(self.original_schema)
        self.pre_graph_execute()
        if table is None:
            raise InvalidInput(
                "PySparkUDFGraphAdapter had no Spark table to work on. Give one in inputs={...}, for every "
                "column of it that the functions read."
            )
        columns += [name for name in outputs if name not in columns]
        table = narrowed(table, set(columns).__contains__)
        present = set(table.columns)
        for name, value in outputs.items():
            if name not in present:
                table = table.withColumn(name, import_module("pyspark.sql.functions").lit(value))
        return selected(columns, table)

    def output_type(self) -> Any:
        """Return the type of the result."""
        return import_module("pyspark.sql").DataFrame


def _column_call(node: NodeView, kwargs: Mapping[str, Any]) -> ColumnCall:
    made = node.node
    if made.call is None:
        raise HeadwaterError(f"{made.where} was read from source, and cannot be computed.")
    given = tuple(
        place if str(argument.node) in kwargs and not _is_table(kwargs[str(argument.node)]) else None
        for place, argument in enumerate(made.arguments)
    )
    return ColumnCall(made.name, made.call, made.arguments, given, made.type, made.where)


def _is_table(value: Any) -> bool:
    return any(_is_of_spark(kind) and is_table_of_spark(Type.of(kind)) for kind in type(value).__mro__)


def _is_of_spark(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "pyspark"


class SparkInputValidator(BaseDoValidateInput):
    """Lets inputs take tables and sessions of Spark Connect and of Spark itself for each other."""

    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value."""
        wanted = Type.of(node_type)
        if is_table_of_spark(wanted) and _is_table(input_value):
            return True
        kinds = type(input_value).__mro__
        is_session = any(_is_of_spark(kind) and kind.__name__ == "SparkSession" for kind in kinds)
        if is_session and wanted.name.startswith("pyspark.") and wanted.name.endswith(".SparkSession"):
            return True
        return is_instance(input_value, wanted) is not False


SPARK_INPUT_CHECK = SparkInputValidator()
"""What drivers of code for Hamilton name as an adapter."""


def get_spark_type(return_type: Any) -> Any:
    """Return Spark's type of cells for a type of Python or numpy, or a list of one.

    Raises:
        HeadwaterError: Spark has none for it.
    """
    told = cells(Type.of(return_type), "get_spark_type")
    if told.startswith("array<"):
        types = import_module("pyspark.sql.types")
        return types.ArrayType(spark_type(told.removeprefix("array<").removesuffix(">")))
    return spark_type(told)


numpy_to_spark_type = python_to_spark_type = get_spark_type


class KoalasDataFrameResult(LegacyResultMixin):
    """A table of pandas on Spark with a column for every output; the first one says which rows there are."""

    def __init__(self) -> None:
        """Take nothing.

        Raises:
            HeadwaterError: There is no pandas on Spark.
        """
        _koalas("KoalasDataFrameResult")

    @staticmethod
    def build_result(**outputs: Any) -> Any:
        """Return the table.

        Raises:
            InvalidInput: There are no outputs.
        """
        if not outputs:
            raise InvalidInput("A table of pandas on Spark needs at least one output. Ask for some.")
        return _table_on_spark(outputs, next(iter(outputs)))

    def output_type(self) -> Any:
        """Return the type of the result."""
        return _koalas("KoalasDataFrameResult").DataFrame


class SparkKoalasGraphAdapter(LocalGraphAdapter):
    """Lets tables and series of pandas on Spark (`pyspark.pandas`) flow through functions for pandas.

    Functions are called here, on what they are given; Spark computes when the result is needed. PySpark has
    pandas on Spark for pandas before version 3 only. Columns of different tables meet where
    `pyspark.pandas.set_option("compute.ops_on_diff_frames", True)` allows it.

    Args:
        spark_session: The session, which runs already.
        result_builder: A `PandasDataFrameResult`, for which the table comes home, a `KoalasDataFrameResult`,
            or a `DictResult`.
        spine_column: The output that says which rows the table has, and the first column of it.
    """

    def __init__(
        self, spark_session: Any, result_builder: LegacyResultMixin | DictResult, spine_column: str
    ) -> None:
        """Take what says how the result is built.

        Raises:
            HeadwaterError: There is no pandas on Spark.
            InvalidInput: The result builder is another one.
        """
        _koalas("SparkKoalasGraphAdapter")
        if not isinstance(result_builder, (PandasDataFrameResult, KoalasDataFrameResult, DictResult)):
            raise InvalidInput(
                "SparkKoalasGraphAdapter makes a table of pandas, one of pandas on Spark, or a dictionary. "
                "Give PandasDataFrameResult(), KoalasDataFrameResult() or DictResult() as result_builder."
            )
        self.spark_session = spark_session
        self.result_builder = result_builder
        self.spine_column = spine_column

    @staticmethod
    def check_input_type(node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value: those of pandas on Spark do as those of pandas."""
        kind, wanted = type(input_value), getattr(node_type, "__name__", "")
        if kind.__module__.startswith("pyspark.pandas.") and wanted in ("Series", "DataFrame"):
            return wanted == kind.__name__ or wanted == "Series"
        return is_instance(input_value, Type.of(node_type)) is not False

    @staticmethod
    def check_node_type_equivalence(node_type: Any, input_type: Any) -> bool:
        """Tell whether a node's type does for another that is asked for."""
        names = {getattr(each, "__name__", "") for each in (node_type, input_type)}
        packages = {getattr(each, "__module__", "").partition(".")[0] for each in (node_type, input_type)}
        is_alike = names in ({"Series"}, {"DataFrame"}) and packages <= {"pandas", "pyspark"}
        return is_alike or bool(node_type == input_type)

    def build_result(self, **outputs: Any) -> Any:  # type: ignore[override]
        """Return the result that the builder stands for.

        Raises:
            InvalidInput: The spine is not among the outputs.
        """
        if isinstance(self.result_builder, DictResult):
            return self.result_builder.build_result(**outputs)
        if self.spine_column not in outputs:
            raise InvalidInput(
                f"The spine_column {self.spine_column!r} is not among the outputs {', '.join(outputs)}. "
                "Ask for it, too."
            )
        table = _table_on_spark(outputs, self.spine_column)
        return table.to_pandas() if isinstance(self.result_builder, PandasDataFrameResult) else table

    def output_type(self) -> Any:
        """Return the type of the result."""
        return self.result_builder.output_type()


def _table_on_spark(outputs: Mapping[str, Any], spine: str) -> Any:
    first = outputs[spine]
    frames = import_module("pyspark.pandas")
    is_series = isinstance(first, frames.Series)
    table = first.to_frame(spine) if is_series else frames.DataFrame({spine: first})
    for name, value in outputs.items():
        if name != spine:
            table[name] = value
    return table


def _koalas(name: str) -> Any:
    needed("pyspark", name)
    try:
        return import_module("pyspark.pandas")
    except ImportError as error:
        raise HeadwaterError(
            f"{name} needs pyspark.pandas, which PySpark has for pandas before version 3 only. Add columns "
            "to a Spark table with @h_spark.with_columns, or compute a graph on one with "
            "PySparkUDFGraphAdapter."
        ) from error
