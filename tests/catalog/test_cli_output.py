"""What commands print for people: whole cells in straight columns, and nothing that steers a terminal."""

import pytest

from headwater_catalog.cli.output import clean, print_table


def test_a_table_in_a_pipe_has_whole_cells_in_columns_as_wide_as_they_look(capsys):
    rows = [("spend", "x" * 300, "last "), ("日本語", "two\nlines", "é"), ("", "a\tb", "[bold]")]

    print_table(("NAME", "VALUE", "NOTE"), rows)

    assert capsys.readouterr().out.splitlines() == [
        f"NAME    {'VALUE':300}  NOTE",
        f"spend   {'x' * 300}  last",
        f"日本語  {'two':300}  é",
        "        lines",
        f"        {'a       b':300}  [bold]",
    ]


def test_a_table_without_rows_is_its_headers(capsys):
    print_table(("NAME", "VALUE"), [])

    assert capsys.readouterr().out == "NAME  VALUE\n"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain text", "plain text"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred\x7f\x00", "[31mred"),
        ("turned\u202e round", "turned round"),
        ("👩‍👩‍👧 日本語", "👩‍👩‍👧 日本語"),
        ("\ud800half", "half"),
    ],
)
def test_what_steers_a_terminal_is_left_out_of_a_text(text, cleaned):
    assert clean(text) == cleaned
