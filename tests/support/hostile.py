"""A repository whose texts try to become markup, scripts or templates in pages."""

from support.git_repo import GitRepo

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
TEMPLATE = "{{ 7 * 191 }}"
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""The characters that turn text round."""

MODULE = f'''
from headwater import tag

{SCRIPT!r}


@tag(owner={IMAGE!r}, note={SCRIPT!r}, template={TEMPLATE!r})
def loud(column: "list[{SCRIPT}]") -> "dict[{SCRIPT}]":
    """{SCRIPT} {TEMPLATE}

    [click](javascript:alert(1)) [data](data:text/html;base64,PHNjcmlwdD4=) <b onclick=alert(1)>bold</b>
    ![image](https://example.com/x.png) [good](https://example.com/)

    Args:
        column: {SCRIPT} {IMAGE}

    Returns:
        {IMAGE}
    """
    # {SCRIPT}
    return {{"x": column, "y": {IMAGE!r}}}


def after(loud: dict) -> int:
    """Count {TEMPLATE}. {TURNING}"""
    return len(loud)  # {TURNING} loud


@tag(note={TURNING!a}, other="{TURNING}")
def turned(after: int) -> "Turned[{TURNING}]":
    return after
'''

PROJECT = """
[tool.headwater.dataflows."<script>alert(2)</script>"]
modules = ["features"]
config = { "<b>key</b>" = "<script>alert(3)</script>" }
outputs = ["after"]
sources = { "<i>source</i>" = { path = "<script>alert(4)</script>.csv", index = "column" } }
"""


def build(repository: GitRepo) -> GitRepo:
    """Fill the repository, and commit under a name and a message that are markup, too."""
    repository.write("features.py", MODULE)
    repository.write("pyproject.toml", PROJECT)
    repository.commit(
        f"Add {SCRIPT} {TEMPLATE} {TURNING}\n\n{IMAGE}\n{TURNING}",
        author=f"O'Neil{TURNING} &amp; co &lt;i&gt; <x@example.com>",
    )
    return repository
