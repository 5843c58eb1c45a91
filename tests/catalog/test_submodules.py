"""What is said of submodules, of which nothing is read."""

from __future__ import annotations

import pytest

from headwater_catalog.submodules import unread_submodules


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[submodule "a"]\n\tpath = libs/a\n\turl = ../a\n', [(2, "libs/a")]),
        ('[submodule "a b"]\npath="libs/a b/"\n[Submodule "c"]\nPATH = c\n', [(2, "libs/a b"), (4, "c")]),
        ('[submodule "a"]\nurl = path\npath =\n[other]\npath = x\n[]\npath = y\n[', []),
        ('[submodule "a"]\npath = .venv/a\n', []),  # where no sources are looked for
        ("path = a\n\0\xff", []),
    ],
)
def test_submodules_that_may_hold_sources_are_told_with_their_lines(text: str, found: list[tuple[int, str]]):
    told = unread_submodules(text.encode())

    assert [(each.path, each.line) for each in told] == [(".gitmodules", line) for line, _ in found]
    assert all(f"'{path}'" in each.message for each, (_, path) in zip(told, found, strict=True))


def test_of_very_many_submodules_the_rest_is_counted():
    text = "".join(f'[submodule "{n}"]\npath = s{n}\n' for n in range(60))
    *first, last = unread_submodules(text.encode())

    assert (len(first), last.message) == (50, "Submodules are not read: 10 more.")
