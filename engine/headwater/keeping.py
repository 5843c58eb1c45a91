"""Values of nodes that are kept in a format of one's choice, and had back as they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from headwater.errors import InvalidModifier, UnknownNode, did_you_mean
from headwater.graph import Graph
from headwater.kept_places import Place
from headwater.live_types import live_type
from headwater.materialize.adapters import arguments_of
from headwater.materialize.builtin import UNSET
from headwater.materialize.files import is_remote
from headwater.materialize.packages import needed
from headwater.materializers import MaterializerFactory
from headwater.modifiers.adapted import SAVER_TAG, Asked, SaverFormats
from headwater.node import Argument, Node
from headwater.types import COLLECT, PARALLELIZABLE, Type

__all__ = ["Keep", "is_in_fan_out", "keep", "require_no_places"]

_COLUMNS = {"pandas.Series": "pandas.DataFrame", "polars.Series": "polars.DataFrame"}
"""Types of columns, several of which are kept as one table, and the type of that."""

# How each format, where it would else refuse, puts a table in the place of the one that is there.
_REPLACING: Mapping[str, Mapping[str, Any]] = {
    "delta": {"mode": "overwrite", "schema_mode": "overwrite"},
    "duckdb": {"if_exists": "replace"},
    "iceberg": {"mode": "overwrite", "schema_mode": "overwrite"},
    "partitioned": {"mode": "overwrite"},
    "sql": {"if_exists": "replace", "index": False},
}

_STORES_OF_THEIR_OWN = ("delta",)
"""Formats whose paths are no business of fsspec; what is there is found out by loading it."""


class _StoreIn:
    """Stores values in their place, with the key that was worked out for them, if any was."""

    __slots__ = ("keys", "place")

    def __init__(self, place: Place, keys: Mapping[str, str | None]) -> None:
        self.place = place
        self.keys = keys

    def __call__(self, *values: Any) -> dict[str, Any]:
        """Return what the saver says, and under which key the values are kept."""
        return self.place.store(values, self.keys.get(self.place.id))


class Keep(MaterializerFactory):
    """Nodes whose values are kept, as `keep.parquet` makes it.

    Args:
        key: The format.
        nodes: The nodes: one, or several columns that are kept as one table.
        savers: The savers of the format.
        loaders: The loaders of the format.
        id: Name of the node that stores.
        record: Where it is recorded by what the values were made; beside the path if not given.
        **kwargs: Arguments of the saver and the loader; `path` is the place of every format of files.
    """

    def __init__(
        self,
        key: str,
        nodes: Sequence[Any],
        savers: Sequence[Any],
        loaders: Sequence[Any],
        id: str = "",
        record: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(nodes, str) or not isinstance(nodes, Sequence) or not nodes:
            raise InvalidModifier(f'keep.{key}: nodes={nodes!r} is no list of nodes. Write nodes=["spend"].')
        super().__init__(id, savers, None, nodes, **kwargs)
        self.id = id or f"kept.{self.dependencies[0]}"
        self.key = key
        self.loaders = loaders
        self.name = f"keep.{key}"
        self.record = record
        self.keys: dict[str, str | None] = {}

    def nodes(self, graph: Graph) -> list[Node]:
        """Return the node that stores.

        Raises:
            UnknownNode: The graph lacks one of the nodes.
            InvalidModifier: The format cannot keep them, or does not take the arguments.
        """
        place = self.place(graph)
        arguments = tuple(Argument(name, graph[name].type, name) for name in place.nodes)
        return [
            Node(
                self.id,
                Type.of(dict[str, Any]),
                arguments,
                feature=self.id,
                tags={SAVER_TAG: True, f"{SAVER_TAG}.sink": self.key},
                call=_StoreIn(place, self.keys),
            )
        ]

    def place(self, graph: Graph) -> Place:
        """Return where and how the nodes are kept; errors as those of `nodes`."""
        for name in self.dependencies:
            if name not in graph:
                raise UnknownNode(name, graph.names, f"this graph for '{self.id}' to keep")
            if graph[name].type.name in (PARALLELIZABLE, COLLECT) or is_in_fan_out(graph, name):
                raise InvalidModifier(
                    f"{self.name}: '{name}' has many values, one for each element of a fan-out. Keep what is "
                    "before it, or what collects them."
                )
        types = [graph[name].type for name in self.dependencies]
        together = {_COLUMNS.get(type_.name) for type_ in types}
        table = together.pop() if len(together) == 1 else None
        if table is None and len(types) > 1:
            raise InvalidModifier(
                f"{self.name}: '{self.id}' is to keep {len(types)} nodes as one table, but they are no "
                f"columns of one library: {', '.join(map(str, types))}. Keep each in a place of its own."
            )
        kept = Type.of(_class_of(table)) if table else types[0]
        saver, saving = self._side(self.savers, kept, self._given(is_saver=True))
        loader, loading = self._side(self.loaders, kept, self._given(is_saver=False))
        for name in self.data_saver_kwargs:
            if name != "path" and name not in saving and name not in loading:
                known = [*arguments_of(saver), *arguments_of(loader)]
                raise InvalidModifier(
                    f"{self.name} takes no argument '{name}'.{did_you_mean(name, known)} It takes "
                    f"{', '.join(dict.fromkeys(('path', *known)))}."
                )
        return Place(
            self.id,
            tuple(self.dependencies),
            tuple(map(live_type, types)),
            saver,
            loader,
            saving,
            loading,
            "" if self.key in _STORES_OF_THEIR_OWN else str(self.data_saver_kwargs.get("path", "")),
            self._record_at(),
            {}
            if self.key in _STORES_OF_THEIR_OWN
            else dict(self.data_saver_kwargs.get("storage_options") or {}),
            table.partition(".")[0] if table else "",
        )

    def _given(self, is_saver: bool) -> dict[str, Any]:
        if is_saver:
            return {**_REPLACING.get(self.key, {}), **self.data_saver_kwargs}
        # Types that mark what is missing are right where nobody knows what was saved. Here it is known.
        return {"dtype_backend": UNSET, **self.data_saver_kwargs}

    def _side(
        self, adapters: Sequence[Any], type_: Type, given: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        asked = Asked(self.name, f"'{self.id}'", adapters, {}, is_whole=False)
        adapter: Any = asked.adapter_for(type_)
        known = arguments_of(adapter)
        place = getattr(adapter, "place", "path")
        taken = {name: value for name, value in given.items() if name in known}
        if "path" in given and place in known:
            taken.pop("path", None)
            taken[place] = given["path"]
        if taken.get("dtype_backend") is UNSET and not hasattr(adapter, "package"):
            taken["dtype_backend"] = None
        Asked(self.name, f"'{self.id}'", adapters, taken).adapter_for(type_)
        return adapter, taken

    def _record_at(self) -> str:
        if self.record is not None:
            return str(self.record)
        path = self.data_saver_kwargs.get("path")
        if not isinstance(path, (str, Path)):
            raise InvalidModifier(
                f"{self.name}: '{self.id}' has no path that its record could lie beside. Say where: "
                'record="spend.kept.json".'
            )
        text = str(path)
        return f"{text.rstrip('/')}.kept.json" if is_remote(text) else str(Path(f"{Path(text)}.kept.json"))


class keep(metaclass=SaverFormats):
    """Places that keep values for later runs: `keep.parquet(nodes=["spend"], path="spend.parquet")`."""

    @classmethod
    def for_key(cls, key: str, /, nodes: Sequence[str | Callable[..., Any] | Any], **kwargs: Any) -> Keep:
        """Return the place of a format for some nodes.

        Raises:
            InvalidModifier: The format cannot be loaded again.
        """
        from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY

        if key not in LOADER_REGISTRY:
            raise InvalidModifier(
                f"keep.{key}: what is saved so cannot be loaded again. Take another format."
            )
        return Keep(key, nodes, SAVER_REGISTRY[key], LOADER_REGISTRY[key], **kwargs)


def require_no_places(materializers: Sequence[Any]) -> None:
    """Refuse places that keep values, where nobody would look whether what they keep still holds.

    Raises:
        InvalidModifier: There is one.
    """
    for one in materializers:
        if isinstance(one, Keep):
            raise InvalidModifier(
                f"{one.name}: '{one.id}' cannot be part of a driver. Give it to each run: "
                "driver.materialize(keep.parquet(...), additional_vars=[...])."
            )


def _class_of(name: str) -> Any:
    """Return a class by its dotted name, with its package imported."""
    package, _, attribute = name.rpartition(".")
    return getattr(needed(package, "Columns that are kept"), attribute)


def is_in_fan_out(graph: Graph, name: str) -> bool:
    """Tell whether a node is computed once for each element: after what expands, and before what collects."""
    pending, seen = [name], {name}
    while pending:
        for argument in graph[pending.pop()].arguments:
            if argument.node is None or argument.node in seen or argument.type.name == COLLECT:
                continue
            if graph[argument.node].type.name == PARALLELIZABLE:
                return True
            seen.add(argument.node)
            pending.append(argument.node)
    return False
