"""What the address of the lineage page says: where it looks from, what is unfolded, and in which colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from flask import g
from werkzeug.datastructures import MultiDict

from headwater_catalog.exploration import Opening
from headwater_web.links import here

__all__ = ["ALL", "DEPTHS", "ExplorerState"]

ALL = "all"
"""How an address says that a side has no limit."""
DEPTHS = (*map(str, (0, 1, 2, 3, 5, 10)), ALL)
"""Steps that the page offers."""

_STEPS = "1"  # each way, where the address does not say
_MOST_STEPS = 10
_MOST = 100  # openings and hidden nodes; more are no more than a picture holds
_SIDES = ("up", "down")
_PLAIN = "!$'()*,/:;?@"  # what need not be escaped in an argument


@dataclass(frozen=True, slots=True)
class ExplorerState:
    """The lineage page as one address; each link of the page is this with something changed.

    Attributes:
        repo: Name of the repository.
        focus: What the reader called the node in the middle; the page makes it a key.
        up: Steps upstream: a number or ALL; empty where the reader does not say.
        down: The same downstream.
        dataflow: The one dataflow to look at; empty for all together.
        to: Key of the other end, where ways between two nodes are shown.
        openings: Whose neighbours were asked for.
        hidden: Keys that were put away.
        group: By what nodes are drawn as one; empty for not at all.
        unfolded: Keys of groups whose nodes stay themselves.
        lens: By what the boxes are coloured; empty for not at all.
        since: The commit from which the lens of changes counts.
        node: Key of the node whose facts are shown.
    """

    repo: str
    focus: str
    up: str = ""
    down: str = ""
    dataflow: str = ""
    to: str = ""
    openings: tuple[Opening, ...] = ()
    hidden: tuple[str, ...] = ()
    group: str = ""
    unfolded: tuple[str, ...] = ()
    lens: str = ""
    since: str = ""
    node: str = ""

    @classmethod
    def of(cls, repo: str, args: MultiDict[str, str]) -> ExplorerState:
        """Return what the arguments of a request say; what makes no sense is left out."""
        single = ("focus", "dataflow", "to", "group", "lens", "since", "node")
        return cls(
            repo=repo,
            up=_depth(args.get("up", "")),
            down=_depth(args.get("down", "")),
            openings=tuple(_openings(args.getlist("open"))),
            hidden=tuple(dict.fromkeys(args.getlist("hide")))[:_MOST],
            unfolded=tuple(dict.fromkeys(args.getlist("unfold")))[:_MOST],
            **{name: args.get(name, "") for name in single},
        )

    @property
    def default_depth(self) -> str:
        """Steps each way that the page opens with: of groups, which are few, all."""
        return ALL if self.group else _STEPS

    def depth(self, side: str) -> str:
        """Return the steps upstream ("up") or downstream ("down") as the page offers them."""
        return str(getattr(self, side)) or self.default_depth

    def steps(self, side: str) -> int | None:
        """Return the steps of a side as a number; None means all."""
        depth = self.depth(side)
        return None if depth == ALL else int(depth)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the arguments of the address, but `at`, in order; a form has them as hidden fields."""
        return [(name, value) for name, values in self._arguments().items() for value in values if value]

    def url(self, **changes: Any) -> str:
        """Return the address of the page with some of this changed."""
        return self._address(replace(self, **changes)._given())

    def file_url(self, kind: str) -> str:
        """Return the address of what is shown as a file of some kind."""
        return here("lineage.exported", repo=self.repo, kind=kind, **self._given())

    def around(self) -> Callable[[str], str]:
        """Return what gives the address of the page around a node, seen in the same way."""
        return self._with("focus", to="", openings=(), hidden=(), unfolded=(), node="")

    def choosing(self) -> Callable[[str], str]:
        """Return what gives the address of this page with the facts of a node."""
        return self._with("node")

    def opening(self) -> Callable[[str], str]:
        """Return what gives this address with more neighbours of a node: of `up:KEY` or `down:KEY`."""
        return self._with("open")

    def opened(self, key: str, side: str) -> str:
        """Return the address with more neighbours of a node."""
        return self.opening()(f"{side}:{key}")

    def _with(self, name: str, **changes: Any) -> Callable[[str], str]:
        """Return what gives the address with one more argument; a page has hundreds that differ by it."""
        given = replace(self, **changes)._given()
        if name != "open":
            given.pop(name, None)
        base = self._address(given)
        start = f"{base}{'&' if '?' in base else '?'}{name}="
        return lambda value: start + quote(value, safe=_PLAIN)

    def _address(self, given: Mapping[str, Sequence[str]]) -> str:
        base = _page_of(self.repo)
        said = urlencode([(name, each) for name, values in given.items() for each in values], safe=_PLAIN)
        return f"{base}{'&' if '?' in base else '?'}{said}" if said else base

    def _given(self) -> dict[str, Any]:
        return {name: values for name, values in self._arguments().items() if any(values)}

    def _arguments(self) -> dict[str, Sequence[str]]:
        return {
            "focus": [self.focus],
            "up": [self.up],
            "down": [self.down],
            "dataflow": [self.dataflow],
            "to": [self.to],
            "group": [self.group],
            "unfold": self.unfolded,
            "open": [f"{opening.side}:{opening.key}" for opening in self.openings],
            "hide": self.hidden,
            "lens": [self.lens],
            "since": [self.since],
            "node": [self.node],
        }


def _page_of(repo: str) -> str:
    """Return the address of the page without its arguments, but with `at`; made once in a request."""
    known: dict[str, str] = g.setdefault("lineage_pages", {})
    if repo not in known:
        known[repo] = here("lineage.lineage", repo=repo)
    return known[repo]


def _depth(text: str) -> str:
    if text == ALL:
        return ALL
    is_number = text.isascii() and text.isdigit() and len(text) < 5
    return str(min(int(text), _MOST_STEPS)) if is_number else ""


def _openings(texts: Sequence[str]) -> list[Opening]:
    found = []
    for text in texts[:_MOST]:
        side, _, key = text.partition(":")
        if side in _SIDES and key:
            found.append(Opening(key, "up" if side == "up" else "down"))
    return found
