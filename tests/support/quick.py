"""Parameters of which the slow tests have more than the others."""

from collections.abc import Iterable

import pytest

__all__ = ["first_quick"]


def first_quick(*values: object) -> Iterable[object]:
    """Give the values of a parameter, all but the first of them for the slow tests alone."""
    return [values[0], *(pytest.param(value, marks=pytest.mark.slow) for value in values[1:])]
