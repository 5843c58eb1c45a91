"""The names that a piece of code reads from outside itself, told from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["FreeNames", "Import", "arguments_of", "free_names"]

Import = tuple[int, str, str | None]
"""Leading dots, module and name of an import inside the code; the name is None for `import module`."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BINDING = frozenset(
    {
        *(ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.AnnAssign),
        *(ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
    }
)
_SCOPES = frozenset({*_COMPREHENSIONS, *_FUNCTIONS, ast.Lambda, ast.ClassDef})


@dataclass(frozen=True, slots=True)
class FreeNames:
    """What code reads from outside itself.

    Attributes:
        needed: Dotted names that it evaluates, such as `LIMIT` or `helpers.scale`.
        hinted: Dotted names that stand in annotations only, which need not exist when the code runs.
        imports: What it imports when it runs.
    """

    needed: frozenset[str]
    hinted: frozenset[str]
    imports: frozenset[Import]


def free_names(*roots: ast.AST) -> FreeNames:
    """Return the names that definitions, statements, expressions or modules read from outside themselves."""
    needed: set[str] = set()
    hinted: set[str] = set()
    imports: set[Import] = set()
    pending = [_Scope([*roots], frozenset())]
    while pending:
        scope = pending.pop()
        scope.read()
        known = scope.visible | scope.bound
        needed.update(name for name in scope.needed if name.partition(".")[0] not in known)
        hinted.update(name for name in scope.hinted if name.partition(".")[0] not in known)
        imports |= scope.imports
        pending += scope.inner
    return FreeNames(frozenset(needed), frozenset(hinted - needed), frozenset(imports))


@dataclass(slots=True)
class _Scope:
    """One scope of names: what it binds and reads, and the scopes inside it."""

    roots: list[ast.AST]
    visible: frozenset[str]
    bound: set[str] = field(default_factory=set)
    is_class: bool = False
    needed: set[str] = field(default_factory=set)
    hinted: set[str] = field(default_factory=set)
    imports: set[Import] = field(default_factory=set)
    inner: list[_Scope] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Look at every node of this scope; inner scopes are only noted."""
        parts: list[tuple[list[ast.AST], set[str], bool]] = []
        pending = list(self.roots)
        while pending:
            node = pending.pop()
            kind = node.__class__
            if kind is ast.Name or kind is ast.Attribute:
                self._name(node, pending)
            elif kind not in _SCOPES:
                if kind in _BINDING:
                    self._bind(node)
                _stack_children(node, kind, pending)
            elif isinstance(node, (*_FUNCTIONS, ast.Lambda)):
                pending += self._function(node)
                body = node.body if isinstance(node.body, list) else [node.body]
                parts.append(([*body], _parameters(node.args), False))
            elif isinstance(node, ast.ClassDef):
                self._define(node)
                pending += [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
                parts.append(([*node.body], {"__class__"}, True))
            elif isinstance(node, _COMPREHENSIONS):
                pending.append(node.generators[0].iter)
                self._walrus(node)
                parts.append((_comprehension(node), set(), False))
        self.bound -= self.outer
        # Methods do not see the names of their class.
        seen = self.visible if self.is_class else self.visible | self.bound
        within = frozenset({"__class__"}) if self.is_class else frozenset()
        self.inner = [_Scope(roots, seen | within, bound, is_class) for roots, bound, is_class in parts]

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.AST]:
        """Yield what is evaluated where a function is defined, and note what its signature hints at."""
        yield from node.args.defaults
        yield from (default for default in node.args.kw_defaults if default)
        if isinstance(node, ast.Lambda):
            return
        self._define(node)
        yield from node.decorator_list
        self._hint(argument.annotation for argument in arguments_of(node.args))
        self._hint([node.returns])

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.bound.add(node.name)
        self.bound.update(parameter.name for parameter in getattr(node, "type_params", ()))

    def _walrus(self, comprehension: ast.AST) -> None:
        # `(x := ...)` in a comprehension binds in the scope around it.
        for node in ast.walk(comprehension):
            if isinstance(node, ast.NamedExpr):
                self.bound.add(node.target.id)

    def _hint(self, annotations: Iterable[ast.expr | None]) -> None:
        for annotation in annotations:
            if annotation is not None:
                self.hinted |= _names_in(annotation)

    def _name(self, node: ast.AST, pending: list[ast.AST]) -> None:
        text = _dotted(node)
        if text is not None:
            self.needed.add(text)
        elif isinstance(node, ast.Name):
            self.bound.add(node.id)
        elif isinstance(node, ast.Attribute):
            pending.append(node.value)

    def _bind(self, node: ast.AST) -> None:
        """Note what one node binds or hints at."""
        if isinstance(node, ast.Import):
            self.bound.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
            self.imports.update((0, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            self.bound.update(alias.asname or alias.name for alias in node.names)
            self.imports.update((node.level, node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            self.outer.update(node.names)
        elif isinstance(node, ast.AnnAssign):
            self._hint([node.annotation])
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            self.bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self.bound.add(node.rest)


# What no name is read in, or is looked at apart.
_SKIPPED_FIELDS = frozenset({"annotation", "ctx", "kind", "op", "ops", "type_comment", "type_ignores"})
_children: dict[type[ast.AST], tuple[str, ...]] = {}
"""The fields that are looked into, of each class of nodes met so far."""


def _stack_children(node: ast.AST, kind: type[ast.AST], pending: list[ast.AST]) -> None:
    fields = _children.get(kind)
    if fields is None:
        fields = _children[kind] = tuple(name for name in kind._fields if name not in _SKIPPED_FIELDS)
    for name in fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            pending += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            pending.append(value)


def _dotted(node: ast.AST) -> str | None:
    """Return the dotted text of a name that is read, with its attributes; None for anything else."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return ".".join([node.id, *reversed(attributes)])
    return None


def _names_in(annotation: ast.expr) -> set[str]:
    """Return the names of an annotation, also where it or a part of it is written as text."""
    found: set[str] = set()
    pending: list[ast.AST] = [annotation]
    while pending:
        node = pending.pop()
        text = _dotted(node)
        if text:
            found.add(text)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            pending += _parsed(node.value)
        else:
            pending += ast.iter_child_nodes(node)
    return found


def _parsed(annotation: str) -> list[ast.AST]:
    try:
        return [ast.parse(annotation, mode="eval").body]
    except (SyntaxError, ValueError):
        return []


def _comprehension(node: ast.AST) -> list[ast.AST]:
    """Return what a comprehension evaluates inside itself: all but its first iterable."""
    children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.comprehension)]
    for index, generator in enumerate(getattr(node, "generators", ())):
        children += [generator.target, *generator.ifs, *([generator.iter] if index else [])]
    return children


def arguments_of(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters of a signature."""
    variadic = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *variadic]


def _parameters(arguments: ast.arguments) -> set[str]:
    return {argument.arg for argument in arguments_of(arguments)}
