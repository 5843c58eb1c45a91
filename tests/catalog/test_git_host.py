"""Pages of files on Git hosts."""

import pytest

from headwater_catalog.git_host import file_address

SHA = "a" * 40


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/shop/features.git", f"https://github.com/shop/features/blob/{SHA}/m.py#L3"),
        ("git@github.com:shop/features.git", f"https://github.com/shop/features/blob/{SHA}/m.py#L3"),
        ("ssh://git@github.com/shop/features", f"https://github.com/shop/features/blob/{SHA}/m.py#L3"),
        (
            "https://gitlab.example.com/a/b/c.git",
            f"https://gitlab.example.com/a/b/c/-/blob/{SHA}/m.py#L3",
        ),
        ("https://bitbucket.org/a/b", f"https://bitbucket.org/a/b/src/{SHA}/m.py#lines-3"),
        ("https://codeberg.org/a/b", f"https://codeberg.org/a/b/src/commit/{SHA}/m.py#L3"),
        ("https://git.example.com/a/b", None),
        ("https://notgithub.com.example.org/a/b", None),
        ("/srv/git/github/features", None),
        ("file:///srv/github.com/features", None),
        ("https://github.com/", None),
    ],
)
def test_the_page_of_a_line_is_known_for_known_hosts_only(url: str, expected: str | None):
    assert file_address(url, SHA, "m.py", 3) == expected


def test_paths_are_quoted_and_a_file_needs_no_line():
    url = 'https://github.com/a/b"><script>'

    assert file_address(url, SHA, 'x y/"#?.py') == (
        f"https://github.com/a/b%22%3E%3Cscript%3E/blob/{SHA}/x%20y/%22%23%3F.py"
    )
