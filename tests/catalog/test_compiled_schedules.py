"""Schedules: what all orchestrators understand alike is taken, and all else is told."""

import pytest

from headwater.errors import InvalidInput
from headwater_catalog.compiled.schedules import require_schedule


@pytest.mark.parametrize(
    "schedule",
    [
        "0 6 * * 1",
        "@daily",
        "*/15 8-18 * * mon-FRI",
        "0 0 1,15 jan,Jul *",
        "5-50/15 0 * * *",
        "59 23 31 12 6",
    ],
)
def test_what_all_understand_is_taken(schedule: str):
    assert require_schedule(f" {schedule.replace(' ', '  ')} ") == schedule


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("every monday", "2 parts and not 5"),
        ("", "0 parts"),
        ("60 * * * *", "'60' is no minute"),
        ("0 24 * * *", "no hour"),
        ("0 0 0 * *", "no day of the month"),
        ("0 0 * 13 *", "no month"),
        ("0 0 * * 7", "no day of the week"),
        ("0 0 * * fri-mon", "no range"),
        ("10-5 * * * *", "no range"),
        ("*/0 * * * *", "no step"),
        ("*/70 * * * *", "no step"),
        ("5/10 * * * *", "no range"),
        ("0 6 * mon *", "no month"),
        ("0 6 ? * L", "no day of the month"),
        ("1,,2 * * * *", "'' is no minute"),
        ("\u0661 * * * *", "no minute"),
        ("@reboot", "1 parts"),
        ("0 6 * * $(id)", "no day of the week"),
    ],
)
def test_what_one_of_them_would_not_take_is_told(schedule: str, words: str):
    with pytest.raises(InvalidInput, match="no schedule in the words of cron") as told:
        require_schedule(schedule)

    assert words in str(told.value)
