"""Feature functions and the engine that runs them.

from headwater import Driver, check_output, tag
"""

from headwater.driver import Driver
from headwater.errors import HeadwaterError
from headwater.modifiers import (
    check_output,
    config,
    extract_columns,
    hamilton_exclude,
    parameterize,
    source,
    tag,
    value,
)

__all__ = [
    "Driver",
    "HeadwaterError",
    "check_output",
    "config",
    "extract_columns",
    "hamilton_exclude",
    "parameterize",
    "source",
    "tag",
    "value",
]
