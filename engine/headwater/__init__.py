"""Feature functions and the engine that runs them.

from headwater import Builder, Driver, check_output, tag
"""

from typing import TYPE_CHECKING

from headwater.lazily import lazily

if TYPE_CHECKING:
    from headwater.builder import Builder
    from headwater.driver import Driver
    from headwater.errors import HeadwaterError
    from headwater.htypes import Collect, Parallelizable
    from headwater.keeping import keep
    from headwater.materializers import from_, to
    from headwater.modifiers import (
        ParameterizedExtract,
        ResolveAt,
        accept_error_sentinels,
        apply_to,
        cache,
        check_output,
        check_output_custom,
        config,
        configuration,
        dataloader,
        datasaver,
        does,
        external_input,
        extract_columns,
        extract_fields,
        group,
        hamilton_exclude,
        inject,
        load_from,
        mutate,
        parameterize,
        parameterize_extract_columns,
        parameterize_sources,
        parameterize_values,
        parameterized_subdag,
        pipe_input,
        pipe_output,
        ray_remote_options,
        resolve,
        resolve_from_config,
        save_to,
        schema,
        source,
        step,
        subdag,
        tag,
        tag_outputs,
        unpack_fields,
        value,
    )
    from headwater.results import DictResult, PandasDataFrameResult

__all__ = [
    "Builder",
    "Collect",
    "DictResult",
    "Driver",
    "HeadwaterError",
    "PandasDataFrameResult",
    "Parallelizable",
    "ParameterizedExtract",
    "ResolveAt",
    "accept_error_sentinels",
    "apply_to",
    "cache",
    "check_output",
    "check_output_custom",
    "config",
    "configuration",
    "dataloader",
    "datasaver",
    "does",
    "external_input",
    "extract_columns",
    "extract_fields",
    "from_",
    "group",
    "hamilton_exclude",
    "inject",
    "keep",
    "load_from",
    "mutate",
    "parameterize",
    "parameterize_extract_columns",
    "parameterize_sources",
    "parameterize_values",
    "parameterized_subdag",
    "pipe_input",
    "pipe_output",
    "ray_remote_options",
    "resolve",
    "resolve_from_config",
    "save_to",
    "schema",
    "source",
    "step",
    "subdag",
    "tag",
    "tag_outputs",
    "to",
    "unpack_fields",
    "value",
]

_HOMES = {
    "headwater.builder": ("Builder",),
    "headwater.driver": ("Driver",),
    "headwater.errors": ("HeadwaterError",),
    "headwater.htypes": ("Collect", "Parallelizable"),
    "headwater.keeping": ("keep",),
    "headwater.materializers": ("from_", "to"),
    "headwater.results": ("DictResult", "PandasDataFrameResult"),
}
_ELSEWHERE = {name for names in _HOMES.values() for name in names}

__getattr__ = lazily(
    __name__, {**_HOMES, "headwater.modifiers": [name for name in __all__ if name not in _ELSEWHERE]}
)
