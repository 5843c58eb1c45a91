"""Texts of a repository in Markdown: they show themselves and do nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from headwater_catalog.governance.markdown import code, prose
from headwater_catalog.governance.review_text import MOST, review_markdown

_READER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
_OURS = {
    *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline"),
    *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
}
_INLINE = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
_HOSTILE = (
    "`x` **bold**",
    "``` a",
    "a | b | c\n| --- | --- |\n| 1 | 2 |",
    "<img src=x onerror=alert(1)><script>",
    "@everyone and @org/team, see #12 and GH-12",
    "[click](https://evil.example) ![x](https://evil.example/x.png) https://evil.example www.evil.example",
    "\n\n# Heading\n\n> quote\n\n- item",
    "1. one",
    "\u202egnirts\u202c \x1b[31m",
    "0123abcd0123abcd :smile: $x$ ~~gone~~ _a_ &lt;b&gt; \\`",
    "`",
    "a`",
    " ",
    "",
    "\\",
    "x" * 150,
)


def _inline(text: str) -> list[Token]:
    """Return what stands in the one paragraph of an item of a list."""
    tokens = _READER.parse(f"- {text}")
    assert {token.type for token in tokens} <= _OURS, text
    (inline,) = (token for token in tokens if token.type == "inline")
    return inline.children or []


@given(st.one_of(st.text(), st.text("`\\ \n|<>@#*_[]()!&a1.-+~$")))
def test_a_code_span_is_one_whatever_is_in_it(text: str):
    (only,) = _inline(code(text))

    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    assert only.type == ("code_inline" if shown else "text")
    if len(text) <= 200:
        assert only.content == (shown or "(empty)")


@given(st.one_of(st.text(), st.text("`\\ \n|<>@#*_[]()!&a1.-+~$w:/")))
def test_sentences_have_words_and_code_and_nothing_else(text: str):
    for token in _inline(prose(text)):
        assert token.type in ("text", "code_inline")
        if token.type == "text":
            _is_plain(token.content.removesuffix("(empty)"))


def _is_plain(text: str) -> None:
    assert not re.search(r"[@#<>\[\]{}|*_~$&\\`/^=+%]|\w\.\w|\w:\w|:\w+:|[0-9a-f]{7}", text), text


def test_sentences_stay_legible():
    told = "Every feature has an owner: @tag(owner=...), CODEOWNERS, or it isn't somebody's."

    assert prose(told) == (
        "Every feature has an owner: `@tag(owner=...),` CODEOWNERS, or it isn't somebody's."
    )


@pytest.mark.parametrize("text", _HOSTILE)
def test_a_review_of_hostile_names_has_only_our_markup(text: str):
    tokens = _READER.parse(review_markdown(_review(text, 3)))

    assert {token.type for token in tokens} <= _OURS
    for token in tokens:
        for child in token.children or ():
            assert child.type in _INLINE
            if child.type == "text":
                assert not re.search(r"[@#<>\[\]|`\\$]|www|http|evil|0123", child.content), child.content
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert [re.split(r" [(`]", heading)[0] for heading in headings] == [
        *("Headwater review of", "New findings", "Rules that this changes", "Classified from now on"),
        *("No longer classified, or less", "Changed features", "Changed dataflows", "Downstream"),
        *("Whom to ask", "Datasets that become stale", "Cleared findings", "Let through by an exception"),
        "Not known here",
    ]


@pytest.mark.parametrize("count", [0, 1, 40, 400, 2_000])
@pytest.mark.parametrize("text", ["a:b", "ü`" * 200])
def test_a_review_has_a_bounded_length_and_says_what_is_left_out(count: int, text: str):
    told = review_markdown(_review(text, count))

    assert len(told.encode()) <= MOST
    if count > 300:
        assert re.search(r"and [\d,]+ more", told)
    assert {token.type for token in _READER.parse(told)} <= _OURS


def test_what_does_not_even_fit_in_short_lists_is_cut_between_lines():
    told = review_markdown(_review("x" * 300, 50), most=5_000)

    assert len(told.encode()) <= 5_000
    assert re.search(r"And \d+ more lines, which `--json` has\.$", told)


def _review(text: str, count: int) -> dict[str, Any]:
    """Return the review of a change in which everything is called the same."""
    finding = {
        **dict.fromkeys(("rule", "message", "key", "about", "path", "owner", "fingerprint"), text),
        **{"severity": "error", "line": 3, "end_line": 4, "because": [text] * 40, "owners": [text] * 9},
    }
    taint = {"classification": text, "key": text, "was": text, "now": None, "path": [text] * 3}
    rises, falls = (
        {**taint, "rises": rises, "through": [text], "cause": "is new"} for rises in (True, False)
    )
    change = {"key": text, "classes": ["moved", "logic"], "origin": text, "because": [text] * 9}
    rule = {"kind": "policy", "name": text, "about": text, "change": "added", "effect": "loosens"}
    return {
        "repository": text,
        "before": None,
        "after": "0" * 40,
        "day": "2026-06-30",
        **{name: [finding] * count for name in ("findings", "cleared", "excepted")},
        "unknown": [{"rule": text, "reason": text}] * count,
        "taint": [*[rises] * count, *[falls] * count],
        "changed": [{**change, "is_of_meaning": True, "owners": [text]}] * count,
        "dataflows": [{"name": text, "change": "changed", "details": [text] * 9}] * count,
        "reached": [{"key": text}] * count,
        "modules": [{"name": text, "changed": 1, "reached": 2}] * count,
        "outputs": [{"dataflow": text, "names": [text] * 9}] * count,
        "datasets": [{"name": text, "run": 1, "sha": "0" * 40, "outputs": [text]}] * count,
        "owners": [{"name": text, "changed": 1, "reached": 2}] * count,
        "rules": [{**rule, "details": [text], "path": text, "line": 0, "keys": [text]}] * count,
    }
