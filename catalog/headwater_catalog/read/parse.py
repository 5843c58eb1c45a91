"""The content of one source file: its functions and names as they stand, nothing imported or run."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.function import ParameterKind
from headwater_catalog.hashing import code_hash, definition_digest
from headwater_catalog.read.bindings import Binding, bindings_of
from headwater_catalog.read.diagnostics import Diagnostic

__all__ = ["MAX_SIZE", "ParsedModule", "RawFunction", "RawParameter", "read_blob"]

MAX_SIZE = 2_000_000
"""Size in bytes above which a file is not read; feature code written by people stays far below."""

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class RawParameter:
    """A parameter as it stands in the source."""

    name: str
    kind: ParameterKind
    annotation: ast.expr | None
    default: ast.expr | None


@dataclass(frozen=True, slots=True)
class RawFunction:
    """A public top-level function as it stands in the source.

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
        replaced: Line where something else takes its name; 0 where nothing does.
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
    replaced: int = 0

    @property
    def digest(self) -> str:
        """Return the hash of its exact text."""
        return definition_digest(self.source)

    def code_hash(self) -> str:
        """Return the hash of what it does; its text is parsed again, since bodies are not kept."""
        definition = _parse(self.source).body[0]
        assert isinstance(definition, _Definition)
        return code_hash(definition)


@dataclass(frozen=True, slots=True)
class ParsedModule:
    """What one file says, whatever its path.

    Attributes:
        digest: sha256 of its bytes; equal digests mean equal modules.
        functions: Its public top-level functions in the order of the source.
        bindings: What each top-level name stands for.
        stars: Modules of `from ... import *`, with their level of relative import, in order.
        doc: Its docstring.
        diagnostics: What could not be read as meant, without a path.
    """

    digest: str
    functions: tuple[RawFunction, ...] = ()
    bindings: Mapping[str, Binding] = field(default_factory=dict)
    stars: tuple[tuple[str, int], ...] = ()
    doc: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def read_blob(source: bytes, path: str = "") -> ParsedModule:
    """Read the content of a source file.

    Args:
        source: The bytes of the file.
        path: Where it stands; only the diagnostics keep it.

    Returns:
        What it says. A file that cannot be read has no functions and a diagnostic with the reason.
    """
    digest = hashlib.sha256(source).hexdigest()
    try:
        return _module(digest, _decode(source), path)
    except _Unreadable as error:
        return ParsedModule(digest, diagnostics=(Diagnostic(path, error.line, error.reason),))
    except RecursionError:
        return ParsedModule(digest, diagnostics=(Diagnostic(path, 0, _TOO_DEEP),))


_TOO_DEEP = "Python cannot read this: the code is nested too deeply."


def _module(digest: str, text: str, path: str) -> ParsedModule:
    tree = _parse(text)
    lines = text.split("\n")
    bindings = bindings_of(tree, text)
    functions = tuple(
        _function(definition, lines, bindings.replaced.get(name, 0))
        for name, definition in bindings.functions.items()
        if not name.startswith("_")
    )
    return ParsedModule(
        digest=digest,
        functions=functions,
        bindings=bindings.names,
        stars=tuple(bindings.stars),
        doc=ast.get_docstring(tree),
        diagnostics=tuple(Diagnostic(path, line, message) for line, message in bindings.remarks),
    )


class _Unreadable(Exception):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def _decode(source: bytes) -> str:
    if len(source) > MAX_SIZE:
        raise _Unreadable(0, f"The file has {len(source):,} bytes; more than {MAX_SIZE:,} are not read.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise _Unreadable(
            0, f"The text cannot be decoded: {error}. Save it as UTF-8, or name its encoding in line 1."
        ) from error
    # Python ends lines at these three only; str.splitlines knows more and would count differently.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise _Unreadable(error.lineno or 0, f"Python cannot read this: {error.msg}.") from error
    except ValueError as error:  # null bytes, on older Pythons
        raise _Unreadable(0, f"Python cannot read this: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise _Unreadable(0, _TOO_DEEP) from error


def _function(definition: _Definition, lines: list[str], replaced: int) -> RawFunction:
    first = min([definition.lineno, *(decorator.lineno for decorator in definition.decorator_list)])
    last = definition.end_lineno or definition.lineno
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
        source="\n".join(lines[first - 1 : last]),
        replaced=replaced,
    )


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
