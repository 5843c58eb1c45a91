"""Docstrings as safe HTML: Google-style sections, and Markdown with no HTML of its own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore

__all__ = ["render_doc", "render_lead", "render_markdown"]

_LONGEST = 50_000
_SECTIONS = {
    "args": "Arguments",
    "arguments": "Arguments",
    "parameters": "Arguments",
    "returns": "Returns",
    "yields": "Yields",
    "raises": "Raises",
    "note": "Note",
    "notes": "Notes",
    "warning": "Warning",
    "warnings": "Warnings",
    "example": "Example",
    "examples": "Examples",
    "references": "References",
    "see also": "See also",
    "todo": "To do",
}
_HEADER = re.compile(r"(?P<title>[A-Za-z][A-Za-z ]{0,20}):\s*")
_ITEM = re.compile(r"(?P<name>\*{0,2}[\w.]+)\s*(?:\([^)]*\))?:\s+(?P<text>.*)", re.DOTALL)


def render_doc(doc: str) -> Markup:
    """Render what follows the first paragraph: the prose, then each Google-style section under its title."""
    prose, sections = _split(_parts(doc)[1].splitlines())
    html = [render_markdown("\n".join(prose))]
    html += [_section(title, lines) for title, lines in sections]
    return Markup("").join(html)


def render_lead(doc: str) -> Markup:
    """Render the first paragraph of a docstring as a line of text, without a paragraph around it."""
    return _inline(_parts(doc)[0])


def render_markdown(text: str) -> Markup:
    """Render Markdown; HTML in it is shown as text, and links lead to http and https only."""
    return Markup(_markdown().render(text))  # noqa: S704  the renderer escapes everything it is given


def _parts(doc: str) -> tuple[str, str]:
    first, _, rest = inspect.cleandoc(doc[:_LONGEST]).strip().partition("\n\n")
    return first, rest


def _split(lines: list[str]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    prose: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    current = prose
    for line in lines:
        header = _HEADER.fullmatch(line)
        title = _SECTIONS.get(header["title"].lower()) if header else None
        if title:
            current = []
            sections.append((title, current))
        elif line[:1].strip() and current is not prose:
            current = prose  # a line that is not indented ends the section
            current += ["", line]
        else:
            current.append(line)
    return prose, sections


def _section(title: str, lines: list[str]) -> Markup:
    text = inspect.cleandoc("\n" + "\n".join(lines))
    items = list(_items(text)) if title in ("Arguments", "Raises") else []
    if items and all(items):
        rows = (
            Markup("<dt><code>{}</code></dt><dd>{}</dd>").format(item["name"], _inline(item["text"]))
            for item in items
            if item
        )
        body = Markup("<dl>{}</dl>").format(Markup("").join(rows))
    elif title.startswith("Example") and ">>>" in text:
        body = Markup("<pre><code>{}</code></pre>").format(text)
    else:
        body = render_markdown(text)
    return Markup("<h3>{}</h3>{}").format(escape(title), body)


def _items(text: str) -> Iterator[re.Match[str] | None]:
    """Yield one match for each entry: a line that is not indented, and the indented ones after it."""
    for entry in re.split(r"\n(?=\S)", text):
        yield _ITEM.fullmatch(entry)


def _inline(text: str) -> Markup:
    return Markup(_markdown().renderInline(inspect.cleandoc(text)))  # noqa: S704  as above


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    markdown.validateLink = _is_web_link  # type: ignore[method-assign]
    markdown.core.ruler.push("headwater", _fit_page)
    return markdown


def _is_web_link(url: str) -> bool:
    return url.strip().lower().startswith(("http://", "https://"))


def _fit_page(state: StateCore) -> None:
    """Set headings below the page's own, and tell links not to vouch for where they lead."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "nofollow noopener noreferrer")
