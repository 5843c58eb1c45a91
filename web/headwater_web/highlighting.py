"""Source code as HTML: coloured by Pygments, with the names it needs as links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from markupsafe import Markup, escape

__all__ = ["highlight"]

_LONGEST: Final = 20_000
"""Characters of code that is coloured; longer code is plain, since to colour a megabyte takes seconds."""


def highlight(source: str, first_line: int = 1, links: Mapping[str, str] | None = None) -> Markup:
    """Colour Python source, a span for each line, with `links` (name to address) put on the names.

    Colours are classes, since the page allows no inline styles; numbers come from `data-line`, so that
    copying the code leaves them out.
    """
    lines: list[list[Markup]] = [[]]
    for css, text, name in _tokens(source):
        href = (links or {}).get(name) if name else None
        for index, piece in enumerate(text.split("\n")):
            if index:
                lines.append([])
            if piece:
                lines[-1].append(_span(piece, css, href))
    if lines and not lines[-1]:
        lines.pop()
    return Markup("\n").join(
        Markup('<span class="line" data-line="{}">{}</span>').format(number, Markup("").join(line))
        for number, line in enumerate(lines, start=first_line)
    )


def _tokens(source: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield CSS class, text, and the name where the token is a name that stands for itself."""
    if len(source) > _LONGEST:
        yield "", source, None
        return
    from pygments.lexers.python import PythonLexer
    from pygments.token import STANDARD_TYPES, Name, is_token_subtype

    previous = ""
    for token, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(source):
        is_name = is_token_subtype(token, Name) and token is not Name.Function and previous != "."
        yield STANDARD_TYPES.get(token, ""), text, text if is_name else None
        previous = text.strip() or previous


def _span(text: str, css: str, href: str | None) -> Markup:
    if href:
        return Markup('<a class="{}" href="{}">{}</a>').format(css, href, text)
    return Markup('<span class="{}">{}</span>').format(css, text) if css else escape(text)
