"""Tags put into source code: exact insertions at places that the syntax tells, all else left as it is."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Final

from headwater_catalog.read.notebooks import is_notebook

__all__ = ["CannotEdit", "with_tags"]

_HOMES: Final = ("headwater", "headwater.modifiers", "hamilton.function_modifiers")
_OTHER_NAME: Final = "headwater_tag"
_HEADER: Final = re.compile(r"^\ufeff?#!|coding[:=]")
_MOST_HEADERS: Final = 2  # lines in which Python looks for the encoding
_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


class CannotEdit(Exception):
    """A file or a function is laid out so that a tag is better put there by hand; says why, as a clause."""


@dataclass(frozen=True, slots=True)
class _Insertion:
    at: int  # characters from the beginning of the text
    text: str


class _Source:
    """The text of a file, with the places that its syntax tree counts by lines and bytes."""

    def __init__(self, content: bytes) -> None:
        if is_notebook(content):
            raise CannotEdit("it is a notebook")
        try:
            self.encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
            self.text: str = content.decode(self.encoding)
            is_same = self.text.encode(self.encoding) == content
            self.tree: ast.Module = ast.parse(self.text)
        except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
            raise CannotEdit(f"it cannot be read: {error}") from error
        if not is_same:
            raise CannotEdit(f"its encoding {self.encoding} would not give the same bytes again")
        self._lines: list[str] = [line for line in _LINES.findall(self.text) if line]
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        found = re.search(r"\r\n|\r|\n", self.text)
        self.eol = found[0] if found else "\n"

    def start_of(self, line: int) -> int:
        """Return where a line begins; one past the last is the end."""
        return self._starts[min(line, len(self._lines) + 1) - 1]

    def line(self, number: int) -> str:
        """Return a line, its end included."""
        return self._lines[number - 1]

    def place(self, line: int, column: int) -> int:
        """Return where a position of the syntax tree is in the text."""
        before = self._lines[line - 1].encode()[:column]
        return self.start_of(line) + len(before.decode())

    def indentation(self, line: int) -> str:
        """Return what a line begins with."""
        text = self.line(line)
        return text[: len(text) - len(text.lstrip(" \t\f"))]


def with_tags(content: bytes, wanted: Mapping[tuple[str, int], Mapping[str, str]]) -> bytes:
    """Return the content of a source file with tags added to functions.

    Args:
        content: The bytes of the file.
        wanted: The tags to add, by the name of the function and the line that it begins in, decorators
            included.

    Raises:
        CannotEdit: One of them cannot be added without guessing.
    """
    source = _Source(content)
    functions = {(each.name, _first_line(each)): each for each in _functions(source.tree)}
    insertions: list[_Insertion] = []
    spelling = ""
    for place, tags in sorted(wanted.items(), key=lambda item: item[0][1]):
        if place not in functions:
            raise CannotEdit(f"'{place[0]}' is not found in line {place[1]}")
        function = functions[place]
        call = next(_tag_calls(source.tree, function), None)
        if call is not None:
            insertions.append(_keywords(source, call, tags))
            continue
        known = next(_spellings(source.tree, function.lineno), "")
        if not known and not spelling:
            spelling, added = _import(source, min(line for _, line in wanted))
            insertions.append(added)
        insertions.append(_decorator(source, function, known or spelling, tags))
    return _inserted(source.text, insertions).encode(source.encoding)


def _inserted(text: str, insertions: list[_Insertion]) -> str:
    parts, end = [], 0
    for each in sorted(insertions, key=lambda insertion: insertion.at):
        parts += [text[end : each.at], each.text]
        end = each.at
    return "".join([*parts, text[end:]])


def _functions(tree: ast.Module) -> Iterator[_Definition]:
    """Yield the functions of a module, also those that stand in its branches, but none within others."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, _Definition):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            pending.extend(ast.iter_child_nodes(node))
        elif isinstance(node, ast.ExceptHandler):
            pending.extend(node.body)


def _first_line(function: _Definition) -> int:
    return min([function.lineno, *(each.lineno for each in function.decorator_list)])


# How the module spells `tag`


def _spellings(tree: ast.Module, before: int) -> Iterator[str]:
    """Yield what stands for the decorator `tag` in a module, by its imports above a line."""
    bound = _bound_otherwise(tree)
    for node in tree.body:
        if node.lineno >= before:
            return
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                name = alias.asname or alias.name
                if name in bound:
                    continue
                if node.module in _HOMES and alias.name == "tag":
                    yield name
                elif f"{node.module}.{alias.name}" in _HOMES:
                    yield f"{name}.tag"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in _HOMES and (alias.asname or alias.name.partition(".")[0]) not in bound:
                    yield f"{alias.asname or alias.name}.tag"


def _bound_otherwise(tree: ast.Module) -> set[str]:
    """Return the names that a file binds by more than imports, or by several of them."""
    found: set[str] = set()
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name
                if name in imported and alias.name != name:
                    found.add(name)
                imported.add(name)
    return found


