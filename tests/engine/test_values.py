"""Values that are known from source text only."""

from typing import Any

import numpy as np
import pytest

from headwater.modifiers import source, value
from headwater.values import MISSING, Reference, Unevaluated, describe, unevaluated_in

UNKNOWN = Unevaluated("limits()", "it is made by a call", 3)


@pytest.mark.parametrize(
    "around",
    [
        UNKNOWN,
        [1, UNKNOWN],
        (UNKNOWN, 2),
        {"a": UNKNOWN},
        {UNKNOWN: 1},
        {"a": [{"b": (UNKNOWN,)}]},
        frozenset({UNKNOWN}),
        source(UNKNOWN),  # type: ignore[arg-type]
        {"a": value([UNKNOWN])},
    ],
)
def test_unevaluated_expression_is_found_wherever_it_hides(around: Any) -> None:
    assert list(unevaluated_in(around)) == [UNKNOWN]


@pytest.mark.parametrize(
    "plain", [1, "a", [1, 2], {"a": None}, source("a"), value(1), Reference("numpy.float64")]
)
def test_known_values_hold_nothing_unevaluated(plain: Any) -> None:
    assert list(unevaluated_in(plain)) == []


def test_what_is_taken_as_a_whole_is_not_looked_into() -> None:
    assert list(unevaluated_in([source(UNKNOWN), value(UNKNOWN)], (source,))) == [UNKNOWN]


def test_live_objects_and_references_read_alike() -> None:
    assert describe(np.float64) == describe(Reference("numpy.float64")) == "numpy.float64"
    assert describe(int) == "int"
    assert describe(UNKNOWN) == "limits()"
    assert describe("text") == "text"
    assert describe(1.5) == "1.5"
    assert repr(MISSING) == "MISSING"
