"""What can still be read of a text that Python cannot read as a whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from keyword import iskeyword
from typing import Final

from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import Unreadable

__all__ = ["Part", "Salvage", "parts_of", "salvaged"]

_STRING: Final = r"""[rRbBuUfFtT]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|(?P<open1>%s\Z))
    |'''(?:[^\\]|\\.)*?(?:'''|(?P<open2>%s\Z))
    |"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)"""
_TOKENS: Final = r"""
    (?P<definition>^(?=(?:async[ \t]+def|def|class)\b))
    |(?P<decorator>^(?=@))
    |(?P<start>^(?<!\\\n)(?![ \t\f\n#)\]}]|(?:else|elif|except|finally)\b)(?=.))
    |(?P<comment>\#[^\n]*)
    |(?P<string>%s)
    |(?P<opening>[(\[{])|(?P<closing>[)\]}])|(?P<colon>:(?!=))
    |\w+"""
_DEFINITION: Final = r"^(?=(?:async[ \t]+def|def|class|@)\b)|"

_FLAGS: Final = re.MULTILINE | re.DOTALL | re.VERBOSE
_TOKEN: Final = re.compile(_TOKENS % (_STRING % ("", "")), _FLAGS)
_TOKEN_SHORT: Final = re.compile(_TOKENS % (_STRING % (_DEFINITION, _DEFINITION)), _FLAGS)
"""The same, but that a string between three quotes ends where a definition begins at the left edge."""

_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_HEAD: Final = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
_DEFINES: Final = re.compile(r"@|(?:async[ \t]+def|def|class)\b")
_SETS: Final = (
    re.compile(r"^([^=\n:(\[{]{1,200}?)(?::[^=\n]{0,200})?[-+*/%&|^@<>]{0,2}=(?!=)", re.MULTILINE),
    re.compile(r"\b(\w+)[ \t]*:="),
    re.compile(r"\b(?:def|class|as|for|del|global)[ \t]+(\w+)"),
    re.compile(r"^[ \t]*(?:from|import)\b([^\n(]*(?:\([^)]{0,2000})?)", re.MULTILINE),
)
"""What may set names, with these in its group."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text that should be one statement of the module.

    Attributes:
        text: Its source.
        is_doubtful: Whether it may be a part of a string, since one above is not closed.
    """

    text: str
    is_doubtful: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell whether it defines nothing and stands where it seems to."""
        return not self.is_doubtful and _DEFINES.match(self.text) is None


@dataclass(frozen=True, slots=True)
class Salvage:
    """What a part of a text says.

    Attributes:
        statements: Its statements.
        unread: Why the body of the one statement is not among them; empty where it is.
        fault: Line and message of what is wrong.
        names: Names that the rest may set.
    """

    statements: tuple[ast.stmt, ...]
    unread: str = ""
    fault: tuple[int, str] | None = None
    names: frozenset[str] = frozenset()


def parts_of(text: str) -> Iterator[Part]:
    """Cut a text before every statement of the module, as far as brackets and quotes let one tell.

    A definition at the left edge is in no bracket, whatever stands open above it. Where a string is open
    at the end of the text some quotes are missing, and nobody knows where; then the definition is in no
    string either.
    """
    starts, is_open = _starts(_TOKEN, text)
    certain = set(starts)
    if is_open:
        starts, _ = _starts(_TOKEN_SHORT, text)
    for start, end in zip([0, *starts], [*starts, len(text)], strict=True):
        if start < end:
            yield Part(text[start:end], is_open and start > 0 and start not in certain)


def _starts(token: re.Pattern[str], text: str) -> tuple[list[int], bool]:
    """Return where statements begin, but for the first, and whether a string is open at the end."""
    starts: list[int] = []
    brackets: list[tuple[str, int]] = []
    is_open = is_decorated = False
    for found in token.finditer(text):
        kind, place = found.lastgroup, found.start()
        if kind in ("definition", "decorator"):
            brackets.clear()
        if kind in ("start", "definition", "decorator"):
            if not is_decorated:
                starts.append(place)
            is_decorated = kind == "decorator" or (is_decorated and kind == "start")
        elif kind == "opening":
            brackets.append((found[0], len(starts)))
        elif kind == "closing" and brackets and brackets[-1][0] == _PAIRS[found[0]]:
            # What begins between two brackets that belong together is no statement.
            del starts[brackets.pop()[1] :]
        is_open = is_open or (kind == "string" and found.end() == len(text) and _is_open(found))
    return [start for start in starts if start], is_open


def _is_open(found: re.Match[str]) -> bool:
    return found["open1"] is not None or found["open2"] is not None


def salvaged(text: str) -> Salvage:
    """Read a part of a text that Python cannot read; of a definition, its head and docstring if no more."""
    try:
        return Salvage(tuple(parse_newer(text).body))
    except Unreadable as error:
        line, reason = error.line or 1, error.reason
    definition = _HEAD.search(text)
    if definition is None:
        return Salvage((), fault=(line, reason), names=_names_set(text))
    name = definition[1]
    statement = _head(text, definition.start())
    if statement is None:
        told = f"{reason} '{name}' is left out."
        return Salvage((), fault=(line, told), names=frozenset({name}))
    told = f"{reason} Of '{name}' only the head is read."
    return Salvage((statement,), "its body cannot be read", (line, told))


def _head(text: str, definition: int) -> ast.stmt | None:
    """Return a definition without its body, but with its docstring."""
    for head in _heads(text, definition):
        try:
            (statement,) = parse_newer(head).body
        except (Unreadable, ValueError):
            continue
        statement.end_lineno = _last_line(text)
        return statement
    return None


def _last_line(text: str) -> int:
    """Return the last line of a definition; comments at the left edge below it belong to what follows."""
    lines = text.split("\n")
    while not lines[-1].strip() or lines[-1].startswith("#"):
        lines.pop()
    return len(lines)


def _heads(text: str, definition: int) -> Iterator[str]:
    """Yield what may be the head of a definition, with a docstring first."""
    depth, head = 0, ""
    for found in _TOKEN.finditer(text, definition):
        kind = found.lastgroup
        if head and kind == "string":
            yield text[: found.end()]
        if head and kind not in ("comment", "start"):
            yield head
            return
        depth += (kind == "opening") - (kind == "closing")
        if kind == "colon" and depth == 0:
            head = f"{text[: found.end()]} ..."
    if head:
        yield head


def _names_set(text: str) -> frozenset[str]:
    """Return the names that a text may set, and perhaps more."""
    found = (match[1] for pattern in _SETS for match in pattern.finditer(text))
    names = {name for part in found for name in re.findall(r"\w+", part)}
    return frozenset(name for name in names if name.isidentifier() and not iskeyword(name))
