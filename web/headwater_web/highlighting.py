"""Source code as HTML: coloured by Pygments, with the names it needs as links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from markupsafe import Markup, escape

from headwater_catalog.recent import Recent

__all__ = ["highlight"]

_LONGEST: Final = 20_000
"""Characters of code that is coloured; longer code is plain, since to colour a megabyte takes seconds."""

_MOST_KEPT: Final = 500_000
"""Characters of the code that was shown last, whose tokens are kept: to find these takes longest."""

_Token: TypeAlias = tuple[str, str, str | None]


def highlight(source: str, first_line: int = 1, links: Mapping[str, str] | None = None) -> Markup:
    """Colour Python source, a span for each line, with `links` (name to address) put on the names.

    Colours are classes, since the page allows no inline styles; numbers come from `data-line`, so that
    copying the code leaves them out.
    """
    lines: list[list[str]] = [[]]
    for css, text, name in _RECENT.get(source, lambda: tuple(_tokens(source))):
        href = (links or {}).get(name) if name else None
        for index, piece in enumerate(text.split("\n")):
            if index:
                lines.append([])
            if piece:
                lines[-1].append(_span(piece, css, href))
    if lines and not lines[-1]:
        lines.pop()
    shown = (
        f'<span class="line" data-line="{number}">{"".join(line)}</span>'
        for number, line in enumerate(lines, start=first_line)
    )
    return Markup("\n".join(shown))  # noqa: S704 - every piece of it was escaped


def _tokens(source: str) -> Iterator[_Token]:
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


def _size(tokens: tuple[_Token, ...]) -> int:
    return sum(len(text) for _, text, _ in tokens)


_RECENT: Final = Recent[tuple[_Token, ...]](_size, _MOST_KEPT)


def _span(text: str, css: str, href: str | None) -> str:
    """Return a piece of code as HTML; plain texts, since to format `Markup` takes ten times as long."""
    if href:
        return f'<a class="{css}" href="{escape(href)}">{escape(text)}</a>'
    return f'<span class="{css}">{escape(text)}</span>' if css else str(escape(text))
