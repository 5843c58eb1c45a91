"""How the kinds of boxes in a drawing look: in both colour schemes, and as Graphviz attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["LOOKS", "Kind", "Look", "css_colour", "text_on"]


class Kind(StrEnum):
    """What a box stands for, or what an execution does with it; the values are the words of the legend."""

    CONFIG = "config"
    INPUT = "input"
    FUNCTION = "function"
    PART = "part"
    MATERIALIZER = "materializer"
    OUTPUT = "output"
    OVERRIDE = "override"
    EXPAND = "expand"
    COLLECT = "collect"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of a kind, light and dark, and its Graphviz attributes; None leaves what the box has.

    Attributes:
        fill: Colours inside the box.
        line: Colours of its border.
        dot: Graphviz attributes.
    """

    fill: tuple[str, str] | None
    line: tuple[str, str] | None
    dot: Mapping[str, str]


LOOKS: Final[Mapping[Kind, Look]] = {
    Kind.CONFIG: Look(("#f6f0d9", "#302b18"), ("#b59d4c", "#8a7a45"), {"shape": "note", "style": "filled"}),
    Kind.INPUT: Look(
        ("#ffffff", "#161c23"),
        ("#7a8896", "#77858f"),
        {"shape": "rectangle", "margin": "0.15", "style": "filled,dashed"},
    ),
    Kind.FUNCTION: Look(
        ("#d9ebf3", "#1c3a4a"),
        ("#6a9fb8", "#4d8aa6"),
        {"shape": "rectangle", "margin": "0.15", "style": "rounded,filled", "fillcolor": "#b4d8e4"},
    ),
    Kind.PART: Look(
        ("#f0f5f8", "#18242d"),
        ("#a3bac6", "#4a626f"),
        {"shape": "rectangle", "margin": "0.1", "style": "rounded,filled", "fillcolor": "#e3eff4"},
    ),
    Kind.MATERIALIZER: Look(
        ("#e9e4f7", "#2b2546"),
        ("#8c7bc4", "#8373c6"),
        {"shape": "cylinder", "margin": "0.15,0.1", "style": "filled", "fillcolor": "#e0d8f4"},
    ),
    Kind.OUTPUT: Look(("#ffdc8f", "#5c4410"), ("#c08a12", "#d9a73a"), {"fillcolor": "#FFC857"}),
    Kind.OVERRIDE: Look(("#fbe0d2", "#4d2a1b"), ("#c9673a", "#d97d51"), {"style": "filled,diagonals"}),
    Kind.EXPAND: Look(None, ("#1f9d68", "#56e39f"), {"peripheries": "2", "color": "#56E39F"}),
    Kind.COLLECT: Look(None, ("#d8484a", "#ff7f80"), {"peripheries": "2", "color": "#EA5556"}),
    Kind.PATH: Look(None, ("#d6263a", "#ff6474"), {"color": "red"}),
}
"""Later kinds of a box win over earlier ones."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]+")


def css_colour(text: str | None) -> str | None:
    """Return a colour as CSS writes it; None for what is none, such as a gradient of Graphviz."""
    # Graphviz numbers shades, as in lightblue2; the name alone comes close.
    found = (text or "").strip().rstrip("0123456789") if not (text or "").startswith("#") else text
    return found if found and _COLOUR.fullmatch(found) else None


def text_on(fill: str) -> str:
    """Return black or white, whichever reads better on a colour; black on colours known by name."""
    digits = fill[1:] if fill.startswith("#") else ""
    if len(digits) in (3, 4):
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) < 6:
        return "#000000"
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"
