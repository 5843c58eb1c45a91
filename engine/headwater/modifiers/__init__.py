"""Modifiers: decorators that change which nodes a function makes.

Each family is imported when one of its names is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from headwater.errors import InvalidModifier
from headwater.lazily import lazily

if TYPE_CHECKING:
    from headwater.modifiers.base import Modifier
    from headwater.modifiers.checked import check_output, check_output_custom
    from headwater.modifiers.columns import extract_columns
    from headwater.modifiers.deferred import ResolveAt, resolve, resolve_from_config
    from headwater.modifiers.dependencies import (
        LiteralDependency,
        UpstreamDependency,
        group,
        source,
        value,
    )
    from headwater.modifiers.documented import schema
    from headwater.modifiers.external import external_input
    from headwater.modifiers.fields import extract_fields, unpack_fields
    from headwater.modifiers.framed import (
        ParameterizedExtract,
        parameterize_extract_columns,
        parameterize_frame,
    )
    from headwater.modifiers.loading import dataloader, load_from
    from headwater.modifiers.modelled import dynamic_transform, model
    from headwater.modifiers.mutations import mutate
    from headwater.modifiers.parameterized import (
        inject,
        parameterize,
        parameterize_sources,
        parameterize_values,
        parameterized_inputs,
        parametrized,
        parametrized_input,
    )
    from headwater.modifiers.pipes import pipe, pipe_input, pipe_output
    from headwater.modifiers.replaced import does
    from headwater.modifiers.saving import datasaver, save_to
    from headwater.modifiers.sentinels import accept_error_sentinels
    from headwater.modifiers.settings import configuration
    from headwater.modifiers.steps import apply_to, step
    from headwater.modifiers.subdags import parameterized_subdag, subdag
    from headwater.modifiers.tags import cache, ray_remote_options, tag, tag_outputs
    from headwater.modifiers.variants import config, hamilton_exclude

__all__ = [
    "DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG",
    "IS_DATA_VALIDATOR_TAG",
    "PUBLIC_MODULES",
    "UNPACKED",
    "InvalidDecoratorException",
    "LiteralDependency",
    "ParameterizedExtract",
    "ResolveAt",
    "UpstreamDependency",
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
    "dynamic_transform",
    "external_input",
    "extract_columns",
    "extract_fields",
    "group",
    "hamilton_exclude",
    "inject",
    "load_from",
    "model",
    "mutate",
    "parameterize",
    "parameterize_extract_columns",
    "parameterize_frame",
    "parameterize_sources",
    "parameterize_values",
    "parameterized_inputs",
    "parameterized_subdag",
    "parametrized",
    "parametrized_input",
    "pipe",
    "pipe_input",
    "pipe_output",
    "ray_remote_options",
    "resolve",
    "resolve_from_config",
    "save_to",
    "schema",
    "source",
    "static",
    "static_value",
    "step",
    "subdag",
    "tag",
    "tag_outputs",
    "unpack_fields",
    "value",
]

PUBLIC_MODULES = frozenset(
    {
        "hamilton.experimental.decorators.parameterize_frame",
        "hamilton.function_modifiers",
        "hamilton.function_modifiers.adapters",
        "hamilton.function_modifiers.configuration",
        "hamilton.function_modifiers.delayed",
        "hamilton.function_modifiers.dependencies",
        "hamilton.function_modifiers.expanders",
        "hamilton.function_modifiers.macros",
        "hamilton.function_modifiers.metadata",
        "hamilton.function_modifiers.recursive",
        "hamilton.function_modifiers.validation",
        "hamilton.lifecycle",
        "hamilton.lifecycle.default",
        "hamilton.plugins",
        "headwater",
        "headwater.lifecycle",
        "headwater.lifecycle.default",
        "headwater.modifiers",
    }
)
"""Modules under which feature code imports the modifiers."""

InvalidDecoratorException = InvalidModifier

UNPACKED = "**"
"""Keyword under which `static` takes an unknown expression that source text unpacks with `**`."""

_HOMES: Mapping[str, Sequence[str]] = {
    "headwater.modifiers.checked": (
        "DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG",
        "IS_DATA_VALIDATOR_TAG",
        "check_output",
        "check_output_custom",
    ),
    "headwater.modifiers.columns": ("extract_columns",),
    "headwater.modifiers.variants": ("config", "hamilton_exclude"),
    "headwater.modifiers.deferred": ("ResolveAt", "resolve", "resolve_from_config"),
    "headwater.modifiers.dependencies": (
        "LiteralDependency",
        "UpstreamDependency",
        "group",
        "source",
        "value",
    ),
    "headwater.modifiers.documented": ("schema",),
    "headwater.modifiers.external": ("external_input",),
    "headwater.modifiers.fields": ("extract_fields", "unpack_fields"),
    "headwater.modifiers.framed": (
        "ParameterizedExtract",
        "parameterize_extract_columns",
        "parameterize_frame",
    ),
    "headwater.modifiers.loading": ("dataloader", "load_from"),
    "headwater.modifiers.modelled": ("dynamic_transform", "model"),
    "headwater.modifiers.mutations": ("mutate",),
    "headwater.modifiers.parameterized": (
        "inject",
        "parameterize",
        "parameterize_sources",
        "parameterize_values",
        "parameterized_inputs",
        "parametrized",
        "parametrized_input",
    ),
    "headwater.modifiers.pipes": ("pipe", "pipe_input", "pipe_output"),
    "headwater.modifiers.replaced": ("does",),
    "headwater.modifiers.saving": ("datasaver", "save_to"),
    "headwater.modifiers.sentinels": ("accept_error_sentinels",),
    "headwater.modifiers.settings": ("configuration",),
    "headwater.modifiers.steps": ("apply_to", "step"),
    "headwater.modifiers.subdags": ("parameterized_subdag", "subdag"),
    "headwater.modifiers.tags": ("cache", "ray_remote_options", "tag", "tag_outputs"),
}
__getattr__ = lazily(__name__, _HOMES)

_MODIFIERS = frozenset(
    {
        "accept_error_sentinels",
        "cache",
        "check_output",
        "check_output_custom",
        "config",
        "config.when",
        "config.when_in",
        "config.when_not",
        "config.when_not_in",
        "dataloader",
        "datasaver",
        "does",
        "dynamic_transform",
        "external_input",
        "extract_columns",
        "extract_fields",
        "h_pandas.with_columns",
        "h_pandera.check_output",
        "h_polars.with_columns",
        "h_polars_lazyframe.with_columns",
        "h_pydantic.check_output",
        "h_spark.require_columns",
        "h_spark.select",
        "h_spark.with_columns",
        "hamilton_exclude",
        "inject",
        "model",
        "mutate",
        "parameterize",
        "parameterize_extract_columns",
        "parameterize_frame",
        "parameterize_sources",
        "parameterize_values",
        "parameterized_inputs",
        "parameterized_subdag",
        "parametrized",
        "parametrized_input",
        "pipe",
        "pipe_input",
        "pipe_output",
        "ray_remote_options",
        "resolve",
        "resolve_from_config",
        "schema.output",
        "subdag",
        "tag",
        "tag_outputs",
        "unpack_fields",
    }
)
"""The modifiers, as decorators in source text name them."""

_FORMATTED = frozenset({"load_from", "save_to"})
"""Modifiers with an attribute for every format, which code may register more of: `load_from.csv`."""

_VALUES = frozenset(
    {
        "LiteralDependency",
        "ParameterizedExtract",
        "UpstreamDependency",
        "apply_to",
        "configuration",
        "group",
        "source",
        "step",
        "value",
    }
)
"""What arguments of modifiers may be made with."""


def static(name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Modifier | None:
    """Make the modifier that a decorator in source text stands for, without running the source.

    Args:
        name: Public dotted name, such as `config.when`.
        args: Its evaluated arguments; what is not known is `Unevaluated` or a `Reference`.
        kwargs: Its evaluated keyword arguments; an unknown mapping stands under `UNPACKED`.

    Returns:
        The modifier, or None where no modifier has this name. It says in `partial` what is not known.

    Raises:
        DefinitionError: The arguments are wrong.
    """
    owner, _, key = name.partition(".")
    make: Callable[..., Any]
    if key and owner in _FORMATTED:
        make = partial(_found(owner), key)
    elif name in _MODIFIERS:
        make = _found(name)
    else:
        return None
    known = dict(kwargs or {})
    unpacked = known.pop(UNPACKED, None)
    modifier: Modifier = _called(name, make, args, known)
    from headwater.modifiers.base import reasons

    modifier.partial = reasons(*args, known, unpacked)
    return modifier


def static_value(name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
    """Make the `source(...)` or `value(...)` that a call in source text stands for; None if it is neither.

    Raises:
        DefinitionError: The arguments are wrong.
    """
    return _called(name, _found(name), args, kwargs or {}) if name in _VALUES else None


def _found(name: str) -> Any:
    owner, *attributes = name.split(".")
    found = globals().get(owner) or __getattr__(owner)
    for attribute in attributes:
        found = getattr(found, attribute)
    return found


def _called(name: str, make: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    try:
        return make(*args, **kwargs)
    except TypeError as error:
        raise InvalidModifier(f"@{name}: {error}. See its documentation for what it takes.") from error
