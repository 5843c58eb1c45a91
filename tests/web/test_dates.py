"""Instants and stretches of time in words."""

import pytest

from headwater_web.dates import ago, day, duration, iso, moment

_DAY = 86400


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (2 * 3600, "2 hours ago"),
        (_DAY, "1 day ago"),
        (13 * _DAY, "1 week ago"),
        (45 * _DAY, "1 month ago"),
        (800 * _DAY, "2 years ago"),
    ],
)
def test_ages_are_told_in_their_largest_unit(seconds: int, words: str):
    assert ago(1_000_000_000, 1_000_000_000 + seconds) == words


def test_instants_are_told_in_universal_time():
    assert (iso(0), day(0), moment(0)) == ("1970-01-01T00:00:00Z", "1970-01-01", "1970-01-01 00:00 UTC")


@pytest.mark.parametrize(
    ("microseconds", "words"),
    [(7, "7 µs"), (1500, "1.5 ms"), (2_340_000, "2.34 s"), (125_000_000, "2 min 5 s")],
)
def test_durations_are_told_in_the_unit_of_their_size(microseconds: int, words: str):
    assert duration(microseconds) == words
