"""Arrow tables as results, under the name of Hamilton's plug-in."""

from __future__ import annotations

from typing import Any

from headwater.columns import package_of
from headwater.errors import InvalidInput
from headwater.lifecycle.api import ResultBuilder
from headwater.materialize.packages import needed

__all__ = ["PyarrowTableResult"]


class PyarrowTableResult(ResultBuilder):
    """The one table that was asked for, as an Arrow table; of any package whose frames can be exchanged."""

    def build_result(self, **outputs: Any) -> Any:
        """Return the Arrow table.

        Raises:
            InvalidInput: Not exactly one output was asked for.
        """
        pa = needed("pyarrow", "An Arrow table")
        if len(outputs) != 1:
            raise InvalidInput(
                f"An Arrow table is made of one output, not of {len(outputs)}, since nothing says how "
                "several are joined. Ask for one table."
            )
        (only,) = outputs.values()
        if package_of(only) == "pandas":
            # The rows alone, as other packages hand them over; pandas would add its index as a column.
            return pa.Table.from_pandas(only, preserve_index=False).replace_schema_metadata(None)
        if hasattr(only, "__arrow_c_stream__"):
            return pa.table(only)
        return needed("pyarrow.interchange", "An Arrow table").from_dataframe(only)

    def output_type(self) -> Any:
        """Return the type of the result."""
        return needed("pyarrow", "An Arrow table").Table
