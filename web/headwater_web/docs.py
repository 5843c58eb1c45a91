"""Docstrings as safe HTML: sections under their titles, and Markdown with no HTML of its own."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from headwater_catalog.documentation import Section, understand

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore

__all__ = ["render_doc", "render_lead", "render_markdown"]

_LONGEST: Final = 20_000
"""Characters of a docstring that is laid out; a longer one is shown as the text that it is."""


def render_doc(doc: str) -> Markup:
    """Render what follows the first paragraph: the prose, then each section under its title."""
    if len(doc) > _LONGEST:
        return Markup("<pre>{}</pre>").format(inspect.cleandoc(doc).partition("\n\n")[2])
    said = understand(doc)
    units = {name: f" [{unit}]" for name, unit in said.units.items()}
    parameters = [(name, f"{text}{units.get(name, '')}") for name, text in said.parameters.items()]
    html = [render_markdown(said.description)]
    html += [_definitions("Arguments", parameters)] if parameters else []
    html += [_text("Returns", said.returns)] if said.returns else []
    html += [_text("Unit", said.unit)] if said.unit else []
    html += map(_section, said.sections)
    return Markup("").join(html)


def render_lead(doc: str) -> Markup:
    """Render the first paragraph of a docstring as a line of text, without a paragraph around it."""
    if len(doc) > _LONGEST:
        return escape(inspect.cleandoc(doc).partition("\n\n")[0])
    return _inline(understand(doc).summary)


def render_markdown(text: str) -> Markup:
    """Render Markdown; HTML in it is shown as text, and links lead to http and https only."""
    return Markup(_markdown().render(text))  # noqa: S704  the renderer escapes everything it is given


def _section(section: Section) -> Markup:
    if section.items:
        return _definitions(section.title, [(item.name, item.text) for item in section.items])
    if section.title.startswith("Example") and ">>>" in section.text:
        return _titled(section.title, Markup("<pre><code>{}</code></pre>").format(section.text))
    return _text(section.title, section.text)


def _text(title: str, text: str) -> Markup:
    return _titled(title, render_markdown(text))


def _definitions(title: str, items: Iterable[tuple[str, str]]) -> Markup:
    rows = (Markup("<dt><code>{}</code></dt><dd>{}</dd>").format(name, _inline(text)) for name, text in items)
    return _titled(title, Markup("<dl>{}</dl>").format(Markup("").join(rows)))


def _titled(title: str, body: Markup) -> Markup:
    return Markup("<h3>{}</h3>{}").format(title, body)


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
