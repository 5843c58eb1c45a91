"""What changed between two commits: a table of states, and the classes that each feature changed in."""

from __future__ import annotations

from itertools import pairwise

import pytest

from headwater_catalog.compare import CLASSES, Comparison, compare
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.revisions import NOTHING
from support.git_repo import GitRepo
from support.revisions import Revisions

BASE = """\
import pandas as pd
from headwater import config, tag
from features.helpers import scale

@tag(owner="growth")
def spend(raw: pd.Series) -> pd.Series:
    '''What we spent.'''
    return scale(raw)

def per_head(spend: pd.Series, heads: int) -> pd.Series:
    return spend / heads

def trend(per_head: pd.Series) -> pd.Series:
    return per_head.diff()

def heads(raw: pd.Series) -> int:
    return len(raw)
"""
HELPERS = "def scale(x):\n    return x * 2\n"
STATE = {"features/spend.py": BASE, "features/helpers.py": HELPERS}
UPSTREAM = {"per_head": ("upstream only",), "trend": ("upstream only",)}

EDITS = {
    "nothing": ([], {}),
    "formatting": (
        [("return spend / heads", "return (spend  /  heads)  # per head")],
        {"per_head": ("formatting",)},
    ),
    "docs": ([("What we spent", "All that we spent")], {"spend": ("docs",)}),
    "tags": ([('"growth"', '"sales"')], {"spend": ("tags",)}),
    "docs and tags": ([("What we", "All we"), ('"growth"', '"sales"')], {"spend": ("tags", "docs")}),
    "logic": ([("return scale(raw)", "return scale(raw) + 1")], {"spend": ("logic",), **UPSTREAM}),
    "logic and docs": (
        [("return scale(raw)", "return raw"), ("What", "All")],
        {"spend": ("logic", "docs"), **UPSTREAM},
    ),
    "type": (
        [("def heads(raw: pd.Series) -> int", "def heads(raw: pd.Series) -> float")],
        {"heads": ("signature",), **UPSTREAM},
    ),
    "parameter": (
        [("def heads(raw: pd.Series)", "def heads(rows: pd.Series)"), ("len(raw)", "len(rows)")],
        {"heads": ("logic", "signature"), **UPSTREAM},
    ),
    "both": (
        [("return scale(raw)", "return raw"), ("per_head.diff()", "per_head.diff(2)")],
        {"spend": ("logic",), "per_head": ("upstream only",), "trend": ("logic",)},
    ),
    "removed": (
        [("def trend(per_head: pd.Series) -> pd.Series:\n    return per_head.diff()\n", "")],
        {"trend": ("removed",)},
    ),
    "renamed": ([("def trend", "def slope")], {"slope": ("moved",)}),
    "renamed with its readers": (
        [("def heads(", "def people("), ("heads: int", "people: int"), ("/ heads", "/ people")],
        {"people": ("moved",), "per_head": ("logic", "signature"), "trend": ("upstream only",)},
    ),
    "a modifier": (
        [("def heads", "@config.when(region='UK')\ndef heads")],
        {"heads": ("logic", "signature"), **UPSTREAM},
    ),
    "a variant more": (
        [
            (
                "def heads(raw: pd.Series) -> int:",
                "@config.when(a=1)\ndef heads__one(raw: pd.Series) -> int:\n    return 1\n\n@config.when_not(a=1)\ndef heads(raw: pd.Series) -> int:",
            )
        ],
        {"heads": ("logic", "signature"), **UPSTREAM},
    ),
}


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Revisions:
    return Revisions(GitRepo(tmp_path_factory.mktemp("revisions")))


def edited(*edits: tuple[str, str]) -> dict[str, str]:
    text = BASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return {**STATE, "features/spend.py": text}


def classes(found: Comparison) -> dict[str, tuple[str, ...]]:
    return {change.key.partition(":")[2]: change.classes for change in found.features}


def change(found: Comparison, name: str):
    (only,) = (change for change in found.features if change.key.endswith(f":{name}"))
    return only


