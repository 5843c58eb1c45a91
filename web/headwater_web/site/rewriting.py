"""Pages of the server as files: links lead to other files, and what needs a server is left out."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Final

from headwater_web.site.addresses import Target

__all__ = ["Rewriter"]

_TAG: Final = re.compile(
    r"<(?:/(?P<end>a|svg)|(?P<name>a|svg|link|script|form|img)\b(?P<rest>[^>]*)"
    r"|(?P<box>[a-z]+)(?P<said>\s[^>]*\bno-print\b[^>]*))>"
)
"""A tag that may change; what templates print into attributes has its quotes and brackets escaped."""

_ADDRESS: Final = re.compile(r'\b(?:href|src|action)="([^"]*)"')
_CLASS: Final = re.compile(r'\bclass="([^"]*)"')
_LIVE: Final = re.compile(r'\s(?:hx-[a-z-]+|data-key|data-svg)="[^"]*"')
"""Attributes that only the server's scripts read."""

_WORTHLESS: Final = frozenset(("button", "more", "rim"))
"""Classes of links that are nothing where they lead nowhere."""
_VOID: Final = frozenset(("link", "img"))
_KEPT: Final = frozenset(("files", "copy"))
"""What is of use without a server, though nobody prints it."""


class Rewriter:
    """Makes the file of a page.

    Args:
        target: Gives the file that an address leads to.
    """

    def __init__(self, target: Callable[[str], Target | None]) -> None:
        self._target = target
        self.found: dict[str, Target] = {}
        """The files that pages led to so far, by their paths."""

    def rewritten(self, page: str, file: str) -> str:
        """Return a page with its addresses as paths from where it stands.

        Args:
            page: The page, as the server gives it.
            file: The file that it becomes.
        """
        return "".join(self._pieces(page, "../" * file.count("/")))

    def _pieces(self, page: str, up: str) -> Iterator[str]:
        at, tag = 0, _TAG.search(page)
        dead, drawn = False, False
        while tag:
            past = tag.end()
            if tag["end"] == "svg":
                drawn = False
            elif tag["end"] and dead:
                yield page[at : tag.start()] + ("</g>" if drawn else "</span>")
                at, dead = past, False
            elif tag["name"] == "svg":
                drawn = True
            elif name := tag["name"] or tag["box"]:
                rest = tag["rest"] if tag["name"] else tag["said"]
                yield page[at : tag.start()]
                said = self._said(name, rest, up)
                if said is not None:
                    yield f"<{name}{said}>"
                elif name == "a" and _classes(rest).isdisjoint(_WORTHLESS):
                    dead = True
                    yield f"<{'g' if drawn else 'span'}{_without_address(rest)}>"
                elif name not in _VOID:
                    past = _end_of(name, page, past)
                at = past
            tag = _TAG.search(page, past)
        yield page[at:]

    def _said(self, name: str, rest: str, up: str) -> str | None:
        """Return what stands in a tag besides its name; None where it has no meaning without a server."""
        if "no-print" in rest and "no-print" in (classes := _classes(rest)) and classes.isdisjoint(_KEPT):
            return None
        if name == "form" and "data-kept" not in rest:
            return None
        rest = _LIVE.sub("", rest)
        found = _ADDRESS.search(rest)
        if found is None:
            return rest
        led = self._led(html.unescape(found[1]), up)
        if led is None:
            return None
        return f"{rest[: found.start(1)]}{html.escape(led)}{rest[found.end(1) :]}"

    def _led(self, address: str, up: str) -> str | None:
        """Return an address as it stands in the file; None where it leads nowhere."""
        if not address.startswith("/"):
            return address  # to a place on the page, or to another site
        where, hash_, place = address.partition("#")
        target = self._target(where)
        if target is None:
            return None
        self.found.setdefault(target.file, target)
        return f"{up}{target.file}{hash_}{place}"


def _end_of(name: str, page: str, at: int) -> int:
    """Return where an element ends that has begun before a place."""
    depth = 1
    for tag in re.compile(rf"<(/?){name}\b[^>]*>").finditer(page, at):
        depth += -1 if tag[1] else 1
        if not depth:
            return tag.end()
    return len(page)


def _classes(rest: str) -> set[str]:
    found = _CLASS.search(rest)
    return set(found[1].split()) if found else set()


def _without_address(rest: str) -> str:
    kept = _LIVE.sub("", _ADDRESS.sub("", rest)).replace(" download", "")
    return kept.rstrip()
