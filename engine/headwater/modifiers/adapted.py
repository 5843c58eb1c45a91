"""Nodes that load and save, from the loader or saver that was asked for and the arguments it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from headwater.errors import InvalidModifier, did_you_mean
from headwater.modifiers.dependencies import source, value
from headwater.node import Argument, Node, TagValue
from headwater.types import ANY, Type
from headwater.values import MISSING, Unevaluated

if TYPE_CHECKING:
    from headwater.materialize.adapters import AdapterCommon

__all__ = [
    "LOADER_TAG",
    "SAVER_TAG",
    "Asked",
    "Load",
    "LoaderFormats",
    "Save",
    "SaverFormats",
    "loader_nodes",
    "saver_node",
]

LOADER_TAG = "hamilton.data_loader"
SAVER_TAG = "hamilton.data_saver"
_METADATA = Type("dict", (Type("str"), ANY))


class _Formats(type):
    """Gives a class an attribute for every registered format, as `load_from.csv`."""

    def registered(cls) -> Mapping[str, Any]:
        """Return the formats."""
        raise NotImplementedError

    def for_key(cls, key: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return what the attribute for a format makes when it is called."""
        return cls(key, *args, **kwargs)

    def __getattr__(cls, key: str) -> Callable[..., Any]:
        if key.startswith("_"):
            raise AttributeError(f"{cls.__name__} has no attribute '{key}'.", name=key)
        known = cls.registered()
        if key not in known:
            from headwater.materialize.plug_ins import add_plug_ins, why_not_added

            add_plug_ins(key)
            if key not in known:
                hint = why_not_added(key) or did_you_mean(key, known)
                raise AttributeError(
                    f"There is no {cls.__name__}.{key}.{hint} There are: {', '.join(sorted(known))}. "
                    "Make a format of your own known with register_adapter.",
                    name=key,
                )
        return partial(cls.for_key, key)

    def __dir__(cls) -> list[str]:
        from headwater.materialize.plug_ins import plug_in_formats

        return [*super().__dir__(), *{*cls.registered(), *plug_in_formats()}]


class LoaderFormats(_Formats):
    """Gives a class an attribute for every format that can be loaded."""

    def registered(cls) -> Mapping[str, Any]:
        """Return the loaders by format."""
        from headwater.materialize.registry import LOADER_REGISTRY

        return LOADER_REGISTRY


class SaverFormats(_Formats):
    """Gives a class an attribute for every format that can be saved."""

    def registered(cls) -> Mapping[str, Any]:
        """Return the savers by format."""
        from headwater.materialize.registry import SAVER_REGISTRY

        return SAVER_REGISTRY


class Load:
    """Calls a loader with the values of its arguments, for data of a type."""

    __slots__ = ("adapter", "parameters", "type")

    def __init__(self, adapter: Any, parameters: tuple[str, ...], type_: Any) -> None:
        self.adapter = adapter
        self.parameters = parameters
        self.type = type_

    def __call__(self, *values: Any) -> Any:
        """Return the data and what is known of where it came from."""
        from headwater.materialize.secrets import hiding_secrets_of

        adapter = self.adapter(**dict(zip(self.parameters, values, strict=True)))
        with hiding_secrets_of(adapter):
            return adapter.load_data(self.type)


class Save:
    """Calls a saver with the values of its arguments, and the data last."""

    __slots__ = ("adapter", "parameters")

    def __init__(self, adapter: Any, parameters: tuple[str, ...]) -> None:
        self.adapter = adapter
        self.parameters = parameters

    def __call__(self, *values: Any) -> Any:
        """Return what is known of where the data went."""
        *given, data = values
        from headwater.materialize.secrets import hiding_secrets_of

        adapter = self.adapter(**dict(zip(self.parameters, given, strict=True)))
        with hiding_secrets_of(adapter):
            return adapter.save_data(data)


