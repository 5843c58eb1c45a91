"""The few icons, drawn inline so that they take the colour of their text."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

__all__ = ["icon"]

_SHAPES = {
    "mark": '<path d="M4 3c0 8 8 6 8 18M20 3c0 8-8 6-8 18M12 3v18"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6.5"/><path d="m20 20-4.7-4.7"/>',
    "theme": '<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5v17a8.5 8.5 0 0 0 0-17" fill="currentColor"/>',
    "copy": '<rect x="8.5" y="8.5" width="11" height="11" rx="2"/><path d="M15.5 4.5h-9a2 2 0 0 0-2 2v9"/>',
    "file": '<path d="M6 3.5h8l4 4v13H6zM14 3.5v4h4"/>',
    "commit": '<circle cx="12" cy="12" r="3.6"/><path d="M2.5 12h5.9M15.6 12h5.9"/>',
    "person": '<circle cx="12" cy="8" r="3.8"/><path d="M4.5 20c.8-4 3.8-6 7.5-6s6.7 2 7.5 6"/>',
    "run": '<path d="M7 4.5v15l12-7.5z"/>',
    "arrow": '<path d="M4.5 12h15M13 5.5l6.5 6.5-6.5 6.5"/>',
}


@cache
def icon(name: str, size: int = 16, css: str = "") -> Markup:
    """Return an icon as SVG; it is decoration, so that screen readers pass it by."""
    return Markup(
        '<svg class="{}" width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="{}" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>'
    ).format(css, size, size, "2.4" if name == "mark" else "1.9", Markup(_SHAPES[name]))  # noqa: S704  ours
