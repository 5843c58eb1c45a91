"""Programs that become of processes prepared for them, and a way to know that they do."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from headwater_catalog import sandbox
from headwater_catalog.prepared import Program
from headwater_catalog.sandbox import Access

_IMPORTS: Final = ("decimal",)
_TESTS: Final = Path(__file__).resolve().parents[1]
ACCESS: Final = Access([_TESTS])
"""What such programs may read: this, too."""


def forked(code: str, **more: Any) -> Program:
    """Return the program that executes a text of Python, in a process that has imported little before."""
    return Program("support.told_code", "main", (code,), _IMPORTS, (str(_TESTS),), **more)


def wait_until_prepared(folder: Path, imports: tuple[str, ...] = _IMPORTS) -> None:
    """Wait until a process is prepared for programs that import these, where any are kept prepared."""
    deadline = time.monotonic() + 60
    program = replace(forked("import sys; print(*sys.orig_argv)"), imports=imports)
    while "fork_server" not in sandbox.run(program, folder, access=ACCESS).log:
        assert time.monotonic() < deadline, "no process was prepared"
