"""Where the columns of queries come from, as `sql_lineage.txt` says it."""

from pathlib import Path

import pytest

from headwater_catalog.logical.sql_lineage import query_lineage

_KNOWN = {"users": ("id", "email"), "sales.orders": ("id", "amount", "user_id")}


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
    assert len(_cases()) == 25


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select 1 as a" + " " * 50_000, "more than"),
        ("select " + "(" * 5_000 + "a" + ")" * 5_000 + " as a from t", "nested too deeply"),
    ],
)
def test_what_is_too_large_is_told(query, told):
    found = query_lineage(query, {})

    assert not found.columns
    assert told in found.told[0]