@dataclass
class Asked:
    """A loader or saver as code asks for it, as `load_from.csv(path=source("orders_path"))`.

    Attributes:
        name: How it is asked for, `@load_from.csv`.
        where: The head of every message about it.
        adapters: The loaders or savers of the format that are registered.
        given: Its arguments: `source`, `value` or literals.
        is_live: Whether the code was imported, and with it the code that registers more of them.
        is_whole: Whether all arguments are known, which they are not where source unpacks a mapping.
    """

    name: str
    where: str
    adapters: Sequence[type[AdapterCommon]]
    given: Mapping[str, Any]
    is_live: bool = True
    is_whole: bool = True

    def adapter_for(self, type_: Type) -> type[AdapterCommon] | None:
        """Return the loader or saver for a type; None where only running code could tell.

        Raises:
            InvalidModifier: None applies to the type, or it does not take the arguments that are given.
        """
        from headwater.materialize.registry import choose

        adapter = choose(self.adapters, type_)
        if adapter is None and self.is_live:
            from headwater.materialize.plug_ins import add_plug_ins

            if add_plug_ins(self.key):
                adapter = choose(self.adapters, type_)
        wrong = self._nothing_for(type_) if adapter is None else self._misfit(adapter)
        if wrong and self.is_live:
            raise InvalidModifier(f"{self.where}: {self.name} {wrong}")
        return None if wrong else adapter

    @property
    def key(self) -> str:
        """The format, which is the end of its name."""
        return self.name.rpartition(".")[2]

    def _nothing_for(self, type_: Type) -> str:
        from headwater.materialize.plug_ins import why_not_added

        # Those of ours say which types they are for; a user's own may decide in code.
        found = [getattr(adapter, "types", (adapter.__name__,)) for adapter in self.adapters]
        known = ", ".join(dict.fromkeys(name for names in found for name in names))
        return (
            f"has nothing for {type_}; it has {known}.{why_not_added(self.key)} Change the annotation "
            "or the format, or register an adapter of your own for the type."
        )

    def _misfit(self, adapter: type[AdapterCommon]) -> str:
        """Say what is wrong with the arguments; an empty text where nothing is."""
        from headwater.materialize.adapters import arguments_of

        known = arguments_of(adapter)
        for name in self.given:
            if name not in known:
                return (
                    f"takes no argument '{name}' ({adapter.__name__}).{did_you_mean(name, known)} "
                    f"It takes {', '.join(known)}."
                )
        missing = [
            f"{name}=" for name, argument in known.items() if argument.is_required and name not in self.given
        ]
        if not missing or not self.is_whole:
            return ""
        return (
            f'needs {" and ".join(missing)} ({adapter.__name__}). Give a literal, or source("node") for '
            "what another node says."
        )

    def arguments(self, adapter: type[AdapterCommon] | None) -> tuple[Argument, ...]:
        """Return what the loader or saver receives, in the order in which it declares its arguments."""
        from headwater.materialize.adapters import arguments_of

        if adapter is None:
            return tuple(_argument(name, ANY, MISSING, given) for name, given in self.given.items())
        known = arguments_of(adapter)
        return tuple(
            _argument(name, known[name].type, known[name].default, self.given[name])
            for name in known
            if name in self.given
        )


def _argument(name: str, type_: Type, default: Any, given: Any) -> Argument:
    if isinstance(given, source) and not isinstance(given.name, Unevaluated):
        return Argument(name, type_, given.name, default)
    literal = given.name if isinstance(given, source) else given.value if isinstance(given, value) else given
    return Argument(name, type_, None, literal)


def loader_nodes(asked: Asked, node: Node, loaded: str, parameter: str) -> list[Node]:
    """Return the node that loads, and the node that hands on the data without what is known of it.

    Args:
        asked: The loader.
        node: The node of the data: name, type, feature and so on, without arguments.
        loaded: Name of the node that loads.
        parameter: Name of what the data is loaded for.

    Raises:
        InvalidModifier: No loader makes the type, or it does not take the arguments.
    """
    from headwater.live_types import live_type

    adapter = asked.adapter_for(node.type)
    tags = {
        LOADER_TAG: True,
        **_described(asked, adapter, f"{LOADER_TAG}.source", f"{LOADER_TAG}.classname"),
        f"{LOADER_TAG}.node": parameter,
    }
    arguments = asked.arguments(adapter)
    names = tuple(argument.parameter for argument in arguments)
    load = replace(
        node,
        name=loaded,
        # In this order in Hamilton, though the data comes first.
        type=Type("tuple", (_METADATA, node.type)),
        arguments=arguments,
        tags={**tags, f"{LOADER_TAG}.has_metadata": True},
        call=Load(adapter, names, live_type(node.type)) if asked.is_live else None,
        partial=_why(asked, adapter, node.type),
    )
    select = replace(
        node,
        arguments=(Argument(loaded, load.type, loaded),),
        tags={**tags, f"{LOADER_TAG}.has_metadata": False},
        call=itemgetter(0) if asked.is_live else None,
        partial=load.partial,
    )
    return [load, select]


def saver_node(asked: Asked, data: Node, node: Node) -> Node:
    """Return the node that saves the value of another one.

    Args:
        asked: The saver.
        data: The node whose value is saved.
        node: The node to make: name, feature and so on, without arguments.

    Raises:
        InvalidModifier: No saver takes the type, or it does not take the arguments.
    """
    adapter = asked.adapter_for(data.type)
    arguments = asked.arguments(adapter)
    return replace(
        node,
        type=_METADATA,
        arguments=(*arguments, Argument(data.name, data.type, data.name)),
        tags={
            SAVER_TAG: True,
            **_described(asked, adapter, f"{SAVER_TAG}.sink", f"{SAVER_TAG}.classname"),
        },
        call=Save(adapter, tuple(a.parameter for a in arguments)) if asked.is_live else None,
        partial=_why(asked, adapter, data.type),
    )


def _described(
    asked: Asked, adapter: type[AdapterCommon] | None, key: str, class_key: str
) -> dict[str, TagValue]:
    if adapter is None:
        return {key: asked.key}
    return {key: adapter.name(), class_key: adapter.__qualname__}


def _why(asked: Asked, adapter: type[AdapterCommon] | None, type_: Type) -> tuple[str, ...]:
    if adapter is not None:
        return ()
    return (f"which class {asked.name} uses for {type_} is only known to the code that registers it",)
