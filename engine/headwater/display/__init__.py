"""Drawings of graphs by a layout of our own: SVG, Mermaid and DOT, without Graphviz."""

from headwater.display.drawing import Drawing, draw, with_sources
from headwater.display.picture import Picture, Request

__all__ = ["Drawing", "Picture", "Request", "draw", "with_sources"]
