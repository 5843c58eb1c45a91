"""The process environment of the tests, cut off from the person's who runs them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Whatever could lead the code under test, git or libpq to the user's own data and settings.
_PERSONAL = ("HEADWATER_", "GIT_", "PG", "XDG_")
_KEPT = ("HEADWATER_TEST_",)

_GIT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
}


@contextmanager
def isolated_environment(home: Path) -> Iterator[None]:
    """Run with `home` as the home folder and no settings of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_PERSONAL) and not name.startswith(_KEPT):
                patch.delenv(name)
        for name, setting in _GIT.items():
            patch.setenv(name, setting)
        patch.setenv("HOME", str(home))
        yield
