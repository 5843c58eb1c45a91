"""Docstrings become readable and safe HTML."""

import pytest

from headwater_web.docs import render_doc, render_lead, render_markdown


def test_the_first_paragraph_is_the_lead_and_the_rest_the_doc():
    doc = """Spend a *week*,
    in `EUR`.

    More about it.
    """

    assert render_lead(doc) == "Spend a <em>week</em>,\nin <code>EUR</code>."
    assert render_doc(doc) == "<p>More about it.</p>\n"


def test_arguments_become_a_list_of_definitions():
    html = render_doc(
        """Do.

        Args:
            spend: What was paid,
                in a week.
            *rest (int): More.
        """
    )

    assert "<h3>Arguments</h3><dl>" in html
    assert "<dt><code>spend</code></dt><dd>What was paid,\nin a week.</dd>" in html
    assert "<dt><code>*rest</code></dt><dd>More.</dd>" in html


def test_a_section_that_is_no_list_is_prose():
    html = render_doc("Do.\n\nArgs:\n    whatever fits here\n\nReturns:\n    A number.\n")

    assert "<h3>Arguments</h3><p>whatever fits here</p>" in html
    assert "<h3>Returns</h3><p>A number.</p>" in html


def test_examples_keep_their_lines():
    html = render_doc("Do.\n\nExample:\n    >>> 1 < 2\n    True\n")

    assert "<pre><code>&gt;&gt;&gt; 1 &lt; 2\nTrue</code></pre>" in html


def test_text_after_a_section_is_prose_again():
    html = render_doc("Do.\n\nReturns:\n    A number.\n\nAnd so on.\n")

    assert "And so on." in html
    assert html.index("And so on.") < html.index("<h3>Returns</h3>")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JAVASCRIPT:alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html,x)",
        "[x](vbscript:x)",
        "[x](/runs)",
        "[x](//evil.example)",
        "<javascript:alert(1)>",
        "![x](https://example.com/x.png)",
        "[x]: javascript:alert(1)\n\n[x]",
    ],
)
def test_markdown_yields_neither_markup_nor_links_but_to_the_web(text: str):
    html = render_markdown(text)

    assert "<script" not in html
    assert "<img" not in html
    assert 'href="http' in html or "href=" not in html


def test_headings_stay_below_those_of_the_page():
    assert render_markdown("# One") == "<h3>One</h3>\n"
    assert render_markdown("###### Six") == "<h6>Six</h6>\n"


def test_deep_nesting_ends():
    assert render_markdown("> " * 5000 + "x")
    assert render_markdown("[" * 5000)
    assert render_doc("x\n\n" + "Args:\n  a: b\n" * 3000)


def test_other_styles_read_the_same():
    html = render_doc(
        "Do.\n\nParameters\n----------\nspend : pd.Series\n    What was paid. Unit: EUR\n\nUnits\n-----\nEUR\n"
    )

    assert "<h3>Arguments</h3><dl><dt><code>spend</code></dt><dd>What was paid. [EUR]</dd></dl>" in html
    assert "<h3>Unit</h3><p>EUR</p>" in html
