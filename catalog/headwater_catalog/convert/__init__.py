"""Imperative pandas scripts: their column lineage, and the feature functions that they become."""

from headwater_catalog.convert.conversion import Conversion, convert_script
from headwater_catalog.convert.script_lineage import ColumnStep, lineage_of
from headwater_catalog.convert.values import Note

__all__ = ["ColumnStep", "Conversion", "Note", "convert_script", "lineage_of"]
