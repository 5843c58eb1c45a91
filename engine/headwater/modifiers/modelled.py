"""Features that a model computes, whose columns the configuration tells."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Phase
from headwater.modifiers.calls import Keyed
from headwater.modifiers.deprecated import Deprecated
from headwater.modifiers.replaced import check_empty
from headwater.modifiers.tables import is_foreign, without_annotation
from headwater.node import Argument, Node
from headwater.types import Type, class_of, public_name
from headwater.values import Reference, Unevaluated

__all__ = ["dynamic_transform", "model"]

_SERIES = "pandas.Series"


class dynamic_transform(Deprecated):
    """Let a transform compute a feature, from columns that the configuration tells.

    Args:
        transform_cls: A class as `headwater.models.DynamicTransformBase`.
        config_param: The configuration key whose value it is made with.
        **extra_transform_params: More arguments to make it with.

    Raises:
        InvalidModifier: The configuration lacks the key, or the function has a body, parameters, or another
            result than a pandas Series.
    """

    phase = Phase.GENERATE
    instead = "resolve"

    def __init__(self, transform_cls: Any, config_param: str, **extra_transform_params: Any) -> None:
        """Hold the arguments."""
        if not isinstance(config_param, (str, Unevaluated, Reference)):
            raise InvalidModifier(
                f"@{type(self).__name__} takes the name of a configuration key, not {config_param!r}."
            )
        self.transform = transform_cls
        self.key: Any = config_param
        self.extra = extra_transform_params

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Let the function's node read the columns that the transform asks for."""
        self._check(function)
        why = self._unknown(config)
        if why:
            return [replace(node, call=None, partial=(*node.partial, why)) for node in nodes]
        if self.key not in config:
            raise InvalidModifier(
                f"{function.where} is made with configuration '{self.key}', which is not given."
                f"{did_you_mean(self.key, config)}"
            )
        return [self._made(node, config) for node in nodes]

    def _check(self, function: Function) -> None:
        check_empty(function, type(self).__name__)
        if function.parameters:
            raise InvalidModifier(
                f"{function.where} has parameters, but @{type(self).__name__} takes its columns from the "
                "configuration. Leave them out."
            )
        if function.returns is not None and not _may_be_series(without_annotation(function.returns)):
            raise InvalidModifier(
                f"{function.where} returns {function.returns}, but @{type(self).__name__} makes a pandas "
                "Series. Annotate it: -> pd.Series."
            )

    def _unknown(self, config: Configuration) -> str:
        """Say why the columns are not known; an empty string where they are."""
        if isinstance(self.transform, (Reference, Unevaluated, Function)):
            return f"which columns it needs is only known by running '{self.transform}'"
        if isinstance(self.key, Unevaluated) or not config.decides(self.key):
            return f"which columns it needs is told by configuration '{self.key}'"
        return ""

    def _made(self, node: Node, config: Configuration) -> Node:
        transform = self.transform(config[self.key], node.name, **self.extra)
        columns = tuple(transform.get_dependents())
        series = Type(_SERIES, live=getattr(sys.modules.get("pandas"), "Series", None))
        arguments = tuple(Argument(name, series, name) for name in columns)
        return replace(node, arguments=arguments, call=Keyed(transform.compute, columns))


class model(dynamic_transform):
    """Let a model compute a feature, from columns that the configuration tells.

    Args:
        model_cls: A class as `headwater.models.BaseModel`.
        config_param: The configuration key whose value it is made with.
        **extra_model_params: More arguments to make it with.

    Raises:
        InvalidModifier: As for `dynamic_transform`.
    """

    def __init__(self, model_cls: Any, config_param: str, **extra_model_params: Any) -> None:
        """Hold the arguments."""
        super().__init__(model_cls, config_param, **extra_model_params)


def _may_be_series(of: Type) -> bool:
    if of.name == _SERIES or is_foreign(of):
        return True
    class_ = class_of(of)
    return class_ is not None and _SERIES in map(public_name, class_.__mro__)
