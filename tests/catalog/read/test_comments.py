from textwrap import dedent

import pytest

from headwater_catalog.read.parse import read_blob


def comment(text: str) -> str:
    (function,) = read_blob(dedent(text).encode()).functions
    return function.comment


def test_the_comment_right_above_a_function_is_kept() -> None:
    text = """
        import pandas as pd

        # What customers paid,
        #   in euros.
        def spend(a: int) -> int: return a
    """

    assert comment(text) == "What customers paid,\n  in euros."


def test_a_comment_stands_above_the_decorators() -> None:
    assert comment("# Spend.\n@tag(a='b')\ndef spend(a: int) -> int: return a") == "Spend."


def test_a_comment_is_no_docstring() -> None:
    (function,) = read_blob(b"# Spend.\ndef spend(a: int) -> int: return a").functions

    assert function.doc is None


@pytest.mark.parametrize(
    "text",
    [
        "# The next one.\n\ndef spend(a: int) -> int: return a",
        "x = 1  # The one.\ndef spend(a: int) -> int: return a",
        "# noqa: E501\ndef spend(a: int) -> int: return a",
        "# type: ignore\ndef spend(a: int) -> int: return a",
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\ndef spend(a: int) -> int: return a",
        "# %%\ndef spend(a: int) -> int: return a",
        "# ---------\ndef spend(a: int) -> int: return a",
    ],
)
def test_what_stands_elsewhere_or_is_for_tools_is_no_comment_on_it(text: str) -> None:
    assert comment(text) == ""


def test_frames_around_a_comment_are_left_out() -> None:
    assert comment("#########\n# Spend. #\n#########\ndef spend(a: int) -> int: return a") == "Spend."


def test_comments_in_broken_files_and_notebooks_are_kept() -> None:
    broken = "x = (\n\n# Spend.\ndef spend(a: int) -> int:\n    return a\n"
    notebook = (
        '{"cells": [{"cell_type": "code", "source": ["x = 1"]},'
        ' {"cell_type": "code", "source": ["# Spend.\\n", "def spend(a: int) -> int:\\n", "    return a"]}]}'
    )

    assert comment(broken) == "Spend."
    assert comment(notebook) == "Spend."