@pytest.mark.parametrize(("edits", "expected"), EDITS.values(), ids=EDITS)
def test_each_feature_changed_in_the_classes_that_people_would_say(revisions, edits, expected):
    before, after = revisions.of(STATE, edited(*edits))

    assert classes(compare(before, after, formatting=True)) == expected


def test_what_was_added_is_what_the_way_back_removes(revisions):
    before, after = revisions.of(
        STATE, edited(("def heads", "def more(raw: pd.Series) -> int:\n    return 1\n\ndef heads"))
    )
    there, back = compare(before, after), compare(after, before)

    assert classes(there) == {"more": ("added",)}
    assert classes(back) == {"more": ("removed",)}
    assert there.added_edges == back.removed_edges != ()
    assert (there.counts, back.counts) == ({"added": 1}, {"removed": 1})


def test_a_first_commit_adds_everything(revisions):
    (first,) = revisions.of(STATE)

    assert set(classes(compare(NOTHING, first)).values()) == {("added",)}
    assert not compare(first, first).features


def test_a_change_of_a_helper_is_one_of_logic_and_names_the_helper(revisions):
    before, after = revisions.of(STATE, {**STATE, "features/helpers.py": HELPERS.replace("2", "3")})
    found = compare(before, after)

    assert classes(found) == {"spend": ("logic",), **UPSTREAM}
    assert change(found, "spend").because == ("features.helpers.scale changed",)
    assert change(found, "trend").upstream == ("features.spend:spend",)


def test_a_helper_of_another_module_in_the_place_of_one_is_told(revisions):
    after = {
        **edited(("features.helpers", "features.others")),
        "features/others.py": HELPERS.replace("2", "3"),
    }
    found = compare(*revisions.of(STATE, after))

    assert change(found, "spend").because == (
        "it reaches features.others.scale now",
        "it no longer reaches features.helpers.scale",
    )


def test_the_nearest_changes_upstream_are_named_and_nothing_beyond_them(revisions):
    edits = [
        ("return scale(raw)", "return raw"),
        ("return spend / heads", "return spend // heads"),
        ("len(raw)", "len(raw) + 1"),
    ]
    found = compare(*revisions.of(STATE, edited(*edits)))

    assert change(found, "trend").upstream == ("features.spend:per_head",)
    assert set(change(found, "per_head").upstream) == {"features.spend:heads", "features.spend:spend"}


def test_a_module_that_moves_takes_its_features_along_and_changes_nothing_else(revisions):
    moved = {"features/money.py": BASE, "features/helpers.py": HELPERS}
    found = compare(*revisions.of(STATE, moved))

    assert classes(found) == dict.fromkeys(("heads", "per_head", "spend", "trend"), ("moved",))
    assert change(found, "spend").origin == "features.spend:spend"
    assert list(found.moved) == [f"features.spend:{name}" for name in ("heads", "per_head", "spend", "trend")]
    assert (found.added_edges, found.removed_edges) == ((), ())


def test_a_feature_that_is_moved_and_documented_is_both(revisions):
    text = BASE.replace("What we spent", "All that we spent")
    found = compare(*revisions.of(STATE, {"features/money.py": text, "features/helpers.py": HELPERS}))

    assert change(found, "spend").classes == ("moved", "docs")


def test_an_input_that_becomes_a_feature_reaches_who_reads_it(revisions):
    found = compare(
        *revisions.of(
            STATE, edited(("def heads", "def raw(table: int) -> pd.Series:\n    return table\n\ndef heads"))
        )
    )

    assert classes(found) == {
        "raw": ("added",),
        "spend": ("upstream only",),
        "heads": ("upstream only",),
        **UPSTREAM,
    }
    assert change(found, "heads").because == ("'raw' comes from features.spend:raw in place of input:raw",)
    assert change(found, "heads").upstream == ("features.spend:raw",)


