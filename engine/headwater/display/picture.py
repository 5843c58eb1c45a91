"""What a drawing shows: boxes, edges and a legend, before any of it has a place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.display.looks import Kind
from headwater.errors import InvalidInput, did_you_mean
from headwater.graph import Graph
from headwater.graph_types import HamiltonNode
from headwater.live_types import live_type, type_name
from headwater.node import Node, Role
from headwater.types import COLLECT, PARALLELIZABLE

__all__ = ["Box", "Edge", "Picture", "Request", "StyleFunction", "picture"]

StyleFunction = Callable[..., tuple[dict[str, str], str | None, str | None]]
"""Takes `node` and `node_class` by keyword; returns Graphviz attributes, and base and name of a legend."""

_LONGEST_VALUE = 80
_ORIENTATIONS = ("LR", "TB", "RL", "BT")


@dataclass(frozen=True, slots=True)
class Box:
    """A node, a note with a configuration value, or a table of inputs.

    Attributes:
        key: Its key in the drawing.
        kinds: What it is, then what the execution does with it.
        title: Its first line; empty for a table.
        subtitle: Its second line: a type, or a value.
        rows: Pairs of texts below: inputs with their types, or columns with theirs.
        tooltip: More about it.
        style: Graphviz attributes that a style function gave.
    """

    key: str
    kinds: tuple[Kind, ...]
    title: str = ""
    subtitle: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    tooltip: str = ""
    style: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from a box to one that needs it; `kind` is EXPAND, COLLECT or PATH if it is more than that."""

    source: str
    target: str
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn.

    Attributes:
        boxes: The boxes.
        edges: The edges between them.
        legend: A sample of each kind of box that occurs, and of those that a style function named.
        orient: Where edges lead: LR, TB, RL or BT.
        graphviz: What the user wants to pass on to Graphviz.
    """

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    legend: tuple[Box, ...]
    orient: str
    graphviz: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants to see, and how.

    Attributes:
        names: The nodes to show; None for all.
        outputs: Those that an execution is asked for.
        overrides: Those whose values are given in place of being computed.
        path: Those on a path that is to stand out.
        config: Configuration values to show as notes.
        show_legend: Whether to explain the kinds of boxes.
        orient: Where edges lead: LR, TB, RL or BT; `graphviz_kwargs` may say otherwise.
        hide_inputs: Whether to leave out inputs.
        deduplicate_inputs: Whether nodes that need the same inputs share one table of them.
        show_schema: Whether to list the columns of tables that declare theirs.
        custom_style_function: Chooses the look of each node.
        graphviz_kwargs: Attributes for DOT.
    """

    names: Collection[str] | None = None
    outputs: Collection[str] = ()
    overrides: Collection[str] = ()
    path: Collection[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    show_legend: bool = True
    orient: str = "LR"
    hide_inputs: bool = False
    deduplicate_inputs: bool = False
    show_schema: bool = True
    custom_style_function: StyleFunction | None = None
    graphviz_kwargs: Mapping[str, Any] = field(default_factory=dict)


def picture(graph: Graph, request: Request) -> Picture:
    """Return what a drawing of a graph shows.

    Raises:
        UnknownNode: No node has one of the names.
        InvalidInput: The orientation is none, or the style function takes positional arguments.
    """
    orient = str(request.graphviz_kwargs.get("graph_attr", {}).get("rankdir", request.orient))
    if orient not in _ORIENTATIONS:
        raise InvalidInput(
            f"orient={orient!r} is no direction.{did_you_mean(orient, _ORIENTATIONS)} "
            f"Give one of {', '.join(_ORIENTATIONS)}."
        )
    _check_style_function(request.custom_style_function)
    drawn = _Drawn(graph, request)
    drawn.draw()
    legend = drawn.legend() if request.show_legend else ()
    return Picture(tuple(drawn.boxes), tuple(drawn.edges), tuple(legend), orient, request.graphviz_kwargs)


def _check_style_function(function: StyleFunction | None) -> None:
    if function is None:
        return
    import inspect

    parameters = inspect.signature(function).parameters.values()
    keyword = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    if any(p.default is p.empty and p.kind not in keyword for p in parameters):
        raise InvalidInput(
            f"custom_style_function {getattr(function, '__name__', function)!r} must take its arguments by "
            "keyword only. Define it as: def style(*, node, node_class) -> "
            "tuple[dict, str | None, str | None]:"
        )


class _Drawn:
    """Gathers boxes and edges."""

    def __init__(self, graph: Graph, request: Request) -> None:
        self.graph = graph
        self.request = request
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []
        self._named_styles: dict[str, Box] = {}
        self._keys: dict[str, list[str]] = {}
        self._tables: dict[tuple[str, ...], str] = {}

    def draw(self) -> None:
        names = dict.fromkeys(self._names())
        nodes = [node for name in names for node in self.graph.variants(name)]
        inputs = {node.name: node for node in nodes if node.role is Role.INPUT}
        computed = [node for node in nodes if node.role is not Role.INPUT]
        self.boxes += [_note(key, value) for key, value in self.request.config.items()]
        for described in HamiltonNode.all_of(computed, self.graph):
            self._node(described)
        for node in computed:
            self._needs(node, names, inputs)
        if not self.request.hide_inputs:
            read = {name for node in computed for name in node.dependencies}
            left = [name for name in inputs if name not in read and name not in self.request.config]
            for name in left:
                self._table(name, (name,), inputs)

    def _node(self, described: HamiltonNode) -> None:
        node = described.node
        keys = self._keys.setdefault(node.name, [])
        keys.append(f"{node.name}#{len(keys) + 1}" if keys else node.name)
        kinds = tuple(self._kinds(node))
        self.boxes.append(
            Box(
                key=keys[-1],
                kinds=kinds,
                title=_title(node),
                subtitle=_subtitle(node, kinds[0]),
                rows=tuple(_columns(node)) if self.request.show_schema else (),
                tooltip=node.doc,
                style=self._style(described),
            )
        )

    def _kinds(self, node: Node) -> Iterator[Kind]:
        yield _kind(node)
        if node.type.name == PARALLELIZABLE:
            yield Kind.EXPAND
        if _collects(node):
            yield Kind.COLLECT
        if node.name in self.request.outputs:
            yield Kind.OUTPUT
        if node.name in self.request.overrides:
            yield Kind.OVERRIDE
        if node.name in self.request.path:
            yield Kind.PATH

    def _style(self, described: HamiltonNode) -> dict[str, str]:
        if self.request.custom_style_function is None:
            return {}
        style, base, legend = self.request.custom_style_function(node=described, node_class="function")
        style = {str(key): str(value) for key, value in style.items()}
        if legend:
            kind = Kind(base) if base in list(Kind) else Kind.FUNCTION
            self._named_styles[legend] = Box(f"legend {legend}", (kind,), legend, style=style)
        return style

    def _names(self) -> list[str]:
        """Return the names to show, in the order of the graph, so that a set of them is drawn alike twice."""
        if self.request.names is None:
            return list(self.graph.names)
        wanted = set(self.request.names)
        for name in wanted:
            self.graph.variants(name)
        return [name for name in self.graph.names if name in wanted]

    def _needs(self, node: Node, names: Collection[str], inputs: Mapping[str, Node]) -> None:
        """Draw the edges to a node, and its inputs as one table."""
        # Variants of one name stand side by side; each is drawn with what it needs itself.
        target = self._keys[node.name][self.graph.variants(node.name).index(node)]
        given: list[str] = []
        for name in node.dependencies if node.name not in self.request.overrides else ():
            if name in inputs:
                given.append(name)
            elif name in names and name in self.graph:
                for source in self._keys[name]:
                    self.edges.append(Edge(source, target, self._edge_kind(name, node)))
        if given and not self.request.hide_inputs:
            self._table(target, tuple(given), inputs)

    def _edge_kind(self, source: str, target: Node) -> Kind | None:
        if source in self.request.path and target.name in self.request.path:
            return Kind.PATH
        if any(node.type.name == PARALLELIZABLE for node in self.graph.variants(source)):
            return Kind.EXPAND
        return Kind.COLLECT if _collects(target, source) else None

    def _table(self, target: str, given: tuple[str, ...], inputs: Mapping[str, Node]) -> None:
        """Draw inputs as one box, or take the box that shows them already."""
        shared = tuple(sorted(given))
        on_path = any(name in self.request.path for name in given)
        key = self._tables.get(shared) if self.request.deduplicate_inputs else None
        if key is None:
            key = self._tables[shared] = f"_{target}_inputs"
            rows = tuple((_display_name(inputs[name]), _type(inputs[name])) for name in given)
            outputs = [Kind.OUTPUT] if any(name in self.request.outputs for name in given) else []
            kinds = (Kind.INPUT, *outputs, *([Kind.PATH] if on_path else []))
            docs = "\n".join(f"{name}: {inputs[name].doc}" for name in given if inputs[name].doc)
            self.boxes.append(Box(key, kinds, rows=rows, tooltip=docs))
        if target in self._keys or "#" in target:
            is_path = on_path and target.partition("#")[0] in self.request.path
            self.edges.append(Edge(key, target, Kind.PATH if is_path else None))

    def legend(self) -> Iterable[Box]:
        """Return a sample of each kind that occurs, then of each named style."""
        seen = {kind for box in self.boxes for kind in box.kinds}
        for kind in Kind:
            if kind in seen:
                is_base = kind in (Kind.CONFIG, Kind.INPUT, Kind.FUNCTION, Kind.PART, Kind.MATERIALIZER)
                kinds = (kind,) if is_base else (Kind.FUNCTION, kind)
                yield Box(f"legend {kind}", kinds, str(kind))
        yield from self._named_styles.values()


def _kind(node: Node) -> Kind:
    tags = node.tags
    loads = tags.get("hamilton.data_loader") and (
        "load_data." in node.name or tags.get("hamilton.data_loader.source") == "loader"
    )
    if loads or tags.get("hamilton.data_saver"):
        return Kind.MATERIALIZER
    return Kind.PART if node.role is Role.PART else Kind.FUNCTION


def _collects(node: Node, source: str | None = None) -> bool:
    """Tell whether a node gathers what a fan-out made, from one node or from any."""
    return any(
        argument.type.name == COLLECT and (source is None or argument.node == source)
        for argument in node.arguments
    )


def _note(key: str, value: Any) -> Box:
    return Box(f"config {key}", (Kind.CONFIG,), key, _cut(str(value)))


def _title(node: Node) -> str:
    name = _display_name(node)
    # A variant says which configuration keys chose it.
    keys = node.tags.get("hamilton.config")
    return f"{name}: {keys}" if keys else name


def _display_name(node: Node) -> str:
    shown = node.tags.get("display_name")
    if isinstance(shown, tuple):
        shown = shown[0] if shown else None
    return str(shown) if shown else node.name


def _subtitle(node: Node, kind: Kind) -> str:
    if kind is Kind.MATERIALIZER:
        classname = node.tags.get("hamilton.data_saver.classname") or node.tags.get(
            "hamilton.data_loader.classname"
        )
        return _cut(str(classname))
    return _type(node)


def _type(node: Node) -> str:
    return _cut(type_name(live_type(node.type)))


def _columns(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the columns that a node declares, each with its type."""
    schema = node.tags.get("hamilton.internal.schema_output")
    for column in str(schema).split(",") if schema else ():
        name, _, type_ = column.replace("=", ":", 1).partition(":")
        yield name.strip(), type_.strip()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}[...]"
