"""Parameters that the slow tests have more than the others."""

import pytest

__all__ = ["slow"]


def slow(*values: object) -> list[object]:
    """Give values of a parameter for the slow tests alone."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