def test_what_a_dataflow_says_is_compared(revisions):
    project = '[tool.headwater.dataflows.d]\nmodules = ["features.spend"]\nconfig = { heads = 1 }\noutputs = ["trend"]\n'
    other = project.replace("heads = 1", "heads = 2").replace('["trend"]', '["trend", "spend"]')
    more = project + '[tool.headwater.dataflows.e]\nmodules = ["features.spend"]\n'
    first, second, third = revisions.of(
        *({**STATE, "pyproject.toml": text} for text in (project, other, more))
    )

    (changed,) = compare(first, second).dataflows
    (added,) = compare(first, third).dataflows

    assert changed.details == ("output spend was added", "configuration 'heads' is 2, and was 1")
    assert (added.name, added.change) == ("e", "added")
    assert change(compare(first, second), "per_head").because == (
        "the configuration 'heads' is 2, and was 1",
    )


def test_both_sides_of_a_merge_are_compared_with_it(revisions):
    repo = revisions.repo
    revisions.commit(STATE)
    repo.branch("side")
    (side,) = revisions.commit(edited(("len(raw)", "len(raw) + 1")))
    repo.checkout("main")
    (main,) = revisions.commit(edited(("What we spent", "All that we spent")))
    merged = repo.merge("side", "Merge")
    on_main, on_side, both = revisions.read(main, side, merged)

    assert classes(compare(on_main, both)) == {"heads": ("logic",), **UPSTREAM}
    assert classes(compare(on_side, both)) == {"spend": ("docs",)}


def chain(count: int, edit: str = "") -> dict[str, str]:
    """Return features in layers of ten, each of which reads two of the layer above."""
    lines = [
        f"def f0(raw: int) -> int:\n    return raw{edit}\n",
        "def g0(raw: int) -> int:\n    return raw\n",
    ]
    for number in range(1, count // 2):
        lines.append(f"def f{number}(f{number - 1}: int, g0: int) -> int:\n    return f{number - 1} + g0\n")
        lines.append(f"def g{number}(g{number - 1}: int) -> int:\n    return g{number - 1}\n")
    return {"features/chain.py": "\n".join(lines)}


def test_one_root_of_two_hundred_features_that_changes_is_felt_downstream_and_nowhere_else(revisions):
    before, after = revisions.of(chain(200), chain(200, edit=" + 1"))
    found = compare(before, after)
    downstream = {key.partition(":")[2] for key in after.snapshot.graph.closure("features.chain:f0").down}

    assert len(after.lineages.hashes) == 200
    assert classes(found) == {"f0": ("logic",), **dict.fromkeys(downstream, ("upstream only",))}
    assert len(downstream) == 99
    assert found.counts == {"logic": 1, "upstream only": 99}
    assert {c.upstream for c in found.features} == {(), ("features.chain:f0",)}


def test_the_classes_come_in_the_order_of_the_list(revisions):
    before, after = revisions.of(
        STATE, edited(("return scale(raw)", "return 1"), ("What", "All"), ('"growth"', '"x"'))
    )
    found = change(compare(before, after), "spend").classes

    assert list(found) == sorted(found, key=CLASSES.index)


def test_hashes_alone_tell_what_is_felt(revisions):
    """What has equal hashes on both sides is never told to be changed in meaning."""
    states = [STATE, *(edited(*edits) for edits, _ in EDITS.values())]
    found = revisions.of(*states)

    for before, after in pairwise(found):
        told = {
            c.key for c in compare(before, after).features if c.is_of_meaning or "upstream only" in c.classes
        }
        assert told == meaning_another(before, after)


def meaning_another(before: Revision, after: Revision) -> set[str]:
    moved = compare(before, after).moved
    old = {moved.get(key, key): found for key, found in before.lineages.hashes.items()}
    new = after.lineages.hashes
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def test_formatting_is_told_only_where_somebody_asks(revisions):
    edit = ("return spend / heads", "return (spend / heads)")
    before, after, both = revisions.of(STATE, edited(edit), edited(edit, ("return scale(raw)", "return raw")))

    assert compare(before, after).features == ()
    assert classes(compare(before, both)) == {"spend": ("logic",), **UPSTREAM}
    assert change(compare(before, both, formatting=True), "per_head").classes == (
        "formatting",
        "upstream only",
    )
