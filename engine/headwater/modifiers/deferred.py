"""Modifiers that only the configuration tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import DefinitionError, InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Deferred, Modifier
from headwater.values import Reference, Unevaluated

__all__ = ["ENABLE_POWER_USER_MODE", "ResolveAt", "resolve", "resolve_from_config"]

ENABLE_POWER_USER_MODE = "hamilton.enable_power_user_mode"
"""The configuration key that must be True where code decides about modifiers."""


class ResolveAt(Enum):
    """When a deferred modifier is decided."""

    CONFIG_AVAILABLE = "config_available"


_WHEN = f"ResolveAt.{ResolveAt.CONFIG_AVAILABLE.name}"


class resolve(Deferred):
    """Let a function of configuration values decide which modifier stands here.

    The configuration must set `hamilton.enable_power_user_mode`, since a reader of the source cannot tell
    which features it makes.

    Args:
        when: `ResolveAt.CONFIG_AVAILABLE`.
        decorate_with: Called with the configuration keys that its parameters name; returns a modifier.

    Raises:
        InvalidModifier: Another time is asked for, or a parameter cannot be a configuration key.
    """

    def __init__(self, *, when: ResolveAt, decorate_with: Callable[..., Modifier]) -> None:
        """Read the configuration keys that are needed."""
        moment: Any = when
        if moment is not ResolveAt.CONFIG_AVAILABLE and not _names_it(moment):
            raise InvalidModifier(f"@resolve: when={when!r} is unknown. Give {_WHEN}.")
        self.decorate_with: Any = decorate_with
        self.keys: Mapping[str, bool] = {}
        if not isinstance(self.decorate_with, (Function, Reference, Unevaluated)):
            self.keys = _keys(decorate_with)

    def decide(self, config: Configuration, function: Function) -> tuple[Sequence[Modifier], tuple[str, ...]]:
        """Return the modifier that stands here under a configuration, or why it is not known."""
        if isinstance(self.decorate_with, Unevaluated):
            return (), ()  # the reason is among those for its arguments
        why = self._unknown(config)
        if why:
            return (), (why,)
        self._check(config, function)
        made = self._called(config, function)
        return made.decide(config, function) if isinstance(made, Deferred) else ((made,), ())

    def _unknown(self, config: Configuration) -> str:
        """Say why the modifier is not known; an empty string where it is."""
        if isinstance(self.decorate_with, (Function, Reference)):
            return f"which modifier it has is only known by running '{self.decorate_with.name}'"
        if all(map(config.decides, (*self.keys, ENABLE_POWER_USER_MODE))):
            return ""
        return f"which modifier it has is told by configuration {self._listed}"

    @property
    def _listed(self) -> str:
        return ", ".join(map(repr, self.keys or (ENABLE_POWER_USER_MODE,)))

    def _check(self, config: Configuration, function: Function) -> None:
        if not config.get(ENABLE_POWER_USER_MODE):
            raise InvalidModifier(
                f"{function.where} has modifiers that code decides from the configuration. Allow that "
                f"with the configuration {ENABLE_POWER_USER_MODE}=True."
            )
        for key, required in self.keys.items():
            if required and key not in config:
                raise InvalidModifier(
                    f"{function.where} has a modifier that is decided by configuration '{key}', which is not "
                    f"given.{did_you_mean(key, config)}"
                )

    def _called(self, config: Configuration, function: Function) -> Modifier:
        try:
            made = self.decorate_with(**{key: config[key] for key in self.keys if key in config})
        except DefinitionError:
            raise
        except Exception as error:  # it is code of anybody's
            raise InvalidModifier(
                f"{function.where} has a modifier that could not be decided from configuration "
                f"{self._listed}: {error!r}."
            ) from error
        if not isinstance(made, Modifier):
            raise InvalidModifier(
                f"{function.where} has a modifier that is decided by the configuration, but decorate_with "
                f"returned {made!r}. Return a modifier."
            )
        return made


class resolve_from_config(resolve):
    """Let a function of configuration values decide which modifier stands here; see `resolve`.

    Args:
        decorate_with: Called with the configuration keys that its parameters name; returns a modifier.

    Raises:
        InvalidModifier: A parameter cannot be a configuration key.
    """

    def __init__(self, *, decorate_with: Callable[..., Modifier]) -> None:
        """Read the configuration keys that are needed."""
        super().__init__(when=ResolveAt.CONFIG_AVAILABLE, decorate_with=decorate_with)


def _names_it(moment: Any) -> bool:
    return isinstance(moment, Unevaluated) or (isinstance(moment, Reference) and moment.name.endswith(_WHEN))


def _keys(decide: Callable[..., Any]) -> dict[str, bool]:
    """Return the parameters of a function, and of each whether it has no default."""
    import inspect

    if not callable(decide):
        raise InvalidModifier(f"@resolve: decorate_with={decide!r} is no function.")
    keys = {}
    for parameter in inspect.signature(decide).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InvalidModifier(
                f"@resolve: decorate_with takes '{parameter}', which names no configuration key. Give each "
                "key a plain parameter."
            )
        keys[parameter.name] = parameter.default is parameter.empty
    return keys
