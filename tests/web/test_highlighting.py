"""Source code is coloured, numbered and linked."""

import re
from html import unescape

from headwater_web.highlighting import highlight


def _plain(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html))


def test_lines_are_numbered_from_where_the_code_stands():
    html = highlight("def f():\n    return 1\n", 40)

    assert re.findall(r'data-line="(\d+)"', html) == ["40", "41"]


def test_the_text_stays_as_it_was():
    source = 'def f(a):\n\n    """Doc\n    on lines."""\n    return a  # why\n'

    assert _plain(highlight(source)) == source.rstrip("\n")


def test_names_lead_to_their_features_but_not_attributes():
    html = highlight("def f(spend):\n    return spend + frame.spend\n", links={"spend": "/there"})

    assert html.count('href="/there"') == 2


def test_the_name_of_the_function_is_no_link_to_itself():
    assert "href" not in highlight("def spend(): pass", links={"spend": "/there"})


def test_markup_in_code_is_text():
    html = highlight('x = "<script>" # </span><b>', links={"x": '"><script>'})

    assert "<script>" not in html
    assert "<b>" not in html
    assert "&#34;&gt;&lt;script&gt;" in html


def test_broken_code_is_shown_as_well():
    assert "return (" in _plain(highlight("def f(:\n  return (\n"))
