"""What the result builders make of the outputs."""

import numpy as np
import pandas as pd
from hamilton import base, driver


def ones() -> pd.Series:
    return pd.Series([1.0, 2.0, 3.0], index=["x", "y", "z"])


def twos() -> pd.Series:
    return pd.Series([4, 5, 6], index=["x", "y", "z"])


def shifted() -> pd.Series:
    return pd.Series([7, 8], index=["y", "w"])


def dated() -> pd.Series:
    return pd.Series([1, 2], index=pd.to_datetime(["2024-01-01", "2024-01-02"]))


def numbered() -> pd.Series:
    return pd.Series([1, 2, 3])


def number() -> int:
    return 5


def text() -> str:
    return "word"


def items() -> list:
    return [10, 20, 30]


def array() -> np.ndarray:
    return np.array([1.5, 2.5, 3.5])


def table() -> pd.DataFrame:
    return pd.DataFrame({"p": [1, 2, 3], "q": [4, 5, 6]}, index=["x", "y", "z"])


def nothing() -> None:
    return None


def _built(module, builder, outputs):
    return driver.Driver({}, module, adapter=base.SimplePythonGraphAdapter(builder)).execute(outputs)


def _ask_driver_default(module):
    return driver.Driver({}, module).execute(["ones", "twos"])


def _ask_builder_default(module):
    return driver.Builder().with_modules(module).build().execute(["ones", "number"])


def _ask_pandas_aligned(module):
    return _built(module, base.PandasDataFrameResult(), ["ones", "twos"])


def _ask_pandas_misaligned(module):
    return _built(module, base.PandasDataFrameResult(), ["ones", "shifted"])


def _ask_pandas_other_index_types(module):
    return _built(module, base.PandasDataFrameResult(), ["ones", "numbered"])


def _ask_pandas_with_number(module):
    return _built(module, base.PandasDataFrameResult(), ["ones", "number", "text"])


def _ask_pandas_only_numbers(module):
    return _built(module, base.PandasDataFrameResult(), ["number", "text"])


def _ask_pandas_one_number(module):
    return _built(module, base.PandasDataFrameResult(), ["number"])


def _ask_pandas_only_list(module):
    return _built(module, base.PandasDataFrameResult(), ["items"])


def _ask_pandas_list_and_array(module):
    return _built(module, base.PandasDataFrameResult(), ["items", "array"])


def _ask_pandas_numbered_and_list(module):
    return _built(module, base.PandasDataFrameResult(), ["numbered", "items", "array"])


def _ask_pandas_one_table(module):
    return _built(module, base.PandasDataFrameResult(), ["table"])


def _ask_pandas_table_and_column(module):
    return _built(module, base.PandasDataFrameResult(), ["table", "ones"])


def _ask_pandas_table_and_number(module):
    return _built(module, base.PandasDataFrameResult(), ["table", "number"])


def _ask_pandas_column_and_none(module):
    return _built(module, base.PandasDataFrameResult(), ["ones", "nothing"])


def _ask_pandas_nothing(module):
    return _built(module, base.PandasDataFrameResult(), [])


def _ask_pandas_order(module):
    return _built(module, base.PandasDataFrameResult(), ["twos", "ones"])


def _ask_strict_aligned(module):
    return _built(module, base.StrictIndexTypePandasDataFrameResult(), ["ones", "twos"])


def _ask_strict_misaligned_values(module):
    return _built(module, base.StrictIndexTypePandasDataFrameResult(), ["ones", "shifted"])


def _ask_strict_other_index_types(module):
    return _built(module, base.StrictIndexTypePandasDataFrameResult(), ["ones", "numbered"])


def _ask_strict_dates_and_numbers(module):
    return _built(module, base.StrictIndexTypePandasDataFrameResult(), ["dated", "numbered"])


def _ask_matrix(module):
    return _built(module, base.NumpyMatrixResult(), ["ones", "twos", "number"])


def _ask_matrix_of_arrays(module):
    return _built(module, base.NumpyMatrixResult(), ["array", "items"])


def _ask_matrix_of_other_lengths(module):
    return _built(module, base.NumpyMatrixResult(), ["ones", "shifted"])


def _ask_matrix_of_table(module):
    return _built(module, base.NumpyMatrixResult(), ["table"])


def _ask_matrix_of_text(module):
    return _built(module, base.NumpyMatrixResult(), ["text"])


def _ask_dictionary(module):
    return _built(module, base.DictResult(), ["ones", "number", "nothing"])


def _ask_default_adapter(module):
    return driver.Driver({}, module, adapter=base.DefaultAdapter()).execute(["number", "text"])


def _ask_data_frame_adapter(module):
    return driver.Driver({}, module, adapter=base.SimplePythonDataFrameGraphAdapter()).execute(
        ["ones", "twos"]
    )


def _ask_adapter_without_builder(module):
    return driver.Driver({}, module, adapter=base.SimplePythonGraphAdapter()).execute(["number"])


def _ask_own_builder(module):
    class Sum(base.ResultMixin):
        @staticmethod
        def build_result(**outputs):
            return sum(value.sum() for value in outputs.values())

    return _built(module, Sum(), ["ones", "twos"])


def _ask_polars_result(module):
    import polars as pl
    from hamilton import ad_hoc_utils
    from hamilton.plugins import h_polars

    def a() -> pl.Series:
        return pl.Series([1, 2])

    def b() -> int:
        return 3

    made = ad_hoc_utils.create_temporary_module(a, b, module_name="results_polars")
    adapter = base.SimplePythonGraphAdapter(h_polars.PolarsDataFrameResult())
    return driver.Driver({}, made, adapter=adapter).execute(["a", "b"])


def _ask_polars_lazy_result(module):
    import polars as pl
    from hamilton import ad_hoc_utils
    from hamilton.plugins import h_polars

    def a() -> pl.LazyFrame:
        return pl.LazyFrame({"a": [1, 2]})

    made = ad_hoc_utils.create_temporary_module(a, module_name="results_polars_lazy")
    adapter = base.SimplePythonGraphAdapter(h_polars.PolarsLazyFrameResult())
    return driver.Driver({}, made, adapter=adapter).execute(["a"])


def _ask_pyarrow_result(module):
    from hamilton.plugins.h_pyarrow import PyarrowTableResult

    adapter = base.SimplePythonGraphAdapter(PyarrowTableResult())
    return driver.Driver({}, module, adapter=adapter).execute(["table"])
