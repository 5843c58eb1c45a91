"""What can be asked of a driver without executing anything: lists, lineage, drawings, exports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from headwater.errors import HeadwaterError, InvalidInput
from headwater.graph import Graph, topological
from headwater.graph_types import HamiltonNode
from headwater.node import Node

if TYPE_CHECKING:
    from headwater.display import Drawing

__all__ = ["Inspection", "Wanted", "listed"]

Wanted = str | Callable[..., Any] | HamiltonNode
"""A node by its name, the feature function that makes it, or its description."""


class Inspection:
    """The questions of a driver.

    Attributes:
        graph: The graph that is asked.
        config: The configuration that it was built with.
    """

    graph: Graph
    config: Mapping[str, Any]

    def validate_execution(
        self,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise what an execution would raise before it calls the first function."""
        raise NotImplementedError

    def _output_name(self, wanted: Wanted) -> str:
        raise NotImplementedError

    def _asked(self, graph: Graph, final_vars: Sequence[Wanted], inputs: Mapping[str, Any] | None) -> Graph:
        """Return the graph with the inputs that no feature needs, but that are asked for themselves."""
        extra = [name for name in inputs or () if name not in graph]
        if not extra:
            return graph
        outputs = set(map(self._output_name, final_vars))
        return graph.with_inputs(name for name in extra if name in outputs)

    def has_cycles(self, final_vars: Sequence[Wanted]) -> bool:
        """Return False: a graph whose nodes need themselves is refused when it is built.

        Raises:
            UnknownNode: An output is no node of the graph.
        """
        self.graph.upstream(*map(self._output_name, final_vars))
        return False

    def list_available_variables(
        self, *, tag_filter: Mapping[str, str | list[str] | None] | None = None
    ) -> list[HamiltonNode]:
        """Return the nodes of the graph, those that have all the given tags.

        Args:
            tag_filter: For each tag key a value, several of which one must match, or None for any.

        Raises:
            InvalidInput: What is given for a key is neither text nor texts nor None.
        """
        nodes = self.graph.nodes
        if tag_filter:
            wanted = [(key, _tag_values(key, values)) for key, values in tag_filter.items()]
            nodes = tuple(n for n in nodes if all(_has_tag(n, key, values) for key, values in wanted))
        return HamiltonNode.all_of(nodes, self.graph)

    def what_is_upstream_of(self, *node_names: str) -> list[HamiltonNode]:
        """Return the named nodes and everything they need, in the order of computation.

        Raises:
            UnknownNode: No node has one of the names.
        """
        return self._variables(self.graph.upstream(*node_names))

    def what_is_downstream_of(self, *node_names: str) -> list[HamiltonNode]:
        """Return the named nodes and everything that needs them, in the order of computation.

        Raises:
            UnknownNode: No node has one of the names.
        """
        return self._variables(self.graph.downstream(*node_names))

    def what_is_the_path_between(
        self, upstream_node_name: str, downstream_node_name: str
    ) -> list[HamiltonNode]:
        """Return the nodes on the ways from one node to another; none where there is no way.

        Raises:
            UnknownNode: No node has one of the names.
        """
        return self._variables(self._between(upstream_node_name, downstream_node_name))

    def _between(self, upstream: str, downstream: str) -> set[str]:
        return self.graph.downstream(upstream) & self.graph.upstream(downstream)

    @cached_property
    def _position(self) -> Mapping[str, int]:
        order, _ = topological(self.graph.names, lambda name: self.graph.sources.get(name, ()))
        return {name: index for index, name in enumerate(order)}

    def _variables(self, names: Iterable[str]) -> list[HamiltonNode]:
        ordered = sorted(names, key=self._position.__getitem__)
        return HamiltonNode.all_of([self.graph[name] for name in ordered], self.graph)

    def export_execution(
        self,
        final_vars: Sequence[Wanted],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> str:
        """Return as JSON the nodes that an execution would compute or take.

        Raises:
            HeadwaterError: The execution could not begin; see `validate_execution`.
        """
        from headwater.export import executed, export_nodes

        wanted = listed(final_vars)
        self.validate_execution(wanted, overrides, inputs)
        graph = self._asked(self.graph, wanted, inputs)
        outputs = map(self._output_name, wanted)
        names = executed(graph, outputs, {**self.config, **(inputs or {}), **(overrides or {})})
        return export_nodes(graph, names)

    def display_all_functions(
        self,
        output_file_path: str | None = None,
        render_kwargs: Mapping[str, Any] | None = None,
        graphviz_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Drawing:
        """Draw the whole graph.

        Args:
            output_file_path: Where to save the drawing, if anywhere: .svg, .mmd, .dot, or .png where
                Graphviz is installed.
            render_kwargs: `format` says the format of the file, whatever its suffix.
            graphviz_kwargs: Attributes for DOT.
            **options: `show_legend`, `orient`, `hide_inputs`, `deduplicate_inputs`, `show_schema`,
                `custom_style_function` and `keep_dot`; see `headwater.display.Request`.

        Raises:
            InvalidInput: An option cannot be used.
            HeadwaterError: The format of the file cannot be made.
        """
        from headwater.display import draw

        return draw(
            self.graph,
            config=self.config,
            output_file_path=output_file_path,
            render_kwargs=render_kwargs,
            graphviz_kwargs=graphviz_kwargs,
            **options,
        )

    def display_upstream_of(
        self,
        *node_names: str,
        output_file_path: str | None = None,
        render_kwargs: Mapping[str, Any] | None = None,
        graphviz_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Drawing:
        """Draw nodes and everything they need; arguments as in `display_all_functions`."""
        return self.display_all_functions(
            output_file_path,
            render_kwargs,
            graphviz_kwargs,
            names=self.graph.upstream(*node_names),
            **options,
        )

    def display_downstream_of(
        self,
        *node_names: str,
        output_file_path: str | None = None,
        render_kwargs: Mapping[str, Any] | None = None,
        graphviz_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Drawing:
        """Draw nodes, everything that needs them, and what that needs besides.

        Arguments are those of `display_all_functions`.
        """
        from headwater.display import with_sources

        names = with_sources(self.graph, self.graph.downstream(*node_names))
        return self.display_all_functions(
            output_file_path, render_kwargs, graphviz_kwargs, names=names, **options
        )

    def visualize_execution(
        self,
        final_vars: Sequence[Wanted],
        output_file_path: str | None = None,
        render_kwargs: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        graphviz_kwargs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        bypass_validation: bool = False,
        **options: Any,
    ) -> Drawing:
        """Draw what an execution would compute, and from what.

        Args:
            final_vars: What to compute: names, feature functions or variables.
            output_file_path: Where to save the drawing.
            render_kwargs: As in `display_all_functions`.
            inputs: Values of the graph's inputs.
            graphviz_kwargs: As in `display_all_functions`.
            overrides: Values that take the place of nodes.
            bypass_validation: Whether to draw although the execution could not begin.
            **options: As in `display_all_functions`.

        Raises:
            HeadwaterError: The execution could not begin; see `validate_execution`.
        """
        final_vars = listed(final_vars)
        if not bypass_validation:
            self._validated(lambda: self.validate_execution(final_vars, overrides, inputs))
        return self._drawn_execution(
            self.graph,
            final_vars,
            overrides,
            inputs,
            output_file_path=output_file_path,
            render_kwargs=render_kwargs,
            graphviz_kwargs=graphviz_kwargs,
            **options,
        )

    @staticmethod
    def _validated(validate: Callable[[], None]) -> None:
        try:
            validate()
        except HeadwaterError as error:
            error.add_note("Use bypass_validation=True to draw it all the same.")
            raise

    def _drawn_execution(
        self,
        graph: Graph,
        final_vars: Sequence[Wanted],
        overrides: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
        **options: Any,
    ) -> Drawing:
        from headwater.display import draw
        from headwater.export import executed

        graph = self._asked(graph, final_vars, inputs)
        outputs = [self._output_name(wanted) for wanted in final_vars]
        given = {**self.config, **(inputs or {}), **(overrides or {})}
        return draw(
            graph,
            names=executed(graph, outputs, given),
            outputs=outputs,
            overrides=list(overrides or ()),
            config=self.config,
            **options,
        )

    def visualize_path_between(
        self,
        upstream_node_name: str,
        downstream_node_name: str,
        output_file_path: str | None = None,
        render_kwargs: Mapping[str, Any] | None = None,
        graphviz_kwargs: Mapping[str, Any] | None = None,
        strict_path_visualization: bool = False,
        **options: Any,
    ) -> Drawing:
        """Draw the ways from one node to another; other arguments as in `display_all_functions`.

        Args:
            upstream_node_name: Where the ways begin.
            downstream_node_name: Where they end.
            output_file_path: Where to save the drawing.
            render_kwargs: As in `display_all_functions`.
            graphviz_kwargs: As in `display_all_functions`.
            strict_path_visualization: Whether to leave out what the nodes on the way need besides.
            **options: As in `display_all_functions`.

        Raises:
            UnknownNode: No node has one of the names.
            InvalidInput: There is no way from one to the other.
        """
        path = self._between(upstream_node_name, downstream_node_name)
        if not path:
            raise InvalidInput(
                f"There is no way from '{upstream_node_name}' to '{downstream_node_name}': nothing that "
                f"'{downstream_node_name}' needs is computed from it. Ask the other way round, or see "
                "what_is_upstream_of()."
            )
        from headwater.display import with_sources

        return self.display_all_functions(
            output_file_path,
            render_kwargs,
            graphviz_kwargs,
            names=path if strict_path_visualization else with_sources(self.graph, path),
            path=path,
            **options,
        )

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **kwargs: Any
    ) -> dict[str, str]:
        return self.display_all_functions()._repr_mimebundle_(include, exclude, **kwargs)


def listed(final_vars: Iterable[Wanted]) -> list[Wanted]:
    """Return what is asked for as a list, since a generator can be gone through only once.

    Raises:
        InvalidInput: It is one text, whose letters would be taken for names.
    """
    if isinstance(final_vars, str):
        raise InvalidInput(f"What to compute must be a list. Write [{final_vars!r}], not {final_vars!r}.")
    return final_vars if isinstance(final_vars, list) else list(final_vars)


def _tag_values(key: str, wanted: Any) -> Collection[str] | None:
    """Return the values of which a tag must have one, None for any."""
    if wanted is None:
        return None
    values = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(values, Collection) or not values:
        raise InvalidInput(
            f"tag_filter: the tag {key!r} cannot be asked for {wanted!r}. Give a text, a list of texts of "
            "which one must match, or None for any value."
        )
    return values


def _has_tag(node: Node, key: str, wanted: Collection[str] | None) -> bool:
    if key not in node.tags:
        return False
    if wanted is None:
        return True
    actual = node.tags[key]
    return any(value in wanted for value in (actual if isinstance(actual, tuple) else (actual,)))
