"""The static reader: from source text to functions and dataflows, nothing imported or run."""

from headwater_catalog.lineage_scheme import READER_VERSION
from headwater_catalog.read.columns import columns_of
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.discover import Drivers, ambiguity, drivers_from_text, text_of_drivers
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.link import LinkedModule
from headwater_catalog.read.modules import is_source, modules_of
from headwater_catalog.read.named import NAMED_FORM, Named, is_test_file, named_in
from headwater_catalog.read.parse import Content, ParsedModule, read_blob
from headwater_catalog.read.pieces import Pieces
from headwater_catalog.read.project import PROJECT_FILES, DataflowSpec, Project, SourceSpec, read_project
from headwater_catalog.read.tree import (
    LinkCache,
    Reading,
    directory_files,
    read_directory,
    read_tree,
)

__all__ = [
    "NAMED_FORM",
    "PROJECT_FILES",
    "READER_VERSION",
    "Content",
    "DataflowSpec",
    "Diagnostic",
    "Drivers",
    "LinkCache",
    "LinkedModule",
    "Named",
    "ParsedModule",
    "Pieces",
    "Project",
    "RawFunction",
    "Reading",
    "SourceSpec",
    "ambiguity",
    "columns_of",
    "directory_files",
    "drivers_from_text",
    "is_source",
    "is_test_file",
    "modules_of",
    "named_in",
    "read_blob",
    "read_directory",
    "read_project",
    "read_tree",
    "text_of_drivers",
]
