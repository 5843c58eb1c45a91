"""What the values of a column look like, by pattern, check digit and spread."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import InvalidInput
from headwater_catalog.confined_tables import looks_of
from headwater_catalog.governance.kinds_of_data import KINDS
from headwater_catalog.governance.values import MOST_ROWS, Likeness, looks_like
from headwater_catalog.table_process import ANSWER, TASK, perform

_TODAY = datetime.date(2026, 6, 30)
_EMAILS = [
    "a@example.com",
    "ada.lovelace+x@mail.example.org",
    "b_c@example.co.uk",
    "jö@example.de",
    "d@x-y.io",
]
_PHONES = ["+49 30 1234567", "+1 (415) 555-0132", "0044 20 7946 0958", "030 1234567", "+33 1 23 45 67 89"]
_CARDS = [
    *("4111 1111 1111 1111", "5555555555554444", "378282246310005", "4012-8888-8888-1881"),
    "6011111111111117",
]
_NUMBERS = [4111111111111111, 5555555555554444, 378282246310005, 4012888888881881, 6011111111111117]
_IBANS = [
    *("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR1420041010050500013M02606"),
    *("NL91ABNA0417164300", "ch9300762011623852957"),
]
_IPS = ["192.0.2.1", "198.51.100.7", "2001:db8::1", "::1", "10.0.0.255"]
_PERSONS = [
    *("078-05-1120", "AB 12 34 56 C", "RSSMRA85T10A562S", "12345678Z", "X1234567L", "811228-9874"),
    *("131052-308T", "44051401359", "255081416802538", "85.07.30-033.28", "86095742719"),
]
_WRONG_PERSONS = [
    *("900-05-1120", "DB 12 34 56 C", "RSSMRA85T10A562T", "12345678A", "X1234567M", "811228-9875"),
    *("131052-308U", "44051401358", "255081416802539", "85.07.30-033.29", "86095742718"),
]
_BORN = ["1931-04-05", "1958-11-23", "1974-02-17", "1986-07-30", "1999-12-31", "2004-05-09"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (_EMAILS, "an e-mail address"),
        (_PHONES, "a phone number"),
        (_PERSONS, "a number that identifies a person"),
        (_CARDS, "the number of a payment card"),
        (_NUMBERS, "the number of a payment card"),
        (_IBANS, "a bank account"),
        (_IPS, "an IP address"),
        (_BORN, "a date of birth"),
        (["05.04.1931", *(f"{d[8:]}.{d[5:7]}.{d[:4]}" for d in _BORN)], "a date of birth"),
        (["11/23/1958", "02/17/1974", "07/30/1986", "12/31/1999", "05/29/2004"], "a date of birth"),
        ([datetime.date.fromisoformat(each) for each in _BORN], "a date of birth"),
        ([datetime.datetime.fromisoformat(each) for each in _BORN], "a date of birth"),
    ],
)
def test_values_are_known_by_what_they_are(values: list[Any], kind: str):
    for column in (
        pa.array(values),
        pa.chunked_array([values[:2], values[2:]]),
        pa.array(values).dictionary_encode(),
        *([pa.array(values, pa.string_view())] if isinstance(values[0], str) else []),
    ):
        (found,) = looks_like(column, _TODAY)
        assert found == Likeness(kind, 1.0, len(values))
        assert found.kind in {each.name for each in KINDS}


@pytest.mark.parametrize("number", _PERSONS)
def test_a_number_of_a_person_is_told_from_one_with_a_wrong_digit(number: str):
    wrong = _WRONG_PERSONS[_PERSONS.index(number)]

    assert looks_like(pa.array([number] * 5), _TODAY)[0].kind == "a number that identifies a person"
    assert looks_like(pa.array([wrong] * 5), _TODAY) == ()


@pytest.mark.parametrize(
    "values",
    [
        [
            "4111 1111 1111 1112",
            "5555555555554445",
            "378282246310006",
            "4012-8888-8888-1882",
            "6011111111111118",
        ],
        ["DE89370400440532013001", "GB82WEST12345698765433", "NL91ABNA0417164301", "DE00", "FR14"],
        ["256.0.0.1", "1.2.3", "1:2", "1.2.3.4.5", "a.b.c.d"],
        ["05.01.2024", "06.02.2024", "07.03.2024", "08.04.2024", "09.05.2024"],
        ["01/2024", "02/2024", "03/2024", "04/2024", "05/2024"],
        ["2024-01-05", "05.01.2024", "2024-01-05 10:00", "12:30", "1999-12-31"],
        ["a@", "@b", "a b@example.com", "a@b", "at example.com"],
        ["12345", "0", "99", "3.14", "1e6"],
        [1, 2, 3, 4, 5, 1234567890],
        [1.5, 2.5, 3.5, 4.5, 5.5],
        [True, False, True, False, True],
        [datetime.date(2026, month, 5) for month in range(1, 7)],  # of late
        [datetime.date(year, 1, 1) for year in range(1950, 2020)],  # years
        [datetime.date(year, 6, 12) for year in range(2027, 2090)],  # to come
        [datetime.datetime(year, 6, 12, 10, 30) for year in range(1950, 2020)],  # instants
        list(range(10_000_000_000, 10_000_002_000)),  # numbers one after the other: a tenth has the digit
        _EMAILS[:4],
        [],
        [None] * 10,
    ],
)
def test_what_only_resembles_them_is_none(values: list[Any]):
    assert looks_like(pa.array(values), _TODAY) == ()


def test_a_share_is_told_of_the_values_that_are_there():
    column = pa.array([*_EMAILS * 2, "unknown", None, "", " "])

    (found,) = looks_like(column, _TODAY)
    assert (found.looked_at, round(found.share, 3)) == (11, 0.909)
    assert looks_like(column, _TODAY, least=0.95) == ()


@given(st.lists(st.text(), min_size=5))
def test_any_texts_are_judged(values: list[str]):
    texts = [value.encode("utf-8", "ignore").decode() for value in values]

    for found in looks_like(pa.array(texts), _TODAY, least=0.0):
        assert 0 <= found.share <= 1


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=5))
def test_any_dates_are_judged(days: list[int]):
    for found in looks_like(pa.array(days, pa.int32()).cast(pa.date32()), _TODAY, least=0.0):
        assert 0 <= found.share <= 1


def test_hostile_values_cost_little():
    hostile = ["a" * 100_000, "a@" + "a." * 50_000, "+1" + " 1" * 50_000, "1" * 100_000, "D" * 100_000] * 200
    begin = time.process_time()

    assert looks_like(pa.array(hostile), _TODAY) == ()
    assert time.process_time() - begin < 5


def test_thousands_of_columns_without_such_data_cost_little():
    column = pa.array([f"item {number}" for number in range(1000)])
    begin = time.process_time()

    for _ in range(1000):
        assert looks_like(column, _TODAY) == ()
    assert time.process_time() - begin < 5


# In the process that opens tables


def _file(folder: Path, table: pa.Table) -> Path:
    with pa.ipc.new_file(str(folder / "people.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=4096)
    return folder / "people.arrow"


def test_only_what_values_look_like_leaves_the_process_that_reads_them(tmp_path: Path):
    file = _file(tmp_path, pa.table({"contact": _EMAILS, "plan": ["a", "b", "c", "d", "e"]}))
    found = looks_of(file, "arrow", None, "2026-06-30")
    task = {"task": "look", "path": str(file), "format": "arrow", "schema": None, "today": "2026-06-30"}
    (tmp_path / TASK).write_text(json.dumps(task))
    perform(tmp_path)
    answer = (tmp_path / ANSWER).read_text()

    assert found == [{"column": "contact", "kind": "an e-mail address", "share": 1.0, "looked_at": 5}]
    assert json.loads(answer) == {"found": found}


def test_only_the_first_rows_are_looked_at(tmp_path: Path):
    late = pa.table({"contact": [*["none"] * MOST_ROWS, *_EMAILS * MOST_ROWS]})

    assert looks_of(_file(tmp_path, late), "arrow", None, "2026-06-30") == []


def test_what_is_no_table_is_told(tmp_path: Path):
    (tmp_path / "people.parquet").write_bytes(b"PAR1 and then nothing")

    with pytest.raises(InvalidInput, match="cannot be read as parquet"):
        looks_of(tmp_path / "people.parquet", "parquet", None, "2026-06-30")
