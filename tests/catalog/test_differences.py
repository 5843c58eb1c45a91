"""What differs between two states of a feature, in words."""

from dataclasses import replace

import pytest

from headwater_catalog.commit_snapshots import read_commit
from headwater_catalog.differences import pair_variants, signature_differences, tag_differences
from headwater_catalog.git import GitSource
from headwater_catalog.views import PartView
from support.git_repo import GitRepo

CODE = """\
from headwater import config, extract_columns, tag
import pandas as pd

@tag(owner="growth", level="gold")
@config.when(region="UK")
def spend(raw: float, days: int) -> float:
    return raw / days

@extract_columns("a", "b")
def table(raw: float) -> pd.DataFrame:
    return pd.DataFrame()
"""
EDITS = [
    ("-> float:\n    return raw", "-> int:\n    return raw", ["its type is int, and was float"]),
    ('region="UK"', 'region="US"', ['it exists where region = "US", and existed where region = "UK"']),
    ('@config.when(region="UK")\n', "", ['it exists always, and existed where region = "UK"']),
    ("raw: float, days", "raw: int, days", ["it asks for raw as int, and did as float"]),
    ("days: int)", "days: int = 7)", ["days is optional now"]),
    ("days", "weeks", ["it needs weeks now", "it no longer needs days"]),
    ('owner="growth"', 'owner=["growth", "sales"]', ["tag owner is growth, sales, and was growth"]),
    (', level="gold"', ', pii="true"', ["tag level is gone; it was gold", "tag pii is new: true"]),
    ("return raw / days", "return days / raw", []),
]


@pytest.mark.parametrize(("old", "new", "expected"), EDITS)
def test_what_differs_is_said(tmp_path, old: str, new: str, expected: list[str]):
    repo = GitRepo(tmp_path)
    assert old in CODE
    shas = [repo.commit("State", files={"m.py": text}) for text in (CODE, CODE.replace(old, new))]
    with GitSource(repo.path / ".git") as source:
        before, after = (read_commit(source, sha).variants["m:spend"][0] for sha in shas)

    assert [*signature_differences(before, after), *tag_differences(before, after)] == expected


def test_parts_that_come_go_and_change_are_said(tmp_path):
    repo = GitRepo(tmp_path)
    sha = repo.commit("State", files={"m.py": CODE})
    with GitSource(repo.path / ".git") as source:
        (feature,) = read_commit(source, sha).variants["m:spend"]
    parts = {name: PartView(name, "int", "") for name in ("spend_raw", "spend_min", "spend_max")}
    before = replace(feature, parts=(parts["spend_raw"], parts["spend_min"]))
    after = replace(feature, parts=(replace(parts["spend_raw"], type="float"), parts["spend_max"]))

    assert list(signature_differences(before, after)) == [
        "it has a part spend_max now",
        "it has no part spend_min any more",
        "its part spend_raw is float, and was int",
    ]


def test_a_renamed_function_goes_on_and_others_stand_alone(tmp_path):
    repo = GitRepo(tmp_path)
    shas = [
        repo.commit("State", files={"m.py": text})
        for text in (CODE, CODE.replace("def spend", "def cost"), CODE + CODE.replace("spend", "spend__b"))
    ]
    with GitSource(repo.path / ".git") as source:
        first, renamed, more = (read_commit(source, sha).variants for sha in shas)

    ((old, new),) = pair_variants(first["m:spend"], renamed["m:cost"])
    assert old and new and (old.variant, new.variant) == ("spend", "cost")
    pairs = pair_variants(first["m:spend"], more["m:spend"])
    assert sorted((a.variant if a else "", b.variant if b else "") for a, b in pairs) == [
        ("", "spend__b"),
        ("spend", "spend"),
    ]
