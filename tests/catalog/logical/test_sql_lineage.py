"""Where the columns of queries come from, as `sql_lineage.txt` says it."""

from pathlib import Path

import pytest

from headwater_catalog.logical.sql_lineage import query_lineage

_KNOWN = {"users": ("id", "email"), "sales.orders": ("id", "amount", "user_id")}


def _names(letter: str, count: int) -> str:
    return ",".join(f"{letter}{number}" for number in range(count))


def _cases() -> list[tuple[str, set[str]]]:
    text = (Path(__file__).parent / "sql_lineage.txt").read_text()
    blocks = [block.strip().split("\n") for block in text.split("\n\n")]
    cases = []
    for block in blocks:
        lines = [line for line in block if not line.startswith("#")]
        query = [line for line in lines if " = " not in f"{line} " or "select" in line.lower()]
        query = [line for line in query if not line.startswith(("!", "open "))]
        if query:
            cases.append(("\n".join(query), {line.strip() for line in lines if line not in query}))
    return cases


@pytest.mark.parametrize(("query", "expected"), _cases(), ids=lambda it: it if isinstance(it, str) else "")
def test_columns_of_a_query_come_from_these(query, expected):
    found = query_lineage(query, _KNOWN)

    told = {
        f"{name} = {', '.join('.'.join(each) for each in sorted(origins))}".strip()
        for name, origins in found.columns.items()
    }
    told |= {f"open {table}" for table in found.open} | {f"! {text}" for text in found.told}
    assert told == expected


def test_all_cases_are_read():
    assert len(_cases()) == 60


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select 1 as a" + " " * 50_000, "more than"),
        ("select " + "(" * 5_000 + "a" + ")" * 5_000 + " as a from t", "nested too deeply"),
        ("select " + "array[" * 40 + "a" + "]" * 40 + " as a from t", "take too long"),
        (f"select {'+'.join('a' * 20_000)} as x from t t t t", "take too long"),
        (f"select {_names('c', 2_000)} from {_names('t', 2_000)}", "take too long"),
        (
            f"with a as (select {'+'.join(f'c{n}' for n in range(2_000))} as s from t), "
            f"b as (select {','.join(f's + {n} as s{n}' for n in range(2_000))} from a) select * from b",
            "take too long",
        ),
    ],
    ids=["long", "deep", "back and forth", "none", "wide", "many origins"],
)
def test_what_is_too_large_is_told(query, told):
    found = query_lineage(query, {})

    assert not found.columns
    assert told in found.told[0]


def test_tables_that_come_together_again_and_again_are_told_once():
    doubled = ", ".join(f"a{n} as (select * from a{n - 1} x join a{n - 1} y)" for n in range(1, 40))

    found = query_lineage(f"with a0 as (select * from s join t), {doubled} select * from a39", {})

    assert found.open == ("s", "t")


def test_many_tables_that_a_column_may_be_of_are_not_all_told():
    (told,) = query_lineage(f"select a from {_names('t', 5_000)}", {}).told

    assert "'t9' or 4,990 others" in told


def test_nothing_of_a_query_is_logged(caplog):
    query_lineage("if secret a from t", {})
    query_lineage("for secret in x do select * from t", {})

    assert not caplog.records
