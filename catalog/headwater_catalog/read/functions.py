"""Functions as they stand in the source, before any name in them is followed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from headwater.function import ParameterKind
from headwater.normal_form import digest
from headwater_catalog.hashing import code_hash, definition_digest
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import Unreadable, walk

__all__ = ["RawFunction", "RawParameter", "raw_function"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


class RawParameter(NamedTuple):
    """A parameter as it stands in the source."""

    name: str
    kind: ParameterKind
    annotation: ast.expr | None
    default: ast.expr | None


class RawFunction(NamedTuple):
    """A top-level function as it stands in the source.

    It is a tuple, since a long history makes millions of them, most of which only stand elsewhere.

    Attributes:
        name: Its name.
        is_async: Whether it is an `async def`.
        decorators: Its decorators, outermost first.
        parameters: Its parameters in order.
        returns: Its return annotation.
        doc: Its docstring, cleaned of indentation.
        line: Line of its first decorator, or of its `def`.
        def_line: Line of its `def`.
        end_line: Its last line.
        source: Its text, from the first decorator to the last line.
        digest: The hash of its exact text.
        replaced: Line where something else takes its name; 0 where nothing does.
        unread: Why what it says is not all known; empty where it is.
        comment: The text of the comment right above it; nothing but that may say what it is for where it
            has no docstring. No running code knows of it, so that it is no part of what it says.
        lag: How many lines too far up its expressions say that they stand.
        earlier: Definitions of its name right above it that seem to work on others, as it does, so that all
            of them count.
    """

    name: str
    is_async: bool
    decorators: tuple[ast.expr, ...]
    parameters: tuple[RawParameter, ...]
    returns: ast.expr | None
    doc: str | None
    line: int
    def_line: int
    end_line: int
    source: str
    digest: str
    replaced: int = 0
    unread: str = ""
    comment: str = ""
    lag: int = 0
    earlier: tuple[RawFunction, ...] = ()

    @property
    def seems_to_work_on_others(self) -> bool:
        """Tell whether it is decorated by what is called `mutate`."""
        return any(
            "mutate" in (getattr(each, "id", ""), getattr(each, "attr", "")) for each in self._called()
        )

    @property
    def seems_conditional(self) -> bool:
        """Tell whether it is decorated by something of what is called `config`, as `config.when` is."""
        owners = (getattr(each, "value", None) for each in self._called())
        return any("config" in (getattr(each, "id", ""), getattr(each, "attr", "")) for each in owners)

    def _called(self) -> Iterator[ast.expr]:
        """Yield what its decorators are, or what they call."""
        return (each.func if isinstance(each, ast.Call) else each for each in self.decorators)

    def code_hash(self) -> str:
        """Return the hash of what it does; its text is parsed again, since bodies are not kept.

        Where the text cannot be read, whatever changes in it may change what it does.
        """
        try:
            definition = parse_newer(self.source).body[0]
        except Unreadable:
            return digest([self.source])
        assert isinstance(definition, _Definition)
        return code_hash(definition)

    def moved(self, by: int) -> RawFunction:
        """Return the function some lines further down; its expressions lag behind."""
        if not by:
            return self
        return self._replace(
            line=self.line + by,
            def_line=self.def_line + by,
            end_line=self.end_line + by,
            lag=self.lag + by,
        )


def raw_function(definition: _Definition, lines: list[str]) -> RawFunction:
    """Return what a definition says; `lines` are those that its positions count."""
    first = min([definition.lineno, *(decorator.lineno for decorator in definition.decorator_list)])
    last = definition.end_lineno or definition.lineno
    source = "\n".join(lines[first - 1 : last])
    _mark_variables(definition)
    return RawFunction(
        name=definition.name,
        is_async=isinstance(definition, ast.AsyncFunctionDef),
        decorators=tuple(definition.decorator_list),
        parameters=_parameters(definition.args),
        returns=definition.returns,
        doc=ast.get_docstring(definition),
        line=first,
        def_line=definition.lineno,
        end_line=last,
        source=source,
        digest=definition_digest(source),
    )


def _mark_variables(definition: _Definition) -> None:
    """Rename the type variables of a definition's own to `~T`, which is what types call them.

    No name in a source begins so, and none that a module binds can be meant.
    """
    own = {each.name for each in getattr(definition, "type_params", ()) if type(each).__name__ == "TypeVar"}
    if not own:
        return
    arguments = [node for node in walk(definition.args) if isinstance(node, ast.arg)]
    annotations = [definition.returns, *(argument.annotation for argument in arguments)]
    for node in (node for root in annotations if root for node in walk(root)):
        if isinstance(node, ast.Name) and node.id in own:
            node.id = f"~{node.id}"


def _parameters(arguments: ast.arguments) -> tuple[RawParameter, ...]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    kinds = [ParameterKind.POSITIONAL_ONLY] * len(arguments.posonlyargs)
    kinds += [ParameterKind.POSITIONAL_OR_KEYWORD] * len(arguments.args)
    found = list(zip(positional, kinds, [*defaults, *arguments.defaults], strict=True))
    if arguments.vararg:
        found.append((arguments.vararg, ParameterKind.VAR_POSITIONAL, None))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append((argument, ParameterKind.KEYWORD_ONLY, default))
    if arguments.kwarg:
        found.append((arguments.kwarg, ParameterKind.VAR_KEYWORD, None))
    return tuple(RawParameter(a.arg, kind, a.annotation, default) for a, kind, default in found)
