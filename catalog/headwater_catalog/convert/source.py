"""The text of a script: where its expressions stand, and what its comments say."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from headwater_catalog.convert.values import Piece
from headwater_catalog.read.syntax import parse

__all__ = ["IN_TEXT", "Edit", "Source"]

IN_TEXT = "\x00"
"""Stands for the end of a line inside a string, behind which no indentation may change."""

Edit = tuple[int, int, tuple[Piece, ...]]
"""From where, to where, and what comes there instead."""


_RETURN: Final = re.compile(r"return\b")


class Source:
    """A script.

    Attributes:
        text: Its text.
        tree: Its syntax tree.
        written: The texts of statements that it does not have as such.

    Raises:
        Unreadable: Python cannot read it.
    """

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
        self.tree = parse(self.text)
        self._lines = self.text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self.written: dict[ast.stmt, str] = {}
        self._strings: set[int] = set()
        self._comments: dict[int, tuple[int, str]] = {}
        self._tokens()

    def _tokens(self) -> None:
        inside = 0
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                self._comments[token.start[0]] = (token.start[1], token.string)
            kind = tokenize.tok_name[token.type]
            if kind in ("STRING", "FSTRING_MIDDLE"):
                self._strings.update(range(token.start[0], token.end[0]))
            elif kind in ("FSTRING_START", "FSTRING_END"):  # Python 3.12 and newer
                if kind == "FSTRING_START":
                    inside = token.start[0]
                else:
                    self._strings.update(range(inside, token.end[0]))

    def offset(self, line: int, column: int) -> int:
        """Return a place of the syntax tree, whose columns count bytes, as an offset in the text."""
        text = self._lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode("utf-8", "replace"))
        return self._starts[line - 1] + column

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return where a node begins."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return where a node ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def right_side(self, statement: ast.stmt, value: ast.expr) -> tuple[int, int]:
        """Return where the right side of an assignment stands, with the parentheses and comments in it."""
        if (
            getattr(statement, "value", None) is not value or statement in self.written
        ):  # one of several values
            return self.start(value), self.end(value)
        first = self.start(statement)
        if _RETURN.match(self.text, first):
            return first + len("return"), self.end(statement)
        match statement:
            case ast.Assign(targets=[*_, target]) | ast.AugAssign(target=target):
                begin = self.end(target)
            case ast.AnnAssign(annotation=annotation):
                begin = self.end(annotation)
            case _:
                return self.start(value), self.end(value)
        sign = re.compile(r"=").search(self.text, begin)
        assert sign is not None
        return sign.end(), self.end(statement)

    def without(self, keyword: ast.keyword, call: ast.Call) -> tuple[int, int]:
        """Return where a keyword of a call stands, with the comma that goes with it."""
        start = self.offset(keyword.lineno, keyword.col_offset)
        end = self.end(keyword.value)
        before = self.text[self.end(call.func) : start].rstrip()
        if before.endswith(","):
            return self.end(call.func) + len(before) - 1, end
        comma = re.compile(r"\s*,\s*").match(self.text, end)
        return start, comma.end() if comma else end

    def pieces(self, start: int, end: int, edits: Iterable[Edit], indent: int) -> tuple[Piece, ...]:
        """Return a stretch of the text with some places replaced, and with its indentation taken away."""
        made: list[Piece] = []
        for begin, until, instead in sorted(edits, key=lambda edit: edit[:2]):
            if begin < start:
                continue
            made += [self._stretch(start, begin, indent), *instead]
            start = until
        made.append(self._stretch(start, end, indent))
        return tuple(piece for piece in made if piece != "")

    def _stretch(self, start: int, end: int, indent: int) -> str:
        line = bisect_right(self._starts, start)
        first, *more = self.text[start:end].split("\n")
        parts = [first]
        for number, text in enumerate(more, line):
            if number in self._strings:
                parts.append(IN_TEXT + text)
            else:
                blank = len(text) - len(text.lstrip(" \t"))
                parts.append("\n" + text[min(indent, blank) :])
        return "".join(parts)

    def whole(self, statement: ast.stmt) -> str:
        """Return a statement with the comment lines above it and the one behind it, at the left edge."""
        if statement in self.written:
            return self.written[statement]
        first = statement.lineno
        decorators = getattr(statement, "decorator_list", [])
        first = min([first, *(decorator.lineno for decorator in decorators)])
        start = self.offset(first, statement.col_offset)
        lines = [text for _, text in self._above(first)]
        if self.text[self._starts[first - 1] : start].strip():  # what stands above is of the statement before
            lines = []
        body = self._stretch(start, self.end(statement), statement.col_offset) + self.trailing(statement)
        return "\n".join([*lines, body])

    def trailing(self, statement: ast.stmt) -> str:
        """Return the comment behind a statement, with two spaces before it; empty where there is none."""
        line = statement.end_lineno or statement.lineno
        found = self._comments.get(line)
        if found is None or self.text[self.end(statement) : self._starts[line - 1] + found[0]].strip(" ;"):
            return ""
        return f"  {found[1]}"

    def doc(self, statement: ast.stmt) -> str:
        """Return what the comment right above a statement says, or the one behind it."""
        words = [re.sub(r"^#[:!%\s]*", "", text).strip() for _, text in self._above(statement.lineno)]
        said = [text for text in words if re.search(r"\w", text)]
        if not said and (behind := self.trailing(statement)):
            said = [behind.lstrip(" #").strip()]
        return " ".join(said)

    def _above(self, line: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        line -= 1
        while line in self._comments and not self._lines[line - 1][: self._comments[line][0]].strip():
            found.insert(0, self._comments[line])
            line -= 1
        return found
