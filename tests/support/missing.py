"""What happens to a test whose browser or database is not on this machine."""

import os
from typing import NoReturn

import pytest


def missing(what: str, cure: str) -> NoReturn:
    """Skip the test, saying what it lacks and what to install; in continuous integration, fail it."""
    reason = f"{what} was not found: {cure}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{reason} (CI=true, so this is no skip)", pytrace=False)
    pytest.skip(reason)
