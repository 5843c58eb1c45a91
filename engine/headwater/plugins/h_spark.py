"""Spark under the name of Hamilton's plug-in: columns added to tables, and an adapter for whole graphs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

from headwater.errors import HeadwaterError, InvalidInput
from headwater.htypes import get_type_information
from headwater.instances import is_instance
from headwater.lifecycle.base import BaseDoValidateInput, BasePreGraphExecute
from headwater.lifecycle.views import NodeView
from headwater.modifiers.checked import IS_DATA_VALIDATOR_TAG
from headwater.modifiers.h_spark import CHECKED, require_columns, select, with_columns
from headwater.modifiers.spark_calls import ColumnCall, is_table_of_spark, selected
from headwater.modifiers.spark_passes import narrowed
from headwater.modifiers.spark_types import cells, spark_type
from headwater.results import SimplePythonDataFrameGraphAdapter
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
    return _is_of_spark(value) and any(is_table_of_spark(Type.of(kind)) for kind in type(value).__mro__)


def _is_of_spark(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "pyspark"


class SparkInputValidator(BaseDoValidateInput):
    """Lets inputs take tables and sessions of Spark Connect and of Spark itself for each other."""

    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Tell whether an input of a type takes a value."""
        wanted = Type.of(node_type)
        if is_table_of_spark(wanted) and _is_table(input_value):
            return True
        is_session = _is_of_spark(input_value) and type(input_value).__name__ == "SparkSession"
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


class KoalasDataFrameResult:
    """Told apart from what is missing: PySpark has `pyspark.pandas` for older versions of pandas only."""

    def __init__(self) -> None:
        """Refuse.

        Raises:
            HeadwaterError: Always.
        """
        _refuse_koalas("KoalasDataFrameResult")


class SparkKoalasGraphAdapter:
    """Told apart from what is missing: PySpark has `pyspark.pandas` for older versions of pandas only."""

    def __init__(self, spark_session: Any, result_builder: Any, spine_column: str) -> None:
        """Refuse.

        Raises:
            HeadwaterError: Always.
        """
        _refuse_koalas("SparkKoalasGraphAdapter")


def _refuse_koalas(name: str) -> NoReturn:
    raise HeadwaterError(
        f"{name} needs pyspark.pandas, which PySpark has for pandas before version 3 only. Add columns to a "
        "Spark table with @h_spark.with_columns, or compute a graph on one with PySparkUDFGraphAdapter."
    )