def _tag_calls(tree: ast.Module, function: _Definition) -> Iterator[ast.Call]:
    """Yield the calls of `tag` above a function that say something of what it makes, the outermost first."""
    known = set(_spellings(tree, function.lineno))
    for each in function.decorator_list:
        if not isinstance(each, ast.Call) or each.args or ast.unparse(each.func) not in known:
            continue
        # What a mapping brings may be the same key, which Python refuses.
        if all(keyword.arg not in (None, "target_") for keyword in each.keywords):
            yield each


def _import(source: _Source, before: int) -> tuple[str, _Insertion]:
    """Return how `tag` is spelled once it is imported, and the import, above a line."""
    homes = [node.module for node in source.tree.body if isinstance(node, ast.ImportFrom)]
    home = _HOMES[2] if _HOMES[2] in homes else _HOMES[0]
    used = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    used |= _bound_otherwise(source.tree)
    is_taken = "tag" in used or "tag" in {
        alias.asname or alias.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    name = _OTHER_NAME if is_taken else "tag"
    if _OTHER_NAME in used:
        raise CannotEdit(f"both 'tag' and '{_OTHER_NAME}' mean something else there")
    line = f"from {home} import tag{f' as {name}' if is_taken else ''}{source.eol}"
    after, is_bare = _end_of_imports(source, before)
    at = source.start_of(after + 1)
    if after and not source.line(after).endswith(("\n", "\r")):
        raise CannotEdit("its imports have no line of their own")
    blank = source.eol if is_bare else ""
    is_blank_below = source.text[at:].startswith(("\n", "\r"))
    return name, _Insertion(at, f"{blank if after else ''}{line}{'' if is_blank_below else blank}")


def _end_of_imports(source: _Source, before: int) -> tuple[int, bool]:
    """Return the last line of the imports that a module begins with, and whether there is none of them.

    Where there is none, it is the last line of its docstring, or of the comments at its top.
    """
    body, last, is_bare = source.tree.body, 0, True
    for at, node in enumerate(body):
        is_doc = at == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        if not (is_doc or is_import) or node.lineno >= before:
            break
        end = node.end_lineno or node.lineno
        if (
            at + 1 < len(body)
            and body[at + 1].lineno <= end
            and not isinstance(body[at + 1], ast.Import | ast.ImportFrom)
        ):
            raise CannotEdit("its imports share a line with other code")
        last, is_bare = end, is_bare and not is_import
    return (last or _end_of_comments(source)), is_bare


def _end_of_comments(source: _Source) -> int:
    """Return the last line of the comments that a file begins with; those right above code belong to it."""
    last = kept = 0
    while source.line(last + 1).lstrip("\ufeff").startswith("#"):
        last += 1
        if last <= _MOST_HEADERS and _HEADER.search(source.line(last)):
            kept = last
    return kept if source.line(last + 1).strip() else last


# Decorators


def _decorator(source: _Source, function: _Definition, spelling: str, tags: Mapping[str, str]) -> _Insertion:
    first = _first_line(function)
    indentation = source.indentation(first)
    rest = source.line(first)[len(indentation) :]
    if not rest.startswith("@" if function.decorator_list else ("def", "async")):
        raise CannotEdit(f"'{function.name}' does not begin with its decorators in lines of their own")
    text = f"{indentation}@{spelling}({_written(tags, _quote(source.text))}){source.eol}"
    return _Insertion(source.start_of(first), text)


def _quote(text: str) -> str:
    """Return the quotation mark of a text in which only one kind is used."""
    return "'" if "'" in text and '"' not in text else '"'


def _written(tags: Mapping[str, str], quote: str) -> str:
    return ", ".join(_argument(key, value, quote) for key, value in tags.items())


def _argument(key: str, value: str, quote: str) -> str:
    if key.isidentifier() and not iskeyword(key):
        return f"{key}={_string(value, quote)}"
    return f"**{{{_string(key, quote)}: {_string(value, quote)}}}"


def _string(text: str, quote: str) -> str:
    """Return a text as Python writes it, in ASCII, so that any encoding takes it."""
    inner = text.encode("unicode_escape").decode("ascii")
    return f"{quote}{inner.replace(quote, f'{chr(92)}{quote}')}{quote}"


def _keywords(source: _Source, call: ast.Call, tags: Mapping[str, str]) -> _Insertion:
    end_line, end_column = call.end_lineno or call.lineno, call.end_col_offset or 0
    closing = source.place(end_line, end_column) - 1
    segment = source.text[source.place(call.lineno, call.col_offset) : closing]
    written = _written(tags, _quote(segment))
    if not call.keywords:
        return _Insertion(closing, written)
    last = call.keywords[-1]
    last_line = last.end_lineno or last.lineno
    after = source.place(last_line, last.end_col_offset or 0)
    before = source.text[source.start_of(last.lineno) : source.place(last.lineno, last.col_offset)]
    same_line = source.text[after : min(closing, source.start_of(last_line + 1))]
    if end_line == last_line or before.strip(" \t\f") or not _is_comma(same_line):
        return _Insertion(after, f", {written}")
    # Each has a line of its own, with a comma behind it, and maybe a comment.
    indentation = source.indentation(last.lineno)
    return _Insertion(source.start_of(last_line + 1), f"{indentation}{written},{source.eol}")


def _is_comma(text: str) -> bool:
    return text.lstrip(" \t\f").startswith(",")
